-- Changes one operator at a time at random places of the pure rooms, in a copy of the tree, and asks the specs: do they notice?
--
--     moontide script spec/mutants/random.lua COUNT SEED [FOLDER]
--
-- Prints each change that survived with its file and line, and the share that was noticed. A change that does not compile is not
-- counted; a spec that ends no more counts as one that noticed. Changes that no spec can notice because the program does the same
-- are listed in spec/mutants/equivalent.txt and left out of the share. The same seed gives the same changes.
local count, seed, folder = tonumber((...)) or 200, tonumber((select(2, ...))) or 1, select(3, ...)
local ROOMS = { "base", "trade", "api", "venue/binance", "sim", "execution", "data" }
-- Tables of data, whose rows only the exchange can tell right from wrong, and C that a spec of these rooms does not run.
local SKIPPED = { ["runtime/venue/binance/symbol_table.c"] = true, ["runtime/base/alloc.c"] = true }
local GOAL, PATIENCE_S = 0.9, 600

-- A room's own specs first: most changes are noticed there, within a second or two.
local SPECS = {
  base = "spec/base spec/api spec/venue",
  trade = "spec/venue spec/sim/filters_and_codes_spec.lua",
  api = "spec/api",
  ["venue/binance"] = "spec/venue spec/sim/filters_and_codes_spec.lua",
  sim = "spec/sim",
  execution = "spec/execution",
  data = "spec/data",
}
local ALL = "spec/base spec/api spec/venue spec/data spec/lua spec/execution spec/strategies spec/sim spec/world/backtest_spec.lua "
  .. "spec/world/fast_forward_spec.lua spec/world/task_spec.lua"

local function run(command)
  -- A mutant may print or take memory without end: only the end of what it prints is kept, and 8 GB is all it gets.
  local bounded = "ulimit -v 8000000; { " .. command .. '\n echo " exit $?"; } 2>&1 | tail -c 65536'
  local pipe = assert(io.popen(bounded, "r"))
  local text = pipe:read "*a"
  pipe:close()
  return tonumber(text:match "exit (%d+)%s*$"), text
end

local function must(command)
  local status, text = run(command)
  if status ~= 0 then error(("%s\n%s"):format(command, text), 0) end
  return text
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- Numbers of our own: the same on every machine.
local state = seed % 2147483647
if state == 0 then state = 1 end
local function below(n)
  for _ = 1, 3 do
    state = (state * 48271) % 2147483647
  end
  return state % n + 1
end

-- ---- places ----

-- { pattern, replacement }: of code without its comments and texts.
local CHANGES = {
  { " < ", " <= " },
  { " <= ", " < " },
  { " > ", " >= " },
  { " >= ", " > " },
  { " == ", " != " },
  { " != ", " == " },
  { " && ", " || " },
  { " || ", " && " },
  { " %+ ", " - " },
  { " %- ", " + " },
  { " %* ", " / " },
  { " / ", " * " },
  { " %+= ", " -= " },
  { " %-= ", " += " },
  { "%f[%w_]true%f[^%w_]", "false" },
  { "%f[%w_]false%f[^%w_]", "true" },
  { "%f[!]!%f[%w_(]", "" },
  { "%f[%w_]0%f[^%w_.]", "1" },
  { "%f[%w_]1%f[^%w_.]", "2" },
}

-- The line with blanks where comments and texts stand, so that a place in it is a place in the line.
local function bare(line)
  line = line:gsub('"[^"]*"', function(s) return (" "):rep(#s) end)
  line = line:gsub("'\\?.'", function(s) return (" "):rep(#s) end)
  local comment = line:find("//", 1, true)
  return comment and line:sub(1, comment - 1) or line
end

-- Only inside functions: a line that is indented and no part of a table, a comment, an assertion or a directive.
local function places_of(path, out)
  local depth_in_function, number = false, 0
  for line in (read(path) .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if line:match "^[%w_].*[%)]%s*{" then depth_in_function = true end
    local code = bare(line)
    local one_line = line:match "^[%w_].*%) {.*}%s*$"
    local usable = (depth_in_function and line:match "^%s+") or one_line
    if
      usable
      and not code:match "ASSERT"
      and not code:match "MUST%("
      and not code:match "^%s*#"
      and not code:match "static const"
    then
      for _, change in ipairs(CHANGES) do
        local at = 1
        while true do
          local first, last = code:find(change[1], at)
          if not first then break end
          out[#out + 1] = { path = path, line = number, first = first, last = last, to = change[2] }
          at = math.max(first + 1, last)
        end
      end
    end
    if line:match "^}" or one_line then depth_in_function = false end
  end
end

local function line_at(text, wanted)
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if number == wanted then return line end
  end
end

local function changed_line(line, place)
  return line:sub(1, place.first - 1) .. place.to .. line:sub(place.last + 1)
end

local function changed_text(text, place)
  local out, number = {}, 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    out[number] = number == place.line and changed_line(line, place) or line
  end
  return (table.concat(out, "\n"):gsub("\n$", "")) .. "\n"
end

-- ---- those that change nothing ----

local function trimmed(s) return (s:gsub("^%s+", ""):gsub("%s+$", "")) end

-- Blocks of three lines: `- file: the line`, `+ the line changed`, and why; a blank line between them.
local function read_equivalent()
  local known = {}
  local file = io.open("spec/mutants/equivalent.txt", "rb")
  if not file then return known end
  local from
  for line in file:lines() do
    if line:match "^%- " then from = trimmed(line:sub(3)) end
    if line:match "^%+ " and from then known[from .. "\n" .. trimmed(line:sub(3))] = true end
  end
  file:close()
  return known
end

-- ---- the run ----

folder = folder or "build/mutants"
local tree = folder .. "/tree"
must(("rm -rf %s && mkdir -p %s/build"):format(tree, tree))
must(("cp -R Makefile runtime lua spec strategies examples docs %s/"):format(tree))
must(('[ ! -e build/clients ] || ln -sfn "$(readlink -f build/clients)" %s/build/clients'):format(tree))
local MAKE = os.getenv "MOONTIDE_MUTANTS_MAKE" or "make"
must(("cd %s && %s all"):format(tree, MAKE))

local places = {}
for _, room in ipairs(ROOMS) do
  local list = must(("ls runtime/%s/*.c"):format(room)):gsub(" exit %d+%s*$", "")
  for path in list:gmatch "%S+" do
    if not SKIPPED[path] then places_of(path, places) end
  end
end

local function specs_pass(files)
  local status = run(
    ("cd %s && MOONTIDE_SIM_ORDERS=2000 timeout %d build/moontide test --jobs 2 %s"):format(
      tree,
      PATIENCE_S,
      files
    )
  )
  return status == 0
end

local function room_of(path)
  local room = path:match "^runtime/(venue/binance)/" or path:match "^runtime/(%w+)/"
  return room
end

if not specs_pass(ALL) then error("the specs fail before anything is changed", 0) end

local equivalent = read_equivalent()
local tried, noticed, left_out, survivors, seen = 0, 0, 0, {}, {}
while tried < count do
  local place = places[below(#places)]
  local id = ("%s:%d:%d:%s"):format(place.path, place.line, place.first, place.to)
  if not seen[id] then
    seen[id] = true
    local text = read(place.path)
    local before = line_at(text, place.line)
    local after = changed_line(before, place)
    local key = ("%s: %s\n%s"):format(place.path, trimmed(before), trimmed(after))
    if equivalent[key] then
      left_out = left_out + 1
    else
      local copy = tree .. "/" .. place.path
      write(copy, changed_text(text, place))
      if run(("cd %s && %s all"):format(tree, MAKE)) == 0 then
        tried = tried + 1
        if specs_pass(SPECS[room_of(place.path)]) and specs_pass(ALL) then
          survivors[#survivors + 1] = { place = place, before = trimmed(before), after = trimmed(after) }
          print(
            ("%s:%d survived\n  - %s\n  + %s"):format(place.path, place.line, trimmed(before), trimmed(after))
          )
          io.stdout:flush()
        else
          noticed = noticed + 1
        end
      end
      write(copy, text)
    end
  end
end
must(("cd %s && %s all"):format(tree, MAKE))
print(
  ("%d of %d changes were noticed (%.1f %%), %d equivalent ones left out, seed %d"):format(
    noticed,
    tried,
    100 * noticed / tried,
    left_out,
    seed
  )
)
os.exit(noticed / tried >= GOAL and 0 or 1)

-- Changes one operator at a time at random places of the pure rooms, in a copy of the tree, and asks the specs: do they notice?
--
--     moontide script spec/mutants/random.lua COUNT SEED [FOLDER]    COUNT places drawn by SEED
--     moontide script spec/mutants/random.lua again FILE [FOLDER]    the changes of a list of survivors once more
--
-- Only the changed file is compiled. A change that does not compile, or whose object is the same byte for byte, is not counted.
-- The specs run one file at a time until one fails: that named like the changed file first, then its room's, cheap ones before
-- dear ones, then the rest. Each may take a few times the processor time of its clean run; what takes longer, or more memory, has
-- noticed. Changes that no spec can notice because the program does the same are listed in spec/mutants/equivalent.txt and left
-- out of the share. The same seed gives the same changes of the same tree. Survivors are written to FOLDER/survivors.txt, in the
-- form that equivalent.txt has and `again` reads.
package.path = "./?.lua;" .. package.path
local places = require "spec.mutants.places"

local count, seed, folder =
  tonumber((...)), tonumber((select(2, ...))) or 1, select(3, ...) or "build/mutants"
local list = (...) == "again" and assert(select(2, ...), "again: name a list of survivors")
count = count or 200

local ROOMS = { "base", "trade", "api", "venue/binance", "sim", "execution", "data" }
-- Tables of data, whose rows only the exchange can tell right from wrong, and C that a spec of these rooms does not run.
local SKIPPED = { ["runtime/venue/binance/symbol_table.c"] = true, ["runtime/base/alloc.c"] = true }
local GOAL = 0.9
-- What a spec may take with a change in place: so many times its clean run's processor time, and some seconds.
local TIMES, AND_SECONDS = 4, 5

-- The folders (or files) whose specs run a room's code, the nearest first. A spec that takes longer than DEAR_S of processor time is
-- left out: it would notice more, but a round would take an hour.
local DEAR_S = tonumber(os.getenv "MOONTIDE_MUTANTS_DEAR_S") or 10
local SPECS = {
  base = { "base", "api", "venue", "sim" },
  trade = { "trade", "venue", "sim", "execution" },
  api = { "api", "virtual" },
  ["venue/binance"] = { "venue", "sim", "virtual" },
  sim = {
    "sim",
    "strategies",
    "world/backtest_spec.lua",
    "world/fast_forward_spec.lua",
    "lua/testing_spec.lua",
  },
  execution = { "execution", "virtual" },
  data = { "data", "world/backtest_spec.lua", "lua/testing_spec.lua" },
}

-- Status, output and processor seconds of a command. A mutant may print or take memory without end: only the end of what it
-- prints is kept, and 4 GB is all it gets.
local function run(command, cpu_s)
  local bounded = ('( ulimit -v 4000000; %s { %s\n echo " exit $?"; } 2>&1 | tail -c 65536 ); times'):format(
    cpu_s and ("ulimit -t %d;"):format(cpu_s) or "",
    command
  )
  local pipe = assert(io.popen(bounded, "r"))
  local text = pipe:read "*a"
  pipe:close()
  local output, status, user_min, user_s, sys_min, sys_s =
    text:match "^(.*) exit (%d+)%s+%d+m[%d.]+s %d+m[%d.]+s%s+(%d+)m([%d.]+)s (%d+)m([%d.]+)s%s*$"
  if not status then return 1, text, 0 end -- killed before it could say
  return tonumber(status), output, user_min * 60 + user_s + sys_min * 60 + sys_s
end

local function must(command)
  local status, text = run(command)
  if status ~= 0 then error(("%s\n%s"):format(command, text), 0) end
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

local function trimmed(s) return (s:gsub("^%s+", ""):gsub("%s+$", "")) end

-- Blocks of three lines: `- file: the line`, `+ the line changed`, and why; a blank line between them.
local function read_changes(path)
  local known, in_order = {}, {}
  local file = io.open(path, "rb")
  if not file then return known, in_order end
  local from
  for line in file:lines() do
    if line:match "^%- " then from = trimmed(line:sub(3)) end
    if line:match "^%+ " and from then
      local key = from .. "\n" .. trimmed(line:sub(3))
      known[key] = true
      in_order[#in_order + 1] = key
    end
  end
  file:close()
  return known, in_order
end

-- ---- the copy ----

local tree = folder .. "/tree"
-- Without what is for debuggers: two objects are then the same when their code is.
local MAKE = "nice make --no-print-directory CFLAGS=-O2"

local function copy_tree()
  must(("rm -rf %s && mkdir -p %s/build"):format(tree, tree))
  must(("cp -R Makefile runtime lua spec strategies examples docs %s/"):format(tree))
  must(('[ ! -e build/clients ] || ln -sfn "$(readlink -f build/clients)" %s/build/clients'):format(tree))
  must(("cd %s && %s all"):format(tree, MAKE))
end

local function object_of(path) return "build/obj/" .. path:match "^runtime/(.*)%.c$" .. ".o" end

-- Compiles one changed file. "same" when the program is what it was, nil when it does not compile.
local function build(path)
  local object = object_of(path)
  if run(("cd %s && cp %s build/clean.o && %s %s"):format(tree, object, MAKE, object)) ~= 0 then
    return nil
  end
  if run(("cd %s && cmp -s %s build/clean.o"):format(tree, object)) == 0 then return "same" end
  must(("cd %s && %s build/moontide"):format(tree, MAKE))
  return "changed"
end

local function restore(path, text)
  write(tree .. "/" .. path, text)
  run(
    ("cd %s && [ -e build/clean.o ] && touch build/clean.o && mv build/clean.o %s"):format(
      tree,
      object_of(path)
    )
  )
end

-- ---- the specs ----

local function spec_command(file, wall_s)
  return ("cd %s && MOONTIDE_SIM_ORDERS=2000 MOONTIDE_SWARM_RUNS=2 nice timeout -k 5 %d build/moontide test %s"):format(
    tree,
    wall_s,
    file
  )
end

-- Every spec file that some room asks for, with what it takes when nothing is changed.
local function clean_run()
  local specs, all = {}, {}
  for _, room in ipairs(ROOMS) do
    for _, place in ipairs(SPECS[room]) do
      if not specs[place] then
        specs[place] = {}
        local found = must(("cd %s && find spec/%s -name '*_spec.lua' | LC_ALL=C sort"):format(tree, place))
        for file in found:gmatch "%S+" do
          local status, text, cpu_s = run(spec_command(file, 600), DEAR_S)
          io.stderr:write(("%7.2f s  %s%s\n"):format(cpu_s, file, status == 0 and "" or "  left out"))
          if status ~= 0 and cpu_s < DEAR_S - 1 then io.stderr:write(text) end -- it fails, and would notice everything
          if status == 0 then
            local spec = { file = file, cpu_s = cpu_s, stem = file:match "([^/]+)_spec%.lua$" }
            all[#all + 1] = spec
            table.insert(specs[place], spec)
          end
        end
      end
    end
  end
  if #all == 0 then error("no spec passes before anything is changed", 0) end
  return specs
end

local function room_of(path) return path:match "^runtime/(venue/binance)/" or path:match "^runtime/(%w+)/" end

-- Specs of one rank go by their cost; a dear one waits for the cheap ones of the next rank.
local function in_order_for(path, specs)
  local stem, ranked = path:match "([^/]+)%.c$", {}
  for rank, place in ipairs(SPECS[room_of(path)]) do
    for _, spec in ipairs(specs[place]) do
      local key = (spec.stem == stem and 0 or rank) * 0.5 + spec.cpu_s
      ranked[#ranked + 1] = { spec = spec, key = key, at = #ranked }
    end
  end
  table.sort(ranked, function(a, b)
    if a.key ~= b.key then return a.key < b.key end
    return a.at < b.at
  end)
  return ranked
end

-- The spec file that fails, nil when none does.
local function noticed_by(path, specs)
  for _, ranked in ipairs(in_order_for(path, specs)) do
    local spec = ranked.spec
    local cpu_s = math.ceil(TIMES * spec.cpu_s) + AND_SECONDS
    if run(spec_command(spec.file, 60 + 10 * cpu_s), cpu_s) ~= 0 then return spec.file end
  end
end

-- ---- the run ----

local function all_places()
  local all = {}
  for _, room in ipairs(ROOMS) do
    for path in must(("cd %s && ls runtime/%s/*.c"):format(tree, room)):gmatch "%S+" do
      if not SKIPPED[path] then places.of(tree, path, all) end
    end
  end
  return all
end

local function key_of(place)
  local line = places.line_at(places.read(tree .. "/" .. place.path), place.line)
  return ("%s: %s\n%s"):format(place.path, trimmed(line), trimmed(places.changed_line(line, place)))
end

-- `count` places drawn at random, or those of a list: a function that gives one after the other.
local function chooser(all)
  if list then
    local _, keys = read_changes(list)
    local by_key, i = {}, 0
    for _, place in ipairs(all) do
      by_key[key_of(place)] = place
    end
    return function()
      repeat
        i = i + 1
        if keys[i] and not by_key[keys[i]] then
          print("not there any more: " .. keys[i]:gsub("\n", " -> "))
        end
      until not keys[i] or by_key[keys[i]]
      return by_key[keys[i]]
    end
  end
  local seen, given = {}, 0
  return function(counted)
    if counted >= count or given == #all then return nil end
    local place
    repeat
      place = all[below(#all)]
    until not seen[place]
    seen[place], given = true, given + 1
    return place
  end
end

copy_tree()
local specs = clean_run()
local known = read_changes "spec/mutants/equivalent.txt"
local next_place = chooser(all_places())
local tried, noticed, listed, same, survivors = 0, 0, 0, 0, {}

local function try(place)
  local key = key_of(place)
  if known[key] and not list then
    listed = listed + 1
    return
  end
  local text = places.read(tree .. "/" .. place.path)
  write(tree .. "/" .. place.path, places.changed_text(text, place))
  local built = build(place.path)
  if built == "changed" then
    tried = tried + 1
    local by = noticed_by(place.path, specs)
    noticed = noticed + (by and 1 or 0)
    local before, after = key:match "^[^:]*: (.*)\n(.*)$"
    print(
      ("%d %s:%d %s\n  - %s\n  + %s"):format(tried, place.path, place.line, by or "SURVIVED", before, after)
    )
    io.stdout:flush()
    if not by then survivors[#survivors + 1] = ("- %s\n+ %s\n"):format(key:match "^(.*)\n", after) end
  elseif built == "same" then
    same = same + 1
  end
  restore(place.path, text)
end

while true do
  local place = next_place(tried)
  if not place then break end
  try(place)
end
write(folder .. "/survivors.txt", table.concat(survivors, "\n"))
print(
  ("%d of %d changes were noticed (%.1f %%); left out: %d that compile to the same code, %d listed as equivalent; seed %d"):format(
    noticed,
    tried,
    100 * noticed / math.max(tried, 1),
    same,
    listed,
    seed
  )
)
os.exit(noticed >= GOAL * tried and 0 or 1)

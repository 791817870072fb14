-- Changes one operator at a time at random places of the pure rooms, in a copy of the tree, and asks the specs: do they notice?
--
--     moontide script spec/mutants/random.lua COUNT SEED [FOLDER]    COUNT places drawn by SEED
--     moontide script spec/mutants/random.lua again FILE [FOLDER]    the changes of a list of survivors once more
--
-- Only the changed file is compiled. A change that does not compile, or whose object is the same byte for byte, is not counted.
-- A first round of all specs in a build that counts lines tells which specs run a line; only these are asked, one file at a time
-- until one fails: those that noticed a change of the same file before, that named like it, its room's, then the rest, cheap ones
-- before dear ones. Each may take a few times the processor time of its first round; what takes longer, or more memory, has
-- noticed. Lines that no spec runs are written to FOLDER/not_run.txt. Changes that no spec can notice because the program does the same are listed in spec/mutants/equivalent.txt and left
-- out of the share. The same seed gives the same changes of the same tree. Survivors are written to FOLDER/survivors.txt, in the
-- form that equivalent.txt has and `again` reads.
package.path = "./?.lua;" .. package.path
local coverage = require "spec.mutants.coverage"
local places = require "spec.mutants.places"

local count, seed, folder =
  tonumber((...)), tonumber((select(2, ...))) or 1, select(3, ...) or "build/mutants"
local list = (...) == "again" and assert(select(2, ...), "again: name a list of survivors")
count = count or 200

local ROOMS = { "base", "trade", "api", "venue/binance", "sim", "execution", "data" }
-- Tables of data, whose rows only the exchange can tell right from wrong, and C that a spec of these rooms does not run.
local SKIPPED = { ["runtime/venue/binance/symbol_table.c"] = true, ["runtime/base/alloc.c"] = true }
local GOAL = 0.9
-- What a spec may take with a change in place: so many times the processor time of its first round, and some seconds.
local TIMES, AND_SECONDS = 3, 5

-- The folders and files whose specs run the code of these rooms. One that takes more processor time than DEAR_S in the build that
-- counts is left out: it would notice more, but a round would take an hour.
local DEAR_S = tonumber(os.getenv "MOONTIDE_MUTANTS_DEAR_S") or 20
local SPECS = {
  "base",
  "trade",
  "api",
  "venue",
  "sim",
  "execution",
  "data",
  "virtual",
  "strategies",
  "world/backtest_spec.lua",
  "world/fast_forward_spec.lua",
  "lua/testing_spec.lua",
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

local KEPT = "Makefile runtime lua spec strategies examples docs"

local function files_below(folder_of)
  local pipe = assert(io.popen(("cd %s && find %s -type f"):format(folder_of, KEPT)))
  local text = pipe:read "*a"
  pipe:close()
  return text:gmatch "[^\n]+"
end

-- Only what differs from an earlier copy is written, so that make builds no more than that anew.
local function copy_tree(to, make)
  must(("mkdir -p %s/build && cp -R -n %s %s/"):format(to, KEPT, to))
  local wanted = {}
  for path in files_below "." do
    local text, copy = places.read(path), io.open(to .. "/" .. path, "rb")
    if not copy or copy:read "*a" ~= text then write(to .. "/" .. path, text) end
    if copy then copy:close() end
    wanted[path] = true
  end
  for path in files_below(to) do
    if not wanted[path] then os.remove(to .. "/" .. path) end
  end
  must(('[ ! -e build/clients ] || ln -sfn "$(readlink -f build/clients)" %s/build/clients'):format(to))
  must(("cd %s && %s all"):format(to, make))
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

-- Specs that draw until something is found draw less: a change is noticed by many of them, or by a table of bounds.
local FEWER = "MOONTIDE_SIM_ORDERS=2000 MOONTIDE_SWARM_RUNS=2 MOONTIDE_FLOW_SECONDS=4 MOONTIDE_SCHEDULES=4000"

local function spec_command(in_tree, file, wall_s)
  return ("cd %s && %s nice timeout -k 5 %d build/moontide test --no-keep-going %s"):format(
    in_tree,
    FEWER,
    wall_s,
    file
  )
end

local function all_specs()
  local files = {}
  for _, place in ipairs(SPECS) do
    for file in must(("find spec/%s -name '*_spec.lua' | LC_ALL=C sort"):format(place)):gmatch "%S+" do
      files[#files + 1] = file
    end
  end
  local specs = coverage.of {
    folder = folder,
    rooms = ROOMS,
    files = files,
    copy = function(to, flags) copy_tree(to, "nice make --no-print-directory " .. flags) end,
    run = run,
    command = spec_command,
    dear_s = DEAR_S,
  }
  if #specs == 0 then error("no spec passes before anything is changed", 0) end
  coverage.write_unrun(specs, folder .. "/not_run.txt")
  return specs
end

local function room_of(path) return path:match "^runtime/(venue/binance)/" or path:match "^runtime/(%w+)/" end

local noticed_before = {} -- by path: how many changes of the file each spec noticed

-- Specs of one rank go by their cost; a dear one waits for the cheap ones of the next rank.
local function in_order_for(place, specs)
  local path, ranked = place.path, {}
  local stem, folder_of = path:match "([^/]+)%.c$", "spec/" .. room_of(path):match "^%w+" .. "/"
  local before = noticed_before[path] or {}
  for at, spec in ipairs(specs) do
    if coverage.runs(spec, path, place.line) then
      local rank = (spec.stem == stem and 0) or (spec.file:find(folder_of, 1, true) == 1 and 1) or 2
      ranked[#ranked + 1] = { spec = spec, key = rank + spec.cpu_s - 2 * (before[spec.file] or 0), at = at }
    end
  end
  table.sort(ranked, function(a, b)
    if a.key ~= b.key then return a.key < b.key end
    return a.at < b.at
  end)
  return ranked
end

-- What the specs say when run together, in one process: starting one takes longer than most specs do.
local function fails(specs)
  local files, cpu_s = {}, 0
  for i, spec in ipairs(specs) do
    files[i], cpu_s = spec.file, cpu_s + spec.cpu_s
  end
  cpu_s = math.ceil(TIMES * cpu_s) + AND_SECONDS
  local status, text = run(spec_command(tree, table.concat(files, " "), 60 + 10 * cpu_s), cpu_s)
  return status ~= 0, text
end

-- Of specs that fail together, the one that fails by itself: nil when none does, for what fails only beside others says nothing.
local function culprit(specs, text)
  local named = text:match "%-> (spec/%S+_spec%.lua)"
  for _, spec in ipairs(specs) do
    if (not named or spec.file == named) and fails { spec } then return spec end
  end
  for _, spec in ipairs(specs) do
    if spec.file ~= named and fails { spec } then return spec end
  end
end

-- The spec file that fails, nil and how many were asked when none does.
local function noticed_by(place, specs)
  local ranked, groups = in_order_for(place, specs), {}
  for _, row in ipairs(ranked) do
    local last = groups[#groups]
    if last and #last < 12 and last.cpu_s + row.spec.cpu_s < 3 then
      last[#last + 1] = row.spec
      last.cpu_s = last.cpu_s + row.spec.cpu_s
    else
      groups[#groups + 1] = { row.spec, cpu_s = row.spec.cpu_s }
    end
  end
  for _, group in ipairs(groups) do
    local failed, text = fails(group)
    local spec = failed and (#group == 1 and group[1] or culprit(group, text))
    if spec then
      local before = noticed_before[place.path] or {}
      noticed_before[place.path], before[spec.file] = before, (before[spec.file] or 0) + 1
      return spec.file
    end
  end
  return nil, #ranked
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

copy_tree(tree, MAKE) -- first: the tree it is copied from may change later
local specs = all_specs()
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
    local by, asked = noticed_by(place, specs)
    noticed = noticed + (by and 1 or 0)
    local before, after = key:match "^[^:]*: (.*)\n(.*)$"
    print(
      ("%d %s:%d %s\n  - %s\n  + %s"):format(
        tried,
        place.path,
        place.line,
        by or asked > 0 and ("SURVIVED %d specs"):format(asked) or "SURVIVED: no spec runs it",
        before,
        after
      )
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

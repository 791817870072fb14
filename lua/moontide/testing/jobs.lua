---`moontide test --jobs N`: spec files side by side, each in a process of its own; what they print is told file by file.
local host = require "moontide.lua_host"
local processes = require "moontide.processes"
local quote = require("moontide.shell").quote

local M = {}

local function lines_of(command)
  local pipe = io.popen(command)
  local list = {}
  for line in pipe:lines() do
    list[#list + 1] = line
  end
  pipe:close()
  return list
end

-- What each file took last time, in milliseconds, where somebody wants that to be kept (MOONTIDE_TEST_TIMES): the longest begin
-- first then, so that none is left to run alone at the end.
local function times_read(path)
  local times = {}
  local file = path and io.open(path, "rb")
  for line in file and file:lines() or function() end do
    local spec, ms = line:match "^(.-)\t(%d+)$"
    if spec then times[spec] = tonumber(ms) end
  end
  if file then file:close() end
  return times
end

local function times_write(path, times)
  local file = path and io.open(path, "wb")
  if not file then return end
  for spec, ms in pairs(times) do
    file:write(spec, "\t", ms, "\n")
  end
  file:close()
end

-- Files that start processes, and wait for them more than they compute.
local function waits_of(text)
  for _, name in ipairs { "local_exchange", "live_run", "support.pty", "support.peer", "support.hostile" } do
    if text:find(name, 1, true) then return true end
  end
  return false
end

-- The files of two kinds, the longest first; a file whose time is not known takes a millisecond a byte.
local function in_order(paths, times)
  local words = {}
  for i, path in ipairs(paths) do
    words[i] = quote(path)
  end
  local files = {}
  for i, path in
    ipairs(lines_of("find " .. table.concat(words, " ") .. " -name '*_spec.lua' -type f | LC_ALL=C sort -u"))
  do
    local file = io.open(path, "rb")
    local text = file and file:read "*a" or ""
    if file then file:close() end
    files[i] = { path = path, number = i, waits = waits_of(text), ms = times[path] or #text }
  end
  table.sort(files, function(a, b)
    if a.ms ~= b.ms then return a.ms > b.ms end
    return a.number < b.number
  end)
  local waiting, computing = {}, {}
  for _, f in ipairs(files) do
    local list = f.waits and waiting or computing
    list[#list + 1] = f
  end
  return waiting, computing
end

-- Which file begins beside those that run: always one that computes, as long as there are any, and such as wait; they take half a
-- place each, so that they leave the processors as much to do as the others.
local function chooser(waiting, computing, jobs)
  local half = jobs > 1 and 0.5 or 1
  return function(running)
    local load, computes = 0, 0
    for _, f in ipairs(running) do
      load = load + (f.waits and half or 1)
      computes = computes + (f.waits and 0 or 1)
    end
    local room = jobs - load
    if room >= 1 and computing[1] and (computes == 0 or not waiting[1]) then
      return table.remove(computing, 1)
    end
    if room >= half and waiting[1] then return table.remove(waiting, 1) end
    return nil
  end
end

-- Tells of a file that has ended, and adds it to the sum.
local function tell(f, status, sum, seconds)
  local file = io.open(f.out, "rb")
  local text = file and file:read "*a" or ""
  if file then file:close() end
  local passed, failed, rest = text:match "(%d+) passed, (%d+) failed([^\n]*)\n$"
  local skipped = tonumber(rest and rest:match "(%d+) skipped" or 0)
  if not passed then
    passed, failed = 0, 1
  end -- it died
  sum.passed, sum.failed, sum.skipped = sum.passed + passed, sum.failed + failed, sum.skipped + skipped
  local bad = status ~= 0 or tonumber(failed) > 0
  print(
    ("%s  %-44s %4d passed  %6.1f s%s"):format(
      bad and "FAIL" or "ok  ",
      f.path,
      passed,
      seconds,
      skipped > 0 and ("  (%d skipped)"):format(skipped) or ""
    )
  )
  if bad then
    print(text)
  elseif skipped > 0 then
    print((text:gsub("^.-\n\n", ""):gsub("%d+ passed, %d+ failed[^\n]*\n$", "")))
  end
  io.stdout:flush()
end

---Runs the specs of `paths` by at most `jobs` processes at once, and prints the sum of what they say.
---@param exe string this program
---@param paths string[] spec files and folders
---@param options string[] for busted, passed on to each
---@param jobs integer
---@return integer status 1 when something failed
function M.run(exe, paths, options, jobs)
  local kept = os.getenv "MOONTIDE_TEST_TIMES"
  local times = times_read(kept)
  local waiting, computing = in_order(paths, times)
  local results = os.tmpname()
  os.remove(results)
  os.execute("mkdir -p " .. quote(results))
  local words = {}
  for i, option in ipairs(options) do
    words[i] = quote(option)
  end
  local sum = { passed = 0, failed = 0, skipped = 0 }
  local choose = chooser(waiting, computing, jobs)
  processes.run {
    next = function(running)
      local f = choose(running)
      if not f then return nil end
      f.out, f.began = ("%s/%d"):format(results, f.number), host.monotonic()
      f.command = ("%s test %s %s >%s 2>&1 </dev/null"):format(
        quote(exe),
        quote(f.path),
        table.concat(words, " "),
        quote(f.out)
      )
      return f
    end,
    ended = function(f, status)
      local seconds = host.monotonic() - f.began
      times[f.path] = math.floor(seconds * 1000 + 0.5)
      tell(f, status, sum, seconds)
    end,
  }
  times_write(kept, times)
  os.execute("rm -rf " .. quote(results))
  print(
    ("%d passed, %d failed%s"):format(
      sum.passed,
      sum.failed,
      sum.skipped > 0 and (", %d skipped"):format(sum.skipped) or ""
    )
  )
  return (sum.failed > 0 or sum.passed == 0) and 1 or 0
end

return M

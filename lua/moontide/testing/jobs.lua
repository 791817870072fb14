---`moontide test --jobs N`: spec files side by side, each in a process of its own; what they print is told file by file.
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

-- Those that wait for sockets and processes first: they take longest, and more the longer they are.
local function in_order(paths, times)
  local words = {}
  for i, path in ipairs(paths) do
    words[i] = quote(path)
  end
  local all =
    lines_of("find " .. table.concat(words, " ") .. " -name '*_spec.lua' -type f | LC_ALL=C sort -u")
  local guess = {}
  for i, path in ipairs(all) do
    local file = io.open(path, "rb")
    local text = file and file:read "*a" or ""
    if file then file:close() end
    guess[path] = { text:find("local_exchange", 1, true) and #text or 0, i }
  end
  table.sort(all, function(a, b)
    if times[a] ~= times[b] then return (times[a] or 1e12) > (times[b] or 1e12) end -- what is not known might be long
    if guess[a][1] ~= guess[b][1] then return guess[a][1] > guess[b][1] end
    return guess[a][2] < guess[b][2]
  end)
  return all
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
  local files, words = in_order(paths, times), {}
  local list, results = os.tmpname(), os.tmpname()
  os.remove(results)
  os.execute("mkdir -p " .. quote(results))
  local handle = assert(io.open(list, "wb"))
  for i, path in ipairs(files) do
    handle:write(i, " ", path, "\n")
  end
  handle:close()
  for i, option in ipairs(options) do
    words[i] = quote(option)
  end
  -- A line of xargs' is "NUMBER PATH"; the script tells the number when the process has ended.
  local script = ('n=$1; s=$(date +%%s%%N); %s test "$2" %s >%s/$n 2>&1 </dev/null; e=$?; echo "$n $e $(( ($(date +%%s%%N) - s) / 1000000 ))"'):format(
    quote(exe),
    table.concat(words, " "),
    quote(results)
  )
  local pipe = io.popen(("xargs -P %d -L 1 sh -c %s sh <%s"):format(jobs, quote(script), quote(list)))
  local sum = { passed = 0, failed = 0, skipped = 0 }
  for line in pipe:lines() do
    local number, status, ms = line:match "^(%d+) (%d+) (%d+)$"
    times[files[tonumber(number)]] = tonumber(ms)
    local file = io.open(results .. "/" .. number, "rb")
    local text = file and file:read "*a" or ""
    if file then file:close() end
    local passed, failed, rest = text:match "(%d+) passed, (%d+) failed([^\n]*)\n$"
    local skipped = rest and rest:match "(%d+) skipped" or 0
    if not passed then
      passed, failed = 0, 1
    end -- it died
    sum.passed, sum.failed, sum.skipped = sum.passed + passed, sum.failed + failed, sum.skipped + skipped
    local bad = status ~= "0" or tonumber(failed) > 0
    print(
      ("%s  %-44s %4d passed  %6.1f s%s"):format(
        bad and "FAIL" or "ok  ",
        files[tonumber(number)],
        passed,
        ms / 1000,
        tonumber(skipped) > 0 and ("  (%d skipped)"):format(skipped) or ""
      )
    )
    if bad then
      print(text)
    elseif tonumber(skipped) > 0 then
      print((text:gsub("^.-\n\n", ""):gsub("%d+ passed, %d+ failed[^\n]*\n$", "")))
    end
    io.stdout:flush()
  end
  pipe:close()
  times_write(kept, times)
  os.execute("rm -rf " .. quote(results) .. " " .. quote(list))
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

-- All benchmarks, or those that ONLY names, REPEAT times; then minimum, median and maximum of each comparable figure.
--     moontide script spec/bench/run.lua BUILD_FOLDER [check | accept]
-- check: fails when the median of a figure is worse than BASELINE.json's by more than a tenth. accept: writes BASELINE.json.
local build, mode = ...
local cjson = require "cjson"
local host = require "moontide.lua_host"

local folder = host.exe:match "^(.*)/[^/]*/[^/]*$" .. "/spec/bench"
local BASELINE, TOLERANCE = folder .. "/BASELINE.json", 0.1

local function script(name, program)
  return ("'%s' script '%s/%s.lua' %s"):format(
    host.exe,
    folder,
    name,
    program and build .. "/" .. program or ""
  )
end
local parts = {
  { "backtest", script("backtest", "bench_loop") },
  { "limits", build .. "/bench_limits" },
  { "exchange", script("exchange", "bench_fanout") },
  { "live", script("live", "bench_http") },
  { "recording", script "recording" },
}

local function fail(status, text, ...)
  io.stderr:write("bench: ", text:format(...), "\n")
  os.exit(status)
end

local function chosen()
  local only = os.getenv "ONLY"
  if not only or only == "" then return parts end
  local list, names = {}, {}
  for _, part in ipairs(parts) do
    names[#names + 1], names[part[1]] = part[1], part
  end
  for name in only:gmatch "[^, ]+" do
    list[#list + 1] = names[name]
      or fail(2, "ONLY=%s: no such part; there are %s", name, table.concat(names, ", "))
  end
  return list
end

local function median(list)
  local middle = math.floor(#list / 2)
  return #list % 2 == 1 and list[middle + 1] or (list[middle] + list[middle + 1]) / 2
end

-- Runs a part; its figures are added by name to `figures`, and new names to `order`.
local function measure(part, figures, order)
  local path = os.tmpname()
  local status = os.execute(("BENCH_FIGURES='%s' %s"):format(path, part[2]))
  if status ~= 0 then fail(1, "%s ended with status %s", part[1], tostring(status)) end
  for line in io.lines(path) do
    local name, value, better = line:match "^([^\t]+)\t([^\t]+)\t(%a+)$"
    name = part[1] .. ": " .. name
    if not figures[name] then
      figures[name] = { values = {}, better = better, part = part[1] }
      order[#order + 1] = name
    end
    table.insert(figures[name].values, (assert(tonumber(value), line)))
  end
  os.remove(path)
end

local function read_baseline()
  local file = io.open(BASELINE, "rb")
  if not file then return {} end
  local text = file:read "*a"
  file:close()
  return cjson.decode(text)
end

local function write_baseline(accepted)
  local names, lines = {}, {}
  for name in pairs(accepted) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    lines[i] = ('  %s: { "median": %.6g, "better": "%s" }'):format(
      cjson.encode(name):gsub("\\/", "/"),
      accepted[name].median,
      accepted[name].better
    )
  end
  local temporary = BASELINE .. ".new"
  local file = assert(io.open(temporary, "wb"))
  assert(file:write("{\n", table.concat(lines, ",\n"), "\n}\n"))
  assert(file:close())
  assert(os.rename(temporary, BASELINE))
end

local repeats = tonumber(os.getenv "REPEAT" or "") or 1
if repeats < 1 or repeats % 1 ~= 0 then fail(2, "REPEAT=%s: a count from 1", os.getenv "REPEAT") end
if mode and mode ~= "check" and mode ~= "accept" then fail(2, "'%s': check or accept", mode) end

if mode == "check" and not io.open(BASELINE) then
  fail(1, "nothing was accepted yet (%s); make bench-accept writes it", BASELINE)
end

local figures, order = {}, {}
local list = chosen()
for _ = 1, repeats do
  for _, part in ipairs(list) do
    measure(part, figures, order)
  end
end

local baseline, worse = read_baseline(), 0
print(
  ("\n%-66s %9s %9s %9s %9s"):format(
    "what can be compared with another day",
    "min",
    "median",
    "max",
    "accepted"
  )
)
for _, name in ipairs(order) do
  local f = figures[name]
  table.sort(f.values)
  f.median = median(f.values)
  local before, note = baseline[name], ""
  if before then
    local loss = f.better == "less" and f.median / before.median - 1 or 1 - f.median / before.median
    if loss > TOLERANCE then
      worse = worse + 1
      note = ("  worse by %.0f %%"):format(loss * 100)
    elseif loss < -TOLERANCE then
      note = "  better"
    end
  end
  print(
    ("%-66s %9.4g %9.4g %9.4g %9s%s"):format(
      name .. (f.better == "less" and " (less is better)" or ""),
      f.values[1],
      f.median,
      f.values[#f.values],
      before and ("%.4g"):format(before.median) or "none",
      note
    )
  )
end

if mode == "accept" then
  for name, f in pairs(figures) do
    baseline[name] = f
  end
  write_baseline(baseline)
  print(("accepted: %d figures"):format(#order))
elseif mode == "check" then
  local missing = 0
  for name in pairs(baseline) do
    local part = name:match "^[^:]+"
    for _, p in ipairs(list) do
      if p[1] == part and not figures[name] then
        missing = missing + 1
        io.stderr:write(("bench: %s was not measured\n"):format(name))
      end
    end
  end
  if worse + missing > 0 then
    fail(1, "%d figures are worse by more than a tenth, %d are missing", worse, missing)
  end
  print "no figure is worse by more than a tenth"
end

---`moontide data info` of the folder of data: what is there of each symbol.
local C = require "moontide.core"
local calendar = require "moontide.data.calendar"
local cjson = require "cjson"
local data_folder = require "moontide.backtest.data_folder"
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local progress = require "moontide.data.progress"
local series_folder = require "moontide.data.series_folder"
local spans_of = require "moontide.data.spans"

local M = {}

---Whether the words name symbols of the folder rather than paths.
---@param options table
---@return boolean
function M.about_folder(options)
  local base = data_folder.path(options.folder)
  if #options == 1 then return true end
  for i = 2, #options do
    local word = options[i]
    local symbol = base and word:find "^[%w_\128-\255]+$" and host.file_mode(base .. "/" .. word:upper())
    if host.file_mode(word) or not symbol then return false end
  end
  return true
end

---Whether an option's list names it; no list names all.
---@param list string? "klines,metrics"
---@param name string
---@return boolean
function M.named(list, name)
  return list == nil
    or ("," .. list:lower():gsub("%s", "") .. ","):find("," .. name:lower() .. ",", 1, true) ~= nil
end

---The series of the folder that the options mean.
---@param options table symbols behind the action's name, kinds, interval
---@return SeriesKey[]
---@return string base
function M.chosen(options)
  local base = data_folder.path(options.folder)
  if not base then failures.raise(2, "no folder of data: give --folder DIR, or set MOONTIDE_DATA") end
  local symbols, intervals, list = {}, {}, {}
  for i = 2, #options do
    symbols[options[i]:upper()] = true
  end
  for _, name in ipairs(options.interval or {}) do
    intervals[name] = true
  end
  for _, key in ipairs(series_folder.series(base)) do
    local wanted = (#options == 1 or symbols[key.symbol]) and M.named(options.kinds, key.kind.name)
    if wanted and (not options.interval or key.interval and intervals[key.interval]) then
      list[#list + 1] = key
    end
  end
  return list, base
end

---@class SeriesFacts
---@field symbol string
---@field kind string
---@field interval string?
---@field from_ms number?
---@field to_ms number?
---@field rows number? of bars and funding rates
---@field missing number? bars
---@field gaps integer
---@field files integer
---@field bytes number
---@field damaged { name: string, problem: string }[]

-- How many bars lie in a span of time.
local function bars_in(interval, from, to)
  local count, step = 0, tonumber(C.interval_us(interval))
  if interval < C.INTERVAL_1MO then return math.floor((to - from) / step + 0.5) end
  while from < to do
    from, count = tonumber(C.grid_next(interval, from)), count + 1
  end
  return count
end

---@param base string
---@param key SeriesKey
---@return SeriesFacts
function M.facts(base, key)
  local folder = series_folder.open(base, key)
  folder:save()
  local spans, files, bytes, rows = folder:spans(), folder:list(), 0, 0
  for _, f in ipairs(files) do
    bytes, rows = bytes + f.bytes, rows + (f.rows or 0)
  end
  local out = {
    symbol = key.symbol,
    kind = key.kind.name,
    interval = key.interval,
    gaps = 0,
    files = #files,
    bytes = bytes,
    damaged = folder.damaged,
  }
  if #spans == 0 then return out end
  local from, to = spans[1][1], spans[#spans][2]
  local holes = spans_of.holes(spans, from, to)
  out.from_ms, out.to_ms, out.gaps = from / 1000, to / 1000, #holes
  if key.kind.bars then
    local interval = C.interval_find(key.interval)
    out.rows, out.missing = 0, 0
    for _, s in ipairs(spans) do
      out.rows = out.rows + bars_in(interval, s[1], s[2])
    end
    for _, h in ipairs(holes) do
      out.missing = out.missing + bars_in(interval, h[1], h[2])
    end
  elseif key.kind.rest == "funding" then
    out.rows = rows
  end
  return out
end

local function line(f)
  local gaps = f.gaps == 0 and "none"
    or f.missing and ("%d (%d bars)"):format(f.gaps, f.missing)
    or tostring(f.gaps)
  return ("%-14s %-18s %-4s %-16s  %-16s  %10s  %-16s %10s"):format(
    f.symbol,
    f.kind,
    f.interval or "",
    f.from_ms and calendar.text(f.from_ms * 1000) or "-",
    f.to_ms and calendar.text(f.to_ms * 1000) or "-",
    f.rows and ("%d"):format(f.rows) or "-",
    gaps,
    progress.bytes(f.bytes)
  )
end

---@param options table
---@return integer status
function M.run(options)
  local keys, base = M.chosen(options)
  local list = {}
  for _, key in ipairs(keys) do
    local f = M.facts(base, key)
    if f.files > 0 or #f.damaged > 0 then list[#list + 1] = f end
  end
  if options.json then
    for _, f in ipairs(list) do
      setmetatable(f.damaged, cjson.array_mt)
    end
    print(cjson.encode { folder = base, series = setmetatable(list, cjson.array_mt) })
    return 0
  end
  if #list == 0 then
    print(("%s: nothing there; moontide data download SYMBOL --from TIME"):format(base))
    return 0
  end
  print(
    ("%-14s %-18s %-4s %-16s  %-16s  %10s  %-16s %10s"):format(
      "symbol",
      "kind",
      "",
      "from",
      "to",
      "rows",
      "gaps",
      "size"
    )
  )
  local bytes = 0
  for _, f in ipairs(list) do
    print(line(f))
    for _, bad in ipairs(f.damaged) do
      print("  damaged: " .. bad.problem)
    end
    bytes = bytes + f.bytes
  end
  print(("%d series, %s in %s"):format(#list, progress.bytes(bytes), base))
  return 0
end

return M

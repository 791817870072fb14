---Bars in columns, as C reads them (struct series in data/series.h): made of rows in Lua, and kept as long as the series is.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

---The columns of a bar, in the order of a row's values.
M.names = {
  "open_us",
  "open_e8",
  "high_e8",
  "low_e8",
  "close_e8",
  "volume_e8",
  "quote_volume_e8",
  "trades",
  "taker_volume_e8",
  "taker_quote_volume_e8",
  "volume_high",
  "quote_volume_high",
  "taker_volume_high",
  "taker_quote_volume_high",
}

---A volume in its two columns (base/wide.h).
---@param value number
---@return ffi.cdata*|integer low
---@return integer high
function M.volume(value)
  if value < 4e10 then return C.dec_from_double(value), 0 end
  local high = math.floor(value * 1e8 / 2 ^ 62)
  return ffi.cast("int64_t", value * 1e8 - high * 2 ^ 62), high
end

local kept = setmetatable({}, { __mode = "k" })

---A series of bars, each the columns of a row, oldest first.
---@param symbol string
---@param interval integer
---@param rows table[] of whole numbers; those that a row leaves out are 0
---@return ffi.cdata* series
function M.series(symbol, interval, rows)
  local series, memory = ffi.new "struct series", {}
  ffi.copy(series.symbol, symbol)
  for c, name in ipairs(M.names) do
    memory[c] = ffi.new("int64_t[?]", #rows)
    for i, row in ipairs(rows) do
      memory[c][i - 1] = row[c] or 0
    end
    series[name] = memory[c]
  end
  series.interval, series.interval_us, series.count = interval, C.interval_us(interval), #rows
  kept[series] = memory
  return series
end

return M

---Markets written down in a spec: bars, trades, gaps and fundings as the series a backtest runs on.
local ffi = require "ffi"
local C = require "moontide.core"
local columns = require "moontide.backtest.columns"
local types = require "moontide.options.types"

local M = {}

local kept = setmetatable({}, { __mode = "k" }) -- times and rates live as long as what points to them

local function check_price(value, where)
  if type(value) ~= "number" or value ~= value or value <= 0 or value > 1e9 then
    error(("%s: expected a price above 0, not %s"):format(where, tostring(value)), 0)
  end
  return value
end

-- One bar as { open, high, low, close, volume }; a number is the close of a bar that starts where the last one ended.
local function bar_of(entry, last, where)
  if type(entry) == "number" then
    local close = check_price(entry, where)
    local open = last or close
    return { open, math.max(open, close), math.min(open, close), close, 10 }
  end
  if type(entry) ~= "table" then
    error(
      ("%s: a bar is a close or { open, high, low, close, volume }, not a %s"):format(where, type(entry)),
      0
    )
  end
  local bar = {
    entry[1] or entry.open or last,
    entry[2] or entry.high,
    entry[3] or entry.low,
    entry[4] or entry.close,
    entry[5] or entry.volume or 10,
  }
  for i = 1, 4 do
    check_price(bar[i], where)
  end
  if bar[2] < math.max(bar[1], bar[4]) or bar[3] > math.min(bar[1], bar[4]) then
    error(
      ("%s: high and low must hold open and close (%g %g %g %g)"):format(
        where,
        bar[1],
        bar[2],
        bar[3],
        bar[4]
      ),
      0
    )
  end
  return bar
end

---Bars made of trades: each { seconds from the start, price, quantity }, in time order.
---@param trades table[]
---@param step_s number length of a bar in seconds
---@return table entries bars and gaps, for `series`
function M.bars_of(trades, step_s)
  local entries, current, number = {}, nil, nil
  for i, trade in ipairs(trades) do
    local where = ("trade %d"):format(i)
    if type(trade) ~= "table" or type(trade[1]) ~= "number" or trade[1] < 0 then
      error(where .. ": expected { seconds, price, quantity }", 0)
    end
    local price, index = check_price(trade[2], where), math.floor(trade[1] / step_s)
    if number and index < number then error(where .. " is older than the one before it", 0) end
    if index ~= number then
      local missing = index - (number or -1) - 1
      if missing > 0 then entries[#entries + 1] = { gap = missing } end
      current, number = { price, price, price, price, 0 }, index
      entries[#entries + 1] = current
    end
    current[2], current[3], current[4] = math.max(current[2], price), math.min(current[3], price), price
    current[5] = current[5] + (trade[3] or 1)
  end
  return entries
end

---The series of a symbol.
---@param symbol string
---@param entries table closes, bars and gaps ({ gap = 5 }: five bars are missing)
---@param interval string
---@param start_us number of the first bar
---@return ffi.cdata* series
function M.series(symbol, entries, interval, start_us)
  local kind = C.interval_find(interval)
  if kind < 0 then error(("no such interval '%s'; 1m, 5m, 1h, 1d..."):format(tostring(interval)), 0) end
  if #symbol >= tonumber(C.SERIES_SYMBOL_MAX) or not symbol:find "^%w+$" then
    error(("'%s' is not a symbol"):format(symbol), 0)
  end
  local step_us = tonumber(C.interval_us(kind))
  local bars, at, last = {}, start_us, nil
  for i, entry in ipairs(entries) do
    if type(entry) == "table" and entry.gap then
      at = at + entry.gap * step_us
    else
      local bar = bar_of(entry, last, ("%s, bar %d"):format(symbol, i))
      bar.at, last = at, bar[4]
      bars[#bars + 1] = bar
      at = at + step_us
    end
  end
  if #bars == 0 then error(("%s has no bar"):format(symbol), 0) end
  local e8, rows = C.dec_from_double, {}
  for i, bar in ipairs(bars) do
    local volume, volume_high = columns.volume(bar[5])
    local quote, quote_high = columns.volume(bar[5] * bar[4])
    rows[i] = {
      bar.at,
      e8(bar[1]),
      e8(bar[2]),
      e8(bar[3]),
      e8(bar[4]),
      volume,
      quote,
      1,
      0,
      0,
      volume_high,
      quote_high,
    }
  end
  local series = columns.series(symbol, kind, rows)
  series.price_decimals, series.quantity_decimals = 2, 3
  return series
end

---Fundings of a symbol.
---@param rows table[] { at = seconds from the start, rate = ratio }
---@param start_us number
---@return ffi.cdata* fundings
function M.funding(rows, start_us)
  local f = ffi.new "struct funding_series"
  local times, rates = ffi.new("int64_t[?]", math.max(#rows, 1)), ffi.new("int64_t[?]", math.max(#rows, 1))
  for i, row in ipairs(rows) do
    if type(row) ~= "table" or type(row.at) ~= "number" or type(row.rate) ~= "number" then
      error(("funding %d: expected { at = seconds, rate = ratio }"):format(i), 0)
    end
    times[i - 1], rates[i - 1] = start_us + row.at * 1e6, C.dec_from_double(row.rate)
  end
  f.count, f.time_us, f.rate_e8 = #rows, times, rates
  kept[f] = { times, rates }
  return f
end

---@param text string|number|nil a date as of --from, or milliseconds
---@return number us
function M.start(text)
  if text == nil then return 1672531200000000 end -- 2023-01-01
  return types.time(text)
    or error(("start: '%s' is not a date, such as 2023-02-01 or 2023-02-01T12:30"):format(tostring(text)), 0)
end

return M

---Bars from before a run, or from before a loop over bars: of the data in a backtest, asked of the exchange in paper and live.
local ffi = require "ffi"
local C = require "moontide.core"
local market_module = require "moontide.api.market"

local M = {}

local NewBar = market_module.Bar
local PAGE = 1500 -- as many bars as one answer holds

local columns = { open_us = "open_time", trades = "trades" }
local prices = { open_e8 = "open", high_e8 = "high", low_e8 = "low", close_e8 = "close" }
local volumes = {
  volume = "volume",
  quote_volume = "quote_volume",
  taker_volume = "taker_buy_volume",
  taker_quote_volume = "taker_buy_quote_volume",
}

-- The last of `count` bars of a series that are closed at `now_us`.
local function of_series(series, index, count, now_us)
  local past = tonumber(C.series_at_or_after(series, now_us + 1))
  if past > 0 then
    local open_us = series.open_us[past - 1]
    local end_us = open_us + series.interval_us
    if series.interval == C.INTERVAL_1MO then
      end_us = C.interval_floor(series.interval, open_us + 32 * 86400000000LL)
    end
    if end_us > now_us + 1000 then past = past - 1 end -- a bar's last millisecond is its end
  end
  local list = {}
  for i = math.max(past - count, 0), past - 1 do
    list[#list + 1] = NewBar(series, i, index, false, true)
  end
  return list
end

-- Klines of the exchange as a series that bars can refer to.
local function series_of(rows, symbol, interval)
  local series, memory = ffi.new "struct series", {}
  ffi.copy(series.symbol, symbol)
  series.interval, series.interval_us, series.count = interval, C.interval_us(interval), #rows
  local function column(name)
    memory[name] = ffi.new("int64_t[?]", math.max(#rows, 1))
    series[name] = memory[name]
    return memory[name]
  end
  for name, field in pairs(columns) do
    local to, scale = column(name), name == "open_us" and 1000 or 1
    for i, row in ipairs(rows) do
      to[i - 1] = row[field] * scale
    end
  end
  for name, field in pairs(prices) do
    local to = column(name)
    for i, row in ipairs(rows) do
      to[i - 1] = C.dec_from_double(row[field])
    end
  end
  for name, field in pairs(volumes) do
    local low, high = column(name .. "_e8"), column(name .. "_high")
    for i, row in ipairs(rows) do
      low[i - 1], high[i - 1] = market_module.volume_parts(row[field] or 0)
    end
  end
  return series, memory
end

-- Asks for the last `count` closed bars, a page at a time from the newest back.
local function ask(world, symbol, interval, count)
  local rows, before = {}, nil
  while #rows < count do
    local limit = math.min(count - #rows + (before and 0 or 1), PAGE) -- the newest one is not closed
    local page, err = world.klines { symbol = symbol, interval = interval, limit = limit, endTime = before }
    if not page then return nil, err end
    local now_ms, closed = world:exchange_ms(), {}
    for _, row in ipairs(page) do
      if before or row.close_time < now_ms then closed[#closed + 1] = row end
    end
    if #closed == 0 then break end
    before = closed[1].open_time - 1
    for i = #rows, 1, -1 do
      rows[i + #closed] = rows[i]
    end
    for i, row in ipairs(closed) do
      rows[i] = row
    end
    if #page < limit then break end
  end
  while #rows > count do
    table.remove(rows, 1)
  end
  return rows
end

---The last closed bars before now, oldest first, marked `warmup`; fewer where there are no more.
---@param world World
---@param symbol string
---@param interval string?
---@param count integer
---@return Bar[]? bars
---@return ApiError? err
function M.before(world, symbol, interval, count)
  if count <= 0 then return {} end
  if world.past then
    local index, series = world.past(symbol, interval)
    return of_series(series, index, count, world.view.now_us)
  end
  local index = world.symbol_index[symbol]
  if not index then error(("no symbol '%s' in this run"):format(tostring(symbol)), 3) end
  interval = interval or world.interval or "1m"
  local rows, err = ask(world, symbol, interval, count)
  if not rows then return nil, err end
  local series, memory = series_of(rows, symbol, C.interval_find(interval))
  world.kept = world.kept or {}
  world.kept[#world.kept + 1] = { series, memory } -- bars refer to them for as long as the run lasts
  local list = {}
  for i = 1, #rows do
    list[i] = NewBar(series, i - 1, index, false, true)
  end
  return list
end

return M

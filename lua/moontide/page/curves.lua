---The curves of a page: equity beside buy and hold, days, exposure, the script's indicators.
local C = require "moontide.core"
local figures = require "moontide.report.figures"
local json = require "moontide.report.json"
local pack = require "moontide.page.pack"
local thin = require "moontide.page.thin"

local M = {}

local STRETCHES, STEPS, INDICATOR_POINTS = 1500, 700, 60000

local function listed() return setmetatable({}, json.list) end
local function whole(x) return math.floor(x + 0.5) end

-- The moments that the report's drawdowns name, microseconds.
local function named_moments(r)
  local named = {}
  for _, d in ipairs(r.drawdowns or {}) do
    for _, name in ipairs { "from", "trough", "to" } do
      if d[name] then named[d[name] * 1000] = true end
    end
  end
  for _, name in ipairs { "drawdown_from", "drawdown_to" } do
    if r[name] then named[r[name] * 1000] = true end
  end
  return named
end

---The equity at every bar, thinned so that peaks and troughs stay, with what buy and hold had come to.
---@param r table the result
---@param world World
---@param first_us number
---@param last_us number
---@return table # count; data: packed times (ms), equity (e8) and buy and hold (e4), each as differences; points: of the whole curve
function M.equity(r, world, first_us, last_us)
  local view = world.view
  local count = tonumber(view.point_count)
  local named = named_moments(r)
  local kept = thin.indexes(
    count,
    function(i) return tonumber(view.point_equity_e8[i]) end,
    STRETCHES,
    function(i) return named[tonumber(view.point_us[i])] or false end
  )
  local capital_e8 = tonumber(C.dec_from_double(r.capital))
  local us, equity = { first_us }, { capital_e8 }
  for _, i in ipairs(kept) do
    us[#us + 1], equity[#equity + 1] = tonumber(view.point_us[i]), tonumber(view.point_equity_e8[i])
  end
  local end_e8 = tonumber(C.dec_from_double(r.final_equity))
  us[#us + 1], equity[#equity + 1] = math.max(last_us, us[#us]), end_e8
  local held = figures.buy_and_hold(world.markets, world.symbol_count, us, r.capital)
  local times, values, holds = pack.bytes(), pack.bytes(), pack.bytes()
  local t, v, h = 0, 0, 0
  for i = 1, #us do
    local ms, e4 = math.floor(us[i] / 1000), whole(held[i] * 1e4)
    times:unsigned(ms - t)
    values:signed(equity[i] - v)
    holds:signed(e4 - h)
    t, v, h = ms, equity[i], e4
  end
  times:append(values)
  times:append(holds)
  return { count = #us, points = count, data = times:finish() }
end

---Equity and buy and hold at the end of each UTC day.
---@param world World
---@param capital number
---@param first_us number
---@param last_us number
---@return { time: number[], equity: number[], held: number[] } # milliseconds, USDT
function M.days(world, capital, first_us, last_us)
  local moments, equity = figures.daily(world.view, first_us, last_us)
  local held = figures.buy_and_hold(world.markets, world.symbol_count, moments, capital)
  local days = { time = listed(), equity = listed(), held = listed() }
  for i = 1, #moments do
    days.time[i], days.equity[i], days.held[i] = moments[i] / 1000, equity[i], whole(held[i] * 1e4) / 1e4
  end
  return days
end

-- The last price of a symbol at a moment that does not fall.
local function closes(series)
  local at, count, step = -1, tonumber(series.count), tonumber(series.interval_us)
  return function(us)
    while at + 1 < count and tonumber(series.open_us[at + 1]) + step <= us do
      at = at + 1
    end
    return tonumber(at >= 0 and series.close_e8[at] or series.open_e8[0]) / 1e8
  end
end

---What was held, long and short, as a share of the equity: the most within each of equal stretches of time.
---@param world World
---@param exchange ffi.cdata* struct exchange
---@param first_us number
---@param last_us number
---@return { time: number[], long: number[], short: number[] } # milliseconds, ratios
function M.exposure(world, exchange, first_us, last_us)
  local view, held, price = world.view, {}, {}
  for i = 0, world.symbol_count - 1 do
    price[i] = closes(world.markets[i])
    held[i] = {}
  end
  local point, points = 0, tonumber(view.point_count)
  local function equity_at(us)
    while point + 1 < points and tonumber(view.point_us[point + 1]) <= us do
      point = point + 1
    end
    return points > 0 and tonumber(view.point_equity_e8[point]) / 1e8 or 0
  end
  local out = { time = listed(), long = listed(), short = listed() }
  local long, short = 0, 0
  local function look(us)
    local l, s, equity = 0, 0, equity_at(us)
    for i = 0, world.symbol_count - 1 do
      local p = price[i](us)
      for side = 0, C.POSITION_SIDE_COUNT - 1 do
        local notional = (held[i][side] or 0) * p
        l, s = l + math.max(notional, 0), s + math.max(-notional, 0)
      end
    end
    if equity > 0 then
      long, short = math.max(long, l / equity), math.max(short, s / equity)
    end
  end
  local fill, fills = 0, tonumber(C.exchange_fill_count(exchange))
  for step = 1, STEPS do
    local ends = first_us + (last_us - first_us) * step / STEPS
    long, short = 0, 0
    while fill < fills and tonumber(C.exchange_fill(exchange, fill).time_us) <= ends do
      local f = C.exchange_fill(exchange, fill)
      local quantity = tonumber(f.qty_e8) / 1e8
      local of = held[f.symbol]
      local after = (of[f.position_side] or 0) + (f.side == C.SIDE_BUY and quantity or -quantity)
      of[f.position_side] = math.abs(after) < 5e-9 and 0 or after
      look(tonumber(f.time_us))
      fill = fill + 1
    end
    look(ends)
    out.time[step] = math.floor(ends / 1000)
    out.long[step], out.short[step] = whole(long * 1e5) / 1e5, whole(short * 1e5) / 1e5
  end
  return out
end

-- The range of a symbol's prices.
local function prices(series)
  local low, high = math.huge, 0
  for i = 0, tonumber(series.count) - 1 do
    low, high = math.min(low, tonumber(series.low_e8[i])), math.max(high, tonumber(series.high_e8[i]))
  end
  return low / 1e8, high / 1e8
end

-- One indicator's values, the last of every slot of time.
local function indicator(row, slot_us)
  local most = 0
  for i = 0, row.count - 1 do
    most = math.max(most, math.abs(row.value[i]))
  end
  local unit = most > 0 and most / 1e6 or 1
  local slots, values, before_slot, before, count = pack.bytes(), pack.bytes(), 0, 0, 0
  for i = 0, row.count - 1 do
    -- The value is known at the bar's close, and belongs to the candle that the close ends.
    local slot = math.floor((row.us[i] - 1) / slot_us)
    local last = i == row.count - 1 or math.floor((row.us[i + 1] - 1) / slot_us) ~= slot
    if last then
      local v = whole(row.value[i] / unit)
      slots:unsigned(slot - before_slot)
      values:signed(v - before)
      before_slot, before, count = slot, v, count + 1
    end
  end
  slots:append(values)
  return { count = count, unit = unit, data = slots:finish() }
end

---The script's indicators (self:indicator).
---@param watch Watch
---@param world World
---@param market table[] rows with the candles of each symbol, by index from 1
---@return table[] # label, symbol, interval (ms), with_price: drawn over the candles; packed slots and values
function M.indicators(watch, world, market)
  local list, count = listed(), #watch.indicators
  local index = {}
  for i = 0, world.symbol_count - 1 do
    index[world.symbol_names[i]] = i
  end
  for _, row in ipairs(watch.indicators) do
    local i = index[row.symbol]
    if row.count > 0 and i then
      local candle_us = market[i + 1].whole.interval * 1000
      local span = row.us[row.count - 1] - row.us[0]
      local points = math.min(row.count, span / candle_us)
      local times = math.max(1, math.ceil(points / (INDICATOR_POINTS / count)))
      local low, high = prices(world.markets[i])
      local least, most = math.huge, -math.huge
      for k = 0, row.count - 1 do
        least, most = math.min(least, row.value[k]), math.max(most, row.value[k])
      end
      local out = indicator(row, candle_us * times)
      out.label, out.symbol, out.interval = row.label, row.symbol, candle_us * times / 1000
      out.thinned = times
      out.with_price = least > low * 0.5 and most < high * 2
      list[#list + 1] = out
    end
  end
  return list
end

return M

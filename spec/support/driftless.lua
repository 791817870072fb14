---Made markets without drift, and strategies none of which may earn or lose on them.
---
---A market is cut from a path of many steps a bar, each with the extremes of what a market looked at always does between
---two of them. Of the steps alone the extremes would lie 0.58 of a step's deviation further in on each side, and a stop
---order filled at its own price would gain that much, a limit order lose it, in the market's own truth.
local C = require "spec.support.c"
local testing = require "moontide.testing"

local M = {}

M.PRICE = 30000

-- Two normal numbers (polar method).
local function normals()
  while true do
    local a, b = 2 * math.random() - 1, 2 * math.random() - 1
    local s = a * a + b * b
    if s > 0 and s < 1 then
      local f = math.sqrt(-2 * math.log(s) / s)
      return a * f, b * f
    end
  end
end

-- The highest and the lowest price on the way from one price to another.
local function extremes(from, to, deviation)
  local moved, twice = (to - from) * (to - from), 2 * deviation * deviation
  return (from + to + math.sqrt(moved - twice * math.log(1 - math.random()))) / 2,
    (from + to - math.sqrt(moved - twice * math.log(1 - math.random()))) / 2
end

---Bars of a market whose steps are normal and independent of each other.
---@param o { seed: integer, bars: integer, steps: integer, deviation: number, clustered: boolean? } deviation: of a bar, as a part of the price; clustered: it changes from bar to bar, as of a GARCH(1,1)
---@return number[][] bars open, high, low, close
---@return number[][] marks those of a mark price: the price smoothed over `lag` steps, beside a premium that comes and goes
function M.bars(o)
  math.randomseed(o.seed)
  local marks, mark, premium, chance = {}, nil, 0, o.lag and o.seed or 1
  local function draw() -- of its own, so that the bars stay what they are
    chance = (chance * 16807) % 2147483647
    return chance / 2147483647 - 0.5
  end
  local unit = M.PRICE * o.deviation
  local price, out, variance = M.PRICE, {}, 1
  local floor = math.floor
  for i = 1, o.bars do
    local step = unit * math.sqrt(variance / o.steps)
    local open, high, low, start = price, price, price, price
    mark = mark or price
    local m = { mark, mark, mark, mark }
    for _ = 1, o.steps / 2 do
      local a, b = normals()
      for k = 1, 2 do
        local to = price + (k == 1 and a or b) * step
        local top, bottom = extremes(price, to, o.discrete and 0 or step)
        if top > high then high = top end
        if bottom < low then low = bottom end
        price = to
        if o.lag then
          premium = premium * 0.999 + draw() * unit * 0.01
          mark = mark + (price + premium - mark) / o.lag
          m = { m[1], math.max(m[2], mark), math.min(m[3], mark), mark }
        end
      end
    end
    if o.clustered then
      local moved = (price - start) / unit
      variance = 0.05 + 0.85 * variance + 0.1 * moved * moved
    end
    local function tick(p) return floor(p * 10 + 0.5) / 10 end
    open, price = tick(open), tick(price) -- the ticks it touched
    out[i] = {
      open,
      math.max(open, price, floor(high * 10) / 10),
      math.min(open, price, math.ceil(low * 10) / 10),
      price,
      100,
    }
    marks[i] = m
  end
  return out, marks
end

---@class Driftless
---@field deviation number of a bar, in USDT
---@field bar number seconds
---@field symbol string
---@field trades integer after which it ends

local function price(symbol)
  local t = api.get_ticker_price { symbol = symbol }
  return t and t.price
end
local function order(o) return api.create_order(o) end
local function at_market(symbol, side, quantity)
  return order { symbol = symbol, side = side, type = "MARKET", quantity = quantity }
end
local function held(symbol)
  local rows = api.get_position_info { symbol = symbol }
  return rows and rows[1] and rows[1].positionAmt or 0
end
local function turn(symbol, wanted)
  local delta = wanted - held(symbol)
  if math.abs(delta) < 1e-9 then return true end
  return at_market(symbol, delta > 0 and "BUY" or "SELL", math.abs(delta))
end
local function round(symbol, p) return market.round_price(symbol, p) end
local function other(side) return side == "BUY" and "SELL" or "BUY" end

-- Goes with (sign 1) or against (-1) what the price did since it last looked.
local function polled(pace, sign)
  return function(w)
    return function()
      local last
      for _ = 1, w.trades do
        local now = price(w.symbol)
        if not now then break end
        if last and now ~= last then
          if not turn(w.symbol, (now > last) == (sign > 0) and 1 or -1) then break end
        end
        last = now
        api.sleep(math.max(pace * w.bar, 0.3)) -- the price moves in steps of a quarter of a second
      end
    end
  end
end

-- Knows when straight lines would reach their extremes, and turns there.
local function thirds(sign)
  return function(w)
    local n = 0
    return {
      symbols = { w.symbol },
      interval = w.interval,
      on_bar = function(_, bar)
        if n >= w.trades then return end
        n = n + 1
        api.sleep(0.002)
        local open = price(bar.symbol)
        api.sleep(w.bar / 3)
        local there = price(bar.symbol)
        if not there or there == open then return end
        local side = (there < open) == (sign > 0) and "BUY" or "SELL"
        if not at_market(bar.symbol, side, 1) then return end
        api.sleep(w.bar / 3)
        at_market(bar.symbol, other(side), 1)
      end,
    }
  end
end

-- Each bar, when flat: entries `away` from the close; once in, a stop loss and a target; out at the bar's close, or
-- `leave` of a bar after the entry. `kind` STOP: entries in the direction of the move, LIMIT: against it.
local function entries(o)
  return function(w)
    local away, risk, goal =
      o.away * w.deviation, o.risk and o.risk * w.deviation, o.goal and o.goal * w.deviation
    local n = 0
    local function exits(symbol, side, fill)
      local sign = side == "BUY" and 1 or -1
      if o.trail then
        return order {
          symbol = symbol,
          side = other(side),
          type = "TRAILING_STOP_MARKET",
          quantity = 1,
          callbackRate = math.max(0.1, math.floor(o.trail * w.deviation / M.PRICE * 1000 + 0.5) / 10),
          reduceOnly = true,
        }
      end
      if risk then
        order {
          symbol = symbol,
          side = other(side),
          type = "STOP_MARKET",
          closePosition = true,
          stopPrice = round(symbol, fill - sign * risk),
          workingType = o.marked and "MARK_PRICE" or nil,
        }
      end
      if goal then
        order {
          symbol = symbol,
          side = other(side),
          type = o.take and "TAKE_PROFIT_MARKET" or "LIMIT",
          [o.take and "stopPrice" or "price"] = round(symbol, fill + sign * goal),
          quantity = 1,
          reduceOnly = true,
          workingType = o.marked and o.take and "MARK_PRICE" or nil,
        }
      end
    end
    return {
      symbols = { w.symbol },
      interval = w.interval,
      on_fill = function(self, f)
        local position = self:position(w.symbol)
        if position == 0 or (f.order.reduceOnly or f.order.closePosition) then
          if position == 0 then api.cancel_all_orders { symbol = w.symbol } end
          return
        end
        if self.in_since then return end
        self.in_since = true
        if not o.keep then api.cancel_all_orders { symbol = w.symbol } end
        exits(w.symbol, position > 0 and "BUY" or "SELL", f.price)
        if o.leave then
          api.sleep(o.leave * w.bar)
          turn(w.symbol, 0)
        end
      end,
      on_bar = function(self, b)
        api.cancel_all_orders { symbol = b.symbol }
        if self:position(b.symbol) ~= 0 then turn(b.symbol, 0) end
        self.in_since = nil
        n = n + 1
        if n > w.trades then return end
        if o.market then
          at_market(b.symbol, o.side == "both" and (n % 2 == 0 and "BUY" or "SELL") or o.side, 1)
          return
        end
        for _, side in ipairs(o.side == "both" and { "BUY", "SELL" } or { o.side }) do
          local sign = (side == "BUY") == (o.kind == "STOP") and 1 or -1
          order {
            symbol = b.symbol,
            side = side,
            type = o.kind == "STOP" and "STOP_MARKET" or "LIMIT",
            [o.kind == "STOP" and "stopPrice" or "price"] = round(b.symbol, b.close + sign * away),
            quantity = 1,
            workingType = o.marked and o.kind == "STOP" and "MARK_PRICE" or nil,
          }
        end
      end,
    }
  end
end

-- In and out at moments of its own.
local function moments(w)
  return function()
    local seed = 7
    local function draw()
      seed = (seed * 16807) % 2147483647
      return seed / 2147483647
    end
    for _ = 1, w.trades do
      api.sleep(draw() * w.bar)
      local side = draw() < 0.5 and "BUY" or "SELL"
      if not at_market(w.symbol, side, 1) then break end
      api.sleep(draw() * 0.7 * w.bar)
      if not at_market(w.symbol, other(side), 1) then break end
    end
  end
end

-- Buys where the bar so far closes at its high, sells at its low: what the forming bar shows must foretell nothing.
local function forming(sign)
  return function(w)
    return function()
      for _ = 1, w.trades do
        local rows = api.get_klines { symbol = w.symbol, interval = w.interval, limit = 1 }
        local k = rows and rows[1]
        if not k then break end
        local part = k.high > k.low and (k.close - k.low) / (k.high - k.low) or 0.5
        local wanted = part > 0.7 and sign or part < 0.3 and -sign or 0
        if not turn(w.symbol, wanted) then break end
        api.sleep(0.07 * w.bar)
      end
    end
  end
end

-- The direction of the longer interval, entered inside the shorter one.
local function two_intervals(w)
  return function()
    local n, up = 0, nil
    api.spawn(function()
      for b in market.bars(w.symbol, w.longer) do
        up = b.close > b.open
      end
    end)
    for b in market.bars(w.symbol, w.interval) do
      n = n + 1
      if n > w.trades then break end
      api.sleep(0.2 * w.bar)
      local now = up ~= nil and price(w.symbol)
      if now then
        turn(w.symbol, (now > b.close) == up and 1 or -1)
        api.sleep(0.3 * w.bar)
        turn(w.symbol, 0)
      end
    end
  end
end

-- A second symbol is traded by what the first one did.
local function two_symbols(w)
  return function()
    local last
    for _ = 1, w.trades do
      local now = price(w.symbol)
      if not now then break end
      if last then
        if not turn(w.second, now > last and 1 or -1) or not turn(w.symbol, now > last and -1 or 1) then
          break
        end
      end
      last = now
      api.sleep(0.13 * w.bar)
    end
  end
end

-- Buys where the mark price stands higher above the last one than when the bar opened, sells where lower.
local function premium_watched(sign)
  return function(w)
    return function()
      local bar, first
      for _ = 1, w.trades do
        local now = api.now()
        local rows = api.get_mark_price { symbol = w.symbol }
        local last = price(w.symbol)
        if not rows or not last then break end
        local premium = rows.markPrice - last
        local at = math.floor(now / 1000 / w.bar)
        if at ~= bar then
          bar, first = at, premium
        elseif not turn(w.symbol, (premium > first) == (sign > 0) and 1 or -1) then
          break
        end
        api.sleep(0.07 * w.bar)
      end
    end
  end
end

---The catalogue: name, how many bars or looks it needs for a thousand trades, and the strategy on a market.
M.catalogue = {
  { "momentum, 1/720 of a bar", 1 / 720, polled(1 / 720, 1), looks = 720 },
  { "momentum, 1/60", 1 / 60, polled(1 / 60, 1), looks = 60 },
  { "momentum, 1/12", 1 / 12, polled(1 / 12, 1), looks = 12 },
  { "momentum, 1/4", 1 / 4, polled(1 / 4, 1), looks = 4 },
  { "momentum, 1/2", 1 / 2, polled(1 / 2, 1), looks = 2 },
  { "fade, 0.37", 0.37, polled(0.37, -1), looks = 2.7 },
  { "fade, 1/3600", 1 / 3600, polled(1 / 3600, -1), looks = 3600 },
  { "turning at thirds", 1, thirds(1), looks = 1 },
  { "going on at thirds", 1, thirds(-1), looks = 1 },
  {
    "stop entry, near",
    1,
    entries { kind = "STOP", side = "BUY", away = 0.2, risk = 0.3, goal = 0.3 },
    looks = 1,
  },
  { "stop entry, short", 1, entries { kind = "STOP", side = "SELL", away = 0.4, risk = 0.4 }, looks = 1 },
  {
    "stop entries, both",
    1,
    entries { kind = "STOP", side = "both", away = 0.4, risk = 0.3, goal = 0.8 },
    looks = 1,
  },
  {
    "stop entries, both stay",
    1,
    entries { kind = "STOP", side = "both", away = 0.3, keep = true },
    looks = 1,
  },
  {
    "limit entry, near",
    1,
    entries { kind = "LIMIT", side = "BUY", away = 0.2, risk = 0.2, goal = 0.2 },
    looks = 1,
  },
  {
    "limit entry, short",
    1,
    entries { kind = "LIMIT", side = "SELL", away = 0.5, risk = 0.3, goal = 0.6 },
    looks = 1,
  },
  {
    "limit entries, both",
    1,
    entries { kind = "LIMIT", side = "both", away = 0.4, risk = 0.5, goal = 0.3 },
    looks = 1,
  },
  {
    "limit entries, both stay",
    1,
    entries { kind = "LIMIT", side = "both", away = 0.3, keep = true },
    looks = 1,
  },
  {
    "bracket at the open",
    1,
    entries { market = true, side = "both", away = 0, risk = 0.3, goal = 0.5 },
    looks = 1,
  },
  {
    "bracket, take profit",
    1,
    entries { market = true, side = "both", away = 0, risk = 0.5, goal = 0.25, take = true },
    looks = 1,
  },
  { "trailing stop", 1, entries { market = true, side = "both", away = 0, trail = 0.4 }, looks = 1 },
  { "stop entry, trailing", 1, entries { kind = "STOP", side = "both", away = 0.2, trail = 0.6 }, looks = 1 },
  {
    "stop entry, out inside",
    1,
    entries { kind = "STOP", side = "both", away = 0.3, leave = 0.1 },
    looks = 1,
  },
  {
    "limit entry, out inside",
    1,
    entries { kind = "LIMIT", side = "both", away = 0.3, leave = 0.1 },
    looks = 1,
  },
  { "market at any moment", 1, moments, looks = 1 },
  { "forming bar, with it", 1, forming(1), looks = 14 },
  { "forming bar, against it", 1, forming(-1), looks = 14 },
  { "two intervals", 1, two_intervals, looks = 1 },
  { "two symbols", 1, two_symbols, looks = 7.7, second = true },
}

---The same with orders that watch the mark price, for markets that have one.
M.marked = {
  {
    "bracket by the mark price",
    1,
    entries { market = true, side = "both", away = 0, risk = 0.3, goal = 0.5, marked = true },
    looks = 1,
  },
  {
    "bracket by the mark price, take profit",
    1,
    entries { market = true, side = "both", away = 0, risk = 0.5, goal = 0.25, take = true, marked = true },
    looks = 1,
  },
  {
    "stop entries by the mark price, both",
    1,
    entries { kind = "STOP", side = "both", away = 0.4, risk = 0.3, goal = 0.8, marked = true },
    looks = 1,
  },
  {
    "stop entry by the mark price, short",
    1,
    entries { kind = "STOP", side = "SELL", away = 0.4, risk = 0.4, marked = true },
    looks = 1,
  },
  {
    "stop entries by the mark price, both stay",
    1,
    entries { kind = "STOP", side = "both", away = 0.3, keep = true, marked = true },
    looks = 1,
  },
  {
    "stop entry by the mark price, out inside",
    1,
    entries { kind = "STOP", side = "both", away = 0.3, leave = 0.1, marked = true },
    looks = 1,
  },
  { "with the premium", 1, premium_watched(1), looks = 14 },
  { "against the premium", 1, premium_watched(-1), looks = 14 },
}

---Runs a strategy of the catalogue.
---@param entry table of M.catalogue
---@param o { bars: number[][], second: number[][], marks: number[][]?, interval: string, longer: string, deviation: number, trades: integer, path: string?, touch: string?, latency: number?, seed: integer? }
---@return number mean of a trade, in standard deviations of a bar
---@return number error standard error of the mean
---@return integer trades
function M.run(entry, o)
  local name = "BTCUSDT"
  local bars = { [name] = o.bars, ETHUSDT = entry.second and o.second or nil }
  local world = testing.world {
    bars = bars,
    marks = o.marks and { [name] = o.marks } or nil,
    interval = o.interval,
    capital = 1e9,
    leverage = 20,
    maker = 0,
    taker = 0,
    path = o.path,
    touch = o.touch,
    latency = o.latency,
    seed = o.seed,
  }
  local w = {
    symbol = name,
    second = "ETHUSDT",
    interval = o.interval,
    longer = o.longer,
    bar = tonumber(C.interval_us(C.interval_find(o.interval))) / 1e6,
    deviation = o.deviation * M.PRICE,
    trades = math.floor(o.trades),
  }
  world:run(entry[3](w))
  local exchange = C.backtest_exchange(world.bt)
  local count, sum, squares = 0, 0, 0
  for i = 0, tonumber(C.exchange_fill_count(exchange)) - 1 do
    local fill = C.exchange_fill(exchange, i)
    local realized = tonumber(fill.realized_pnl_e8) / 1e8 / w.deviation
    if realized ~= 0 then
      count, sum, squares = count + 1, sum + realized, squares + realized * realized
    end
  end
  local mean = sum / count
  return mean, math.sqrt((squares / count - mean * mean) / count), count
end

return M

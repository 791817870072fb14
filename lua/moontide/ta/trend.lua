---Trend of bars: direction, strength and where it turns. Each constructor returns a function that takes the parts of the
---next bar it names and returns the indicator, or nil while it warms up. Where TA-Lib has the indicator its values are
---TA-Lib's.
local core = require "moontide.ta.core"

---@class IndicatorsTrend
local M = {}
local length, number = core.length, core.number

-- Wilder's directional movement of a bar against the one before: plus, minus, true range; nil for the first bar.
local function movement()
  local last_high, last_low, last_close
  return function(high, low, close)
    local h, l, c = last_high, last_low, last_close
    last_high, last_low, last_close = high, low, close
    if not h then return nil end
    local up, down = high - h, l - low
    local plus = up > 0 and up > down and up or 0
    local minus = down > 0 and down > up and down or 0
    return plus, minus, math.max(high - low, math.abs(high - c), math.abs(low - c))
  end
end

-- Wilder's sums as TA-Lib takes them: of the first n - 1 movements, then less an n-th and plus the new one.
local function directional(n)
  local move, count, plus, minus, range = movement(), 0, 0, 0, 0
  return function(high, low, close)
    local p, m, r = move(high, low, close)
    if not p then return nil end
    count = count + 1
    if n == 1 then
      plus, minus, range = p, m, r
    elseif count < n then
      plus, minus, range = plus + p, minus + m, range + r
      return nil
    else
      plus, minus, range = plus - plus / n + p, minus - minus / n + m, range - range / n + r
    end
    if range == 0 then return 0, 0 end
    return 100 * plus / range, 100 * minus / range
  end
end

---Directional indicators (Wilder 1978): rises of the high and falls of the low in percent of the true range, smoothed over
---n bars (TA-Lib's PLUS_DI and MINUS_DI).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?, number? # plus, minus
function M.di(n) return directional(length(n or 14, "di")) end

-- The directional index of both indicators; the one before where both are 0.
local function index(n)
  local di, last = directional(n), 0
  return function(high, low, close)
    local plus, minus = di(high, low, close)
    if not plus then return nil end
    if plus + minus > 0 then last = 100 * math.abs(plus - minus) / (plus + minus) end
    return last, plus, minus
  end
end

---Directional index: distance of the two directional indicators by their sum, in percent (TA-Lib's DX).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?
function M.dx(n)
  local dx = index(length(n or 14, "dx"))
  return function(high, low, close)
    local value = dx(high, low, close)
    return value
  end
end

---Average directional index (Wilder 1978) and both directional indicators; ADX is the mean of the first n directional
---indexes, then Wilder's smoothing (TA-Lib's ADX).
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?, number?, number? # adx, plus, minus
function M.adx(n)
  n = length(n or 14, "adx", 2)
  local dx, smooth = index(n), core.wilder(n)
  return function(high, low, close)
    local x, plus, minus = dx(high, low, close)
    local value = x and smooth(x)
    if not value then return nil end
    return value, plus, minus
  end
end

---Rating of ADX: the mean of ADX and of ADX n - 1 bars ago (TA-Lib's ADXR).
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?
function M.adxr(n)
  n = length(n or 14, "adxr", 2)
  local adx, ago = M.adx(n), core.lag(n - 1)
  return function(high, low, close)
    local value = adx(high, low, close)
    local old = value and ago(value)
    return old and (value + old) / 2
  end
end

---Aroon (Chande 1995): how lately the highest high and lowest low of the last n + 1 bars were, 100 for now; the newest of
---equal ones counts (TA-Lib's AROON). The oscillator is up less down.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer? 14 when left out
---@return fun(high: number, low: number): number?, number?, number? # up, down, oscillator
function M.aroon(n)
  n = length(n or 14, "aroon", 2)
  local highest, lowest, count = core.extreme(n + 1, 1, true), core.extreme(n + 1, -1, true), 0
  return function(high, low)
    local _, since_high = highest(high)
    local _, since_low = lowest(low)
    count = count + 1
    if count <= n then return nil end
    local up, down = 100 * (n - since_high) / n, 100 * (n - since_low) / n
    return up, down, up - down
  end
end

---Vortex indicator (Botes and Siepman 2010): sums over n bars of |high - low before| and |low - high before| by the sum of
---true ranges.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?, number? # plus, minus
function M.vortex(n)
  n = length(n or 14, "vortex")
  local ups, downs, ranges, range_of = core.sum(n), core.sum(n), core.sum(n), core.true_range()
  local last_high, last_low
  return function(high, low, close)
    local h, l, range = last_high, last_low, range_of(high, low, close)
    last_high, last_low = high, low
    if not h then return nil end
    local up, count = ups(math.abs(high - l))
    local down, total = downs(math.abs(low - h)), ranges(range)
    if count < n then return nil end
    if total == 0 then return 0, 0 end
    return up / total, down / total
  end
end

---Supertrend (Seban): a band of k average true ranges around the bar's middle that only tightens until the close breaks
---it. The average is Wilder's, seeded with the mean of the first n true ranges, the first of them high - low.
---
---Errors: raises on a length that is no whole number of at least 1, and a k that is not above 0.
---@param n integer? 10 when left out
---@param k number? 3 when left out
---@return fun(high: number, low: number, close: number): number?, integer? # line, direction: 1 up, -1 down
function M.supertrend(n, k)
  n, k = length(n or 10, "supertrend"), number(k or 3, "supertrend", "width", 0)
  local range, average = core.true_range(true), core.wilder(n)
  local upper, lower, last, up
  return function(high, low, close)
    local atr = average(range(high, low, close))
    if not atr then return nil end
    local middle = (high + low) / 2
    local top, bottom = middle + k * atr, middle - k * atr
    if not upper then
      upper, lower, up = top, bottom, close > top
    else
      if top < upper or last > upper then upper = top end
      if bottom > lower or last < lower then lower = bottom end
      if up then
        up = close >= lower
      else
        up = close > upper
      end
    end
    last = close
    return up and lower or upper, up and 1 or -1
  end
end

-- The first direction of SAR as TA-Lib takes it: down when the low fell further than the high rose.
local function sar_begin(state, high, low)
  local up, down = high - state.high, state.low - low
  state.long = not (down > 0 and down > up)
  if state.long then
    state.extreme, state.sar = high, state.low
  else
    state.extreme, state.sar = low, state.high
  end
end

-- One bar further: `sign` is 1 in a long position; `before` and `now` are lows then, highs in a short one.
local function sar_step(s, sign, with, against, before, step, most)
  -- with: this bar's extreme in the position's direction; against: in the other one; before: the bar before's.
  if (against - s.sar) * sign <= 0 then -- the stop is met: the position turns
    local sar = s.extreme
    if (sar - s.before_with) * sign < 0 then sar = s.before_with end
    if (sar - with) * sign < 0 then sar = with end
    local out = sar
    s.long, s.factor, s.extreme = not s.long, step, against
    sar = sar + step * (against - sar)
    if (sar - s.before_with) * sign < 0 then sar = s.before_with end
    if (sar - with) * sign < 0 then sar = with end
    s.sar = sar
    return out
  end
  local out = s.sar
  if (with - s.extreme) * sign > 0 then
    s.extreme = with
    s.factor = math.min(s.factor + step, most)
  end
  local sar = s.sar + s.factor * (s.extreme - s.sar)
  if (sar - before) * sign > 0 then sar = before end
  if (sar - against) * sign > 0 then sar = against end
  s.sar = sar
  return out
end

---Parabolic stop and reverse (Wilder 1978; TA-Lib's SAR): speaks from the second bar.
---
---Errors: raises on a step or a maximum that is not above 0.
---@param step number? 0.02 when left out
---@param most number? largest factor; 0.2 when left out
---@return fun(high: number, low: number): number?
function M.sar(step, most)
  step, most = number(step or 0.02, "sar", "step", 0), number(most or 0.2, "sar", "maximum", 0)
  step = math.min(step, most)
  local s, count = { factor = step }, 0
  return function(high, low)
    count = count + 1
    if count == 1 then
      s.high, s.low = high, low
      return nil
    end
    -- TA-Lib compares the second bar with itself first, so the bar before it counts as the second.
    if count == 2 then
      sar_begin(s, high, low)
      s.high, s.low = high, low
    end
    local out
    if s.long then
      s.before_with = s.high
      out = sar_step(s, 1, high, low, s.low, step, most)
    else
      s.before_with = s.low
      out = sar_step(s, -1, low, high, s.high, step, most)
    end
    s.high, s.low = high, low
    return out
  end
end

---Ichimoku (Hosoda): conversion line, base line, and both spans of the cloud as computed now; charts draw the spans `base`
---bars ahead and the close `base` bars behind.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param conversion integer? 9 when left out
---@param base integer? 26 when left out
---@param span integer? 52 when left out
---@return fun(high: number, low: number): number?, number?, number?, number? # conversion, base, span A, span B
function M.ichimoku(conversion, base, span)
  local lengths = { conversion or 9, base or 26, span or 52 }
  local highest, lowest, most = {}, {}, 0
  for i, n in ipairs(lengths) do
    length(n, "ichimoku")
    highest[i], lowest[i], most = core.extreme(n, 1), core.extreme(n, -1), math.max(most, n)
  end
  local h1, h2, h3, l1, l2, l3 = highest[1], highest[2], highest[3], lowest[1], lowest[2], lowest[3]
  local count = 0
  return function(high, low)
    local a, b, c = (h1(high) + l1(low)) / 2, (h2(high) + l2(low)) / 2, (h3(high) + l3(low)) / 2
    count = count + 1
    if count < most then return nil end
    return a, b, (a + b) / 2, c
  end
end

---Vertical horizontal filter (White 1991): range of the last n closes by the sum of the changes that led to them.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 28 when left out
---@return fun(x: number): number?
function M.vhf(n)
  n = length(n or 28, "vhf")
  local highest, lowest, changes, last = core.extreme(n, 1), core.extreme(n, -1), core.sum(n), nil
  return function(x)
    local before = last
    last = x
    if not before then return nil end
    local h, l = highest(x), lowest(x)
    local path, count = changes(math.abs(x - before))
    if count < n then return nil end
    return path <= 0 and 0 or (h - l) / path
  end
end

---Choppiness index (Dreiss): logarithm of the sum of true ranges by the true range of the whole, 100 for no trend.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?
function M.choppiness(n)
  n = length(n or 14, "choppiness", 2)
  local highest, lowest, ranges, last = core.extreme(n, 1), core.extreme(n, -1), core.sum(n), nil
  return function(high, low, close)
    local before = last
    last = close
    if not before then return nil end
    local top, bottom = math.max(high, before), math.min(low, before)
    local h, l = highest(top), lowest(bottom)
    local sum, count = ranges(top - bottom)
    if count < n then return nil end
    return h == l and 100 or 100 * math.log(sum / (h - l)) / math.log(n)
  end
end

---Mass index (Dorsey): sum over n bars of the 9-bar EMA of high - low by the EMA of that EMA; EMAs seeded with first
---values.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 25 when left out
---@return fun(high: number, low: number): number?
function M.mass_index(n)
  n = length(n or 25, "mass_index")
  local one, two, sum = core.ema(9, "first"), core.ema(9, "first"), core.sum(n)
  return function(high, low)
    local a = one(high - low)
    local b = a and two(a)
    if not b then return nil end
    local total, count = sum(b == 0 and 1 or a / b)
    if count < n then return nil end
    return total
  end
end

---Zigzag: the last turning point that a move of `percent` from it has confirmed; told at the bar that confirms it, so it
---never looks ahead.
---
---Errors: raises on a percent that is not above 0.
---@param percent number? 5 when left out
---@return fun(high: number, low: number): number?, integer?, integer? # price, 1 for a high or -1 for a low, bars since
function M.zigzag(percent)
  local share = number(percent or 5, "zigzag", "percent", 0) / 100
  local top, bottom, top_at, bottom_at, direction, t = nil, nil, 0, 0, 0, 0
  local price, kind, at
  return function(high, low)
    t = t + 1
    if not top then
      top, bottom, top_at, bottom_at = high, low, t, t
      return nil
    end
    if direction >= 0 and high > top then
      top, top_at = high, t
    end
    if direction <= 0 and low < bottom then
      bottom, bottom_at = low, t
    end
    if direction >= 0 and top_at < t and low <= top * (1 - share) then
      price, kind, at = top, 1, top_at
      direction, bottom, bottom_at = -1, low, t
    elseif direction <= 0 and bottom_at < t and high >= bottom * (1 + share) then
      price, kind, at = bottom, -1, bottom_at
      direction, top, top_at = 1, high, t
    end
    if not price then return nil end
    return price, kind, t - at
  end
end

---Fractals (Williams): a high above those of n bars on each side, or a low below them; told n bars later, nil otherwise.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 2 when left out
---@return fun(high: number, low: number): number?, number? # high, low of n bars ago where it is one
function M.fractals(n)
  n = length(n or 2, "fractals")
  local span = 2 * n + 1
  local push_high, high_at = core.ring(span)
  local push_low, low_at = core.ring(span)
  local count = 0
  return function(high, low)
    push_high(high)
    push_low(low)
    count = count + 1
    if count < span then return nil end
    local h, l = high_at(n), low_at(n)
    local is_high, is_low = true, true
    for i = 0, span - 1 do
      if i ~= n then
        if high_at(i) >= h then is_high = false end
        if low_at(i) <= l then is_low = false end
      end
    end
    return is_high and h or nil, is_low and l or nil
  end
end

---Heikin-Ashi bar: close is the mean of the bar's four prices, open the middle of the bar before; the first open is the
---middle of open and close.
---
---Errors: none.
---@return fun(open: number, high: number, low: number, close: number): number, number, number, number # open, high, low, close
function M.heikin_ashi()
  local last_open, last_close
  return function(open, high, low, close)
    local c = (open + high + low + close) / 4
    local o = last_open and (last_open + last_close) / 2 or (open + close) / 2
    last_open, last_close = o, c
    return o, math.max(high, o, c), math.min(low, o, c), c
  end
end

local hl, hlc = { "high", "low" }, { "high", "low", "close" }
M.inputs = {
  di = hlc,
  dx = hlc,
  adx = hlc,
  adxr = hlc,
  aroon = hl,
  vortex = hlc,
  supertrend = hlc,
  sar = hl,
  ichimoku = hl,
  choppiness = hlc,
  mass_index = hl,
  zigzag = hl,
  fractals = hl,
  heikin_ashi = { "open", "high", "low", "close" },
}
M.outputs = {
  di = { "plus", "minus" },
  adx = { "adx", "plus", "minus" },
  aroon = { "up", "down", "oscillator" },
  vortex = { "plus", "minus" },
  supertrend = { "line", "direction" },
  ichimoku = { "conversion", "base", "span_a", "span_b" },
  zigzag = { "price", "kind", "age" },
  fractals = { "high", "low" },
  heikin_ashi = { "open", "high", "low", "close" },
}

return M

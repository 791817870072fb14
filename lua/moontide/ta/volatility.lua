---Volatility: ranges, deviations, bands and stops made of them. Each constructor returns a function that takes the next
---value, or the parts of the next bar it names, and returns the indicator, or nil while it warms up. Where TA-Lib has the
---indicator its values are TA-Lib's.
local core = require "moontide.ta.core"

---@class IndicatorsVolatility
local M = {}
local length, number = core.length, core.number

---Standard deviation of the last n values, population form (divided by n), and their mean.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?, number? # deviation, mean
function M.stdev(n)
  length(n, "stdev", 2)
  local moments = core.moments(n)
  return function(x)
    local mean, variance = moments(x)
    if not mean then return nil end
    return math.sqrt(variance), mean
  end
end

---Bollinger bands: the mean of n values and k population deviations around it (Bollinger, 1980s), the place of the value
---between the bands (%B, 0 at the lower and 1 at the upper) and their width by the mean.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@param k number? deviations; 2 when left out
---@return fun(x: number): number?, number?, number?, number?, number? # middle, upper, lower, %B, width
function M.bollinger(n, k)
  length(n, "bollinger", 2)
  k = number(k or 2, "bollinger", "number of deviations")
  local moments = core.moments(n)
  return function(x)
    local mean, variance = moments(x)
    if not mean then return nil end
    local away = k * math.sqrt(variance)
    local upper, lower = mean + away, mean - away
    local place = upper == lower and 0.5 or (x - lower) / (upper - lower)
    return mean, upper, lower, place, mean == 0 and 0 or (upper - lower) / mean
  end
end

---True range: the largest of high - low and the distances of both from the close before; speaks from the second bar
---(TA-Lib's TRANGE).
---
---Errors: none.
---@return fun(high: number, low: number, close: number): number?
function M.true_range() return core.true_range() end

---Average true range (Wilder 1978): seeded with the mean of the first n true ranges, which start at the second bar.
---Speaks from the (n + 1)-th bar.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(high: number, low: number, close: number): number?
function M.atr(n)
  length(n, "atr")
  local range_of, average = core.true_range(), core.wilder(n)
  return function(high, low, close)
    local range = range_of(high, low, close)
    return range and average(range)
  end
end

---Average true range in percent of the close (TA-Lib's NATR).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?
function M.natr(n)
  local atr = M.atr(length(n or 14, "natr"))
  return function(high, low, close)
    local range = atr(high, low, close)
    return range and (close == 0 and 0 or 100 * range / close)
  end
end

---Keltner channel: an EMA of the close and k average true ranges around it; the EMA is seeded with its first value, the
---average true range as in `ta.atr` but from the first bar's high - low.
---
---Errors: raises on lengths that are no whole numbers of at least 1, and a k that is no number.
---@param n integer? of the EMA; 20 when left out
---@param k number? 2 when left out
---@param m integer? of the average true range; 10 when left out
---@return fun(high: number, low: number, close: number): number?, number?, number? # middle, upper, lower
function M.keltner(n, k, m)
  n, m = length(n or 20, "keltner"), length(m or 10, "keltner", 1, "length of the average true range")
  k = number(k or 2, "keltner", "width")
  local middle_of, range_of, average = core.ema(n, "first"), core.true_range(true), core.wilder(m)
  return function(high, low, close)
    local middle, atr = middle_of(close), average(range_of(high, low, close))
    if not (middle and atr) then return nil end
    return middle, middle + k * atr, middle - k * atr
  end
end

---Donchian channel: the highest high and lowest low of the last n bars.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(high: number, low: number): number?, number?, number? # upper, lower, middle
function M.donchian(n)
  length(n, "donchian")
  local channel = core.channel(n)
  return function(high, low)
    local upper, lower = channel(high, low)
    if not upper then return nil end
    return upper, lower, (upper + lower) / 2
  end
end

---Acceleration bands (Headley): means of high (1 + w) and low (1 - w), w four times the bar's range by high + low, around
---the mean close (TA-Lib's ACCBANDS).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 20 when left out
---@return fun(high: number, low: number, close: number): number?, number?, number? # middle, upper, lower
function M.acceleration_bands(n)
  n = length(n or 20, "acceleration_bands")
  local middle_of, upper_of, lower_of = core.sma(n), core.sma(n), core.sma(n)
  return function(high, low, close)
    local w = high + low == 0 and 0 or 4 * (high - low) / (high + low)
    local middle, upper, lower = middle_of(close), upper_of(high * (1 + w)), lower_of(low * (1 - w))
    if not middle then return nil end
    return middle, upper, lower
  end
end

---Chandelier exit (Le Beau): the highest high of n bars less k average true ranges, and the lowest low plus as much; the
---average true range is Wilder's from the first bar's high - low.
---
---Errors: raises on a length that is no whole number of at least 1, and a k that is no number.
---@param n integer? 22 when left out
---@param k number? 3 when left out
---@return fun(high: number, low: number, close: number): number?, number? # stop of a long, stop of a short position
function M.chandelier(n, k)
  n, k = length(n or 22, "chandelier"), number(k or 3, "chandelier", "width")
  local highest, lowest, range_of, average =
    core.extreme(n, 1), core.extreme(n, -1), core.true_range(true), core.wilder(n)
  return function(high, low, close)
    local h, l, atr = highest(high), lowest(low), average(range_of(high, low, close))
    if not atr then return nil end
    return h - k * atr, l + k * atr
  end
end

---Chaikin volatility: change in percent over n bars of an EMA of high - low, seeded with its first value.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 10 when left out
---@return fun(high: number, low: number): number?
function M.chaikin_volatility(n)
  n = length(n or 10, "chaikin_volatility")
  local smooth, ago = core.ema(n, "first"), core.lag(n)
  return function(high, low)
    local x = smooth(high - low)
    local old = x and ago(x)
    return old and (old == 0 and 0 or 100 * (x - old) / old)
  end
end

---Mean absolute deviation of the last n values from their mean (TA-Lib's AVGDEV).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.mean_deviation(n)
  length(n, "mean_deviation")
  local sum, push, at = core.sum(n), core.ring(n)
  return function(x)
    push(x)
    local total, count = sum(x)
    if count < n then return nil end
    local mean, away = total / n, 0
    for i = 0, n - 1 do
      away = away + math.abs(at(i) - mean)
    end
    return away / n
  end
end

---Ulcer index (Martin 1987): root of the mean square of the falls in percent of the last n values, each from the highest
---of them up to it.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(x: number): number?
function M.ulcer(n)
  n = length(n or 14, "ulcer")
  local push, at = core.ring(n)
  local count = 0
  return function(x)
    push(x)
    if count < n then count = count + 1 end
    if count < n then return nil end
    local highest, squares = -math.huge, 0
    for i = n - 1, 0, -1 do
      local value = at(i)
      highest = math.max(highest, value)
      local fall = highest == 0 and 0 or 100 * (value - highest) / highest
      squares = squares + fall * fall
    end
    return math.sqrt(squares / n)
  end
end

---Squeeze (Carter): 1 while the Bollinger bands lie within the Keltner channel (both n bars, the channel around the simple
---mean with the mean true range), 0 otherwise; and momentum: the end of the least-squares line through the distances of
---the close from the middle of channel and mean.
---
---Errors: raises on a length that is no whole number of at least 2, and widths that are no numbers.
---@param n integer? 20 when left out
---@param k number? deviations of the bands; 2 when left out
---@param w number? ranges of the channel; 1.5 when left out
---@return fun(high: number, low: number, close: number): integer?, number? # squeezed, momentum (later)
function M.squeeze(n, k, w)
  n = length(n or 20, "squeeze", 2)
  k, w = number(k or 2, "squeeze", "number of deviations"), number(w or 1.5, "squeeze", "number of ranges")
  local moments, ranges, range_of, line =
    core.moments(n), core.sma(n), core.true_range(true), core.regression(n)
  local highest, lowest = core.extreme(n, 1), core.extreme(n, -1)
  return function(high, low, close)
    local h, l = highest(high), lowest(low)
    local mean, variance = moments(close)
    local range = ranges(range_of(high, low, close))
    if not mean then return nil end
    local slope, start = line(close - ((h + l) / 2 + mean) / 2)
    local squeezed = k * math.sqrt(variance) < w * range and 1 or 0
    return squeezed, slope and start + slope * (n - 1)
  end
end

-- The sample deviation of log returns or of a bar's own form, times the root of `periods`.
local function root_mean(n, name, periods, form)
  length(n, name, 2)
  periods = number(periods or 1, name, "number of periods a year", 0)
  local sum = core.sum(n)
  return function(open, high, low, close)
    local x = form(open, high, low, close)
    if not x then return nil end
    local total, count = sum(x)
    if count < n then return nil end
    return math.sqrt(math.max(total, 0) / n * periods)
  end
end

---Realised volatility: sample deviation (n - 1) of the last n logarithmic returns, times the root of `periods`.
---
---Errors: raises on a length that is no whole number of at least 2, and periods that are not above 0.
---@param n integer length in returns
---@param periods number? in a year, to annualise; 1 (none) when left out
---@return fun(x: number): number?
function M.realised(n, periods)
  length(n, "realised", 2)
  periods = number(periods or 1, "realised", "number of periods a year", 0)
  local moments, last = core.moments(n), nil
  return function(x)
    local before = last
    last = x
    if not before then return nil end
    local mean, variance = moments(math.log(x / before))
    return mean and math.sqrt(variance * n / (n - 1) * periods)
  end
end

---Parkinson's volatility (1980): root of the mean square of log(high / low) by 4 log 2.
---
---Errors: raises on a length that is no whole number of at least 2, and periods that are not above 0.
---@param n integer length in bars
---@param periods number? in a year; 1 when left out
---@return fun(high: number, low: number): number?
function M.parkinson(n, periods)
  local root = root_mean(n, "parkinson", periods, function(_, high, low)
    local x = math.log(high / low)
    return x * x / (4 * math.log(2))
  end)
  return function(high, low) return root(nil, high, low) end
end

---Garman and Klass' volatility (1980), of open, high, low and close without drift.
---
---Errors: raises on a length that is no whole number of at least 2, and periods that are not above 0.
---@param n integer length in bars
---@param periods number? in a year; 1 when left out
---@return fun(open: number, high: number, low: number, close: number): number?
function M.garman_klass(n, periods)
  return root_mean(n, "garman_klass", periods, function(open, high, low, close)
    local range, move = math.log(high / low), math.log(close / open)
    return 0.5 * range * range - (2 * math.log(2) - 1) * move * move
  end)
end

-- Rogers and Satchell's term of a bar.
local function rogers_satchell(open, high, low, close)
  return math.log(high / close) * math.log(high / open) + math.log(low / close) * math.log(low / open)
end

---Rogers and Satchell's volatility (1991), which a drift does not disturb.
---
---Errors: raises on a length that is no whole number of at least 2, and periods that are not above 0.
---@param n integer length in bars
---@param periods number? in a year; 1 when left out
---@return fun(open: number, high: number, low: number, close: number): number?
function M.rogers_satchell(n, periods) return root_mean(n, "rogers_satchell", periods, rogers_satchell) end

---Yang and Zhang's volatility (2000): variance of the gaps from close to open, plus k of the variance from open to close,
---plus 1 - k of Rogers and Satchell's, k = 0.34 / (1.34 + (n + 1) / (n - 1)).
---
---Errors: raises on a length that is no whole number of at least 2, and periods that are not above 0.
---@param n integer length in bars
---@param periods number? in a year; 1 when left out
---@return fun(open: number, high: number, low: number, close: number): number?
function M.yang_zhang(n, periods)
  length(n, "yang_zhang", 2)
  periods = number(periods or 1, "yang_zhang", "number of periods a year", 0)
  local gaps, moves, inner, last = core.moments(n), core.moments(n), core.sum(n), nil
  local k, sample = 0.34 / (1.34 + (n + 1) / (n - 1)), n / (n - 1)
  return function(open, high, low, close)
    local before = last
    last = close
    if not before then return nil end
    local mean, overnight = gaps(math.log(open / before))
    local _, day = moves(math.log(close / open))
    local sum = inner(rogers_satchell(open, high, low, close))
    if not mean then return nil end
    local variance = overnight * sample + k * day * sample + (1 - k) * math.max(sum, 0) / n
    return math.sqrt(variance * periods)
  end
end

local hl, hlc, ohlc = { "high", "low" }, { "high", "low", "close" }, { "open", "high", "low", "close" }
M.inputs = {
  true_range = hlc,
  atr = hlc,
  natr = hlc,
  keltner = hlc,
  donchian = hl,
  acceleration_bands = hlc,
  chandelier = hlc,
  chaikin_volatility = hl,
  squeeze = hlc,
  parkinson = hl,
  garman_klass = ohlc,
  rogers_satchell = ohlc,
  yang_zhang = ohlc,
}
local bands = { "middle", "upper", "lower" }
M.outputs = {
  stdev = { "deviation", "mean" },
  bollinger = { "middle", "upper", "lower", "percent_b", "width" },
  keltner = bands,
  donchian = { "upper", "lower", "middle" },
  acceleration_bands = bands,
  chandelier = { "long", "short" },
  squeeze = { "squeezed", "momentum" },
}

return M

---Oscillators of bars: where the price stands within its recent range. Each constructor returns a function that takes the
---parts of the next bar it names and returns the indicator, or nil while it warms up. Where TA-Lib has the indicator its
---values are TA-Lib's.
local core = require "moontide.ta.core"
local momentum = require "moontide.ta.momentum"

---@class IndicatorsOscillators
local M = {}
local length = core.length

---Stochastic oscillator (Lane): %K, the place of the close in the range of n bars in percent, averaged over `smooth`
---bars, and %D, its mean over d; simple means, TA-Lib's STOCH. With smooth = 1 it is the fast one (STOCHF).
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param n integer? 14 when left out
---@param smooth integer? 3 when left out
---@param d integer? 3 when left out
---@return fun(high: number, low: number, close: number): number?, number? # k, d (later)
function M.stoch(n, smooth, d)
  n = length(n or 14, "stoch")
  local mean_k = core.sma(length(smooth or 3, "stoch", 1, "smoothing"))
  local mean_d = core.sma(length(d or 3, "stoch", 1, "length of %D"))
  local channel = core.channel(n)
  return function(high, low, close)
    local h, l = channel(high, low)
    if not h then return nil end
    local k = mean_k(h == l and 0 or 100 * (close - l) / (h - l))
    if not k then return nil end
    return k, mean_d(k)
  end
end

---Stochastic RSI (Chande and Kroll 1994): the stochastic of an RSI; %K over `k` values' range smoothed by `smooth`, %D its
---mean over d. TA-Lib's STOCHRSI is smooth = 1.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param n integer? of the RSI; 14 when left out
---@param k integer? of the range; 14 when left out
---@param smooth integer? 3 when left out
---@param d integer? 3 when left out
---@return fun(x: number): number?, number? # k, d (later)
function M.stoch_rsi(n, k, smooth, d)
  local rsi = momentum.rsi(length(n or 14, "stoch_rsi", 1, "length of the RSI"))
  local stoch = M.stoch(length(k or 14, "stoch_rsi", 1, "length of the range"), smooth, d)
  return function(x)
    local strength = rsi(x)
    if not strength then return nil end
    return stoch(strength, strength, strength)
  end
end

---Williams %R: place of the close in the range of n bars, from -100 to 0 (TA-Lib's WILLR).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?
function M.williams_r(n)
  n = length(n or 14, "williams_r")
  local channel = core.channel(n)
  return function(high, low, close)
    local h, l = channel(high, low)
    if not h then return nil end
    return h == l and 0 or -100 * (h - close) / (h - l)
  end
end

---Commodity channel index (Lambert 1980): distance of the typical price from its mean over n bars, by 0.015 of the mean
---distance (TA-Lib's CCI).
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer? 20 when left out
---@return fun(high: number, low: number, close: number): number?
function M.cci(n)
  n = length(n or 20, "cci", 2)
  local sum, push, at = core.sum(n), core.ring(n)
  return function(high, low, close)
    local price = (high + low + close) / 3
    push(price)
    local total, count = sum(price)
    if count < n then return nil end
    local mean, distance = total / n, 0
    for i = 0, n - 1 do
      distance = distance + math.abs(at(i) - mean)
    end
    local away = price - mean
    if away == 0 or distance == 0 then return 0 end
    return away / (0.015 * distance / n)
  end
end

---Money flow index: RSI's form over typical price times volume, sums over n bars (TA-Lib's MFI).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number, volume: number): number?
function M.mfi(n)
  n = length(n or 14, "mfi")
  local ups, downs, last = core.sum(n), core.sum(n), nil
  return function(high, low, close, volume)
    local price = (high + low + close) / 3
    local before = last
    last = price
    if not before then return nil end
    local money = price * volume
    local up, count = ups(price > before and money or 0)
    local down = downs(price < before and money or 0)
    if count < n then return nil end
    return up + down < 1 and 0 or 100 * up / (up + down)
  end
end

---Ultimate oscillator (Williams 1976): buying pressure by true range over three lengths, weighted 4, 2, 1 (TA-Lib's
---ULTOSC).
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param short integer? 7 when left out
---@param medium integer? 14 when left out
---@param long integer? 28 when left out
---@return fun(high: number, low: number, close: number): number?
function M.ultimate(short, medium, long)
  short, medium, long =
    length(short or 7, "ultimate"), length(medium or 14, "ultimate"), length(long or 28, "ultimate")
  local most = math.max(short, medium, long)
  local p1, p2, p3 = core.sum(short), core.sum(medium), core.sum(long)
  local r1, r2, r3 = core.sum(short), core.sum(medium), core.sum(long)
  local last, count = nil, 0
  return function(high, low, close)
    local before = last
    last = close
    if not before then return nil end
    count = count + 1
    local bottom = math.min(low, before)
    local pressure, range = close - bottom, math.max(high, before) - bottom
    local a, b, c = p1(pressure), p2(pressure), p3(pressure)
    local x, y, z = r1(range), r2(range), r3(range)
    if count < most then return nil end
    local share = (x > 0 and 4 * a / x or 0) + (y > 0 and 2 * b / y or 0) + (z > 0 and c / z or 0)
    return 100 * share / 7
  end
end

---Balance of power: (close - open) / (high - low) of the bar, 0 for a bar without range (TA-Lib's BOP).
---
---Errors: none.
---@return fun(open: number, high: number, low: number, close: number): number?
function M.bop()
  return function(open, high, low, close) return high > low and (close - open) / (high - low) or 0 end
end

---Awesome oscillator (Williams): mean of the bar's middle over 5 bars less that over 34.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param short integer? 5 when left out
---@param long integer? 34 when left out
---@return fun(high: number, low: number): number?
function M.awesome(short, long)
  local quick = core.sma(length(short or 5, "awesome", 1, "short length"))
  local calm = core.sma(length(long or 34, "awesome", 1, "long length"))
  return function(high, low)
    local middle = (high + low) / 2
    local q, c = quick(middle), calm(middle)
    return q and c and q - c
  end
end

---Accelerator oscillator (Williams): the awesome oscillator less its mean over n values.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param short integer? 5 when left out
---@param long integer? 34 when left out
---@param n integer? 5 when left out
---@return fun(high: number, low: number): number?
function M.accelerator(short, long, n)
  local awesome, mean = M.awesome(short, long), core.sma(length(n or 5, "accelerator"))
  return function(high, low)
    local x = awesome(high, low)
    local average = x and mean(x)
    return average and x - average
  end
end

---Fisher transform (Ehlers 2002) of the place of the bar's middle in its range over n bars.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 10 when left out
---@return fun(high: number, low: number): number?
function M.fisher(n)
  n = length(n or 10, "fisher")
  local channel, place, f = core.channel(n), 0, 0
  return function(high, low)
    local middle = (high + low) / 2
    local h, l = channel(middle, middle)
    if not h then return nil end
    local range = h == l and 0.001 or h - l
    place = 0.66 * ((middle - l) / range - 0.5) + 0.67 * place
    if place > 0.99 then
      place = 0.999
    elseif place < -0.99 then
      place = -0.999
    end
    f = 0.5 * math.log((1 + place) / (1 - place)) + 0.5 * f
    return f
  end
end

---Stochastic momentum index (Blau 1993): distance of the close from the middle of the range of n bars, in percent of half
---the range, both smoothed twice by EMAs seeded with first values.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param n integer? 10 when left out
---@param s1 integer? first smoothing; 3 when left out
---@param s2 integer? second smoothing; 3 when left out
---@return fun(high: number, low: number, close: number): number?
function M.smi(n, s1, s2)
  n, s1, s2 = length(n or 10, "smi"), length(s1 or 3, "smi"), length(s2 or 3, "smi")
  local channel = core.channel(n)
  local d1, d2, r1, r2 =
    core.ema(s1, "first"), core.ema(s2, "first"), core.ema(s1, "first"), core.ema(s2, "first")
  return function(high, low, close)
    local h, l = channel(high, low)
    if not h then return nil end
    local d, r = d1(close - (h + l) / 2), r1(h - l)
    if not d then return nil end
    d, r = d2(d), r2(r)
    if not d then return nil end
    return r == 0 and 0 or 200 * d / r
  end
end

-- Place of x among the last n values in percent; 50 where they are all alike.
local function place_in_window(n)
  local channel = core.channel(n)
  return function(x)
    local h, l = channel(x, x)
    if not h then return nil end
    return h == l and 50 or 100 * (x - l) / (h - l)
  end
end

---Schaff trend cycle (1999): the stochastic of the stochastic of MACD's line, each smoothed by an EMA of 3 values; EMAs
---seeded with first values.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param cycle integer? 10 when left out
---@param fast integer? 23 when left out
---@param slow integer? 50 when left out
---@return fun(x: number): number?
function M.stc(cycle, fast, slow)
  cycle = length(cycle or 10, "stc", 2, "cycle")
  local quick = core.ema(length(fast or 23, "stc", 1, "fast length"), "first")
  local calm = core.ema(length(slow or 50, "stc", 1, "slow length"), "first")
  local first, second = place_in_window(cycle), place_in_window(cycle)
  local smooth1, smooth2 = core.ema(1, "first", 0.5), core.ema(1, "first", 0.5)
  return function(x)
    local q, c = quick(x), calm(x)
    if not (q and c) then return nil end
    local y = first(q - c)
    y = y and second(smooth1(y))
    return y and smooth2(y)
  end
end

---Wave trend (LazyBear's form): EMA of the channel index of the typical price, and its mean over `smooth` values; EMAs
---seeded with first values.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param channel integer? 10 when left out
---@param average integer? 21 when left out
---@param smooth integer? 4 when left out
---@return fun(high: number, low: number, close: number): number?, number? # wt1, wt2
function M.wave_trend(channel, average, smooth)
  channel, average = length(channel or 10, "wave_trend"), length(average or 21, "wave_trend")
  smooth = length(smooth or 4, "wave_trend")
  local base, away = core.ema(1, "first", 2 / (channel + 1)), core.ema(1, "first", 2 / (channel + 1))
  local wave, mean = core.ema(1, "first", 2 / (average + 1)), core.sma(smooth)
  local count, least = 0, math.max(channel, average, smooth)
  return function(high, low, close)
    local price = (high + low + close) / 3
    local b = base(price)
    local d = away(math.abs(price - b))
    local wt1 = wave(d == 0 and 0 or (price - b) / (0.015 * d))
    local wt2 = mean(wt1)
    count = count + 1
    if count < least then return nil end
    return wt1, wt2
  end
end

---DeMarker: rises of the high by rises of the high and falls of the low, sums over n bars, from 0 to 1.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(high: number, low: number): number?
function M.demarker(n)
  n = length(n or 14, "demarker")
  local ups, downs, last_high, last_low = core.sum(n), core.sum(n), nil, nil
  return function(high, low)
    local h, l = last_high, last_low
    last_high, last_low = high, low
    if not h then return nil end
    local up, count = ups(math.max(high - h, 0))
    local down = downs(math.max(l - low, 0))
    if count < n then return nil end
    return up + down <= 0 and 0.5 or up / (up + down)
  end
end

---Elder ray (Elder 1989): high and low less an EMA of the close, seeded with its first value.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 13 when left out
---@return fun(high: number, low: number, close: number): number?, number? # bull power, bear power
function M.elder_ray(n)
  local average = core.ema(length(n or 13, "elder_ray"), "first")
  return function(high, low, close)
    local middle = average(close)
    if not middle then return nil end
    return high - middle, low - middle
  end
end

---QStick (Chande): mean of close less open over n bars.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 8 when left out
---@return fun(open: number, close: number): number?
function M.qstick(n)
  local mean = core.sma(length(n or 8, "qstick"))
  return function(open, close) return mean(close - open) end
end

---Pretty good oscillator (Johnson): distance of the close from its mean over n bars, by an EMA of Wilder's average true
---range; that EMA is seeded with its first value.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(high: number, low: number, close: number): number?
function M.pgo(n)
  n = length(n or 14, "pgo")
  local mean, range, average, smooth =
    core.sma(n), core.true_range(true), core.wilder(n), core.ema(n, "first")
  return function(high, low, close)
    local middle = mean(close)
    local atr = average(range(high, low, close))
    local width = atr and smooth(atr)
    if not width then return nil end
    return width == 0 and 0 or (close - middle) / width
  end
end

---Intraday momentum index (Chande): gains from open to close by gains and losses, sums over n bars, in percent.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(open: number, close: number): number?
function M.imi(n)
  n = length(n or 14, "imi")
  local ups, downs = core.sum(n), core.sum(n)
  return function(open, close)
    local up, count = ups(math.max(close - open, 0))
    local down = downs(math.max(open - close, 0))
    if count < n then return nil end
    return up + down <= 0 and 50 or 100 * up / (up + down)
  end
end

---Relative vigor index (Ehlers 2002): (close - open) by (high - low), both weighted 1, 2, 2, 1 over four bars and summed
---over n; and its signal, weighted alike.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 10 when left out
---@return fun(open: number, high: number, low: number, close: number): number?, number? # rvi, signal (later)
function M.rvi(n)
  n = length(n or 10, "rvi")
  local function weighted()
    local a, b, c
    return function(x)
      local y = a and (x + 2 * c + 2 * b + a) / 6
      a, b, c = b, c, x
      return y
    end
  end
  local up, range, signal = weighted(), weighted(), weighted()
  local ups, ranges = core.sum(n), core.sum(n)
  return function(open, high, low, close)
    local u, r = up(close - open), range(high - low)
    if not u then return nil end
    local top, count = ups(u)
    local bottom = ranges(r)
    if count < n then return nil end
    local line = bottom == 0 and 0 or top / bottom
    return line, signal(line)
  end
end

local hlc = { "high", "low", "close" }
M.inputs = {
  stoch = hlc,
  williams_r = hlc,
  cci = hlc,
  mfi = { "high", "low", "close", "volume" },
  ultimate = hlc,
  bop = { "open", "high", "low", "close" },
  awesome = { "high", "low" },
  accelerator = { "high", "low" },
  fisher = { "high", "low" },
  smi = hlc,
  wave_trend = hlc,
  demarker = { "high", "low" },
  elder_ray = hlc,
  qstick = { "open", "close" },
  pgo = hlc,
  imi = { "open", "close" },
  rvi = { "open", "high", "low", "close" },
}
M.outputs = {
  stoch = { "k", "d" },
  stoch_rsi = { "k", "d" },
  wave_trend = { "wt1", "wt2" },
  elder_ray = { "bull", "bear" },
  rvi = { "rvi", "signal" },
}

return M

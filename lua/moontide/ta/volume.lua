---Volume and order flow. Each constructor returns a function that takes the parts of the next bar it names and returns the
---indicator, or nil while it warms up. Where TA-Lib has the indicator its values are TA-Lib's. `taker_buy` is the volume
---that takers bought, the bar's `taker_buy_volume`.
local core = require "moontide.ta.core"

---@class IndicatorsVolume
local M = {}
local length, number = core.length, core.number

---On-balance volume (Granville 1963): volume added on a rise of the close and taken off on a fall; begins with the first
---bar's volume, as TA-Lib does.
---
---Errors: none.
---@return fun(close: number, volume: number): number
function M.obv()
  local last, sum = nil, 0
  return function(close, volume)
    if not last then
      sum = volume
    elseif close > last then
      sum = sum + volume
    elseif close < last then
      sum = sum - volume
    end
    last = close
    return sum
  end
end

-- Volume times the place of the close in the bar's range, from -1 to 1.
local function money_flow(high, low, close, volume)
  return high > low and ((close - low) - (high - close)) / (high - low) * volume or 0
end

---Accumulation and distribution line (Chaikin): running sum of volume times the place of the close in the bar's range
---(TA-Lib's AD).
---
---Errors: none.
---@return fun(high: number, low: number, close: number, volume: number): number
function M.ad()
  local sum = 0
  return function(high, low, close, volume)
    sum = sum + money_flow(high, low, close, volume)
    return sum
  end
end

---Chaikin oscillator: difference of two EMAs of the accumulation line, both started from its first value (TA-Lib's
---ADOSC).
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param fast integer? 3 when left out
---@param slow integer? 10 when left out
---@return fun(high: number, low: number, close: number, volume: number): number?
function M.adosc(fast, slow)
  fast, slow = length(fast or 3, "adosc", 1, "fast length"), length(slow or 10, "adosc", 1, "slow length")
  local ad, count, most = M.ad(), 0, math.max(fast, slow)
  local quick, calm = core.ema(1, "first", 2 / (fast + 1)), core.ema(1, "first", 2 / (slow + 1))
  return function(high, low, close, volume)
    local line = ad(high, low, close, volume)
    local q, c = quick(line), calm(line)
    count = count + 1
    if count < most then return nil end
    return q - c
  end
end

---Chaikin money flow: volume times the place of the close in the range, summed over n bars, by the sum of volume.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 20 when left out
---@return fun(high: number, low: number, close: number, volume: number): number?
function M.cmf(n)
  n = length(n or 20, "cmf")
  local flows, volumes = core.sum(n), core.sum(n)
  return function(high, low, close, volume)
    local flow, count = flows(money_flow(high, low, close, volume))
    local total = volumes(volume)
    if count < n then return nil end
    return total <= 0 and 0 or flow / total
  end
end

---Ease of movement (Arms): move of the bar's middle times range by volume in units of `scale`, averaged over n bars.
---
---Errors: raises on a length that is no whole number of at least 1, and a scale that is not above 0.
---@param n integer? 14 when left out
---@param scale number? 100000000 when left out
---@return fun(high: number, low: number, volume: number): number?
function M.emv(n, scale)
  local mean = core.sma(length(n or 14, "emv"))
  scale = number(scale or 1e8, "emv", "scale", 0)
  local last
  return function(high, low, volume)
    local before, middle = last, (high + low) / 2
    last = middle
    if not before then return nil end
    return mean(volume == 0 and 0 or (middle - before) * (high - low) / (volume / scale))
  end
end

---Force index (Elder): change of the close times volume, smoothed by an EMA seeded with its first value.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 13 when left out
---@return fun(close: number, volume: number): number?
function M.force(n)
  local smooth, last = core.ema(length(n or 13, "force"), "first"), nil
  return function(close, volume)
    local before = last
    last = close
    if not before then return nil end
    return smooth((close - before) * volume)
  end
end

---Klinger volume oscillator (1997): difference of two EMAs, seeded with their first value, of the volume force.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param fast integer? 34 when left out
---@param slow integer? 55 when left out
---@return fun(high: number, low: number, close: number, volume: number): number?
function M.klinger(fast, slow)
  fast, slow =
    length(fast or 34, "klinger", 1, "fast length"), length(slow or 55, "klinger", 1, "slow length")
  local quick, calm = core.ema(1, "first", 2 / (fast + 1)), core.ema(1, "first", 2 / (slow + 1))
  local last_sum, last_range, trend, measure = nil, 0, 0, 0
  return function(high, low, close, volume)
    local sum, range = high + low + close, high - low
    local before, range_before = last_sum, last_range
    last_sum, last_range = sum, range
    if not before then return nil end
    if sum > before and trend ~= 1 then
      trend, measure = 1, range_before
    elseif sum < before and trend ~= -1 then
      trend, measure = -1, range_before
    end
    measure = measure + range
    local sign = trend == -1 and -1 or 1
    local force = measure == 0 and 0 or volume * math.abs(2 * range / measure - 1) * 100 * sign
    return quick(force) - calm(force)
  end
end

-- An index that follows the close in percent on bars whose volume fell (sign -1) or rose (1), from 1000.
local function volume_index(sign)
  local last, last_volume, value = nil, nil, 1000
  return function(close, volume)
    if last and last ~= 0 and (volume - last_volume) * sign > 0 then
      value = value + (close - last) / last * value
    end
    last, last_volume = close, volume
    return value
  end
end

---Negative volume index: follows the close on bars with less volume than the one before; begins at 1000.
---
---Errors: none.
---@return fun(close: number, volume: number): number
function M.nvi() return volume_index(-1) end

---Positive volume index: follows the close on bars with more volume than the one before; begins at 1000.
---
---Errors: none.
---@return fun(close: number, volume: number): number
function M.pvi() return volume_index(1) end

---Price volume trend: running sum of volume times the relative change of the close.
---
---Errors: none.
---@return fun(close: number, volume: number): number?
function M.pvt()
  local last, sum = nil, 0
  return function(close, volume)
    local before = last
    last = close
    if not before then return nil end
    if before ~= 0 then sum = sum + volume * (close - before) / before end
    return sum
  end
end

---Percentage volume oscillator: difference of two EMAs of volume in percent of the slower; seeded with first values.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param fast integer? 12 when left out
---@param slow integer? 26 when left out
---@return fun(volume: number): number?
function M.pvo(fast, slow)
  local quick = core.ema(length(fast or 12, "pvo", 1, "fast length"), "first")
  local calm = core.ema(length(slow or 26, "pvo", 1, "slow length"), "first")
  return function(volume)
    local q, c = quick(volume), calm(volume)
    if not (q and c) then return nil end
    return c == 0 and 0 or 100 * (q - c) / c
  end
end

---Relative volume: the bar's volume by the mean of the n bars before it; nil where those had none.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 20 when left out
---@return fun(volume: number): number?
function M.rvol(n)
  local mean, last = core.sma(length(n or 20, "rvol")), nil
  return function(volume)
    local base = last
    last = mean(volume)
    if not base or base <= 0 then return nil end
    return volume / base
  end
end

---Rate of change of volume over n bars, in percent; 0 where it was 0.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 14 when left out
---@return fun(volume: number): number?
function M.vroc(n)
  local ago = core.lag(length(n or 14, "vroc"))
  return function(volume)
    local old = ago(volume)
    return old and (old == 0 and 0 or 100 * (volume - old) / old)
  end
end

-- Running sums of price and squared price by volume: mean and deviation.
local function weighted()
  local money, squares, total = 0, 0, 0
  local function add(price, volume)
    money, squares, total = money + price * volume, squares + price * price * volume, total + volume
    if total <= 0 then return nil end
    local mean = money / total
    return mean, math.sqrt(math.max(squares / total - mean * mean, 0))
  end
  local function reset()
    money, squares, total = 0, 0, 0
  end
  return add, reset
end

---Volume-weighted average price of the typical price with bands of k deviations, begun anew each session of `seconds` by
---the bar's open time (UTC days when left out, 0 for never).
---
---Errors: raises on numbers that are none or below 0.
---@param seconds number? length of a session; 86400 when left out
---@param k number? deviations; 1 when left out
---@return fun(open_time: number, high: number, low: number, close: number, volume: number): number?, number?, number? # vwap, upper, lower
function M.vwap(seconds, k)
  seconds, k = number(seconds or 86400, "vwap", "session"), number(k or 1, "vwap", "number of deviations")
  if seconds < 0 then error("ta.vwap: the session must not be below 0 seconds", 2) end
  local add, reset = weighted()
  local session
  return function(open_time, high, low, close, volume)
    local now = seconds > 0 and math.floor(open_time / (seconds * 1000)) or 0
    if now ~= session then
      reset()
      session = now
    end
    local mean, away = add((high + low + close) / 3, volume)
    if not mean then return nil end
    return mean, mean + k * away, mean - k * away
  end
end

---Volume-weighted average price anchored at a moment: of all bars that open at `from` or later.
---
---Errors: raises on a moment that is no number.
---@param from number milliseconds since the epoch
---@return fun(open_time: number, high: number, low: number, close: number, volume: number): number?
function M.anchored_vwap(from)
  number(from, "anchored_vwap", "moment")
  local add = weighted()
  return function(open_time, high, low, close, volume)
    if open_time < from then return nil end
    local mean = add((high + low + close) / 3, volume)
    return mean
  end
end

---Cumulative volume delta: running sum of what takers bought less what they sold.
---
---Errors: none.
---@return fun(volume: number, taker_buy: number): number
function M.cvd()
  local sum = 0
  return function(volume, taker_buy)
    sum = sum + 2 * taker_buy - volume
    return sum
  end
end

---Imbalance of takers over n bars: bought less sold by the whole, from -1 to 1; 0 without volume.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 1 when left out
---@return fun(volume: number, taker_buy: number): number?
function M.imbalance(n)
  n = length(n or 1, "imbalance")
  local deltas, volumes = core.sum(n), core.sum(n)
  return function(volume, taker_buy)
    local delta, count = deltas(2 * taker_buy - volume)
    local total = volumes(volume)
    if count < n then return nil end
    return total <= 0 and 0 or delta / total
  end
end

---Order-flow imbalance of the best quotes (Cont, Kukanov, Stoikov 2014), summed over n updates.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 100 when left out
---@return fun(bid: number, bid_quantity: number, ask: number, ask_quantity: number): number?
function M.ofi(n)
  n = length(n or 100, "ofi")
  local sum, last_bid, last_bid_quantity, last_ask, last_ask_quantity = core.sum(n), nil, 0, 0, 0
  return function(bid, bid_quantity, ask, ask_quantity)
    local b, bq, a, aq = last_bid, last_bid_quantity, last_ask, last_ask_quantity
    last_bid, last_bid_quantity, last_ask, last_ask_quantity = bid, bid_quantity, ask, ask_quantity
    if not b then return nil end
    local flow = (bid >= b and bid_quantity or 0) - (bid <= b and bq or 0)
    flow = flow - (ask <= a and ask_quantity or 0) + (ask >= a and aq or 0)
    local total, count = sum(flow)
    if count < n then return nil end
    return total
  end
end

local cv, hlcv = { "close", "volume" }, { "high", "low", "close", "volume" }
local thlcv = { "open_time", "high", "low", "close", "volume" }
M.inputs = {
  obv = cv,
  ad = hlcv,
  adosc = hlcv,
  cmf = hlcv,
  emv = { "high", "low", "volume" },
  force = cv,
  klinger = hlcv,
  nvi = cv,
  pvi = cv,
  pvt = cv,
  pvo = { "volume" },
  rvol = { "volume" },
  vroc = { "volume" },
  vwap = thlcv,
  anchored_vwap = thlcv,
  cvd = { "volume", "taker_buy_volume" },
  imbalance = { "volume", "taker_buy_volume" },
  ofi = { "bid", "bid_quantity", "ask", "ask_quantity" },
}
M.outputs = { vwap = { "vwap", "upper", "lower" } }

return M

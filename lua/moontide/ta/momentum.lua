---Momentum of prices: rates of change, strength, differences of averages. Each constructor returns a function that takes
---the next value and returns the indicator, or nil while it warms up. Where TA-Lib has the indicator its values are
---TA-Lib's.
local core = require "moontide.ta.core"

---@class IndicatorsMomentum
local M = {}
local length, number = core.length, core.number

---Relative strength index (Wilder 1978): averages of gains and losses seeded with the mean of the first n changes, then
---smoothed by (previous * (n - 1) + current) / n. Speaks from the (n + 1)-th value; 50 while nothing moves.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.rsi(n)
  length(n, "rsi")
  local last, gain, loss, count = 0, 0, 0, 0
  return function(x)
    count = count + 1
    local change = x - last
    last = x
    if count == 1 then return nil end
    local up, down = change > 0 and change or 0, change < 0 and -change or 0
    if count <= n + 1 then
      gain, loss = gain + up / n, loss + down / n
      if count <= n then return nil end
    else
      gain, loss = (gain * (n - 1) + up) / n, (loss * (n - 1) + down) / n
    end
    if loss == 0 then return gain == 0 and 50 or 100 end
    return 100 - 100 / (1 + gain / loss)
  end
end

---Difference to the value n values ago (TA-Lib's MOM).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.mom(n)
  length(n, "mom")
  local ago = core.lag(n)
  return function(x)
    local old = ago(x)
    return old and x - old
  end
end

---Rate of change to the value n values ago, in percent (TA-Lib's ROC); 0 where that was 0.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.roc(n)
  length(n, "roc")
  local ago = core.lag(n)
  return function(x)
    local old = ago(x)
    if not old then return nil end
    return old == 0 and 0 or (x / old - 1) * 100
  end
end

---Moving average convergence divergence (Appel): difference of two EMAs and an EMA of that; each seeded with the mean of
---its first values. TA-Lib starts its faster EMA later, so that its first values differ a little and then agree.
---
---Errors: raises on lengths that are no whole numbers of at least 1, and when fast is not the shorter.
---@param fast integer? length in values; 12 when left out
---@param slow integer? length in values; 26 when left out
---@param signal integer? length in values; 9 when left out
---@return fun(x: number): number?, number?, number? # macd, signal, histogram (the last two later)
function M.macd(fast, slow, signal)
  fast, slow, signal = length(fast or 12, "macd"), length(slow or 26, "macd"), length(signal or 9, "macd")
  if fast >= slow then error("ta.macd: fast must be shorter than slow", 2) end
  local quick, calm, smooth = core.ema(fast, "sma"), core.ema(slow, "sma"), core.ema(signal, "sma")
  return function(x)
    local q, c = quick(x), calm(x)
    if not c then return nil end
    local line = q - c
    local s = smooth(line)
    if not s then return line end
    return line, s, line - s
  end
end

-- The difference of two averages made by `average`, in the name of `name`.
local function two_averages(name, average, fast, slow)
  length(fast, name, 1, "fast length")
  length(slow, name, 1, "slow length")
  if fast >= slow then error(("ta.%s: fast must be shorter than slow"):format(name), 3) end
  return average(fast), average(slow)
end

local function first_seeded(n) return core.ema(n, "first") end

---Absolute price oscillator: difference of two EMAs, seeded with their first value. (TA-Lib's default takes simple
---averages.)
---
---Errors: raises on lengths that are no whole numbers of at least 1, and when fast is not the shorter.
---@param fast integer? length in values; 12 when left out
---@param slow integer? length in values; 26 when left out
---@return fun(x: number): number?
function M.apo(fast, slow)
  local quick, calm = two_averages("apo", first_seeded, fast or 12, slow or 26)
  return function(x)
    local q, c = quick(x), calm(x)
    return c and q - c
  end
end

---Percentage price oscillator: the difference of two EMAs in percent of the slower, an EMA of that, and the difference;
---seeded with first values.
---
---Errors: raises on lengths that are no whole numbers of at least 1, and when fast is not the shorter.
---@param fast integer? length in values; 12 when left out
---@param slow integer? length in values; 26 when left out
---@param signal integer? length in values; 9 when left out
---@return fun(x: number): number?, number?, number? # ppo, signal, histogram (the last two later)
function M.ppo(fast, slow, signal)
  local quick, calm = two_averages("ppo", first_seeded, fast or 12, slow or 26)
  local smooth = core.ema(length(signal or 9, "ppo", 1, "signal length"), "first")
  return function(x)
    local q, c = quick(x), calm(x)
    if not c then return nil end
    local line = c == 0 and 0 or (q - c) / c * 100
    local s = smooth(line)
    if not s then return line end
    return line, s, line - s
  end
end

---Chande's momentum oscillator with Wilder's smoothing, as TA-Lib's CMO: 100 (up - down) / (up + down).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.cmo(n)
  length(n, "cmo")
  local ups, downs, last = core.wilder(n), core.wilder(n), nil
  return function(x)
    local before = last
    last = x
    if not before then return nil end
    local change = x - before
    local up, down = ups(change > 0 and change or 0), downs(change < 0 and -change or 0)
    if not up then return nil end
    return up + down == 0 and 0 or 100 * (up - down) / (up + down)
  end
end

---TRIX: change in percent of an EMA of an EMA of an EMA (TA-Lib's).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.trix(n)
  length(n, "trix")
  local one, two, three, last = core.ema(n, "sma"), core.ema(n, "sma"), core.ema(n, "sma"), nil
  return function(x)
    local y = one(x)
    y = y and two(y)
    y = y and three(y)
    if not y then return nil end
    local before = last
    last = y
    return before and (y / before - 1) * 100
  end
end

---True strength index (Blau 1991): 100 times the change, twice smoothed by EMAs, over its size smoothed alike; EMAs
---seeded with first values.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param long integer? 25 when left out
---@param short integer? 13 when left out
---@return fun(x: number): number?
function M.tsi(long, short)
  long, short = length(long or 25, "tsi", 1, "long length"), length(short or 13, "tsi", 1, "short length")
  local up1, up2 = core.ema(long, "first"), core.ema(short, "first")
  local size1, size2 = core.ema(long, "first"), core.ema(short, "first")
  local last
  return function(x)
    local before = last
    last = x
    if not before then return nil end
    local a, b = up1(x - before), size1(math.abs(x - before))
    if not a then return nil end
    a, b = up2(a), size2(b)
    if not a then return nil end
    return b == 0 and 0 or 100 * a / b
  end
end

---Coppock curve (1962): weighted average of the sum of two rates of change in percent.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param long integer? 14 when left out
---@param short integer? 11 when left out
---@param n integer? of the average; 10 when left out
---@return fun(x: number): number?
function M.coppock(long, short, n)
  local far = M.roc(length(long or 14, "coppock", 1, "long length"))
  local near = M.roc(length(short or 11, "coppock", 1, "short length"))
  local smooth = core.wma(length(n or 10, "coppock"))
  return function(x)
    local a, b = far(x), near(x)
    if not (a and b) then return nil end
    return smooth(a + b)
  end
end

---Know sure thing (Pring 1992): rates of change of 10, 15, 20 and 30 values, averaged over 10, 10, 10 and 15, weighted 1
---to 4; and its signal, the mean of the last 9.
---
---Errors: none.
---@return fun(x: number): number?, number? # kst, signal (later)
function M.kst()
  local r1, r2, r3, r4 = M.roc(10), M.roc(15), M.roc(20), M.roc(30)
  local s1, s2, s3, s4 = core.sma(10), core.sma(10), core.sma(10), core.sma(15)
  local signal = core.sma(9)
  return function(x)
    local a, b, c, d = r1(x), r2(x), r3(x), r4(x)
    a, b, c, d = a and s1(a), b and s2(b), c and s3(c), d and s4(d)
    if not d then return nil end
    local line = a + 2 * b + 3 * c + 4 * d
    return line, signal(line)
  end
end

---Detrended price oscillator: the value n / 2 + 1 values ago less the mean of the last n.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 20 when left out
---@return fun(x: number): number?
function M.dpo(n)
  n = length(n or 20, "dpo")
  local ago, mean = core.lag(math.floor(n / 2) + 1), core.sma(n)
  return function(x)
    local old, average = ago(x), mean(x)
    return old and average and old - average
  end
end

---Connors' RSI (2012): mean of a short RSI, the RSI of the streak of rises or falls, and the rank of the last change
---among the n before it, in percent.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param price integer? length of the RSI; 3 when left out
---@param streak integer? length of the streak's RSI; 2 when left out
---@param n integer? changes that are ranked; 100 when left out
---@return fun(x: number): number?
function M.connors_rsi(price, streak, n)
  local of_price = M.rsi(length(price or 3, "connors_rsi", 1, "length of the RSI"))
  local of_streak = M.rsi(length(streak or 2, "connors_rsi", 1, "length of the streak's RSI"))
  n = length(n or 100, "connors_rsi", 1, "number of changes")
  local push, at = core.ring(n)
  local last, run, count = nil, 0, 0
  return function(x)
    local a, before = of_price(x), last
    last = x
    if not before then return nil end
    if x > before then
      run = run > 0 and run + 1 or 1
    elseif x < before then
      run = run < 0 and run - 1 or -1
    else
      run = 0
    end
    local b = of_streak(run)
    local change, below = (x - before) / before, 0
    local full = count == n
    if full then
      for i = 0, n - 1 do
        if at(i) < change then below = below + 1 end
      end
    else
      count = count + 1
    end
    push(change)
    if not (a and b and full) then return nil end
    return (a + b + below / n * 100) / 3
  end
end

---Laguerre RSI (Ehlers 2002): strength between the four stages of a Laguerre filter, from 0 to 1; speaks from the fourth
---value. The filter starts from 0, as published.
---
---Errors: raises on a gamma outside of 0 to 1 (not included).
---@param gamma number? 0.5 when left out
---@return fun(x: number): number?
function M.laguerre_rsi(gamma)
  gamma = number(gamma or 0.5, "laguerre_rsi", "gamma")
  if gamma < 0 or gamma >= 1 then
    error(("ta.laguerre_rsi: gamma lies between 0 and 1, not %g"):format(gamma), 2)
  end
  local l0, l1, l2, l3, count = 0, 0, 0, 0, 0
  return function(x)
    local a, b, c = l0, l1, l2
    l0 = (1 - gamma) * x + gamma * a
    l1 = -gamma * l0 + a + gamma * b
    l2 = -gamma * l1 + b + gamma * c
    l3 = -gamma * l2 + c + gamma * l3
    count = count + 1
    if count < 4 then return nil end
    local d1, d2, d3 = l0 - l1, l1 - l2, l2 - l3
    local up = math.max(d1, 0) + math.max(d2, 0) + math.max(d3, 0)
    local down = math.max(-d1, 0) + math.max(-d2, 0) + math.max(-d3, 0)
    return up + down == 0 and 0 or up / (up + down)
  end
end

---Price momentum oscillator (Swenlin): change in percent, smoothed with factor 2 / s1, times ten, smoothed with 2 / s2;
---and its EMA.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param s1 integer? 35 when left out
---@param s2 integer? 20 when left out
---@param signal integer? 10 when left out
---@return fun(x: number): number?, number? # pmo, signal (later)
function M.pmo(s1, s2, signal)
  s1, s2 = length(s1 or 35, "pmo"), length(s2 or 20, "pmo")
  local one, two = core.ema(s1, "first", 2 / s1), core.ema(s2, "first", 2 / s2)
  local smooth = core.ema(length(signal or 10, "pmo", 1, "signal length"), "first")
  local last
  return function(x)
    local before = last
    last = x
    if not before then return nil end
    local y = one(100 * (x / before - 1))
    y = y and two(10 * y)
    if not y then return nil end
    return y, smooth(y)
  end
end

---Chande's forecast oscillator: distance in percent from the value that a least-squares line through the n values before
---foretold for the last of them.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer? 14 when left out
---@return fun(x: number): number?
function M.cfo(n)
  n = length(n or 14, "cfo", 2)
  local line, forecast = core.regression(n), nil
  return function(x)
    local before = forecast
    local slope, start = line(x)
    forecast = slope and start + slope * n
    if not before then return nil end
    return x == 0 and 0 or 100 * (x - before) / x
  end
end

---Kaufman's efficiency ratio: net change over n values by the sum of changes, from 0 to 1; 0 while nothing moves.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 10 when left out
---@return fun(x: number): number?
function M.efficiency_ratio(n)
  n = length(n or 10, "efficiency_ratio")
  local ago, changes, last = core.lag(n), core.sum(n), nil
  return function(x)
    local old, before = ago(x), last
    last = x
    if not before then return nil end
    local path = changes(math.abs(x - before))
    if not old then return nil end
    return path <= 0 and 0 or math.min(math.abs(x - old) / path, 1)
  end
end

---Psychological line: share of rises among the last n changes, in percent.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 12 when left out
---@return fun(x: number): number?
function M.psychological(n)
  n = length(n or 12, "psychological")
  local rises, last = core.sum(n), nil
  return function(x)
    local before = last
    last = x
    if not before then return nil end
    local sum, count = rises(x > before and 1 or 0)
    if count < n then return nil end
    return 100 * sum / n
  end
end

M.inputs = {}
M.outputs = {
  macd = { "macd", "signal", "histogram" },
  ppo = { "ppo", "signal", "histogram" },
  kst = { "kst", "signal" },
  pmo = { "pmo", "signal" },
}

return M

---Moving averages. Each constructor returns a function that takes the next value and returns the average, or nil while it
---warms up. Where TA-Lib has the indicator its values are TA-Lib's; the seed is said where libraries differ.
local core = require "moontide.ta.core"

---@class IndicatorsAverages
local M = {}
local length, number = core.length, core.number

---Exponential moving average: f = f + a * (x - f), a = 2 / (n + 1); speaks from the n-th value. Libraries seed it in two
---ways: "first" starts from the first value (charts, trading-signals, Tulip), "sma" from the mean of the first n (TA-Lib).
---
---Errors: raises on a length that is no whole number of at least 1, and on another seed.
---@param n integer length in values
---@param seed? "first"|"sma" "first" when left out
---@return fun(x: number): number?
function M.ema(n, seed)
  length(n, "ema")
  if seed ~= nil and seed ~= "first" and seed ~= "sma" then
    error(('ta.ema: the seed is "first" or "sma", not %s'):format(tostring(seed)), 2)
  end
  return core.ema(n, seed or "first")
end

---Simple moving average: the mean of the last n values.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.sma(n)
  length(n, "sma")
  return core.sma(n)
end

---Weighted moving average: weights 1 for the oldest to n for the newest.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.wma(n)
  length(n, "wma")
  return core.wma(n)
end

---Wilder's smoothed average, also known as RMA or SMMA: seeded with the mean of the first n values, then
---(previous * (n - 1) + x) / n.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.rma(n)
  length(n, "rma")
  return core.wilder(n)
end

-- Feeds what `first` says into `second`.
local function through(first, second)
  return function(x)
    local y = first(x)
    if y then return second(y) end
    return nil
  end
end

---Double exponential moving average (Mulloy 1994): 2 e - ema(e), each EMA seeded with a mean as in TA-Lib.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.dema(n)
  length(n, "dema")
  local one, two = core.ema(n, "sma"), core.ema(n, "sma")
  return function(x)
    local e1 = one(x)
    local e2 = e1 and two(e1)
    if not e2 then return nil end
    return 2 * e1 - e2
  end
end

---Triple exponential moving average (Mulloy 1994): 3 e1 - 3 e2 + e3, seeded as in TA-Lib.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.tema(n)
  length(n, "tema")
  local one, two, three = core.ema(n, "sma"), core.ema(n, "sma"), core.ema(n, "sma")
  return function(x)
    local e1 = one(x)
    local e2 = e1 and two(e1)
    local e3 = e2 and three(e2)
    if not e3 then return nil end
    return 3 * e1 - 3 * e2 + e3
  end
end

---Triangular moving average: a simple average of a simple average, together n values long.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.trima(n)
  length(n, "trima")
  local a, b = math.ceil(n / 2), math.floor(n / 2) + 1
  return through(core.sma(a), core.sma(b))
end

---Hull moving average (Hull 2005): wma(2 wma(n/2) - wma(n)) over the square root of n, both rounded down.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?
function M.hma(n)
  length(n, "hma", 2)
  local half, full, smooth = core.wma(math.floor(n / 2)), core.wma(n), core.wma(math.floor(math.sqrt(n)))
  return function(x)
    local h, f = half(x), full(x)
    if not f then return nil end
    return smooth(2 * h - f)
  end
end

---Kaufman's adaptive moving average (1995): the speed between an EMA of `fast` and of `slow` values follows the
---efficiency ratio over n values. Starts from the value before it first speaks, as TA-Lib does.
---
---Errors: raises on lengths that are no whole numbers of at least 1.
---@param n integer length in values
---@param fast integer? 2 when left out
---@param slow integer? 30 when left out
---@return fun(x: number): number?
function M.kama(n, fast, slow)
  length(n, "kama")
  local quick = 2 / (length(fast or 2, "kama", 1, "fast length") + 1)
  local calm = 2 / (length(slow or 30, "kama", 1, "slow length") + 1)
  local values, changes, last, f = core.ring(n), core.sum(n), nil, nil
  return function(x)
    local old = values(x)
    if not last then
      last = x
      return nil
    end
    local path = changes(math.abs(x - last))
    local before = last
    last = x
    if not old then return nil end
    local efficiency = path <= 0 and 1 or math.min(math.abs(x - old) / path, 1)
    local speed = efficiency * (quick - calm) + calm
    f = f or before
    f = f + speed * speed * (x - f)
    return f
  end
end

---Tillson's T3 (1998): six EMAs in a row, combined with volume factor v; seeded as in TA-Lib.
---
---Errors: raises on a length that is no whole number of at least 1, and a factor that is no number.
---@param n integer length in values
---@param v number? 0.7 when left out
---@return fun(x: number): number?
function M.t3(n, v)
  length(n, "t3")
  v = number(v or 0.7, "t3", "volume factor")
  local chain = {}
  for i = 1, 6 do
    chain[i] = core.ema(n, "sma")
  end
  local c1, c2 = -v * v * v, 3 * v * v + 3 * v * v * v
  local c3, c4 = -6 * v * v - 3 * v - 3 * v * v * v, 1 + 3 * v + v * v * v + 3 * v * v
  local e1, e2, e3, e4, e5, e6 = chain[1], chain[2], chain[3], chain[4], chain[5], chain[6]
  return function(x)
    local y = e1(x)
    y = y and e2(y)
    local third = y and e3(y)
    local fourth = third and e4(third)
    local fifth = fourth and e5(fourth)
    local sixth = fifth and e6(fifth)
    if not sixth then return nil end
    return c1 * sixth + c2 * fifth + c3 * fourth + c4 * third
  end
end

---Arnaud Legoux moving average (2009): Gaussian weights centred at `offset` of the window, n / sigma wide.
---
---Errors: raises on a length that is no whole number of at least 1, and on a sigma that is not above 0.
---@param n integer length in values
---@param offset number? 0.85 when left out
---@param sigma number? 6 when left out
---@return fun(x: number): number?
function M.alma(n, offset, sigma)
  length(n, "alma")
  offset, sigma = number(offset or 0.85, "alma", "offset"), number(sigma or 6, "alma", "sigma", 0)
  local weights, total, spread = {}, 0, n / sigma
  for i = 0, n - 1 do
    local d = i - offset * (n - 1)
    weights[i] = math.exp(-d * d / (2 * spread * spread))
    total = total + weights[i]
  end
  local push, at = core.ring(n)
  local count = 0
  return function(x)
    push(x)
    if count < n then count = count + 1 end
    if count < n then return nil end
    local sum = 0
    for i = 0, n - 1 do
      sum = sum + weights[i] * at(n - 1 - i)
    end
    return sum / total
  end
end

---Volume-weighted moving average: sum of price times volume over sum of volume of the last n bars; nil without volume.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in bars
---@return fun(x: number, volume: number): number?
function M.vwma(n)
  length(n, "vwma")
  local traded, volumes = core.sum(n), core.sum(n)
  return function(x, volume)
    local money, count = traded(x * volume)
    local amount = volumes(volume)
    if count < n or amount <= 0 then return nil end
    return money / amount
  end
end

---Fractal adaptive moving average (Ehlers 2005): the factor follows the fractal dimension of the last n values, n even.
---
---Errors: raises on a length that is no even whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?
function M.frama(n)
  length(n, "frama", 2)
  if n % 2 == 1 then error(("ta.frama: the length must be even, not %d"):format(n), 2) end
  local half = n / 2
  local push = core.ring(half)
  local high_new, low_new = core.extreme(half, 1), core.extreme(half, -1)
  local high_old, low_old = core.extreme(half, 1), core.extreme(half, -1)
  local high_all, low_all = core.extreme(n, 1), core.extreme(n, -1)
  local count, f = 0, 0
  return function(x)
    count = count + 1
    local hn, ln, ha, la = high_new(x), low_new(x), high_all(x), low_all(x)
    local left = push(x)
    local ho, lo
    if left then
      ho, lo = high_old(left), low_old(left)
    end
    if count < n then return nil end
    if count == n then
      f = x
      return f
    end
    local n1, n2, n3 = (ho - lo) / half, (hn - ln) / half, (ha - la) / n
    local dimension = 1
    if n1 > 0 and n2 > 0 then dimension = (math.log(n1 + n2) - math.log(n3)) / math.log(2) end
    local alpha = math.min(math.max(math.exp(-4.6 * (dimension - 1)), 0.01), 1)
    f = alpha * x + (1 - alpha) * f
    return f
  end
end

---Zero-lag exponential moving average (Ehlers and Way 2010): an EMA of 2 x - x[(n - 1) / 2 ago].
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?
function M.zlema(n)
  length(n, "zlema", 2)
  local lag, a = math.floor((n - 1) / 2), 2 / (n + 1)
  local ago, count, f = core.lag(lag), 0, nil
  return function(x)
    count = count + 1
    local old = ago(x)
    if count == lag then
      f = x
    elseif old then
      f = f and f + a * (2 * x - old - f) or 2 * x - old
    end
    if count < n then return nil end
    return f
  end
end

---Variable index dynamic average (Chande 1992): an EMA whose factor is scaled by the size of Chande's momentum
---oscillator over the same n values; starts from the first value.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.vidya(n)
  length(n, "vidya")
  local a, ups, downs, last, f = 2 / (n + 1), core.sum(n), core.sum(n), nil, nil
  return function(x)
    if not last then
      last, f = x, x
      return nil
    end
    local change = x - last
    last = x
    local up, count = ups(change > 0 and change or 0)
    local down = downs(change < 0 and -change or 0)
    if count < n then return nil end
    local total = up + down
    local size = total > 0 and math.abs(up - down) / total or 0
    f = f + a * size * (x - f)
    return f
  end
end

---McGinley dynamic (1990): f + (x - f) / (0.6 n (x / f)^4); starts from the first value and speaks from the n-th.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.mcginley(n)
  length(n, "mcginley")
  local f, count = nil, 0
  return function(x)
    count = count + 1
    if not f then
      f = x
    elseif f == 0 or x == 0 then
      f = 0
    else
      local r = x / f
      f = f + (x - f) / (0.6 * n * r * r * r * r)
    end
    if count < n then return nil end
    return f
  end
end

---Super smoother (Ehlers 2013): a two-pole low-pass filter with a critical period of n values.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.super_smoother(n)
  length(n, "super_smoother")
  local angle = math.sqrt(2) * math.pi / n
  local a = math.exp(-angle)
  local c2, c3 = 2 * a * math.cos(angle), -a * a
  local c1 = 1 - c2 - c3
  local last, f1, f2, count = 0, 0, 0, 0
  return function(x)
    count = count + 1
    local f = x
    if count > 2 then f = c1 * (x + last) / 2 + c2 * f1 + c3 * f2 end
    last, f2, f1 = x, f1, f
    if count < n then return nil end
    return f
  end
end

---Linear regression average: the end of the least-squares line through the last n values (TA-Lib's LINEARREG).
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?
function M.linreg(n)
  length(n, "linreg", 2)
  local line = core.regression(n)
  return function(x)
    local slope, start = line(x)
    if not slope then return nil end
    return start + slope * (n - 1)
  end
end

---Middle of the highest and lowest of the last n values (TA-Lib's MIDPOINT).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.midpoint(n)
  length(n, "midpoint")
  local channel = core.channel(n)
  return function(x)
    local h, l = channel(x, x)
    return h and (h + l) / 2
  end
end

---Middle of the highest high and lowest low of the last n bars (TA-Lib's MIDPRICE).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in bars
---@return fun(high: number, low: number): number?
function M.midprice(n)
  length(n, "midprice")
  local channel = core.channel(n)
  return function(high, low)
    local h, l = channel(high, low)
    return h and (h + l) / 2
  end
end

---Sine-weighted moving average: weights sin(pi i / (n + 1)), i from 1.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.sinwma(n)
  length(n, "sinwma")
  local weights, total = {}, 0
  for i = 1, n do
    weights[i] = math.sin(math.pi * i / (n + 1))
    total = total + weights[i]
  end
  local push, at = core.ring(n)
  local count = 0
  return function(x)
    push(x)
    if count < n then count = count + 1 end
    if count < n then return nil end
    local sum = 0
    for i = 1, n do
      sum = sum + weights[i] * at(n - i)
    end
    return sum / total
  end
end

---Williams' alligator (1995): three Wilder averages of the bar's middle, of 13, 8 and 5 bars, moved 8, 5 and 3 bars on;
---given as they stand on the chart at the present bar.
---
---Errors: none.
---@return fun(high: number, low: number): number?, number?, number? # jaw, teeth, lips
function M.alligator()
  local jaw, teeth, lips = core.wilder(13), core.wilder(8), core.wilder(5)
  local jaw_ago, teeth_ago, lips_ago = core.lag(8), core.lag(5), core.lag(3)
  return function(high, low)
    local middle = (high + low) / 2
    local j, t, l = jaw(middle), teeth(middle), lips(middle)
    l = l and lips_ago(l)
    t = t and teeth_ago(t)
    j = j and jaw_ago(j)
    if not j then return nil end
    return j, t, l
  end
end

M.inputs = {
  vwma = { "close", "volume" },
  midprice = { "high", "low" },
  alligator = { "high", "low" },
}
M.outputs = { alligator = { "jaw", "teeth", "lips" } }

return M

---Rolling statistics. Each constructor returns a function that takes the next value (or pair) and returns the statistic of
---the last n, or nil while it warms up. Where TA-Lib has the function its values are TA-Lib's.
local core = require "moontide.ta.core"

---@class IndicatorsStatistics
local M = {}
local length, number = core.length, core.number

-- A window's extreme that speaks from the n-th value.
local function window_extreme(n, sign)
  local extreme, count = core.extreme(n, sign), 0
  return function(x)
    count = count + 1
    local value = extreme(x)
    if count < n then return nil end
    return value
  end
end

---Highest of the last n values.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.highest(n) return window_extreme(length(n, "highest"), 1) end

---Lowest of the last n values.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.lowest(n) return window_extreme(length(n, "lowest"), -1) end

---Sum of the last n values.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.sum(n)
  local push = core.sum(length(n, "sum"))
  return function(x)
    local sum, count = push(x)
    if count < n then return nil end
    return sum
  end
end

---Population variance of the last n values (TA-Lib's VAR).
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.variance(n)
  local moments = core.moments(length(n, "variance"))
  return function(x)
    local mean, variance = moments(x)
    return mean and variance
  end
end

---Z-score: distance of the value from the mean of the last n, in population deviations; 0 where they are all alike.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?
function M.zscore(n)
  local moments = core.moments(length(n, "zscore", 2))
  return function(x)
    local mean, variance = moments(x)
    if not mean then return nil end
    return variance <= 0 and 0 or (x - mean) / math.sqrt(variance)
  end
end

-- Powers of the deviations of the last n values, from the definition.
local function standardised(n, power)
  local moments, push, at = core.moments(n), core.ring(n)
  return function(x)
    push(x)
    local mean, variance = moments(x)
    if not mean then return nil end
    if variance <= 0 then return 0 end
    local sum, deviation = 0, math.sqrt(variance)
    for i = 0, n - 1 do
      sum = sum + ((at(i) - mean) / deviation) ^ power
    end
    return sum / n
  end
end

---Skewness of the last n values (population form); 0 where they are all alike.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?
function M.skewness(n) return standardised(length(n, "skewness", 2), 3) end

---Kurtosis of the last n values (population form, 3 for a normal law); 0 where they are all alike.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?
function M.kurtosis(n) return standardised(length(n, "kurtosis", 2), 4) end

-- The last n values in order of size: a sorted array kept by insertion, without allocation.
local function sorted(n)
  local push, list, count = core.ring(n), {}, 0
  for i = 1, n do
    list[i] = 0
  end
  return function(x)
    local old = push(x)
    local i
    if old then
      i = 1
      while list[i] ~= old do
        i = i + 1
      end
      while i < n and list[i + 1] < x do
        list[i] = list[i + 1]
        i = i + 1
      end
    else
      count = count + 1
      i = count
    end
    while i > 1 and list[i - 1] > x do
      list[i] = list[i - 1]
      i = i - 1
    end
    list[i] = x
    if count < n then return nil end
    return list
  end
end

---Quantile of the last n values, linear between neighbours (type 7, as NumPy's default).
---
---Errors: raises on a length that is no whole number of at least 1, and a share outside of 0 to 1.
---@param n integer length in values
---@param q number? share; 0.5, the median, when left out
---@return fun(x: number): number?
function M.quantile(n, q)
  length(n, "quantile")
  q = number(q or 0.5, "quantile", "share")
  if q < 0 or q > 1 then error(("ta.quantile: the share lies between 0 and 1, not %g"):format(q), 2) end
  local order, place = sorted(n), (n - 1) * q + 1
  local low = math.floor(place)
  local high, part = math.min(low + 1, n), place - low
  return function(x)
    local list = order(x)
    if not list then return nil end
    return list[low] + part * (list[high] - list[low])
  end
end

---Median of the last n values.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.median(n) return M.quantile(length(n, "median"), 0.5) end

---Share of the n values before that the new one exceeds, in percent.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.percent_rank(n)
  length(n, "percent_rank")
  local push, at = core.ring(n)
  local count = 0
  return function(x)
    local below, full = 0, count == n
    if full then
      for i = 0, n - 1 do
        if at(i) < x then below = below + 1 end
      end
    else
      count = count + 1
    end
    push(x)
    return full and 100 * below / n or nil
  end
end

---Least-squares line through the last n values: slope a value, its start, R squared, and the value it foretells for the
---next (TA-Lib's LINEARREG_SLOPE, LINEARREG_INTERCEPT, TSF).
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?, number?, number?, number? # slope, intercept, R squared, forecast
function M.regression(n)
  length(n, "regression", 2)
  local line, moments, spread = core.regression(n), core.moments(n), (n * n - 1) / 12
  return function(x)
    local slope, start = line(x)
    local _, variance = moments(x)
    if not slope then return nil end
    local fit = variance <= 0 and 0 or math.min(slope * slope * spread / variance, 1)
    return slope, start, fit, start + slope * n
  end
end

-- Means of the last n of x, y and their products, about moving centres so that large prices lose no digits.
local function pair(n)
  local push_x, at_x = core.ring(n)
  local push_y, at_y = core.ring(n)
  local count = 0
  return function(x, y)
    push_x(x)
    push_y(y)
    if count < n then count = count + 1 end
    if count < n then return nil end
    local mx, my = 0, 0
    for i = 0, n - 1 do
      mx, my = mx + at_x(i), my + at_y(i)
    end
    mx, my = mx / n, my / n
    local xx, yy, xy = 0, 0, 0
    for i = 0, n - 1 do
      local dx, dy = at_x(i) - mx, at_y(i) - my
      xx, yy, xy = xx + dx * dx, yy + dy * dy, xy + dx * dy
    end
    return xx / n, yy / n, xy / n
  end
end

---Correlation (Pearson) of the last n pairs; 0 where one does not vary (TA-Lib's CORREL).
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in pairs
---@return fun(x: number, y: number): number?
function M.correlation(n)
  local products = pair(length(n, "correlation", 2))
  return function(x, y)
    local xx, yy, xy = products(x, y)
    if not xx then return nil end
    return xx * yy <= 0 and 0 or xy / math.sqrt(xx * yy)
  end
end

---Covariance (population form) of the last n pairs.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in pairs
---@return fun(x: number, y: number): number?
function M.covariance(n)
  local products = pair(length(n, "covariance", 2))
  return function(x, y)
    local xx, _, xy = products(x, y)
    return xx and xy
  end
end

---Beta: slope of the returns of x on those of y, the market, over the last n returns; 0 where y does not vary (TA-Lib's
---BETA with the arguments the other way round).
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in returns
---@return fun(x: number, y: number): number?
function M.beta(n)
  local products, last_x, last_y = pair(length(n, "beta", 2)), nil, nil
  return function(x, y)
    local bx, by = last_x, last_y
    last_x, last_y = x, y
    if not bx then return nil end
    local _, yy, xy = products(x / bx - 1, y / by - 1)
    if not yy then return nil end
    return yy <= 0 and 0 or xy / yy
  end
end

---Correlation of the last n values with those `lag` values before.
---
---Errors: raises on a length that is no whole number of at least 2, and a lag below 1.
---@param n integer length in pairs
---@param lag integer? 1 when left out
---@return fun(x: number): number?
function M.autocorrelation(n, lag)
  length(n, "autocorrelation", 2)
  local ago, correlation = core.lag(length(lag or 1, "autocorrelation", 1, "lag")), M.correlation(n)
  return function(x)
    local old = ago(x)
    if not old then return nil end
    return correlation(x, old)
  end
end

-- Slope of log(rescaled range) on log(size) over blocks of 8, 16, 32... values of the window.
local function rescaled_range(at, n)
  local sx, sy, sxx, sxy, points = 0, 0, 0, 0, 0
  local size = 8
  while size <= n do
    local blocks, total = math.floor(n / size), 0
    local used = 0
    for b = 0, blocks - 1 do
      local first, mean = b * size, 0
      for i = first, first + size - 1 do
        mean = mean + at(i) / size
      end
      local run, most, least, squares = 0, -math.huge, math.huge, 0
      for i = first, first + size - 1 do
        local d = at(i) - mean
        run = run + d
        most, least, squares = math.max(most, run), math.min(least, run), squares + d * d
      end
      if squares > 0 then
        total, used = total + (most - least) / math.sqrt(squares / size), used + 1
      end
    end
    if used > 0 then
      local x, y = math.log(size), math.log(total / used)
      sx, sy, sxx, sxy, points = sx + x, sy + y, sxx + x * x, sxy + x * y, points + 1
    end
    size = size * 2
  end
  if points < 2 then return 0.5 end
  return (points * sxy - sx * sy) / (points * sxx - sx * sx)
end

---Hurst exponent of the last n logarithmic returns by rescaled range over blocks of 8, 16, 32... (Hurst 1951): about 0.5
---(a little more in short windows) for a random walk, more in trends.
---
---Errors: raises on a length that is no whole number of at least 16.
---@param n integer? 128 when left out
---@return fun(x: number): number?
function M.hurst(n)
  n = length(n or 128, "hurst", 16)
  local push, at = core.ring(n)
  local last, count = nil, 0
  return function(x)
    local before = last
    last = x
    if not before then return nil end
    push(math.log(x / before))
    if count < n then count = count + 1 end
    if count < n then return nil end
    return rescaled_range(at, n)
  end
end

---Entropy of the signs of the last n changes in words of `m`, by its most, from 0 (always the same) to 1 (all words alike).
---
---Errors: raises on lengths that are no whole numbers of at least 1, and words longer than 10.
---@param n integer? 100 when left out
---@param m integer? 3 when left out
---@return fun(x: number): number?
function M.entropy(n, m)
  n, m = length(n or 100, "entropy", 2), length(m or 3, "entropy", 1, "length of a word")
  if m > 10 then error("ta.entropy: a word has at most 10 signs", 2) end
  local words, counts, push = 2 ^ m, {}, core.ring(n)
  for i = 0, words - 1 do
    counts[i] = 0
  end
  local last, word, seen, count = nil, 0, 0, 0
  return function(x)
    local before = last
    last = x
    if not before then return nil end
    word = (word * 2 + (x > before and 1 or 0)) % words
    seen = seen + 1
    if seen < m then return nil end
    local old = push(word)
    counts[word] = counts[word] + 1
    if old then
      counts[old] = counts[old] - 1
    else
      count = count + 1
    end
    if count < n then return nil end
    local sum = 0
    for i = 0, words - 1 do
      local p = counts[i] / n
      if p > 0 then sum = sum - p * math.log(p) end
    end
    return sum / (m * math.log(2))
  end
end

M.inputs = {
  correlation = { "close", "other" },
  covariance = { "close", "other" },
  beta = { "close", "other" },
}
M.outputs = { regression = { "slope", "intercept", "r_squared", "forecast" } }

return M

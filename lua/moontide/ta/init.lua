---Streaming indicators: each constructor returns a function that takes the next value and returns the indicator, or
---nil while it warms up. Constant work and no allocation per value.
local M = {}

local function check(n, name, least)
  if type(n) ~= "number" or n < (least or 1) or n ~= math.floor(n) then
    error(
      ("ta.%s: the length must be a whole number of at least %d, not %s"):format(
        name,
        least or 1,
        tostring(n)
      ),
      3
    )
  end
end

---Exponential moving average: f = f + a * (x - f), a = 2 / (n + 1), seeded with the first value; first value at the n-th input.
---Source: the recurrence as Wilder and TA texts give it; the seed is the first close, not an SMA.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.ema(n)
  check(n, "ema")
  local a, f, count = 2 / (n + 1), 0, 0
  return function(x)
    if count < n then
      count = count + 1
      f = count == 1 and x or f + a * (x - f)
      if count < n then return nil end
      return f
    end
    f = f + a * (x - f)
    return f
  end
end

-- Sums over the last n values, made anew once a round so that rounding does not pile up.
local function window(n)
  local ring, at, count, sum, fresh = {}, 0, 0, 0, 0
  for i = 1, n do
    ring[i] = 0
  end
  return function(x)
    at = at + 1
    if at > n then
      at = 1
      sum = fresh
      fresh = 0
    end
    sum = sum - ring[at] + x
    fresh = fresh + x
    ring[at] = x
    if count < n then count = count + 1 end
    return sum, count
  end
end

---Simple moving average: the mean of the last n values.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.sma(n)
  check(n, "sma")
  local push = window(n)
  return function(x)
    local sum, count = push(x)
    if count < n then return nil end
    return sum / n
  end
end

---Standard deviation of the last n values, population form (divided by n). Mean and squared deviations slide along
---(Welford's update for a window) and are made anew once every n values, so that rounding does not pile up.
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@return fun(x: number): number?, number? # deviation, mean
function M.stdev(n)
  check(n, "stdev", 2)
  local ring, at, count, mean, squares = {}, 0, 0, 0, 0
  for i = 1, n do
    ring[i] = 0
  end
  return function(x)
    at = at + 1
    if at > n then at = 1 end
    local old = ring[at]
    ring[at] = x
    if count < n then count = count + 1 end
    if at == n then
      mean, squares = 0, 0
      for i = 1, n do
        mean = mean + ring[i] / n
      end
      for i = 1, n do
        squares = squares + (ring[i] - mean) * (ring[i] - mean)
      end
    elseif count == n then
      local before = mean
      mean = mean + (x - old) / n
      squares = squares + (x - old) * (x - mean + old - before)
    end
    if count < n then return nil end
    return math.sqrt(math.max(squares, 0) / n), mean
  end
end

---Bollinger bands: the mean of n values and k population deviations around it (Bollinger, 1980s).
---
---Errors: raises on a length that is no whole number of at least 2.
---@param n integer length in values
---@param k number? deviations; 2 when left out
---@return fun(x: number): number?, number?, number? # middle, upper, lower
function M.bollinger(n, k)
  check(n, "bollinger", 2)
  k = k or 2
  local deviation_of = M.stdev(n)
  return function(x)
    local deviation, mean = deviation_of(x)
    if not deviation then return nil end
    return mean, mean + k * deviation, mean - k * deviation
  end
end

---Relative strength index (Wilder 1978): averages of gains and losses seeded with the mean of the first n changes, then
---smoothed by (previous * (n - 1) + current) / n. Speaks from the (n + 1)-th value.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.rsi(n)
  check(n, "rsi")
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

---Average true range (Wilder 1978): seeded with the mean of the first n true ranges, which start at the second bar.
---Speaks from the (n + 1)-th bar.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(high: number, low: number, close: number): number?
function M.atr(n)
  check(n, "atr")
  local last, average, count = 0, 0, 0
  return function(high, low, close)
    count = count + 1
    local range = math.max(high - low, math.abs(high - last), math.abs(low - last))
    last = close
    if count == 1 then return nil end
    if count <= n + 1 then
      average = average + range / n
      if count <= n then return nil end
    else
      average = (average * (n - 1) + range) / n
    end
    return average
  end
end

-- An EMA seeded with the mean of its first n values, as TA-Lib seeds MACD.
local function sma_seeded_ema(n)
  local a, f, sum, count = 2 / (n + 1), 0, 0, 0
  return function(x)
    count = count + 1
    if count < n then
      sum = sum + x
      return nil
    end
    if count == n then
      f = (sum + x) / n
    else
      f = f + a * (x - f)
    end
    return f
  end
end

---Moving average convergence divergence (Appel): difference of two EMAs and an EMA of that; each seeded with the mean of
---its first values.
---
---Errors: raises on lengths that are no whole numbers of at least 1, and when fast is not the shorter.
---@param fast integer? length in values; 12 when left out
---@param slow integer? length in values; 26 when left out
---@param signal integer? length in values; 9 when left out
---@return fun(x: number): number?, number?, number? # macd, signal, histogram (the last two later)
function M.macd(fast, slow, signal)
  fast, slow, signal = fast or 12, slow or 26, signal or 9
  check(fast, "macd")
  check(slow, "macd")
  check(signal, "macd")
  if fast >= slow then error("ta.macd: fast must be shorter than slow", 2) end
  local quick, calm, smooth = sma_seeded_ema(fast), sma_seeded_ema(slow), sma_seeded_ema(signal)
  return function(x)
    local q, c = quick(x), calm(x)
    if not c then return nil end
    local line = q - c
    local s = smooth(line)
    if not s then return line end
    return line, s, line - s
  end
end

-- The extreme of the last n values in constant amortised work: a deque of candidates in a ring.
local function extreme(n, sign)
  local value, index, first, count, t = {}, {}, 0, 0, 0
  for i = 0, n - 1 do
    value[i], index[i] = 0, 0
  end
  return function(x)
    t = t + 1
    x = x * sign
    while count > 0 and value[(first + count - 1) % n] <= x do
      count = count - 1
    end
    if count > 0 and index[first] <= t - n then
      first = (first + 1) % n
      count = count - 1
    end
    local at = (first + count) % n
    value[at], index[at] = x, t
    count = count + 1
    return value[first] * sign
  end
end

---Donchian channel: the highest high and lowest low of the last n bars.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(high: number, low: number): number?, number?, number? # upper, lower, middle
function M.donchian(n)
  check(n, "donchian")
  local highest, lowest, count = extreme(n, 1), extreme(n, -1), 0
  return function(high, low)
    local upper, lower = highest(high), lowest(low)
    count = count + 1
    if count < n then return nil end
    return upper, lower, (upper + lower) / 2
  end
end

return M

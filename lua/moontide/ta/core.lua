---What the families of indicators share: checks of parameters, sums and extremes of a window, moving averages. Everything
---does constant work and allocates nothing per value once it is made.
local core = {}

---Raises unless `n` is a whole number of at least `least`, in the name of the user's line.
---@param n any what was given
---@param name string the indicator
---@param least integer? smallest length; 1 when left out
---@param what string? what `n` is; "length" when left out
---@return integer n
function core.length(n, name, least, what)
  least = least or 1
  if type(n) ~= "number" or n < least or n ~= math.floor(n) or n > 1e7 then
    error(
      ("ta.%s: the %s must be a whole number of at least %d, not %s"):format(
        name,
        what or "length",
        least,
        tostring(n)
      ),
      3
    )
  end
  return n
end

---Raises unless `x` is a finite number above `above` (where given).
---@param x any what was given
---@param name string the indicator
---@param what string what `x` is
---@param above number? bound that is not reached
---@return number x
function core.number(x, name, what, above)
  if type(x) ~= "number" or x ~= x or math.abs(x) == math.huge or (above and x <= above) then
    error(
      ("ta.%s: the %s must be a number%s, not %s"):format(
        name,
        what,
        above and (" above %g"):format(above) or "",
        tostring(x)
      ),
      3
    )
  end
  return x
end

---The last n values: push(x) returns the value that fell out (nil while fewer than n were held); at(i) the i-th newest,
---0 the newest.
---@param n integer
---@return fun(x: number): number? push
---@return fun(i: integer): number at
function core.ring(n)
  local ring, at, count = {}, 0, 0
  for i = 1, n do
    ring[i] = 0
  end
  local function push(x)
    at = at + 1
    if at > n then at = 1 end
    local old = ring[at]
    ring[at] = x
    if count < n then
      count = count + 1
      return nil
    end
    return old
  end
  local function get(i)
    local k = at - i
    if k < 1 then k = k + n end
    return ring[k]
  end
  return push, get
end

---Sum of the last n values, made anew once a round so that rounding does not pile up.
---@param n integer
---@return fun(x: number): number, integer # sum, values held
function core.sum(n)
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

---Mean of the last n values; nil before.
---@param n integer
---@return fun(x: number): number?
function core.sma(n)
  local push = core.sum(n)
  return function(x)
    local sum, count = push(x)
    if count < n then return nil end
    return sum / n
  end
end

---Exponential mean with factor `a`, seeded with the first value ("first") or the mean of the first n ("sma").
---@param n integer values until it speaks
---@param seed "first"|"sma"
---@param a number? factor; 2 / (n + 1) when left out
---@return fun(x: number): number?
function core.ema(n, seed, a)
  local factor, f, count = a or 2 / (n + 1), 0, 0 -- a local that never changes is a constant to the compiler
  if seed == "first" then
    return function(x)
      if count < n then
        count = count + 1
        f = count == 1 and x or f + factor * (x - f)
        if count < n then return nil end
        return f
      end
      f = f + factor * (x - f)
      return f
    end
  end
  return function(x)
    if count < n then
      count = count + 1
      f = f + x
      if count < n then return nil end
      f = f / n
      return f
    end
    f = f + factor * (x - f)
    return f
  end
end

---Wilder's smoothing: the mean of the first n values, then (previous * (n - 1) + x) / n.
---@param n integer
---@return fun(x: number): number?
function core.wilder(n) return core.ema(n, "sma", 1 / n) end

---Mean of the last n values weighted 1 for the oldest to n for the newest.
---@param n integer
---@return fun(x: number): number?
function core.wma(n)
  local ring, at, count, weight = {}, 0, 0, n * (n + 1) / 2
  for i = 1, n do
    ring[i] = 0
  end
  local total, weighted = 0, 0
  return function(x)
    at = at + 1
    if at > n then at = 1 end
    weighted = weighted - total + n * x
    total = total - ring[at] + x
    ring[at] = x
    if at == n then -- anew once a round
      total, weighted = 0, 0
      for i = 1, n do
        total = total + ring[i]
        weighted = weighted + i * ring[i]
      end
    end
    if count < n then count = count + 1 end
    if count < n then return nil end
    return weighted / weight
  end
end

---The largest (sign 1) or smallest (sign -1) of the last n values and its age in values, in constant amortised work: a
---deque of candidates in a ring. Speaks from the first value.
---@param n integer
---@param sign 1|-1
---@param newest boolean? of equal ones the newest counts (else the oldest)
---@return fun(x: number): number, integer # extreme, values since
function core.extreme(n, sign, newest)
  local value, index, first, count, t = {}, {}, 0, 0, 0
  for i = 0, n - 1 do
    value[i], index[i] = 0, 0
  end
  return function(x)
    t = t + 1
    x = x * sign
    while count > 0 do
      local tail = value[(first + count - 1) % n]
      if tail < x or (newest and tail == x) then
        count = count - 1
      else
        break
      end
    end
    if count > 0 and index[first] <= t - n then
      first = (first + 1) % n
      count = count - 1
    end
    local at = (first + count) % n
    value[at], index[at] = x, t
    count = count + 1
    return value[first] * sign, t - index[first]
  end
end

---The highest high and lowest low of the last n bars; nil before.
---@param n integer
---@return fun(high: number, low: number): number?, number?
function core.channel(n)
  local highest, lowest, count = core.extreme(n, 1), core.extreme(n, -1), 0
  return function(high, low)
    local h, l = highest(high), lowest(low)
    if count < n then count = count + 1 end
    if count < n then return nil end
    return h, l
  end
end

---The value n values ago; nil before.
---@param n integer
---@return fun(x: number): number?
function core.lag(n)
  if n == 0 then
    return function(x) return x end
  end
  local push = core.ring(n)
  return push
end

---Mean and population variance of the last n values (Welford's update for a window, made anew once a round).
---@param n integer
---@return fun(x: number): number?, number? # mean, variance
function core.moments(n)
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
    return mean, math.max(squares, 0) / n
  end
end

---True range of a bar: nil for the first bar, which has no close before it, unless `first` asks for high - low there.
---@param first boolean? the first bar gives high - low
---@return fun(high: number, low: number, close: number): number?
function core.true_range(first)
  local last
  return function(high, low, close)
    local before = last
    last = close
    if not before then return first and high - low or nil end
    return math.max(high - low, math.abs(high - before), math.abs(low - before))
  end
end

---Least squares over the last n values against 0..n-1: slope, value at the start, and sums; nil before.
---@param n integer
---@return fun(y: number): number?, number? # slope, intercept
function core.regression(n)
  local sums, count, weighted, sum = core.sum(n), 0, 0, 0
  local sx, sxx = n * (n - 1) / 2, (n - 1) * n * (2 * n - 1) / 6
  local ring, at = {}, 0
  for i = 1, n do
    ring[i] = 0
  end
  return function(y)
    at = at + 1
    if at > n then at = 1 end
    local old = ring[at]
    ring[at] = y
    if count < n then
      weighted = weighted + count * y
      count = count + 1
      sum = sums(y)
    else
      weighted = weighted - (sum - old) + (n - 1) * y
      sum = sums(y)
    end
    if at == n then
      weighted = 0
      for i = 1, n do
        weighted = weighted + (i - 1) * ring[i]
      end
    end
    if count < n then return nil end
    local slope = n == 1 and 0 or (n * weighted - sx * sum) / (n * sxx - sx * sx)
    return slope, (sum - slope * sx) / n
  end
end

return core

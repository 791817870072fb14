---Putting indicators together: crossings, chains, windows, whole arrays.
local core = require "moontide.ta.core"

---@class IndicatorsCompose
local M = {}

-- A line is an indicator, which is fed, or a number, which stands still.
local function line_of(x, name)
  if type(x) == "number" then
    return function() return x end
  end
  if type(x) ~= "function" then
    error(("ta.%s: a line is an indicator (a function) or a number, not a %s"):format(name, type(x)), 3)
  end
  return x
end

-- Calls `found` with the difference of both lines before and now.
local function crossing(name, a, b, found)
  a, b = line_of(a, name), line_of(b, name)
  local side
  return function(...)
    local x, y = a(...), b(...)
    if not (x and y) then return false, x, y end
    local now = x - y
    local hit = found(side, now)
    if now ~= 0 then side = now end
    return hit, x, y
  end
end

local function over(before, now) return before ~= nil and before < 0 and now > 0 end
local function under(before, now) return before ~= nil and before > 0 and now < 0 end

---Tells when line a crosses over line b: it was below (touching does not count) and is above now. Each is an indicator,
---fed with the values given, or a number.
---
---Errors: raises when a line is neither.
---@param a (fun(...): number?)|number an indicator or a level
---@param b (fun(...): number?)|number an indicator or a level
---@return fun(...): boolean, number?, number? # crossed now, both lines
function M.cross_over(a, b) return crossing("cross_over", a, b, over) end

---Tells when line a crosses under line b: it was above and is below now.
---
---Errors: raises when a line is neither an indicator nor a number.
---@param a (fun(...): number?)|number an indicator or a level
---@param b (fun(...): number?)|number an indicator or a level
---@return fun(...): boolean, number?, number? # crossed now, both lines
function M.cross_under(a, b) return crossing("cross_under", a, b, under) end

---Tells when either line crosses the other: 1 over, -1 under, 0 not.
---
---Errors: raises when a line is neither an indicator nor a number.
---@param a (fun(...): number?)|number an indicator or a level
---@param b (fun(...): number?)|number an indicator or a level
---@return fun(...): integer, number?, number? # crossing, both lines
function M.cross(a, b)
  local side = crossing("cross", a, b, function(before, now)
    if over(before, now) then return 1 end
    return under(before, now) and -1 or 0
  end)
  return function(...)
    local hit, x, y = side(...)
    return hit or 0, x, y
  end
end

---Feeds the first result of each indicator into the next: `ta.chain(ta.rsi(14), ta.sma(9))` is the mean of the last nine
---values of RSI.
---
---Errors: raises when one is no function.
---@param ... fun(...): number? indicators, the first fed with what is given
---@return fun(...): number?
function M.chain(...)
  local list = { ... }
  if #list == 0 then error("ta.chain: give at least one indicator", 2) end
  for i, f in ipairs(list) do
    if type(f) ~= "function" then
      error(("ta.chain: part %d is no indicator but a %s"):format(i, type(f)), 2)
    end
  end
  if #list == 1 then return list[1] end
  local first, rest = list[1], M.chain(unpack(list, 2))
  return function(...)
    local x = first(...)
    if x == nil then return nil end
    return rest(x)
  end
end

---The value n values ago.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return fun(x: number): number?
function M.lag(n) return core.lag(core.length(n, "lag")) end

---A window of the last n values: `push(x)` adds one, `at(0)` is the newest, `at(i)` the one i before; nil beyond what it
---holds.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer length in values
---@return { push: fun(x: number), at: (fun(i: integer): number?), count: fun(): integer }
function M.window(n)
  local push, at = core.ring(core.length(n, "window"))
  local count = 0
  return {
    push = function(x)
      push(x)
      if count < n then count = count + 1 end
    end,
    at = function(i)
      if type(i) ~= "number" or i < 0 or i >= count or i ~= math.floor(i) then return nil end
      return at(i)
    end,
    count = function() return count end,
  }
end

---Runs an indicator over whole arrays: `ta.over(ta.rsi(14), closes)`, `ta.over(ta.atr(14), highs, lows, closes)`. Returns
---one array a result, as long as the first, with `false` where the indicator does not speak yet (a hole would end it).
---
---Errors: raises when the arrays differ in length.
---@param indicator fun(...): number? a fresh one
---@param ... number[] one array an argument of the indicator
---@return (number|false)[] ...
function M.over(indicator, ...)
  local columns, results = { ... }, {}
  if #columns == 0 then error("ta.over: give an array of values", 2) end
  local rows = #columns[1]
  for i = 2, #columns do
    if #columns[i] ~= rows then
      error(("ta.over: array %d has %d values and the first %d"):format(i, #columns[i], rows), 2)
    end
  end
  local row = {}
  local function keep(i, ...)
    local count = select("#", ...)
    for k = #results + 1, count do
      results[k] = {}
      for j = 1, i - 1 do
        results[k][j] = false
      end
    end
    for k = 1, #results do
      results[k][i] = k <= count and select(k, ...) or false
    end
  end
  for i = 1, rows do
    for k = 1, #columns do
      row[k] = columns[k][i]
    end
    keep(i, indicator(unpack(row, 1, #columns)))
  end
  return unpack(results)
end

return M

---Levels of support and resistance made from the high, low and close of the period before (a day, a week). Feed them the
---bars of that period; they return the levels of the next.
local core = require "moontide.ta.core"

---@class IndicatorsLevels
local M = {}

---Floor traders' pivot points.
---
---Errors: none.
---@return fun(high: number, low: number, close: number): number, number, number, number, number, number, number # pivot, r1, s1, r2, s2, r3, s3
function M.pivots()
  return function(high, low, close)
    local p = (high + low + close) / 3
    return p,
      2 * p - low,
      2 * p - high,
      p + (high - low),
      p - (high - low),
      high + 2 * (p - low),
      low - 2 * (high - p)
  end
end

---Fibonacci pivots: the pivot and 0.382, 0.618 and 1 of the range around it.
---
---Errors: none.
---@return fun(high: number, low: number, close: number): number, number, number, number, number, number, number # pivot, r1, s1, r2, s2, r3, s3
function M.fibonacci_pivots()
  return function(high, low, close)
    local p, range = (high + low + close) / 3, high - low
    return p, p + 0.382 * range, p - 0.382 * range, p + 0.618 * range, p - 0.618 * range, p + range, p - range
  end
end

---Camarilla levels (Scott 1989): the close and 1.1 / 12, 1.1 / 6, 1.1 / 4 and 1.1 / 2 of the range around it.
---
---Errors: none.
---@return fun(high: number, low: number, close: number): number, number, number, number, number, number, number, number # r1, s1, r2, s2, r3, s3, r4, s4
function M.camarilla()
  return function(high, low, close)
    local range = (high - low) * 1.1
    return close + range / 12,
      close - range / 12,
      close + range / 6,
      close - range / 6,
      close + range / 4,
      close - range / 4,
      close + range / 2,
      close - range / 2
  end
end

---Woodie's pivots: the close counts twice.
---
---Errors: none.
---@return fun(high: number, low: number, close: number): number, number, number, number, number # pivot, r1, s1, r2, s2
function M.woodie()
  return function(high, low, close)
    local p = (high + low + 2 * close) / 4
    return p, 2 * p - low, 2 * p - high, p + high - low, p - high + low
  end
end

---DeMark's levels: which price counts twice follows whether the bar rose or fell.
---
---Errors: none.
---@return fun(open: number, high: number, low: number, close: number): number, number, number # pivot, r1, s1
function M.demark()
  return function(open, high, low, close)
    local x = high + low + close
    if close < open then
      x = x + low
    elseif close > open then
      x = x + high
    else
      x = x + close
    end
    return x / 4, x / 2 - low, x / 2 - high
  end
end

---Retracements of the range of the last n bars: the levels at 23.6, 38.2, 50, 61.8 and 78.6 percent below its top.
---
---Errors: raises on a length that is no whole number of at least 1.
---@param n integer? 100 when left out
---@return fun(high: number, low: number): number?, number?, number?, number?, number? # 23.6, 38.2, 50, 61.8, 78.6
function M.retracements(n)
  n = core.length(n or 100, "retracements")
  local channel = core.channel(n)
  return function(high, low)
    local h, l = channel(high, low)
    if not h then return nil end
    local range = h - l
    return h - 0.236 * range, h - 0.382 * range, h - 0.5 * range, h - 0.618 * range, h - 0.786 * range
  end
end

local hlc, seven = { "high", "low", "close" }, { "pivot", "r1", "s1", "r2", "s2", "r3", "s3" }
M.inputs = {
  pivots = hlc,
  fibonacci_pivots = hlc,
  camarilla = hlc,
  woodie = hlc,
  demark = { "open", "high", "low", "close" },
  retracements = { "high", "low" },
}
M.outputs = {
  pivots = seven,
  fibonacci_pivots = seven,
  camarilla = { "r1", "s1", "r2", "s2", "r3", "s3", "r4", "s4" },
  woodie = { "pivot", "r1", "s1", "r2", "s2" },
  demark = { "pivot", "r1", "s1" },
  retracements = { "p236", "p382", "p500", "p618", "p786" },
}

return M

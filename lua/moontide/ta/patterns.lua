---Candle patterns, with TA-Lib's rules and settings: a body or shadow is long or short against the mean of the bars before
---it (10 bars; 5 for "near" and "far"), a doji's body is at most a tenth of their mean range.
local core = require "moontide.ta.core"

---@class IndicatorsPatterns
local M = {}

-- A candle holds open, high, low, close; the size of its body, the body's ends (top, bottom), its shadows (upper, lower),
-- whether it is white (close at or above open); and of the bars before it the means that rules compare with: body_mean,
-- doji (a tenth of the mean range), shadow_mean (half the mean of both shadows), near, far and equal (a fifth, three fifths
-- and a twentieth of the mean range of five bars).

local function sign(c) return c.white and 100 or -100 end

local function long(c) return c.body > c.body_mean end
local function short(c) return c.body < c.body_mean end
local function is_doji(c) return c.body <= c.doji end
local function no_upper(c) return c.upper < c.doji end
local function no_lower(c) return c.lower < c.doji end

-- The second body within the first; 100, or 80 when they share an end.
local function inside(now, before)
  if now.top < before.top and now.bottom > before.bottom then return 100 end
  if now.top <= before.top and now.bottom >= before.bottom then return 80 end
  return nil
end

-- Each rule looks at the bar, the one before, and so on; `depth` is how many of them need their own means.
local rules = {
  doji = { 1, function(a) return is_doji(a) and 100 or 0 end },
  dragonfly_doji = { 1, function(a) return is_doji(a) and no_upper(a) and a.lower > a.doji and 100 or 0 end },
  gravestone_doji = { 1, function(a) return is_doji(a) and no_lower(a) and a.upper > a.doji and 100 or 0 end },
  long_legged_doji = {
    1,
    function(a) return is_doji(a) and (a.lower > a.body or a.upper > a.body) and 100 or 0 end,
  },
  takuri = { 1, function(a) return is_doji(a) and no_upper(a) and a.lower > 2 * a.body and 100 or 0 end },
  marubozu = { 1, function(a) return long(a) and no_upper(a) and no_lower(a) and sign(a) or 0 end },
  closing_marubozu = {
    1,
    function(a)
      if not long(a) then return 0 end
      return (a.white and no_upper(a) or not a.white and no_lower(a)) and sign(a) or 0
    end,
  },
  belt_hold = {
    1,
    function(a)
      if not long(a) then return 0 end
      return (a.white and no_lower(a) or not a.white and no_upper(a)) and sign(a) or 0
    end,
  },
  spinning_top = {
    1,
    function(a) return short(a) and a.upper > a.body and a.lower > a.body and sign(a) or 0 end,
  },
  high_wave = {
    1,
    function(a) return short(a) and a.upper > 2 * a.body and a.lower > 2 * a.body and sign(a) or 0 end,
  },
  long_line = {
    1,
    function(a) return long(a) and a.upper < a.shadow_mean and a.lower < a.shadow_mean and sign(a) or 0 end,
  },
  short_line = {
    1,
    function(a) return short(a) and a.upper < a.shadow_mean and a.lower < a.shadow_mean and sign(a) or 0 end,
  },
  hammer = {
    2,
    function(a, b)
      return short(a) and a.lower > a.body and no_upper(a) and a.bottom <= b.low + b.near and 100 or 0
    end,
  },
  hanging_man = {
    2,
    function(a, b)
      return short(a) and a.lower > a.body and no_upper(a) and a.bottom >= b.high - b.near and -100 or 0
    end,
  },
  inverted_hammer = {
    2,
    function(a, b) return short(a) and a.upper > a.body and no_lower(a) and a.top < b.bottom and 100 or 0 end,
  },
  shooting_star = {
    2,
    function(a, b) return short(a) and a.upper > a.body and no_lower(a) and a.bottom > b.top and -100 or 0 end,
  },
  engulfing = {
    2,
    function(a, b)
      if a.white == b.white then return 0 end
      local covers = a.top >= b.top and a.bottom < b.bottom or a.top > b.top and a.bottom <= b.bottom
      if not covers then return 0 end
      local size = a.open ~= b.close and a.close ~= b.open and 100 or 80
      return a.white and size or -size
    end,
  },
  harami = {
    2,
    function(a, b)
      local size = long(b) and a.body <= a.body_mean and inside(a, b)
      return size and (b.white and -size or size) or 0
    end,
  },
  harami_cross = {
    2,
    function(a, b)
      local size = long(b) and is_doji(a) and inside(a, b)
      return size and (b.white and -size or size) or 0
    end,
  },
  piercing = {
    2,
    function(a, b)
      local shape = not b.white and long(b) and a.white and long(a)
      return shape and a.open < b.low and a.close < b.open and a.close > b.close + b.body / 2 and 100 or 0
    end,
  },
  dark_cloud_cover = {
    2,
    function(a, b)
      local shape = b.white and long(b) and not a.white
      return shape and a.open > b.high and a.close > b.open and a.close < b.close - b.body / 2 and -100 or 0
    end,
  },
  matching_low = {
    2,
    function(a, b) return not a.white and not b.white and math.abs(a.close - b.close) <= b.equal and 100 or 0 end,
  },
  morning_star = {
    3,
    function(a, b, c)
      local shape = not c.white and long(c) and b.body <= b.body_mean and b.top < c.bottom
      return shape and a.white and a.body > a.body_mean and a.close > c.close + 0.3 * c.body and 100 or 0
    end,
  },
  evening_star = {
    3,
    function(a, b, c)
      local shape = c.white and long(c) and b.body <= b.body_mean and b.bottom > c.top
      return shape and not a.white and a.body > a.body_mean and a.close < c.close - 0.3 * c.body and -100 or 0
    end,
  },
  three_white_soldiers = {
    3,
    function(a, b, c)
      local white = a.white and b.white and c.white and no_upper(a) and no_upper(b) and no_upper(c)
      if not (white and a.close > b.close and b.close > c.close) then return 0 end
      local opens = b.open > c.open
        and b.open <= c.close + c.near
        and a.open > b.open
        and a.open <= b.close + b.near
      return opens and b.body > c.body - c.far and a.body > b.body - b.far and a.body > a.body_mean and 100
        or 0
    end,
  },
  three_black_crows = {
    4,
    function(a, b, c, d)
      local black = d.white and not a.white and not b.white and not c.white
      if not (black and no_lower(a) and no_lower(b) and no_lower(c)) then return 0 end
      local opens = b.open < c.open and b.open > c.close and a.open < b.open and a.open > b.close
      return opens and d.high > c.close and c.close > b.close and b.close > a.close and -100 or 0
    end,
  },
  three_inside = {
    3,
    function(a, b, c)
      local shape = long(c) and b.body <= b.body_mean and b.top < c.top and b.bottom > c.bottom
      if shape and c.white and not a.white and a.close < c.open then return -100 end
      if shape and not c.white and a.white and a.close > c.open then return 100 end
      return 0
    end,
  },
  three_outside = {
    3,
    function(a, b, c)
      if b.white and not c.white and b.top > c.top and b.bottom < c.bottom and a.close > b.close then
        return 100
      end
      if not b.white and c.white and b.top > c.top and b.bottom < c.bottom and a.close < b.close then
        return -100
      end
      return 0
    end,
  },
}

local names = {}
for name in pairs(rules) do
  names[#names + 1] = name
end
table.sort(names)

-- The means of the bars before, in the form the rules read.
local function means()
  local body, range10, shadows, range5 = core.sum(10), core.sum(10), core.sum(10), core.sum(5)
  local body_mean, doji, shadow_mean, near
  return function(c)
    c.body_mean, c.doji, c.shadow_mean = body_mean, doji, shadow_mean
    c.near, c.far, c.equal = near, near and 3 * near, near and near / 4
    local range = c.high - c.low
    local sum, count = body(c.body)
    local ranges, shadow = range10(range), shadows(c.upper + c.lower)
    local near_sum, near_count = range5(range)
    if count == 10 then
      body_mean, doji, shadow_mean = sum / 10, 0.1 * ranges / 10, shadow / 20
    end
    if near_count == 5 then near = 0.2 * near_sum / 5 end
  end
end

---A candle pattern by name: 100 (80 where bodies share an end) for one that points up, -100 for one that points down, 0 for
---none. Names: belt_hold, closing_marubozu, dark_cloud_cover, doji, dragonfly_doji, engulfing, evening_star,
---gravestone_doji, hammer, hanging_man, harami, harami_cross, high_wave, inverted_hammer, long_legged_doji, long_line,
---marubozu, matching_low, morning_star, piercing, shooting_star, short_line, spinning_top, takuri, three_black_crows,
---three_inside, three_outside, three_white_soldiers.
---
---Errors: raises on a name that is none of them.
---@param name string one of these
---@return fun(open: number, high: number, low: number, close: number): integer?
function M.pattern(name)
  local rule = rules[name]
  if not rule then
    error(
      ("ta.pattern: there is no pattern %s; there are %s"):format(tostring(name), table.concat(names, ", ")),
      2
    )
  end
  local depth, test = rule[1], rule[2]
  local set_means, count = means(), 0
  local a, b, c, d = {}, {}, {}, {}
  return function(open, high, low, close)
    a, b, c, d = d, a, b, c
    a.open, a.high, a.low, a.close = open, high, low, close
    a.top, a.bottom = math.max(open, close), math.min(open, close)
    a.body, a.upper, a.lower, a.white = a.top - a.bottom, high - a.top, a.bottom - low, close >= open
    set_means(a)
    count = count + 1
    if count < depth + 10 then return nil end
    return test(a, b, c, d)
  end
end

---The names of the candle patterns, in order.
---
---Errors: none.
---@return string[]
function M.pattern_names() return { unpack(names) } end

M.inputs = { pattern = { "open", "high", "low", "close" } }
M.outputs = {}

return M

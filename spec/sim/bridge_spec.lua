-- The law of a path between two walls, against paths walked step by step.
local ffi = require "ffi"
local C = require "spec.support.c"
local seed = require "spec.support.seed"

local function normals()
  while true do
    local a, b = 2 * math.random() - 1, 2 * math.random() - 1
    local s = a * a + b * b
    if s > 0 and s < 1 then
      local f = math.sqrt(-2 * math.log(s) / s)
      return a * f, b * f
    end
  end
end

-- A path of variance 1 from 0 in STEPS steps, each with its extremes: where it stands half way, at the end, and the
-- extremes of both halves.
local STEPS = 64
local function walked()
  local p, deviation = 0, math.sqrt(1 / STEPS)
  local halves = {}
  for h = 1, 2 do
    local high, low = p, p
    for _ = 1, STEPS / 2 do
      local d = normals() * deviation
      local to, twice = p + d, 2 / STEPS
      local top = (p + to + math.sqrt(d * d - twice * math.log(1 - math.random()))) / 2
      local bottom = (p + to - math.sqrt(d * d - twice * math.log(1 - math.random()))) / 2
      if top > high then high = top end
      if bottom < low then low = bottom end
      p = to
    end
    halves[h] = { high = high, low = low, to = p }
  end
  return halves[1], halves[2]
end

-- What is compared: functions of the halves.
local features = {
  ["middle squared"] = function(l) return l.to * l.to end,
  ["middle to the fourth"] = function(l) return l.to ^ 4 end,
  ["first move times second"] = function(l, r) return l.to * (r.to - l.to) end,
  ["high of the left"] = function(l) return l.high end,
  ["low of the right"] = function(_, r) return r.low end,
  ["range of the left squared"] = function(l) return (l.high - l.low) ^ 2 end,
  ["range of the right squared"] = function(_, r) return (r.high - r.low) ^ 2 end,
  ["the high lies left"] = function(l, r) return l.high >= r.high and 1 or 0 end,
  ["both extremes lie left"] = function(l, r) return l.high >= r.high and l.low <= r.low and 1 or 0 end,
  ["high left times low right"] = function(l, r) return l.high * r.low end,
  ["middle where the high is left"] = function(l, r) return l.high >= r.high and l.to or 0 end,
  ["range times middle"] = function(l) return (l.high - l.low) ^ 2 * l.to ^ 2 end,
}

describe("a bridge between its extremes", function()
  it("is cut as the paths are that have its ends and extremes", function()
    local N = 20000
    math.randomseed(seed * 71 + 3)
    local sums, squares = {}, {}
    for name in pairs(features) do
      sums[name], squares[name] = 0, 0
    end
    local b = ffi.new "struct bridge"
    for _ = 1, N do
      local l, r = walked()
      b.start, b["end"], b.variance = 0, r.to, 1
      b.low, b.high = math.min(l.low, r.low), math.max(l.high, r.high)
      local cut = C.bridge_cut(b, math.random(), math.random())
      local left = C.bridge_half(b, cut, false, math.random(), math.random())
      local right = C.bridge_half(b, cut, true, math.random(), math.random())
      local dl = { high = left.high, low = left.low, to = cut.middle }
      local dr = { high = right.high, low = right.low, to = r.to }
      for name, of in pairs(features) do
        local d = of(dl, dr) - of(l, r)
        sums[name], squares[name] = sums[name] + d, squares[name] + d * d
      end
    end
    for name in pairs(features) do
      local mean = sums[name] / N
      local error_of_mean = math.sqrt((squares[name] / N - mean * mean) / N)
      assert(
        math.abs(mean) < 4.5 * error_of_mean,
        ("%s: off by %.5f, standard error %.5f (seed %d)"):format(name, mean, error_of_mean, seed)
      )
    end
  end)

  -- The classical series of images for the motion killed at both walls, derived by both walls' places.
  local function touching_both(a, b, low, high, v)
    local function bend(z)
      return math.exp(-z * z / (2 * v)) / math.sqrt(2 * math.pi * v) * (z * z / v - 1) / v
    end
    local sum, d = 0, high - low
    for k = -60, 60 do
      sum = sum + 4 * k * k * bend(b - a + 2 * k * d) - 4 * k * (k + 1) * bend(a + b - 2 * low + 2 * k * d)
    end
    return sum
  end

  it("is as likely as the series of images says, short or long for its range", function()
    math.randomseed(seed * 31 + 2)
    local b = ffi.new "struct bridge"
    for i = 1, 4000 do
      local range, low = 10 ^ (math.random() * 4 - 2), (math.random() - 0.5) * 100
      b.low, b.high = low, low + range
      b.start, b["end"] =
        low + range * (0.02 + 0.96 * math.random()), low + range * (0.02 + 0.96 * math.random())
      b.variance = range * range * 10 ^ (i % 2 == 0 and math.random() * 0.9 or math.random() - 1)
      local due = touching_both(b.start, b["end"], b.low, b.high, b.variance)
      local is = C.bridge_likelihood(b)
      -- Short of 1e-4 of what the motion without walls has at its peak, the series are cut.
      local whole = 1 / math.sqrt(2 * math.pi * b.variance) / (range * range)
      assert(
        math.abs(is - due) < 1e-3 * math.abs(due) + 1e-4 * whole,
        ("spread %.4f, from %.3f to %.3f: %.6g, and %.6g by the images (seed %d)"):format(
          b.variance / range ^ 2,
          (b.start - low) / range,
          (b["end"] - low) / range,
          is,
          due,
          seed
        )
      )
    end
  end)

  it("keeps to its bounds, however long, short or flat", function()
    math.randomseed(seed * 13 + 1)
    local b = ffi.new "struct bridge"
    for _ = 1, 20000 do
      local range, low = 10 ^ (math.random() * 12 - 3), (math.random() - 0.5) * 1e13
      local function place()
        local u = math.random()
        return u < 0.2 and low or u < 0.4 and low + range or low + u * range
      end
      b.low, b.high = low, low + range
      range = b.high - b.low -- as doubles hold it
      if range > 0 then
        b.start, b["end"] = math.min(place(), b.high), math.min(place(), b.high)
        b.variance = range * range * 10 ^ (math.random() * 8 - 4)
        local cut = C.bridge_cut(b, math.random(), math.random())
        assert.is_true(cut.middle >= b.low and cut.middle <= b.high)
        for half = 0, 1 do
          local h = C.bridge_half(b, cut, half == 1, math.random(), math.random())
          assert.is_true(h.low >= b.low and h.high <= b.high)
          assert.is_true(h.low <= h.start and h.start <= h.high)
          assert.is_true(h.low <= h["end"] and h["end"] <= h.high)
          if cut.high_left == (half == 0) then assert.equal(b.high, h.high) end
          if cut.low_left == (half == 0) then assert.equal(b.low, h.low) end
          assert.is_true(h.variance > 0)
        end
      end
    end
  end)
end)

local ffi = require "ffi"
local C = require "spec.support.c"

local S, MS = 1000000, 1000

local function clock()
  local c = ffi.new "struct server_clock"
  C.clock_init(c)
  return c
end

local function offset(c) return tonumber(C.clock_offset_us(c)) end
local function uncertainty(c, now) return tonumber(C.clock_uncertainty_us(c, now)) end

describe("the exchange's clock", function()
  it("is unknown at first", function()
    local c = clock()
    assert.is_false(C.clock_known(c))
    assert.equal(0, offset(c))
    assert.equal(3600 * S, uncertainty(c, 0))
  end)

  it("is as uncertain as half the way there and back and half a millisecond", function()
    local c = clock()
    C.clock_sample(c, 0, 100 * MS, 500 * MS, MS)
    assert.is_true(C.clock_known(c))
    assert.equal(450 * MS + MS / 2, offset(c))
    assert.equal(50 * MS + MS / 2, uncertainty(c, 100 * MS))
  end)

  it("is cut down by each answer, and a slow one takes nothing away", function()
    local c = clock()
    C.clock_sample(c, 0, 100 * MS, 500 * MS, MS)
    C.clock_sample(c, 200 * MS, 210 * MS, 655 * MS, MS)
    local sure = uncertainty(c, 210 * MS)
    assert.is_true(sure <= 6 * MS)
    C.clock_sample(c, 300 * MS, 2300 * MS, 2000 * MS, MS)
    assert.is_true(uncertainty(c, 2300 * MS) <= sure + 1 * MS)
  end)

  it("widens with the drift of two clocks", function()
    local c = clock()
    C.clock_sample(c, 0, 0, 0, MS)
    assert.equal(MS / 2 + 10000 * S * 1e-4, uncertainty(c, 10000 * S))
  end)

  it("holds the old and the new when they contradict, and settles for what comes again", function()
    for _, truth in ipairs { 0, 90 * S } do
      local c = clock()
      C.clock_sample(c, 0, 10 * MS, 5 * MS, MS)
      C.clock_sample(c, 20 * MS, 30 * MS, 90 * S + 25 * MS, MS)
      assert.equal(1, c.contradictions)
      assert.is_true(uncertainty(c, 30 * MS) > 44 * S)
      C.clock_sample(c, 40 * MS, 50 * MS, truth + 45 * MS, MS)
      assert.is_true(uncertainty(c, 50 * MS) < 6 * MS)
      assert.is_true(math.abs(offset(c) - truth) < 6 * MS)
    end
  end)

  it("ignores what cannot be", function()
    local c = clock()
    C.clock_sample(c, 10, 5, 0, MS)
    C.clock_sample(c, 0, 4000 * S, 0, MS)
    assert.is_false(C.clock_known(c))
  end)

  it("never excludes the truth, whatever the ways take", function()
    local seed = require "spec.support.seed"
    math.randomseed(seed)
    for case = 1, 2000 do
      local c, truth, now = clock(), math.random(-500, 500) * MS, 0
      for _ = 1, 20 do
        now = now + math.random(0, 30 * S)
        local up, down = math.random(0, 400 * MS), math.random(0, 400 * MS)
        local server = now + up + truth
        C.clock_sample(c, now, now + up + down, math.floor(server / MS) * MS, MS)
        now = now + up + down
        local off = math.abs(offset(c) - truth)
        assert.is_true(off <= uncertainty(c, now) + 1, ("seed %d case %d: off by %d"):format(seed, case, off))
      end
      assert.equal(0, c.contradictions)
    end
  end)
end)

local ffi = require "ffi"
local C = require "spec.support.c"

local S = 1000000
local NORMAL, CRITICAL = 2, 0

local function limiter(limit, guard, reserve)
  local l = ffi.new "struct limiter"
  C.limiter_init(l, guard or 0)
  assert.equal(0, C.limiter_set(l, C.LIMIT_WEIGHT, 60 * S, limit, reserve or 0, 0))
  return l
end

local function cost(n)
  local c = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
  c[C.LIMIT_WEIGHT] = n
  return c
end
local function wait(l, n, now, priority)
  return tonumber(C.limiter_wait_us(l, cost(n), priority or NORMAL, now, nil))
end

-- sends and is answered at once
local function spend(l, n, now)
  C.limiter_take(l, cost(n), now)
  C.limiter_done(l, cost(n), now)
end

describe("limiter", function()
  it("lets the whole budget through, then waits for the turn", function()
    local l = limiter(10)
    for _ = 1, 10 do
      assert.equal(0, wait(l, 1, 5 * S))
      spend(l, 1, 5 * S)
    end
    assert.equal(55 * S, wait(l, 1, 5 * S))
    assert.equal(0, wait(l, 1, 60 * S))
  end)

  it("lies on the exchange's clock", function()
    local l = limiter(1)
    C.limiter_clock(l, 10 * S, 0)
    spend(l, 1, 5 * S)
    assert.equal(45 * S, wait(l, 1, 5 * S))
  end)

  it("takes the last that it was told of the clock, also when that is what it had before", function()
    local l = limiter(1)
    C.limiter_clock(l, 10 * S, 0)
    C.limiter_clock(l, 0, 0) -- before the first was of any use
    spend(l, 1, 5 * S)
    assert.equal(55 * S, wait(l, 1, 5 * S))
    C.limiter_clock(l, 20 * S, 0)
    C.limiter_clock(l, 10 * S, 0)
    assert.equal(45 * S, wait(l, 1, 5 * S))
  end)

  it("is never surer of the clock than its guard", function()
    for uncertainty, expected in pairs { [0] = 200000, [200000] = 200000, [200001] = 200001, [500000] = 500000 } do
      local l = limiter(1, 200000)
      C.limiter_clock(l, 0, uncertainty)
      spend(l, 1, 30 * S)
      assert.equal(30 * S + expected, wait(l, 1, 30 * S))
    end
  end)

  it("waits out the uncertainty after a full window", function()
    local l = limiter(1, 200000)
    spend(l, 1, 30 * S)
    assert.equal(30 * S + 200000, wait(l, 1, 30 * S))
    assert.equal(200000, wait(l, 1, 60 * S))
    assert.equal(0, wait(l, 1, 60 * S + 200000))
  end)

  it("counts what is answered near the edge in the next window as well", function()
    local l = limiter(2, 200000)
    spend(l, 1, 60 * S - 100000)
    spend(l, 1, 60 * S - 100000)
    assert.is_true(wait(l, 1, 60 * S + 300000) > 59 * S)
  end)

  it("counts what is unanswered at the turn on both sides", function()
    local l = limiter(1)
    C.limiter_take(l, cost(1), 59 * S)
    assert.is_true(wait(l, 1, 61 * S) > 0)
    C.limiter_done(l, cost(1), 62 * S)
    assert.equal(58 * S, wait(l, 1, 62 * S))
    assert.equal(0, wait(l, 1, 120 * S))
  end)

  it("keeps a reserve for CRITICAL", function()
    local l = limiter(10, 0, 0.2)
    for _ = 1, 8 do
      spend(l, 1, 0)
    end
    assert.is_true(wait(l, 1, 0) > 0)
    assert.equal(0, wait(l, 2, 0, CRITICAL))
    assert.is_true(wait(l, 3, 0, CRITICAL) > 0)
  end)

  it(
    "says never to what is larger than a window",
    function() assert.is_true(C.limiter_wait_us(limiter(10), cost(11), NORMAL, 0, nil) == C.LIMITER_NEVER) end
  )

  it("is corrected upward at once and downward only by the turn", function()
    local l = limiter(10)
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 10, S, S)
    assert.equal(59 * S, wait(l, 1, S))
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 3, S, S)
    assert.equal(59 * S, wait(l, 1, S))
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 10, S, 61 * S) -- speaks of the window before
    assert.equal(0, wait(l, 1, 61 * S))
  end)

  it("returns what was never sent", function()
    local l = limiter(1)
    C.limiter_take(l, cost(1), S)
    C.limiter_return(l, cost(1), S, 2 * S)
    assert.equal(0, wait(l, 1, 2 * S))
  end)

  it("closes the gate and never shortens it", function()
    local l = limiter(10)
    C.limiter_gate(l, 5 * S)
    C.limiter_gate(l, 3 * S)
    assert.equal(4 * S, wait(l, 1, S, CRITICAL))
    assert.equal(0, wait(l, 1, 5 * S))
  end)

  it("keeps its counts when a limit changes", function()
    local l = limiter(10)
    spend(l, 8, 0)
    C.limiter_set(l, C.LIMIT_WEIGHT, 60 * S, 20, 0, 0)
    assert.equal(0, wait(l, 12, 0))
    assert.is_true(wait(l, 13, 0) > 0)
  end)

  describe("others on the address", function()
    -- a header of a window of 60 s, 1200 weight
    local function hear(l, used, now) C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, used, now, now) end

    it("takes the first header for a level, not a rate", function()
      local l = limiter(1200)
      hear(l, 500, 30 * S)
      assert.equal(0, wait(l, 700, 30 * S))
      assert.is_true(wait(l, 701, 30 * S) > 0)
    end)

    it("keeps free what they are expected to spend until the turn, but not from CRITICAL", function()
      local l = limiter(1200)
      hear(l, 0, 0)
      hear(l, 180, 30 * S) -- 6 a second: 180 more until the turn, 6 of slack, and twice the root of both, 27
      assert.equal(0, wait(l, 1200 - 180 - 213, 30 * S))
      assert.is_true(wait(l, 1200 - 180 - 212, 30 * S) > 0)
      assert.equal(0, wait(l, 1020, 30 * S, CRITICAL))
      assert.is_true(wait(l, 1021, 30 * S, CRITICAL) > 0)
    end)

    it("lets go of it as time passes, and says when", function()
      local l = limiter(1200)
      hear(l, 0, 0)
      hear(l, 180, 30 * S)
      local w = wait(l, 1200 - 180 - 126 - 22, 30 * S) -- 10 s later 60 less are expected, and less scatter
      assert.is_true(w > 9 * S and w <= 10.2 * S)
      assert.equal(0, wait(l, 1200 - 180 - 126 - 22, 30 * S + w))
    end)

    it("carries the rate into the next window, and unlearns it by observing", function()
      local l = limiter(1200)
      hear(l, 0, 0)
      hear(l, 354, 59 * S)
      assert.is_true(wait(l, 841, 60 * S) > 0)
      assert.equal(0, wait(l, 795, 60 * S))
      hear(l, 0, 61 * S)
      hear(l, 0, 119 * S)
      assert.equal(0, wait(l, 1190, 121 * S))
    end)

    it("never takes its own spending for theirs", function()
      local l = limiter(1200)
      hear(l, 0, 1 * S)
      for i = 1, 100 do
        C.limiter_take(l, cost(5), i * S / 10 + S)
        hear(l, 5 * i, i * S / 10 + S)
        C.limiter_done(l, cost(5), i * S / 10 + S)
      end
      assert.equal(1, C.limiter_left_by_others(l, 20 * S))
      assert.equal(0, wait(l, 700, 20 * S))
    end)

    it("counts only what is spent when forecasts are off", function()
      local l = limiter(1200)
      l.forecasts = false
      hear(l, 0, 0)
      hear(l, 180, 30 * S)
      assert.equal(0, wait(l, 1020, 30 * S))
    end)
  end)

  it("counts orders apart in windows of a minute and more", function()
    local l = limiter(100)
    assert.equal(0, C.limiter_set(l, C.LIMIT_ORDERS, 10 * S, 10, 0, 0))
    assert.equal(0, C.limiter_set(l, C.LIMIT_ORDERS, 60 * S, 10, 0, 0))
    local batch = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
    batch[C.LIMIT_ORDERS], batch[C.LIMIT_ORDERS_LONG] = 5, 1
    for _ = 1, 2 do
      assert.equal(0, tonumber(C.limiter_wait_us(l, batch, NORMAL, 0, nil)))
      C.limiter_take(l, batch, 0)
      C.limiter_done(l, batch, 0)
    end
    assert.equal(10 * S, tonumber(C.limiter_wait_us(l, batch, NORMAL, 0, nil)))
    assert.equal(0, tonumber(C.limiter_wait_us(l, batch, NORMAL, 10 * S, nil)))
    assert.equal(2, C.limiter_used(l, 2))
  end)

  it("tells which of two ways to send presses less", function()
    local l = limiter(2400)
    C.limiter_set(l, C.LIMIT_ORDERS, 60 * S, 1200, 0, 0)
    local five, batch = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT), ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
    five[C.LIMIT_ORDERS_LONG] = 5
    batch[C.LIMIT_ORDERS_LONG], batch[C.LIMIT_WEIGHT] = 1, 5
    assert.is_true(C.limiter_strain(l, batch, 0) < C.limiter_strain(l, five, 0))
    spend(l, 2390, 0)
    assert.is_true(C.limiter_strain(l, batch, 0) > C.limiter_strain(l, five, 0))
  end)
end)

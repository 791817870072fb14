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

local function cost(n) return ffi.new("int32_t[3]", n, 0, 0) end
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
    for _ = 1, 8 do spend(l, 1, 0) end
    assert.is_true(wait(l, 1, 0) > 0)
    assert.equal(0, wait(l, 2, 0, CRITICAL))
    assert.is_true(wait(l, 3, 0, CRITICAL) > 0)
  end)

  it("says never to what is larger than a window", function()
    assert.is_true(C.limiter_wait_us(limiter(10), cost(11), NORMAL, 0, nil) == C.LIMITER_NEVER)
  end)

  it("is corrected upward at once and downward only by the turn", function()
    local l = limiter(10)
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 10, S, S)
    assert.equal(59 * S, wait(l, 1, S))
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 3, S, S)
    assert.equal(59 * S, wait(l, 1, S))
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 10, S, 61 * S)   -- speaks of the window before
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
end)

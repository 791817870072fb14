local ffi = require "ffi"
local C = require "spec.support.c"

local S = 1000000
local HIGH, NORMAL, CRITICAL = C.PRIORITY_HIGH, C.PRIORITY_NORMAL, C.PRIORITY_CRITICAL

local function cost(n)
  local c = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
  c[C.LIMIT_WEIGHT] = n
  return c
end

local function budget(limit, reserve)
  local b = ffi.new "struct budget"
  C.budget_init(b, 0)
  assert.equal(0, C.limiter_set(b.limiter, C.LIMIT_WEIGHT, 60 * S, limit, reserve or 0, 0))
  return b, C.budget_join(b, 100), C.budget_join(b, 200)
end

local function wait(b, member, n, priority, now)
  return tonumber(C.budget_wait_us(b, member, cost(n), priority or NORMAL, now or 0, nil))
end

describe("budget", function()
  it("is one for all its members", function()
    local b, x, y = budget(10)
    C.budget_take(b, x, cost(6), 0)
    assert.equal(0, wait(b, y, 4))
    C.budget_take(b, y, cost(4), 0)
    assert.is_true(wait(b, x, 1) > 0)
    assert.is_true(wait(b, y, 1) > 0)
  end)

  it("gives out seats and takes them back", function()
    local b, x = budget(10)
    C.budget_leave(b, x, 0)
    assert.equal(x, C.budget_join(b, 300))
    for i = 3, C.BUDGET_MEMBERS_MAX do
      assert.is_true(C.budget_join(b, 1000 + i) >= 0)
    end
    assert.equal(C.ERR_FULL, C.budget_join(b, 1))
  end)

  it("keeps what a dead member had under way as spent, in this window and the next", function()
    local b, x, y = budget(10)
    C.budget_take(b, x, cost(7), 0)
    assert.equal(7, b.limiter.outstanding[0])
    C.budget_leave(b, x, 30 * S)
    assert.equal(0, b.limiter.outstanding[0])
    assert.is_true(wait(b, y, 4, NORMAL, 30 * S) > 0)
    assert.equal(0, wait(b, y, 3, NORMAL, 61 * S))
    assert.is_true(wait(b, y, 4, NORMAL, 61 * S) > 0)
    assert.equal(0, wait(b, y, 10, NORMAL, 121 * S))
  end)

  it("leaves the budget to whoever waits for it more urgently", function()
    local b, x, y = budget(10)
    C.budget_want(b, x, cost(5), CRITICAL, 10 * S)
    assert.is_true(wait(b, y, 1, HIGH, 5 * S) == tonumber(C.LIMITER_ON_ANSWER))
    assert.equal(0, wait(b, x, 5, CRITICAL, 5 * S))
    C.budget_take(b, x, cost(5), 5 * S)
    assert.equal(0, wait(b, y, 1, HIGH, 5 * S))
  end)

  it("yields neither to the less urgent, nor to a word that has run out, nor for another budget", function()
    local b, x, y = budget(10)
    C.budget_want(b, x, cost(5), NORMAL, 10 * S)
    assert.equal(0, wait(b, y, 1, HIGH))
    C.budget_want(b, x, cost(5), CRITICAL, 10 * S)
    assert.equal(0, wait(b, y, 1, HIGH, 10 * S))
    local orders = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
    orders[C.LIMIT_ORDERS] = 1
    assert.equal(0, tonumber(C.budget_wait_us(b, y, orders, HIGH, 5 * S, nil)))
  end)
end)

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

  it("counts what each member has under way, and gives it back however the request ends", function()
    for _, ends in ipairs { "budget_done", "budget_abandon", "budget_return" } do
      local b, x, y = budget(10)
      C.budget_take(b, x, cost(4), 0)
      C.budget_take(b, y, cost(3), 0)
      assert.equal(4, b.members[x].outstanding[0])
      assert.equal(3, b.members[y].outstanding[0])
      assert.equal(7, b.limiter.outstanding[0])
      if ends == "budget_return" then
        C.budget_return(b, x, cost(4), 0, S)
      else
        C[ends](b, x, cost(4), S)
      end
      assert.equal(0, b.members[x].outstanding[0], ends)
      assert.equal(3, b.members[y].outstanding[0], ends)
      assert.equal(3, b.limiter.outstanding[0], ends)
      assert.is_true(C.budget_check(b, S))
    end
  end)

  it("makes the books agree again after a death in the middle of a call", function()
    local b, x, y = budget(10)
    C.budget_take(b, x, cost(4), 0)
    C.budget_take(b, y, cost(3), 0)
    b.limiter.outstanding[0] = 1
    b.limiter.outstanding[1] = 9
    C.budget_repair(b)
    assert.equal(7, b.limiter.outstanding[0])
    assert.equal(0, b.limiter.outstanding[1])
  end)

  it(
    "keeps its more urgent word until that runs out, and a later one of the same urgency instead of an earlier",
    function()
      local b, x = budget(10)
      local function word() return b.members[x].want_priority, tonumber(b.members[x].want_until_us) end
      C.budget_want(b, x, cost(5), CRITICAL, 10 * S)
      C.budget_want(b, x, cost(5), NORMAL, 10 * S)
      assert.same({ CRITICAL, 10 * S }, { word() })
      C.budget_want(b, x, cost(5), NORMAL, 10 * S + 1) -- outlives it
      assert.same({ NORMAL, 10 * S + 1 }, { word() })
      C.budget_want(b, x, cost(5), CRITICAL, 5 * S)
      assert.same({ CRITICAL, 5 * S }, { word() })
      C.budget_want(b, x, cost(5), CRITICAL, 4 * S)
      assert.same({ CRITICAL, 4 * S }, { word() })
    end
  )

  it(
    "yields to a word of its own priority or below it not at all, and to none once its member has gone",
    function()
      local b, x, y = budget(10)
      C.budget_want(b, x, cost(5), HIGH, 10 * S)
      assert.equal(0, wait(b, y, 1, CRITICAL, S))
      assert.equal(0, wait(b, y, 1, HIGH, S))
      assert.equal(tonumber(C.LIMITER_ON_ANSWER), wait(b, y, 1, NORMAL, S))
      assert.equal(tonumber(C.LIMITER_ON_ANSWER), wait(b, y, 1, NORMAL, 10 * S - 1))
      assert.equal(0, wait(b, y, 0, NORMAL, S)) -- takes nothing of it
      C.budget_leave(b, x, S)
      assert.equal(0, wait(b, y, 1, NORMAL, S))
    end
  )

  it("knows whom each kind of limit counts", function()
    assert.equal(C.BUDGET_ADDRESS, C.budget_scope(C.LIMIT_WEIGHT))
    assert.equal(C.BUDGET_ADDRESS, C.budget_scope(C.LIMIT_REQUESTS))
    assert.equal(C.BUDGET_ACCOUNT, C.budget_scope(C.LIMIT_ORDERS))
    assert.equal(C.BUDGET_ACCOUNT, C.budget_scope(C.LIMIT_ORDERS_LONG))
  end)

  it("takes no shared memory for a budget that it cannot have written", function()
    local far, share = ffi.cast("int64_t", 2 ^ 56), math.floor(C.LIMITER_COUNT_MAX / C.BUDGET_MEMBERS_MAX)
    local function of(change)
      local b, x = budget(10)
      C.budget_take(b, x, cost(1), 0)
      change(b, b.members[x])
      return C.budget_check(b, 0)
    end
    local good = {
      nothing = function() end,
      ["a want of every kind"] = function(_, m) m.want_kinds = 2 ^ C.LIMIT_KIND_COUNT - 1 end,
      ["the least urgent want"] = function(_, m) m.want_priority = C.PRIORITY_COUNT - 1 end,
      ["the latest want"] = function(_, m) m.want_until_us = far - 1 end,
      ["the earliest want"] = function(_, m) m.want_until_us = 1 - far end,
      ["nothing under way"] = function(_, m) m.outstanding[3] = 0 end,
      ["the most under way"] = function(_, m) m.outstanding[3] = share end,
      ["every seat taken"] = function(b)
        for i = 2, C.BUDGET_MEMBERS_MAX - 1 do
          C.budget_join(b, i)
        end
      end,
      ["a seat that was left, whatever it wants"] = function(b, m)
        m.owner, m.want_priority = 0, 99
        ffi.fill(m.outstanding, ffi.sizeof(m.outstanding))
        b.seats = 2
      end,
    }
    local damaged = {
      ["a kind that is none"] = function(_, m) m.want_kinds = 2 ^ C.LIMIT_KIND_COUNT end,
      ["a priority that is none"] = function(_, m) m.want_priority = C.PRIORITY_COUNT end,
      ["a want beyond time"] = function(_, m) m.want_until_us = far end,
      ["a want before time"] = function(_, m) m.want_until_us = -far end,
      ["less than nothing under way"] = function(_, m) m.outstanding[3] = -1 end,
      ["less than nothing of the first kind"] = function(_, m) m.outstanding[0] = -1 end,
      ["too much under way"] = function(_, m) m.outstanding[3] = share + 1 end,
      ["too much of the first kind"] = function(_, m) m.outstanding[0] = share + 1 end,
      ["fewer seats than none"] = function(b) b.seats = -1 end,
      ["more seats than there are"] = function(b) b.seats = C.BUDGET_MEMBERS_MAX + 1 end,
      ["a seat that was left with something under way"] = function(b, m)
        m.owner, b.seats = 0, 2
      end,
      ["a member beyond the seats"] = function(b) b.seats = 1 end,
      ["a member in the last seat, which none took"] = function(b) b.members[63].owner = 7 end,
    }
    for what, change in pairs(good) do
      assert.is_true(of(change), what)
    end
    for what, change in pairs(damaged) do
      assert.is_false(of(change), what)
    end
  end)
end)

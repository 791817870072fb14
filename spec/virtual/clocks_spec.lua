-- Clocks that differ, jump and drift while answers are lost, in virtual time: no order is executed twice, none is lost.
local journal = require "spec.support.journal"
local virtual = require "spec.support.virtual_live"

local ORDER = "POST /fapi/v1/order"

local function market_far(v) return math.floor(v:best() * 1.05) end

-- Places orders while a third of the answers is lost and the exchange's stamps are `skew` seconds off; `each` is called before
-- each order.
local function run(skew, each)
  local answered = {}
  local v = virtual.run {
    settings = virtual.undaunted,
    options = { ["recv-window"] = 400 },
    script = function(v, api)
      v:run_for(1)
      local rules = { { fault = "lose_reply", share = 0.3, call = ORDER } }
      if skew ~= 0 then rules[2] = { fault = "skew", delay = skew } end
      v:faults(rules)
      for i = 1, 40 do
        if each then each(v, i) end
        local order, err = api.create_order {
          symbol = "BTCUSDT",
          side = i % 2 == 0 and "SELL" or "BUY",
          type = "MARKET",
          quantity = 0.01,
          newClientOrderId = "order-" .. i,
        }
        answered[i] = order and order.status or tostring(err)
        v:run_for(0.3)
      end
    end,
  }
  assert.is_nil(v.failure, v.failure)
  local executed = {}
  for _, e in ipairs(v:audit()) do
    if e.executed and e.code == 0 and e.call == ORDER then
      executed[e.clientOrderId] = (executed[e.clientOrderId] or 0) + 1
    end
  end
  for i = 1, 40 do
    local times = executed["order-" .. i] or 0
    assert.is_true(times <= 1, ("order %d was executed %d times"):format(i, times))
    assert.equal(answered[i] == "FILLED" and 1 or 0, times, ("order %d: %s"):format(i, answered[i]))
  end
  return v
end

describe("clocks in virtual time", function()
  for _, skew in ipairs { -3, -1.2, 0, 0.5, 1.2, 3 } do
    it(
      ("the exchange's stamps are %+.1f s off: each order is executed once, or not at all"):format(skew),
      function() run(skew) end
    )
  end

  it("the exchange's clock jumps to and fro", function()
    run(0, function(v, i)
      if i % 5 == 0 then v:clock_jump(i % 10 == 0 and 2.5 or -2.5) end
    end)
  end)

  it("the exchange's clock drifts", function()
    run(0, function(v) v:clock_jump(0.05) end)
  end)
end)

describe("client ids in virtual time", function()
  it("used again, an id names the new order, though the answer to it is lost", function()
    local first, second
    local v = virtual.run {
      settings = virtual.undaunted,
      script = function(v, api)
        local o =
          { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = "again" }
        v:run_for(1)
        first = assert(api.create_order(o))
        v:faults { { fault = "lose_reply", call = ORDER, most = 1 }, { fault = "skew", delay = 5 } }
        o.quantity = 0.02
        second = assert(api.create_order(o))
        v:run_for(1)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.is_true(second.orderId ~= first.orderId)
    assert.equal(0.02, second.executedQty)
    assert.equal(0.03, v:position())
  end)

  it("used twice at once, an id is the first order's until its outcome is known", function()
    local first, second, problem, third
    local v = virtual.run {
      settings = virtual.undaunted,
      options = { ["recv-window"] = 400 },
      script = function(v, api)
        local function o(quantity, kind)
          return {
            symbol = "BTCUSDT",
            side = "BUY",
            type = kind or "MARKET",
            quantity = quantity,
            stopPrice = kind and market_far(v) or nil,
            newClientOrderId = "once",
          }
        end
        v:run_for(1)
        v:faults { { fault = "lose_reply", call = ORDER, most = 1 } }
        local one, two = api.async.create_order(o(0.01)), api.async.create_order(o(0.02))
        local conditional = api.async.create_order(o(0.03, "STOP_MARKET"))
        local batch = api.async.batch_orders { o(0.04), o(0.05) }
        second, problem = two:wait()
        assert.is_nil(conditional:wait())
        assert.is_nil(batch:wait())
        first = assert(one:wait())
        third = assert(api.create_order(o(0.06)))
        v:run_for(5)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.is_nil(second)
    assert.equal("invalid", problem.kind)
    assert.truthy(problem.message:find("once", 1, true), problem.message)
    assert.equal(0.01, first.executedQty)
    assert.equal(0.06, third.executedQty)
    local rows = assert(journal.orders(v.folder .. "/home/runs/virtual/journal.db"))
    assert.equal(2, #rows)
    assert.same({ tonumber(first.orderId), 1000000 }, { rows[1].order_id, rows[1].executed })
    assert.same({ tonumber(third.orderId), 6000000 }, { rows[2].order_id, rows[2].executed })
  end)

  it("used again in a later run, an id names the new order", function()
    local o =
      { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = "again" }
    local first, second
    local before = virtual.run {
      settings = virtual.undaunted,
      script = function(v, api)
        v:run_for(1)
        first = assert(api.create_order(o))
        v:run_for(2)
        v:crash()
      end,
    }
    local after = virtual.run {
      settings = virtual.undaunted,
      after = before,
      script = function(v, api)
        v:run_for(1)
        v:faults { { fault = "lose_request", call = ORDER, most = 1 } }
        o.quantity = 0.02
        second = assert(api.create_order(o))
        v:run_for(1)
      end,
    }
    assert.is_nil(after.failure, after.failure)
    assert.is_true(second.orderId ~= first.orderId)
    assert.equal(0.02, second.executedQty)
  end)
end)

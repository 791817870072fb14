-- The end of a live run in virtual time: orders cancelled, unknown outcomes waited for, a network that is gone.
local virtual = require "spec.support.virtual_live"

local ORDER = "POST /fapi/v1/order"

local function resting(v, api, market, id)
  return assert(api.create_order {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "LIMIT",
    quantity = 0.01,
    price = market.round_price("BTCUSDT", v:best() * 0.95),
    newClientOrderId = id,
  })
end

local function statuses(v)
  local list = {}
  for _, o in ipairs(v:orders()) do
    list[o.client_id] = o.status
  end
  return list
end

describe("the end of a run in virtual time", function()
  it("cancels its own orders, and leaves those of others", function()
    local v = virtual.run {
      script = function(v, api, market)
        resting(v, api, market, "ours")
        v:order {
          type = "LIMIT",
          price = ("%.1f"):format(math.floor(v:best() * 0.94)),
          newClientOrderId = "theirs",
        }
        v:run_for(2)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.same({ ours = "CANCELED", theirs = "NEW" }, statuses(v))
    assert.truthy(v:logged "1 open orders are not this run's, and are left", v:log())
  end)

  it("waits for what is not known yet, then cancels it too", function()
    local v = virtual.run {
      strategy = { on_start = function() end },
      play = function(v, api, market)
        v:dead "user"
        v:faults {
          { fault = "lose_reply", call = ORDER },
          { fault = "error", call = "GET /fapi/v1/order", status = 503, to = v:now() + 8 },
        }
        api.spawn(function() resting(v, api, market, "unknown") end)
        v:run_for(0.5)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.same({ unknown = "CANCELED" }, statuses(v))
  end)

  it("cancels again when the exchange refuses for a while", function()
    local v = virtual.run {
      settings = virtual.undaunted,
      script = function(v, api, market)
        resting(v, api, market, "ours")
        v:faults {
          { fault = "error", call = "GET /fapi/v1/openOrders", status = 503, most = 3 },
          { fault = "lose_reply", call = "DELETE /fapi/v1/allOpenOrders", most = 1 },
        }
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.same({ ours = "CANCELED" }, statuses(v))
  end)

  it("cannot cancel while the network is gone, says so, and leaves it to the dead man's switch", function()
    local v = virtual.run {
      script = function(v, api, market)
        resting(v, api, market, "ours")
        v:run_for(5)
        v:silence("all", 1000)
      end,
    }
    assert.truthy(v.failure and v.failure:find("check its open orders", 1, true), tostring(v.failure))
    assert.truthy(v:logged "could not be cancelled", v:log())
    v:pass(120)
    assert.same({ ours = "CANCELED" }, statuses(v))
  end)

  it("asked to by a halt: no order is taken any more, all orders of its symbols go", function()
    local err
    local v = virtual.run {
      settings = { run = { on_halt = "stay" } },
      strategy = { on_start = function() end },
      play = function(v, api, market)
        resting(v, api, market, "ours")
        v:order {
          type = "LIMIT",
          price = ("%.1f"):format(math.floor(v:best() * 0.94)),
          newClientOrderId = "theirs",
        }
        v:halt()
        v:run_for(3)
        err =
          select(2, api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
        v:run_for(60)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.same({ ours = "CANCELED", theirs = "CANCELED" }, statuses(v))
    assert.truthy(err and tostring(err):find("halt", 1, true), tostring(err))
    assert.equal(0, v:position())
  end)

  it("by a halt that flattens: its position is closed", function()
    local v = virtual.run {
      settings = { run = { halt_flatten = true } },
      strategy = { on_start = function() end },
      play = function(v, api)
        assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.05 })
        v:run_for(1)
        v:halt()
        v:run_for(60)
      end,
    }
    assert.equal(0, v:position())
    assert.truthy(v:logged "the position of 0.05 closed", v:log())
  end)

  it("a handler that is under way has its time, and no more", function()
    local v = virtual.run {
      settings = { run = { stop_seconds = 10 } },
      strategy = {
        on_start = function() print "begun" end,
        on_stop = function() virtual.current.api.sleep(1000) end,
      },
      play = function(v, api, market)
        resting(v, api, market, "ours")
        v:run_for(1)
      end,
    }
    assert.same({ ours = "CANCELED" }, statuses(v))
    assert.is_true(v:now() < 60, v:now())
  end)
end)

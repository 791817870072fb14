-- How a strategy is tested: a market written down bar by bar, and what must come of it.
--
--   moontide test examples/testing
local testing = require "moontide.testing"

local script = (debug.getinfo(1, "S").source:match "^@(.*)breakout_spec%.lua$") .. "breakout.lua"

describe("breakout.lua", function()
  it("buys the first close above all before it, once", function()
    local world = testing.world { bars = { 20000, 19900, 19950, 20010, 20050, 20100 } }
    world:run(script, { quantity = 0.5 })
    world:expect_orders { { side = "BUY", type = "MARKET", quantity = 0.5, status = "FILLED" } }
    world:expect_fills { { price = 20010 } }
    assert.is_true(world:equity() > 10000)
  end)

  it("says why an order was refused, and goes on", function()
    local world = testing.world { bars = testing.ramp(20000, 20100, 5), capital = 1 }
    world:run(script)
    world:expect_position(0)
    assert.are.equal(-2019, world.refused[1].error.code)
    assert.is_true(world:logged("refused: rejected -2019", "warn"))
  end)

  it("lives with an exchange that is down for a minute", function()
    local world = testing.world {
      bars = testing.ramp(20000, 20100, 10),
      faults = {
        {
          fault = "error",
          class = "orders",
          status = 503,
          message = "Service Unavailable",
          from = 0,
          to = 180,
        },
      },
    }
    world:run(script)
    world:expect_position(0.01)
  end)
end)

describe("a test body", function()
  it("may call the exchange itself, in virtual time", function()
    local order = assert(
      api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", price = 19000, quantity = 0.01 }
    )
    api.sleep(86400) -- a day, at once
    assert.are.equal("NEW", api.get_order { symbol = "BTCUSDT", orderId = order.orderId }.status)
  end)
end)

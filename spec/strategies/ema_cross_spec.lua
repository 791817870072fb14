local testing = require "moontide.testing"

local script = "strategies/ema_cross.lua"
local params = { fast = 3, slow = 8, quantity = 0.5 }

describe("strategies/ema_cross.lua", function()
  it("stays out while the averages warm up", function()
    local world = testing.world { bars = testing.ramp(20000, 20100, 7) }
    world:run(script, params)
    world:expect_orders {}
  end)

  it("is long in a rise", function()
    local world = testing.world { bars = testing.ramp(20000, 21000, 60) }
    world:run(script, params)
    world:expect_orders { { side = "BUY", type = "MARKET", quantity = 0.5, status = "FILLED" } }
    world:expect_position(0.5)
    assert.is_true(world:equity() > 10000)
  end)

  it("turns short when the rise ends, in one order of twice the size", function()
    local world =
      testing.world { bars = testing.join(testing.ramp(20000, 21000, 60), testing.ramp(21000, 19500, 60)) }
    world:run(script, params)
    world:expect_orders { { side = "BUY", quantity = 0.5 }, { side = "SELL", quantity = 1 } }
    world:expect_position(-0.5)
  end)

  it("says why an order was refused, and goes on", function()
    local world = testing.world { bars = testing.ramp(20000, 21000, 20), capital = 10 }
    world:run(script, params)
    world:expect_orders {}
    assert.is_true(#world.refused > 1)
    assert.are.equal(-2019, world.refused[1].error.code)
    assert.is_true(world:logged("order refused: rejected -2019", "warn"))
  end)
end)

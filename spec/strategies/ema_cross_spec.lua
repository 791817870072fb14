local testing = require "moontide.testing"

local script = "strategies/ema_cross.lua"
local params = { fast = 3, slow = 8, share = 0.5 }

-- The bars from before the run that the strategy asks for, then `bars`.
local function after_warmup(bars) return testing.join(testing.ramp(20000, 20000, 72), bars) end

describe("strategies/ema_cross.lua", function()
  it("sends nothing while the averages warm up", function()
    local world = testing.world { bars = testing.ramp(20000, 21000, 120) }
    world:run(script, { fast = 50, slow = 130 })
    world:expect_orders {}
  end)

  it("is long in a rise, with its share of the equity", function()
    local world = testing.world { bars = after_warmup(testing.ramp(20000, 21000, 60)) }
    world:run(script, params)
    assert.is_near(5000, world:position() * 20000, 150) -- bought near the start of the rise
    assert.is_true(world:position() > 0)
    assert.is_true(world:equity() > 10000)
  end)

  it("turns short when the rise ends, in one order", function()
    local world = testing.world {
      bars = after_warmup(testing.join(testing.ramp(20000, 21000, 60), testing.ramp(21000, 19500, 60))),
    }
    world:run(script, params)
    local orders, fills = world:orders { status = "FILLED" }, world:fills()
    assert.are.equal("SELL", orders[#orders].side)
    assert.is_true(orders[#orders].origQty > fills[1].qty) -- closes and opens
    assert.is_true(world:position() < 0)
  end)

  it("keeps its side without an order a bar", function()
    local world = testing.world { bars = after_warmup(testing.ramp(20000, 24000, 200)) }
    world:run(script, params)
    assert.is_true(#world:orders() <= 2) -- the flat bars may have left it on either side
  end)

  it("says why an order was refused, and goes on", function()
    local world = testing.world { bars = after_warmup(testing.ramp(20000, 21000, 20)), leverage = 1 }
    world:run(script, { fast = 3, slow = 8, share = 2 })
    world:expect_fills {}
    assert.is_true(#world.refused > 1)
    assert.are.equal(-2019, world.refused[1].error.code)
    assert.is_true(world:logged("order refused: rejected -2019", "warn"))
  end)

  it("trades any symbol by its filters", function()
    local closes = testing.join(testing.ramp(0.25, 0.25, 100), testing.ramp(0.25, 0.3, 60))
    local world = testing.world { bars = { ALGOUSDT = closes } }
    world:run(script, params)
    assert.is_true(world:position "ALGOUSDT" > 0)
    assert.are.equal(0, #world.refused)
  end)
end)

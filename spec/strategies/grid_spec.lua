local testing = require "moontide.testing"

local script = "strategies/grid.lua"
local params = { levels = 2, step = 0.01, share = 0.04 } -- 400 USDT an order

describe("strategies/grid.lua", function()
  it("rests as many orders on each side as it has levels, a step apart", function()
    local world = testing.world { bars = { 20000, 20000, 20000 } }
    world:run(script, params)
    world:expect_orders {
      { side = "BUY", price = 19800, timeInForce = "GTX", quantity = 0.02 },
      { side = "SELL", price = 20200 },
      { side = "BUY", price = 19600 },
      { side = "SELL", price = 20400 },
    }
  end)

  it("answers a fill with the opposite order one step away, and earns that step", function()
    local world =
      testing.world { bars = { 20000, { 20000, 20050, 19750, 19900 }, { 19900, 20100, 19850, 20050 } } }
    world:run(script, params)
    world:expect_fills {
      { side = "BUY", price = 19800, maker = true },
      { side = "SELL", price = 20000, maker = true },
    }
    world:expect_position(0)
    assert.is_true(world:wallet() > 10000)
  end)

  it("gives up its position and starts again where the price has gone", function()
    local world =
      testing.world { bars = { 20000, 20000, { 20000, 20000, 19000, 19000 }, 19000, 19000, 19000 } }
    world:run(script, params)
    world:expect_position(0)
    assert.are.equal(1, #world:orders { side = "SELL", type = "MARKET", reduceOnly = true })
  end)

  it("keeps the grids of two symbols apart", function()
    local world =
      testing.world { bars = { BTCUSDT = { 20000, 20000, 20000 }, ETHUSDT = { 1000, 1000, 1000 } } }
    world:run(script, params)
    assert.are.same({ 19800, 19600 }, {
      world:orders({ symbol = "BTCUSDT", side = "BUY" })[1].price,
      world:orders({ symbol = "BTCUSDT", side = "BUY" })[2].price,
    })
    assert.are.same({ 990, 0.4 }, {
      world:orders({ symbol = "ETHUSDT", side = "BUY" })[1].price,
      world:orders({ symbol = "ETHUSDT", side = "BUY" })[1].origQty,
    })
  end)

  it("leaves no order open at the end", function()
    local world = testing.world { bars = testing.wave(20000, 500, 20, 60) }
    world:run(script, params)
    assert.are.equal(0, #world:orders { status = "NEW" })
  end)
end)

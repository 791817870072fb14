-- Specs of NAME: a market written down bar by bar, and what the strategy must do on it. `moontide test` runs them; help:
-- https://lunarmodules.github.io/busted for describe, it and assert, docs/api.md ("Testing") for the world.
local testing = require "moontide.testing"

-- Small lengths keep the specs short.
local params = { entry = 5, exit = 3, notional = 1000, stop = 0.02 }

-- Ten calm bars, so that there is a channel to break.
local calm = testing.wave(PRICE, PRICE * 0.0005, 4, 10)

local function world_of(...) return testing.world { symbol = "SYMBOL", bars = testing.join(calm, ...) } end

describe("NAME", function()
  it("stays out while nothing happens", function()
    local world = world_of(calm)
    world:run("NAME.lua", params)
    world:expect_orders {}
  end)

  it("buys a break-out, and guards it with a stop", function()
    local world = world_of { PRICE * 1.01, PRICE * 1.012 }
    world:run("NAME.lua", params)
    world:expect_orders {
      { side = "BUY", type = "MARKET", status = "FILLED" },
      { side = "SELL", type = "STOP_MARKET", closePosition = true },
    }
  end)

  it("sells when the price falls out of the channel, and takes the stop away", function()
    local world =
      world_of(testing.ramp(PRICE * 1.01, PRICE * 1.05, 8), testing.ramp(PRICE * 1.049, PRICE * 1.03, 6))
    world:run("NAME.lua", params)
    world:expect_position(0)
    assert.are.equal(1, #world:trades())
    assert.is_true(world:trades()[1].pnl > 0)
    assert.are.equal(0, #world:orders { status = "NEW" })
  end)

  it("is stopped out when the price falls at once", function()
    local world =
      world_of { PRICE * 1.01, { PRICE * 1.01, PRICE * 1.01, PRICE * 0.95, PRICE * 0.95 }, PRICE * 0.95 }
    world:run("NAME.lua", params)
    world:expect_position(0)
    assert.is_true(world:trades()[1].pnl < 0)
  end)

  it("goes on when the exchange refuses an order", function()
    local world = testing.world {
      symbol = "SYMBOL",
      capital = 1,
      bars = testing.join(calm, { PRICE * 1.01, PRICE * 1.02 }),
    }
    world:run("NAME.lua", params)
    world:expect_fills {}
    assert.is_true(world:logged("BUY MARKET refused", "warn"))
  end)
end)

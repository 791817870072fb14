local testing = require "moontide.testing"

local script = "strategies/mean_reversion.lua"
local params = { length = 10, width = 2, stop = 0.01, risk = 0.001 } -- 1000 USDT a trade

-- Bars that swing a little, so that the bands stand: those from before the run that the strategy asks for, and twenty.
local calm = testing.wave(20000, 20, 5, 170)

describe("strategies/mean_reversion.lua", function()
  it("rests an order at each band, post-only", function()
    local world = testing.world { bars = calm }
    world:run(script, params)
    local buys, sells = world:orders { side = "BUY" }, world:orders { side = "SELL" }
    assert.is_true(#buys > 0 and #sells > 0)
    for _, order in ipairs(buys) do
      assert.is_true(order.price < 20000)
      assert.are.equal("GTX", order.timeInForce)
    end
    world:expect_fills {}
  end)

  it("guards a filled entry with a stop and waits for the mean", function()
    local world = testing.world { bars = testing.join(calm, { { 20000, 20000, 19940, 19960 }, 19960 }) }
    world:run(script, params)
    assert.are.equal("BUY", world:fills()[1].side)
    local entry = world:fills()[1].price
    local stop = world:orders { type = "STOP_MARKET" }[1]
    assert.is_true(math.abs(stop.stopPrice - entry * 0.99) < 0.2)
    assert.are.equal(world:fills()[1].qty, stop.origQty)
    assert.is_true(stop.reduceOnly)
    assert.is_true(#world:orders { side = "SELL", type = "LIMIT", reduceOnly = true } > 0)
  end)

  it("is out when the price comes back to the mean, with a gain", function()
    local world = testing.world {
      bars = testing.join(calm, { { 20000, 20000, 19940, 19960 }, { 19960, 20020, 19950, 20010 } }),
    }
    world:run(script, params)
    assert.is_true(world:trades()[1].pnl > 0)
  end)

  it("is stopped out when the band is broken for good", function()
    local world = testing.world {
      bars = testing.join(calm, { { 20000, 20000, 19940, 19945 }, { 19945, 19950, 19600, 19610 }, 19610 }),
    }
    world:run(script, params)
    local trade = world:trades()[1]
    assert.is_true(trade.pnl < 0)
    assert.is_true(trade.exit_price > trade.entry_price * 0.985)
  end)
end)

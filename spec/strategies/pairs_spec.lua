local testing = require "moontide.testing"

local script = "strategies/pairs.lua"
local params = { length = 20, entry = 2.5, exit = 0.5, share = 0.1 } -- 1000 USDT a leg

-- BTCUSDT at `first`, ETHUSDT at a calm 1000 that moves just enough to have a deviation.
local function world_of(first)
  local second = testing.wave(1000, 0.5, 7, #first)
  return testing.world { bars = { BTCUSDT = first, ETHUSDT = second } }
end

describe("strategies/pairs.lua", function()
  it("does nothing while the two move together", function()
    local world = world_of(testing.wave(20000, 10, 7, 60))
    world:run(script, params)
    world:expect_orders {}
  end)

  it("sells the dear one and buys the cheap one for the same money", function()
    local world = world_of(testing.join(testing.wave(20000, 10, 7, 40), { 20400, 20400 }))
    world:run(script, params)
    local first, second = world:fills { symbol = "BTCUSDT" }[1], world:fills { symbol = "ETHUSDT" }[1]
    assert.are.equal("SELL", first.side)
    assert.are.equal("BUY", second.side)
    assert.is_true(math.abs(first.quoteQty - second.quoteQty) < 30)
  end)

  it("closes both legs when the ratio is back", function()
    local world =
      world_of(testing.join(testing.wave(20000, 10, 7, 40), { 20400, 20400 }, testing.wave(20000, 10, 7, 20)))
    world:run(script, params)
    world:expect_position(0, "BTCUSDT")
    world:expect_position(0, "ETHUSDT")
    assert.are.equal(2, #world:trades())
  end)
end)

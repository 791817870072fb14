-- Specs of the bot: what it must do when all is well, and when it is not.
--
--   moontide test examples/bot
local testing = require "moontide.testing"

local script = (debug.getinfo(1, "S").source:match "^@(.*)bot_spec%.lua$") .. "bot.lua"
local params = { fast = 3, slow = 8, strength = 0.2, risk = 0.01 }

-- Twenty bars that go up and down a little, then those given.
local function world_of(bars, more)
  local options = { interval = "5m", bars = testing.join(testing.wave(20000, 30, 6, 20), bars) }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return testing.world(options)
end

describe("bot.lua", function()
  it("follows a rise with a guarded position, and closes it when the rise ends", function()
    local world = world_of(testing.join(testing.ramp(20000, 21500, 30), testing.ramp(21500, 21300, 8)))
    world:run(script, params)
    local best = 0
    for _, trade in ipairs(world:trades()) do
      if trade.side == "LONG" then best = math.max(best, trade.pnl) end
    end
    assert.is_true(best > 100, "the rise earned " .. best)
    assert.is_true(world:logged "out: the trend is over")
    assert.are.equal(
      #world:orders { type = "MARKET", reduceOnly = false },
      #world:orders { type = "STOP_MARKET" }
    )
  end)

  it("risks no more than it may", function()
    local world = world_of(testing.ramp(20000, 21500, 30))
    world:run(script, { fast = 3, slow = 8, strength = 0.2, max_notional = 1000, flatten = false })
    local held = math.abs(world:position())
    assert.is_true(held > 0 and held * 21500 <= 1000 * 1.1)
  end)

  it("is taken out by its stop on the exchange", function()
    local crash = { { 20800, 20800, 19000, 19050 }, 19050, 19050 }
    local world = world_of(testing.join(testing.ramp(20000, 20800, 20), crash))
    world:run(script, params)
    assert.are.equal(1, #world:orders { type = "STOP_MARKET", side = "SELL", status = "FINISHED" })
  end)

  it("rests for the day after the loss it may make", function()
    local saw = {}
    for _ = 1, 12 do
      saw = testing.join(saw, testing.ramp(20000, 20600, 8), testing.ramp(20600, 20000, 3))
    end
    local world = world_of(saw)
    world:run(
      script,
      { fast = 2, slow = 4, strength = 0, risk = 0.05, max_notional = 50000, max_daily_loss = 0.005 }
    )
    local orders = world:orders()
    local last = orders[#orders].time
    assert.is_true(last < 1672531200000 + (20 + 12 * 11 - 20) * 300000, "it traded to the end")
    assert.is_true(world:equity() > 10000 * 0.9)
  end)

  it("halts for good at the drawdown it may have", function()
    local world = world_of(
      testing.join(
        testing.ramp(20000, 20800, 20),
        { { 20800, 20800, 15000, 15000 }, 15000 },
        testing.wave(15000, 200, 9, 40)
      )
    )
    world:run(
      script,
      { fast = 3, slow = 8, strength = 0, risk = 0.05, max_notional = 50000, max_drawdown = 0.01 }
    )
    assert.is_true(world:logged("halted for good", "error"))
    world:expect_position(0)
  end)

  it("puts the stop back when somebody has cancelled it", function()
    local world = world_of(testing.ramp(20000, 21500, 30))
    local handlers = assert(loadfile(script))
    setfenv(handlers, setmetatable({}, { __index = _G }))
    local bot = handlers()
    local on_fill = bot.on_fill
    function bot:on_fill(fill)
      on_fill(self, fill)
      api.spawn(function()
        api.sleep(60)
        api.cancel_all_orders { symbol = "BTCUSDT" }
      end)
    end
    world:run(bot, params)
    assert.is_true(world:logged("without a stop: guarded again", "warn"))
    assert.is_true(#world:orders { type = "STOP_MARKET" } >= 2)
  end)

  it("rests for an hour when its orders are refused, and lives on", function()
    local world = world_of(testing.ramp(20000, 21500, 30), {
      faults = {
        {
          fault = "error",
          call = "POST /fapi/v1/order",
          status = 400,
          code = -2019,
          message = "Margin is insufficient.",
        },
      },
    })
    world:run(script, params)
    world:expect_fills {}
    assert.is_true(world:logged("resting for an hour", "error"))
    assert.is_true(world:logged "heartbeat")
  end)
end)

local testing = require "moontide.testing"

local function buy(quantity)
  return api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = quantity or 0.01 }
end

describe("a test body", function()
  it("calls the exchange as a script does, on a market of its own", function()
    local order = assert(buy())
    assert.are.equal("FILLED", order.status)
    assert.are.equal(20000, order.avgPrice)
    assert.are.equal(0.01, api.get_position_info { symbol = "BTCUSDT" }[1].positionAmt)
    assert.are.equal(0.1, market.rules("BTCUSDT").tick)
  end)

  it(
    "has a world that no other test has touched",
    function() assert.are.equal(0, api.get_position_info { symbol = "BTCUSDT" }[1].positionAmt) end
  )

  it("sleeps in virtual time", function()
    local before = api.now()
    api.sleep(3600)
    assert.are.equal(3600000, api.now() - before)
  end)

  it("has tasks beside it", function()
    local results = api.all {
      buy,
      function()
        api.sleep(5)
        return "slept"
      end,
    }
    assert.are.equal("FILLED", results[1].status)
    assert.are.equal("slept", results[2])
    local order, err = api.async
      .create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", price = 0.05, quantity = 1 }
      :wait()
    assert.is_nil(order)
    assert.are.equal("invalid", err.kind)
  end)

  it("walks through bars that it wrote down", function()
    testing.world { bars = { 100, 101, 103 } }
    local closes = {}
    for bar in market.bars "BTCUSDT" do
      closes[#closes + 1] = bar.close
    end
    assert.are.same({ 100, 101, 103 }, closes)
  end)

  it("is told when it sleeps past the end of the market", function()
    testing.world { bars = { 100, 101 } }
    local ok, message = pcall(api.sleep, 1000)
    assert.is_false(ok)
    assert.matches("the market of this world has ended: give testing.world more bars", message)
  end)

  it("hears of a name that does not exist", function()
    assert.has_error(function() return api.create_ordr end, "api.create_ordr: no such name")
  end)

  describe("with a before_each that trades", function()
    local order
    before_each(function()
      testing.world { bars = testing.ramp(100, 110, 11) }
      api.sleep(60)
      order = assert(buy(1))
      api.sleep(60)
    end)
    after_each(function() assert.are.equal(1, #api.get_position_info { symbol = "BTCUSDT" }) end)

    it("finds what that did", function() assert.are.equal(100, order.avgPrice) end)
    it(
      "finds it each time anew",
      function() assert.are.equal(1, api.get_position_info { symbol = "BTCUSDT" }[1].positionAmt) end
    )
  end)
end)

describe("a world", function()
  it("runs a table of handlers to the end of its bars", function()
    local world = testing.world { bars = { 100, 101, 102, 103 } }
    world:run {
      on_bar = function(self, bar)
        if bar.close == 101 then buy(2) end
        if bar.close == 102 then assert(self:position "BTCUSDT" == 2) end
      end,
      on_fill = function(_, fill) log.info("filled at %g", fill.price) end,
    }
    world:expect_orders { { side = "BUY", type = "MARKET", quantity = 2, status = "FILLED" } }
    world:expect_fills { { qty = 2, price = 101 } }
    world:expect_position(2)
    assert.is_true(world:logged("filled at 101", "info"))
    assert.is_true(world:equity() > 10000)
  end)

  it("runs a plain script", function()
    local world = testing.world { bars = { 100, 101, 102 } }
    local count = 0
    world:run(function()
      for _ in market.bars("BTCUSDT", "1m") do
        count = count + 1
      end
    end)
    assert.are.equal(3, count)
  end)

  it("gives a script its parameters", function()
    local world = testing.world { bars = { 100, 101, 102 } }
    local seen
    world:run(
      { params = { size = { 1, min = 0, max = 5 } }, on_start = function(self) seen = self.params.size end },
      { size = 2.5 }
    )
    assert.are.equal(2.5, seen)
    assert.has_error(function()
      testing.world { bars = { 1, 2 } }:run({ params = { size = 1 }, on_bar = function() end }, { sise = 1 })
    end)
  end)

  it("fills limit orders where the price goes through them", function()
    local world = testing.world { bars = { 1000, { 1000, 1000, 940, 980 }, { 980, 1060, 970, 1050 } } }
    world:run {
      on_start = function()
        assert(
          api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", price = 950, quantity = 1 }
        )
      end,
      on_fill = function(_, fill)
        if fill.side == "BUY" then
          assert(
            api.create_order { symbol = "BTCUSDT", side = "SELL", type = "LIMIT", price = 1040, quantity = 1 }
          )
        end
      end,
    }
    world:expect_fills {
      { side = "BUY", price = 950, maker = true },
      { side = "SELL", price = 1040, maker = true, realizedPnl = 90 },
    }
    assert.are.equal(1, #world:trades())
  end)

  it("lists conditional orders beside plain ones", function()
    local world = testing.world { bars = { 100, 100, 100 } }
    world:run {
      on_start = function()
        buy(1)
        assert(api.create_order {
          symbol = "BTCUSDT",
          side = "SELL",
          type = "STOP_MARKET",
          stopPrice = 90,
          closePosition = true,
        })
      end,
    }
    world:expect_orders { { type = "MARKET" }, { type = "STOP_MARKET", stopPrice = 90, status = "NEW" } }
    assert.are.equal(1, #world:orders { type = "STOP_MARKET" })
  end)

  it("makes bars of trades, with gaps where there were none", function()
    local world = testing.world { trades = { { 0, 100, 1 }, { 10, 104, 2 }, { 50, 99, 1 }, { 200, 101, 5 } } }
    local seen = {}
    world:run {
      on_bar = function(_, bar)
        seen[#seen + 1] =
          { (bar.open_time - 1672531200000) / 60000, bar.open, bar.high, bar.low, bar.close, bar.volume }
      end,
    }
    assert.are.same({ { 0, 100, 104, 99, 99, 4 }, { 3, 101, 101, 101, 101, 5 } }, seen)
  end)

  it("leaves out the bars of a gap", function()
    local world = testing.world { bars = { 100, { gap = 4 }, 101 } }
    local minutes = {}
    world:run { on_bar = function(_, bar) minutes[#minutes + 1] = (bar.open_time - 1672531200000) / 60000 end }
    assert.are.same({ 0, 5 }, minutes)
  end)

  it("has bars as long as the strategy's, unless told otherwise", function()
    local lengths = {}
    local function strategy()
      return {
        interval = "15m",
        on_bar = function(_, bar) lengths[#lengths + 1] = bar.close_time - bar.open_time + 1 end,
      }
    end
    testing.world({ bars = { 100, 101 } }):run(strategy())
    assert.are.same({ 900000, 900000 }, lengths)
    lengths = {}
    testing.world({ bars = testing.ramp(100, 129, 30), interval = "1m" }):run(strategy())
    assert.are.same({ 900000, 900000 }, lengths)
  end)

  it("trades several symbols", function()
    local world = testing.world { bars = { BTCUSDT = { 100, 101, 102 }, ETHUSDT = { 50, 51, 52 } } }
    world:run {
      symbols = { "ETHUSDT", "BTCUSDT" },
      on_bar = function(self, bar)
        if self:position(bar.symbol) == 0 then
          api.create_order { symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 1 }
        end
      end,
    }
    world:expect_position(1, "ETHUSDT")
    assert.are.equal(2, #world:fills())
    assert.are.equal(1, #world:fills { symbol = "BTCUSDT" })
  end)

  it("pays funding", function()
    local world = testing.world { bars = testing.ramp(100, 100, 10), funding = { { at = 300, rate = 0.01 } } }
    local paid
    world:run { on_start = function() buy(1) end, on_funding = function(_, payment) paid = payment.amount end }
    assert.are.equal(-1, paid)
  end)

  it("loses requests by rule", function()
    local world = testing.world {
      faults = {
        {
          fault = "error",
          call = "POST /fapi/v1/order",
          status = 400,
          code = -2019,
          message = "Margin is insufficient.",
        },
      },
    }
    world:run(function() buy() end)
    world:expect_orders {}
    assert.are.equal(-2019, world.refused[1].error.code)
    assert.are.equal(0.01, world.refused[1].request.quantity)
  end)

  it("lets time pass on the way to the exchange", function()
    testing.world { latency = 250, bars = testing.ramp(100, 110, 10) }
    local before = api.now()
    assert(buy(1))
    assert.are.equal(500, api.now() - before)
  end)

  it("fails the test when a handler fails, with script and line", function()
    local world = testing.world { bars = { 100, 101 } }
    local ok, message = pcall(world.run, world, { on_bar = function() error "boom" end })
    assert.is_false(ok)
    assert.matches("testing_spec.lua:%d+: boom", message)
    assert.matches("stack traceback", message)
  end)

  it("shows what orders there were when others are expected", function()
    local world = testing.world { bars = { 100, 101, 102 } }
    world:run { on_start = function() buy(3) end }
    local ok, failure = pcall(world.expect_orders, world, { { side = "SELL" } })
    assert.is_false(ok)
    assert.matches("order", tostring(failure.message or failure))
    assert.matches(
      "is not { side=SELL }; they are:\n  1  symbol=BTCUSDT side=BUY type=MARKET",
      tostring(failure.message or failure)
    )
  end)

  it("says plainly what is wrong with its description", function()
    local cases = {
      { { bar = {} }, "no option 'bar'" },
      { { bars = { 100, -1 } }, "BTCUSDT, bar 2: expected a price above 0, not %-1" },
      { { bars = { { 100, 99, 98, 100 } } }, "high and low must hold open and close" },
      { { bars = {}, symbol = "ETHUSDT" }, "ETHUSDT has no bar" },
      { { bars = { 1, 2 }, interval = "7m" }, "no such interval '7m'" },
      { { trades = { { 5, 1 }, { 2, 1 } } }, "testing.world" },
      { { faults = { { fault = "bogus" } } }, "faults" },
      { { funding = 0.001 }, "funding: expected a list, not a number" },
      { { bars = "up" }, "bars: expected a list, not a string" },
      { { bars = { 1, 2 }, funding = { 0.001 } }, "funding 1: expected { at = seconds" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(testing.world, case[1])
      if case[1].trades then
        assert.is_true(ok, message) -- of one bar: their order inside it is the reader's
      else
        assert.is_false(ok)
        assert.matches(case[2], message)
      end
    end
  end)
end)

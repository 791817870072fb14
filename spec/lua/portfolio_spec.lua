-- Sizes, targets, brackets and rebalancing: one call each, valid on the filters of any symbol.
local testing = require "moontide.testing"
local virtual = require "spec.support.virtual_live"

local function flat(price, count)
  local bars = {}
  for i = 1, count do
    bars[i] = price
  end
  return bars
end

-- Runs `body(self, bar)` at the first bar; what it raised is raised.
local function at_first_bar(options, body, on)
  local world = testing.world(options)
  local strategy = {
    on_bar = function(self, bar)
      if self.done then return end
      self.done = true
      body(self, bar)
    end,
  }
  for name, handler in pairs(on or {}) do
    strategy[name] = handler
  end
  return world:run(strategy)
end

describe("self:size", function()
  local function size(o, options)
    local quantity, why
    at_first_bar(options or { bars = flat(20000, 3) }, function(self, bar)
      quantity, why = self:size(bar.symbol, o)
    end)
    return quantity, why
  end

  it("is the rule's money over the price, cut down to the step", function()
    assert.are.equal(0.012, size { notional = 259.9 }) -- 0.012995
    assert.are.equal(0.05, size { equity = 0.1 }) -- 1000 of 10000
    assert.are.equal(0.5, size { risk = 0.01, stop = 19800 }) -- 100 lost over a distance of 200
    assert.are.equal(0.5, size { risk = 0.01, stop = 20200 }) -- short
    assert.are.equal(0.166, size { volatility = 0.2, realised = 0.6 }) -- a third of the equity
    assert.are.equal(0.05, size { kelly = { win = 0.55, payoff = 1 }, cap = 0.2 }) -- 0.55 - 0.45 = 0.1
    assert.are.equal(0.1, size { kelly = { win = 0.9, payoff = 2 }, cap = 0.2 }) -- capped
    assert.are.equal(0.025, size { notional = 1000, price = 40000 })
  end)

  it("is 0, and says why, where the exchange takes no order so small", function()
    local quantity, why = size { notional = 10 }
    assert.are.equal(0, quantity)
    assert.is_truthy(why:find "least")
    assert.are.equal(0, size { kelly = { win = 0.4, payoff = 1 }, cap = 0.2 })
  end)

  it("is never more than one market order may have", function()
    local quantity, why = size({ notional = 1e9 }, { bars = flat(20000, 3), capital = 1e9 })
    assert.are.equal(120, quantity) -- BTCUSDT: MARKET_LOT_SIZE
    assert.is_truthy(why:find "most")
  end)

  it("raises, in the script's line, on what is no rule", function()
    for problem, o in pairs {
      ["name a rule"] = {},
      ["one rule at a time"] = { notional = 10, equity = 0.1 },
      ["does not know noitonal"] = { noitonal = 10 },
      ["share of the equity"] = { equity = -1 },
      ["stop is a price"] = { risk = 0.01 },
      ["needs cap"] = { kelly = { win = 0.5, payoff = 2 } },
    } do
      local ok, message = pcall(size, o)
      assert.is_false(ok)
      assert.is_truthy(message:find(problem, 1, true), message)
      assert.is_truthy(message:find("portfolio_spec.lua", 1, true), message)
    end
  end)
end)

describe("self:target", function()
  it("brings a position to an amount, and sends nothing when it is there", function()
    local held = {}
    local world = at_first_bar({ bars = flat(20000, 3) }, function(self, bar)
      for i, amount in ipairs { 0.05, 0.05, 0.0204, -0.03, 0 } do
        held[i] = self:target(bar.symbol, amount)
      end
    end)
    assert.are.same({ 0.05, 0.05, 0.02, -0.03, 0 }, held)
    world:expect_orders {
      { side = "BUY", origQty = 0.05, reduceOnly = false },
      { side = "SELL", origQty = 0.03, reduceOnly = true },
      { side = "SELL", origQty = 0.05, reduceOnly = false },
      { side = "BUY", origQty = 0.03, reduceOnly = true },
    }
  end)

  it("closes what is less than an order's least, and refuses to open that", function()
    local held, err
    at_first_bar({ bars = { 20000, 20000, 20000 } }, function(self, bar)
      local none
      none, err = self:target(bar.symbol, 0.001)
      assert(none == nil)
      assert(self:target(bar.symbol, 0.011))
      assert(self:target(bar.symbol, 0.001)) -- 20 USDT are held
      held = self:target(bar.symbol, 0)
    end)
    assert.are.equal("invalid", err.kind)
    assert.are.equal(0, held)
  end)

  it("sends several orders where one may not be so large", function()
    local world = at_first_bar(
      { bars = flat(20000, 3), capital = 1e8 },
      function(self, bar) assert(self:target(bar.symbol, 250.5)) end
    )
    world:expect_orders { { origQty = 120 }, { origQty = 120 }, { origQty = 10.5 } }
    world:expect_position(250.5)
  end)

  it("scales out and in", function()
    local held = {}
    at_first_bar({ bars = flat(20000, 3) }, function(self, bar)
      self:target(bar.symbol, -0.1)
      held[1] = self:scale(bar.symbol, 0.5)
      held[2] = self:scale(bar.symbol, 2)
      held[3] = self:scale(bar.symbol, 0)
    end)
    assert.are.same({ -0.05, -0.1, 0 }, held)
  end)
end)

describe("self:rebalance", function()
  it(
    "brings positions to shares of the equity, what frees margin first, and leaves small changes out",
    function()
      local changed = {}
      local world = testing.world {
        bars = { BTCUSDT = flat(20000, 5), ETHUSDT = flat(1000, 5) },
        taker = 0,
      }
      world:run {
        symbols = { "BTCUSDT", "ETHUSDT" },
        on_bar = function(self)
          if self:last_price "ETHUSDT" == 0 or self:last_price "BTCUSDT" == 0 or #changed == 3 then return end
          changed[#changed + 1] = assert(self:rebalance(({
            { BTCUSDT = 0.5, ETHUSDT = -0.2 },
            { BTCUSDT = 0.501, ETHUSDT = -0.2 },
            { BTCUSDT = 0.6, ETHUSDT = 0 },
          })[#changed + 1]))
        end,
      }
      assert.are.same({ 2, 0, 2 }, changed)
      world:expect_orders {
        { symbol = "BTCUSDT", side = "BUY", origQty = 0.25 },
        { symbol = "ETHUSDT", side = "SELL", origQty = 2 },
        { symbol = "ETHUSDT", side = "BUY", origQty = 2 },
        { symbol = "BTCUSDT", side = "BUY", origQty = 0.05 },
      }
    end
  )
end)

describe("self:bracket", function()
  local function bracket(bars, o, on)
    return at_first_bar({ bars = bars, touch = "at" }, function(self)
      o.symbol, o.quantity = "BTCUSDT", o.quantity or 0.1
      local order, err = self:bracket(o)
      self.order, self.err = order, err
    end, on)
  end

  it("has stop and target on the exchange once the entry is filled; the target cancels the stop", function()
    local world = bracket({ 20000, 20000, 20300, 20300 }, { side = "BUY", stop = 19800.04, target = 20200 })
    local stop = world:orders({ type = "STOP_MARKET" })[1]
    assert.are.equal("CANCELED", stop.status)
    assert.are.equal(19800.1, stop.stopPrice) -- on the tick, nearer to the price
    assert.are.equal(0.1, stop.origQty)
    assert.are.equal("FILLED", world:orders({ type = "LIMIT", side = "SELL", price = 20200 })[1].status)
    world:expect_position(0)
  end)

  it("is out at the stop, and no target stays", function()
    local world = bracket({ 20000, 20000, 19700, 20300 }, { side = "BUY", stop = 19800, target = 20200 })
    world:expect_position(0)
    assert.are.equal(2, #world:fills())
    assert.are.equal(0, #world:orders { status = "NEW" })
  end)

  it("guards a short, and a limit entry when it is filled", function()
    local world = bracket({ 20000, 20000, 20150, 19700 }, {
      side = "SELL",
      price = 20100.07,
      stop = 20300,
      target = 19800,
    })
    assert.are.equal(20100.1, world:orders({ side = "SELL" })[1].price)
    world:expect_position(0)
    local trade = world:trades()[1]
    assert.are.equal(20100.1, trade.entry_price)
    assert.are.equal(19800, trade.exit_price)
    assert.are.equal("CANCELED", world:orders({ type = "STOP_MARKET" })[1].status)
  end)

  it("forgets an entry that is cancelled unfilled, so that another may follow", function()
    local bars, second = 0, nil
    testing.world({ bars = flat(20000, 6) }):run {
      on_bar = function(self, bar)
        bars = bars + 1
        if bars == 1 then
          self.first = assert(self:bracket {
            symbol = bar.symbol,
            side = "BUY",
            quantity = 0.1,
            price = 19000,
            stop = 18900,
          })
        elseif bars == 2 then
          assert(
            not pcall(self.bracket, self, { symbol = bar.symbol, side = "BUY", quantity = 0.1, stop = 19000 })
          )
          assert(api.cancel_order { symbol = bar.symbol, orderId = self.first.orderId })
        elseif bars == 4 then
          second = self:bracket { symbol = bar.symbol, side = "BUY", quantity = 0.1, stop = 19000 }
        end
      end,
    }
    assert.are.equal("FILLED", second.status)
  end)

  it("covers what a second entry adds", function()
    local world = at_first_bar({ bars = { 20000, 20000, 19700, 19700 } }, function(self, bar)
      assert(self:bracket { symbol = bar.symbol, side = "BUY", quantity = 0.1, stop = 19800, target = 20500 })
      assert(self:scale(bar.symbol, 3))
    end)
    world:expect_position(0)
    local stops = world:orders { type = "STOP_MARKET" }
    assert.are.same({ 0.1, 0.3 }, { stops[1].origQty, stops[2].origQty })
    assert.are.equal("CANCELED", stops[1].status)
  end)

  it("closes at once what is refused a stop", function()
    local order, err
    local world = at_first_bar({
      bars = flat(20000, 4),
      faults = {
        {
          fault = "error",
          call = "POST /fapi/v1/algoOrder",
          status = 400,
          code = -2021,
          message = "Order would immediately trigger.",
        },
      },
    }, function(self, bar)
      order, err =
        self:bracket { symbol = bar.symbol, side = "BUY", quantity = 0.1, stop = 19900, target = 20500 }
    end)
    assert.is_nil(order)
    assert.are.equal(-2021, err.code)
    world:expect_position(0)
    assert.are.equal(0, #world:orders { status = "NEW" })
    assert.is_true(world:logged "the position is closed")
  end)

  it("raises on prices of the wrong side", function()
    for problem, o in pairs {
      ["does not guard a long"] = { side = "BUY", stop = 20100 },
      ["no gain for a short"] = { side = "SELL", target = 20100 },
      ["name a stop, a target or both"] = { side = "BUY" },
      ["side is BUY or SELL"] = { side = "LONG", stop = 1 },
    } do
      local ok, message = pcall(bracket, flat(20000, 3), o)
      assert.is_false(ok)
      assert.is_truthy(message:find(problem, 1, true), message)
    end
  end)
end)

describe("self:trail", function()
  it("follows the price at a distance and never back", function()
    local stops = {}
    local world = testing.world { bars = { 20000, 20100, 20300, 20250, 20400, 20150, 20150 } }
    world:run {
      on_bar = function(self, bar)
        if not self.done then
          self.done = true
          assert(self:target(bar.symbol, 0.1))
        end
        stops[#stops + 1] = self:trail(bar.symbol, 200)
      end,
    }
    assert.are.same({ 19800, 19900, 20100, 20100, 20200 }, stops)
    world:expect_position(0)
    assert.are.equal(0, #world:orders { status = "NEW" })
  end)
end)

describe("self:oco", function()
  it("cancels the others when one is filled", function()
    local world = at_first_bar(
      { bars = { 20000, 20000, 20200, 20200, 19500 }, touch = "at" },
      function(self, bar)
        assert(self:oco {
          { symbol = bar.symbol, side = "BUY", type = "LIMIT", price = 19800, quantity = 0.1 },
          { symbol = bar.symbol, side = "BUY", type = "STOP_MARKET", stopPrice = 20100, quantity = 0.1 },
        })
      end
    )
    assert.are.equal("CANCELED", world:orders({ type = "LIMIT" })[1].status)
    world:expect_position(0.1)
  end)

  it("leaves nothing when one is refused", function()
    local err
    local world = at_first_bar({ bars = flat(20000, 3) }, function(self, bar)
      local orders
      orders, err = self:oco {
        { symbol = bar.symbol, side = "BUY", type = "LIMIT", price = 19800, quantity = 0.1 },
        { symbol = bar.symbol, side = "BUY", type = "STOP_MARKET", stopPrice = 19900, quantity = 0.1 },
      }
      assert(orders == nil)
    end)
    assert.are.equal(-2021, err.code)
    assert.are.equal(0, #world:orders { status = "NEW" })
  end)
end)

describe("a bracket of a run that was killed", function()
  -- What is open of the symbol, and whether its stop is among it.
  local function open_types(api)
    local types = {}
    for _, order in ipairs(assert(api.get_open_orders { symbol = "BTCUSDT" })) do
      types[#types + 1] = order.type .. " " .. order.origQty
    end
    table.sort(types)
    return types
  end

  local function run(after, play)
    local me
    local v = virtual.run {
      after = after,
      strategy = {
        symbols = { "BTCUSDT" },
        on_start = function(self) me = self end,
        on_bar = function() end,
      },
      play = function(v, api)
        v:run_for(1)
        play(v, api, me)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.is_nil(v.broken, v.broken)
    return v
  end

  local function enter(me)
    local last = me:last_price "BTCUSDT"
    assert(me:bracket {
      symbol = "BTCUSDT",
      side = "BUY",
      quantity = 0.01,
      stop = last * 0.9,
      target = last * 1.04,
    })
  end

  it("goes on in the next one", function()
    local first = run(nil, function(v, _, me)
      enter(me)
      v:run_for(2)
      v:crash()
    end)
    local before, after
    run(first, function(v, api, me)
      before = open_types(api)
      assert(me:scale("BTCUSDT", 0)) -- out by hand: both exits go
      v:run_for(2)
      after = open_types(api)
      assert.is_nil(me.state.brackets.BTCUSDT)
    end)
    assert.are.same({ "LIMIT 0.01", "STOP_MARKET 0.01" }, before)
    assert.are.same({}, after)
  end)

  it("has its stop back when somebody has cancelled it meanwhile", function()
    local first = run(nil, function(v, api, me)
      enter(me)
      v:run_for(2)
      v:dead "user" -- the run does not hear of it
      assert(api.cancel_all_orders { symbol = "BTCUSDT" })
      v:crash()
    end)
    local open
    run(first, function(_, api) open = open_types(api) end)
    assert.are.same({ "LIMIT 0.01", "STOP_MARKET 0.01" }, open)
  end)
end)

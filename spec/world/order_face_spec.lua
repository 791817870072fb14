-- One face for plain and conditional orders, and what a script may keep of `api` before its run begins.
local run = require "spec.support.run"
local testing = require "moontide.testing"

local STOP = { symbol = "BTCUSDT", side = "SELL", type = "STOP_MARKET", stopPrice = 19000, quantity = 0.01 }

local function stop(more)
  local o = {}
  for name, value in pairs(STOP) do
    o[name] = value
  end
  for name, value in pairs(more or {}) do
    o[name] = value
  end
  return assert(api.create_order(o))
end

describe("a conditional order", function()
  it("comes back with every field of an order", function()
    testing.world { bars = { 20000, 20000 } }
    local order = stop { newClientOrderId = "mine" }
    assert.are.equal(0, order.avgPrice)
    assert.are.equal(0, order.cumQuote)
    assert.are.equal(0, order.executedQty)
    assert.are.equal("STOP_MARKET", order.origType)
    assert.are.equal(order.createTime, order.time)
    assert.are.equal("mine", order.clientOrderId)
  end)

  it("is found and cancelled by the client id it was sent with", function()
    testing.world { bars = { 20000, 20000 } }
    local order = stop { newClientOrderId = "mine" }
    local found = assert(api.get_order { symbol = "BTCUSDT", origClientOrderId = "mine" })
    assert.are.equal(order.orderId, found.orderId)
    assert.are.equal("NEW", found.status)
    local gone = assert(api.cancel_order { symbol = "BTCUSDT", origClientOrderId = "mine" })
    assert.are.equal("CANCELED", gone.status)
    assert.are.equal(order.orderId, gone.orderId)
    assert.are.same({}, assert(api.get_open_orders { symbol = "BTCUSDT" }))
  end)

  it("is found by ids that this run has not seen", function()
    testing.world { bars = { 20000, 20000 } }
    local request = { symbol = "BTCUSDT", side = "SELL", type = "STOP_MARKET", triggerPrice = 19000 }
    request.quantity, request.algoType, request.clientAlgoId = 0.01, "CONDITIONAL", "before"
    local order = assert(api.request("POST", "/fapi/v1/algoOrder", request))
    local found = assert(api.get_order { symbol = "BTCUSDT", origClientOrderId = "before" })
    assert.are.equal(order.algoId, found.orderId)
    assert.are.equal(
      order.algoId,
      assert(api.get_order { symbol = "BTCUSDT", orderId = order.algoId }).orderId
    )
    assert(api.cancel_order { symbol = "BTCUSDT", orderId = order.algoId })
  end)

  it("tells what the order of its trigger has filled", function()
    testing.world { bars = { 20000, { 20000, 20000, 18000, 18000 }, 18000 } }
    local order = stop { newClientOrderId = "mine" }
    api.sleep(100)
    local found = assert(api.get_order { symbol = "BTCUSDT", orderId = order.orderId })
    assert.are.equal("FINISHED", found.status)
    assert.are.equal(0.01, found.executedQty)
    assert.are.equal(19000, found.avgPrice)
    assert.are.equal(190, found.cumQuote)
  end)

  it("leaves an unknown order unknown", function()
    testing.world { bars = { 20000, 20000 } }
    local order, err = api.get_order { symbol = "BTCUSDT", origClientOrderId = "nobody" }
    assert.is_nil(order)
    assert.are.equal(-2013, err.code)
    order, err = api.cancel_order { symbol = "BTCUSDT", origClientOrderId = "nobody" }
    assert.is_nil(order)
    assert.are.equal(-2011, err.code)
  end)

  it("does not make a plain order that is over be asked for twice", function()
    testing.world { bars = { 20000, 20000 } }
    local order =
      assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })
    local sent = api.get_metrics().sent
    local _, err = api.cancel_order { symbol = "BTCUSDT", orderId = order.orderId }
    assert.are.equal(-2011, err.code)
    assert.are.equal(sent + 1, api.get_metrics().sent)
  end)
end)

describe("a script", function()
  local function printed(script, data)
    local r = run.backtest(script, data or { { 20000, 20001, 19999, 20000 }, { 20000, 20001, 19999, 20000 } })
    return r, r.err
  end

  it("may begin with api.async, or with api.all of it", function()
    local r, err = printed [[print(api.async.get_server_time():wait().serverTime > 0)]]
    assert.are.equal(0, r.status, err)
    assert.matches("true", err)
    r, err = printed [[
      local both = api.all { api.async.get_server_time(), api.async.get_server_time() }
      print(#both)]]
    assert.are.equal(0, r.status, err)
    assert.matches("2\n", err)
  end)

  it("may keep calls in locals at its top", function()
    local r, err = printed [[
      local api, price, async, rules = api, api.get_ticker_price, api.async, market.rules
      return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, bar)
        print(api.now() > 0, price { symbol = bar.symbol }.price, rules(bar.symbol).tick,
          async.get_ticker_price { symbol = bar.symbol }:wait().price)
      end }]]
    assert.are.equal(0, r.status, err)
    assert.matches("true\t20000\t0.1\t20000", err)
  end)

  it("is told the largest market order", function()
    testing.world { bars = { 20000, 20000 } }
    local rules = market.rules "BTCUSDT"
    assert.are.equal(120, rules.max_market_quantity)
    assert.are.equal(1000, rules.max_quantity)
    assert.are.equal(rules.step, rules.market_step)
  end)

  it("fails in one line of its own, never as an internal error", function()
    for _, case in ipairs {
      { "return { params = 5, on_bar = print }", "params must be a table" },
      { "return { params = { 3 }, on_bar = print }", "params has an entry without a name" },
      { 'return { params = { a = { 1, min = "0" } }, on_bar = print }', "min must be a number" },
      { "return { params = { a = { {} } }, on_bar = print }", "'a' is a table" },
      { 'return { timer = "x", on_timer = print, on_bar = print }', "timer must be a number" },
      { "return setmetatable({ on_bar = print }, { __metatable = 1 })", "protected metatable" },
      {
        "error(setmetatable({}, { __tostring = function() error 'deep' end }))",
        "text cannot be made: .*deep",
      },
      {
        "return { on_bar = function() error(setmetatable({}, { __tostring = function() error 'deep' end })) end }",
        "failed at .*text cannot be made",
      },
      {
        "return setmetatable({}, { __index = function(_, name) error('no ' .. name) end })",
        "script.lua failed: .*no on_start",
      },
      { "return { on_bar = function() log.info('%d', 'x') end }", "script.lua:1: log.info: bad argument" },
    } do
      local r = run.backtest(case[1], { { 20000, 20001, 19999, 20000 } })
      assert.are.equal(1, r.status, case[1])
      assert.matches(case[2], r.err)
      assert.is_nil(r.err:find("internal error", 1, true), r.err)
    end
  end)
end)

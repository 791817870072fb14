local exchange = require "spec.support.exchange"
local C = require "spec.support.c"

describe("conditional orders", function()
  local x
  after_each(function() x:close() end)

  local function long(options)
    x = exchange.new(options)
    x:pass(0, { 60000, 60000, 60000, 60000 })
    x:market("SIDE_BUY", 0.1)
    x:pass(1, { 60000, 60000, 60000, 60000 })
  end
  local function stop(price, more)
    local t = {
      side = "SIDE_SELL",
      type = "ORDER_STOP_MARKET",
      stop_price = price,
      quantity = 0.1,
      reduce_only = true,
    }
    for k, v in pairs(more or {}) do
      t[k] = v
    end
    if t.close_position then
      t.quantity, t.reduce_only = nil, nil
    end
    return x:algo(t)
  end

  it("are refused by the plain order call", function()
    x = exchange.new()
    assert.are.equal(-4120, x:order({ side = "SIDE_SELL", type = "ORDER_STOP_MARKET", quantity = 0.1 }).code)
  end)

  it("stop at the trigger price less slippage", function()
    long { slippage = 0.0001 }
    local placed = stop(59000)
    assert.are.equal("3000000000000001LL", tostring(placed.row.algo_id))
    x:pass(2, { 60000, 60000, 58000, 58500 })
    assert.are.equal(0, x:position())
    assert.are.equal(58994.1, tonumber(x:fill().price_e8) / 1e8)
    local row = x:call("EP_ALGO_GET", { algo_id = placed.row.algo_id }).row
    assert.are.equal(C.ALGO_FINISHED, row.algo_status)
    assert.are.equal(x:fill().order_id, row.actual_order_id)
  end)

  it("stop at the open when the bar opens beyond the trigger", function()
    long { slippage = 0.0001 }
    stop(59000)
    x:bar(2, { 57000, 57000, 57000, 57000 })
    assert.are.equal(56994.3, tonumber(x:fill().price_e8) / 1e8)
  end)

  it("take profit, and drop a close-position order whose position is gone", function()
    long()
    stop(59000, { close_position = true })
    stop(61000, { type = "ORDER_TAKE_PROFIT_MARKET", close_position = true })
    assert.are.equal(2, #x:call("EP_ALGO_OPEN").rows)
    x:pass(2, { 60000, 61500, 60000, 61000 })
    assert.are.equal(61000, tonumber(x:fill().price_e8) / 1e8)
    assert.are.equal(0, #x:call("EP_ALGO_OPEN").rows)
  end)

  it("enter as a limit order after a STOP", function()
    long()
    stop(59000, { type = "ORDER_STOP", price = 59100 })
    x:pass(2, { 60000, 60000, 58900, 59000 })
    assert.are.equal(0.1, x:position())
    assert.are.equal(1, #x:call("EP_OPEN_ORDERS").rows)
    x:pass(3, { 59000, 59200, 59000, 59000 })
    assert.are.equal(59100, tonumber(x:fill().price_e8) / 1e8)
  end)

  it("trail the price", function()
    long()
    stop(nil, { type = "ORDER_TRAILING_STOP_MARKET", callback_rate = 1 })
    x:pass(2, { 61000, 62000, 61000, 61500 })
    assert.are.equal(0, x:position())
    assert.are.near(61380, tonumber(x:fill().price_e8) / 1e8, 0.11)
  end)

  it("refuse what would trigger at once and what cannot be", function()
    long()
    assert.are.equal(-2021, stop(60500).code)
    assert.are.equal(
      -4137,
      x:algo({
        side = "SIDE_SELL",
        type = "ORDER_STOP_MARKET",
        stop_price = 59000,
        quantity = 0.1,
        close_position = true,
      }).code
    )
    assert.are.equal(
      -4509,
      x:algo({
        side = "SIDE_BUY",
        type = "ORDER_STOP_MARKET",
        stop_price = 61000,
        close_position = true,
      }).code
    )
    assert.are.equal(-1130, stop(nil, { type = "ORDER_TRAILING_STOP_MARKET", callback_rate = 21 }).code)
    local id = stop(59000).row.algo_id
    assert.are.equal(200, x:call("EP_ALGO_CANCEL", { algo_id = id }).status)
    assert.are.equal(-2011, x:call("EP_ALGO_CANCEL", { algo_id = id }).code)
    for _ = 1, 200 do
      assert.are.equal(200, stop(59000).status)
    end
    assert.are.equal(-4045, stop(59000).code)
    x:call("EP_ALGO_CANCEL_ALL")
    assert.are.equal(0, #x:call("EP_ALGO_OPEN").rows)
  end)
end)

local exchange = require "spec.support.exchange"
local C = require "spec.support.c"

describe("market orders", function()
  local x
  after_each(function() x:close() end)

  it("wait for the next open between bars and are answered with the fill", function()
    x = exchange.new { slippage = 0.0001 }
    x:pass(0, { 60000, 60100, 59900, 60050 })
    local reply, token = x:market("SIDE_BUY", 0.1)
    assert.is_nil(reply)
    x:bar(1, { 60020, 60100, 59900, 60050 })
    reply = x.replies[token]
    assert.are.equal(200, reply.status)
    assert.are.equal(C.STATUS_FILLED, reply.row.status)
    assert.are.equal(60026.1, tonumber(reply.row.avg_price_e8) / 1e8) -- 60026.002, up to the tick
    assert.are.equal(60, reply.at)
    assert.are.equal(0.1, x:position())
    assert.are.near(10000 - 6002.61 * 0.0005, x:wallet(), 1e-8)
  end)

  it("are answered NEW at once with ACK", function()
    x = exchange.new()
    x:pass(0, { 60000, 60100, 59900, 60050 })
    local reply = x:market("SIDE_SELL", 0.1, { resp_type = "RESP_ACK" })
    assert.are.equal(C.STATUS_NEW, reply.row.status)
    x:bar(1, { 60000, 60100, 59900, 60050 })
    assert.are.equal(-0.1, x:position())
  end)

  it("fill on the path of an open bar", function()
    x = exchange.new()
    x:bar(0, { 60000, 60200, 59900, 60050 })
    x:until_(10)
    local reply = x:market("SIDE_BUY", 0.1)
    assert.are.equal(60100, tonumber(reply.row.avg_price_e8) / 1e8)
  end)

  it("tell the stream in the exchange's order", function()
    x = exchange.new { events = true }
    x:bar(0, { 60000, 60200, 59900, 60050 })
    x:market("SIDE_BUY", 0.1)
    assert.are.same({ "order", "account", "order" }, { x.events[1].name, x.events[2].name, x.events[3].name })
    assert.are.equal(C.EXEC_NEW, x.events[1].execution)
    assert.are.equal(C.EXEC_TRADE, x.events[3].execution)
  end)

  it("turn a position round: realize, then open the rest", function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
    x:market("SIDE_BUY", 0.1)
    x:pass(1, { 60000, 61000, 60000, 61000 })
    x:market("SIDE_SELL", 0.3)
    x:pass(2, { 61000, 61000, 61000, 61000 })
    assert.are.near(-0.2, x:position(), 1e-9)
    assert.are.equal(61000, x:entry())
    assert.are.equal(100, tonumber(x:totals().realized_e8) / 1e8)
    assert.are.near(10100 - 0.0005 * (6000 + 18300), x:equity(), 1e-8)
  end)
end)

local exchange = require "spec.support.exchange"

describe("batches", function()
  local x
  after_each(function() x:close() end)

  it("answer each entry for itself", function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
    local function entry(price)
      return {
        side = "SIDE_BUY",
        type = "ORDER_LIMIT",
        quantity = 0.1,
        price = price,
        time_in_force = "TIF_GTC",
      }
    end
    local reply =
      x:call("EP_BATCH_NEW", { no_symbol = true, batch = { entry(59000), entry(59000.05), entry(58000) } })
    assert.are.equal(200, reply.status)
    assert.are.same({ 0, -4014, 0 }, reply.codes)
    assert.are.equal(2, #x:call("EP_OPEN_ORDERS").rows)
    local change = { side = "SIDE_BUY", quantity = 0.1, price = 59100, order_id = reply.rows[1].order_id }
    local gone = { side = "SIDE_BUY", quantity = 0.1, price = 59100, order_id = 1 }
    reply = x:call("EP_BATCH_MODIFY", { no_symbol = true, batch = { change, gone } })
    assert.are.same({ 0, -2013 }, reply.codes)
    assert.are.equal(59100, tonumber(reply.rows[1].price_e8) / 1e8)
    assert.are.equal(200, x:call("EP_CANCEL_ALL").status)
    assert.are.equal(0, #x:call("EP_OPEN_ORDERS").rows)
  end)

  it("are refused when too long", function()
    x = exchange.new()
    local entries = {}
    for i = 1, 6 do
      entries[i] = { side = "SIDE_BUY", type = "ORDER_MARKET", quantity = 0.1 }
    end
    assert.are.equal(-4082, x:call("EP_BATCH_NEW", { no_symbol = true, batch = entries }).code)
  end)
end)

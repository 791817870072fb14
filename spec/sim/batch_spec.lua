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

  it("of cancels take ids or client ids, ten at most, each answered for itself", function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
    local ids = {}
    for i = 1, 12 do
      ids[i] = x:limit("SIDE_BUY", 0.001, 59000 - i, { client_id = "mine-" .. i }).row.order_id
    end
    local function open() return #x:call("EP_OPEN_ORDERS").rows end
    local reply = x:call("EP_BATCH_CANCEL", { ids = { ids[1], 77, ids[2] } })
    assert.equal(200, reply.status)
    assert.same({ 0, -2011, 0 }, reply.codes)
    assert.equal(10, open())
    assert.is_true(reply.rows[1].order_id == ids[1] and reply.rows[3].order_id == ids[2])
    reply = x:call("EP_BATCH_CANCEL", { client_ids = { "mine-3", "mine-1", "nobody", "mine-4" } })
    assert.same({ 0, -2011, -2011, 0 }, reply.codes)
    assert.equal(8, open())
    local ten = {}
    for i = 3, 13 do
      ten[#ten + 1] = ids[i] or 99
    end
    assert.equal(-4032, x:call("EP_BATCH_CANCEL", { ids = ten }).code)
    ten[11] = nil
    reply = x:call("EP_BATCH_CANCEL", { ids = ten })
    assert.same({ -2011, -2011, 0, 0, 0, 0, 0, 0, 0, 0 }, reply.codes)
    assert.equal(0, open())
    assert.equal(-1102, x:call("EP_BATCH_CANCEL", {}).code)
    assert.equal(-1102, x:call("EP_BATCH_CANCEL", { no_symbol = true, ids = ten }).code)
    assert.equal(-1121, x:call("EP_BATCH_CANCEL", { symbol = 2, ids = ten }).code)
  end)

  it("of orders are refused empty, and take five", function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
    assert.equal(-1102, x:call("EP_BATCH_NEW", { no_symbol = true }).code)
    local five = {}
    for i = 1, 5 do
      five[i] = {
        side = "SIDE_BUY",
        type = "ORDER_LIMIT",
        quantity = 0.001,
        price = 59000,
        time_in_force = "TIF_GTC",
      }
    end
    assert.same({ 0, 0, 0, 0, 0 }, x:call("EP_BATCH_NEW", { no_symbol = true, batch = five }).codes)
    assert.equal(5, #x:call("EP_OPEN_ORDERS").rows)
  end)
end)

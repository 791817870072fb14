local exchange = require "spec.support.exchange"

describe("refusals at entry", function()
  local x
  before_each(function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
  end)
  after_each(function() x:close() end)

  local function refused(code, reply)
    assert.is_table(reply)
    assert.are.equal(400, reply.status)
    assert.are.equal(code, reply.code)
    assert.is_true(#reply.message > 5)
    assert.is_nil(reply.message:find("%%s"))
  end

  it("name a missing or superfluous parameter", function()
    refused(-1102, x:order { side = "SIDE_BUY", type = "ORDER_MARKET" })
    refused(-1102, x:order { side = "SIDE_BUY", type = "ORDER_LIMIT", quantity = 0.1, price = 59000 })
    refused(
      -1102,
      x:order { side = "SIDE_BUY", type = "ORDER_LIMIT", quantity = 0.1, time_in_force = "TIF_GTC" }
    )
    refused(-1106, x:market("SIDE_BUY", 0.1, { time_in_force = "TIF_GTC" }))
    refused(-1121, x:market("SIDE_BUY", 0.1, { symbol = -1 }))
  end)

  it("carry the filters' codes", function()
    refused(-4014, x:limit("SIDE_BUY", 0.1, 59000.05))
    refused(-4164, x:limit("SIDE_BUY", 0.001, 40000))
    refused(-4016, x:limit("SIDE_BUY", 0.1, 70000))
  end)

  it("know the position mode", function()
    refused(-4061, x:market("SIDE_BUY", 0.1, { position_side = "POSITION_LONG" }))
    refused(
      -5040,
      x:limit("SIDE_BUY", 0.1, 59000, { time_in_force = "TIF_GTD", good_till_us = x.now + 1000000 })
    )
  end)
end)

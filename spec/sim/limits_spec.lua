local exchange = require "spec.support.exchange"

describe("limits", function()
  local x
  after_each(function() x:close() end)

  it("count orders in aligned windows and refuse the one too many", function()
    x = exchange.new { enforce_limits = true, wallet = 10000000 }
    x:pass(0, { 60000, 60000, 60000, 60000 })
    x:until_(61)
    local reply
    for i = 1, 100 do
      reply = x:limit("SIDE_BUY", 0.1, 59000)
      assert.are.equal(i, reply.orders_10s)
    end
    x:call("EP_CANCEL_ALL")
    for _ = 1, 200 do
      reply = x:limit("SIDE_BUY", 0.1, 59000)
    end
    assert.are.equal(300, reply.orders_10s)
    reply = x:limit("SIDE_BUY", 0.1, 59000)
    assert.are.equal(429, reply.status)
    assert.are.equal(-1015, reply.code)
    assert.are.equal(9, reply.retry_after)
    assert.are.equal(200, x:call("EP_CANCEL_ALL").status)
    x:until_(70)
    assert.are.equal(1, x:limit("SIDE_BUY", 0.1, 59000).orders_10s)
  end)

  it("refuse weight beyond the minute, and ban who goes on", function()
    x = exchange.new { enforce_limits = true }
    local reply
    for _ = 1, 80 do
      reply = x:call("EP_INCOME")
    end
    assert.are.equal(2400, reply.weight)
    reply = x:call("EP_TIME")
    assert.are.equal(429, reply.status)
    assert.are.equal(-1003, reply.code)
    assert.are.equal(60, reply.retry_after)
    for _ = 1, 9 do
      reply = x:call("EP_TIME")
    end
    assert.are.equal(418, reply.status)
    assert.are.equal(120, reply.retry_after)
    x:until_(100)
    assert.are.equal(418, x:call("EP_TIME").status)
    x:until_(121)
    assert.are.equal(200, x:call("EP_TIME").status)
  end)

  it("only count when not enforced", function()
    x = exchange.new()
    local reply
    for _ = 1, 81 do
      reply = x:call("EP_INCOME")
    end
    assert.are.equal(200, reply.status)
    assert.are.equal(2430, reply.weight)
  end)
end)

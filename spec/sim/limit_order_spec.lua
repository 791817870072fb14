local exchange = require "spec.support.exchange"
local C = require "spec.support.c"

describe("limit orders", function()
  local x
  after_each(function() x:close() end)

  local function begun(options)
    x = exchange.new(options)
    x:pass(0, { 60000, 60000, 60000, 60000 })
    return x
  end

  it("rest, and fill at their own price when the path goes through", function()
    begun()
    local reply = x:limit("SIDE_BUY", 0.1, 59900)
    assert.are.equal(C.STATUS_NEW, reply.row.status)
    x:bar(1, { 60000, 60000, 59800, 59950 })
    x:until_(119)
    assert.are.equal(0.1, x:position())
    local fill = x:fill()
    assert.is_true(fill.maker)
    assert.are.equal(59900, tonumber(fill.price_e8) / 1e8)
    -- a third of the bar flat at the high, then 200 down in 20 s: 100.1 down after 10.01 s
    assert.are.equal(30.01 + 60, tonumber(fill.time_us - 1700006400000000LL) / 1e6)
  end)

  it("are not filled by a touch alone unless the rule says so", function()
    begun()
    x:limit("SIDE_BUY", 0.1, 59900)
    x:pass(1, { 60000, 60000, 59900, 59950 })
    assert.are.equal(0, x:position())
    x:close()
    begun { touch = "TOUCH_AT" }
    x:limit("SIDE_BUY", 0.1, 59900)
    x:pass(1, { 60000, 60000, 59900, 59950 })
    assert.are.equal(0.1, x:position())
  end)

  it("fill at their own price when a bar opens beyond", function()
    begun()
    x:limit("SIDE_BUY", 0.1, 59900)
    x:bar(1, { 59500, 59500, 59500, 59500 })
    assert.are.equal(59900, x:entry())
  end)

  it("that cross wait for the open and take its price", function()
    begun()
    local reply, token = x:limit("SIDE_BUY", 0.1, 60100, { resp_type = "RESP_RESULT" })
    assert.is_nil(reply)
    x:bar(1, { 60050, 60050, 60050, 60050 })
    assert.are.equal(60050, tonumber(x.replies[token].row.avg_price_e8) / 1e8)
    assert.is_false(x:fill().maker)
  end)

  it("that crossed the last price rest when the open is beyond them", function()
    begun()
    local _, token = x:limit("SIDE_BUY", 0.1, 60100, { resp_type = "RESP_RESULT" })
    x:bar(1, { 60150, 60150, 60150, 60150 })
    assert.are.equal(C.STATUS_NEW, x.replies[token].row.status)
    assert.are.equal(0, x:position())
  end)

  it("refuse GTX that crosses, FOK and IOC that do not", function()
    begun()
    assert.are.equal(-5022, x:limit("SIDE_BUY", 0.1, 60100, { time_in_force = "TIF_GTX" }).code)
    x:bar(1, { 60000, 60000, 60000, 60000 })
    assert.are.equal(-5021, x:limit("SIDE_BUY", 0.1, 59900, { time_in_force = "TIF_FOK" }).code)
    local ioc = x:limit("SIDE_BUY", 0.1, 59900, { time_in_force = "TIF_IOC", resp_type = "RESP_RESULT" })
    assert.are.equal(C.STATUS_EXPIRED, ioc.row.status)
    assert.are.equal(C.STATUS_NEW, x:limit("SIDE_BUY", 0.1, 59900, { time_in_force = "TIF_IOC" }).row.status) -- as it was accepted
    assert.are.equal(0, #x:call("EP_OPEN_ORDERS").rows)
  end)

  it("are found, changed and cancelled by either id", function()
    begun()
    x:limit("SIDE_BUY", 0.1, 59000, { client_id = "mine" })
    assert.are.equal(-4116, x:limit("SIDE_BUY", 0.1, 59000, { client_id = "mine" }).code)
    assert.are.equal(-1100, x:limit("SIDE_BUY", 0.1, 59000, { client_id = "no blank" }).code)
    local changed =
      x:call("EP_ORDER_MODIFY", { side = "SIDE_BUY", quantity = 0.2, price = 59100, orig_client_id = "mine" })
    assert.are.equal(59100, tonumber(changed.row.price_e8) / 1e8)
    assert.are.equal(
      -5027,
      x:call("EP_ORDER_MODIFY", {
        side = "SIDE_BUY",
        quantity = 0.2,
        price = 59100,
        orig_client_id = "mine",
      }).code
    )
    assert.are.equal(200, x:call("EP_ORDER_CANCEL", { orig_client_id = "mine" }).status)
    assert.are.equal(-2011, x:call("EP_ORDER_CANCEL", { orig_client_id = "mine" }).code)
    assert.are.equal(C.STATUS_CANCELED, x:call("EP_ORDER_GET", { orig_client_id = "mine" }).row.status)
    assert.are.equal(-2013, x:call("EP_ORDER_GET", { orig_client_id = "other" }).code)
    assert.are.equal(-2013, x:call("EP_OPEN_ORDER", { orig_client_id = "mine" }).code)
  end)

  it("keep their ids to themselves as long as they are open, few or many", function()
    begun()
    local function name(i) return ("mine-%d"):format(i) end
    local function place(i) return x:limit("SIDE_BUY", 0.01, 59000, { client_id = name(i) }).code end
    for i = 1, 20 do
      assert.are.equal(0, place(i))
    end
    for i = 1, 20 do
      assert.are.equal(-4116, place(i))
    end
    for _, i in ipairs { 3, 20, 8, 9, 1 } do
      assert.are.equal(200, x:call("EP_ORDER_CANCEL", { orig_client_id = name(i) }).status)
      assert.are.equal(-2011, x:call("EP_ORDER_CANCEL", { orig_client_id = name(i) }).code)
      assert.are.equal(0, place(i))
      assert.are.equal(-4116, place(i))
    end
    assert.are.equal(20, #x:call("EP_OPEN_ORDERS").rows)
  end)

  it("make a 22 character id when none is given", function()
    begun()
    local row = x:limit("SIDE_BUY", 0.1, 59000).row
    assert.are.equal(22, #require "ffi".string(row.client_id))
    assert.are.equal(row.order_id, x:call("EP_ORDER_GET", { orig_client_id = row.client_id }).row.order_id)
  end)

  it("expire on their day, and when the countdown ends", function()
    begun()
    local good_till = x.now + 700 * 1000000
    x:limit("SIDE_BUY", 0.1, 59000, { time_in_force = "TIF_GTD", good_till_us = good_till })
    x:until_(800)
    assert.are.equal(1, tonumber(x:totals().expired))
    x:limit("SIDE_BUY", 0.1, 59000)
    x:call("EP_COUNTDOWN_CANCEL", { countdown_us = 5000000 })
    x:until_(804)
    assert.are.equal(1, #x:call("EP_OPEN_ORDERS").rows)
    x:until_(806)
    assert.are.equal(0, #x:call("EP_OPEN_ORDERS").rows)
  end)

  it("reduce only: need a position, are cut to it, and expire with it", function()
    begun()
    assert.are.equal(-2022, x:limit("SIDE_SELL", 0.1, 61000, { reduce_only = true }).code)
    x:market("SIDE_BUY", 0.1)
    x:pass(1, { 60000, 60000, 60000, 60000 })
    x:limit("SIDE_SELL", 0.3, 61000, { reduce_only = true })
    x:limit("SIDE_SELL", 0.1, 62000, { reduce_only = true })
    x:pass(2, { 60000, 61500, 60000, 61000 })
    assert.are.equal(0, x:position())
    assert.are.equal(0, #x:call("EP_OPEN_ORDERS").rows)
    assert.are.equal(0.1, tonumber(x:fill().qty_e8) / 1e8)
  end)

  it("tell in each event what is ordered on either side of their symbol, theirs included", function()
    x = exchange.new { events = true, wallet = 100000 }
    x:pass(0, { 60000, 60000, 60000, 60000 })
    x:bar(1, { 60000, 60000, 58900, 60000 })
    local function last()
      for i = #x.events, 1, -1 do
        if x.events[i].name == "order" then return { x.events[i].bids, x.events[i].asks } end
      end
    end
    x:limit("SIDE_BUY", 0.1, 59000)
    assert.same({ 5900, 0 }, last())
    local second = x:limit("SIDE_BUY", 0.2, 58000).row
    assert.same({ 17500, 0 }, last())
    x:limit("SIDE_SELL", 0.1, 61000)
    assert.same({ 17500, 6100 }, last())
    x:market("SIDE_BUY", 0.01) -- takes at once: nothing of it stands
    assert.same({ 17500, 6100 }, last())
    x:call("EP_ORDER_CANCEL", { order_id = second.order_id })
    assert.same({ 5900, 6100 }, last())
    x:until_(119.9995) -- the first fills
    assert.same({ 0, 6100 }, last())
  end)
end)

-- Orders between two bars, which are decided at the next open; and what an order must pass, each bound from both sides.
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"

local function num(v) return tonumber(v) / 1e8 end
local flat = { 60000, 60000, 60000, 60000 }

describe("an order between bars", function()
  local x
  before_each(function()
    x = exchange.new { wallet = 100000, events = true }
    x:pass(0, flat)
  end)
  after_each(function() x:close() end)

  -- The reply before the next open (nil: none yet), and after it; the order, if it is in any history.
  local function through(open, t, price)
    local before, token = x:limit("SIDE_BUY", 0.1, price, t)
    x:bar(1, { open, open, open, open })
    local list = x:call("EP_ALL_ORDERS").rows
    return before, x.replies[token], list[#list]
  end

  it(
    "post-only is refused at once when it would take, and else stands, to fill as a maker when the open is beyond it",
    function()
      assert.equal(-5022, x:limit("SIDE_BUY", 0.1, 60000, { time_in_force = "TIF_GTX" }).code)
      local before, _, order = through(59990, { time_in_force = "TIF_GTX" }, 59999)
      assert.equal(0, before.code)
      assert.equal(C.STATUS_FILLED, order.status)
      assert.same({ true, 59999 }, { x:fill().maker, num(x:fill().price_e8) })
      x:until_(119.9995)
      assert.equal(0, x:limit("SIDE_BUY", 0.1, 59980, { time_in_force = "TIF_GTX" }).code)
      x:bar(2, { 60100, 60100, 60100, 60100 })
      assert.equal(1, x:fills())
      assert.equal(1, #x:call("EP_OPEN_ORDERS").rows)
    end
  )

  it("fill-or-kill fills whole at the open or is refused", function()
    local before, after, order = through(60000, { time_in_force = "TIF_FOK" }, 59999)
    assert.is_nil(before)
    assert.equal(-5021, after.code)
    assert.is_nil(order)
    x:until_(119.9995)
    local _, token = x:limit("SIDE_BUY", 0.1, 60000, { time_in_force = "TIF_FOK" })
    x:bar(2, { 59990, 59990, 59990, 59990 })
    assert.equal(0, x.replies[token].code)
    assert.equal(59990, num(x:fill().price_e8))
  end)

  it("immediate-or-cancel is accepted, and expires at an open that it does not reach", function()
    local before, _, order = through(60000, { time_in_force = "TIF_IOC" }, 59999)
    assert.equal(0, before.code)
    assert.equal(C.STATUS_EXPIRED, order.status)
    assert.equal(0, x:fills())
  end)

  it("asked for its result waits for the open to say it", function()
    local before, after = through(59000, { time_in_force = "TIF_IOC", resp_type = "RESP_RESULT" }, 60000)
    assert.is_nil(before)
    assert.equal(C.STATUS_FILLED, after.row.status)
    assert.equal(59000, num(after.row.avg_price_e8))
  end)

  it("cancelled before the open is answered as cancelled", function()
    local reply, token = x:limit("SIDE_BUY", 0.1, 60000, { time_in_force = "TIF_FOK", client_id = "gone" })
    assert.is_nil(reply)
    assert.equal(0, x:call("EP_ORDER_CANCEL", { orig_client_id = "gone" }).code)
    assert.equal(C.STATUS_CANCELED, x.replies[token].row.status)
    x:bar(1, { 59000, 59000, 59000, 59000 })
    assert.equal(0, x:fills())
  end)
end)

describe("an order must", function()
  local x
  after_each(function() x:close() end)
  local function begin(options)
    x = exchange.new(options)
    x:pass(0, flat)
    x:bar(1, flat)
  end

  it("be paid for: its margin and its fee, of what is available and no unit more", function()
    -- 0.1 at 60000 with a leverage of 20: 300, and 3 of a taker's fee or 1.2 of a maker's (of 59000: 295 and 1.18).
    for wallet, expected in pairs { [303] = 0, [302.99999999] = -2019 } do
      begin { wallet = wallet, leverage = 20 }
      assert.equal(expected, x:market("SIDE_BUY", 0.1).code, "market " .. wallet)
      x:close()
    end
    for wallet, expected in pairs { [296.18] = 0, [296.17999999] = -2019 } do
      begin { wallet = wallet, leverage = 20 }
      assert.equal(expected, x:limit("SIDE_BUY", 0.1, 59000).code, "limit " .. wallet)
      x:close()
    end
    begin { wallet = 310, leverage = 20 }
    assert.equal(0, x:market("SIDE_BUY", 0.1).code)
    assert.equal(-2019, x:market("SIDE_BUY", 0.1).code)
    -- The other side adds nothing to the margin as far as it only closes.
    assert.equal(0, x:market("SIDE_SELL", 0.1).code)
  end)

  it("stay within the notional of its leverage, with the position and the orders of its side", function()
    begin { wallet = 1e9, leverage = 125 }
    local most = num(C.symbol_notional_max(C.exchange_symbol(x.x, 0), 125))
    local whole = math.floor(most / 60000 * 1000) / 1000
    local code = function(side, quantity) return x:market(side, quantity).code end
    assert.equal(0, code("SIDE_BUY", 0.5))
    assert.equal(-2027, code("SIDE_BUY", whole - 0.499))
    assert.equal(0, code("SIDE_BUY", whole - 0.5))
    assert.equal(-2027, code("SIDE_BUY", 0.001))
    assert.equal(0, code("SIDE_SELL", 0.001)) -- makes it smaller
    assert.equal(0, x:limit("SIDE_BUY", 0.001, 59999).code)
    assert.equal(-2027, code("SIDE_BUY", 0.001)) -- what is ordered counts
    assert.equal(0, code("SIDE_SELL", 2 * whole - 0.002)) -- through nothing to the other side, as large
    assert.equal(-2027, code("SIDE_SELL", 0.002))
  end)

  it("reduce something when it only reduces", function()
    begin { wallet = 100000 }
    local reduce = { reduce_only = true }
    assert.equal(-2022, x:market("SIDE_SELL", 0.1, reduce).code)
    x:market("SIDE_BUY", 0.1)
    assert.equal(-2022, x:market("SIDE_BUY", 0.1, reduce).code)
    assert.equal(0, x:market("SIDE_SELL", 0.2, reduce).code) -- cut to what is held
    assert.equal(0, x:position())
    x:close()
    begin { wallet = 100000, dual_side = true }
    local long, short = { position_side = "POSITION_LONG" }, { position_side = "POSITION_SHORT" }
    assert.equal(-2022, x:market("SIDE_SELL", 0.1, long).code)
    assert.equal(-2022, x:market("SIDE_BUY", 0.1, short).code)
    assert.equal(0, x:market("SIDE_BUY", 0.1, long).code)
    assert.equal(-2022, x:market("SIDE_SELL", 0.101, long).code) -- in hedge mode more than there is is refused
    assert.equal(0, x:market("SIDE_SELL", 0.1, long).code)
    assert.equal(-4061, x:market("SIDE_BUY", 0.1).code)
    assert.equal(-4061, x:market("SIDE_BUY", 0.1, { position_side = "POSITION_BOTH" }).code)
  end)

  it("name what it needs", function()
    begin {}
    local good =
      { side = "SIDE_BUY", type = "ORDER_LIMIT", quantity = 0.1, price = 59000, time_in_force = "TIF_GTC" }
    for _, name in ipairs { "side", "type", "quantity", "price", "time_in_force" } do
      local t = {}
      for k, v in pairs(good) do
        if k ~= name then t[k] = v end
      end
      assert.equal(-1102, x:order(t).code, name)
    end
    local market = { side = "SIDE_BUY", type = "ORDER_MARKET", quantity = 0.1 }
    assert.equal(0, x:order(market).code)
    market.price = 60000
    assert.equal(-1106, x:order(market).code)
    market.price, market.time_in_force = nil, "TIF_GTC"
    assert.equal(-1106, x:order(market).code)
    assert.equal(-1102, x:limit("SIDE_BUY", 0.1, 59000, { time_in_force = "TIF_GTD" }).code)
    assert.equal(-1121, x:limit("SIDE_BUY", 0.1, 59000, { symbol = 2 }).code)
    assert.equal(-1121, x:limit("SIDE_BUY", 0.1, 59000, { symbol = -1 }).code)
    assert.equal(-1102, x:limit("SIDE_BUY", 0.1, 59000, { no_symbol = true }).code)
  end)

  it("be another one to be amended, with all that an amendment needs", function()
    begin { wallet = 100000 }
    local id = x:limit("SIDE_BUY", 0.1, 59000).row.order_id
    local function amend(t)
      t.order_id = t.order_id or id
      t.side = t.side or "SIDE_BUY"
      return x:call("EP_ORDER_MODIFY", t).code
    end
    assert.equal(-1102, amend { price = 59001 })
    assert.equal(-1102, amend { quantity = 0.1 })
    assert.equal(-5027, amend { quantity = 0.1, price = 59000 })
    assert.equal(-1117, amend { quantity = 0.2, price = 59000, side = "SIDE_SELL" })
    assert.equal(-2013, amend { quantity = 0.2, price = 59000, order_id = id + 1 })
    assert.equal(-5047, amend { quantity = 0.2, price = 59000, reduce_only = true })
    assert.equal(-1121, amend { quantity = 0.2, price = 59000, symbol = 2 })
    assert.equal(0, amend { quantity = 0.2, price = 59000 })
    assert.equal(0, amend { quantity = 0.2, price = 59001 })
    local row = x:call("EP_OPEN_ORDERS").row
    assert.same({ 0.2, 59001 }, { num(row.orig_qty_e8), num(row.price_e8) })
    assert.equal(-2013, amend { quantity = 0.2, price = 59000, symbol = 1 })
    -- Post-only that would take ends instead.
    local post = x:limit("SIDE_BUY", 0.1, 59000, { time_in_force = "TIF_GTX" }).row.order_id
    assert.equal(0, amend { order_id = post, quantity = 0.1, price = 60000 })
    assert.equal(C.STATUS_CANCELED, x:call("EP_ORDER_GET", { order_id = post }).row.status)
    assert.equal(0, x:fills())
  end)
end)

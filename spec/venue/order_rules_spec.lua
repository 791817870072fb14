local ffi = require "ffi"
local C = require "spec.support.c"

local FIELDS = { symbol = C.P_SYMBOL, side = C.P_SIDE, type = C.P_TYPE, price = C.P_PRICE }

local function order(o)
  local c = ffi.new "struct call"
  c.given = 0
  for name, param in pairs(FIELDS) do
    if o[name] then c.given = bit.bor(c.given, bit.lshift(1ULL, param)) end
  end
  c.symbol, c.side, c.type = 0, o.side or 0, o.type or 0
  c.price_e8, c.stop_price_e8, c.quantity_e8 = o.price or 0, o.stop or 0, o.quantity or 0
  return c
end

local function given(c, param) return bit.band(c.given, bit.lshift(1ULL, param)) ~= 0 end

local function complete(o)
  local c, message = order(o), ffi.new "struct errmsg"
  local status = C.order_rules_complete(c, message)
  return c, status, ffi.string(message.text)
end

local function grid(o)
  local s, message = ffi.new "struct symbol", ffi.new "struct errmsg"
  C.symbol_rules_builtin("BTCUSDT", s)
  local status = C.order_rules_grid(order(o), s, message)
  return status, ffi.string(message.text)
end

describe("order_rules", function()
  it("sends an order that waits for a trigger price to the endpoint of its own", function()
    for kind, conditional in pairs {
      [C.ORDER_LIMIT] = false,
      [C.ORDER_MARKET] = false,
      [C.ORDER_STOP] = true,
      [C.ORDER_STOP_MARKET] = true,
      [C.ORDER_TAKE_PROFIT] = true,
      [C.ORDER_TAKE_PROFIT_MARKET] = true,
      [C.ORDER_TRAILING_STOP_MARKET] = true,
    } do
      local c, status = complete { symbol = true, side = C.SIDE_SELL, type = kind }
      assert.equal(0, status)
      assert.equal(conditional, C.order_rules_conditional(kind))
      assert.equal(tonumber(conditional and C.EP_ALGO_NEW or C.EP_ORDER_NEW), c.endpoint)
      assert.equal(not conditional, given(c, C.P_RESP_TYPE))
    end
    assert.is_false(C.order_rules_conditional(C.ORDER_LIQUIDATION))
  end)

  it("asks for GTC where a limit price is asked for, and nowhere else", function()
    for kind, wanted in pairs {
      [C.ORDER_LIMIT] = true,
      [C.ORDER_STOP] = true,
      [C.ORDER_TAKE_PROFIT] = true,
      [C.ORDER_MARKET] = false,
      [C.ORDER_STOP_MARKET] = false,
    } do
      local c = complete { symbol = true, side = C.SIDE_BUY, type = kind }
      assert.equal(wanted, given(c, C.P_TIME_IN_FORCE))
      assert.equal(tonumber(C.TIF_GTC), c.time_in_force)
    end
  end)

  it("keeps what was given", function()
    local c = order { symbol = true, side = C.SIDE_BUY, type = C.ORDER_LIMIT }
    assert.equal(0, C.call_set_text(c, C.P_TIME_IN_FORCE, "IOC", nil))
    assert.equal(0, C.call_set_text(c, C.P_RESP_TYPE, "ACK", nil))
    assert.equal(0, C.order_rules_complete(c, nil))
    assert.equal(tonumber(C.TIF_IOC), c.time_in_force)
    assert.equal(tonumber(C.RESP_ACK), c.resp_type)
  end)

  it("refuses an order without a symbol or a side", function()
    local _, status, message = complete { side = C.SIDE_BUY, type = C.ORDER_MARKET }
    assert.equal(C.ERR_INVALID, status)
    assert.equal("symbol is missing", message)
    _, status, message = complete { symbol = true, type = C.ORDER_MARKET }
    assert.equal(C.ERR_INVALID, status)
    assert.equal("side is missing", message)
  end)

  it("refuses what is off the grid and names the nearest values, whichever side they are on", function()
    assert.equal(0, (grid { price = 6000010000000LL, stop = 5000000000000LL, quantity = 100000LL }))
    for message, o in pairs {
      ["price 60000.05 is off the tick (PRICE_FILTER, tick 0.1); the nearest are 60000 and 60000.1; see market.round_price"] = {
        price = 6000005000000LL,
      },
      ["stopPrice 49999.99 is off the tick (PRICE_FILTER, tick 0.1); the nearest are 49999.9 and 50000; see market.round_price"] = {
        price = 6000010000000LL,
        stop = 4999999000000LL,
      },
      ["quantity 0.0015 is off the step (LOT_SIZE, step 0.001); the nearest are 0.001 and 0.002; see market.round_quantity"] = {
        quantity = 150000LL,
      },
    } do
      local status, text = grid(o)
      assert.equal(C.ERR_INVALID, status)
      assert.equal(message, text)
    end
  end)

  it("cancels a conditional order by its id alone, any other by symbol and id", function()
    local c = ffi.new "struct call"
    C.order_rules_cancel(c, true, -1, 7)
    assert.equal(tonumber(C.EP_ALGO_CANCEL), c.endpoint)
    assert.equal(7LL, c.algo_id)
    assert.equal(bit.lshift(1ULL, C.P_ALGO_ID), c.given)
    c = ffi.new "struct call"
    C.order_rules_cancel(c, false, 2, 7)
    assert.equal(tonumber(C.EP_ORDER_CANCEL), c.endpoint)
    assert.equal(7LL, c.order_id)
    assert.equal(2, c.symbol)
    assert.is_true(given(c, C.P_SYMBOL))
  end)
end)

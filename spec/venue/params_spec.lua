local ffi = require "ffi"
local C = require "spec.support.c"

describe("params", function()
  local e = ffi.new "struct errmsg"

  it("finds a parameter by its wire name and by its Lua names", function()
    for name, param in pairs {
      orderId = C.P_ORDER_ID,
      order_id = C.P_ORDER_ID,
      origclientorderidlist = C.P_CLIENT_ID_LIST,
      time_in_force = C.P_TIME_IN_FORCE,
      stop_price = C.P_STOP_PRICE,
      triggerPrice = C.P_STOP_PRICE,
      client_order_id = C.P_CLIENT_ID,
      newClientOrderId = C.P_CLIENT_ID,
      reduceonly = C.P_REDUCE_ONLY,
      activationPrice = C.P_ACTIVATE_PRICE,
      type = C.P_TYPE,
      change_type = C.P_MARGIN_CHANGE,
    } do
      assert.equal(tonumber(param), C.param_find(name), name)
    end
    assert.equal(-1, C.param_find "nonsense")
    for i = 0, C.PARAM_COUNT - 1 do
      if i ~= C.P_MARGIN_CHANGE then assert.equal(i, C.param_find(C.param_info(i).name)) end
    end
  end)

  it("sets values and their bits", function()
    local c = ffi.new "struct call"
    assert.equal(0, C.call_set_text(c, C.P_SIDE, "SELL", e))
    assert.equal(0, C.call_set_text(c, C.P_PRICE, "67000.10", e))
    assert.equal(0, C.call_set_number(c, C.P_QUANTITY, 0.1 + 0.2, e))
    assert.equal(0, C.call_set_text(c, C.P_START_TIME, "1700000000123", e))
    assert.equal(0, C.call_set_text(c, C.P_INTERVAL, "1M", e))
    assert.equal(0, C.call_set_bool(c, C.P_REDUCE_ONLY, true, e))
    assert.equal(0, C.call_set_text(c, C.P_CLIENT_ID, "bot-1", e))
    assert.equal(tonumber(C.SIDE_SELL), c.side)
    assert.equal(6700010000000LL, c.price_e8)
    assert.equal(30000000LL, c.quantity_e8)
    assert.equal(1700000000123000LL, c.start_us)
    assert.equal(tonumber(C.INTERVAL_1MO), c.interval)
    assert.is_true(c.reduce_only)
    assert.equal("bot-1", ffi.string(c.client_id))
    local bit = require "bit"
    assert.is_true(bit.band(c.given, bit.lshift(1ULL, C.P_PRICE)) ~= 0)
    assert.is_true(bit.band(c.given, bit.lshift(1ULL, C.P_STOP_PRICE)) == 0)
  end)

  it("names the parameter and what it allows when it refuses", function()
    local c = ffi.new "struct call"
    assert.equal(C.ERR_INVALID, C.call_set_text(c, C.P_SIDE, "buy", e))
    assert.equal("side 'buy' is not one of BUY, SELL", ffi.string(e.text))
    assert.equal(C.ERR_INVALID, C.call_set_text(c, C.P_TYPE, "LIQUIDATION", e))
    assert.equal(C.ERR_INVALID, C.call_set_number(c, C.P_PRICE, 0 / 0, e))
    assert.equal(C.ERR_INVALID, C.call_set_number(c, C.P_PRICE, math.huge, e))
    assert.equal(C.ERR_OVERFLOW, C.call_set_text(c, C.P_CLIENT_ID, ("x"):rep(37), e))
    assert.equal(C.ERR_SYNTAX, C.call_set_text(c, C.P_CLIENT_ID, "a b", e))
    assert.equal(C.ERR_SYNTAX, C.call_set_text(c, C.P_ORDER_ID, "12x", e))
    assert.equal(C.ERR_INVALID, C.call_set_text(c, C.P_SYMBOL, "BTCUSDT", e))
    assert.equal(0ULL, c.given)
  end)
end)

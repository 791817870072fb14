local ffi = require "ffi"
local C = require "spec.support.c"

local PARAMS =
  { price = C.P_PRICE, quantity = C.P_QUANTITY, stop = C.P_STOP_PRICE, activate = C.P_ACTIVATE_PRICE }

local function judge(order)
  local s, c, message = ffi.new "struct symbol", ffi.new "struct call", ffi.new "char[256]"
  C.symbol_rules_builtin("BTCUSDT", s)
  c.type, c.side = order.type or C.ORDER_LIMIT, order.side or C.SIDE_BUY
  for name, param in pairs(PARAMS) do
    if order[name] then assert.equal(0, C.call_set_text(c, param, order[name], nil)) end
  end
  c.close_position = order.close or false
  local code = C.filter_order(s, c, 6000000000000LL, 6000000000000LL, order.reducing or false, message, 256)
  return code, ffi.string(message)
end

describe("filter", function()
  it("passes what the exchange accepts", function()
    for _, order in ipairs {
      { price = "60000.10", quantity = "0.010" },
      { type = C.ORDER_MARKET, quantity = "0.001" },
      { price = "60000.10", quantity = "0.001", reducing = true },
      { type = C.ORDER_STOP_MARKET, stop = "50000.0", close = true },
      { price = "70000.0", quantity = "0.01", side = C.SIDE_SELL },
    } do
      assert.equal(0, (judge(order)))
    end
  end)

  it("answers with the exchange's codes", function()
    for code, order in pairs {
      [-1111] = { price = "60000.123", quantity = "0.01" },
      [-4001] = { price = "0", quantity = "0.01" },
      [-4002] = { price = "5000000", quantity = "0.01" },
      [-4013] = { price = "500", quantity = "0.01" },
      [-4014] = { price = "60000.05", quantity = "0.01" },
      [-4003] = { price = "60000", quantity = "0" },
      [-4005] = { type = C.ORDER_MARKET, quantity = "121" },
      [-4016] = { price = "63000.1", quantity = "0.01" },
      [-4024] = { price = "56999.9", quantity = "0.01", side = C.SIDE_SELL },
      [-4006] = { type = C.ORDER_STOP_MARKET, stop = "0", quantity = "0.01" },
      [-4007] = { type = C.ORDER_STOP_MARKET, stop = "5000000", quantity = "0.01" },
    } do
      local got, text = judge(order)
      assert.equal(code, got)
      assert.equal(ffi.string(C.error_code_text(code)), text)
    end
  end)

  it("names the least notional", function()
    local code, text = judge { price = "40000.0", quantity = "0.001" }
    assert.equal(-4164, code)
    assert.equal("Order's notional must be no smaller than 50.0 (unless you choose reduce only)", text)
  end)
end)

local ffi = require "ffi"
local bit = require "bit"
local C = require "spec.support.c"

local METHODS = { [0] = "GET", "POST", "PUT", "DELETE" }

local function cost(endpoint, params)
  local c = ffi.new("struct call", { endpoint = endpoint })
  for param, value in pairs(params or {}) do
    if param == C.P_LIMIT then c.limit = value end
    c.given = bit.bor(c.given, bit.lshift(1ULL, param))
  end
  return C.endpoint_cost(c)
end

describe("endpoint", function()
  it("finds every call by its method and path", function()
    for i = 0, C.EP_COUNT - 1 do
      local info = C.endpoint_info(i)
      assert.equal(i, C.endpoint_find(METHODS[info.method], info.path))
      assert.is_true(bit.band(info.required, bit.bnot(info.params)) == 0)
    end
    assert.equal(tonumber(C.EP_ACCOUNT_V2), C.endpoint_find("GET", "/fapi/v2/account"))
    assert.equal(tonumber(C.EP_TICKER_PRICE), C.endpoint_find("GET", "/fapi/v1/ticker/price"))
    assert.equal(-1, C.endpoint_find("POST", "/fapi/v1/klines"))
  end)

  it("charges by parameters", function()
    for _, case in ipairs {
      { C.EP_DEPTH, { [C.P_LIMIT] = 20 }, 2 },
      { C.EP_DEPTH, {}, 10 },
      { C.EP_DEPTH, { [C.P_LIMIT] = 1000 }, 20 },
      { C.EP_KLINES, { [C.P_LIMIT] = 99 }, 1 },
      { C.EP_KLINES, { [C.P_LIMIT] = 100 }, 2 },
      { C.EP_KLINES, {}, 5 },
      { C.EP_KLINES, { [C.P_LIMIT] = 1001 }, 10 },
      { C.EP_OPEN_ORDERS, {}, 40 },
      { C.EP_OPEN_ORDERS, { [C.P_SYMBOL] = 0 }, 1 },
      { C.EP_TICKER_24H, {}, 40 },
      { C.EP_INCOME, {}, 30 },
    } do
      assert.equal(case[3], cost(case[1], case[2]).weight)
    end
    local order, batch = cost(C.EP_ORDER_NEW), cost(C.EP_BATCH_NEW)
    assert.same({ 0, 1, 1 }, { order.weight, order.orders_10s, order.orders_1m })
    assert.same({ 5, 5, 1 }, { batch.weight, batch.orders_10s, batch.orders_1m })
  end)

  it("lets cancels overtake orders, and orders overtake reads", function()
    for endpoint, priority in pairs {
      [C.EP_ORDER_CANCEL] = 0,
      [C.EP_CANCEL_ALL] = 0,
      [C.EP_ORDER_NEW] = 1,
      [C.EP_LEVERAGE] = 1,
      [C.EP_ORDER_GET] = 2,
      [C.EP_ALL_ORDERS] = 3,
      [C.EP_AGG_TRADES] = 3,
    } do
      assert.equal(priority, C.endpoint_info(endpoint).priority)
    end
  end)
end)

-- Which requests are written down before they leave.
local ffi = require "ffi"
local C = require "spec.support.c"

ffi.cdef "bool intent_log_makes(const struct api_call *op);"

describe("an intent", function()
  it("is made of every request that may make orders, and of no other", function()
    local op, batch = ffi.new "struct api_call", ffi.new "struct call[5]"
    local function makes(endpoint, symbol, count)
      op.call.endpoint, op.call.symbol = C[endpoint], symbol
      op.call.batch, op.call.batch_count = count and batch or nil, count or 0
      return C.intent_log_makes(op)
    end
    for _, endpoint in ipairs { "EP_ORDER_NEW", "EP_ALGO_NEW" } do
      assert.is_true(makes(endpoint, 0))
      assert.is_true(makes(endpoint, 3))
      assert.is_false(makes(endpoint, -1)) -- of no symbol, so no order comes of it
    end
    for count = 1, 5 do
      assert.is_true(makes("EP_BATCH_NEW", -1, count))
    end
    assert.is_false(makes("EP_BATCH_NEW", -1, 0))
    assert.is_false(makes("EP_BATCH_NEW", 0))
    for _, endpoint in ipairs {
      "EP_ORDER_MODIFY",
      "EP_ORDER_CANCEL",
      "EP_CANCEL_ALL",
      "EP_BATCH_MODIFY",
      "EP_BATCH_CANCEL",
      "EP_ALGO_CANCEL",
      "EP_ORDER_TEST",
      "EP_ORDER_GET",
      "EP_LEVERAGE",
    } do
      assert.is_false(makes(endpoint, 0), endpoint)
      assert.is_false(makes(endpoint, 0, 2), endpoint)
    end
  end)
end)

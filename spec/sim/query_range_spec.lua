-- How many rows of what time a list call may ask for, each bound from both sides.
local exchange = require "spec.support.exchange"

describe("a list call", function()
  local x
  before_each(function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
  end)
  after_each(function() x:close() end)

  local START, HOUR, DAY = 1700006400 * 1000000, 3600 * 1000000, 86400 * 1000000
  -- Of bars this exchange has none: what is let in is answered with -1120.
  local function code(endpoint, call)
    local got = x:call(endpoint, call).code
    return endpoint:find "KLINES" and got == -1120 and 0 or got
  end

  it("takes a limit from 1 to its own most", function()
    for endpoint, most in pairs {
      EP_KLINES = 1500,
      EP_MARK_KLINES = 1500,
      EP_INDEX_KLINES = 1500,
      EP_PREMIUM_KLINES = 1500,
      EP_CONTINUOUS_KLINES = 1500,
      EP_AGG_TRADES = 1000,
      EP_ALL_ORDERS = 1000,
      EP_USER_TRADES = 1000,
      EP_INCOME = 1000,
      EP_FUNDING_RATE = 1000,
      EP_FORCE_ORDERS = 100,
    } do
      for limit, expected in pairs { [0] = -1130, [-1] = -1130, [1] = 0, [most] = 0, [most + 1] = -1130 } do
        assert.equal(expected, code(endpoint, { limit = limit, interval = 0 }), endpoint .. " " .. limit)
      end
    end
  end)

  it("takes a range of time up to its longest, and any where it has none", function()
    local longest = {
      EP_AGG_TRADES = { HOUR, -1127 },
      EP_ALL_ORDERS = { 7 * DAY, -4165 },
      EP_USER_TRADES = { 7 * DAY, -4165 },
    }
    for endpoint, bound in pairs(longest) do
      local function try(from, to) return code(endpoint, { start_us = from, end_us = to }) end
      assert.equal(0, try(START, START), endpoint)
      assert.equal(0, try(START - bound[1], START), endpoint)
      assert.equal(bound[2], try(START - bound[1] - 1000, START), endpoint)
      assert.equal(-1023, try(START, START - 1000), endpoint)
      -- One end alone is no range.
      assert.equal(0, code(endpoint, { start_us = START - 30 * DAY }), endpoint)
      assert.equal(0, code(endpoint, { end_us = START }), endpoint)
    end
    for _, endpoint in ipairs { "EP_KLINES", "EP_INCOME", "EP_FUNDING_RATE", "EP_FORCE_ORDERS" } do
      assert.equal(
        0,
        code(endpoint, { start_us = START - 365 * DAY, end_us = START, interval = 0 }),
        endpoint
      )
      assert.equal(-1023, code(endpoint, { start_us = START, end_us = START - 1000, interval = 0 }), endpoint)
    end
  end)

  it("of bars that nobody has is refused, of premiums too", function()
    for _, endpoint in ipairs { "EP_KLINES", "EP_PREMIUM_KLINES", "EP_MARK_KLINES" } do
      assert.equal(-1120, x:call(endpoint, { interval = 0 }).code, endpoint)
    end
  end)

  it("takes a first id or times, not both, where the exchange says so", function()
    for _, endpoint in ipairs { "EP_AGG_TRADES", "EP_USER_TRADES" } do
      assert.equal(0, code(endpoint, { from_id = 1 }), endpoint)
      assert.equal(-1128, code(endpoint, { from_id = 1, start_us = START }), endpoint)
      assert.equal(-1128, code(endpoint, { from_id = 1, end_us = START }), endpoint)
      assert.equal(-1128, code(endpoint, { from_id = 1, start_us = START, end_us = START }), endpoint)
    end
    assert.equal(0, code("EP_ALL_ORDERS", { order_id = 1, start_us = START - DAY, end_us = START }))
  end)
end)

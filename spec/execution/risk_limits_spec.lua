-- The limits on orders, pure: time and account handed in.
local ffi = require "ffi"
local C = require "spec.support.c"

local function e8(v) return ffi.cast("int64_t", math.floor(v * 1e8 + 0.5)) end

local function order(t)
  local c = ffi.new "struct call"
  c.endpoint = C.EP_ORDER_NEW
  c.side = t.sell and C.SIDE_SELL or C.SIDE_BUY
  c.quantity_e8, c.price_e8, c.stop_price_e8 = e8(t.quantity or 1), e8(t.price or 0), e8(t.stop or 0)
  c.reduce_only = t.reduce or false
  return c
end

local function guard(limits)
  local s, l, why = ffi.new "struct risk_limits", ffi.new "struct risk_limits_config", ffi.new "char[160]"
  for k, v in pairs(limits) do
    l[k] = k:find "_e8$" and e8(v) or v
  end
  C.risk_limits_init(s, l)
  return function(c, v)
    local view = ffi.new("struct risk_limits_view", {
      now_us = v.now or 1700000000000000LL,
      last_e8 = e8(v.last or 100),
      equity_e8 = e8(v.equity or 1000),
      equity_known = true,
    })
    view.position_e8 = ffi.cast("int64_t", (v.position or 0) * 1e8)
    view.open_cost_e8 = e8(v.open_cost or 0)
    view.match_low_e8, view.match_high_e8 = e8(v.match_low or 0), e8(v.match_high or 0)
    return C.risk_limits_allow(s, c, view, why) or ffi.string(why)
  end,
    s
end

describe("risk limits", function()
  it("bound an order's and a position's notional, at its price or the last one", function()
    local ask = guard { order_notional_e8 = 500, position_notional_e8 = 800 }
    assert.is_true(ask(order { quantity = 5 }, {}))
    assert.truthy(ask(order { quantity = 5.1 }, {}):find "an order of 510")
    assert.truthy(ask(order { quantity = 5, price = 101 }, {}):find "an order of 505")
    assert.truthy(ask(order { quantity = 4 }, { position = 5 }):find "a position of 900")
    assert.is_true(ask(order { quantity = 4, sell = true }, { position = 5 }))
    assert.is_true(ask(order { quantity = 3, sell = true }, { position = -5 }))
    assert.truthy(ask(order { quantity = 4, sell = true }, { position = -5 }):find "a position of 900")
    assert.is_true(ask(order { quantity = 50, reduce = true }, { position = 50 }))
    assert.truthy(ask(order { quantity = 1 }, { last = 0 }):find "no price of the symbol is known")
  end)

  it("hold prices and triggers near the last price", function()
    local ask = guard { collar_e8 = 0.1 }
    assert.is_true(ask(order { price = 110 }, {}))
    assert.truthy(ask(order { price = 110.1 }, {}):find "price 110.1 is too far")
    assert.truthy(ask(order { price = 89 }, {}):find "too far")
    assert.truthy(ask(order { stop = 120, reduce = true }, {}):find "too far")
  end)

  it("stop all but reducing orders after a day's loss, until the next day", function()
    local ask = guard { daily_loss_e8 = 100 }
    local noon = 1700049600000000LL -- 12:00 UTC
    assert.is_true(ask(order {}, { now = noon, equity = 1000 }))
    assert.is_true(ask(order {}, { now = noon + 1000, equity = 901 }))
    assert.truthy(
      ask(order {}, { now = noon + 1000, equity = 900 }):find "a loss today %(with what is open%) of 100.10"
    )
    assert.truthy(ask(order {}, { now = noon + 1000, equity = 950, open_cost = 49.95 }):find "a loss today")
    assert.truthy(ask(order { price = 160 }, { now = noon + 1000, equity = 950 }):find "a loss today")
    -- A limit order may be filled at once at its price: a sale below the last price costs the way down, one above nothing.
    assert.is_true(ask(order { price = 60, sell = true }, { now = noon + 1000, equity = 950 }))
    assert.truthy(
      ask(order { price = 40, sell = true }, { now = noon + 1000, equity = 950 }):find "a loss today"
    )
    assert.is_true(ask(order { price = 180, sell = true }, { now = noon + 1000, equity = 950 }))
    assert.truthy(ask(order {}, { now = noon + 2000, equity = 899 }):find "a loss today of 101")
    assert.is_true(ask(order { reduce = true }, { now = noon + 3000, equity = 899 }))
    assert.is_true(ask(order {}, { now = noon + 43200000000LL, equity = 899 }))
  end)

  it("count orders of any minute, wherever it begins", function()
    local ask, s = guard { orders_per_minute = 2 }
    local t = 1700000000000000LL
    assert.is_true(ask(order {}, { now = t }))
    assert.is_true(ask(order {}, { now = t + 50000000 }))
    assert.truthy(ask(order {}, { now = t + 50000001 }):find "2 orders within a minute")
    -- Those whose outcome is not known may arrive at any time: they count until a minute after it is.
    assert.truthy(ask(order {}, { now = t + 200000000 }):find "2 orders within a minute")
    C.risk_limits_settled(s, t + 200000000)
    C.risk_limits_settled(s, t + 230000000)
    assert.truthy(ask(order {}, { now = t + 259999999 }):find "2 orders within a minute")
    assert.is_true(ask(order {}, { now = t + 260000000 }))
    assert.truthy(ask(order {}, { now = t + 260000001 }):find "2 orders within a minute")
    C.risk_limits_settled(s, t + 260000002)
    assert.is_true(ask(order {}, { now = t + 290000000 }))
  end)

  it("count the orders of the process before", function()
    local t, times = 1700000000000000LL, ffi.new "int64_t[3]"
    local _, before = guard { orders_per_minute = 3 }
    local ask, s = guard { orders_per_minute = 3 }
    before.under_way = 2
    C.risk_limits_settled(before, t)
    assert.equal(2, C.risk_limits_times(before, t + 1, times, 3))
    assert.equal(-(t + 1), times[0])
    C.risk_limits_resume_times(s, t + 40000000, times, 2) -- what was under way counts as of now
    assert.is_true(ask(order {}, { now = t + 59999999 }))
    assert.truthy(ask(order {}, { now = t + 59999999 }):find "3 orders within a minute")
    C.risk_limits_settled(s, t + 59999999)
    assert.is_true(ask(order {}, { now = t + 60000000 }))
    assert.truthy(ask(order {}, { now = t + 99999999 }):find "3 orders within a minute")
    C.risk_limits_settled(s, t + 99999999)
    assert.is_true(ask(order {}, { now = t + 120000000 }))
  end)

  it("hold what priceMatch takes, and refuse it while that is not known", function()
    local ask = guard { collar_e8 = 0.1, order_notional_e8 = 200 }
    local c = order { quantity = 1.9 }
    c.price_match = C.MATCH_OPPONENT_20
    assert.truthy(ask(c, {}):find "what priceMatch takes is not known")
    assert.is_true(ask(c, { match_low = 99, match_high = 101 }))
    assert.truthy(ask(c, { match_low = 99, match_high = 106 }):find "an order of 201.4")
    assert.truthy(ask(c, { match_low = 89, match_high = 101 }):find "price 89 is too far")
    assert.is_true(guard {}(c, {}))
  end)

  it("hold an activation price as any other", function()
    local ask = guard { order_notional_e8 = 200 }
    local c = order { quantity = 1.9, sell = true }
    c.activate_price_e8 = e8(106)
    assert.truthy(ask(c, {}):find "an order of 201.4")
  end)
end)

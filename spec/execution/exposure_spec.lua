-- Orders that may still fill, as the limits of risk count them.
local ffi = require "ffi"
local C = require "spec.support.c"

local function e8(v) return ffi.cast("int64_t", math.floor(v * 1e8 + 0.5)) end

local function call(t)
  local c = ffi.new "struct call"
  c.endpoint = t.endpoint or C.EP_ORDER_NEW
  c.type = t.price and C.ORDER_LIMIT or C.ORDER_MARKET
  c.side = t.sell and C.SIDE_SELL or C.SIDE_BUY
  c.quantity_e8, c.price_e8, c.reduce_only = e8(t.quantity), e8(t.price or 0), t.reduce or false
  c.order_id = t.order or 0
  if t.id then ffi.copy(c.client_id, t.id) end
  if t.orig then ffi.copy(c.orig_client_id, t.orig) end
  return c
end

local function shown(t)
  local o = ffi.new "struct order_record"
  o.order_id, o.status = t.order, t.status or C.STATUS_NEW
  o.side = t.sell and C.SIDE_SELL or C.SIDE_BUY
  o.orig_qty_e8, o.executed_qty_e8, o.price_e8 = e8(t.quantity), e8(t.executed or 0), e8(t.price or 0)
  o.reduce_only = t.reduce or false
  if t.id then ffi.copy(o.client_id, t.id) end
  return o
end

describe("orders that may still fill", function()
  local x
  before_each(function() x = ffi.gc(C.exposure_new(), C.exposure_free) end)
  local function buys(but)
    return tonumber(C.exposure_open(x, 0, 0, C.SIDE_BUY, but, e8(100)).quantity_e8) / 1e8
  end
  local function sent(t) return C.exposure_sent(x, call(t), e8(100)) end

  it("count under keys of their own: a client id used again takes nobody's place", function()
    local first = sent { id = "a", quantity = 4 }
    local second = sent { id = "a", quantity = 1, reduce = true }
    assert.equal(4, buys())
    C.exposure_reply(x, first, shown { id = "a", order = 1, quantity = 4 }, 0)
    C.exposure_failed(x, second)
    assert.equal(4, buys())
    local third = sent { id = "a", quantity = 2 }
    assert.equal(6, buys())
    -- The end of another order of this id ends that one only.
    C.exposure_order(x, shown { id = "a", order = 1, quantity = 4, status = C.STATUS_CANCELED }, 0)
    assert.equal(2, buys())
    C.exposure_order(x, shown { id = "a", order = 2, quantity = 2 }, 0)
    C.exposure_reply(x, third, shown { id = "a", order = 2, quantity = 2 }, 0)
    assert.equal(2, buys())
    assert.equal(1, C.exposure_count(x))
  end)

  it("count what is left of them, and are not open again once they were over", function()
    local key = sent { id = "a", quantity = 4, price = 90 }
    C.exposure_order(
      x,
      shown { id = "a", order = 1, quantity = 4, executed = 1, status = C.STATUS_PARTIALLY_FILLED },
      0
    )
    assert.equal(3, buys())
    C.exposure_order(
      x,
      shown { id = "a", order = 1, quantity = 4, executed = 4, status = C.STATUS_FILLED },
      0
    )
    C.exposure_reply(x, key, shown { id = "a", order = 1, quantity = 4, price = 90 }, 0) -- an older answer
    C.exposure_order(x, shown { id = "a", order = 1, quantity = 4, price = 90 }, 0) -- and an older listing
    assert.equal(0, C.exposure_count(x))
  end)

  it("count an amendment at its most while it is under way, and again as known when it failed", function()
    local key = sent { id = "a", quantity = 2, price = 90 }
    C.exposure_reply(x, key, shown { id = "a", order = 1, quantity = 2, price = 90 }, 0)
    local more = sent { endpoint = C.EP_ORDER_MODIFY, order = 1, quantity = 5, price = 90 }
    local less = sent { endpoint = C.EP_ORDER_MODIFY, order = 1, quantity = 1, price = 90 }
    assert.equal(5, buys())
    C.exposure_failed(x, less)
    assert.equal(5, buys())
    C.exposure_failed(x, more)
    assert.equal(2, buys())
  end)

  it("leave out the amended order only when it is certain which one that is", function()
    sent { id = "a", quantity = 2, price = 90 }
    local amendment = call { endpoint = C.EP_ORDER_MODIFY, orig = "a", quantity = 3, price = 90 }
    assert.equal(0, buys(amendment))
    sent { id = "a", quantity = 2, price = 91, reduce = true }
    assert.equal(2, buys(amendment))
    assert.is_false(C.exposure_reduces(x, amendment))
    local both = call { endpoint = C.EP_ORDER_MODIFY, orig = "a", order = 77, quantity = 3, price = 90 }
    assert.equal(2, buys(both))
  end)

  it("are over when a listing of all that is open shows them no more", function()
    local key = sent { id = "a", quantity = 2, price = 90 }
    C.exposure_reply(x, key, shown { id = "a", order = 1, quantity = 2, price = 90 }, 1e6)
    sent { id = "b", quantity = 1 } -- of unknown outcome: it may be listed later
    C.exposure_listing(x)
    C.exposure_listed(x, 2e6) -- too soon after it was accepted to be sure
    assert.equal(3, buys())
    C.exposure_listing(x)
    C.exposure_order(x, shown { id = "a", order = 1, quantity = 2, price = 90 }, 60e6)
    C.exposure_listed(x, 60e6)
    assert.equal(3, buys())
    C.exposure_listing(x)
    C.exposure_listed(x, 120e6)
    assert.equal(1, buys())
  end)

  it("may cost a commission, and what the limit price of one under way allows", function()
    sent { id = "a", quantity = 2, price = 103 }
    assert.near(2 * 3 + 206 * 0.001, tonumber(C.exposure_cost_e8(x, 0, e8(100), e8(0.001))) / 1e8, 1e-6)
  end)
end)

-- Symbols whose bars begin later or end early.
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"

local flat = { 3000, 3000, 3000, 3000 }

describe("a symbol of bars", function()
  local x
  after_each(function() x:close() end)

  local function begin()
    x = exchange.new { wallet = 100000 }
    x:bar(0, { 60000, 60000, 60000, 60000 })
    x:until_(59.9995)
  end
  local function code(more)
    local t = { symbol = 1 }
    for k, v in pairs(more or {}) do
      t[k] = v
    end
    return x:limit("SIDE_BUY", 0.1, 2900, t).code
  end

  it("has no orders before its first bar, which lists it by itself", function()
    begin()
    C.exchange_listing(x.x, 1, C.LISTED_LATER, x.now)
    assert.equal(-1121, code())
    assert.equal(
      -1121,
      x:algo({ symbol = 1, side = "SIDE_BUY", type = "ORDER_STOP_MARKET", quantity = 0.1, stop_price = 3100 }).code
    )
    x:bar(1, flat, 1)
    assert.equal(0, code())
  end)

  it(
    "expires its orders after its last bar, conditional ones too, takes no more, and keeps its position",
    function()
      begin()
      x:bar(1, flat, 1)
      assert.equal(0, x:market("SIDE_BUY", 1, { symbol = 1 }).code)
      assert.equal(0, code())
      assert.equal(
        0,
        x:algo({
          symbol = 1,
          side = "SIDE_BUY",
          type = "ORDER_STOP_MARKET",
          quantity = 0.1,
          stop_price = 3100,
        }).code
      )
      x:until_(119.9995)
      x:bar(2, { 60000, 60000, 60000, 60000 })
      local rests = x:limit("SIDE_BUY", 0.01, 59000).row.order_id
      C.exchange_listing(x.x, 1, C.LISTED_NO_MORE, x.now)
      assert.equal(-4108, code())
      local open = x:call("EP_OPEN_ORDERS", { no_symbol = true }).rows
      assert.equal(1, #open) -- of the other symbol
      assert.is_true(open[1].order_id == rests)
      assert.equal(0, #x:call("EP_ALGO_OPEN", { no_symbol = true }).rows)
      local all = x:call("EP_ALL_ORDERS", { symbol = 1 }).rows
      assert.equal(C.STATUS_EXPIRED, all[#all].status)
      assert.equal(1, x:position(0, 1))
      assert.equal(-4108, x:market("SIDE_SELL", 1, { symbol = 1 }).code)
      C.exchange_listing(x.x, 1, C.LISTED, x.now)
      assert.equal(0, code())
    end
  )
end)

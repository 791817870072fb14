-- A market that follows another exchange's, in virtual time: what is told, and what the account gets of it.
local ffi = require "ffi"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"

ffi.cdef "void free(void *);"

local e8 = exchange.e8
local function num(v) return tonumber(v) / 1e8 end

local function levels(list)
  local rows = ffi.new("struct level_record[?]", math.max(#list, 1))
  for i, l in ipairs(list) do
    rows[i - 1].price_e8, rows[i - 1].qty_e8 = e8(l[1]), e8(l[2])
  end
  return rows, #list
end

-- An exchange whose BTCUSDT follows; last price 60000, mark price the same.
local function follow(options)
  local x = exchange.new(options or { wallet = 100000, events = true })
  C.mirror_open(x.x, 0, e8(60000), x.now)
  function x:depth(bids, asks)
    local b, bn = levels(bids)
    local a, an = levels(asks)
    C.mirror_depth(self.x, 0, b, bn, a, an, self.now)
  end
  function x:quote(bid, bid_qty, ask, ask_qty)
    C.mirror_quote(self.x, 0, (levels { { bid, bid_qty } }), (levels { { ask, ask_qty } }), self.now)
  end
  -- who: the taker's side
  function x:trade(price, qty, who) C.mirror_trade(self.x, 0, e8(price), e8(qty), who == "SELL", self.now) end
  function x:mark(price, in_seconds, rate)
    C.mirror_mark(
      self.x,
      0,
      e8(price),
      in_seconds and self.now + in_seconds * 1000000ULL or 0,
      e8(rate or 0),
      self.now
    )
  end
  function x:level(side, price) return num(C.book_qty_e8(C.exchange_book_of(self.x, 0), C[side], e8(price))) end
  function x:prices()
    local list = {}
    for i = 1, self:fills() do
      local f = self:fill(i)
      list[i] = ("%s %g at %g %s"):format(
        f.side == C.SIDE_BUY and "buy" or "sell",
        num(f.qty_e8),
        num(f.price_e8),
        f.maker and "maker" or "taker"
      )
    end
    return list
  end
  x:mark(60000)
  x:depth({ { 59999, 1 }, { 59998, 2 }, { 59990, 5 } }, { { 60001, 1 }, { 60002, 2 }, { 60010, 5 } })
  return x
end

describe("a followed market", function()
  local x
  after_each(function()
    if x then
      x:close()
      x = nil
    end
  end)

  it("lets a market order walk the levels that are shown, and does not move the market by it", function()
    x = follow()
    x:market("SIDE_BUY", 2.5)
    assert.same({ "buy 1 at 60001 taker", "buy 1.5 at 60002 taker" }, x:prices())
    assert.equal(60000, num(C.exchange_last_e8(x.x, 0)))
  end)

  it("shows the levels that were told last and no others, on each side", function()
    x = follow()
    local function shown(side)
      local out, k = {}, C.exchange_book_of(x.x, 0)
      for i = 0, C.mirror_visible(x.x, 0, C[side]) - 1 do
        local level = C.book_level(k, C[side], i)
        out[i + 1] = ("%g:%g"):format(num(level.price_e8), num(level.qty_e8))
      end
      assert.equal(#out, k.count[C[side]])
      return table.concat(out, " ")
    end
    assert.equal("59999:1 59998:2 59990:5", shown "SIDE_BUY")
    assert.equal("60001:1 60002:2 60010:5", shown "SIDE_SELL")
    x:depth({ { 59998, 3 } }, { { 60002, 2 }, { 60003, 1 } })
    assert.equal("59998:3", shown "SIDE_BUY")
    assert.equal("60002:2 60003:1", shown "SIDE_SELL")
    x:depth({ { 59999, 0 }, { 0, 1 }, { 59997, 1 } }, { { 60004, 1 } }) -- no quantity and no price: no level
    assert.equal("59997:1", shown "SIDE_BUY")
    assert.equal("60004:1", shown "SIDE_SELL")
    x:depth({}, {})
    assert.same({ "", "" }, { shown "SIDE_BUY", shown "SIDE_SELL" })
    x:quote(59990, 1, 59995, 2)
    assert.same({ "59990:1", "59995:2" }, { shown "SIDE_BUY", shown "SIDE_SELL" })
    x:quote(59991, 1, 59996, 2) -- the better ask is gone, a worse bid may still be there
    assert.same({ "59991:1 59990:1", "59996:2" }, { shown "SIDE_BUY", shown "SIDE_SELL" })
    x:quote(0, 1, 59997, 0) -- says nothing of either side
    assert.same({ "59991:1 59990:1", "59996:2" }, { shown "SIDE_BUY", shown "SIDE_SELL" })
    x:trade(0, 1, "BUY")
    x:trade(1, 0, "BUY")
    assert.equal(60000, num(C.exchange_last_e8(x.x, 0)))
  end)

  it("plans the funding that is told, moved as long as it is to come, and pays it once", function()
    x = follow()
    x:depth({ { 59999, 100 } }, { { 60001, 100 } })
    x:market("SIDE_BUY", 1)
    local wallet = x:wallet()
    local function paid() return wallet - x:wallet() end
    x:mark(60000, 10, 0.001)
    x:mark(60000, 5, 0.002) -- put earlier, at another rate
    local start = tonumber(x.now - 1700006400 * 1000000ULL) / 1e6
    x:until_(start + 4.999)
    assert.equal(0, paid())
    x:until_(start + 5)
    assert.near(60000 * 0.002, paid(), 1e-6)
    x:mark(60000, 0, 0.003) -- at no later time: it has been paid
    x:until_(start + 30)
    assert.near(60000 * 0.002, paid(), 1e-6)
    x:mark(60000, 1, 0.001)
    x:until_(start + 31)
    assert.near(60000 * 0.003, paid(), 1e-6)
  end)

  it("keeps what was taken taken until the level is told anew", function()
    x = follow()
    x:market("SIDE_BUY", 0.6)
    x:depth({ { 59999, 1 } }, { { 60001, 1 }, { 60002, 2 } }) -- as before: nobody has refilled it
    x:market("SIDE_BUY", 0.6)
    x:quote(59999, 1, 60001, 1.5)
    x:market("SIDE_BUY", 0.6)
    assert.same({
      "buy 0.6 at 60001 taker",
      "buy 0.4 at 60001 taker",
      "buy 0.2 at 60002 taker",
      "buy 0.6 at 60001 taker",
    }, x:prices())
  end)

  it(
    "expires the part of a market order that the shown book cannot give; refuses one when nothing is shown",
    function()
      x = follow()
      local r = x:market("SIDE_SELL", 20)
      assert.equal(C.STATUS_EXPIRED, r.row.status)
      assert.equal(8, num(r.row.executed_qty_e8))
      x:depth({}, { { 60001, 1 } })
      assert.equal(-4131, x:market("SIDE_SELL", 1).code)
    end
  )

  it("puts a resting order behind what is shown at its price", function()
    x = follow()
    x:limit("SIDE_BUY", 1, 59998)
    assert.equal(3, x:level("SIDE_BUY", 59998))
    x:trade(59998, 1.5, "SELL")
    assert.same({}, x:prices())
    x:trade(59998, 1.5, "BUY") -- a taker who bought took nothing of the bids
    assert.same({}, x:prices())
    x:trade(59998, 0.7, "SELL")
    assert.same({ "buy 0.2 at 59998 maker" }, x:prices())
    x:trade(59998, 3, "SELL")
    assert.same({ "buy 0.2 at 59998 maker", "buy 0.8 at 59998 maker" }, x:prices())
    assert.equal(2, x:level("SIDE_BUY", 59998))
  end)

  it("those who leave a level leave from behind the order, until nobody else is left", function()
    x = follow()
    x:limit("SIDE_BUY", 1, 59998)
    x:depth({ { 59999, 1 }, { 59998, 0.5 }, { 59990, 5 } }, { { 60001, 1 } })
    x:depth({ { 59999, 1 }, { 59998, 9 }, { 59990, 5 } }, { { 60001, 1 } }) -- who comes now stands behind it
    x:trade(59998, 0.5, "SELL")
    assert.same({}, x:prices())
    x:trade(59998, 0.5, "SELL")
    assert.same({ "buy 0.5 at 59998 maker" }, x:prices())
  end)

  it("stands behind everybody at a price that was out of view when it was placed", function()
    x = follow()
    x:limit("SIDE_BUY", 1, 59000)
    x:depth({ { 59001, 1 }, { 59000, 4 }, { 58990, 5 } }, { { 59002, 1 } })
    x:trade(59000, 4, "SELL")
    assert.same({}, x:prices())
    x:trade(59000, 1, "SELL")
    assert.same({ "buy 1 at 59000 maker" }, x:prices())
  end)

  it("fills at its own price when trades go through it, with no more than was traded", function()
    x = follow()
    x:limit("SIDE_BUY", 1, 59998)
    x:trade(59990, 0.4, "SELL")
    assert.same({ "buy 0.4 at 59998 maker" }, x:prices())
    x:limit("SIDE_SELL", 0.5, 60010)
    x:trade(60020, 7, "BUY")
    assert.same({ "buy 0.4 at 59998 maker", "sell 0.5 at 60010 maker" }, x:prices())
  end)

  it(
    "fills at its own price when quotes of the other side come to it, with no more than is quoted",
    function()
      x = follow()
      x:limit("SIDE_BUY", 1, 59998)
      x:quote(59900, 1, 59950, 0.3)
      assert.same({ "buy 0.3 at 59998 maker" }, x:prices())
      x:quote(59900, 1, 59950, 0.3) -- the same offer, taken already
      assert.equal(1, x:fills())
      x:quote(59900, 1, 59951, 5)
      assert.same({ "buy 0.3 at 59998 maker", "buy 0.7 at 59998 maker" }, x:prices())
    end
  )

  it("keeps the account's orders of one price in the order of their coming", function()
    x = follow()
    x:limit("SIDE_BUY", 1, 59998, { client_id = "a" })
    x:limit("SIDE_BUY", 1, 59998, { client_id = "b" })
    x:trade(59998, 3.5, "SELL")
    assert.same({ "buy 1 at 59998 maker", "buy 0.5 at 59998 maker" }, x:prices())
    x:order { side = "SIDE_SELL", type = "ORDER_MARKET", quantity = 9 } -- and never trades with itself
    assert.equal("sell 1 at 59999 taker", x:prices()[3])
    for i = 3, x:fills() do
      assert.truthy(x:prices()[i]:find "sell")
    end
  end)

  it("refuses post-only orders that would cross the quotes, and margin that is not there", function()
    x = follow { wallet = 1000, events = true }
    assert.equal(-5022, x:limit("SIDE_BUY", 0.01, 60001, { time_in_force = "TIF_GTX" }).code)
    assert.equal(-2019, x:market("SIDE_BUY", 1).code)
  end)

  it("triggers stops by the last trade or by the mark price, as they ask", function()
    x = follow()
    x:market("SIDE_BUY", 1)
    local by_last =
      x:algo { side = "SIDE_SELL", type = "ORDER_STOP_MARKET", stop_price = 59500, quantity = 0.4 }
    local by_mark = x:algo {
      side = "SIDE_SELL",
      type = "ORDER_STOP_MARKET",
      stop_price = 59500,
      quantity = 0.6,
      working_type = "WORKING_MARK_PRICE",
    }
    assert.equal(0, by_last.code + by_mark.code)
    x:quote(59990, 5, 60001, 1)
    x:trade(59499, 0.01, "SELL")
    assert.same({ "buy 1 at 60001 taker", "sell 0.4 at 59990 taker" }, x:prices())
    x:trade(60000, 0.01, "BUY")
    x:mark(59400)
    assert.equal("sell 0.6 at 59990 taker", x:prices()[3])
    assert.equal(0, x:position())
    assert.equal(
      -2021,
      x:algo { side = "SIDE_BUY", type = "ORDER_STOP_MARKET", stop_price = 59900, quantity = 0.4 }.code
    )
    assert.equal(
      0,
      x:algo {
        side = "SIDE_BUY",
        type = "ORDER_STOP_MARKET",
        stop_price = 59900,
        quantity = 0.4,
        working_type = "WORKING_MARK_PRICE",
      }.code
    )
  end)

  it("holds a protected stop back while last and mark price are far apart", function()
    x = follow()
    x:market("SIDE_BUY", 1)
    assert.equal(
      0,
      x:algo {
        side = "SIDE_SELL",
        type = "ORDER_STOP_MARKET",
        stop_price = 56000,
        quantity = 0.4,
        price_protect = true,
      }.code
    )
    assert.equal(
      0,
      x:algo { side = "SIDE_SELL", type = "ORDER_STOP_MARKET", stop_price = 56000, quantity = 0.1 }.code
    )
    x:trade(55500, 0.01, "SELL")
    assert.same({ "buy 1 at 60001 taker", "sell 0.1 at 59999 taker" }, x:prices())
    x:mark(57500)
    assert.equal("sell 0.4 at 59999 taker", x:prices()[3])
  end)

  it("values and liquidates by the mark price, whatever the last trade was", function()
    x = follow { wallet = 3000, leverage = 20, events = true }
    x:depth({ { 59999, 1 } }, { { 60000, 1 } })
    x:market("SIDE_BUY", 0.9)
    x:trade(50000, 0.01, "SELL")
    assert.equal(0.9, x:position())
    assert.near(2973, x:equity(), 0.001)
    x:mark(59000)
    assert.near(2973 - 900, x:equity(), 0.001)
    x:mark(56500)
    assert.equal(0, x:position())
    assert.equal(1, tonumber(x:totals().liquidations))
  end)

  it("pays funding at its time with the rate told last, by the mark price", function()
    x = follow()
    x:market("SIDE_BUY", 1)
    x:mark(60000, 60, 0.0005)
    x:mark(61000, 60, 0.0001)
    x:until_(59)
    assert.equal(0, num(x:totals().funding_e8))
    x:until_(61)
    assert.near(-6.1, num(x:totals().funding_e8), 1e-8)
    x:mark(61000, 100, 0.0001)
    x:mark(61000, 40, 0.0002) -- brought forward
    x:until_(120)
    assert.near(-18.3, num(x:totals().funding_e8), 1e-8)
  end)

  it("restores resting orders as having rested: what passed them fills at their own price", function()
    x = follow()
    x:limit("SIDE_BUY", 1, 59998, { client_id = "kept" })
    x:market("SIDE_BUY", 0.5)
    local size = ffi.new "size_t[1]"
    local bytes = C.snapshot_save(x.x, size)
    local y = follow()
    y:depth({ { 58000, 1 } }, { { 58001, 9 } })
    local read, why = ffi.new "struct snapshot *[1]", ffi.new "struct errmsg"
    assert(
      C.snapshot_read(bytes, size[0], C.exchange_symbol(y.x, 0), 2, read, why) == 0,
      ffi.string(why.text)
    )
    C.snapshot_restore(y.x, read[0])
    C.snapshot_free(read[0])
    ffi.C.free(bytes)
    y:quote(58000, 1, 58001, 9)
    assert.same({ "buy 0.5 at 60001 taker", "buy 1 at 59998 maker" }, y:prices())
    assert.equal(1.5, y:position())
    y:close()
  end)
end)

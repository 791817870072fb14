-- Both sides of each bound: the last value that passes and the first that does not.
local exchange = require "spec.support.exchange"
require "spec.support.c"
local ffi = require "ffi"
local C = ffi.C

describe("at its bounds", function()
  local x
  before_each(function()
    x = exchange.new()
    x:pass(0, { 60000, 60000, 60000, 60000 })
  end)
  after_each(function() x:close() end)

  local flat = { 60000, 60000, 60000, 60000 }

  -- A position bought at 60,000, in a bar that is open from then on.
  local function buy(quantity)
    x:bar(1, flat)
    x:market("SIDE_BUY", quantity)
    assert.are.equal(quantity, x:position())
  end

  local function code(reply) return reply and reply.code end

  it("a leverage from 1 to the bracket's largest is taken, and no other", function()
    for leverage, expected in pairs { [0] = -4028, [1] = 0, [2] = 0, [125] = 0, [126] = -4028 } do
      assert.are.equal(
        expected,
        code(x:call("EP_LEVERAGE", { leverage = leverage })),
        "leverage " .. leverage
      )
    end
  end)

  it(
    "a limit order's price may reach the percent of the mark price on its aggressive side, and go no further",
    function()
      local s = C.exchange_symbol(x.x, 0)
      local up, down = tonumber(s.percent_up_e8) / 1e8, tonumber(s.percent_down_e8) / 1e8
      local highest, lowest = 60000 * up, 60000 * down
      assert.are.equal(
        0,
        code(x:call("EP_ORDER_TEST", {
          side = "SIDE_BUY",
          type = "ORDER_LIMIT",
          quantity = 0.01,
          price = highest,
          time_in_force = "TIF_GTC",
        }))
      )
      assert.are.equal(-4016, code(x:limit("SIDE_BUY", 0.01, highest + 0.1)))
      assert.are.equal(-4024, code(x:limit("SIDE_SELL", 0.01, lowest - 0.1)))
      assert.are.equal(
        0,
        code(x:call("EP_ORDER_TEST", {
          side = "SIDE_SELL",
          type = "ORDER_LIMIT",
          quantity = 0.01,
          price = lowest,
          time_in_force = "TIF_GTC",
        }))
      )
      -- The passive side is not bounded.
      assert.are.equal(0, code(x:limit("SIDE_SELL", 0.01, highest + 0.1)))
      assert.are.equal(0, code(x:limit("SIDE_BUY", 0.01, lowest - 0.1)))
    end
  )

  it("quantities are taken from the least to the largest, in steps", function()
    local s = C.exchange_symbol(x.x, 0)
    local least, largest = tonumber(s.qty_min_e8) / 1e8, tonumber(s.qty_max_e8) / 1e8
    local step = tonumber(s.step_e8) / 1e8
    local function try(quantity)
      return code(x:call("EP_ORDER_TEST", {
        side = "SIDE_SELL",
        type = "ORDER_LIMIT",
        quantity = quantity,
        price = 60000,
        time_in_force = "TIF_GTC",
        reduce_only = true,
      }))
    end
    buy(0.1)
    assert.are.equal(0, try(least))
    assert.are.equal(0, try(least + step))
    assert.are.equal(-4003, try(0))
    assert.are.equal(-4005, try(largest + step))
  end)

  it("the least notional itself is enough", function()
    local s = C.exchange_symbol(x.x, 0)
    local least = tonumber(s.notional_min_e8) / 1e8
    local price = 50000
    assert.are.equal(0, code(x:limit("SIDE_BUY", least / price, price)))
    assert.are.equal(-4164, code(x:limit("SIDE_BUY", least / price, price - 0.1)))
  end)

  it("an order may be reduce-only for what a position holds, and is dropped when that is gone", function()
    buy(0.1)
    assert.are.equal(0, code(x:limit("SIDE_SELL", 0.1, 61000, { reduce_only = true })))
    assert.are.equal(0, code(x:limit("SIDE_SELL", 0.1, 62000, { reduce_only = true })))
    local open = x:call("EP_OPEN_ORDERS", {})
    assert.are.equal(2, #open.rows)
    x:market("SIDE_SELL", 0.1)
    assert.are.equal(0, x:position())
    assert.are.equal(0, #x:call("EP_OPEN_ORDERS", {}).rows)
    assert.are.equal(2, tonumber(x:totals().expired))
    -- Nothing is left to reduce, so one more is refused.
    assert.are.equal(-2022, code(x:limit("SIDE_SELL", 0.1, 61000, { reduce_only = true })))
  end)

  it("a reduce-only order larger than the position closes it and ends", function()
    buy(0.2)
    local o = x:market("SIDE_SELL", 0.5, { reduce_only = true })
    assert.are.equal(0, code(o))
    assert.are.equal(0, x:position())
    assert.are.equal(2, x:fills())
  end)

  it("the wallet moves by realized results less fees, and by nothing else", function()
    local before = x:wallet()
    buy(0.2)
    x:until_(119.9995)
    x:bar(2, { 61000, 61000, 61000, 61000 })
    x:market("SIDE_SELL", 0.2)
    local t = x:totals()
    local realized, fees = tonumber(t.realized_e8) / 1e8, tonumber(t.fees_e8) / 1e8
    assert.near(200, realized, 1e-6)
    assert.near(0.0005 * 0.2 * (60000 + 61000), fees, 1e-6)
    assert.near(before + realized - fees, x:wallet(), 1e-8)
  end)

  it("a modified order must stay above what is executed, and changes price or quantity", function()
    local o = x:limit("SIDE_BUY", 0.2, 59000, { client_id = "m" })
    assert.are.equal(0, code(o))
    local function modify(quantity, price)
      return code(
        x:call(
          "EP_ORDER_MODIFY",
          { side = "SIDE_BUY", orig_client_id = "m", quantity = quantity, price = price }
        )
      )
    end
    assert.are.equal(-5027, modify(0.2, 59000))
    assert.are.equal(0, modify(0.1, 59000))
    assert.are.equal(0, modify(0.1, 58000))
    assert.are.equal(1, #x:call("EP_OPEN_ORDERS", {}).rows)
  end)

  it("margin must cover an order to the last of it", function()
    x:call("EP_LEVERAGE", { leverage = 1 })
    -- 10,000 of wallet at leverage 1, the fee of 0.05 % among it.
    assert.are.equal(-2019, code(x:limit("SIDE_BUY", 0.168, 60000)))
    assert.are.equal(0, code(x:limit("SIDE_BUY", 0.166, 60000)))
    assert.are.equal(-2019, code(x:limit("SIDE_BUY", 0.01, 60000)))
  end)

  it("a conditional order that would trigger at once is refused, one a tick away is not", function()
    local function stop(side, price)
      return code(x:algo { side = side, type = "ORDER_STOP_MARKET", quantity = 0.01, stop_price = price })
    end
    assert.are.equal(-2021, stop("SIDE_BUY", 60000))
    assert.are.equal(0, stop("SIDE_BUY", 60000.1))
    assert.are.equal(-2021, stop("SIDE_SELL", 60000))
    assert.are.equal(0, stop("SIDE_SELL", 59999.9))
  end)

  it(
    "an order book of bars is the last price and the ticks beside it, as many as are asked for, twenty at most",
    function()
      for limit, count in pairs { [0] = 20, [1] = 1, [5] = 5, [20] = 20, [21] = 20, [1000] = 20 } do
        local book = x:call("EP_DEPTH", { limit = limit > 0 and limit or nil }).row
        assert.are.equal(count, #book.bids, limit)
        assert.are.equal(count, #book.asks, limit)
        for i = 1, count do
          assert.near(60000 - i * 0.1, book.bids[i][1], 1e-6)
          assert.near(60000 + i * 0.1, book.asks[i][1], 1e-6)
        end
      end
      assert.are.equal(-1130, code(x:call("EP_DEPTH", { limit = 0 })))
      assert.are.equal(-1130, code(x:call("EP_DEPTH", { limit = -1 })))
      -- Before there is a price there is nothing.
      local book = x:call("EP_DEPTH", { symbol = 1 }).row
      assert.are.same({ bids = {}, asks = {} }, book)
    end
  )

  it("a position breaks even where its fees, funding and results are earned back", function()
    local function break_even()
      local row = x:call("EP_POSITION_RISK", {}).rows[1]
      return tonumber(row.break_even_e8) / 1e8
    end
    for side, sign in pairs { SIDE_BUY = 1, SIDE_SELL = -1 } do
      x:close()
      x = exchange.new { wallet = 100000 }
      x:pass(0, flat)
      x:bar(1, flat)
      x:market(side, 1)
      assert.near(60000 + sign * 30, break_even(), 1e-6) -- a fee of 0.05 %
      x:until_(90)
      assert.are.equal(0, C.exchange_funding(x.x, 0, x.now + 1000000, 10000, 6000000000000LL))
      x:until_(92)
      assert.near(60036, 60000 + sign * (break_even() - 60000) + (sign < 0 and 12 or 0), 1e-6) -- 6 paid, or received
      x:until_(119.9995)
      x:bar(2, { 61000, 61000, 61000, 61000 })
      x:market(side == "SIDE_BUY" and "SIDE_SELL" or "SIDE_BUY", 0.5)
      local costs = 30 + sign * 6 - sign * 500 + 15.25
      assert.near(60000 + sign * costs / 0.5, break_even(), 1e-6)
    end
  end)

  it("funding is paid by the long when the rate is positive, on the notional at the mark price", function()
    buy(0.5)
    local before = x:wallet()
    assert.are.equal(0, C.exchange_funding(x.x, 0, x.now + 30000000, 10000, 6000000000000LL))
    x:until_(89.9)
    assert.near(before, x:wallet(), 1e-8)
    x:until_(90)
    assert.near(before - 0.5 * 60000 * 0.0001, x:wallet(), 1e-8)
  end)

  it("a limit order fills when the price goes a tick beyond it, and not when it is only reached", function()
    x:limit("SIDE_BUY", 0.1, 59000)
    x:pass(1, { 60000, 60000, 59000, 60000 })
    assert.are.equal(0, x:fills())
    x:pass(2, { 60000, 60000, 58999.9, 60000 })
    assert.are.equal(1, x:fills())
    assert.are.equal(59000, tonumber(x:fill().price_e8) / 1e8)
  end)
end)

-- The other traders of a market with a book: what they leave standing, how often they come, and what a trade of data does.
local ffi = require "ffi"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"

local e8 = exchange.e8
local BUY, SELL = tonumber(C.SIDE_BUY), tonumber(C.SIDE_SELL)
local function num(v) return tonumber(v) / 1e8 end

describe("other traders", function()
  local x, flow
  after_each(function()
    C.flow_free(flow)
    x:close()
  end)

  -- Both symbols have a book, at 60000 and 3000.
  local function begin(options, symbols)
    x = exchange.new { wallet = 1e7 }
    C.exchange_open_book(x.x, 0, 1, e8(60000))
    C.exchange_open_book(x.x, 1, 1, e8(3000))
    local o = ffi.new("struct flow_options", { seed = 1, volatility = 0.2, rate = 50, spread_ticks = 2 })
    for k, v in pairs(options or {}) do
      o[k] = v
    end
    flow = C.flow_new(o, x.x, symbols or 1, x.now)
  end
  local function pass(seconds)
    x.now = x.now + ffi.cast("int64_t", seconds * 1e6)
    C.flow_advance(flow, x.now)
    C.exchange_advance(x.x, x.now)
  end
  local function book(symbol) return C.exchange_book_of(x.x, symbol or 0) end
  local function best(side, symbol) return num(C.book_best_e8(book(symbol), side)) end

  local function check_book(symbol)
    local k, s = book(symbol), C.exchange_symbol(x.x, symbol or 0)
    for side = 0, 1 do
      for i = 0, k.count[side] - 1 do
        local level = k.levels[side][i]
        assert.is_true(level.qty_e8 > 0)
        assert.equal(0LL, level.price_e8 % s.tick_e8, "a price off the tick")
        if i > 0 then assert.is_true((level.price_e8 > k.levels[side][i - 1].price_e8) == (side == BUY)) end
      end
    end
    if k.count[BUY] > 0 and k.count[SELL] > 0 then
      assert.is_true(C.book_best_e8(k, BUY) < C.book_best_e8(k, SELL))
    end
  end

  it("stand on six hundred levels of each side from the start, next to the last price", function()
    begin({}, 2)
    for symbol, last in pairs { [0] = 60000, [1] = 3000 } do
      local tick = num(C.exchange_symbol(x.x, symbol).tick_e8)
      assert.near(last - tick, best(BUY, symbol), 1e-6)
      assert.near(last, best(SELL, symbol), 1e-6)
      for side = 0, 1 do
        assert.equal(600, book(symbol).count[side])
        for i = 1, 7 do -- the nearest without holes
          local level = C.book_level(book(symbol), side, i)
          assert.near(best(side, symbol) + (side == BUY and -i or i) * tick, num(level.price_e8), 1e-6)
        end
        local far = num(book(symbol).levels[side][0].price_e8)
        local ticks = math.abs(far - best(side, symbol)) / tick
        -- 591 gaps of one to three ticks, two on average.
        assert.near(8 + 591 * 2, ticks, 100)
      end
      check_book(symbol)
    end
  end)

  it("keep the book whole, between its bounds, with the spread asked for", function()
    for _, spread in ipairs { 1, 4 } do
      begin { rate = 200, volatility = 0.3, spread_ticks = spread }
      local widest = 0
      for _ = 1, 60 do
        pass(0.5)
        check_book()
        for side = 0, 1 do
          assert.is_true(book().count[side] >= 500 and book().count[side] <= 1200, book().count[side])
        end
        widest = math.max(widest, best(SELL) - best(BUY))
      end
      assert.is_true(widest <= (spread + 3) * 0.1 + 1e-6, "a spread of " .. widest)
      if spread == 1 then
        C.flow_free(flow)
        x:close()
      end
    end
  end)

  it("come as often as asked, to later symbols less", function()
    for _, rate in ipairs { 20, 200 } do
      begin({ rate = rate }, 2)
      local steps, t = 0, x.now
      while steps < 1500 do
        local next_us = C.flow_next_us(flow)
        assert.is_true(next_us > t)
        t = next_us
        C.flow_advance(flow, t)
        steps = steps + 1
      end
      local a_second = 1500 / (tonumber(t - x.now) / 1e6)
      assert.near(8 / 7 * rate * (1 + 1 / 1.7), a_second, rate * 0.2)
      x.now = t
      if rate == 20 then
        C.flow_free(flow)
        x:close()
      end
    end
  end)

  it("move the price by the volatility of a day, and the whole market by a shock", function()
    local sum, runs, seconds = 0, 16, 300
    for seed = 1, runs do
      begin { seed = seed, rate = 5, volatility = 0.5 }
      pass(seconds)
      local change = math.log((best(BUY) + best(SELL)) / 2 / 60000)
      sum = sum + change * change
      if seed < runs then
        C.flow_free(flow)
        x:close()
      end
    end
    local expected = 0.5 * math.sqrt(seconds / 86400)
    local got = math.sqrt(sum / runs)
    assert.is_true(got > 0.55 * expected and got < 1.6 * expected, ("%g, expected %g"):format(got, expected))
    local before = best(BUY)
    C.flow_shock(flow, 0, 1.05)
    pass(120)
    assert.near(1.05, best(BUY) / before, 0.02)
  end)

  describe("a trade of data", function()
    local function print_(side, price, qty)
      x.now = x.now + 1000
      C.flow_print(flow, 0, side, e8(price), e8(qty), x.now)
    end
    local function fills()
      local out = {}
      for i = 1, x:fills() do
        local f = x:fill(i)
        out[i] = ("%s %g at %g"):format(
          f.side == C.SIDE_BUY and "buy" or "sell",
          num(f.qty_e8),
          num(f.price_e8)
        )
      end
      return out
    end
    local function last()
      local trade = x:call("EP_TRADES", { limit = 1 }).rows[1]
      return num(trade.price_e8), num(trade.qty_e8), trade.maker
    end

    before_each(function()
      begin()
      C.flow_still(flow, 0)
    end)

    it("is the last one of its market, and the book stands around it", function()
      assert.is_true(C.flow_next_us(flow) == 0x7fffffffffffffffLL)
      for _, case in ipairs {
        { BUY, 60010, 0.5 },
        { SELL, 59950, 0.25 },
        { BUY, 59950, 1 },
        { SELL, 60500, 2 },
      } do
        print_(unpack(case))
        assert.same({ case[2], case[3], case[1] == SELL }, { last() })
        check_book()
        assert.is_true(best(BUY) < case[2] + 0.05 and best(BUY) >= case[2] - 0.1 - 1e-6)
        assert.is_true(best(SELL) >= case[2] - 1e-6 and best(SELL) <= case[2] + 0.1 + 1e-6)
      end
      assert.same({}, fills())
    end)

    it("of less than a step is none, and lies on the tick", function()
      print_(BUY, 60010, 0.5)
      print_(BUY, 60020, 0.0009)
      assert.same({ 60010, 0.5, false }, { last() })
      print_(BUY, 60030, 0.0019)
      assert.same({ 60030, 0.001, false }, { last() })
      print_(BUY, 60030.04, 0.5)
      assert.near(60030, (last()), 1e-6)
      print_(SELL, 60030.06, 0.5)
      assert.near(60030.1, (last()), 1e-6)
    end)

    it("takes what the account offers at better prices, and at its own price first", function()
      x:limit("SIDE_SELL", 0.1, 60003)
      x:limit("SIDE_SELL", 0.2, 60005)
      x:limit("SIDE_SELL", 0.3, 60005.1)
      local shown = num(C.book_qty_e8(book(), SELL, e8(60005)))
      assert.is_true(shown >= 0.2)
      print_(BUY, 60005, 50)
      assert.equal("sell 0.1 at 60003", fills()[1])
      assert.equal("sell 0.2 at 60005", fills()[2])
      assert.equal(2, #fills())
      assert.same({ 60005, false }, { (last()), select(3, last()) })
    end)

    it("below the account's bids fills them, as a market that fell through them must", function()
      x:limit("SIDE_BUY", 0.1, 59999)
      x:limit("SIDE_BUY", 0.2, 59990)
      x:limit("SIDE_BUY", 0.3, 59989.9)
      print_(BUY, 59990, 0.001) -- a buyer at this price: nobody bids as much any more
      assert.same({ "buy 0.1 at 59999", "buy 0.2 at 59990" }, fills())
      print_(SELL, 59989.9, 100)
      assert.equal("buy 0.3 at 59989.9", fills()[3])
      assert.equal(0, #x:call("EP_OPEN_ORDERS").rows)
    end)

    it("leaves an order far away where it is, however far prices go", function()
      x:limit("SIDE_BUY", 0.01, 45000)
      x:limit("SIDE_SELL", 0.01, 80000)
      for i = 1, 400 do
        print_(i % 2 == 0 and BUY or SELL, 60000 + 30 * i, 0.5)
      end
      for i = 1, 400 do
        print_(SELL, 72000 - 50 * i, 0.5)
      end
      for i = 1, 200 do -- it comes to rest
        print_(i % 2 == 0 and BUY or SELL, 52000, 0.5)
      end
      check_book()
      assert.equal(2, #x:call("EP_OPEN_ORDERS").rows)
      assert.equal(0.01, num(C.book_qty_e8(book(), BUY, e8(45000))))
      assert.equal(0.01, num(C.book_qty_e8(book(), SELL, e8(80000))))
      for side = 0, 1 do
        assert.is_true(book().count[side] <= 1201, book().count[side])
        assert.is_true(book().count[side] >= 600, book().count[side]) -- the others' book goes on beside it
        assert.is_true(math.abs(num(C.book_level(book(), side, 40).price_e8) - best(side)) < 1000)
      end
      assert.same({}, fills())
    end)
  end)
end)

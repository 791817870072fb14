-- Market data of a market of bars, call by call: what each answers, and with which symbols, rows and times.
local ffi = require "ffi"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"

local START = 1700006400 * 1000000
local e8 = exchange.e8
local function num(v) return tonumber(v) / 1e8 end

describe("market data of bars", function()
  local x
  after_each(function() x:close() end)

  -- Both symbols have closed one bar, BTCUSDT at 60010 and ETHUSDT at 3000.
  local function begin(options)
    x = exchange.new(options)
    x:bar(0, { 60000, 60020, 59990, 60010 })
    x:bar(0, { 3000, 3001, 2999, 3000 }, 1)
    x:until_(59.9995)
    return x
  end

  it(
    "depth stands a tick apart either side of the last price, as many levels as asked, twenty at most",
    function()
      begin()
      for asked, levels in pairs { [1] = 1, [5] = 5, [20] = 20, [21] = 20, [1000] = 20, none = 20 } do
        local reply = x:call("EP_DEPTH", { limit = asked ~= "none" and asked or nil })
        local row = reply.row
        assert.equal(levels, #row.bids)
        assert.equal(levels, #row.asks)
        for i = 1, levels do
          assert.near(60010 - 0.1 * i, row.bids[i][1], 1e-6)
          assert.near(60010 + 0.1 * i, row.asks[i][1], 1e-6)
          assert.equal(1000, row.bids[i][2])
          assert.equal(1000, row.asks[i][2])
        end
        assert.equal(0, reply.depth.symbol)
        assert.is_true(reply.depth.event_us == x.now and reply.depth.transaction_us == x.now)
      end
      assert.equal(-1130, x:call("EP_DEPTH", { limit = 0 }).code)
      assert.not_equal(0, x:call("EP_DEPTH", { no_symbol = true }).code)
      assert.near(3000 - 0.01, x:call("EP_DEPTH", { symbol = 1, limit = 1 }).row.bids[1][1], 1e-6)
    end
  )

  it("depth has no level before the first price, and no bid at or below zero", function()
    x = exchange.new()
    local row = x:call("EP_DEPTH", { limit = 5 }).row
    assert.same({ 0, 0 }, { #row.bids, #row.asks })
    -- The lowest price of the rules leaves room for few bids: each above zero.
    x:bar(0, { 0.3, 0.3, 0.3, 0.3 })
    x:until_(59.9995)
    row = x:call("EP_DEPTH", { limit = 5 }).row
    assert.equal(5, #row.asks)
    assert.equal(2, #row.bids) -- 0.2 and 0.1
  end)

  it("a symbol names one row and none names all, in their order", function()
    begin()
    for endpoint, price in pairs {
      EP_TICKER_PRICE = "last_e8",
      EP_BOOK_TICKER = "bid_e8",
      EP_TICKER_24H = "last_e8",
      EP_PREMIUM_INDEX = "mark_e8",
    } do
      local all = x:call(endpoint, { no_symbol = true }).rows
      assert.equal(2, #all, endpoint)
      assert.same({ 0, 1 }, { all[1].symbol, all[2].symbol }, endpoint)
      for symbol = 0, 1 do
        local one = x:call(endpoint, { symbol = symbol })
        assert.equal(1, #one.rows, endpoint)
        assert.equal(symbol, one.row.symbol)
        assert.is_true(one.row[price] == all[symbol + 1][price])
        assert.is_true(one.row.time_us == x.now)
      end
    end
    local book = x:call("EP_BOOK_TICKER").row
    assert.near(60009.9, num(book.bid_e8), 1e-6)
    assert.near(60010.1, num(book.ask_e8), 1e-6)
    assert.same({ 1000, 1000 }, { num(book.bid_qty_e8), num(book.ask_qty_e8) })
    assert.equal(60010, num(x:call("EP_TICKER_PRICE").row.last_e8))
  end)

  it(
    "a symbol that is listed later has no price, is in no list, and every call that needs one refuses it",
    function()
      x = exchange.new()
      x:bar(0, { 60000, 60000, 60000, 60000 })
      C.exchange_listing(x.x, 1, C.LISTED_LATER, x.now)
      for _, endpoint in ipairs { "EP_TICKER_PRICE", "EP_BOOK_TICKER", "EP_TICKER_24H", "EP_PREMIUM_INDEX" } do
        assert.equal(1, #x:call(endpoint, { no_symbol = true }).rows, endpoint)
        assert.equal(-1121, x:call(endpoint, { symbol = 1 }).code, endpoint)
        assert.equal(0, x:call(endpoint, { symbol = 0 }).code, endpoint)
      end
      for _, endpoint in ipairs { "EP_DEPTH", "EP_TRADES", "EP_AGG_TRADES", "EP_OPEN_INTEREST" } do
        assert.equal(-1121, x:call(endpoint, { symbol = 1 }).code, endpoint)
        assert.equal(0, x:call(endpoint, { symbol = 0 }).code, endpoint)
      end
    end
  )

  it("before the first bar there is no best price", function()
    x = exchange.new()
    local row = x:call("EP_BOOK_TICKER").row
    assert.same(
      { 0, 0, 0, 0 },
      { num(row.bid_e8), num(row.ask_e8), num(row.bid_qty_e8), num(row.ask_qty_e8) }
    )
    assert.equal(0, #x:call("EP_TRADES").rows)
    assert.equal(0, #x:call("EP_AGG_TRADES").rows)
    assert.equal(0, num(x:call("EP_OPEN_INTEREST").row.number))
  end)

  it("the last price stands for the one trade that anybody can know of", function()
    begin()
    local least = num(C.exchange_symbol(x.x, 0).qty_min_e8)
    for _, endpoint in ipairs { "EP_TRADES", "EP_HISTORICAL_TRADES" } do
      local reply = x:call(endpoint)
      assert.equal(1, #reply.rows)
      assert.equal(1, tonumber(reply.row.id))
      assert.equal(60010, num(reply.row.price_e8))
      assert.equal(least, num(reply.row.qty_e8))
      assert.near(60010 * least, num(reply.row.quote_qty_e8), 1e-8)
      assert.is_true(reply.row.time_us == x.now)
    end
    local sum = x:call("EP_AGG_TRADES")
    assert.equal(1, #sum.rows)
    assert.same({ 1, 1, 1, 60010, least }, {
      tonumber(sum.row.id),
      tonumber(sum.row.first_id),
      tonumber(sum.row.last_id),
      num(sum.row.price_e8),
      num(sum.row.qty_e8),
    })
  end)

  it(
    "open interest is a constant notional at the last price, in steps, with the account's own on both sides",
    function()
      begin { dual_side = true }
      local step = num(C.exchange_symbol(x.x, 0).step_e8)
      local others = math.floor(500000000 / 60010 / step) * step
      assert.near(others, num(x:call("EP_OPEN_INTEREST").row.number), 1e-8)
      x:bar(1, { 60010, 60010, 60010, 60010 })
      x:market("SIDE_BUY", 0.5, { position_side = "POSITION_LONG" })
      x:market("SIDE_SELL", 0.25, { position_side = "POSITION_SHORT" })
      assert.near(others + 0.75, num(x:call("EP_OPEN_INTEREST").row.number), 1e-8)
      assert.is_true(x:call("EP_OPEN_INTEREST").row.time_us == x.now)
    end
  )

  it("funding in the order of time: without a start the latest rows, with one the oldest", function()
    x = exchange.new()
    local function fund(symbol, minute, rate)
      C.exchange_funding(x.x, symbol, START + minute * 60000000, e8(rate), e8(100 + minute))
    end
    fund(0, 1, 0.0001)
    fund(0, 3, 0.0003)
    fund(0, 5, 0.0005)
    fund(1, 2, 0.0002)
    fund(1, 3, 0.0004)
    fund(1, 9, 0.0009) -- still to come
    for n = 0, 6 do
      x:bar(n, { 60000, 60000, 60000, 60000 })
      x:bar(n, { 3000, 3000, 3000, 3000 }, 1)
      x:until_(n * 60 + 59.9995)
    end
    local function asked(t)
      local out = {}
      for i, row in ipairs(x:call("EP_FUNDING_RATE", t).rows) do
        out[i] = ("%d:%d:%g"):format(
          (tonumber(row.time_us) - START) / 60000000,
          row.symbol,
          num(row.rate_e8) * 1e4
        )
      end
      return table.concat(out, " ")
    end
    local minute = function(n) return START + n * 60000000 end
    assert.equal("1:0:1 2:1:2 3:0:3 3:1:4 5:0:5", asked { no_symbol = true })
    assert.equal("1:0:1 3:0:3 5:0:5", asked {})
    assert.equal("2:1:2 3:1:4", asked { symbol = 1 })
    assert.equal("3:1:4 5:0:5", asked { no_symbol = true, limit = 2 })
    assert.equal("5:0:5", asked { limit = 1 })
    assert.equal("1:0:1 3:0:3 5:0:5", asked { limit = 3 })
    assert.equal("3:0:3 5:0:5", asked { start_us = minute(3) })
    assert.equal("5:0:5", asked { start_us = minute(3) + 1 })
    assert.equal("3:0:3", asked { start_us = minute(2), limit = 1 })
    assert.equal("1:0:1 3:0:3", asked { end_us = minute(3) })
    assert.equal("1:0:1", asked { end_us = minute(3) - 1000 })
    assert.equal("3:0:3", asked { end_us = minute(3), limit = 1 })
    assert.equal("2:1:2 3:0:3", asked { no_symbol = true, start_us = minute(2), limit = 2 })
    assert.equal(103, num(x:call("EP_FUNDING_RATE", { start_us = minute(3), limit = 1 }).row.mark_e8))

    local mark = x:call("EP_PREMIUM_INDEX", { symbol = 1 }).row
    assert.near(0.0004, num(mark.funding_rate_e8), 1e-12) -- the last that was paid
    assert.equal(minute(9), tonumber(mark.next_funding_us))
    mark = x:call("EP_PREMIUM_INDEX", { symbol = 0 }).row
    assert.near(0.0005, num(mark.funding_rate_e8), 1e-12)
    assert.equal(0, tonumber(mark.next_funding_us)) -- none is known
    assert.same({ 60000, 60000, 60000 }, { num(mark.mark_e8), num(mark.index_e8), num(mark.settle_e8) })
  end)

  it("before the first funding no rate has been paid", function()
    x = exchange.new()
    C.exchange_funding(x.x, 0, START + 3600000000, e8(0.0001), 0)
    x:pass(0, { 60000, 60000, 60000, 60000 })
    local mark = x:call("EP_PREMIUM_INDEX").row
    assert.equal(0, num(mark.funding_rate_e8))
    assert.equal(START + 3600000000, tonumber(mark.next_funding_us))
    assert.equal(0, #x:call("EP_FUNDING_RATE").rows)
  end)

  it("funding and deleveraging information stands for every symbol", function()
    begin()
    local info = x:call("EP_FUNDING_INFO", { no_symbol = true }).rows
    assert.equal(2, #info)
    for symbol, row in ipairs(info) do
      assert.equal(symbol - 1, row.symbol)
      assert.near(0.02, num(row.cap_e8), 1e-12)
      assert.near(-0.02, num(row.floor_e8), 1e-12)
      assert.equal(8, row.interval_h)
    end
    local risk = x:call("EP_ADL_RISK", { no_symbol = true }).rows
    assert.same({ 2, 0, 1 }, { #risk, risk[1].symbol, risk[2].symbol })
    risk = x:call("EP_ADL_RISK", { symbol = 1 }).rows
    assert.same({ 1, 1 }, { #risk, risk[1].symbol })
    assert.equal(tonumber(x.now), tonumber(x:call("EP_TIME", { no_symbol = true }).row.time_us))
  end)

  -- Bars as the driver of a backtest gives them: what is asked for is passed on, and what comes is answered.
  describe("bars", function()
    local asked, rows
    local function klines(symbol, interval, start, to, limit, now, out)
      asked = {
        symbol,
        interval,
        tonumber(start),
        to == ffi.cast("int64_t", 0x7fffffffffffffffLL) and "any" or tonumber(to),
        limit,
        tonumber(now),
      }
      if not rows then return -1 end
      for i = 1, math.min(limit, #rows) do
        out[i - 1] = ffi.new "struct kline_record"
        for k, v in pairs(rows[i]) do
          out[i - 1][k] = v
        end
      end
      return math.min(limit, #rows)
    end
    local function bar(hour, open, high, low, volume, quote, trades)
      return {
        open_us = START + hour * 3600000000,
        open_e8 = e8(open),
        high_e8 = e8(high),
        low_e8 = e8(low),
        close_e8 = e8(open),
        volume_e8 = e8(volume),
        quote_volume_e8 = e8(quote),
        trades = trades,
      }
    end

    it("are asked for as the call says, and what it leaves out by its defaults", function()
      rows = { bar(0, 60000, 60100, 59900, 2, 120000, 7) }
      begin { klines = klines }
      local reply = x:call("EP_KLINES", { interval = 3 })
      assert.equal(1, #reply.rows)
      assert.same({ 0, 3, 0, "any", 500, tonumber(x.now) }, asked)
      x:call("EP_KLINES", { symbol = 1, interval = 0, limit = 7, start_us = START, end_us = START + 1000 })
      assert.same({ 1, 0, START, START + 1000 + 999, 7, tonumber(x.now) }, asked)
      x:call("EP_KLINES", { interval = 0, start_us = 0 }) -- from the very first on, not from the end back
      assert.equal(1, asked[3])
      assert.equal(-1102, x:call("EP_KLINES").code)
      assert.equal(
        -1121,
        x:call("EP_CONTINUOUS_KLINES", { interval = 0, contract_type = "CONTRACT_CURRENT_QUARTER" }).code
      )
      assert.equal(
        0,
        x:call("EP_CONTINUOUS_KLINES", { interval = 0, contract_type = "CONTRACT_PERPETUAL" }).code
      )
      rows = nil
      assert.equal(-1120, x:call("EP_KLINES", { interval = 0 }).code)
      assert.equal(-1120, x:call("EP_PREMIUM_KLINES", { interval = 0 }).code)
    end)

    it("of the premium are zero where mark price and index are the last price", function()
      rows = { bar(0, 60000, 60100, 59900, 2, 120000, 7), bar(1, 60000, 60100, 59900, 2, 120000, 7) }
      begin { klines = klines }
      local reply = x:call("EP_PREMIUM_KLINES", { interval = 0 })
      assert.equal(2, #reply.rows)
      for _, row in ipairs(reply.rows) do
        assert.same(
          { 0, 0, 0, 0 },
          { num(row.open_e8), num(row.high_e8), num(row.low_e8), num(row.close_e8) }
        )
      end
      assert.equal(60100, num(x:call("EP_MARK_KLINES", { interval = 0 }).rows[2].high_e8))
    end)

    it("of twenty-four hours make the day's statistics", function()
      rows = {
        bar(0, 50000, 59000, 49000, 2, 110000, 7),
        bar(1, 55000, 70000, 54000, 3, 190000, 8),
        bar(2, 60000, 60010, 48000, 5, 250000, 9),
      }
      begin { klines = klines }
      local t = x:call("EP_TICKER_24H").row
      assert.same({ 0, tonumber(C.INTERVAL_1H), 0, "any", 24, tonumber(x.now) }, asked)
      assert.same(
        { 50000, 70000, 48000, 60010, 10010 },
        { num(t.open_e8), num(t.high_e8), num(t.low_e8), num(t.last_e8), num(t.change_e8) }
      )
      assert.near(100 * 10010 / 50000, num(t.change_percent_e8), 1e-8)
      assert.equal(10, num(t.volume_e8))
      assert.equal(550000, num(t.quote_volume_e8))
      assert.near(55000, num(t.weighted_avg_e8), 1e-8)
      assert.equal(24, tonumber(t.count))
      assert.equal(START, tonumber(t.open_us))
      assert.is_true(t.close_us == x.now)
    end)

    it("without which the day is the last price", function()
      rows = {}
      begin { klines = klines }
      local t = x:call("EP_TICKER_24H").row
      assert.same({ 60010, 60010, 60010, 0, 0, 60010, 0 }, {
        num(t.open_e8),
        num(t.high_e8),
        num(t.low_e8),
        num(t.change_e8),
        num(t.change_percent_e8),
        num(t.weighted_avg_e8),
        num(t.volume_e8),
      })
    end)
  end)
end)

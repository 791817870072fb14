-- Index, mark price, premium and funding rate of a market with a book, and what is paid by them. Pure.
local ffi = require "ffi"
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"

local e8 = exchange.e8
local START = 1700006400 * 1000000ULL -- 00:00 UTC
local HOUR = 3600 * 1000000ULL
local BUY, SELL = tonumber(C.SIDE_BUY), tonumber(C.SIDE_SELL)

local function num(v) return tonumber(v) / 1e8 end
local function median(a, b, c) return math.max(math.min(a, b), math.min(math.max(a, b), c)) end

-- A book of 50 BTC at either side of a middle.
local function book_around(middle)
  local b = ffi.new "struct book"
  C.book_init(b, 1)
  C.book_set(b, BUY, e8(middle - 0.5), e8(50))
  C.book_set(b, SELL, e8(middle + 0.5), e8(50))
  return ffi.gc(b, C.book_free)
end

local function mark_of(hours)
  local symbols, m = ffi.new "struct symbol[1]", ffi.new "struct mark"
  assert(C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0)
  symbols[0].funding_interval_h = hours or 8
  C.mark_init(m, symbols, 0, 7, START)
  return ffi.gc(m, C.mark_free)
end

-- Lets `seconds` pass with the index held `basis` away from the middle of the book.
local function pass(m, b, basis, seconds, last)
  for i = 1, seconds do
    m.basis = basis
    C.mark_step(m, b, e8(last or 60000), START + i * 1000000ULL)
  end
end

describe("mark price and funding", function()
  it("a perpetual above its index has longs pay, by the formula of the contract", function()
    local m, b = mark_of(), book_around(60000)
    pass(m, b, 0, 60)
    assert.near(60000, num(m.index_e8), 0.5)
    assert.near(0.0001, num(m.rate_e8), 1e-7) -- no premium: the interest alone
    for _, case in ipairs { { -0.001, 0.0005 }, { 0.001, -0.0005 }, { -0.0004, 0.0001 } } do
      m = mark_of()
      pass(m, b, case[1], 600)
      local premium = 1 / (1 + case[1]) - 1
      assert.near(premium, num(m.premium_e8), 2e-5)
      local expected = premium + math.max(-0.0005, math.min(0.0005, 0.0001 - premium))
      assert.near(expected, num(m.rate_e8), 2e-5)
      assert.near(case[2], num(m.rate_e8), 2e-5)
    end
    m = mark_of(4)
    pass(m, b, -0.001, 600)
    assert.near(0.0005 / 2, num(m.rate_e8), 1e-5) -- four hours: half of it
  end)

  it("the interest is 0.01 % in eight hours, and by that in others", function()
    for hours, expected in pairs { [8] = 0.0001, [4] = 0.00005, [2] = 0.000025, [1] = 0.0000125 } do
      local m = mark_of(hours)
      assert.near(expected, num(m.interest_e8), 1e-8)
      assert.equal(hours * 3600000000, tonumber(m.interval_us))
      -- Paid at whole intervals of UTC, the next one after now.
      assert.equal(0LL, m.next_us % m.interval_us)
      assert.is_true(m.next_us > START and m.next_us <= START + m.interval_us)
    end
  end)

  it("the mark price is the median of three, and does not follow a single print", function()
    local m, b = mark_of(), book_around(60000)
    pass(m, b, 0.0005, 120)
    local index = num(m.index_e8)
    local ahead = index * (1 + num(m.rate_e8) * (8 * 3600 - 120) / (8 * 3600))
    assert.near(median(ahead, index + m.gap, 60000), num(m.mark_e8), 0.01)
    C.mark_step(m, b, e8(50000), START + 121 * 1000000ULL)
    assert.is_true(num(m.mark_e8) > 59900)
  end)

  it("the past has its payments, and bars of index and mark price beside those of trades", function()
    local m, paid, count = mark_of(), ffi.new "struct funding_record", 0
    for i = 0, 3 * 1440 - 1 do
      local k = ffi.new("struct kline_record", {
        open_us = START + i * 60000000ULL,
        close_us = START + (i + 1) * 60000000ULL - 1000,
        open_e8 = e8(60000),
        high_e8 = e8(60010),
        low_e8 = e8(59990),
        close_e8 = e8(60000 + i % 7),
      })
      if C.mark_past(m, k, paid) then
        count = count + 1
        assert.equal(tonumber(START + count * 8 * HOUR), tonumber(paid.time_us))
        assert.is_true(num(paid.mark_e8) > 59000 and math.abs(num(paid.rate_e8)) < 0.003)
      end
    end
    assert.equal(9, count)
    local rows = ffi.new "struct kline_record[3]"
    assert.equal(3, C.bars_klines(m.mark_bars, C.INTERVAL_1D, 0, START + 10 * 24 * HOUR, 3, rows))
    for i = 0, 2 do
      assert.is_true(rows[i].low_e8 <= rows[i].open_e8 and rows[i].high_e8 >= rows[i].close_e8)
      assert.is_true(i == 0 or rows[i].open_e8 == rows[i - 1].close_e8)
    end
  end)

  describe("on an exchange", function()
    local x
    before_each(function()
      x = exchange.new { events = true }
      C.exchange_open_book(x.x, 0, 1000000, e8(60000))
      for i = 1, 20 do
        C.exchange_background_add(x.x, 0, BUY, e8(60000 - i), e8(1), x.now)
        C.exchange_background_add(x.x, 0, SELL, e8(60000 + i), e8(1), x.now)
      end
      C.exchange_make_mark(x.x, 0, 3)
    end)
    after_each(function() x:close() end)

    local function advance(us)
      x.now = x.now + us
      C.exchange_advance(x.x, x.now)
    end

    it("who holds a position at the stamp pays the rate of that moment on the mark price", function()
      assert.equal(0, x:order { side = "SIDE_BUY", type = "ORDER_MARKET", quantity = 0.5 }.code)
      local mark = ffi.new "struct mark_record"
      C.exchange_mark(x.x, 0, mark)
      assert.equal(tonumber(START + 8 * HOUR), tonumber(mark.next_funding_us))
      advance(8 * HOUR - 500000)
      C.exchange_mark(x.x, 0, mark)
      assert.not_equal(0, tonumber(mark.funding_rate_e8))
      local before = #x.events
      advance(1000000)
      local funding
      for _, row in ipairs(x:call("EP_INCOME", { no_symbol = true }).rows) do
        if row.type == C.INCOME_FUNDING_FEE then funding = row end
      end
      assert.near(-0.5 * num(mark.mark_e8) * num(mark.funding_rate_e8), num(funding.income_e8), 0.02)
      assert.equal("account", x.events[before + 1].name)
      C.exchange_mark(x.x, 0, mark)
      assert.equal(tonumber(START + 16 * HOUR), tonumber(mark.next_funding_us))
    end)

    it("a stop on the mark price does not go off at a print of the last one", function()
      assert.equal(0, x:order { side = "SIDE_BUY", type = "ORDER_MARKET", quantity = 0.5 }.code)
      for _, kind in ipairs { "WORKING_MARK_PRICE", "WORKING_CONTRACT_PRICE" } do
        assert.equal(
          0,
          x:call("EP_ALGO_NEW", {
            side = "SIDE_SELL",
            type = "ORDER_STOP_MARKET",
            quantity = 0.1,
            stop_price = 59985,
            working_type = kind,
          }).code
        )
      end
      C.exchange_background_take(x.x, 0, SELL, e8(18), e8(59983), x.now) -- the bids are taken to 59983, and come back
      for i = 1, 16 do
        C.exchange_background_add(x.x, 0, BUY, e8(60000 - i), e8(5), x.now)
      end
      advance(60 * 1000000)
      local open = x:call("EP_ALGO_OPEN", {}).rows
      assert.equal(1, #open)
      assert.equal(tonumber(C.WORKING_MARK_PRICE), open[1].working_type)
    end)
  end)
end)

-- Klines of the mark price beside the bars: what is valued, triggered and liquidated by them.
local exchange = require "spec.support.exchange"
local C = require "spec.support.c"
local seed = require "spec.support.seed"

describe("a market of bars with mark-price klines", function()
  local x
  after_each(function() x:close() end)

  local function mark() return tonumber(x:call("EP_PREMIUM_INDEX").row.mark_e8) / 1e8 end
  local function risk() return x:call("EP_POSITION_RISK").row end
  local STEADY = { 60000, 60000, 60000, 60000 }

  -- A position of 0.1 since bar 1, whose mark price is 60,000 as the last one is.
  local function held(options, side)
    x = exchange.new(options)
    x:mark_bar(0, STEADY)
    x:pass(0, STEADY)
    x:market(side or "SIDE_BUY", 0.1)
    x:mark_bar(1, STEADY)
    x:pass(1, STEADY)
  end
  local function pass(n, last, marks)
    x:mark_bar(n, marks)
    x:pass(n, last)
  end
  local function stop(side, price, more)
    local t = {
      side = side,
      type = "ORDER_STOP_MARKET",
      quantity = 0.1,
      stop_price = price,
      working_type = "WORKING_MARK_PRICE",
    }
    for k, v in pairs(more or {}) do
      t[k] = v
    end
    return x:algo(t)
  end

  for _, path in ipairs { "PATH_RANDOM", "PATH_ADVERSE", "PATH_OHLC", "PATH_OLHC", "PATH_NEAREST" } do
    local function options(more)
      local o = { path = path, seed = seed }
      for k, v in pairs(more or {}) do
        o[k] = v
      end
      return o
    end

    it("liquidates by the mark price and not by the last, " .. path, function()
      -- 950 of margin: 950 + 0.1 (p - 60000) = 0.004 * 0.1 p at p = 50,702.8.
      held(options { wallet = 1000 })
      local due = tonumber(risk().liquidation_price_e8) / 1e8
      pass(2, { 60000, 60000, 45000, 60000 }, { 60000, 60000, 55000, 60000 })
      assert.are.equal(0.1, x:position())
      pass(3, { 60000, 60000, 55000, 60000 }, { 60000, 60000, due - 500, 60000 })
      assert.are.equal(0, x:position())
      assert.are.equal(1, tonumber(x:totals().liquidations))
      assert.are.near(due, tonumber(x:fill().price_e8) / 1e8, 0.11)
    end)

    it("liquidates a short by a rise of the mark price alone, " .. path, function()
      held(options { wallet = 1000, isolated = true }, "SIDE_SELL")
      local due = tonumber(risk().liquidation_price_e8) / 1e8
      pass(2, { 60000, due + 2000, 60000, 60000 }, { 60000, due - 1, 60000, 60000 })
      assert.are.equal(-0.1, x:position())
      pass(3, { 60000, due - 100, 60000, 60000 }, { 60000, due + 1, 60000, 60000 })
      assert.are.equal(0, x:position())
      assert.are.near(due, tonumber(x:fill().price_e8) / 1e8, 0.11)
    end)

    it("leaves a stop by the mark price alone in a wick that the mark price lacks, " .. path, function()
      held(options { wallet = 10000 })
      stop("SIDE_SELL", 59000)
      pass(2, { 60000, 60000, 50000, 60000 }, { 60000, 60000, 59000.1, 60000 })
      assert.are.equal(0.1, x:position())
      pass(3, { 60000, 60000, 59500, 60000 }, { 60000, 60000, 59000, 60000 })
      assert.are.equal(0, x:position())
      -- The mark price is at its low where the last one is.
      assert.are.equal(59500, tonumber(x:fill().price_e8) / 1e8)
    end)

    it("opens beyond a stop by the mark price at the last price, " .. path, function()
      held(options { wallet = 10000 })
      stop("SIDE_SELL", 59000)
      pass(2, { 60000, 60000, 60000, 60000 }, { 58900, 58950, 58900, 58950 })
      assert.are.equal(0, x:position())
      assert.are.equal(60000, tonumber(x:fill().price_e8) / 1e8)
    end)

    it("reaches the mark price's extremes where the last one does not move, " .. path, function()
      held(options { wallet = 10000 })
      stop("SIDE_SELL", 59000)
      pass(2, STEADY, { 60000, 60100, 59000, 60000 })
      assert.are.equal(0, x:position())
    end)

    it("triggers by the last price as if there were no marks, " .. path, function()
      held(options { wallet = 10000 })
      stop("SIDE_SELL", 59000, { working_type = "WORKING_CONTRACT_PRICE" })
      pass(2, { 60000, 60000, 59000.1, 60000 }, { 60000, 60000, 50000, 60000 })
      assert.are.equal(0.1, x:position())
      pass(3, { 60000, 60000, 59000, 60000 }, STEADY)
      assert.are.equal(0, x:position())
      assert.are.equal(59000, tonumber(x:fill().price_e8) / 1e8)
    end)

    it("moves with the last price inside the bar and ends where the kline does, " .. path, function()
      held(options { wallet = 10000 })
      x:mark_bar(2, { 60010, 60500, 59000, 60020 })
      x:bar(2, { 60000, 61000, 58000, 60040 })
      assert.are.equal(60010, mark())
      local lowest, highest = 1e9, 0
      for i = 121, 179 do
        x:until_(i)
        local last = tonumber(x:call("EP_TICKER_PRICE").row.last_e8) / 1e8
        local now = mark()
        assert.are.near(59000 + (last - 58000) / 3000 * 1500, now, 1e-6)
        assert.are.near(0.1 * (now - 60000), tonumber(risk().unrealized_e8) / 1e8, 1e-6)
        assert.are.near(x:wallet() + 0.1 * (now - 60000), x:equity(), 1e-6)
        lowest, highest = math.min(lowest, now), math.max(highest, now)
      end
      assert.is_true(lowest >= 59000 and highest <= 60500)
      x:until_(179.9995)
      assert.are.equal(60020, mark())
      assert.are.near(x:wallet() + 0.1 * 20, x:equity(), 1e-6)
      -- The next bar has none: the last price stands for it again.
      x:pass(3, { 60040, 60040, 60040, 60040 })
      assert.are.equal(60040, mark())
    end)
  end

  it("trails the mark price where the order says so", function()
    held { path = "PATH_OHLC", wallet = 10000 }
    x:algo {
      side = "SIDE_SELL",
      type = "ORDER_TRAILING_STOP_MARKET",
      quantity = 0.1,
      callback_rate = 1,
      working_type = "WORKING_MARK_PRICE",
    }
    -- The last price falls by 3 % from its high, the mark price by less than one.
    pass(2, { 60000, 62000, 60000, 60000 }, { 60000, 60500, 60000, 60100 })
    assert.are.equal(0.1, x:position())
    -- From 60,500 one percent down: 59,895; the last price's low is 800 below the mark price's.
    pass(3, { 60000, 60000, 59000, 59000 }, { 60100, 60100, 59800, 59800 })
    assert.are.equal(0, x:position())
    assert.are.near(59095, tonumber(x:fill().price_e8) / 1e8, 0.11)
  end)

  it("is passed over only where neither price touches anything", function()
    held { wallet = 10000 }
    stop("SIDE_SELL", 59000)
    C.exchange_advance(x.x, x.now)
    local function can(low, high, marks)
      x:mark_bar(2, marks)
      return C.exchange_can_fast_forward(x.x, 0, exchange.e8(low), exchange.e8(high), x.now + 60000000)
    end
    assert.is_true(can(50500, 60100, { 60000, 60000, 59000.1, 60000 }))
    assert.is_false(can(59900, 60100, { 60000, 60000, 59000, 60000 }))
    -- A mark price that ends is a change of what is valued.
    C.exchange_mark_bar(x.x, 0, nil)
    assert.is_false(
      C.exchange_can_fast_forward(x.x, 0, exchange.e8(59900), exchange.e8(60100), x.now + 60000000)
    )
  end)

  it("meets a stop by the mark price before a target on the adverse path", function()
    for n = 1, 20 do
      x = exchange.new { path = "PATH_ADVERSE", seed = seed * 100 + n, wallet = 10000 }
      x:mark_bar(0, STEADY)
      x:pass(0, STEADY)
      x:market("SIDE_BUY", 0.1)
      stop("SIDE_SELL", 59900, { reduce_only = true })
      x:limit("SIDE_SELL", 0.1, 60100, { reduce_only = true })
      pass(1, { 60000, 60200, 59800, 60000 }, { 60000, 60200, 59800, 60000 })
      assert.are.equal(59900, tonumber(x:fill().price_e8) / 1e8)
      if n < 20 then x:close() end
    end
  end)
end)

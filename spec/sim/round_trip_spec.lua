local exchange = require "spec.support.exchange"
local C = require "spec.support.c"
local ffi = require "ffi"
local seed = require "spec.support.seed"
local stats = require "moontide.stats"

local symbols = { [0] = "BTCUSDT", "ETHUSDT" }
local sides = { [0] = "BOTH", "LONG", "SHORT" }

-- All trades as plain tables, the open ones last.
local function trades_of(x)
  local trips, row, list = C.round_trips_new(x.x), ffi.new "struct round_trip", {}
  while C.round_trips_next(trips, row) do
    local copy = ffi.new "struct round_trip"
    ffi.copy(copy, row, ffi.sizeof(row))
    list[#list + 1] = copy
  end
  local held = tonumber(C.round_trips_held_us(trips, x.now))
  C.round_trips_free(trips)
  return list, held
end

-- The same fills for the fold that scripts have (moontide.stats).
local function fills_of(x)
  local list = {}
  for i = 0, tonumber(C.exchange_fill_count(x.x)) - 1 do
    local f = C.exchange_fill(x.x, i)
    list[i + 1] = {
      symbol = symbols[f.symbol],
      side = f.side == C.SIDE_BUY and "BUY" or "SELL",
      positionSide = sides[f.position_side],
      price = tonumber(f.price_e8) / 1e8,
      qty = tonumber(f.qty_e8) / 1e8,
      realizedPnl = tonumber(f.realized_pnl_e8) / 1e8,
      commission = tonumber(f.commission_e8) / 1e8,
      time = tonumber(f.time_us) / 1000,
    }
  end
  return list
end

local function sums(list)
  local realized, commission, funding, liquidation = 0LL, 0LL, 0LL, 0LL
  for _, t in ipairs(list) do
    realized, commission = realized + t.realized_e8, commission + t.commission_e8
    funding, liquidation = funding + t.funding_e8, liquidation + t.liquidation_e8
  end
  return realized, commission, funding, liquidation
end

-- A made market of two symbols and a script that sends anything, with funding every few bars and leverage enough to be liquidated.
local function random_run(number, dual_side, isolated)
  math.randomseed(seed * 1000003 + number)
  local r = math.random
  local x = exchange.new {
    wallet = 3000,
    leverage = 50,
    dual_side = dual_side,
    isolated = isolated,
    slippage = 0.0001,
  }
  for i = 1, 30 do
    for symbol = 0, 1 do
      local at = x.now + i * 7 * 60000000LL
      assert(C.exchange_funding(x.x, symbol, at, r(-300000, 300000), 0) == 0)
    end
  end
  local price = { [0] = 20000, 1500 }
  local function bar(n, symbol)
    local open = price[symbol]
    local close = open * (1 + (r() - 0.5) * 0.03)
    local high, low = math.max(open, close) * (1 + r() * 0.004), math.min(open, close) * (1 - r() * 0.004)
    price[symbol] = close
    x:bar(n, { open, high, low, close }, symbol)
  end
  for n = 0, 149 do
    bar(n, 0)
    bar(n, 1)
    local second = 0
    for _ = 1, r(0, 3) do
      local symbol = r(0, 1)
      local side = r(2) == 1 and "SIDE_BUY" or "SIDE_SELL"
      local quantity = symbol == 0 and r(1, 60) / 1000 or r(10, 900) / 1000
      local more = { symbol = symbol }
      if dual_side then more.position_side = r(2) == 1 and "POSITION_LONG" or "POSITION_SHORT" end
      if r(3) == 1 then
        local tick = symbol == 0 and 0.1 or 0.01
        local limit = math.floor(price[symbol] * (1 + (r() - 0.5) * 0.01) / tick) * tick
        x:limit(side, quantity, limit, more)
      else
        x:market(side, quantity, more)
      end
      second = second + r(1, 15)
      x:until_(n * 60 + second)
    end
    x:until_(n * 60 + 59.9995)
  end
  return x
end

describe("trades made of fills", function()
  it("add up to the account's own sums to the last digit, in every mode", function()
    local liquidated, covered, paid = 0, 0, 0
    for number = 1, 40 do
      local x = random_run(number, number % 2 == 0, number % 4 >= 2)
      local totals = x:totals()
      local list, held = trades_of(x)
      local realized, commission, funding, liquidation = sums(list)
      local where = ("run %d, seed %d"):format(number, seed)
      assert.are.equal(totals.realized_e8, realized, where)
      assert.are.equal(totals.fees_e8, commission, where)
      assert.are.equal(totals.funding_e8, funding, where)
      assert.are.equal(-totals.insurance_e8, liquidation, where)
      -- realized - fees + funding - liquidation fees is what the wallet has become
      local wallet = C.exchange_wallet_e8(x.x)
      assert.are.equal(wallet, exchange.e8(3000) + realized - commission + funding - liquidation, where)
      local unrealized = 0LL
      for symbol = 0, 1 do
        for side = 0, 2 do
          unrealized = unrealized + C.exchange_unrealized_e8(x.x, symbol, side)
        end
      end
      assert.are.equal(C.exchange_equity_e8(x.x), wallet + unrealized, where)
      assert.is_true(held >= 0 and held <= tonumber(x.now))
      liquidated, paid =
        liquidated + tonumber(totals.liquidations), paid + (totals.funding_e8 ~= 0 and 1 or 0)
      for _, t in ipairs(list) do
        if t.liquidation_e8 < 0 then covered = covered + 1 end
      end
      x:close()
    end
    assert.is_true(liquidated > 5, "runs that liquidate nothing prove little")
    assert.is_true(paid > 20)
  end)

  it("are the same as those that the scripts' own statistics make", function()
    for number = 41, 52 do
      local x = random_run(number, number % 2 == 0, number % 4 >= 2)
      local closed, plain = {}, stats.trades(fills_of(x))
      for _, t in ipairs(trades_of(x)) do
        if t.open_e8 == 0 then closed[#closed + 1] = t end
      end
      assert.are.equal(#plain, #closed, "run " .. number)
      for i, t in ipairs(closed) do
        local p = plain[i]
        assert.are.equal(p.symbol, symbols[t.symbol])
        assert.are.equal(p.side, t.is_long and "LONG" or "SHORT")
        assert.is_near(p.quantity, tonumber(t.quantity_e8) / 1e8, 1e-7)
        assert.is_near(p.entry_price, tonumber(t.entry_price_e8) / 1e8, 1e-5)
        assert.is_near(p.exit_price, tonumber(t.exit_price_e8) / 1e8, 1e-5)
        assert.is_near(p.pnl, tonumber(t.realized_e8 - t.commission_e8) / 1e8, 1e-5)
        assert.are.equal(p.entry_time, tonumber(t.entry_us) / 1000)
        assert.are.equal(p.exit_time, tonumber(t.exit_us) / 1000)
      end
      x:close()
    end
  end)

  it("know by which order they began and ended", function()
    local x = exchange.new { wallet = 100000 }
    x:pass(0, { 20000, 20000, 20000, 20000 })
    local function round(n, exit, prices)
      x:bar(n, { 20000, 20000, 20000, 20000 })
      x:market("SIDE_BUY", 1)
      exit()
      x:until_(n * 60 + 59.9995)
      x:pass(n + 1, prices)
    end
    local function conditional(kind, price)
      return function()
        x:algo { side = "SIDE_SELL", type = kind, stop_price = price, quantity = 1, reduce_only = true }
      end
    end
    round(1, function() end, { 20000, 20000, 20000, 20000 })
    x:bar(3, { 20000, 20000, 20000, 20000 })
    x:market("SIDE_SELL", 1)
    x:until_(3 * 60 + 59.9995)
    round(4, conditional("ORDER_STOP_MARKET", 19900), { 20000, 20000, 19800, 19800 })
    round(6, conditional("ORDER_TAKE_PROFIT_MARKET", 20100), { 20000, 20200, 20000, 20200 })
    x:bar(8, { 20000, 20000, 20000, 20000 })
    x:market("SIDE_BUY", 1)
    x:until_(8 * 60 + 59.9995)
    local list = trades_of(x)
    local reasons = {}
    for i, t in ipairs(list) do
      reasons[i] = { t.entry_reason, t.exit_reason }
    end
    assert.are.same({
      { C.TRIP_SIGNAL, C.TRIP_SIGNAL },
      { C.TRIP_SIGNAL, C.TRIP_STOP },
      { C.TRIP_SIGNAL, C.TRIP_TARGET },
      { C.TRIP_SIGNAL, C.TRIP_END },
    }, reasons)
    x:close()
  end)

  it("carry what their liquidation cost", function()
    local x = exchange.new { wallet = 10000, isolated = true, leverage = 50 }
    x:pass(0, { 40000, 40000, 40000, 40000 })
    x:bar(1, { 40000, 40000, 40000, 40000 })
    x:market("SIDE_BUY", 5)
    x:until_(119.9995)
    x:pass(2, { 40000, 40000, 39000, 39000 })
    local list = trades_of(x)
    assert.are.equal(1, #list)
    local t = list[1]
    assert.are.equal(C.TRIP_LIQUIDATION, t.exit_reason)
    -- An isolated position loses its margin of a fiftieth and the fee of its opening, no more.
    assert.are.equal(exchange.e8(-4100), t.realized_e8 - t.commission_e8 - t.liquidation_e8)
    x:close()
  end)
end)

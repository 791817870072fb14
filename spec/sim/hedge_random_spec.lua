-- Hedge mode on random paths: orders of every kind at random moments, in two symbols. The exchange's own assertions hold,
-- every fill lies within its bar and on its order's terms, and the account is what its fills make of it.
local C = require "spec.support.c"
local exchange = require "spec.support.exchange"
local seed = require "spec.support.seed"

local BARS, ORDERS_A_BAR, WALLET = 150, 5, 800
local TICK = { [0] = 0.1, 0.01 }
local SIDES = { "POSITION_LONG", "POSITION_SHORT" }

-- What a valid order may be refused with: too little margin, nothing to reduce, fill-or-kill and post-only that cannot be, and
-- orders that close a whole position where there is none, or where one waits already.
local ALLOWED = {
  [-2019] = true,
  [-2022] = true,
  [-5021] = true,
  [-5022] = true,
  [-4509] = true,
  [-4130] = true,
}

local function between(low, high) return low + (high - low) * math.random() end

local function on_tick(symbol, price) return math.floor(price / TICK[symbol] + 0.5) * TICK[symbol] end

local function walk(symbol, from)
  local swing = from * (math.random() < 0.03 and 0.09 or 0.004)
  local close = math.max(from * 0.5, from + between(-swing, swing))
  local high = math.max(from, close) + between(0, swing)
  local low = math.min(from, close) - between(0, swing)
  local bar = {}
  for i, price in ipairs { from, high, low, close } do
    bar[i] = on_tick(symbol, price)
  end
  return bar
end

-- A market, limit or conditional order that opens or closes one of the two positions.
local function draw_order(symbol, price)
  local long, opening = math.random() < 0.5, math.random() < 0.55
  local buys = long == opening
  local o = {
    symbol = symbol,
    side = buys and "SIDE_BUY" or "SIDE_SELL",
    position_side = SIDES[long and 1 or 2],
    quantity = math.random(10, 60) * (symbol == 0 and 0.001 or 0.01),
  }
  local away = price * between(0.0005, 0.006)
  local below, above = on_tick(symbol, price - away), on_tick(symbol, price + away)
  local kind = math.random(8)
  if kind == 1 then
    o.type, o.resp_type = "ORDER_MARKET", "RESP_RESULT"
    return "EP_ORDER_NEW", o, "market"
  elseif kind <= 3 then
    local tif = ({ "TIF_GTC", "TIF_GTC", "TIF_IOC", "TIF_FOK", "TIF_GTX" })[math.random(5)]
    o.type, o.time_in_force, o.price = "ORDER_LIMIT", tif, buys and below or above
    if math.random() < 0.2 then o.price = buys and above or below end
    return "EP_ORDER_NEW", o, "limit"
  end
  if kind == 8 then
    o.type, o.callback_rate = "ORDER_TRAILING_STOP_MARKET", math.random(1, 8) / 10
    if math.random() < 0.5 then o.activate_price = buys and below or above end
    return "EP_ALGO_NEW", o, "trailing"
  end
  local stop = kind <= 5
  local market = kind % 2 == 0
  o.type = ("ORDER_%s%s"):format(stop and "STOP" or "TAKE_PROFIT", market and "_MARKET" or "")
  o.stop_price = buys == stop and above or below
  if not market then
    o.price, o.time_in_force = on_tick(symbol, o.stop_price + between(-1, 1) * away / 4), "TIF_GTC"
  elseif not opening and math.random() < 0.3 then
    o.close_position, o.quantity = true, nil
  end
  return "EP_ALGO_NEW", o, stop and "stop" or "take profit"
end

local function run(number, path)
  math.randomseed(seed * 7919 + number)
  local x = exchange.new {
    dual_side = true,
    path = path,
    seed = number,
    wallet = WALLET,
    leverage = 50,
    touch = number % 2 == 0 and "TOUCH_AT" or "TOUCH_THROUGH",
  }
  local last, accepted, ranges = { [0] = 60000, 3000 }, {}, { [0] = {}, {} }
  for n = 0, BARS - 1 do
    local bars = { [0] = walk(0, last[0]), walk(1, last[1]) }
    for symbol = 0, 1 do
      x:bar(n, bars[symbol], symbol)
      last[symbol], ranges[symbol][n] = bars[symbol][4], bars[symbol]
    end
    local moments = {}
    for i = 1, ORDERS_A_BAR do
      moments[i] = math.random(1, 59999) / 1000
    end
    table.sort(moments)
    for _, second in ipairs(moments) do
      x:until_(n * 60 + second)
      local symbol = math.random(0, 1)
      local luck = math.random()
      if luck < 0.06 then
        x:call("EP_CANCEL_ALL", { symbol = symbol })
      elseif luck < 0.12 then
        x:call("EP_ALGO_CANCEL_ALL", { symbol = symbol })
      else
        local endpoint, o, kind = draw_order(symbol, tonumber(C.exchange_last_e8(x.x, symbol)) / 1e8)
        local r = x:call(endpoint, o)
        if r.status == 200 then
          accepted[kind] = (accepted[kind] or 0) + 1
        else
          assert.is_true(ALLOWED[r.code] or false, ("%s: %d %s"):format(kind, r.code, r.message))
        end
      end
    end
    x:until_(n * 60 + 59.9995)
  end
  return x, accepted, ranges
end

-- What the fills alone make of positions and of the wallet.
local function booked(x, ranges)
  local held, wallet, by_order, lines = {}, WALLET * 100000000LL, {}, {}
  for i = 1, x:fills() do
    local f = x:fill(i)
    local symbol, side = tonumber(f.symbol), tonumber(f.position_side)
    local key = symbol * 3 + side
    local signed = f.side == C.SIDE_BUY and f.qty_e8 or -f.qty_e8
    held[key] = (held[key] or 0LL) + signed
    assert.is_true(side == C.POSITION_LONG and held[key] >= 0 or side == C.POSITION_SHORT and held[key] <= 0)
    wallet = wallet + f.realized_pnl_e8 - f.commission_e8
    by_order[tonumber(f.order_id)] = (by_order[tonumber(f.order_id)] or 0LL) + f.qty_e8
    local n = math.floor(tonumber(f.time_us - 1700006400000000LL) / 60e6)
    local bar, price = ranges[symbol][n], tonumber(f.price_e8) / 1e8
    assert.is_true(price > bar[3] - 1e-6 and price < bar[2] + 1e-6, ("%g outside its bar"):format(price))
    local o = C.exchange_order(x.x, f.order_id)
    if o ~= nil and o.price_e8 > 0 and o.type == C.ORDER_LIMIT then
      assert.is_true(
        f.side == C.SIDE_BUY and f.price_e8 <= o.price_e8
          or f.side == C.SIDE_SELL and f.price_e8 >= o.price_e8
      )
    end
    lines[i] = ("%s %s %s"):format(f.time_us, f.price_e8, f.qty_e8)
  end
  for id, quantity in pairs(by_order) do
    local o = C.exchange_order(x.x, id)
    if o ~= nil then
      assert.equal(o.executed_qty_e8, quantity)
      assert.is_true(o.executed_qty_e8 <= o.orig_qty_e8)
    end
  end
  return held, wallet, table.concat(lines, "\n")
end

describe("hedge mode under random orders", function()
  for _, path in ipairs { "PATH_RANDOM", "PATH_ADVERSE" } do
    it(("keeps both positions of two symbols true to their fills, %s"):format(path), function()
      local all, fills, liquidations = {}, 0, 0
      for number = 1, 6 do
        local x, accepted, ranges = run(number, path)
        local held, wallet, said = booked(x, ranges)
        for symbol = 0, 1 do
          for side = 1, 2 do
            assert.equal(held[symbol * 3 + side] or 0LL, C.exchange_position_e8(x.x, symbol, side) + 0LL)
          end
        end
        local t = x:totals()
        assert.equal(wallet + t.insurance_e8, C.exchange_wallet_e8(x.x) + 0LL)
        assert.equal(wallet, WALLET * 100000000LL + t.realized_e8 - t.fees_e8)
        for kind, count in pairs(accepted) do
          all[kind] = (all[kind] or 0) + count
        end
        fills, liquidations = fills + x:fills(), liquidations + tonumber(t.liquidations)
        x:close()
        if number == 1 then
          local again = run(number, path)
          local _, _, same = booked(again, ranges)
          again:close()
          assert.equal(said, same)
        end
      end
      assert.is_true(
        fills > 500 and liquidations > 0,
        ("%d fills, %d liquidations"):format(fills, liquidations)
      )
      for _, kind in ipairs { "market", "limit", "stop", "take profit", "trailing" } do
        assert.is_true((all[kind] or 0) > 100, ("%s: %d"):format(kind, all[kind] or 0))
      end
    end)
  end
end)

-- Random scripts on random bars, run by the backtest and by the plain exchange of spec/support/reference_exchange.lua: they
-- must agree on every answer, every fill and the account at the end. MOONTIDE_DIFFERENTIAL_RUNS: runs of each kind.
local C = require "spec.support.c"
local reference = require "spec.support.reference_exchange"
local seed = require "spec.support.seed"
local testing = require "moontide.testing"

local RUNS = tonumber(os.getenv "MOONTIDE_DIFFERENTIAL_RUNS") or 4
local BARS, REQUESTS_A_BAR = 40, 6

local SYMBOLS = {
  { name = "BTCUSDT", tick = 0.1, unit = 0.1 * 0.001 * 1e8, from = 200000, lots = { 10, 60 } },
  { name = "ETHUSDT", tick = 0.01, unit = 0.01 * 0.001 * 1e8, from = 150000, lots = { 100, 800 } },
}

local random = math.random

local function walk(s, swing)
  local bars, open = {}, s.from
  for i = 1, BARS do
    local reach = math.floor(s.from * swing * (random() < 0.1 and 4 or 1))
    local close = math.max(open + random(-reach, reach), math.floor(s.from / 3))
    local high = math.max(open, close) + random(0, reach)
    local low = math.min(open, close) - random(0, reach)
    bars[i] = { open, high, low, close }
    open = random() < 0.3 and close + random(-math.floor(reach / 2), math.floor(reach / 2)) or close
  end
  return bars
end

-- A price in ticks near where the market will be.
local function near(s, at, swing)
  local bar = s.bars[math.min(BARS, math.floor(at / 60e6) + 1)]
  return random(bar[3], bar[2]) + random(-math.floor(s.from * swing / 2), math.floor(s.from * swing / 2))
end

local TIFS = { "GTC", "GTC", "GTC", "IOC", "FOK", "GTX" }
local CONDITIONAL = { "STOP_MARKET", "TAKE_PROFIT_MARKET", "STOP", "TAKE_PROFIT", "TRAILING_STOP_MARKET" }

local function draw_order(o, s, a)
  a.kind, a.side = "place", random() < 0.5 and "BUY" or "SELL"
  a.position = o.hedge and (random() < 0.5 and "LONG" or "SHORT") or "BOTH"
  a.quantity = random(s.lots[1], s.lots[2])
  if o.hedge then
    a.reduce = (a.position == "LONG") == (a.side == "SELL")
  else
    a.reduce = random() < 0.25
  end
  local r = random()
  if r < 0.35 then
    a.type = "MARKET"
  elseif r < 0.7 or o.plain then
    a.type, a.price, a.tif = "LIMIT", near(s, a.at, o.swing), TIFS[random(#TIFS)]
  else
    a.type, a.trigger = CONDITIONAL[random(o.all_stops and 5 or 2)], near(s, a.at, o.swing)
    a.conditional = true
    if a.type == "TRAILING_STOP_MARKET" then
      a.callback, a.activate, a.trigger = random(1, 12), random() < 0.5 and a.trigger or nil, nil
    elseif a.type == "STOP" or a.type == "TAKE_PROFIT" then
      a.price, a.tif = a.trigger + random(-200, 200), "GTC"
    elseif random() < 0.4 and (a.reduce or not o.hedge) then
      a.close_position, a.quantity, a.reduce = true, nil, nil
    end
  end
end

-- The requests of a run, by the time they arrive; no two at the same.
local function draw_requests(o, symbols)
  local list, placed, taken = {}, {}, {}
  for _ = 1, BARS * REQUESTS_A_BAR do
    local at = random(0, BARS * 60000 - 70000) -- the answers of the last are still heard
    if random() < 0.15 then at = math.floor(at / 60000) * 60000 + 59999 end -- a bar's last millisecond
    if not taken[at] and at > o.latency then
      taken[at] = true
      list[#list + 1] = { at = at * 1000 }
    end
  end
  table.sort(list, function(a, b) return a.at < b.at end)
  for i, a in ipairs(list) do
    a.id = "r" .. i
    local r, target = random(), placed[random(math.max(1, #placed - 12), math.max(1, #placed))]
    a.symbol = target and target.symbol or 1
    local s = symbols[a.symbol]
    if target and r < 0.12 then
      a.kind, a.target, a.conditional = "cancel", target.id, target.conditional
    elseif target and target.type == "LIMIT" and r < 0.3 then
      a.kind, a.target, a.side = "modify", target.id, target.side
      a.price, a.quantity = near(s, a.at, o.swing), random(s.lots[1], s.lots[2])
    else
      a.symbol = random(#symbols)
      draw_order(o, symbols[a.symbol], a)
      placed[#placed + 1] = a
    end
  end
  return list
end

local function price_of(s, ticks) return ticks and tonumber(("%.2f"):format(ticks * s.tick)) end
local function quantity_of(steps) return steps and tonumber(("%.3f"):format(steps / 1000)) end

local function send(o, s, a)
  if a.kind == "cancel" then
    local field = a.conditional and "clientAlgoId" or "origClientOrderId"
    return api.cancel_order { symbol = s.name, [field] = a.target }
  elseif a.kind == "modify" then
    return api.modify_order {
      symbol = s.name,
      side = a.side,
      origClientOrderId = a.target,
      price = price_of(s, a.price),
      quantity = quantity_of(a.quantity),
    }
  end
  local reduce = a.reduce and not o.hedge
  return api.create_order {
    symbol = s.name,
    side = a.side,
    type = a.type,
    positionSide = o.hedge and a.position or nil,
    quantity = quantity_of(a.quantity),
    price = price_of(s, a.price),
    stopPrice = price_of(s, a.trigger),
    timeInForce = a.tif,
    callbackRate = a.callback and a.callback / 10,
    activatePrice = price_of(s, a.activate),
    reduceOnly = reduce or nil,
    closePosition = a.close_position,
    newClientOrderId = a.id,
  }
end

local function run_backtest(o, symbols, requests)
  local bars = {}
  for _, s in ipairs(symbols) do
    bars[s.name] = {}
    for i, b in ipairs(s.bars) do
      bars[s.name][i] = { price_of(s, b[1]), price_of(s, b[2]), price_of(s, b[3]), price_of(s, b[4]), 1e6 }
    end
  end
  local fundings = {}
  for _, s in ipairs(symbols) do
    fundings[s.name] = {}
    for i, f in ipairs(o.funding or {}) do
      fundings[s.name][i] = { at = f.at / 1e6, rate = f.rate / 1e6 }
    end
  end
  local world = testing.world {
    bars = bars,
    interval = "1m",
    path = "ohlc",
    latency = o.latency,
    capital = o.wallet,
    leverage = o.leverage,
    margin = o.isolated and "isolated" or "crossed",
    hedge = o.hedge,
    slippage = o.slippage,
    funding = fundings,
    touch = o.at_touch and "at" or "through",
    maker = 0.0002,
    taker = 0.0005,
  }
  local answers = {}
  world:run(function()
    local start = world.start_us / 1000
    for _, a in ipairs(requests) do
      local wait = start + a.at / 1000 - o.latency - api.now()
      if wait > 0 then api.sleep(wait / 1000) end
      api.spawn(function()
        local _, err = send(o, symbols[a.symbol], a)
        answers[a.id] = err and (err.code or err.kind .. ": " .. err.message) or 0
      end)
    end
    api.sleep(60)
  end)
  return world, answers
end

local function run_reference(o, symbols, requests)
  local x = reference.new {
    symbols = symbols,
    wallet = o.wallet * 1e8,
    leverage = o.leverage,
    isolated = o.isolated,
    hedge = o.hedge,
    slippage = o.slippage,
    at_touch = o.at_touch,
    funding = o.funding,
    maker = 200,
    taker = 500,
    maintenance = 0.004,
    liquidation_fee = 0.0125,
  }
  for _, a in ipairs(requests) do
    x:arrive(a)
  end
  x:advance(BARS * 60e6 - 1000)
  return x
end

local function fills_of(world)
  local exchange, list = C.backtest_exchange(world.bt), {}
  for i = 0, tonumber(C.exchange_fill_count(exchange)) - 1 do
    list[i + 1] = C.exchange_fill(exchange, i)
  end
  return list
end

local function line(f)
  return ("%d us, symbol %d, %s, price %.2f, quantity %.3f, fee %.8f, realized %.8f, %s"):format(
    f[1],
    f[2],
    f[3],
    f[4],
    f[5],
    f[6],
    f[7],
    f[8]
  )
end

local function same(a, b)
  for i = 1, 8 do
    local apart = type(a[i]) == "number" and math.abs(a[i] - b[i]) or a[i] == b[i] and 0 or 1
    if apart > (i == 1 and 1 or 1.5e-8) then return false end
  end
  return true
end

local function compare(world, x, symbols, where)
  local fills = fills_of(world)
  for i = 1, math.max(#fills, #x.fills) do
    local f, g = fills[i], x.fills[i]
    local here = f
      and {
        tonumber(f.time_us) - world.start_us,
        f.symbol + 1,
        f.side == C.SIDE_BUY and "BUY" or "SELL",
        tonumber(f.price_e8) / 1e8,
        tonumber(f.qty_e8) / 1e8,
        tonumber(f.commission_e8) / 1e8,
        tonumber(f.realized_pnl_e8) / 1e8,
        f.maker and "maker" or "taker",
      }
    local there = g
      and {
        g.time,
        g.symbol,
        g.side,
        g.price * symbols[g.symbol].tick,
        g.quantity / 1000,
        g.fee / 1e8,
        g.realized / 1e8,
        g.maker and "maker" or "taker",
      }
    if not (here and there and same(here, there)) then
      error(
        ("%s: fill %d\nbacktest:  %s\nreference: %s"):format(
          where,
          i,
          here and line(here) or "none",
          there and line(there) or "none"
        ),
        0
      )
    end
  end
  return #fills
end

local function compare_ends(world, x, o, symbols, where)
  assert.is_near(x.wallet / 1e8, world:wallet(), 1e-8, where)
  assert.is_near(x:equity() / 1e8, world:equity(), 1e-8, where)
  for i, s in ipairs(symbols) do
    for _, side in ipairs(o.hedge and { "LONG", "SHORT" } or { "BOTH" }) do
      local amount = x.markets[i].positions[side].amount / 1000
      assert.is_near(amount, world:position(s.name, side), 1e-9, where)
    end
  end
end

local function one(o, number)
  local drawn = seed * 1000 + number
  math.randomseed(drawn)
  local symbols = {}
  for i = 1, o.symbols or 1 do
    symbols[i] = setmetatable({}, { __index = SYMBOLS[i] })
    symbols[i].bars = walk(symbols[i], o.swing)
  end
  local requests = draw_requests(o, symbols)
  local where = ("MOONTIDE_SEED=%d, run %d"):format(seed, number)
  local x = run_reference(o, symbols, requests)
  local world, answers = run_backtest(o, symbols, requests)
  local count = compare(world, x, symbols, where)
  for _, a in ipairs(requests) do
    assert.are.equal(x.answers[a.id], answers[a.id], ("%s: answer to %s at %d us"):format(where, a.id, a.at))
  end
  compare_ends(world, x, o, symbols, where)
  assert.are.equal(#(o.funding or {}), x.funded, where)
  return count, x
end

local FUNDING = {}
for i = 1, 8 do
  FUNDING[i] = { at = i * 285300000, rate = (i % 3 - 1) * 700 + 100 }
end

local KINDS = {
  { "market and limit orders", plain = true },
  { "conditional orders" },
  { "stops that make limit orders, trailing stops", all_stops = true },
  { "slippage, limit orders filled by a touch", all_stops = true, slippage = 3, at_touch = true },
  { "hedge mode", hedge = true, all_stops = true },
  { "two symbols", symbols = 2, all_stops = true, isolated = true },
  { "requests that take time", latency = 350, all_stops = true, symbols = 2, isolated = true },
  { "funding", funding = FUNDING, isolated = true, leverage = 75, swing = 0.02, hedge = true, symbols = 2 },
  { "hedge mode, a crossed account, two symbols", hedge = true, symbols = 2, all_stops = true, latency = 90 },
  { "too little margin", wallet = 1500, leverage = 5 },
  { "liquidations of isolated positions", isolated = true, leverage = 75, swing = 0.02, liquidations = true },
  {
    "liquidations in two symbols",
    isolated = true,
    leverage = 60,
    swing = 0.02,
    symbols = 2,
    liquidations = true,
  },
  {
    "isolated liquidations, hedge mode",
    isolated = true,
    hedge = true,
    leverage = 75,
    swing = 0.02,
    liquidations = true,
  },
  {
    "liquidations of a crossed account",
    wallet = 100,
    fills = 10,
    leverage = 100,
    swing = 0.02,
    liquidations = true,
  },
  {
    "crossed liquidations, hedge mode",
    hedge = true,
    wallet = 100,
    fills = 10,
    leverage = 100,
    swing = 0.02,
    latency = 40,
    liquidations = true,
  },
}

describe("the backtest and a plain exchange agree on", function()
  for k, kind in ipairs(KINDS) do
    it(kind[1], function()
      local o = setmetatable({}, {
        __index = function(_, name)
          if kind[name] ~= nil then return kind[name] end
          return ({ latency = 0, wallet = 1000000, leverage = 20, swing = 0.003 })[name]
        end,
      })
      local fills, liquidations = 0, 0
      for n = 1, RUNS do
        local count, x = one(o, k * 100 + n)
        fills, liquidations = fills + count, liquidations + x.liquidations
      end
      assert.is_true(fills > RUNS * (kind.fills or BARS), fills .. " fills only")
      assert.is_true(not kind.liquidations or liquidations >= RUNS / 2, liquidations .. " liquidations only")
    end)
  end
end)

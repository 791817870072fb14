-- A script that tries to get past the limits of risk in every way it can, in virtual time, by a seed; what it holds and has open at the
-- exchange is looked at all the time. MOONTIDE_SEED changes what is tried.
local ffi = require "ffi"
local C = require "spec.support.c"
local virtual = require "spec.support.virtual_live"
local first_seed = require "spec.support.seed"

local ORDER, POSITION, OPEN, MINUTE, COLLAR = 1500, 3000, 6, 25, 0.02
local LIMITS = {
  ["max-order-notional"] = ORDER,
  ["max-position-notional"] = POSITION,
  ["max-open-orders"] = OPEN,
  ["max-orders-per-minute"] = MINUTE,
  ["price-collar"] = COLLAR,
  ["keep-orders"] = true,
}
local SLACK = 1.005 -- between the price that a limit was checked by and the lowest seen

local function number(e8) return tonumber(e8) / 1e8 end

local function generator(seed)
  local state = (first_seed * 7919 + seed * 104729) % 2147483647
  return function(from, to)
    state = state * 48271 % 2147483647
    local value = state / 2147483647
    return from and from + math.floor(value * (to - from + 1)) or value
  end
end

-- ---- what is true ----

local function new_truth()
  return {
    wrong = {},
    times = {},
    first = 0,
    first_algo = 0,
    low = math.huge,
    seen = {},
    orders = 0,
    most = 0,
    worst = 0,
  }
end

local function say(t, ...)
  if #t.wrong < 10 then t.wrong[#t.wrong + 1] = string.format(...) end
end

local function reduces(o)
  local hedge_close = (o.position_side == C.POSITION_LONG and o.side == C.SIDE_SELL)
    or (o.position_side == C.POSITION_SHORT and o.side == C.SIDE_BUY)
  return o.reduce_only or o.close_position or hedge_close
end

local function made(t, id, quantity, us, reducing, price)
  if t.seen[id] then return end
  t.seen[id] = true
  t.orders = t.orders + 1
  t.times[#t.times + 1] = us / 1e6
  if not reducing and quantity * math.max(t.low, price or 0) > ORDER * SLACK then
    say(t, "an order of %.4f at %s", quantity, tostring(price))
  end
end

-- Looks at the account as the exchange `x` has it, at `now` seconds.
local function look(t, x, now)
  local ticker = ffi.new "struct ticker_record"
  C.exchange_ticker(x, 0, ticker)
  local price = number(ticker.bid_e8)
  if price > 0 then t.low = math.min(t.low, price) end
  local open = { buy = 0, sell = 0, hedge = 0, count = 0 }
  local hidden, n, still = ffi.new "bool[1]", t.first, nil
  local function add(o, left)
    if reduces(o) then return end
    open.count = open.count + 1
    local which = o.position_side ~= C.POSITION_BOTH and "hedge" or o.side == C.SIDE_BUY and "buy" or "sell"
    open[which] = open[which] + left
  end
  local from_algo = {}
  local k, still_algo = t.first_algo, nil
  while true do
    local a = C.exchange_algo_at(x, k)
    if a == nil then break end
    if a.actual_order_id ~= 0 then from_algo[tonumber(a.actual_order_id)] = true end
    made(
      t,
      "algo" .. tostring(a.algo_id),
      number(a.quantity_e8),
      tonumber(a.create_us),
      reduces(a),
      math.max(number(a.trigger_price_e8), number(a.activate_price_e8))
    )
    if a.algo_status == C.ALGO_NEW or a.algo_status == C.ALGO_TRIGGERING then
      still_algo = still_algo or k
      add(a, number(a.quantity_e8))
    end
    k = k + 1
  end
  while true do
    local o = C.exchange_order_at(x, n, hidden)
    if o == nil and not hidden[0] then break end
    if o ~= nil then
      if not from_algo[tonumber(o.order_id)] and o.type ~= C.ORDER_LIQUIDATION then
        made(
          t,
          tostring(o.order_id),
          number(o.orig_qty_e8),
          tonumber(o.time_us),
          reduces(o),
          number(o.price_e8)
        )
      end
      if o.status == C.STATUS_NEW or o.status == C.STATUS_PARTIALLY_FILLED then
        still = still or n
        add(o, number(o.orig_qty_e8) - number(o.executed_qty_e8))
        if o.price_e8 ~= 0 and math.abs(number(o.price_e8) / price - 1) > COLLAR * 1.5 then
          say(t, "a price of %.2f at %.2f", number(o.price_e8), price)
        end
      end
    end
    n = n + 1
  end
  t.first = still or n
  t.first_algo = math.max(0, (still_algo or k) - 50) -- what has just triggered
  local both = number(C.exchange_position_e8(x, 0, C.POSITION_BOTH))
  local gross = math.abs(number(C.exchange_position_e8(x, 0, C.POSITION_LONG)))
    + math.abs(number(C.exchange_position_e8(x, 0, C.POSITION_SHORT)))
  local up = both + open.buy > 0 and both + open.buy or 0
  local down = open.sell - both > 0 and open.sell - both or 0
  local worst = (math.max(up, down, 0) + gross + open.hedge) * t.low
  t.worst = math.max(t.worst, worst)
  if worst > POSITION * SLACK then
    say(
      t,
      "at %.2f: position %.4f, gross %.4f, open %.4f %.4f %.4f: %.0f",
      now,
      both,
      gross,
      open.buy,
      open.sell,
      open.hedge,
      worst
    )
  end
  if open.count > OPEN then say(t, "at %.2f: %d orders open", now, open.count) end
end

local function check_minutes(t)
  table.sort(t.times)
  local from = 1
  for i, at in ipairs(t.times) do
    while t.times[from] <= at - 60 do
      from = from + 1
    end
    t.most = math.max(t.most, i - from + 1)
  end
  if t.most > MINUTE then say(t, "%d orders within a minute", t.most) end
end

-- ---- what is tried ----

local function tries(v, api, market, random)
  local ids = { "one", "two", "three" }
  local function side() return random() < 0.6 and "BUY" or "SELL" end
  local function price(s) return market.round_price("BTCUSDT", v:best() * (1 + (random() - 0.5) * s)) end
  local function quantity() return random(1, random() < 0.1 and 60 or 20) / 1000 end
  local function position_side(o)
    if v.hedge then o.positionSide = random() < 0.5 and "LONG" or "SHORT" end
    if not v.hedge and random() < 0.15 then o.reduceOnly = true end
    if random() < 0.5 then o.newClientOrderId = ids[random(1, #ids)] end
    return o
  end
  local last = {}
  local function plain()
    local kind = random(1, 5)
    local o = position_side { symbol = "BTCUSDT", side = side(), quantity = quantity() }
    if kind <= 2 then
      o.type = "MARKET"
    else
      o.type, o.timeInForce = "LIMIT", ({ "GTC", "IOC", "GTC", "GTX" })[random(1, 4)]
      if random() < 0.15 then
        o.priceMatch = ({ "OPPONENT", "QUEUE", "QUEUE_20", "OPPONENT_20" })[random(1, 4)]
        o.timeInForce = "GTC"
      else
        o.price = price(0.05)
      end
    end
    return o
  end
  local function conditional()
    local o = position_side { symbol = "BTCUSDT", side = side(), quantity = quantity() }
    o.type = ({ "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET", "STOP" })[random(1, 4)]
    if o.type == "TRAILING_STOP_MARKET" then
      o.callbackRate, o.activatePrice = 0.1, random() < 0.5 and price(0.05) or nil
    else
      o.stopPrice = price(0.003)
      if o.type == "STOP" then o.price = price(0.03) end
    end
    if not v.hedge and random() < 0.1 then
      o.quantity, o.reduceOnly, o.closePosition = nil, nil, true
    end
    return o
  end
  local function keep(o)
    if o and o.orderId then last[#last + 1] = o end
    if #last > 6 then table.remove(last, 1) end
  end
  local function amend()
    local o = last[random(1, math.max(1, #last))]
    local by = { symbol = "BTCUSDT", side = side(), quantity = quantity(), price = price(0.04) }
    if random() < 0.6 and o then by.orderId = o.orderId end
    if random() < 0.5 or not o then by.origClientOrderId = ids[random(1, #ids)] end
    api.modify_order(by)
  end
  local acts = {
    function() keep(api.create_order(plain())) end,
    function() keep(api.create_order(plain())) end,
    function() keep(api.create_order(conditional())) end,
    function()
      local list = {}
      for i = 1, random(2, 5) do
        list[i] = plain()
      end
      api.batch_orders(list)
    end,
    function()
      local tasks = {}
      for i = 1, random(3, 12) do
        tasks[i] = api.async.create_order(random() < 0.8 and plain() or conditional())
      end
      for _, task in ipairs(tasks) do
        keep((task:wait()))
      end
    end,
    amend,
    function()
      local tasks = {}
      for i = 1, 4 do
        tasks[i] = api.spawn(amend)
      end
      api.all(tasks)
    end,
    function()
      local o = plain()
      o.reduceOnly = o.reduceOnly and "true" or nil
      api.request("POST", "/fapi/v1/order", o)
    end,
    function()
      local o = last[random(1, math.max(1, #last))]
      if o then api.cancel_order { symbol = "BTCUSDT", orderId = o.orderId } end
    end,
    function()
      api.cancel_all_orders { symbol = "BTCUSDT" } -- room for more
      for _, held in ipairs(api.get_position_info() or {}) do
        local amount, hedged = tonumber(held.positionAmt), held.positionSide ~= "BOTH"
        if amount ~= 0 then
          api.create_order {
            symbol = "BTCUSDT",
            side = amount > 0 and "SELL" or "BUY",
            type = "MARKET",
            quantity = math.abs(amount),
            reduceOnly = not hedged and true or nil,
            positionSide = hedged and held.positionSide or nil,
          }
        end
      end
    end,
  }
  return function()
    local ok, problem = pcall(acts[random(1, #acts)])
    if not ok and not tostring(problem):find "invalid" then v.raised = problem end
  end
end

local function trouble(v, random, seconds)
  v:faults {
    { fault = "lose_reply", class = "orders", share = 0.03 },
    { fault = "error_after", status = 503, class = "orders", share = 0.02 },
    { fault = "lose_request", class = "orders", share = 0.02 },
    { fault = "delay", delay = 0.05, jitter = 0.3, share = 0.2 },
    { fault = "stream_twice", class = "account", share = 0.05 },
  }
  local at = 1
  while at < seconds do
    local late = random() * 2
    v:silent_answers("user", late, at)
    if random() < 0.2 then v:cut("user", 0, at) end
    at = at + late + random() * 3
  end
end

local function attack(seed, on_paper, truth, before, o)
  local random, seconds = generator(seed), 90
  local run
  run = virtual.run {
    after = before,
    paper = on_paper,
    seed = seed,
    exchange = { wallet = 1e5, rate = 3, order_limits = { 1e6, 1e6 }, weight_limit = 1e6 },
    settings = virtual.undaunted,
    options = o,
    symbols = { "BTCUSDT" },
    script = function(v, api, market)
      run = v
      v.hedge = before and before.hedge or false
      local function x() return on_paper and C.paper_exchange(v.session.l) or v.sim end
      local watching = true
      api.spawn(function()
        while watching do
          look(truth, x(), v:now())
          api.sleep(0.05)
        end
      end)
      if not before and seed % 3 == 0 then
        v.hedge = api.set_position_mode { dualSidePosition = true } ~= nil
      end
      if not on_paper then trouble(v, random, seconds) end
      local try, began = tries(v, api, market, random), v:now()
      while v:now() < began + seconds do
        try()
        api.sleep(random() * 0.2)
      end
      if not on_paper then v:no_faults() end
      if not on_paper and random() < 0.7 then v:crash() end
      look(truth, x(), v:now())
      watching = false
    end,
  }
  assert.is_nil(run.failure, run.failure and run:log())
  assert.is_nil(run.raised, tostring(run.raised))
  return run
end

describe("limits of risk against a script that tries to get past them", function()
  for seed = 1, 6 do
    local on_paper = seed > 4
    it(("are never passed, %s (%d)"):format(on_paper and "on paper" or "live", seed), function()
      local truth, run = new_truth(), nil
      for part = 1, 3 do
        local o = {}
        for name, value in pairs(LIMITS) do
          o[name] = value
        end
        if seed % 2 == 0 and not on_paper then o["order-channel"] = "ws" end
        run = attack(seed * 10 + part, on_paper, truth, run, o)
        if not run then break end
      end
      check_minutes(truth)
      assert.same({}, truth.wrong)
      -- It was tried: the limits were reached.
      assert.is_true(truth.orders > 30, truth.orders)
      assert.is_true(truth.worst > POSITION * 0.7, truth.worst)
      assert.is_true(truth.most >= 10, truth.most)
    end)
  end
end)

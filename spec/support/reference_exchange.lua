---A second, plain exchange on bars, written from docs/backtest.md and sharing nothing with the runtime: what the backtest
---is compared with. Straight lines open, high, low, close (`--path ohlc`), endless depth, no slippage, constant latency.
---
---Prices are in ticks and quantities in steps of their symbol, times in microseconds since the first bar, money in units
---of 1e-8 USDT: all of them whole numbers well below 2^53, so nothing that is booked is inexact. Only where the line stands
---between two ticks, and liquidation prices, are fractions.
local account = require "spec.support.reference_account"
local triggers = require "spec.support.reference_trigger"

local M = {}

local BAR, BAR_END = 60e6, 59999000
local FALLING, RISING = triggers.FALLING, triggers.RISING

---@class ReferenceSymbol
---@field name string
---@field unit number 1e-8 USDT of one tick times one step
---@field bars number[][] open, high, low, close in ticks

---@class ReferenceOptions
---@field symbols ReferenceSymbol[]
---@field wallet number 1e-8 USDT
---@field leverage integer
---@field isolated boolean
---@field hedge boolean
---@field maker number per million of the notional
---@field taker number per million of the notional
---@field maintenance number ratio of the lowest bracket: positions stay in it
---@field liquidation_fee number ratio
---@field slippage? number basis points of taker fills
---@field funding? table[] each { at = microseconds, rate = per million }, of all symbols
---@field at_touch? boolean a resting order fills where the price reaches it, not only a tick beyond

---@class ReferenceExchange
---@field o ReferenceOptions
---@field fills table[]
---@field answers table<string, integer> by the action's id, 0 where it was accepted
local X = {}
X.__index = X

local floor, ceil, abs, max = math.floor, math.ceil, math.abs, math.max

---@param o ReferenceOptions
---@return ReferenceExchange
function M.new(o)
  local x = setmetatable({
    o = o,
    now = 0,
    wallet = o.wallet,
    fills = {},
    answers = {},
    liquidations = 0,
    funded = 0,
    orders = {},
    markets = {},
  }, X)
  for i, s in ipairs(o.symbols) do
    x.markets[i] = { s = s, index = i, resting = {}, waiting = {}, conditional = {}, positions = {} }
    for _, side in ipairs { "BOTH", "LONG", "SHORT" } do
      x.markets[i].positions[side] = { amount = 0, cost = 0, isolated = 0 }
    end
  end
  return x
end

-- ---- orders ----

local function remove(list, order)
  for i, other in ipairs(list) do
    if other == order then return table.remove(list, i) end
  end
end

-- An order that is over, filled or not.
local function over(x, m, order)
  remove(m.resting, order)
  remove(m.waiting, order)
  remove(m.conditional, order)
  x.orders[order.id] = nil
end

-- With its position gone, what could only reduce it goes too.
local function drop_reducers(x, m)
  for _, list in ipairs { m.resting, m.conditional } do
    for i = #list, 1, -1 do
      local order = list[i]
      local bound = list == m.resting and order.reduce or order.close_position
      if bound and account.reducible(m, order) == 0 then over(x, m, order) end
    end
  end
end

local function execute(x, m, order, price, maker)
  local quantity = order.quantity
  if order.reduce then quantity = math.min(quantity, account.reducible(m, order)) end
  over(x, m, order)
  if quantity == 0 then return end
  account.book(x, m, order, quantity, price, maker and x.o.maker or x.o.taker, maker)
  drop_reducers(x, m)
end

local function crosses(order, price)
  if order.side == "BUY" then return order.price >= price end
  return order.price <= price
end

-- What a taker pays: slipped and on the tick, both against him.
local function taker_price(x, m, order)
  local buy = order.side == "BUY"
  local slip = m.last * (x.o.slippage or 0) / 10000
  local price = buy and m.last + slip or m.last - slip
  local whole = floor(price + 0.5)
  if abs(price - whole) < 1e-7 then return whole end
  return buy and ceil(price) or max(floor(price), 1)
end

-- An order meets the price of an open bar; the exchange's code, 0 where it is taken.
local function enter(x, m, order)
  local price = taker_price(x, m, order)
  remove(m.waiting, order)
  if order.type == "MARKET" then
    execute(x, m, order, price, false)
    return 0
  end
  if crosses(order, m.last) then
    if order.tif == "GTX" then
      over(x, m, order)
      return -5022
    end
    execute(x, m, order, crosses(order, price) and price or order.price, false)
    return 0
  end
  if order.tif == "IOC" or order.tif == "FOK" then
    over(x, m, order)
    return order.tif == "FOK" and -5021 or 0
  end
  m.resting[#m.resting + 1] = order
  return 0
end

local function waits(m, order)
  return order.type == "MARKET" or order.tif == "IOC" or order.tif == "FOK" or crosses(order, m.last)
end

local function check_margin(x, m, order)
  if order.reduce then return 0 end
  local notional = order.quantity * (order.type == "MARKET" and m.last or order.price) * m.s.unit
  local more = account.order_margin(x, m, order.side, notional) - account.order_margin(x, m)
  if more <= 0 then return 0 end
  more = more + notional * (order.type == "MARKET" and x.o.taker or x.o.maker) / 1e6
  return account.available(x) >= more and 0 or -2019
end

local function place_conditional(x, m, order)
  if order.close_position then
    for _, other in ipairs(m.conditional) do
      local same = other.close_position and other.side == order.side and other.position == order.position
      if same and other.type == order.type then return -4130 end
    end
    if account.reducible(m, order) == 0 then return -4509 end
  end
  local reached
  if order.callback then
    local activate = order.activate
    reached = activate
      and (order.side == "BUY" and activate >= m.last or order.side == "SELL" and activate <= m.last)
  elseif triggers.falls(order) then
    reached = m.last <= order.trigger
  else
    reached = m.last >= order.trigger
  end
  if reached then return -2021 end
  order.extreme = m.last
  m.conditional[#m.conditional + 1] = order
  x.orders[order.id] = order
  return 0
end

-- PERCENT_PRICE: a limit price may be five percent on the wrong side of the market, not more.
local function check_percent(m, order)
  if order.side == "BUY" and order.price > m.last * 1.05 then return -4016 end
  if order.side == "SELL" and order.price < m.last * 0.95 then return -4024 end
  return 0
end

local function place(x, m, order)
  if order.conditional then return place_conditional(x, m, order) end
  if order.type == "LIMIT" and check_percent(m, order) ~= 0 then return check_percent(m, order) end
  if order.reduce then
    local most = account.reducible(m, order)
    if most == 0 or (x.o.hedge and order.quantity > most) then return -2022 end
  end
  local code = check_margin(x, m, order)
  if code ~= 0 then return code end
  if order.type == "LIMIT" then
    local crossing = crosses(order, m.last)
    if order.tif == "GTX" and crossing then return -5022 end
    if order.tif == "FOK" and not crossing and m.open then return -5021 end
  end
  order.notional = order.reduce and 0
    or order.quantity * (order.type == "MARKET" and m.last or order.price) * m.s.unit
  x.orders[order.id] = order
  if m.open then return enter(x, m, order) end
  local list = waits(m, order) and m.waiting or m.resting
  list[#list + 1] = order
  if list == m.waiting and order.tif == "FOK" then return nil end -- answered at the open
  return 0
end

local function modify(x, m, action)
  local order = x.orders[action.target]
  if not order then return -2013 end
  if order.type ~= "LIMIT" then return -5025 end
  if order.price == action.price and order.quantity == action.quantity then return -5027 end
  local before = order.notional
  local wanted = setmetatable({ price = action.price, quantity = action.quantity }, { __index = order })
  local code = check_percent(m, wanted)
  order.notional = 0 -- as if the old one were gone
  if code == 0 then code = check_margin(x, m, wanted) end
  order.notional = before
  if code ~= 0 then return code end
  if order.tif == "GTX" and crosses(wanted, m.last) then
    over(x, m, order)
    return 0
  end
  remove(m.resting, order)
  remove(m.waiting, order)
  order.price, order.quantity = action.price, action.quantity
  order.notional = order.reduce and 0 or order.quantity * order.price * m.s.unit
  if m.open then return enter(x, m, order) end
  local list = waits(m, order) and m.waiting or m.resting
  list[#list + 1] = order
  return 0
end

-- ---- what waits on the way of the price ----

local function liquidation_level(x, m, list)
  local cost, slope, amount = 0, 0, 0
  for _, p in ipairs(list) do
    cost, amount = cost + p.cost, amount + abs(p.amount)
    slope = slope + m.s.unit * (p.amount - abs(p.amount) * x.o.maintenance)
  end
  if amount == 0 or slope == 0 then return nil end
  local balance = x.wallet
  if x.o.isolated then balance = list[1].isolated end
  local level = (cost - balance) / slope
  if level <= 0 then return nil end
  return level, slope > 0 and FALLING or RISING
end

-- Everything at which something happens, as { level, direction, what, its order or positions }.
local function levels(x, m)
  local list, beyond = {}, x.o.at_touch and 0 or 1
  for _, order in ipairs(m.resting) do
    local buy = order.side == "BUY"
    list[#list + 1] = { order.price + (buy and -beyond or beyond), buy and FALLING or RISING, "limit", order }
  end
  for _, order in ipairs(m.conditional) do
    local level, direction = triggers.trigger_of(order)
    if level then list[#list + 1] = { level, direction, "trigger", order } end
  end
  local groups = {}
  if x.o.isolated then
    for _, side in ipairs(account.sides(x)) do
      groups[#groups + 1] = { m.positions[side] }
    end
  else
    groups[1] = {}
    for _, side in ipairs(account.sides(x)) do
      table.insert(groups[1], m.positions[side])
    end
  end
  for _, group in ipairs(groups) do
    local level, direction = liquidation_level(x, m, group)
    if level then list[#list + 1] = { level, direction, "liquidation", group } end
  end
  return list
end

local function expire_all(x, m)
  for _, list in ipairs { m.resting, m.waiting, m.conditional } do
    while list[1] do
      over(x, m, list[1])
    end
  end
end

-- The position is closed whole at the price, without a trading fee but with the liquidation fee; no more is lost than the
-- margin set apart, or than the wallet has.
local function liquidate(x, m, group)
  for _, other in ipairs(x.o.isolated and { m } or x.markets) do
    expire_all(x, other)
  end
  for _, side in ipairs(account.sides(x)) do
    local p = m.positions[side]
    local meant = false
    for _, one in ipairs(group) do
      meant = meant or one == p
    end
    if meant and p.amount ~= 0 then
      local free = x.wallet - account.isolated_sum(x)
      local quantity, sells = abs(p.amount), p.amount > 0
      local price = max(sells and floor(m.last) or ceil(m.last), 1)
      account.book(x, m, { side = sells and "SELL" or "BUY", position = side }, quantity, price, 0, false)
      x.wallet = x.wallet - account.round(quantity * price * m.s.unit * x.o.liquidation_fee)
      if x.o.isolated then x.wallet = x.wallet + max(0, free - (x.wallet - account.isolated_sum(x))) end
      x.liquidations = x.liquidations + 1
    end
  end
  local below = account.isolated_sum(x) - x.wallet
  if below > 0 then x.wallet = x.wallet + below end
end

local function trigger(x, m, order)
  over(x, m, order)
  local made = {
    id = order.id,
    side = order.side,
    position = order.position,
    quantity = order.close_position and account.reducible(m, order) or order.quantity,
    reduce = order.reduce,
    type = order.price and "LIMIT" or "MARKET",
    tif = order.price and order.tif,
    price = order.price,
  }
  if made.reduce and account.reducible(m, made) == 0 then return end
  if check_margin(x, m, made) ~= 0 then return end
  made.notional = made.reduce and 0 or made.quantity * (made.price or m.last) * m.s.unit
  x.orders[made.id] = made
  enter(x, m, made)
end

-- The nearest level that the price has reached, falling ones first; of one level the oldest limit order, then the oldest
-- conditional one, then liquidation.
local function reached(x, m)
  local best
  for _, l in ipairs(levels(x, m)) do
    local level, direction = l[1], l[2]
    local there = direction == FALLING and m.last <= level or direction == RISING and m.last >= level
    local nearer = not best
      or direction < best[2]
      or (direction == best[2] and direction * level < direction * best[1])
    if there and nearer then best = l end
  end
  return best
end

local function settle(x, m)
  while true do
    local l = reached(x, m)
    if not l then return end
    if l[3] == "limit" then
      execute(x, m, l[4], l[4].price, true)
    elseif l[3] == "trigger" then
      trigger(x, m, l[4])
    else
      liquidate(x, m, l[4])
    end
  end
end

-- ---- time ----

local function corner(m, k)
  local b = m.bar
  return b.at + ({ 0, BAR / 3, BAR * 2 / 3, BAR_END })[k], ({ b[1], b[2], b[3], b[4] })[k]
end

local function line(m, t)
  local t0, p0 = corner(m, m.leg)
  local t1, p1 = corner(m, m.leg + 1)
  return p0 + (p1 - p0) * (t - t0) / (t1 - t0)
end

-- The next thing of one market: the first level its line touches, else the line's end.
local function next_event(x, m)
  local t0, p0 = corner(m, m.leg)
  local t1, p1 = corner(m, m.leg + 1)
  local when, level = t1, nil
  for _, l in ipairs(levels(x, m)) do
    local at, direction = l[1], l[2]
    local there = direction == FALLING and m.last <= at or direction == RISING and m.last >= at
    if there then return m.at, m.last end
    local ahead = (p1 - m.last) * direction > 0 and (p1 - at) * direction >= 0
    if ahead then
      local t = max(m.at, ceil(t0 + (at - p0) * (t1 - t0) / (p1 - p0)))
      if not level or (at - level) * direction < 0 then
        when, level = t, at
      end
    end
  end
  return when, level
end

local function open_bar(x, m, n)
  local b = m.s.bars[n + 1]
  m.bar = { b[1], b[2], b[3], b[4], at = n * BAR }
  m.open, m.leg, m.last, m.at = true, 1, b[1], n * BAR
  while m.waiting[1] do
    local order = m.waiting[1]
    local code = enter(x, m, order)
    if not x.answers[order.id] then x.answers[order.id] = code end
  end
  settle(x, m)
  triggers.trail(m)
end

local function play(x, m, when, level)
  x.now, m.at = when, when
  if level then
    m.last = level
    settle(x, m)
    return
  end
  m.leg = m.leg + 1
  m.last = select(2, corner(m, m.leg))
  triggers.trail(m)
  if m.leg == 4 then m.open = false end
end

-- Where the lines stand now.
local function look(x)
  for _, m in ipairs(x.markets) do
    if m.open then
      m.last, m.at = line(m, x.now), x.now
    end
  end
end

local function fund(x, rate)
  look(x)
  for _, m in ipairs(x.markets) do
    for _, side in ipairs(account.sides(x)) do
      local p = m.positions[side]
      local paid = account.round(account.round(p.amount * (m.last or 0) * m.s.unit) * rate / 1e6)
      x.wallet = x.wallet - paid
      if x.o.isolated then p.isolated = max(0, p.isolated - paid) end
    end
  end
end

-- Everything up to and at `t`, but for requests.
function X:advance(t)
  while true do
    local when, level, market
    for _, m in ipairs(self.markets) do
      if m.open then
        local at, l = next_event(self, m)
        if not when or at < when then
          when, level, market = at, l, m
        end
      end
    end
    local n = floor(self.now / BAR) + (self.begun and 1 or 0)
    local opens = n < #self.o.symbols[1].bars and n * BAR or math.huge
    local funding = self.o.funding and self.o.funding[self.funded + 1]
    local due = funding and funding.at or math.huge
    if due <= t and due <= opens and due <= (when or math.huge) then
      self.now, self.funded = due, self.funded + 1
      fund(self, funding.rate)
    elseif when and when <= t and when <= opens then
      play(self, market, when, level)
    elseif opens <= t then
      self.now, self.begun = opens, true
      for _, m in ipairs(self.markets) do
        open_bar(self, m, n)
      end
    else
      break
    end
  end
  self.now = t
  look(self)
end

---Lets a request arrive.
---@param action table { at = microseconds, id, kind = "place" | "cancel" | "modify", symbol = index, ... }
function X:arrive(action)
  self:advance(action.at)
  local m = self.markets[action.symbol]
  local code
  if action.kind == "cancel" then
    local order = self.orders[action.target]
    if order and action.conditional and not order.conditional then order = nil end -- its trigger has made another of it
    code = order and 0 or -2011
    if order then over(self, m, order) end
  elseif action.kind == "modify" then
    code = modify(self, m, action)
  else
    local order = setmetatable({ conditional = action.conditional }, { __index = action })
    order.reduce = action.reduce or action.close_position or false
    code = place(self, m, order)
  end
  self.answers[action.id] = code
  for _, other in ipairs(self.markets) do
    if other.open then settle(self, other) end
  end
end

---@return number equity at the last prices
function X:equity()
  local sum = self.wallet
  for _, m in ipairs(self.markets) do
    for _, side in ipairs(account.sides(self)) do
      sum = sum + account.unrealized(m, m.positions[side])
    end
  end
  return sum
end

return M

---Orders that belong together: an entry whose fills are guarded by a stop and a target (a bracket), and orders of which the first
---that is filled cancels the others (OCO). Described in moontide/meta/script.lua (Strategy:bracket, guard, trail, oco).
---
---What is known of them stands in self.state (brackets, oco), so that a run that was killed goes on with them. A bracket is driven
---by the position alone: whatever changed it (a fill, a target, a liquidation, an order by hand), its stop and target are brought
---to the size that is held when it has grown, the new stop first and then the old one away, so that nothing is ever without a stop.
---Both are reduce-only: of a position that has become smaller they close what is left, and never open one.
---
---    entry rests --fill--> guarded --position 0--> the rest is cancelled, forgotten
---         '--cancelled or expired unfilled--> forgotten
local api_error = require "moontide.error"

local M = {}

local ENDED = { CANCELED = true, EXPIRED = true, EXPIRED_IN_MATCH = true, REJECTED = true }
-- An order that is filled, if only in part, or whose condition has come true.
local DONE = { FILLED = true, PARTIALLY_FILLED = true, TRIGGERING = true, TRIGGERED = true, FINISHED = true }

local EXPIRY_S = 5 -- how long the exchange may take to tell that it has expired a target

local function is_amount(x) return type(x) == "number" and x > 0 and x < math.huge end

---@class Bracket
---@field symbol string
---@field side Side of the position: BUY or SELL
---@field stop number? the stop's price
---@field target number? the target's price
---@field entry string? id of the entry while it rests
---@field stop_id string?
---@field target_id string?
---@field size number what stop and target are for
---@field busy boolean? a call of the script is at it
---@field leaving boolean? all is out; the target's end is not told yet

---@class Brackets
---@field host PortfolioHost
---@field state fun(): table the strategy's
---@field log table
---@field watch fun() asks for the account's events
local Brackets = {}
Brackets.__index = Brackets

---@param host PortfolioHost
---@param state fun(): table
---@param log table
---@param watch fun()
---@return Brackets
function M.new(host, state, log, watch)
  return setmetatable({ host = host, state = state, log = log, watch = watch }, Brackets)
end

---Whether a state has orders that belong together.
---@param state table? a strategy's
---@return boolean
function M.any(state)
  if type(state) ~= "table" then return false end
  local brackets, oco = rawget(state, "brackets"), rawget(state, "oco")
  return type(brackets) == "table" and next(brackets) ~= nil or type(oco) == "table" and next(oco) ~= nil
end

local function part(self, name)
  local state = self.state()
  if type(state[name]) ~= "table" then state[name] = {} end
  return state[name]
end

-- ---- orders ----

-- What is gone already needs no cancelling (-2011).
function Brackets:cancel(symbol, id)
  if not id then return end
  local done, err = self.host.api.cancel_order { symbol = symbol, orderId = id }
  if not done and err.code ~= -2011 and err.kind ~= "stopped" then
    self.log.warn("%s: order %s could not be cancelled: %s", symbol, id, err)
  end
end

function Brackets:forget(b)
  part(self, "brackets")[b.symbol] = nil
  self:cancel(b.symbol, b.entry)
  self:cancel(b.symbol, b.stop_id)
  self:cancel(b.symbol, b.target_id)
end

-- Out, at once: the stop is refused, as the price is through it already.
function Brackets:leave(b, why)
  self.log.warn("%s: the stop at %.8g is refused (%s): the position is closed", b.symbol, b.stop, why)
  self:cancel(b.symbol, b.entry)
  b.entry = nil
  local held = self.host.position(b.symbol)
  if held ~= 0 then
    local order, err = self.host.api.create_order {
      symbol = b.symbol,
      side = held > 0 and "SELL" or "BUY",
      type = "MARKET",
      quantity = math.abs(held),
      reduceOnly = true,
    }
    if not order then self.log.error("%s: the position could not be closed: %s", b.symbol, err) end
  end
  if self.host.position(b.symbol) == 0 then self:forget(b) end
end

-- All is out. When the stop has closed it, the exchange expires the reduce-only target by itself; one that it has not told of
-- after a while is cancelled.
function Brackets:leave_behind(b)
  if b.leaving then return end
  if not b.target_id or b.stop_id or b.entry then return self:forget(b) end
  b.leaving = true
  self.host.api.spawn(function()
    self.host.api.sleep(EXPIRY_S)
    if part(self, "brackets")[b.symbol] == b then self:forget(b) end
  end)
end

local function exit_side(b) return b.side == "BUY" and "SELL" or "BUY" end

-- Puts a new order in an old one's place: `what` is "stop" or "target".
function Brackets:place(b, what, size)
  local key = what .. "_id"
  local o = { symbol = b.symbol, side = exit_side(b), quantity = size, reduceOnly = true }
  if what == "stop" then
    o.type, o.stopPrice = "STOP_MARKET", b.stop
  else
    o.type, o.price, o.timeInForce = "LIMIT", b.target, "GTC"
  end
  local before = b[key]
  if what == "target" then
    -- Reduce-only orders that rest may not sum up to more than the position (-2022); stops are not counted.
    b[key] = nil
    self:cancel(b.symbol, before)
  end
  local order, err = self.host.api.create_order(o)
  if not order then return nil, err end
  b[key] = order.orderId
  if what == "stop" then self:cancel(b.symbol, before) end
  return order
end

---Brings stop and target of a symbol to what is held; idempotent.
---@param symbol string
---@return ApiError? err the stop's, when it was refused
function Brackets:settle(symbol)
  local b = part(self, "brackets")[symbol]
  if not b or b.busy then return nil end
  if b.leaving and self.host.position(symbol) ~= 0 then
    self:forget(b) -- another position already
    return nil
  end
  local held = self.host.position(symbol)
  local size = math.abs(held)
  if held == 0 then
    -- Nothing was entered yet, or all is out.
    if b.size > 0 then self:leave_behind(b) end
    return nil
  end
  if (held > 0) ~= (b.side == "BUY") then
    self:forget(b)
    return nil
  end
  if size <= b.size then return nil end
  b.busy = true
  local problem
  local stop, err = true, nil
  if b.stop then
    stop, err = self:place(b, "stop", size)
  end
  if not stop then
    b.busy = nil
    if err.kind ~= "stopped" then self:leave(b, err) end
    return err
  end
  if b.target and self.host.position(symbol) ~= 0 then
    local target, refused = self:place(b, "target", size)
    if not target and refused.kind ~= "stopped" then
      self.log.warn("%s: the target at %.8g is refused: %s", symbol, b.target, refused)
    end
  end
  b.size, b.busy = size, nil
  -- Filled further, or out, while these orders were on their way.
  if self.host.position(symbol) ~= held then problem = self:settle(symbol) end
  return problem
end

-- ---- what scripts call ----

local function check_exits(name, o, side, price)
  for _, what in ipairs { "stop", "target" } do
    local value = o[what]
    if value ~= nil and not is_amount(value) then
      error(("self:%s: %s is a price, not %s"):format(name, what, tostring(value)), 0)
    end
  end
  if not o.stop and not o.target then error(("self:%s: name a stop, a target or both"):format(name), 0) end
  local long = side == "BUY"
  if o.stop and (long and o.stop >= price or not long and o.stop <= price) then
    error(
      ("self:%s: a stop at %.8g does not guard a %s at %.8g"):format(
        name,
        o.stop,
        long and "long" or "short",
        price
      ),
      0
    )
  end
  if o.target and (long and o.target <= price or not long and o.target >= price) then
    error(
      ("self:%s: a target at %.8g is no gain for a %s at %.8g"):format(
        name,
        o.target,
        long and "long" or "short",
        price
      ),
      0
    )
  end
end

-- A stop is rounded away from harm's way of being off the tick: towards the price, so that no more is lost than was asked.
function Brackets:on_tick(symbol, side, o)
  local market, long = self.host.market, side == "BUY"
  return o.stop and market.round_price(symbol, o.stop, long and "up" or "down"),
    o.target and market.round_price(symbol, o.target)
end

---@param o BracketRequest
---@return Order? entry
---@return ApiError? err
function Brackets:bracket(o)
  if type(o) ~= "table" then error("self:bracket takes a table", 0) end
  local symbol, side = o.symbol, o.side
  if side ~= "BUY" and side ~= "SELL" then error("self:bracket: side is BUY or SELL", 0) end
  local other = part(self, "brackets")[symbol]
  if other and other.leaving then
    self:forget(other)
    other = nil
  end
  if self.host.position(symbol) ~= 0 or other then
    error(
      ("self:bracket: %s has a position or a bracket already; self:guard changes its stop and target"):format(
        symbol
      ),
      0
    )
  end
  if o.price ~= nil and not is_amount(o.price) then
    error("self:bracket: price is a number above 0, not " .. tostring(o.price), 0)
  end
  if o.quantity == 0 then
    return nil, api_error.new("invalid", symbol .. ": the quantity is 0: see self:size")
  end
  if not is_amount(o.quantity) then
    error("self:bracket: quantity is a number above 0, not " .. tostring(o.quantity), 0)
  end
  local price = o.price and self.host.market.round_price(symbol, o.price, side == "BUY" and "down" or "up")
  check_exits("bracket", o, side, price or self.host.last(symbol))
  local stop, target = self:on_tick(symbol, side, o)
  local b = { symbol = symbol, side = side, stop = stop, target = target, size = 0 }
  part(self, "brackets")[symbol] = b
  self.watch()
  b.busy = true -- its fills may be told before the call returns
  local order, err = self.host.api.create_order {
    symbol = symbol,
    side = side,
    type = price and "LIMIT" or "MARKET",
    price = price,
    timeInForce = price and (o.timeInForce or "GTC") or nil,
    quantity = self.host.market.round_quantity(symbol, o.quantity, not price and "MARKET" or nil),
  }
  b.busy = nil
  if not order then
    -- Of an unknown outcome: what it has filled is guarded when the account tells.
    if err.kind ~= "unknown_outcome" then part(self, "brackets")[symbol] = nil end
    return nil, err
  end
  if order.status == "NEW" or order.status == "PARTIALLY_FILLED" then b.entry = order.orderId end
  local refused = self:settle(symbol)
  if refused then return nil, refused end
  if not b.entry and b.size == 0 and self.host.position(symbol) == 0 then
    part(self, "brackets")[symbol] = nil
  end
  return order
end

-- Another stop in the place of one, or out where it is refused.
function Brackets:move_stop(b, stop, size)
  b.stop, b.busy = stop, true
  local order, err = self:place(b, "stop", size)
  b.busy = nil
  if not order and err.kind ~= "stopped" then self:leave(b, err) end
  return not order and err or nil
end

---@param symbol string
---@param o { stop: number?, target: number? }
---@return boolean? guarded
---@return ApiError? err
function Brackets:guard(symbol, o)
  if type(o) ~= "table" then error("self:guard takes a symbol and a table { stop =, target = }", 0) end
  local held = self.host.position(symbol)
  local b = part(self, "brackets")[symbol]
  if held == 0 then error(("self:guard: no position of %s"):format(symbol), 0) end
  local side = held > 0 and "BUY" or "SELL"
  check_exits("guard", o, side, self.host.last(symbol))
  local stop, target = self:on_tick(symbol, side, o)
  if not b or b.side ~= side or b.leaving then
    if b then self:forget(b) end
    b = { symbol = symbol, side = side, size = 0 }
    part(self, "brackets")[symbol] = b
    self.watch()
  end
  if b.size < math.abs(held) or b.busy then
    b.stop, b.target = stop or b.stop, target or b.target
    local err = self:settle(symbol)
    if err then return nil, err end
    return true
  end
  if stop and stop ~= b.stop then
    local err = self:move_stop(b, stop, math.abs(held))
    if err then return nil, err end
  end
  if target and target ~= b.target and self.host.position(symbol) ~= 0 then
    b.target, b.busy = target, true
    local order, err = self:place(b, "target", math.abs(self.host.position(symbol)))
    b.busy = nil
    if not order then return nil, err end
  end
  self:settle(symbol)
  return true
end

---@param symbol string
---@param distance number quote asset
---@return number? stop where it stands
---@return ApiError? err
function Brackets:trail(symbol, distance)
  if not is_amount(distance) then
    error("self:trail: the distance is a number of the quote asset above 0, not " .. tostring(distance), 0)
  end
  local held = self.host.position(symbol)
  if held == 0 then return nil end
  local long, last = held > 0, self.host.last(symbol)
  local stop =
    self.host.market.round_price(symbol, last - (long and 1 or -1) * distance, long and "down" or "up")
  local b = part(self, "brackets")[symbol]
  if b and b.leaving then
    self:forget(b)
    b = nil
  end
  local before = b and b.side == (long and "BUY" or "SELL") and b.stop
  if before and (long and stop <= before or not long and stop >= before) then return before end
  if not before then
    local done, err = self:guard(symbol, { stop = stop })
    return done and stop, err
  end
  local err = self:move_stop(b, stop, math.abs(held))
  if err then return nil, err end
  self:settle(symbol)
  return stop
end

---@param orders OrderRequest[]
---@return Order[]? orders
---@return ApiError? err
function Brackets:oco(orders)
  if type(orders) ~= "table" or #orders < 2 then
    error("self:oco takes two orders or more: self:oco { {...}, {...} }", 0)
  end
  local group, made = {}, {}
  local list = part(self, "oco")
  list[#list + 1] = group
  self.watch()
  for i, o in ipairs(orders) do
    local order, err = self.host.api.create_order(o)
    if not order then
      self:end_group(group)
      return nil, err
    end
    made[i] = order
    group[#group + 1] = { o.symbol, order.orderId }
    if DONE[order.status] then
      self:end_group(group, order.orderId)
      return made
    end
  end
  return made
end

-- Cancels the orders of a group but one, and forgets it.
function Brackets:end_group(group, but)
  local list = part(self, "oco")
  for i, other in ipairs(list) do
    if other == group then
      table.remove(list, i)
      break
    end
  end
  for _, one in ipairs(group) do
    if one[2] ~= but then self:cancel(one[1], one[2]) end
  end
end

-- ---- what the account tells ----

---Hears that an order has changed, behind the strategy's own handlers.
---@param symbol string
---@param id string
---@param status string
function Brackets:hear(symbol, id, status)
  local b = part(self, "brackets")[symbol]
  if b and b.entry == id and (ENDED[status] or status == "FILLED") then
    b.entry = nil
    if b.size == 0 and self.host.position(symbol) == 0 and status ~= "FILLED" then
      part(self, "brackets")[symbol] = nil
    end
  end
  local over = ENDED[status]
    or status == "FILLED"
    or status == "FINISHED"
    or status == "TRIGGERED"
    or status == "TRIGGERING"
  if b and over then
    -- Not to be cancelled any more.
    if b.stop_id == id then b.stop_id = nil end
    if b.target_id == id then b.target_id = nil end
    if b.leaving and not b.target_id then part(self, "brackets")[symbol] = nil end
  end
  self:settle(symbol)
  if not (DONE[status] or ENDED[status]) then return end
  for _, group in ipairs { unpack(part(self, "oco")) } do
    for _, one in ipairs(group) do
      if one[2] == id then
        self:end_group(group, id)
        break
      end
    end
  end
end

---At the start of a run that goes on: what has happened meanwhile.
function Brackets:resume()
  local names = {}
  for symbol, b in pairs(part(self, "brackets")) do
    b.busy = nil -- a call that the kill has ended
    if b.leaving then self:forget(b) end
    names[#names + 1] = symbol
  end
  table.sort(names)
  self.watch()
  for _, symbol in ipairs(names) do
    local b = part(self, "brackets")[symbol]
    if b and b.entry then
      local order = self.host.api.get_order { symbol = symbol, orderId = b.entry }
      if order then self:hear(symbol, b.entry, order.status) end
    end
    b = part(self, "brackets")[symbol]
    if b and b.stop and self.host.position(symbol) ~= 0 then
      local order = b.stop_id and self.host.api.get_order { symbol = symbol, orderId = b.stop_id }
      if order and ENDED[order.status] then
        b.stop_id, b.size = nil, 0 -- somebody has cancelled it
      end
    end
    self:settle(symbol)
    if b and not b.entry and b.size == 0 and self.host.position(symbol) == 0 then
      part(self, "brackets")[symbol] = nil
    end
  end
  for _, group in ipairs { unpack(part(self, "oco")) } do
    for _, one in ipairs(group) do
      local order = self.host.api.get_order { symbol = one[1], orderId = one[2] }
      if order and (DONE[order.status] or ENDED[order.status]) then
        self:end_group(group, one[2])
        break
      end
    end
  end
end

return M

---Bars on their way to a script: those of the strategy's handler, and those that a loop over market.bars takes one by one.
local market_module = require "moontide.api.market"
local task = require "moontide.run.task"

local M = {}

local NewBar = market_module.Bar

---@class Feeds
---@field queues table<integer, table|false> by feed: what a loop has not taken yet, or false for the strategy's
---@field symbol_of table<integer, integer> by feed: index of its symbol
---@field loops integer loops over market.bars
---@field only_series ffi.cdata*? set while a single series is delivered, to the strategy
---@field only_symbol integer?
---@field on_change fun()? hears that a feed was added
local Feeds = {}
Feeds.__index = Feeds

---@param view ffi.cdata* struct world_view
---@param open fun(symbol: string, interval: string?): integer, integer, ffi.cdata*? makes bars be delivered: the feed's number, its symbol's index, and their series when it stays the same
---@return Feeds
function M.new(view, open)
  return setmetatable({ view = view, open = open, queues = {}, symbol_of = {}, loops = 0 }, Feeds)
end

---@param symbol string
---@param interval string?
---@param queue table|false
---@return integer feed
function Feeds:add(symbol, interval, queue)
  local feed, index, series = self.open(symbol, interval)
  self.queues[feed], self.symbol_of[feed] = queue, index
  self.only_series, self.only_symbol = feed == 0 and queue == false and series or nil, index
  if self.on_change then self.on_change() end
  return feed
end

---The bar that the pump has just delivered.
---@return Bar
function Feeds:bar()
  local view = self.view
  return NewBar(view.series, view.bar_index, self.symbol_of[view.feed], view.bar_recovered)
end

---Hands the bar that the pump has just delivered to the loop that asked for it.
---@return boolean # false: it is the strategy's
function Feeds:take()
  local queue = self.queues[self.view.feed]
  if not queue then return false end
  queue[#queue + 1] = self:bar()
  if queue.waiter then task.make_ready(queue.waiter) end
  return true
end

---Wakes the loops that wait for a bar.
function Feeds:wake_all()
  for _, queue in pairs(self.queues) do
    if queue and queue.waiter then task.make_ready(queue.waiter) end
  end
end

-- Takes the oldest bar of a queue whose first is at `first`: the bar, and where the next one is.
local function shift(queue, first)
  local bar = queue[first]
  queue[first] = nil
  first = first + 1
  if queue[first] then return bar, first end
  for k in pairs(queue) do
    if type(k) == "number" then queue[k] = nil end
  end
  return bar, 1
end

---The iterator of market.bars.
---@param world World
---@param symbol string
---@param interval string?
---@param history integer? bars of before that come first
---@return fun(): Bar?
function Feeds:loop(world, symbol, interval, history)
  local queue, first = {}, 1
  local feed = self:add(symbol, interval, queue)
  self.loops = self.loops + 1
  if history and history > 0 then
    task.check_can_wait "market.bars"
    local past, err = require("moontide.run.history").before(world, symbol, interval, history)
    if not past then error(err, 0) end
    local newest = past[#past]
    for i = 1, #queue do -- what was delivered meanwhile, unless it is among them already
      if not newest or queue[i].open_time > newest.open_time then past[#past + 1] = queue[i] end
      queue[i] = nil
    end
    for i, bar in ipairs(past) do
      queue[i] = bar
    end
  end
  return function()
    task.check_can_wait "market.bars"
    -- The only loop over bars, and nothing else to do: take the bar straight from the pump.
    if not queue[first] and self.loops == 1 and not world.strategy and not task.any_ready() then
      if world:pump_for(feed) then return self:bar() end
    end
    while not queue[first] do
      if world.ended then return nil end
      queue.waiter = task.current()
      task.park()
      queue.waiter = nil
      task.leave_with_owner()
    end
    local bar
    bar, first = shift(queue, first)
    return bar
  end
end

return M

---A world on the Lua side: tasks, waiting, and what the pump delivers. The C side is world/backtest/backtest.h or world/live/live.h.
local ffi = require "ffi"
local C = require "moontide.core"
local feeds_module = require "moontide.run.feeds"
local market_module = require "moontide.api.market"
local notices = require "moontide.api.notices"
local task = require "moontide.run.task"
local waiting = require "moontide.run.waiting"

local M = {}

local CALLS_A_MOMENT = 1000000
local CALLS_AFTER_END = 1000
local ROUNDS_AFTER_END = 3
local GRACE_US = 10e6
local REPLACED = "another script has taken the place of this one"

local BAR, EVENT, OP, END = C.WORLD_BAR, C.WORLD_EVENT, C.WORLD_CALL, C.WORLD_END
-- These, and those from OP on, are for the runtime.
local NOTICE, CONTROL, INPUT = C.WORLD_NOTICE, C.WORLD_CONTROL, C.WORLD_INPUT
local WAIT_DONE, WAIT_OTHER, WAIT_END = 0, 1, 2

local NewBar = market_module.Bar

---@class World
---@field bt ffi.cdata* the world of the C side
---@field pump table its functions (moontide.run.pump)
---@field view ffi.cdata* struct world_view
---@field symbols ffi.cdata* struct symbol[]
---@field symbol_names table<integer, string> by index, from 0
---@field symbol_index table<string, integer>
---@field symbol_count integer
---@field markets table<integer, ffi.cdata*>? series by index
---@field log table
---@field strategy Strategy? the table of handlers in place; nil for a plain script
---@field owner { retired_us: number? }? whose the tasks of the script in place are
---@field main Task? the script's own
---@field runner Runner? what calls the strategy's handlers
---@field config ffi.cdata* struct api_config
---@field rate_limits table rows as in exchangeInfo
---@field listeners table<string, table[]> see api.on
---@field stop_seconds number what a script has left to do when its run is to end may take so long
---@field closing boolean? a live run is brought to its end by the runtime
---@field ended boolean time is over
---@field stopping boolean nothing of the script is to run any more
---@field relaunch boolean? the strategy's loop is to begin again (repl)
---@field begins_us number? when the script began, where that was inside a bar
---@field on_control fun()? something waits at the control socket (live/control_socket.lua)
---@field on_input fun()? something was typed (cmd/repl.lua)
---@field on_failure fun(dead: Task)? hears of tasks that failed (the REPL, which goes on)
---@field trace fun(op: ffi.cdata*)? hears of requests that have settled (repl/trace.lua)
---@field on_refusal fun(reason: string, problem: string)? hears of orders that were refused before sending
---@field indicators_seen fun(symbol: string, list: table[])? hears of the bars that self:indicator was fed with
---@field after_handler fun()? hears when a handler has returned (live/state.lua)
---@field after_tasks fun()? hears when tasks beside the handlers have run
---@field between_events fun()? called once, when no handler runs (live/reload.lua)
local World = {}
World.__index = World

---@class WorldSetup
---@field pump table
---@field bt ffi.cdata*
---@field symbols ffi.cdata*
---@field symbol_names table<integer, string> by index, from 0
---@field symbol_count integer
---@field feed fun(symbol: string, interval: string?): integer, integer, ffi.cdata*? see Feeds
---@field log table
---@field markets table<integer, ffi.cdata*>?

---@param setup WorldSetup
---@return World
function M.new(setup)
  local view = setup.pump.view(setup.bt)
  local world = setmetatable({
    bt = setup.bt,
    pump = setup.pump,
    view = view,
    symbols = setup.symbols,
    symbol_names = setup.symbol_names,
    symbol_index = {},
    symbol_count = setup.symbol_count,
    markets = setup.markets,
    log = setup.log,
    listeners = { circuit = {}, alert = {} },
    stop_seconds = 10,
    waiting = waiting.new(),
    feeds = feeds_module.new(view, setup.feed),
    goes_on = setup.pump.stop_within ~= nil, -- on a real exchange time goes on after the end
    ended = false,
    stopping = false,
    moment = 0,
    calls_at_moment = 0,
  }, World)
  for i = 0, setup.symbol_count - 1 do
    world.symbol_index[setup.symbol_names[i]] = i
  end
  -- The methods of each call stand in the object itself: one that is found by way of the metatable costs the interpreter a call.
  world.perform, world.check_moment = World.perform, World.check_moment
  return world
end

---@return number # microseconds of the run's clock
function World:now() return tonumber(self.view.now_us) end

-- ---- what the pump delivers to the runtime ----

-- A breaker or an alert changed: logged, and told to whoever listens, each in a task of its own.
function World:tell_notice()
  local n = notices.read(self.view.notice)
  local fields = {}
  for _, name in ipairs(notices.fields[n.kind]) do
    fields[#fields + 1] = { name, n[name] }
  end
  self.log.fields(n.raised == false and "info" or "warn", n.kind, fields)
  for _, listener in ipairs(self.listeners[n.kind]) do
    local owner = listener.owner or self.owner
    if not (owner and owner.retired_us) then task.spawn(listener.fn, n).owner = owner end
  end
end

-- Deals with what is the runtime's.
function World:wake(kind)
  local view = self.view
  if kind == NOTICE then
    self:tell_notice()
  elseif kind == CONTROL then
    self.on_control()
  elseif kind == INPUT then
    self.on_input()
  elseif kind == OP then
    if not self.waiting:wake_op(view.op.slot) then
      if self.trace then self.trace(view.op) end
      self.pump.op_free(self.bt, view.op)
    end
  else
    self.waiting:wake_timer(view.timer)
  end
end

-- When no task is ready: lets the waiting strategy pump, or pumps for those that wait for answers and timers.
function World:pump_once()
  if self.idle_main then
    task.make_ready(self.idle_main)
    return true
  end
  local kind = self.pump.next(self.bt, not self.strategy)
  if kind >= OP then
    self:wake(kind)
  elseif kind == BAR then
    self.feeds:take()
  elseif kind == END then
    return false
  end
  return true
end

---Pumps for a loop over bars that nothing runs beside.
---@param feed integer
---@return boolean # whether a bar of that feed was delivered; false: something else is to be done first
function World:pump_for(feed)
  local next_thing, bt, view = self.pump.next, self.bt, self.view
  while not self.ended do
    local kind = next_thing(bt, true)
    if kind == BAR and view.feed == feed then return true end
    if kind >= OP then
      self:wake(kind)
      return false
    elseif kind == END then
      self.ended = true
      self:notice_end()
    end
  end
  return false
end

-- ---- calls and sleeps ----

-- While a live run is brought to its end (closing), or its script knows of the end, there is nothing to switch to: whatever
-- else comes is dealt with on the spot.
function World:wait_out(op)
  while true do
    local status = self.pump.wait(self.bt, op, false)
    if status ~= WAIT_OTHER then return status == WAIT_DONE end
    local kind = self.pump.next(self.bt, false)
    if kind >= OP then self:wake(kind) end
  end
end

---While the run is brought to its end: lets some time pass, and deals with what comes.
---@param seconds number
function World:pass_time(seconds)
  self.pump.timer(self.bt, seconds * 1e6, 0)
  local kind = self.pump.next(self.bt, false)
  if kind >= OP then self:wake(kind) end
end

-- A loop around calls that are answered, or fail, at once never ends where only waiting lets time pass.
function World:check_moment(op)
  local now = tonumber(self.view.now_us)
  if now ~= self.moment then
    self.moment, self.calls_at_moment = now, 0
  end
  self.calls_at_moment = self.calls_at_moment + 1
  if self.calls_at_moment <= CALLS_A_MOMENT then return end
  self.pump.op_free(self.bt, op)
  error(
    ("%d calls at one moment, and no time passes between them: a loop that asks again and again needs an api.sleep"):format(
      CALLS_A_MOMENT
    ),
    0
  )
end

-- A task of a script that was replaced may end what it is at, for a while.
function World:check_owner(op)
  local running = task.current()
  local owner = running and running.owner
  if owner and owner.retired_us and owner.retired_us + GRACE_US < self:now() then
    self.pump.op_free(self.bt, op)
    task.leave_with_owner()
  end
end

-- Time is over. A caller hears of it; one that asks again and again is let rest for good.
local function count_call_after_end()
  local me = task.current()
  me.calls_after_end = (me.calls_after_end or 0) + 1
  if me.calls_after_end > CALLS_AFTER_END then task.park() end
end

---Submits an operation and waits until it has settled.
---@param op ffi.cdata* struct api_call
---@return boolean # false: the run ended first
function World:perform(op)
  local pump, bt = self.pump, self.bt
  self:check_moment(op)
  if self.retired then self:check_owner(op) end
  if self.ended and not self.closing then count_call_after_end() end
  if self.closing or (self.ended and self.goes_on) then
    pump.submit(bt, op)
    return self:wait_out(op)
  end
  if task.current().read_only and C.endpoint_info(op.call.endpoint).mutating then
    local what = ffi.string(C.endpoint_info(op.call.endpoint).path)
    pump.op_free(bt, op)
    task.check_may_change(what)
  end
  pump.submit(bt, op)
  if op.done or not task.any_ready() then
    local status = pump.wait(bt, op, self.idle_main ~= nil)
    if status == WAIT_DONE then return true end
    if status == WAIT_END then
      if not self.ended then self:end_all(true) end
      return false
    end
  end
  local slot = op.slot
  self.waiting:add_op(slot)
  while not op.done and not self.ended do
    task.park()
  end
  self.waiting:remove_op(slot)
  return op.done or self.goes_on and self:wait_out(op)
end

---@param seconds number
function World:sleep(seconds)
  task.leave_with_owner()
  if self.ended then task.park() end -- for good: no time is left to pass
  local timers, id = self.waiting.timers, self.waiting:add_timer()
  self.pump.timer(self.bt, math.floor(seconds * 1e6 + 0.5), id)
  while timers[id] and not self.ended do
    task.park()
  end
end

---The tasks of a script that has been replaced end: those that sleep at once, others where they sleep next or wait for a task,
---so that what is to follow a call under way (the stop after its entry) still does; none asks on for longer than GRACE_US.
---@param owner { retired_us: number? } of the tasks
function World:retire(owner)
  self.retired, owner.retired_us = true, self:now()
  self.waiting:end_sleepers(owner, REPLACED)
end

-- ---- bars ----

---Makes bars be delivered to the strategy.
---@param symbol string
---@param interval string?
function World:subscribe(symbol, interval) self.feeds:add(symbol, interval, false) end

---@param symbol string
---@param interval string?
---@param history integer? bars of before that come first
---@return fun(): Bar? # an iterator, see market.bars
function World:bars(symbol, interval, history) return self.feeds:loop(self, symbol, interval, history) end

---@return number # milliseconds of the exchange's clock, as far as it is known
function World:exchange_ms() return math.floor(tonumber(self.view.now_us) / 1000) end

---Waits for the next thing for the strategy: calls on_bar(bar) or on_event(event) for each, until the data ends;
---on_wake() when other tasks have run meanwhile.
---@param on_bar fun(bar: Bar)
---@param on_event fun(event: ffi.cdata*)
---@param on_wake fun()
function World:main_loop(on_bar, on_event, on_wake)
  local next_thing, any_ready = self.pump.next, task.any_ready
  local bt, view, feeds, me = self.bt, self.view, self.feeds, task.current()
  local only_series, only_symbol = feeds.only_series, feeds.only_symbol
  -- Locals, and told of changes: they cost nothing in the loop, where fields would cost a tenth of it.
  feeds.on_change = function()
    only_series, only_symbol = feeds.only_series, feeds.only_symbol
  end
  while true do
    if any_ready() then
      self.idle_main = me
      task.park()
      self.idle_main = nil
      on_wake()
    end
    local kind = next_thing(bt, true)
    if kind == BAR and only_series then
      -- One series and no loop beside the strategy: the common case, kept free of look-ups.
      on_bar(NewBar(only_series, view.bar_index, only_symbol))
    elseif kind == BAR then
      if not feeds:take() then on_bar(feeds:bar()) end
    elseif kind == EVENT then
      on_event(view.event)
    elseif kind >= OP then
      self:wake(kind)
    else
      return
    end
  end
end

-- ---- the end ----

-- A plain script has noticed that the run is to end: its last lines have their time.
function World:notice_end()
  if self.goes_on and not self.strategy and not self.end_noticed then
    self.end_noticed = true
    self.pump.stop_within(self.bt, self.stop_seconds)
  end
end

---Ends the run: all that wait are woken, and hear of it.
---@param overdue boolean? the script has had its time
function World:end_all(overdue)
  self.ended = true
  if not overdue then self:notice_end() end
  self.waiting:wake_all()
  self.feeds:wake_all()
end

---Runs tasks until the main one is over and nothing is left to do.
---@param main Task
---@param on_dead fun(task: Task) hears of each that ended
function World:run(main, on_dead)
  self.main = main
  local pump, bt = self.pump, self.bt
  local rounds_after_end = 0
  while true do
    task.run_ready(on_dead)
    if self.stopping or self.relaunch then return end -- the strategy's loop begins again at this very moment
    if main.done and not self.ended then
      -- A live run that was asked to end waits for its strategy, not for tasks that may go on for ever.
      local enough = self.strategy and pump.stopping and pump.stopping(bt)
      if enough or not self:pump_once() then self:end_all() end
    elseif self.ended then
      rounds_after_end = rounds_after_end + 1
      if rounds_after_end > ROUNDS_AFTER_END or not task.any_ready() then return end
    elseif not self:pump_once() then
      self:end_all()
    end
  end
end

---One step for who drives the tasks alone.
---@return boolean # false when nothing will happen any more
function World:step()
  if self.ended then return false end
  if not self:pump_once() then self:end_all() end
  return true
end

---The run is to end, and its script has noticed: what it has left to do may take `seconds`; then its calls are ended. On a
---real exchange time goes on meanwhile, so calls and sleeps work (again).
---@param seconds number
function World:last_words(seconds)
  if not self.goes_on then return end
  self.pump.stop_within(self.bt, seconds)
  self.ended = false
  local me = task.current()
  if me then me.calls_after_end = 0 end
end

---Ends the run at once; nothing of the script is to run any more.
function World:stop()
  self.stopping, self.ended = true, true
end

---Gives everything back. The world is not to be used any more.
function World:close()
  task.reset()
  self.pump.free(self.bt)
end

return M

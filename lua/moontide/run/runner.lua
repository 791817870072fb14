---Runs a script in a world to its end: calls the handlers of a strategy one at a time, or runs a plain script's body, and deals
---with what fails.
---
---   on_start -> (on_bar | on_fill ... | on_timer)* -> on_stop
---                    | raises, and on_error took it: the loop begins again with the next event
local events = require "moontide.run.events"
local history = require "moontide.run.history"
local indicators = require "moontide.run.indicators"
local portfolio_brackets = require "moontide.portfolio.brackets"
local records = require "moontide.api.records"
local strategy_methods = require "moontide.run.strategy_methods"
local task = require "moontide.run.task"

local M = {}

---@class Runner
---@field world World
---@field strategy Strategy? the table of handlers in place; nil for a plain script
---@field main Task? the script's own task
---@field failure string? what ended the run
---@field error_task Task? runs on_error; what fails there ends the run
---@field pending_timers integer how often on_timer is due
---@field timer_number integer goes up when handlers are exchanged: the timers of the ones before end
---@field indicator_sets table<Strategy, IndicatorSet> what each table of handlers has asked self:indicator for
---@field after fun() hears when a handler has returned
---@field after_tasks fun() hears when tasks beside the handlers have run
local Runner = {}
Runner.__index = Runner

local function nothing() end

-- ---- what fails ----

-- What says only that the run is over is no failure: assert(api.get_ticker_price { ... }) in a loop ends so.
function Runner:is_end(err)
  return self.world.ended and type(err) == "table" and rawget(err, "kind") == "stopped"
end

-- Hears of every task that has ended.
function Runner:report(dead)
  if dead.ok or dead.reported or self:is_end(dead.error) then return end
  dead.reported = true
  if dead ~= self.main and dead.waited then return end
  local world, strategy = self.world, self.strategy
  if strategy and strategy.on_error and not self.failure and dead ~= self.error_task then
    self.error_task = task.spawn(strategy.on_error, strategy, dead.error, dead.traceback)
    self.error_task.owner = world.owner
    return
  end
  if world.on_failure then return world.on_failure(dead) end -- the REPL tells of it and goes on
  self.failure = self.failure or dead.traceback
  world:stop()
end

-- ---- handlers ----

-- A session that began inside a bar does so again, when its backtest (moontide explain) begins with the bar.
function Runner:wait_for_begin()
  local world = self.world
  if world.begins_us and world:now() < world.begins_us then
    world:sleep((world.begins_us - world:now()) / 1e6)
  end
end

function Runner:begin_timer()
  local me, mine = self.strategy, self.timer_number
  if not me.timer or not me.on_timer then return end
  task.spawn(function()
    self:wait_for_begin()
    while not self.world.ended and self.timer_number == mine do
      self.world:sleep(me.timer)
      if self.timer_number == mine then self.pending_timers = self.pending_timers + 1 end
    end
  end)
end

-- Puts a table of handlers in place; timers of the one before end. `owner` is whose the tasks are that it begins.
function Runner:take(me, owner)
  local world = self.world
  self.strategy, world.strategy, world.owner = me, me, owner
  self.indicator_sets[me] = self.indicator_sets[me] or indicators.new(world.indicators_seen)
  self.pending_timers, self.timer_number = 0, self.timer_number + 1
  if self.main then self.main.owner = owner end
  debug.setmetatable(me, self.metatable) -- hidden, and again after a reload that failed
  if me.state == nil then me.state = {} end
end

---Puts another table of handlers in place of the one that runs, and starts it. The tasks of the one before end, or those of the
---one that failed.
---@param me Strategy
---@return string? problem what its on_start failed with
function Runner:replace(me)
  local world = self.world
  local before = world.owner
  self:take(me, { before = before })
  local ok, problem = xpcall(function()
    if me.on_start then me:on_start() end
  end, debug.traceback)
  world:retire(ok and before or world.owner)
  if not ok then return problem end
  world.owner.before = nil
  self:begin_timer()
  self.after()
  return nil
end

---Undoes a `replace` that failed.
---@param me Strategy the one before
function Runner:restore(me)
  self:take(me, self.world.owner.before)
  self:begin_timer()
end

-- No handler runs: what asked for such a moment (a reload) has it.
function Runner:let_change()
  local change = self.world.between_events
  self.world.between_events = nil
  if change then change() end
end

-- Other tasks have run, or timers are due.
function Runner:wake()
  self:let_change()
  while self.pending_timers > 0 and not self.world.ended do -- after the end comes on_stop
    self.pending_timers = self.pending_timers - 1
    self.strategy:on_timer(math.floor(self.world:now() / 1000))
    self.after()
    self:let_change()
  end
  self.after_tasks()
end

-- An event, for the strategy's handlers and, behind them, for its orders that belong together. What the event says is read first:
-- a handler that waits lets others take its place.
function Runner:dispatch(event)
  local me, R = self.strategy, self.records
  if not portfolio_brackets.any(me.state) then return events.dispatch(me, event, R) end
  local symbol, id, status = events.order_of(event, R)
  events.dispatch(me, event, R)
  if symbol then self.world.brackets:hear(symbol, id, status) end
end

-- What the loop calls for a bar, and for an event.
function Runner:callbacks()
  local me, sets = self.strategy, self.indicator_sets
  if not self.world.after_handler and not (me.timer and me.on_timer) then
    -- A backtest's loop: one call a bar and nothing else.
    local handler, fed = me.on_bar or nothing, sets[me]
    local feeding = fed.count > 0 -- told of changes: a field would cost every bar a look-up
    fed.on_change = function() feeding = true end
    return function(bar)
      if feeding then fed:feed(bar) end
      return handler(me, bar)
    end, function(event) self:dispatch(event) end
  end
  -- A timer that became due while a handler waited is served when it returns: whether other tasks run meanwhile, the runtime's
  -- among them, makes no difference.
  local function returned()
    self.after()
    if self.pending_timers > 0 then self:wake() end
  end
  return function(bar)
    local warmed = self.warmed and self.warmed[bar.symbol]
    if warmed and bar.open_time <= warmed then return end
    sets[self.strategy]:feed(bar)
    if self.strategy.on_bar then self.strategy:on_bar(bar) end
    returned()
  end, function(event)
    self:dispatch(event)
    returned()
  end
end

-- Feeds on_bar with the bars of before the run, of all symbols by their time; orders are refused meanwhile.
function Runner:warm_up()
  local world, me = self.world, self.strategy
  local count = me.warmup or 0
  if count <= 0 or not me.on_bar then return end
  local all = {}
  self.warmed = {} -- by symbol: the newest bar fed, which the stream may tell once more
  for place, symbol in ipairs(me.symbols or {}) do
    local past, err = history.before(world, symbol, me.interval, count)
    if not past then error(err, 0) end
    if #past < count then
      world.log.warn("%s: %d bars of before for a warm-up of %d", symbol, #past, count)
    end
    for _, bar in ipairs(past) do
      all[#all + 1] = { bar.open_time, place, bar }
      self.warmed[symbol] = bar.open_time
    end
  end
  table.sort(all, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  world.warming = true
  for _, entry in ipairs(all) do
    self.indicator_sets[me]:feed(entry[3])
    me:on_bar(entry[3])
  end
  world.warming = false
  self.after()
end

-- ---- the run ----

-- The strategy's own task: on_start, the loop, on_stop. After an error that on_error took it begins again, where it was.
function Runner:body()
  local world = self.world
  if not self.started then
    self.started = true
    self:wait_for_begin()
    if self.strategy.on_start then self.strategy:on_start() end
    if portfolio_brackets.any(self.strategy.state) then world.brackets:resume() end -- of the run before
    self.after()
    self:warm_up()
    if self.pending_timers > 0 then self:wake() end
  end
  world:main_loop(self.on_bar, self.on_event, self.on_wake)
  if self.stopped then return end -- on_stop failed, and on_error took that: it is not tried again
  self.stopped = true
  if self.strategy.on_stop then
    world:last_words(world.stop_seconds)
    self.strategy:on_stop()
  end
  self.after()
end

function Runner:launch(body)
  self.main = task.spawn(body)
  self.main.owner = self.world.owner
end

-- After an error that on_error took, the loop goes on with the next event.
function Runner:loop()
  local world = self.world
  local function body() self:body() end
  repeat
    self:launch(body)
    local this = self.main
    world:run(this, function(dead)
      self:report(dead)
      if dead == this and not dead.ok and not self.failure then world.relaunch = true end
    end)
    local again = world.relaunch and not self.failure
    world.relaunch = false
  until not again
end

-- A handler that waits for what no longer comes, or asks on and on, is left behind; on_stop runs all the same.
function Runner:stop_late()
  local world, strategy = self.world, self.strategy
  if not self.started or self.stopped or world.stopping or not strategy.on_stop then return end
  self.stopped = true
  world.log.warn "a handler had not ended when its time was over; its calls were ended"
  world:last_words(world.stop_seconds)
  self.main = task.spawn(function()
    strategy:on_stop()
    self.after()
  end)
  world:run(self.main, function(dead) self:report(dead) end)
end

function Runner:run_strategy(strategy)
  local world = self.world
  self.metatable = { __index = strategy_methods.of(world), __metatable = false }
  self.indicator_sets = setmetatable({}, { __mode = "k" })
  world.indicators_of = function(me)
    return self.indicator_sets[me]
      or error("self:indicator is called with the strategy itself: self:indicator(...)", 3)
  end
  self.after = world.after_handler or nothing -- live: keeps self.state
  self.after_tasks = world.after_tasks or nothing -- what tasks beside the handlers have changed of it
  self:take(strategy, {})
  self.on_bar, self.on_event = self:callbacks()
  self.on_wake = function() self:wake() end
  self:begin_timer()
  self:loop()
  self:stop_late()
end

function Runner:run_plain(chunk)
  self.main = task.spawn(function()
    self:wait_for_begin()
    return chunk()
  end)
  self.world:run(self.main, function(dead) self:report(dead) end)
end

---Runs a strategy (or a plain chunk) to the end of the data.
---@param world World
---@param strategy Strategy? the table of handlers
---@param chunk function? the plain form's body
---@return string? failure what an unhandled error said, with its traceback
function M.run(world, strategy, chunk)
  local R = records.new(world.symbol_names)
  R.symbols = world.symbol_names
  local runner = setmetatable(
    { world = world, records = R, pending_timers = 0, timer_number = 0, started = false, stopped = false },
    Runner
  )
  world.runner = runner
  if strategy then
    runner:run_strategy(strategy)
  else
    runner:run_plain(chunk)
  end
  return runner.failure
end

return M

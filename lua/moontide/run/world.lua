---A world on the Lua side: tasks, waiting, and what the pump delivers. The C side is world/backtest/backtest.h or world/live/live.h.
local ffi = require "ffi"
local C = require "moontide.core"
local market_module = require "moontide.api.market"
local notices = require "moontide.api.notices"
local task = require "moontide.run.task"

local M = {}

local CALLS_A_MOMENT = 1000000
local GRACE_US = 10e6

---@class World
---@field now fun(): number microseconds of the virtual clock

---@param setup { pump: table, bt: ffi.cdata*, symbols: ffi.cdata*, symbol_names: string[], symbol_count: integer, feed: fun(symbol: string, interval: string?): integer, integer, ffi.cdata*?, log: table, markets: table? }
---`feed` makes bars of a symbol be delivered: the feed's number, the symbol's index, and their series when it stays the same.
---@return World
function M.new(setup)
  local bt, pump = setup.bt, setup.pump
  local view = pump.view(bt)
  local world = {
    bt = bt,
    pump = pump,
    view = view,
    symbols = setup.symbols,
    symbol_names = setup.symbol_names,
    symbol_index = {},
    symbol_count = setup.symbol_count,
    markets = setup.markets,
    strategy = nil,
    log = setup.log,
    listeners = { circuit = {}, alert = {} }, -- see api.on
    stop_seconds = 10,
  }
  for i = 0, setup.symbol_count - 1 do
    world.symbol_index[setup.symbol_names[i]] = i
  end

  local BAR, EVENT, OP, NOTICE = C.WORLD_BAR, C.WORLD_EVENT, C.WORLD_CALL, C.WORLD_NOTICE
  local CONTROL, INPUT = C.WORLD_CONTROL, C.WORLD_INPUT -- these, and those from OP on, are for the runtime
  local NewBar = market_module.Bar
  local parked_ops, parked_timers, next_timer = {}, {}, 1
  local parked_count = 0
  local feeds, feed_symbol = {}, {} -- by feed number: the queue of a market.bars loop, or false for the strategy
  local idle_main -- the strategy's task while it waits for something to be delivered
  local only_series, only_symbol -- set while a single series is delivered, to the strategy
  local ended = false
  local stopping = false
  local retired = false -- a script was replaced
  local goes_on = pump.stop_within ~= nil -- on a real exchange time goes on after the end
  local end_all, hear_end

  function world.now() return tonumber(view.now_us) end

  -- A breaker or an alert changed: logged, and told to whoever listens, each in a task of its own.
  local function tell_notice()
    local n = notices.read(view.notice)
    local fields = {}
    for _, name in ipairs(notices.fields[n.kind]) do
      fields[#fields + 1] = { name, n[name] }
    end
    world.log.fields(n.raised == false and "info" or "warn", n.kind, fields)
    for _, listener in ipairs(world.listeners[n.kind]) do
      local owner = listener.owner or world.owner
      if not (owner and owner.retired_us) then task.spawn(listener.fn, n).owner = owner end
    end
  end

  local function wake(kind)
    if kind == NOTICE then
      tell_notice()
    elseif kind == CONTROL then
      world.on_control() -- see live/control.lua
    elseif kind == INPUT then
      world.on_input() -- see repl/session.lua
    elseif kind == OP then
      local waiter = parked_ops[view.op.slot]
      if waiter and waiter.killed then
        parked_ops[view.op.slot] = nil
        if world.trace then world.trace(view.op) end
        pump.op_free(bt, view.op)
      elseif waiter then
        task.make_ready(waiter)
      end
    else
      local waiter = parked_timers[view.timer]
      parked_timers[view.timer] = nil
      if waiter then task.make_ready(waiter) end
    end
  end

  -- While a live run is brought to its end (world.closing), or its script knows of the end, there is nothing to switch to: whatever else comes is dealt with on
  -- the spot.
  local function wait_out(op)
    while true do
      local status = pump.wait(bt, op, false)
      if status ~= 1 then return status == 0 end
      local kind = pump.next(bt, false)
      if kind >= OP then wake(kind) end
    end
  end

  ---While the run is brought to its end: lets some time pass, and deals with what comes.
  function world.pass_time(seconds)
    pump.timer(bt, seconds * 1e6, 0)
    local kind = pump.next(bt, false)
    if kind >= OP then wake(kind) end
  end

  local moment, calls_at_moment = 0, 0

  -- A loop around calls that are answered, or fail, at once never ends where only waiting lets time pass.
  local function check_moment(op)
    local now = tonumber(view.now_us)
    if now ~= moment then
      moment, calls_at_moment = now, 0
    end
    calls_at_moment = calls_at_moment + 1
    if calls_at_moment > CALLS_A_MOMENT then
      pump.op_free(bt, op)
      error(
        ("%d calls at one moment, and no time passes between them: a loop that asks again and again needs an api.sleep"):format(
          CALLS_A_MOMENT
        ),
        0
      )
    end
  end

  ---The tasks of a script that has been replaced end: those that sleep at once, others where they sleep next or wait for a task,
  ---so that what is to follow a call under way (the stop after its entry) still does; none asks on for longer than GRACE_US.
  ---@param owner { retired_us: number? } of the tasks
  function world.retire(owner)
    retired, owner.retired_us = true, world.now()
    for id, sleeper in pairs(parked_timers) do
      if sleeper.owner == owner then
        parked_timers[id] = nil
        task.kill(sleeper, "another script has taken the place of this one")
      end
    end
  end

  ---Submits an operation and waits until it has settled. True unless the data ended first.
  function world.perform(op)
    check_moment(op)
    if retired then
      local running = task.current()
      local owner = running and running.owner
      if owner and owner.retired_us and owner.retired_us + GRACE_US < tonumber(view.now_us) then
        pump.op_free(bt, op)
        task.leave_with_owner()
      end
    end
    if ended and not world.closing then
      -- Time is over. A caller hears of it; one that asks again and again is let rest for good.
      local me = task.current()
      me.calls_after_end = (me.calls_after_end or 0) + 1
      if me.calls_after_end > 1000 then task.park() end
    end
    if world.closing or (ended and goes_on) then
      pump.submit(bt, op)
      return wait_out(op)
    end
    if task.current().read_only and C.endpoint_info(op.call.endpoint).mutating then
      local what = ffi.string(C.endpoint_info(op.call.endpoint).path)
      pump.op_free(bt, op)
      task.check_may_change(what)
    end
    pump.submit(bt, op)
    if op.done or not task.any_ready() then
      local status = pump.wait(bt, op, idle_main ~= nil)
      if status == 0 then return true end
      if status == 2 then
        if not ended then end_all(true) end
        return false
      end
    end
    local slot = op.slot
    local me = task.current()
    parked_count = parked_count + 1
    parked_ops[slot], me.parked_as = me, parked_count
    while not op.done and not ended do
      task.park()
    end
    parked_ops[slot] = nil
    return op.done or goes_on and wait_out(op)
  end

  function world.sleep(seconds)
    task.leave_with_owner()
    if ended then task.park() end -- for good: no time is left to pass
    local id = next_timer
    next_timer = next_timer % 1000000000 + 1
    parked_timers[id] = task.current()
    pump.timer(bt, math.floor(seconds * 1e6 + 0.5), id)
    while parked_timers[id] and not ended do
      task.park()
    end
  end

  local function add_feed(symbol, interval, queue)
    local feed, index, series = setup.feed(symbol, interval)
    feeds[feed], feed_symbol[feed] = queue, index
    only_series, only_symbol = feed == 0 and queue == false and series or nil, index
    return feed
  end
  function world.subscribe(symbol, interval) return add_feed(symbol, interval, false) end

  local function make_bar()
    return NewBar(view.series, view.bar_index, feed_symbol[view.feed], view.bar_recovered)
  end

  ---Waits for the next thing for the strategy: calls on_bar(bar) or on_event(event) for each, until the data ends;
  ---on_wake() when other tasks have run meanwhile.
  function world.main_loop(on_bar, on_event, on_wake)
    local next_thing, any_ready = pump.next, task.any_ready
    local me = task.current()
    while true do
      if any_ready() then
        idle_main = me
        task.park()
        idle_main = nil
        on_wake()
      end
      local kind = next_thing(bt, true)
      if kind == BAR and only_series then
        -- One series and no loop beside the strategy: the common case, kept free of look-ups.
        on_bar(NewBar(only_series, view.bar_index, only_symbol))
      elseif kind == BAR then
        local feed = view.feed
        if feeds[feed] == false then
          on_bar(make_bar())
        else
          local queue = feeds[feed]
          queue[#queue + 1] = make_bar()
          if queue.waiter then task.make_ready(queue.waiter) end
        end
      elseif kind == EVENT then
        on_event(view.event)
      elseif kind >= OP then
        wake(kind)
      else
        return
      end
    end
  end

  function world.bars(symbol, interval)
    local queue, first = {}, 1
    local feed = add_feed(symbol, interval, queue)
    world.plain_feeds = (world.plain_feeds or 0) + 1
    return function()
      task.check_can_wait "market.bars"
      -- The only loop over bars, and nothing else to do: take the bar straight from the pump.
      if not queue[first] and world.plain_feeds == 1 and not world.strategy and not task.any_ready() then
        while not ended do
          local kind = pump.next(bt, true)
          if kind == BAR and view.feed == feed then return make_bar() end
          if kind >= OP then
            wake(kind)
            break
          elseif kind == C.WORLD_END then
            ended = true
            hear_end()
          end
        end
      end
      while not queue[first] do
        if ended then return nil end
        queue.waiter = task.current()
        task.park()
        queue.waiter = nil
        task.leave_with_owner()
      end
      local bar = queue[first]
      queue[first] = nil
      first = first + 1
      if not queue[first] then
        first = 1
        for k in pairs(queue) do
          if type(k) == "number" then queue[k] = nil end
        end
      end
      return bar
    end
  end

  -- When no task is ready: let the waiting strategy pump, or pump for those that wait for answers and timers.
  local function pump_once()
    if idle_main then
      task.make_ready(idle_main)
      return true
    end
    local wants = not world.strategy
    local kind = pump.next(bt, wants)
    if kind >= OP then
      wake(kind)
    elseif kind == BAR then
      local queue = feeds[view.feed]
      if queue then
        queue[#queue + 1] = make_bar()
        if queue.waiter then task.make_ready(queue.waiter) end
      end
    elseif kind == C.WORLD_END then
      return false
    end
    return true
  end

  -- A plain script has noticed that the run is to end: its last lines have their time.
  local heard
  function hear_end()
    if goes_on and not world.strategy and not heard then
      heard = true
      pump.stop_within(bt, world.stop_seconds)
    end
  end

  function end_all(overdue)
    ended = true
    if not overdue then hear_end() end
    -- In the order of their calls: slots differ from run to run, and a replay must do as the run did.
    local waiting = {}
    for _, waiter in pairs(parked_ops) do
      waiting[#waiting + 1] = waiter
    end
    table.sort(waiting, function(a, b) return a.parked_as < b.parked_as end)
    for _, waiter in ipairs(waiting) do
      task.make_ready(waiter)
    end
    for id, waiter in pairs(parked_timers) do
      parked_timers[id] = nil
      task.make_ready(waiter)
    end
    for _, queue in pairs(feeds) do
      if queue and queue.waiter then task.make_ready(queue.waiter) end
    end
  end

  ---Runs tasks until the main one is over and nothing is left to do. `on_dead` hears of each that ended.
  function world.run(main, on_dead)
    world.main = main
    local rounds_after_end = 0
    while true do
      task.run_ready(on_dead)
      if stopping or world.relaunch then return end -- the strategy's loop begins again at this very moment
      if main.done and not ended then
        -- A live run that was asked to end waits for its strategy, not for tasks that may go on for ever.
        local enough = world.strategy and pump.stopping and pump.stopping(bt)
        if enough or not pump_once() then end_all() end
      elseif ended then
        rounds_after_end = rounds_after_end + 1
        if rounds_after_end > 3 or not task.any_ready() then return end
      elseif not pump_once() then
        end_all()
      end
    end
  end

  ---One step for who drives the tasks alone: false when nothing will happen any more.
  function world.step()
    if ended then return false end
    if not pump_once() then end_all() end
    return true
  end

  ---The run is to end, and its script has noticed: what it has left to do may take `seconds`; then its calls are ended. On a
  ---real exchange time goes on meanwhile, so calls and sleeps work (again).
  function world.last_words(seconds)
    if not goes_on then return end
    pump.stop_within(bt, seconds)
    ended = false
    local me = task.current()
    if me then me.calls_after_end = 0 end
  end

  function world.stop()
    stopping, ended = true, true
  end
  function world.has_ended() return ended end
  function world.was_stopped() return stopping end -- by world.stop: nothing of the script is to run any more
  function world.close()
    task.reset()
    pump.free(bt)
  end

  return world
end

return M

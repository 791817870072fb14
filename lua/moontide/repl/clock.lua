---The pump of a world that is looked at from a terminal: that of a backtest, held back. A made market's time follows the wall
---clock; that of data stands still at the prompt and moves while a line waits, or as far as it was told to (:step, :run).
local C = require "moontide.core"
local pump = require "moontide.run.pump"
local task = require "moontide.run.task"

local M = {}

local real = pump.backtest
local BAR, END, PAUSE, INPUT = C.WORLD_BAR, C.WORLD_END, C.WORLD_PAUSE, C.WORLD_INPUT
local FOREVER = 9e18
local UNHEARD_MAX = 200

---@class ReplClock
---@field pump table for moontide.run.world
---@field bars integer bars delivered so far
---@field turns integer things delivered so far: where a run stands, exactly
---@field busy boolean a line waits, so time may pass
---@field goal { bars: integer?, until_us: number?, reached: fun(at_end: boolean) }? how far to go by itself
---@field at_end boolean the data are used up
---@field quitting boolean
---@field script table[] what is to be typed again, in order: { turns, fn }
---@field starved fun()? a line waits, and nothing will answer it any more

-- What a run that is left answers: its tasks are never heard of again.
local function leave()
  if task.current() then task.park() end
  return INPUT
end

-- The next thing of a synthetic market: its time is brought up to the wall's before what is typed is taken up; a market that falls
-- behind is interrupted for it.
local function next_by_the_wall(clock, terminal, o)
  local started, speed = tonumber(C.live_clock_us()), o.speed or 1
  local unheard = 0 -- deliveries since the terminal was looked at
  local function wall() return started + (tonumber(C.live_clock_us()) - started) * speed end
  return function(bt, wants)
    while true do
      local main = o.world().main
      if clock.quitting and (wants or not main or main.done) then return END end
      if not clock.quitting and C.terminal_signal(terminal, true) ~= 0 then return INPUT end
      C.backtest_until(bt, wall())
      local kind = real.next(bt, wants)
      if kind ~= PAUSE then
        unheard = unheard + 1
        if unheard > UNHEARD_MAX and not clock.quitting then
          unheard = 0
          if C.terminal_wait(terminal, 0, -1) ~= 0 then o.world().on_input() end
        end
        if kind == BAR then clock.bars = clock.bars + 1 end
        return kind
      end
      unheard = 0
      if clock.quitting and C.backtest_pending(bt) == 0 then return END end
      local due = (tonumber(C.backtest_due_us(bt)) - wall()) / speed
      if C.terminal_wait(terminal, math.max(0, math.min(due, 1e6)), -1) ~= 0 and not clock.quitting then
        return INPUT
      end
    end
  end
end

local function reach(clock, at_end)
  local goal = clock.goal
  clock.goal = nil
  goal.reached(at_end)
end

-- Whether something is to be done at this very moment, before anything else is delivered: a line typed again, a goal reached, a line
-- that nothing will answer.
local function due_now(clock, wants)
  local line = clock.script[clock.next_line]
  if line and line.turns == clock.turns and (line.cancels or not clock.busy) then
    clock.next_line = clock.next_line + 1
    line.fn()
    return true
  end
  local goal = clock.goal
  if goal and wants and not clock.busy and (clock.at_end or (goal.bars and clock.bars >= goal.bars)) then
    reach(clock, clock.at_end)
    return true
  end
  if clock.at_end and clock.busy and not task.any_ready() then
    clock.starved()
    return true
  end
  return false
end

-- The next thing of data: time stands still at the prompt, and moves while a line waits or up to a goal.
local function next_of_data(clock, terminal, o)
  return function(bt, wants)
    local view = real.view(bt)
    while true do
      if clock.leaving then return leave() end
      local main = o.world().main
      wants = wants or (main ~= nil and main.done)
      if clock.quitting and (wants or clock.at_end or C.backtest_pending(bt) == 0) then return END end
      if not clock.quitting and C.terminal_signal(terminal, true) ~= 0 then return INPUT end
      if due_now(clock, wants) then return INPUT end
      local goal = clock.goal
      if not goal and not clock.busy and not clock.quitting and wants then
        C.terminal_wait(terminal, -1, -1)
        return INPUT
      end
      C.backtest_until(bt, goal and goal.until_us or FOREVER)
      local kind = real.next(bt, wants)
      if kind == PAUSE then
        if not clock.busy then
          reach(clock, false)
          return INPUT
        end
        C.backtest_until(bt, FOREVER) -- the line typed goes on past the moment that was asked for
        goal.until_us = nil
        goal.bars = clock.bars
      elseif kind == END then
        clock.at_end = true
      else
        clock.turns = clock.turns + 1
        if kind == BAR then
          clock.bars = clock.bars + 1
          clock.bar_us = tonumber(view.now_us)
        end
        return kind
      end
    end
  end
end

---@param terminal ffi.cdata*
---@param o { made: boolean, speed: number?, world: fun(): World } made: a synthetic market, by the wall clock
---@return ReplClock
function M.new(terminal, o)
  local clock = {
    bars = 0,
    turns = 0,
    busy = false,
    at_end = false,
    quitting = false,
    leaving = false,
    script = {},
    next_line = 1,
  }
  clock.pump = setmetatable({
    next = (o.made and next_by_the_wall or next_of_data)(clock, terminal, o),
    -- Waits are the loop's, where the terminal is heard.
    wait = function(bt, op, wants)
      if op.done then return real.wait(bt, op, wants) end
      return 1
    end,
  }, { __index = real })
  return clock
end

return M

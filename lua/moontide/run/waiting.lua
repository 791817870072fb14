---Tasks that wait for the answer of a call or for a time: who is woken by what.
local task = require "moontide.run.task"

local M = {}

local TIMER_MAX = 1000000000

---@class Waiting
---@field ops table<integer, Task> by the slot of the operation
---@field timers table<integer, Task> by the timer's number
local Waiting = {}
Waiting.__index = Waiting

---@return Waiting
function M.new() return setmetatable({ ops = {}, timers = {}, next_timer = 1, op_count = 0 }, Waiting) end

---The running task begins to wait for an operation.
---@param slot integer
function Waiting:add_op(slot)
  local me = task.current()
  self.op_count = self.op_count + 1
  self.ops[slot], me.parked_as = me, self.op_count
end

---@param slot integer
function Waiting:remove_op(slot) self.ops[slot] = nil end

---An operation has settled.
---@param slot integer
---@return boolean # false: its task was ended meanwhile, and nobody will look at the operation any more
function Waiting:wake_op(slot)
  local waiter = self.ops[slot]
  if waiter and waiter.killed then
    self.ops[slot] = nil
    return false
  end
  if waiter then task.make_ready(waiter) end
  return true
end

---The running task begins to wait for a timer.
---@return integer id of the timer
function Waiting:add_timer()
  local id = self.next_timer
  self.next_timer = id % TIMER_MAX + 1
  self.timers[id] = task.current()
  return id
end

---@param id integer
function Waiting:wake_timer(id)
  local waiter = self.timers[id]
  self.timers[id] = nil
  if waiter then task.make_ready(waiter) end
end

---Ends those that sleep for a script that has been replaced.
---@param owner table
---@param why string
function Waiting:end_sleepers(owner, why)
  for id, sleeper in pairs(self.timers) do
    if sleeper.owner == owner then
      self.timers[id] = nil
      task.kill(sleeper, why)
    end
  end
end

---Wakes all of them.
function Waiting:wake_all()
  -- In the order of their calls: slots differ from run to run, and a replay must do as the run did.
  local list = {}
  for _, waiter in pairs(self.ops) do
    list[#list + 1] = waiter
  end
  table.sort(list, function(a, b) return a.parked_as < b.parked_as end)
  for _, waiter in ipairs(list) do
    task.make_ready(waiter)
  end
  for id, waiter in pairs(self.timers) do
    self.timers[id] = nil
    task.make_ready(waiter)
  end
end

return M

---Tasks: coroutines that wait without blocking, and the loop that runs them in a backtest.
---
---   ready -> running -> parked (an api call, a sleep, another task) -> ready ... -> dead
---
---A task that waits yields a private sentinel. `coroutine.resume` and `coroutine.wrap` are replaced so that a script's
---own coroutines pass that sentinel outwards to the task they run in. LuaJIT carries a yield through pcall, metamethods
---and iterators; it cannot carry one through a C function that called back (table.sort, string.gsub), so those are
---wrapped to say what is wrong.
local native_resume, native_yield = coroutine.resume, coroutine.yield
local native_status, native_create = coroutine.status, coroutine.create

local M = {}

local PARK = {} -- the sentinel
local ready, head, tail = {}, 1, 0
local current -- the task now running
local blocked_in -- name of the C function that is calling back, while it does

---A function that runs beside others: api.spawn and api.async start one.
---@class Task
---@field done boolean
---@field ok boolean? whether it returned rather than raised
---@field outside boolean? none of the script's: started from outside (a control socket), and so are those it starts
local Task = {}
Task.__index, Task.__metatable = Task, false -- of a script no task is more than what it can call

-- As it is printed: `task 3 (grid.lua:12) waits`.
function Task:__tostring()
  local info = self.fn and debug.getinfo(self.fn, "S")
  local name = "task"
    .. (self.number and " " .. self.number or "")
    .. (
      info
        and not info.source:find "/lua/moontide/"
        and (" (%s:%d)"):format(info.source:gsub("^[@=]", ""), info.linedefined)
      or ""
    )
  if not self.done then return name .. (self.queued and " is ready" or " waits") end
  if self.ok then return name .. " has ended" end
  return ("%s %s: %s"):format(
    name,
    self.killed and "was ended" or "failed",
    tostring(self.results and self.results[1])
  )
end

---What a script holds of a task: it can ask and wait, and reaches nothing of the task itself.
---@class TaskHandle
---@field done boolean
---@field ok boolean? whether it returned rather than raised
local Handle = { __metatable = false }
local task_of = setmetatable({}, { __mode = "k" })

local function wait_of(handle)
  local task = task_of[handle] or error("wait is called as task:wait()", 2)
  return Task.wait(task)
end

function Handle.__index(handle, name)
  local task = task_of[handle]
  if name == "wait" then return wait_of end
  if name == "done" or name == "ok" then return task[name] end
  return nil
end

function Handle.__newindex() error("a task cannot be changed", 2) end
function Handle.__tostring(handle) return Task.__tostring(task_of[handle]) end

---@param task Task
---@return TaskHandle # for a script
function M.handle(task)
  local handle = setmetatable({}, Handle)
  task_of[handle] = task
  return handle
end

---@param value any
---@return Task? # that of a handle, or the task itself
function M.of(value)
  if type(value) ~= "table" then return nil end
  return task_of[value] or (debug.getmetatable(value) == Task and value or nil)
end

local function make_ready(task)
  if not task.queued and not task.done then
    task.queued = true
    tail = tail + 1
    ready[tail] = task
  end
end
M.make_ready = make_ready

---@return Task? # the task now running
function M.current() return current end

---@return boolean # whether some task could run now
function M.any_ready() return head <= tail end

---Raises where the caller could not wait.
---@param what string the call's name, for the message
function M.check_can_wait(what)
  if blocked_in then
    error(
      ("%s waits, and inside a %s nothing can wait; collect what you need first"):format(what, blocked_in),
      3
    )
  end
  if not current then error(what .. " waits, and this code does not run in a task", 3) end
end

---Leaves the processor until somebody makes the task ready again.
function M.park()
  local task = current
  native_yield(PARK)
  current = task
  if task.raise then
    local message = task.raise
    task.raise = nil
    error(message, 0)
  end
end

---Makes what a parked task waits for raise.
---@param task Task
---@param message string
function M.fail(task, message)
  task.raise = message
  make_ready(task)
end

---Runs `fn` with tasks of its own, while those outside stand still, and returns what it returns.
---@param fn function
---@return any ...
function M.apart(fn)
  local outer = { ready, head, tail, current, blocked_in }
  ready, head, tail, current, blocked_in = {}, 1, 0, nil, nil
  local function back(ok, ...)
    ready, head, tail, current, blocked_in = unpack(outer, 1, 5)
    if not ok then error(..., 0) end
    return ...
  end
  return back(pcall(fn))
end

---Lets the other ready tasks run, then goes on.
function M.pass()
  make_ready(current)
  M.park()
end

-- Tasks that are not over, while somebody wants to know (the REPL's :tasks).
local alive

---From now on keeps track of tasks, for `M.all`.
function M.watch() alive = alive or setmetatable({}, { __mode = "k" }) end

---@return Task[] # those not over that were started since `M.watch`, oldest first
function M.all()
  local list = {}
  for task in pairs(alive or {}) do
    if not task.done then list[#list + 1] = task end
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

---Raises in code that may only look (a task whose `read_only` is set, and those it starts).
---@param what string the call's name, for the message
function M.check_may_change(what)
  if current and current.read_only then
    -- Where in the runtime that was found is of no concern to whom it is shown.
    error(("%s changes something, and this connection may only read; attach with --write"):format(what), 0)
  end
end

---Starts a task; it runs when the current one waits or ends.
---@param fn function
---@param ... any its arguments
---@return Task
function M.spawn(fn, ...)
  local task = setmetatable({
    done = false,
    outside = current and current.outside,
    arguments = { n = select("#", ...), ... },
    co = native_create(fn),
  }, Task)
  if current then
    task.guard, task.read_only = current.guard, current.read_only
  end
  if alive then
    M.count = (M.count or 0) + 1
    task.number, task.fn = M.count, fn
    alive[task] = true
  end
  make_ready(task)
  return task
end

---As `M.spawn`, of the script whose task runs now: it ends with that script (task.owner, { retired_us: number? }; see world.retire).
---@param fn function
---@param ... any its arguments
---@return TaskHandle
function M.spawn_owned(fn, ...)
  local task = M.spawn(fn, ...)
  task.owner = current and current.owner
  return M.handle(task)
end

---Ends a task that waits, for good; whoever waits for it is told `err`. What it waits for goes on.
---@param task Task
---@param err any
function M.kill(task, err)
  if task.done then return end
  task.done, task.ok, task.killed, task.results = true, false, true, { n = 1, err }
  task.reported = true
  if alive then alive[task] = nil end
  for _, waiter in ipairs(task.waiters or {}) do
    make_ready(waiter)
  end
  task.waiters = nil
end

---Ends the running task for good when its script has been replaced.
function M.leave_with_owner()
  local owner = current and current.owner
  if not owner or not owner.retired_us then return end
  M.kill(current, "another script has taken the place of this one")
  M.park()
end

---Waits until the task is over.
---
---Errors: what the task raised comes back as nil, err; raises where nothing can wait.
---@return any ... what its function returned; nil, err when it raised
function Task:wait()
  M.check_can_wait "task:wait"
  self.waited = true -- somebody hears of its error
  while not self.done do
    self.waiters = self.waiters or {}
    self.waiters[#self.waiters + 1] = current
    M.park()
    M.leave_with_owner()
  end
  self.seen = true
  if self.ok then return unpack(self.results, 1, self.results.n) end
  return nil, self.results[1]
end

---What an error value of a script says; one whose own text fails is told by its kind.
---@param e any
---@return string
function M.error_text(e)
  local ok, text = pcall(tostring, e)
  if ok and type(text) == "string" then return text end
  return ("an error (%s) whose text cannot be made: %s"):format(
    type(e),
    ok and "no string" or M.error_text(text)
  )
end

local function finish(task, ok, ...)
  if alive then alive[task] = nil end
  task.done, task.ok, task.results = true, ok, { n = select("#", ...), ... }
  if not ok then
    local text = M.error_text((...))
    task.traceback = debug.traceback(task.co, text)
    task.error = ...
    if task.on_failure then task.on_failure(text) end
  end
  for _, waiter in ipairs(task.waiters or {}) do
    make_ready(waiter)
  end
  task.waiters = nil
end

local function after_resume(task, ok, ...)
  if not ok then return finish(task, false, ...) end
  if native_status(task.co) == "dead" then return finish(task, true, ...) end
  if (...) ~= PARK then finish(task, false, "coroutine.yield outside a coroutine of the script's own") end
end

---Runs the tasks that are ready until none is left.
---@param on_dead fun(task: Task) told of each task that ended
function M.run_ready(on_dead)
  while head <= tail do
    local task = ready[head]
    ready[head] = nil
    head = head + 1
    if head > tail then
      head, tail = 1, 0
    end
    task.queued = false
    if not task.done then -- killed while it was ready
      current = task
      local arguments, guard = task.arguments, task.guard
      if guard then guard.enter() end
      if arguments then
        task.arguments = nil
        after_resume(task, native_resume(task.co, unpack(arguments, 1, arguments.n)))
      else
        after_resume(task, native_resume(task.co))
      end
      if guard then guard.leave() end
      current = nil
      if task.done then on_dead(task) end
    end
  end
end

---Forgets all tasks (a run is over).
function M.reset()
  if alive then alive = setmetatable({}, { __mode = "k" }) end
  ready, head, tail, current = {}, 1, 0, nil
end

-- A script's own coroutine yielded: if it is the runtime's yield, pass it to the outer coroutine and come back in.
local function pass_outwards(co, ok, ...)
  if ok and (...) == PARK then
    native_yield(PARK)
    return pass_outwards(co, native_resume(co))
  end
  return ok, ...
end

local function resume(co, ...) return pass_outwards(co, native_resume(co, ...)) end

local function wrap(fn)
  local co = native_create(fn)
  local function check(ok, ...)
    if not ok then error(..., 0) end
    return ...
  end
  return function(...) return check(resume(co, ...)) end
end

-- Wraps a C function that calls back, so that an api call inside the callback gives a message that helps.
local function guard(what, fn, position)
  return function(...)
    if type((select(position, ...))) ~= "function" then return fn(...) end
    local outer = blocked_in
    blocked_in = what
    local function leave(ok, ...)
      blocked_in = outer
      if not ok then error(..., 0) end
      return ...
    end
    return leave(pcall(fn, ...))
  end
end

---Puts the coroutine-aware versions in place, once a process.
function M.install()
  if M.installed then return end
  M.installed = true
  coroutine.resume, coroutine.wrap = resume, wrap -- luacheck: ignore 122
  table.sort = guard("table.sort comparator", table.sort, 2) -- luacheck: ignore 122
  string.gsub = guard("string.gsub callback", string.gsub, 3) -- luacheck: ignore 122
  local native_require = require
  _G.require = function(name)
    if package.loaded[name] ~= nil then return package.loaded[name] end
    local outer = blocked_in
    blocked_in = "module's body (require)"
    local function leave(ok, ...)
      blocked_in = outer
      if not ok then error(..., 0) end
      return ...
    end
    return leave(pcall(native_require, name))
  end
end

return M

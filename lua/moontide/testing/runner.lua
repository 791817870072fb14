---How busted and the worlds of moontide.testing meet: each test body runs as a task, and the globals `api`, `market` and `log`
---work on the world of the test that runs.
local task = require "moontide.run.task"
local testing = require "moontide.testing"

local M = {}

local running -- a test, with what stands before and after it
local loose -- a task of the test's own that failed, and nobody waited for
local worlds = {} -- of the test that runs, the last one counts

local function forget()
  for _, world in ipairs(worlds) do
    world:_close()
  end
  worlds, loose = {}, nil
end

function testing.on_world(world)
  if not running then return end
  for i, other in ipairs(worlds) do
    if other == world then
      table.remove(worlds, i)
      break
    end
  end
  worlds[#worlds + 1] = world
end

local function current(name)
  if not running then error(name .. " exists inside it and before_each; no test runs here yet", 3) end
  return worlds[#worlds] or testing.world()
end

local function face(name, of)
  return setmetatable({}, {
    __index = function(_, key)
      local value = of(current(name):_open())[key]
      if value == nil then error(("%s.%s: no such name"):format(name, tostring(key)), 2) end
      return value
    end,
  })
end

-- Sleeping past the end of the market would wait for ever.
function testing.on_open(world)
  local w = world.session.world
  local sleep = w.sleep
  function w:sleep(seconds)
    if not self.ended then sleep(self, seconds) end
    if self.ended then error("the market of this world has ended: give testing.world more bars", 3) end
  end
end

-- Runs `fn` as a task until it is over, time passing in the test's world as it waits.
local function drive(fn)
  task.install()
  local main, told = task.spawn(fn), false
  local function on_dead(dead)
    if dead ~= main and not dead.ok and not dead.waited then loose = loose or dead end
  end
  while true do
    task.run_ready(on_dead)
    if main.done then break end
    local world = worlds[#worlds]
    local session = world and world.session
    if not session or not session.world:step() then
      if told then error("the test waits for something that never happens", 0) end
      told = true
      task.fail(
        main,
        "the test waits for something that never happens: every task waits and the market of this world has ended"
      )
    end
  end
  task.reset()
  if not main.ok then error(main.error, 0) end
end

---Puts itself around busted's way of running a test.
---@param busted table its core
function M.install(busted)
  _G.api = face("api", function(session) return session.api end)
  _G.market = face("market", function(session) return session.market end)
  _G.log = face("log", function(session) return session.world.log end)
  local safe = busted.safe

  -- The body of a test, within the test: errors of its tasks are its own.
  local function body(run, element)
    local status, more = safe("it", run, element)
    if loose and status:success() then
      return safe("it", function() error(loose.traceback, 0) end, element)
    end
    return status, more
  end

  function busted.safe(descriptor, run, element)
    if descriptor ~= "it" then return safe(descriptor, run, element) end
    if running then return body(run, element) end
    forget()
    running = true
    local status
    local ok, problem = pcall(drive, function() status = safe(descriptor, run, element) end)
    running = nil
    if not ok then
      return safe(descriptor, function() error(problem, 0) end, element)
    end
    return status
  end
  busted.subscribe({ "exit" }, function()
    forget()
    return nil, true
  end)
end

return M

---Calls of the API manager itself: its settings, its measurements, what it tells unasked.
local manager_settings = require "moontide.api.manager_settings"
local metrics = require "moontide.api.metrics"
local task = require "moontide.run.task"

local M = {}

---Puts the calls into `api` (described in moontide/meta/calls.lua).
---@param api table
---@param world World
function M.install(api, world)
  local bt, pump = world.bt, world.pump

  local function configure(settings, level)
    manager_settings.apply(world.config, settings, level + 1)
    pump.configure(bt, world.config, world.view.now_us)
  end

  function api.configure(settings)
    if type(settings) ~= "table" then error("api.configure takes a table", 2) end
    task.check_may_change "api.configure"
    configure(settings, 3)
  end

  function api.get_metrics()
    local m = metrics.read(pump.metrics(bt, world.view.now_us))
    m.shared = tonumber(world.view.shared)
    return m
  end

  function api.on(name, fn)
    local list = world.listeners[name]
      or error(("api.on: no event '%s'; circuit, alert"):format(tostring(name)), 2)
    if type(fn) ~= "function" then error("api.on takes a function", 2) end
    list[#list + 1] = { fn = fn, owner = task.current() and task.current().owner }
  end

  function api.start(workers)
    task.check_may_change "api.start"
    if workers ~= nil then configure({ workers = workers }, 3) end
    pump.manager_start(bt)
  end

  function api.stop()
    task.check_may_change "api.stop"
    pump.manager_stop(bt, world.view.now_us)
  end
end

return M

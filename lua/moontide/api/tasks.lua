---Calls that wait for time or for tasks, and the one that starts tasks.
local task = require "moontide.run.task"

local M = {}

---The log's words for how severe an alert is.
M.alert_levels = { info = "info", warning = "warn", critical = "error" }

---Puts the calls into `api` (described in moontide/meta/calls.lua).
---@param api table
---@param world World
function M.install(api, world)
  function api.sleep(seconds)
    if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
      error("api.sleep takes seconds, 0 or more", 2)
    end
    task.check_can_wait "api.sleep"
    world:sleep(seconds)
  end

  function api.spawn(fn, ...)
    if type(fn) ~= "function" then error("api.spawn takes a function", 2) end
    return task.spawn_owned(fn, ...)
  end

  function api.all(list)
    if type(list) ~= "table" then error("api.all takes a list of tasks or functions", 2) end
    task.check_can_wait "api.all"
    local tasks, results = {}, {}
    for i, entry in ipairs(list) do
      local one = type(entry) == "function" and task.spawn_owned(entry) or entry
      tasks[i] = task.of(one) or error(("api.all: entry %d is no task and no function"):format(i), 2)
    end
    for _, t in ipairs(tasks) do
      t.waited = true -- an error of one is heard here, however late its turn
    end
    for i, t in ipairs(tasks) do
      local value, err = t:wait()
      if value == nil and err ~= nil then value = { error = err } end
      results[i] = value == nil and false or value
    end
    return results
  end

  function api.alert(text, o)
    local severity = type(o) == "table" and o.severity or "warning"
    if type(text) ~= "string" or (o ~= nil and type(o) ~= "table") then
      error("api.alert takes a text, and { severity = } after it", 2)
    end
    local level = M.alert_levels[severity]
      or error(("api.alert: no severity '%s'; info, warning, critical"):format(tostring(severity)), 2)
    if world.alert then
      world.alert(severity, text)
    else
      world.log[level]("%s", "alert: " .. text)
    end
  end

  function api.now() return math.floor(world:now() / 1000) end
end

return M

---A changed script in the place of the one that runs, at a point where no handler runs: the run's account, streams, orders and
---self.state go on; everything else of the script begins anew, its on_start included. A script that cannot be loaded, or whose
---on_start fails, leaves the old one running.
local C = require "moontide.core"
local control = require "moontide.live.control_socket"
local host = require "moontide.lua_host"
local journal = require "moontide.live.journal"
local loader = require "moontide.run.loader"
local strategy_module = require "moontide.run.strategy"
local task = require "moontide.run.task"

local M = {}

local POLL_S, WAIT_S = 0.25, 0.05

-- The declarations that only a restart can change.
local function warn_of_fixed(s, new)
  local function differs(a, b) return a ~= nil and table.concat(a, " ") ~= table.concat(b, " ") end
  if differs(new.symbols, s.names) and not s.options.symbol then
    s.log.warn("%s: other symbols need a restart; %s go on", s.path, table.concat(s.names, " "))
  end
  if new.interval and new.interval ~= s.interval and not s.options.interval then
    s.log.warn("%s: another interval needs a restart; %s goes on", s.path, s.interval)
  end
end

local function load(s)
  local script = loader.load(s.path, s.load_options)
  if script.plain then
    error("a plain script cannot take the place of a running one: it has no handlers", 0)
  end
  local params = strategy_module.parameters(script.self.params, loader.sets(s.options.set), s.path)
  return script, params
end

---Loads the script anew, and puts it in place as soon as no handler runs.
---@param s LiveSession
---@return boolean? ok true: it is loaded, and will be put in place
---@return string? problem why the old one goes on, in one line
function M.request(s)
  if s.script.plain then
    return nil, "a plain script cannot be reloaded: it has no handlers to put in place"
  end
  if s.recorder then return nil, "cannot reload while recording: a recording holds one script" end
  local ok, script, params = pcall(load, s)
  if not ok then
    local problem = tostring(script):match "[^\n]+"
    s.log.error("%s is not reloaded, the old one goes on: %s", s.path, problem)
    return nil, problem
  end
  s.reloading = true
  s.world.between_events = function()
    local new, old = script.self, s.script
    warn_of_fixed(s, new)
    script.env.api, script.env.market = s.script.env.api, s.script.env.market
    new.state, new.symbols, new.params, new.interval = old.self.state, { unpack(s.names) }, params, s.interval
    if s.adopt then s.adopt(script) end
    s.script = script
    local failed = s.world.runner:replace(new)
    s.reload_problem = failed and "on_start: " .. tostring(failed):match "[^\n]+" or nil
    if failed then
      s.script = old
      s.world.runner:restore(old.self)
      s.log.error("%s is not reloaded, the old one goes on: %s", s.path, s.reload_problem)
    else
      s.log.info("%s is reloaded", s.path)
      journal.note(s, "reloaded")
    end
    local mask = strategy_module.event_mask(s.script.self)
    if s.events then
      s.events(mask)
    else
      C.live_events(s.l, mask)
    end
    s.reloading = s.world.between_events ~= nil -- asked for again meanwhile
  end
  -- Wakes the strategy where nothing else does.
  task.spawn(function()
    while s.world.between_events and not s.world.ended do
      s.world:sleep(WAIT_S)
    end
  end)
  return true
end

---As `M.request`, and waits until the new script is in place, or the old one goes on.
---@param s LiveSession
---@return boolean? ok
---@return string? problem
function M.now(s)
  local ok, problem = M.request(s)
  if not ok then return nil, problem end
  while s.reloading and not s.world.ended do
    s.world:sleep(WAIT_S)
  end -- its on_start, which may wait, included
  if s.reload_problem then return nil, s.reload_problem end
  return true
end

control.on("reload", function(s)
  local ok, problem = M.now(s)
  if not ok then return nil, problem end
  return { script = s.path }
end)

---Reloads whenever the script's file has changed, or one beside it that it requires. Editors write a new file and rename it, or
---write in place: a change counts once all files are there and have stood still for one look.
---@param s LiveSession
function M.watch(s)
  local seen, tried -- stamps of the look before, and of those that were loaded last
  -- The files as they are now, and whether they are still those of the script in place.
  local function look()
    local stamps, changed = {}, false
    for i, file in ipairs(s.script.files) do
      stamps[i] = host.file_stamp(file.path)
      if not stamps[i] then return nil end
      changed = changed or stamps[i] ~= file.stamp
    end
    return table.concat(stamps, " "), changed
  end
  task.spawn(function()
    while not s.world.ended do
      s.world:sleep(POLL_S)
      local stamps, changed = look()
      if changed and stamps == seen and stamps ~= tried then
        tried = stamps
        M.request(s)
      end
      seen = stamps
    end
  end)
end

return M

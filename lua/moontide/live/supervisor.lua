---The supervisor: one worker process a script, watched from outside (C side: process/supervisor.h). It runs no strategy's code and
---talks to no exchange: what a worker leaves behind is cancelled by a process of its own, which tries until it has succeeded.
---
---     running --(crash, hang, memory)--> cleaning --> waiting --> running
---        |                                   |
---        +--(ends by itself)--> ended        +--> halted     (no restarts left, stopped meanwhile, on_failure = "halt")
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local alert_sender = require "moontide.live.alert_sender"
local alert_targets = require "moontide.live.alert_targets"
local alerts = require "moontide.live.alerts"
local connect = require "moontide.live.connect"
local failures = require "moontide.failure"
local folder = require "moontide.live.folder"
local host = require "moontide.lua_host"
local loader = require "moontide.run.loader"
local log_file = require "moontide.live.log_file"
local run_ends = require "moontide.live.run_ends"
local run_file = require "moontide.live.run_file"
local settings_module = require "moontide.live.settings"

local M = {}

local STARTING_S = 60 -- connecting may take so much longer than hang_seconds
local HEEDING_S = 10 -- and one told to halt and to go on, for so long
local ASLEEP_S = 1 -- a supervisor that does not tick for so long was stopped itself (Ctrl-Z, a suspended machine)
local STOPPING_S = 2 -- a worker told to stop may hold the loop so long
local WORKERS_PART = 0.7 -- of --stop-timeout: after that its orders are cancelled for it, in what is left
local HOUR_US = 3600e6
local signal_names = {
  [2] = "SIGINT",
  [4] = "SIGILL",
  [6] = "SIGABRT",
  [7] = "SIGBUS",
  [8] = "SIGFPE",
  [9] = "SIGKILL",
  [11] = "SIGSEGV",
  [15] = "SIGTERM",
}
local crash_modes = { cancel = "cancel", flatten = "flatten", keep = "keep" }

local function now_us() return math.floor(host.monotonic() * 1e6) end

---@class SupervisedWorker
---@field name string
---@field path string of its script
---@field folder string
---@field state "running"|"cleaning"|"waiting"|"ended"|"halted"
---@field process integer? of the worker or of what cleans up after it
---@field stopping boolean told to end
---@field flatten boolean its positions are to be closed
---@field status integer its exit status, once it has ended

-- ---- starting -----------------------------------------------------------------------------------------------------

local function arguments(v, w, extra)
  local list = { host.exe, v.command }
  for _, a in ipairs(extra) do
    list[#list + 1] = a
  end
  local again = #w.restarts > 0
  local seconds = again and w.script_us and v.options["for"]
  for _, a in ipairs(v.options.argv) do
    -- A worker that takes the place of a killed one does not begin anew, and has what is left of the time.
    local anew = again and (a == "--reset" or a == "--forget-state")
    local time = seconds and a:find "^%-%-for="
    if not (anew or time) then list[#list + 1] = a end
  end
  if seconds then
    list[#list + 1] = ("--for=%.1f"):format(math.max(0.1, seconds - (now_us() - w.script_us) / 1e6))
  end
  list[#list + 1] = w.path
  return list
end

local function spawn(v, w, extra, heart)
  local list = arguments(v, w, extra)
  local words = ffi.new("const char *[?]", #list + 1, list)
  words[#list] = nil -- LuaJIT leaves the rest of such an array as it was
  local message = ffi.new "struct errmsg"
  local memory = heart and (v.settings.memory + 256) * 1048576 or 0 -- the kernel's bound lies above ours: what it refuses is a crash
  local fd = ffi.new("int[1]", -1)
  local process = v.secrets and C.secrets_pass(v.secrets, fd, message) or 0
  if process == 0 then
    local prefix = v.several and w.name .. "| " or nil
    process = C.supervisor_start(v.s, words, prefix, heart, fd[0], memory, message)
  end
  C.secrets_close(fd[0])
  if process < 0 then
    v.log.error("%s cannot be started: %s", w.name, ffi.string(message.text))
    w.state, w.status = "halted", 1
    return
  end
  w.process = process
end

local function start(v, w)
  w.state, w.reason, w.warned, w.compared = "running", nil, nil, nil
  w.started_us, w.began_us = now_us(), tonumber(C.live_clock_us())
  spawn(v, w, { "--worker", ("3:%d:%d"):format(v.pid, #w.restarts) }, true)
end

local function clean(v, w)
  w.state, w.cleaned_flat, w.gave_up = "cleaning", w.flatten, nil
  local mode = w.flatten and "flatten" or w.halting and "all" or crash_modes[v.settings.on_crash]
  v.log.warn(
    "%s: %s",
    w.name,
    ({
      cancel = "its open orders are being cancelled",
      all = "the open orders of its symbols are being cancelled",
      flatten = "the open orders of its symbols are being cancelled, its positions closed",
      keep = "its open orders are kept",
    })[mode]
  )
  -- A run that was asked to end has its time; behind one that died it is tried until it succeeds.
  local left = w.stopping and w.urgent_us and v.settings.stop_timeout - (now_us() - w.urgent_us) / 1e6
  spawn(v, w, { "--clean-up", left and ("%s:%.1f"):format(mode, math.max(1, left - 0.5)) or mode }, false)
end

-- ---- telling ------------------------------------------------------------------------------------------------------

local json = cjson.new()

local function answer(v, socket, client, fields)
  local text = json.encode(fields)
  C.control_socket_send(C.supervisor_control(v.s, socket), client, text, #text)
end

local function rest_answers(v, w, state)
  for _, wait in ipairs(w.waiting) do
    answer(
      v,
      w.socket,
      wait.client,
      { id = wait.id, ok = true, state = state, killed = w.killed or false, status = w.status }
    )
  end
  w.waiting = {}
end

-- A worker has come to rest: whoever waits for that is told.
local function rest(v, w, state, status)
  w.state, w.status = state, status
  rest_answers(v, w, state)
end

-- ---- stopping -----------------------------------------------------------------------------------------------------

-- o: flatten, halt (the kill switch: as the run's own on_halt says, where it is alive to hear it)
local function stop(v, w, o)
  if o.flatten then w.flatten = true end
  if o.halt then w.halting = true end -- should it have to be killed, it is not started again
  if w.state == "running" then
    if not (o.halt and v.settings.on_halt == "stay") then w.stopping = true end
    w.urgent_us = w.urgent_us or now_us()
    local bits = (w.flatten and C.HEART_FLATTEN or 0) + (o.halt and C.HEART_HALT or 0)
    C.supervisor_command(v.s, w.process, bits)
    C.supervisor_signal(v.s, w.process, o.halt and 10 or 15)
  elseif w.state == "waiting" then
    w.stopping = true
    if w.flatten then
      clean(v, w)
    else
      rest(v, w, "halted", 1)
    end
  else
    w.stopping = true
    w.urgent_us = w.urgent_us or now_us()
  end
end

local function on_signal(v, number)
  if number == 10 then
    v.log.warn("the kill switch was pulled (SIGUSR1)")
    for _, w in ipairs(v.workers) do
      stop(v, w, { halt = true, flatten = v.settings.halt_flatten })
    end
    return
  end
  v.interrupts = v.interrupts + 1
  if v.interrupts == 1 then
    for _, w in ipairs(v.workers) do
      stop(v, w, {})
    end
  elseif v.interrupts == 2 then
    v.log.warn "asked again to stop: workers are killed, their open orders cancelled; once more leaves at once"
    for _, w in ipairs(v.workers) do
      if w.state == "running" then
        w.reason = "was killed on demand"
        C.supervisor_signal(v.s, w.process, 9)
      end
    end
  else
    v.left = true
  end
end

-- ---- watching -----------------------------------------------------------------------------------------------------

local function kill(v, w, reason)
  w.reason = reason
  v.log.error("%s %s: killed", w.name, reason)
  C.supervisor_signal(v.s, w.process, 9)
end

-- Workers are confined before their scripts load, so they cannot see each other's symbols: told here, once a pair.
local function compare(v, w)
  w.compared = true
  local mine = run_file.read(w.folder)
  for _, other in ipairs(v.workers) do
    local facts = other ~= w and other.compared and other.state == "running" and run_file.read(other.folder)
    if facts and mine and mine.mode == "live" and facts.mode == "live" then
      for _, symbol in ipairs(run_file.shared(mine, facts)) do
        v.log.warn(run_file.SHARED, symbol, other.name)
      end
    end
  end
end

local function watch(v, w, t)
  local heart = C.supervisor_heart(v.s, w.process)
  -- Since we woke, should all of us have been stopped together.
  local quiet = math.min(tonumber(heart.quiet_us) / 1e6, (t - v.awake_us) / 1e6)
  local limit = v.settings.hang_seconds + (heart.phase == C.HEART_STARTING and STARTING_S or 0)
  if w.urgent_us and (w.stopping or t - w.urgent_us < HEEDING_S * 1e6) then
    -- Told to stop, it may not hang; how long it has already is no excuse.
    if quiet > math.min(limit, STOPPING_S) and t - w.urgent_us > STOPPING_S * 1e6 then
      return kill(v, w, ("does not react to the stop: its script has held the loop for %.1f s"):format(quiet))
    end
  end
  if w.urgent_us and w.stopping and t - w.urgent_us > WORKERS_PART * v.settings.stop_timeout * 1e6 then
    return kill(v, w, ("was told to stop %.0f s ago and has not ended"):format((t - w.urgent_us) / 1e6))
  end
  if quiet > limit then return kill(v, w, ("hangs for %.1f s"):format(quiet)) end
  if heart.started and not w.compared then compare(v, w) end
  if heart.phase == C.HEART_SCRIPT and quiet > 0.05 and w.warned ~= heart.turns and heart.started then
    w.warned = heart.turns
    v.log.warn(
      "%s: its script holds the loop, for %.0f ms so far; past %g s it is killed",
      w.name,
      quiet * 1000,
      v.settings.hang_seconds
    )
  end
  local resident = tonumber(C.supervisor_resident(v.s, w.process))
  if resident > v.settings.memory * 1048576 then
    kill(
      v,
      w,
      ("holds %.0f MB of memory, beyond its %.0f (--memory)"):format(resident / 1048576, v.settings.memory)
    )
  end
end

local function halt_file_there(v, w)
  return host.file_mode(w.folder .. "/halt")
    or (v.settings.halt_file and host.file_mode(v.settings.halt_file))
end

local function on_tick(v)
  local t = now_us()
  if t - v.ticked_us > ASLEEP_S * 1e6 then
    v.log.warn("this process was stopped for %.1f s", (t - v.ticked_us) / 1e6)
    v.awake_us = t
  end
  v.ticked_us = t
  for _, w in ipairs(v.workers) do
    if w.state == "running" and not w.reason then
      local started = C.supervisor_heart(v.s, w.process).started
      if started then w.script_us = w.script_us or t end
      local over = v.options["for"] and w.script_us and t - w.script_us > v.options["for"] * 1e6
      if over and not w.urgent_us and started then
        w.stopping, w.urgent_us = true, t
      end -- it ends by itself, or is ended
      watch(v, w, t)
      -- A worker that can, has seen the file itself.
      if not w.halting and not w.reason and started and halt_file_there(v, w) then
        stop(v, w, { halt = true, flatten = v.settings.halt_flatten })
      end
    elseif w.state == "waiting" and t >= w.again_us then
      start(v, w)
    elseif w.state == "cleaning" and w.stopping and w.urgent_us and not w.gave_up then
      w.gave_up = t - w.urgent_us > v.settings.stop_timeout * 1e6
      if w.gave_up then C.supervisor_signal(v.s, w.process, 9) end
    end
  end
end

-- ---- ends ---------------------------------------------------------------------------------------------------------

local function restart_or_halt(v, w)
  if w.over then return rest(v, w, "ended", 0) end
  if w.stopping or w.halting then return rest(v, w, "halted", 1) end
  local t, recent = now_us(), {}
  for _, at in ipairs(w.restarts) do
    if t - at < HOUR_US then recent[#recent + 1] = at end
  end
  w.restarts = recent
  if v.settings.on_failure == "halt" or #recent >= v.settings.restarts then
    v.log.error(
      "%s is halted: %s",
      w.name,
      v.settings.on_failure == "halt" and "on_failure says so"
        or ("it failed %d times within an hour"):format(#recent + 1)
    )
    return rest(v, w, "halted", 1)
  end
  recent[#recent + 1] = t
  local pause = math.min(60, 2 ^ (#recent - 1))
  v.log.warn("%s starts again in %g s", w.name, pause)
  w.state, w.again_us, w.urgent_us = "waiting", t + pause * 1e6, nil
end

local function how_it_ended(status, signal)
  if signal ~= 0 then return ("was killed by %s"):format(signal_names[signal] or "signal " .. signal) end
  return ("ended with status %d, not in order"):format(status)
end

-- It could not write that itself.
local function write_end(v, w, how)
  local problem = run_ends.write(
    w.folder,
    w.reason and "killed by the supervisor: " .. w.reason or (how:gsub("^was ", "")),
    tonumber(C.live_clock_us()),
    w.began_us
  )
  if problem then v.log.warn("%s: how it ended could not be written: %s", w.name, problem) end
end

local function worker_ended(v, w, status, signal)
  local heart = C.supervisor_heart(v.s, w.process)
  -- Its script is over, but the exchange would not do all that was asked of it: that is done until it does.
  local left = signal == 0
    and status == 0
    and heart.phase ~= C.HEART_ENDED
    and heart.started
    and v.can_clean
    and (w.flatten or not v.settings.keep_orders)
  local in_order = signal == 0 and not left and (status == 0 or heart.phase == C.HEART_ENDED)
  C.supervisor_forget(v.s, w.process)
  w.process = nil
  if in_order then return rest(v, w, "ended", status) end
  if signal == 0 and not heart.started then
    -- It never began: it has said why. What fails at the first start fails again; after a crash it may be the network.
    if #w.restarts == 0 or w.stopping then return rest(v, w, "ended", status) end
    return restart_or_halt(v, w)
  end
  if left then
    w.over = true
    v.log.warn("%s has ended, but its orders are not known to be gone", w.name)
    return clean(v, w)
  end
  local how = how_it_ended(status, signal)
  if not w.reason then v.log.error("%s %s", w.name, how) end
  write_end(v, w, how)
  w.killed = true
  if heart.started and v.can_clean then
    clean(v, w)
  else
    restart_or_halt(v, w)
  end
end

local function cleaner_ended(v, w, status, signal)
  C.supervisor_forget(v.s, w.process)
  w.process = nil
  if signal == 0 and status == 0 then
    if w.flatten and not w.cleaned_flat then return clean(v, w) end -- asked for meanwhile
    return restart_or_halt(v, w)
  end
  if signal ~= 0 and not w.gave_up then
    v.log.error(
      "%s: cleaning up was cut short (%s); once more",
      w.name,
      signal_names[signal] or "signal " .. signal
    )
    return clean(v, w)
  end
  v.log.error(
    w.stopping and "%s: its orders could not be cancelled within --stop-timeout: look at its open orders"
      or "%s: its orders could not be cancelled; it is not started again",
    w.name
  )
  rest(v, w, "halted", 1)
end

local function on_exit(v, view)
  for _, w in ipairs(v.workers) do
    if w.process == view.process then
      if w.state == "cleaning" then
        cleaner_ended(v, w, view.status, view.signal)
      else
        worker_ended(v, w, view.status, view.signal)
      end
      return
    end
  end
end

-- ---- being asked --------------------------------------------------------------------------------------------------

local function status_of(v, w)
  local out = {
    name = w.name,
    script = w.path,
    mode = v.command,
    state = w.state,
    supervisor = v.pid,
    restarts = #w.restarts,
    status = w.status,
  }
  if w.state == "running" then
    local heart = C.supervisor_heart(v.s, w.process)
    out.pid = C.supervisor_pid(v.s, w.process)
    out.quiet = tonumber(heart.quiet_us) / 1e6
    out.in_script = heart.phase == C.HEART_SCRIPT
    out.memory = tonumber(C.supervisor_resident(v.s, w.process))
    out.uptime = (now_us() - w.started_us) / 1e6
  end
  return out
end

local function on_request(v, socket)
  local r = C.control_socket_next(C.supervisor_control(v.s, socket))
  if r == nil then return end
  local w
  for _, candidate in ipairs(v.workers) do
    if candidate.socket == socket then w = candidate end
  end
  local ok, request = pcall(json.decode, ffi.string(r.text, r.size))
  if not ok or type(request) ~= "table" then
    return answer(v, socket, r.client, { ok = false, error = "a request is one line of JSON" })
  end
  local id = request.id
  if request.cmd == "status" then
    local out = status_of(v, w)
    out.id, out.ok = id, true
    answer(v, socket, r.client, out)
  elseif request.cmd == "stop" or request.cmd == "halt" then
    w.waiting[#w.waiting + 1] = { client = r.client, id = id }
    if w.state == "ended" or w.state == "halted" then return rest(v, w, w.state, w.status) end
    v.log.warn("%s: asked to %s%s", w.name, request.cmd, request.flatten and " and to close positions" or "")
    stop(v, w, { flatten = request.flatten, halt = request.cmd == "halt" })
    if w.state == "running" and not w.stopping then rest_answers(v, w, "running") end -- halted, it goes on
  else
    answer(
      v,
      socket,
      r.client,
      { id = id, ok = false, error = ("no command '%s'; status, stop, halt"):format(tostring(request.cmd)) }
    )
  end
end

-- ---- life ---------------------------------------------------------------------------------------------------------

local function listen(v, w)
  local message = ffi.new "struct errmsg"
  w.folder = folder.make(w.name)
  w.socket = C.supervisor_listen(v.s, w.folder .. "/supervisor.sock", message)
  if w.socket == C.ERR_FULL then
    C.supervisor_free(v.s)
    failures.raise(
      1,
      "run '%s' is going on already, in another process; stop it, or give this one another --name",
      w.name
    )
  elseif w.socket < 0 then
    C.supervisor_free(v.s)
    failures.raise(1, "%s", ffi.string(message.text))
  end
end

local function workers_of(command, options)
  local list, seen = {}, {}
  for _, path in ipairs(options) do
    local name = folder.name(options, path, command == "paper" and "-paper" or nil)
    if seen[name] then
      failures.raise(
        2,
        "two scripts make one run's name, '%s'%s",
        name,
        options.name and ": --name is for one script" or ""
      )
    end
    seen[name] = true
    list[#list + 1] = {
      name = name,
      path = path,
      restarts = {},
      waiting = {},
      state = "running",
      stopping = false,
      flatten = false,
    }
  end
  if #list > C.SUPERVISED_MAX then
    failures.raise(2, "%d scripts are more than %d", #list, C.SUPERVISED_MAX)
  end
  return list
end

local function all_at_rest(v)
  for _, w in ipairs(v.workers) do
    if w.state ~= "ended" and w.state ~= "halted" then return false end
  end
  return true
end

-- A process that sends the alerts of the workers, and of this one: what is said of a worker stands among its own.
local function start_alerts(v)
  local settings = alert_targets.settings(v.options)
  if not settings then return end
  alert_targets.read(v.options) -- what is wrong with a target is said before anything trades
  local folders = {}
  for i, w in ipairs(v.workers) do
    folders[i] = w.folder
  end
  local first = v.workers[1]
  local opened, problem = alerts.open {
    folder = first.folder,
    run = v.several and "supervisor" or first.name,
    settings = settings,
    now = function() return math.floor(tonumber(C.live_clock_us()) / 1000) end,
  }
  if not opened then
    v.log.warn("no alerts: %s", problem)
    return
  end
  v.alerts = opened
  alerts.listen(v.log, opened.raise)
  alert_sender.start(v.options, folders, v.pid)
end

---Runs scripts under supervision until each has come to rest.
---@param command "live"|"paper"
---@param options table
---@param can_clean boolean a killed worker leaves something behind that can be cleaned up
---@return integer status 0 when all ended in order, else the worst of theirs
function M.run(command, options, can_clean)
  local v = {
    command = command,
    options = options,
    settings = settings_module.run(options),
    workers = workers_of(command, options),
    interrupts = 0,
    pid = require("moontide.live.status").pid,
    can_clean = can_clean,
  }
  v.several = #v.workers > 1
  v.awake_us = now_us()
  v.ticked_us = v.awake_us
  if v.several and options.record and not require("moontide.record.recorder").is_folder(options.record) then
    failures.raise(
      2,
      "--record %s: several scripts need a folder there, in which each has a file of its own",
      options.record
    )
  end
  if v.several and settings_module.log_place(options) then
    failures.raise(2, "--log-file is for one script: several keep their logs in the folders of their runs")
  end
  v.log = loader.log(options, function() return tonumber(C.live_clock_us()) end)
  -- Workers get them by a pipe each: no environment holds them, and this process shows its memory to no other of the user.
  if can_clean and not options["key-file"] and not options["market-only"] then
    v.secrets = connect.secrets(options)
  end
  C.secrets_forget_environment()
  C.confinement_hide_memory()
  local out, message = ffi.new "struct supervisor *[1]", ffi.new "struct errmsg"
  if C.supervisor_new(out, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  v.s = out[0]
  for _, w in ipairs(v.workers) do
    listen(v, w)
  end
  log_file.share(v.log, v.workers, v.settings)
  start_alerts(v)
  for _, w in ipairs(v.workers) do
    start(v, w)
  end
  v.ticked_us = now_us()
  local view = C.supervisor_view(v.s)
  while not all_at_rest(v) and not v.left do
    local event = C.supervisor_next(v.s)
    if event == C.SUPERVISOR_TICK then
      on_tick(v)
    elseif event == C.SUPERVISOR_EXIT then
      on_exit(v, view)
    elseif event == C.SUPERVISOR_SIGNAL then
      on_signal(v, view.signal)
    else
      on_request(v, view.socket)
    end
  end
  local status = v.left and 130 or 0
  for _, w in ipairs(v.workers) do
    status = math.max(status, w.status or 1)
  end
  C.supervisor_free(v.s)
  if v.alerts then v.alerts.close() end
  return status
end

return M

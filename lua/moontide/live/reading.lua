---Code that only reads a run runs in a copy of its process (C side: process/reading_process.h): what it changes is the copy's, and what
---it computes or takes without end ends the copy and not the run. Calls of the exchange go to the run, which makes those that read.
local buffer = require "string.buffer"
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local control = require "moontide.live.control_socket"
local errors = require "moontide.error"
local host = require "moontide.lua_host"
local state_form = require "moontide.run.state_form"
local task = require "moontide.run.task"
local walls = require "moontide.run.walls"

ffi.cdef "int usleep(unsigned);"

local M = {}

local MEMORY = 256 * 1048576
local PROCESSOR_US = 2e6
local LINE_S = 3600
local KEPT_MAX = 1048576

local under_way = {} -- by ticket: what the copy has asked and answered

local function plain_error(err)
  return type(err) == "table" and { err.kind, err.message, err.code or false, err.status or false }
    or { "invalid", tostring(err), false, false }
end

-- ---- in the copy ----

local function ask(fd, fields)
  local text = cjson.encode(fields)
  local line, size = ffi.new "char *[1]", ffi.new "size_t[1]"
  if
    C.control_socket_write(fd, text, #text) ~= 0
    or C.control_socket_read(fd, LINE_S * 1e6, line, size) ~= 0
  then
    C.reading_process_end() -- nobody is there any more
  end
  local answer = cjson.decode(ffi.string(line[0], size[0]))
  C.control_socket_line_free(line[0])
  return answer
end

-- A call that the run makes for us: its values, or nil, err.
local function call(fd, ticket, name, ...)
  local ok, arguments = pcall(buffer.encode, { n = select("#", ...), ... })
  if not ok then error(name .. ": its arguments are plain data", 3) end
  local answer =
    ask(fd, { cmd = "reading", ticket = ticket, name = name, arguments = state_form.to_hex(arguments) })
  if not answer.ok then error(answer.error, 3) end
  local values = buffer.decode(state_form.from_hex(answer.values))
  if values.err then
    local e = values.err
    return nil, errors.new(e[1], e[2], e[3] or nil, e[4] or nil)
  end
  return unpack(values, 1, values.n)
end

-- What typed code has as `api`.
local function api_of(fd, ticket, api)
  local safe = { async = {} }
  local function forbidden() error("this connection may only read; attach with --write to trade", 2) end
  for name, fn in pairs(api) do
    if
      name == "now"
      or name == "all"
      or name == "spawn"
      or name == "get_metrics"
      or name == "get_exchange_info"
    then
      safe[name] = fn
    elseif type(fn) == "function" then
      safe[name] = name:find "^get_" and function(...) return call(fd, ticket, name, ...) end or forbidden
    end
  end
  for name in pairs(api.async) do
    local fn = safe[name]
    safe.async[name] = name:find "^get_" and function(...) return task.spawn_owned(fn, ...) end or forbidden
  end
  function safe.request(method, ...)
    if type(method) ~= "string" or method:upper() ~= "GET" then forbidden() end
    return call(fd, ticket, "request", method, ...)
  end
  function safe.sleep(seconds)
    if type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds then
      error("api.sleep takes seconds, 0 or more", 2)
    end
    local until_s = host.monotonic() + seconds
    while host.monotonic() < until_s do
      ffi.C.usleep(math.min(100000, (until_s - host.monotonic()) * 1e6 + 1))
      ask(fd, { cmd = "reading", ticket = ticket }) -- ends the copy when nobody waits for it
    end
  end
  return safe
end

-- Runs to its end here; never returns.
local function be_copy(fd, ticket, api, work)
  pcall(function()
    walls.enter { read = { "/" } } -- nothing is written, started or told to others, be the run's own script trusted
    local answer
    local ok, problem = pcall(task.apart, function()
      work(
        api_of(fd, ticket, api),
        function(...) answer = { ... } end,
        function(text) ask(fd, { cmd = "reading", ticket = ticket, print = text }) end
      )
      while not answer do
        if not task.any_ready() then
          answer = { false, "it waits for what does not come while it only reads" }
          break
        end
        task.run_ready(function() end)
      end
    end)
    if not ok then answer = { false, tostring(problem) } end
    ask(fd, {
      cmd = "reading",
      ticket = ticket,
      done = true,
      good = answer[1],
      text = answer[2] or cjson.null,
      kept = answer[3],
    })
  end)
  C.reading_process_end()
end

-- ---- in the run ----

control.on("reading", function(s, request)
  local r = under_way[request.ticket]
  if not r then return nil, "no line of that kind is under way" end
  if request.done then
    r.kept = type(request.kept) == "string" and #request.kept <= KEPT_MAX and request.kept or nil
    r.done, r.good, r.text = true, request.good, request.text ~= control.null and request.text or nil
    return {}
  end
  if request.print then
    r.print(tostring(request.print))
    return {}
  end
  local name = request.name
  if not name then return r.over and nil or {}, "nobody waits for it any more" end
  if type(name) ~= "string" or not (name:find "^get_" or name == "request") then
    return nil, "not a call that reads"
  end
  task.current().read_only = true
  local ok, arguments = pcall(function() return buffer.decode(state_form.from_hex(request.arguments)) end)
  if not ok or type(arguments) ~= "table" or type(arguments.n) ~= "number" or arguments.n > 16 then
    return nil, "its arguments cannot be read"
  end
  local function results(called, ...)
    if not called then error((...), 0) end
    local first, err = ...
    if first == nil and err ~= nil then return { n = 0, err = plain_error(err) } end
    return { n = select("#", ...), ... }
  end
  local good, values = pcall(
    function() return results(pcall(s.api[name], unpack(arguments, 1, arguments.n))) end
  )
  if not good then return nil, tostring(values) end
  return { values = state_form.to_hex(buffer.encode(values)) }
end)

---Runs `work(api, done, print)` in a copy of this process, and waits for what it gives `done`.
---@param s LiveSession
---@param o { print: fun(text: string), began: fun(cancel: fun())? }
---@param work fun(api: table, done: fun(ok: boolean, text: string?, kept: string?), print: fun(text: string))
---@return boolean ok
---@return string? text
---@return string? kept what `done` was given as a third
function M.run(s, o, work)
  local ticket, message = host.unguessable(), ffi.new "struct errmsg"
  local r = { print = o.print }
  under_way[ticket] = r
  local socket = s.world.pump.control(s.world.bt)
  local p = ffi.new "struct reading_process"
  if C.reading_process_start(socket, MEMORY, PROCESSOR_US, p, message) ~= 0 then
    under_way[ticket] = nil
    return false, ffi.string(message.text)
  end
  if p.client == 0 then be_copy(p.fd, ticket, s.api, work) end
  local client = p.client
  if o.began then o.began(function() r.over = true end) end
  local pause = 0.005
  while not r.done and not r.over and C.control_socket_connected(socket, client) and not s.world.ended do
    s.world:sleep(pause)
    pause = math.min(0.05, pause * 1.5)
  end
  under_way[ticket] = nil
  C.control_socket_drop(socket, client)
  C.reading_process_reap()
  if r.done then return r.good == true, r.text, r.kept end
  if r.over then return false, "cancelled" end
  return false,
    ("it was ended: it computed for more than %g s, or took more than %d MB"):format(
      PROCESSOR_US / 1e6,
      MEMORY / 1048576
    )
end

return M

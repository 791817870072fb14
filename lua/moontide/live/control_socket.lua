---The control socket of a paper or live run (C side: process/control_socket.h): requests are lines of JSON, `{"id":1,"cmd":"status"}`,
---and so are answers, `{"id":1,"ok":true,...}` or `{"id":1,"ok":false,"error":"..."}`.
---
---A handler runs in a task of its own: it may wait, and is answered for while the script waits. A script that computes holds
---the loop, and with it the answers. Further commands are added by `on`.
local ffi = require "ffi"
local cjson = require "cjson"
local C = require "moontide.core"
local daily = require "moontide.live.daily"
local kill_switch = require "moontide.live.kill_switch"
local status = require "moontide.live.status"
local task = require "moontide.run.task"

local json = cjson.new()
json.encode_invalid_numbers "null"
json.decode_invalid_numbers(false)

local M = { null = cjson.null }
local handlers = {}

---@class ControlClient
---@field send fun(fields: table): boolean a further line for the same request, before its answer; false: the client is gone
---@field connected fun(): boolean

---Adds (or replaces) a command.
---@param name string
---@param fn fun(session: LiveSession, request: table, client: ControlClient): table?, string? the answer's fields, or nil and what is wrong
function M.on(name, fn) handlers[name] = fn end

local function send(control, client, fields)
  local ok, text = pcall(json.encode, fields)
  if not ok then
    text =
      json.encode { id = fields.id, ok = false, error = "the answer cannot be written: " .. tostring(text) }
  end
  return C.control_socket_send(control, client, text, #text)
end

local function run_handler(s, control, number, request)
  local client = {
    send = function(fields)
      fields.id, fields.more = request.id, true
      return send(control, number, fields)
    end,
    connected = function() return C.control_socket_connected(control, number) end,
  }
  local ok, fields, problem = xpcall(
    function() return handlers[request.cmd](s, request, client) end,
    debug.traceback
  )
  if not ok then s.log.error("control: %s: %s", request.cmd, fields) end
  if ok and fields then
    fields.id, fields.ok = request.id, true
  else
    fields = { id = request.id, ok = false, error = tostring(ok and problem or fields) }
  end
  if not s.closed then send(control, number, fields) end
end

local function take(s, control, r)
  local number = r.client
  local ok, request = pcall(json.decode, ffi.string(r.text, r.size))
  if not ok or type(request) ~= "table" then
    send(control, number, { ok = false, error = 'a request is one line of JSON: {"id":1,"cmd":"status"}' })
  elseif not handlers[request.cmd] then
    local names = {}
    for name in pairs(handlers) do
      names[#names + 1] = name
    end
    table.sort(names)
    send(control, number, {
      id = request.id,
      ok = false,
      error = ("no command '%s'; %s"):format(tostring(request.cmd), table.concat(names, ", ")),
    })
  else
    task.spawn(run_handler, s, control, number, request).outside = true
  end
end

---Opens a run's socket. From then on its commands are answered whenever the script waits.
---@param s LiveSession
---@param path string
---@return boolean? ok
---@return string? problem
function M.open(s, path)
  local message = ffi.new "struct errmsg"
  local world = s.world
  if world.pump.control_socket_open(world.bt, path, message) ~= 0 then
    return nil, ffi.string(message.text)
  end
  local control = world.pump.control(world.bt)
  local line = ffi.new "struct live_line"
  s.history = status.keep_history(s.log)
  world.on_control = function()
    local held = world.pump.held_us and tonumber(world.pump.held_us(world.bt)) or 0
    if held > 0 then
      s.log.warn("the script held the loop for %.0f ms; everything else waited", held / 1000)
    end
    if world.pump.dead_man_failed and world.pump.dead_man_failed(world.bt) then
      s.log.warn "the dead man's switch could not be renewed; should that last, the exchange cancels our open orders"
    end
    while world.pump.log_next and world.pump.log_next(world.bt, line) do
      s.log[line.warn and "warn" or "info"]("%s", ffi.string(line.text))
    end
    daily.tell(s)
    if world.pump.halt_asked and world.pump.halt_asked(world.bt) then kill_switch.pull(s) end
    local r = C.control_socket_next(control)
    if r ~= nil then take(s, control, r) end
  end
  return true
end

M.on("status", function(s) return status.read(s) end)

-- The run ends as by itself: on_stop, open orders, and what `flatten` asks beyond.
M.on("stop", function(s, request)
  if request.flatten then s.flatten = true end
  s.log.info("asked to stop%s", s.flatten and " and to close positions" or "")
  s.world.pump.stop(s.world.bt)
  return { pid = status.pid }
end)

-- The kill switch, by hand.
M.on("halt", function(s, request)
  if request.flatten then s.flatten = true end
  kill_switch.pull(s)
  return { pid = status.pid }
end)

-- The last `lines`, and with `follow` those that come until the client goes.
M.on("log", function(s, request, client)
  local lines = s.history.last(tonumber(request.lines) or 20)
  if not request.follow then return { lines = lines } end
  for _, line in ipairs(lines) do
    client.send { line = line }
  end
  local gone
  local listener
  listener = function(line) gone = gone or not client.send { line = line } end
  table.insert(s.log.listeners, listener)
  while not gone and client.connected() and not s.world.ended do
    s.api.sleep(0.5)
  end
  for i, fn in ipairs(s.log.listeners) do
    if fn == listener then
      table.remove(s.log.listeners, i)
      break
    end
  end
  return { ended = true }
end)

-- ---- the other end --------------------------------------------------------------------------------------------------

---Asks the process behind a socket one thing, and waits for the answer.
---@param path string
---@param request table cmd and what it takes
---@param timeout number? seconds, 5 when left out
---@return table? answer with ok
---@return string? problem
---@return string? kind "nobody" (no process listens there), "silent" (it listens, and does not answer) or "failed"
function M.ask(path, request, timeout)
  local message = ffi.new "struct errmsg"
  local fd = C.control_socket_connect(path, message)
  if fd < 0 then return nil, ffi.string(message.text), fd == C.ERR_NOT_FOUND and "nobody" or "failed" end
  local text = json.encode(request)
  local line, size = ffi.new "char *[1]", ffi.new "size_t[1]"
  local err = C.control_socket_write(fd, text, #text)
  if err == 0 then err = C.control_socket_read(fd, (timeout or 5) * 1e6, line, size) end
  C.control_socket_hang_up(fd)
  if err ~= 0 then
    local silent = err == C.ERR_TIMEOUT
    return nil,
      silent and ("%s: no answer; its script holds the loop"):format(path)
        or ("%s: the connection was closed"):format(path),
      silent and "silent" or "failed"
  end
  local ok, answer = pcall(json.decode, ffi.string(line[0], size[0]))
  C.control_socket_line_free(line[0])
  if not ok or type(answer) ~= "table" then return nil, path .. ": an answer that is none", "failed" end
  return answer
end

return M

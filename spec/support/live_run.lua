---A paper or live run as a child process of a spec, and its control socket.
local ffi = require "ffi"
local control = require "moontide.live.control_socket"
local host = require "moontide.lua_host"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local wait = require "spec.support.wait"

ffi.cdef "int kill(int, int);"

local M = {}
local Run = {}
Run.__index = Run

local function quote(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end

---Runs one script live to its end: what it printed, its log, and its exit status.
---@param x table the exchange
---@param script string
---@param arguments string[]?
---@param environment string? in place of the exchange's key
---@return { status: integer, out: string, err: string }
function M.whole(x, script, arguments, environment)
  local folder = run.folder()
  local path = run.write(folder .. "/script.lua", script)
  local all = { "live", path, "--url", x.url }
  for _, a in ipairs(arguments or {}) do
    all[#all + 1] = a
  end
  local r = run.moontide(all, environment or lx.environment(x))
  run.remove(folder)
  return r
end

---Starts scripts against a local exchange: `moontide COMMAND a.lua b.lua ...`, in a folder of their own.
---@param x table the exchange
---@param scripts table<string, string> text by name; { "text" } is a script named "script"
---@param arguments string[]?
---@param command string? "live"
function M.start(x, scripts, arguments, command)
  local folder = run.folder()
  local words = { "exec", quote(host.exe), command or "live" }
  local names = {}
  for name, text in pairs(scripts) do
    name = type(name) == "number" and "script" or name
    names[#names + 1] = name
    run.write(("%s/%s.lua"):format(folder, name), text)
  end
  table.sort(names)
  for _, name in ipairs(names) do
    words[#words + 1] = quote(("%s/%s.lua"):format(folder, name))
  end
  for _, a in ipairs { "--url", x.url, unpack(arguments or {}) } do
    words[#words + 1] = quote(a)
  end
  local self = setmetatable({ folder = folder, home = folder .. "/home", names = names, x = x }, Run)
  local pipe = io.popen(
    ("{ MOONTIDE_HOME=%s MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s sh -c %s >%s/out 2>%s/err </dev/null & p=$!; echo $p; wait $p; echo $? >%s/status; } 2>/dev/null & "):format(
      self.home,
      x.key,
      x.secret,
      quote(table.concat(words, " ")),
      folder,
      folder,
      folder
    )
  )
  self.pid = tonumber(pipe:read "*l")
  self.pipe = pipe
  return self
end

function Run:out() return run.read(self.folder .. "/out") end
function Run:err() return run.read(self.folder .. "/err") end
function Run:status() return tonumber(run.read(self.folder .. "/status"):match "%d+\n") end
function Run:path(name, file) return ("%s/runs/%s/%s"):format(self.home, name or self.names[1], file or "") end
function Run:kill(number, pid) return ffi.C.kill(pid or self.pid, number) end

---Asks over the run's control socket.
function Run:ask(request, name, timeout) return control.ask(self:path(name, "control.sock"), request, timeout) end

---Runs one script until all these texts stand in its output or its log; then it is told to end, in order. As M.whole.
---@param said string[]
---@param command string? "live"
function M.till(x, script, said, arguments, command)
  local r = M.start(x, { script }, arguments, command)
  local ok, result = pcall(function()
    for _, text in ipairs(said) do
      r:wait_for(text)
    end
    r:kill(15)
    return { status = r:wait(), out = r:out(), err = r:err() }
  end)
  r:close()
  return ok and result or error(result, 2)
end

---Waits until its output or its log holds a text.
function Run:wait_for(text, seconds)
  wait.till(
    function() return ("%q:\n%s%s"):format(text, self:out(), self:err()) end,
    function() return self:out():find(text, 1, true) or self:err():find(text, 1, true) end,
    seconds
  )
end

---Waits for its end; the exit status.
function Run:wait(seconds)
  return wait.till(
    function() return ("the run's end:\n%s%s"):format(self:out(), self:err()) end,
    function() return self:status() end,
    seconds
  )
end

---Ends it the hard way, if it still runs, and forgets its files.
function Run:close()
  if self.closed then return end
  self.closed = true
  if not self:status() then
    for _ = 1, 3 do -- the third time a supervisor leaves at once, and takes all along
      ffi.C.kill(self.pid, 15)
      if pcall(wait.till, "the end", function() return self:status() end, 2) then break end
    end
    if not pcall(wait.till, "the end", function() return self:status() end, 5) then
      ffi.C.kill(self.pid, 9)
      wait.till("the end", function() return self:status() end)
    end
  end
  self.pipe:close()
  run.remove(self.folder)
end

return M

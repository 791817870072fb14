---Helper programs of specs (`moontide script spec/support/NAME.lua ...`) as child processes.
local ffi = require "ffi"
local host = require "moontide.lua_host"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"
local wait = require "spec.support.wait"

local M = {}
local Program = {}
Program.__index = Program

---Starts one and waits for its line of ports.
---@param name string
---@param ... string|number
function M.start(name, ...)
  local folder = run.folder()
  local words = {}
  for _, w in ipairs { host.exe, "script", ("spec/support/%s.lua"):format(name), ... } do
    words[#words + 1] = "'" .. tostring(w) .. "'"
  end
  local pipe = io.popen(
    ("cd '%s' && exec %s >%s/out 2>%s/err </dev/null & echo $!"):format(
      run.root,
      table.concat(words, " "),
      folder,
      folder
    )
  )
  local self = setmetatable({ pid = tonumber(pipe:read "*l"), folder = folder, ports = {} }, Program)
  pipe:close()
  local ok = pcall(lx.wait_for, name, function() return self:log():find "ports [%d ]+\n" end)
  if not ok then error(name .. " did not start: " .. run.read(folder .. "/err"), 2) end
  for port in self:log():match("ports ([%d ]+)\n"):gmatch "%d+" do
    self.ports[#self.ports + 1] = tonumber(port)
  end
  return self
end

function Program:log() return run.read(self.folder .. "/out") end

---How many lines of its log hold this text.
function Program:count(text)
  local count = 0
  for line in self:log():gmatch "[^\n]+" do
    if line:find(text, 1, true) then count = count + 1 end
  end
  return count
end

---Ends it; fails when it had something to complain of.
function Program:stop()
  ffi.C.kill(self.pid, 9)
  wait.till_ended(self.pid)
  local problem = run.read(self.folder .. "/err")
  run.remove(self.folder)
  assert(problem == "", problem)
end

return M

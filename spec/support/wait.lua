---How a spec waits: for a condition, with a bound so generous that only what never comes exceeds it. A spec asserts what has
---happened, not how long it took.
local ffi = require "ffi"
local host = require "moontide.lua_host"

ffi.cdef "int usleep(unsigned); int kill(int, int);"

local M = {}

local BOUND_S = 60 -- on a machine that does much else besides

function M.sleep(seconds) ffi.C.usleep(seconds * 1e6) end

---Waits until `condition` gives something true, and returns that; fails, naming `what`, when it never does.
---@generic T
---@param what string|fun(): string
---@param condition fun(): T?
---@param seconds number? another bound
---@return T
function M.till(what, condition, seconds)
  local by = host.monotonic() + (seconds or BOUND_S)
  repeat
    local value = condition()
    if value then return value end
    M.sleep(0.01)
  until host.monotonic() > by
  error("waited in vain for " .. (type(what) == "function" and what() or what), 2)
end

---Whether a process has ended. One that nobody has waited for yet has ended too: a process whose parent is gone is init's, and
---not every init is quick.
---@param pid integer
function M.ended(pid)
  if ffi.C.kill(pid, 0) ~= 0 then return true end
  local file = io.open(("/proc/%d/stat"):format(pid))
  local stat = file and file:read "*a" or ""
  if file then file:close() end
  return stat == "" or stat:find "%) [ZX]" ~= nil
end

---Waits for the end of a process.
---@param pid integer
function M.till_ended(pid)
  M.till(("the end of process %d"):format(pid), function() return M.ended(pid) end)
end

return M

---The compiler and the garbage collector, which are off while a process begins (see lua_host.c).
local M = {}

-- An order is one straight line of some thousand instructions, from the handler through the manager and back into a table. By the
-- compiler's own bounds it was cut off on the way, tried again elsewhere, and in the end interpreted.
local BOUNDS = { "maxrecord=20000", "maxirconst=4000", "maxmcode=8192" }

---Begins to compile and to collect.
function M.start()
  jit.opt.start(unpack(BOUNDS))
  jit.on()
  collectgarbage "restart"
end

return M

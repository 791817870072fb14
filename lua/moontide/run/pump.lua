---A world as its script uses it: the table of functions that C makes of each (struct world_functions in world/world.h).
---Everything that a script can see comes through one of these; a recording stands between (moontide.record.recorder).
---Calls: free, view, op, op_free, submit, wait, next, timer, last, mark (of a backtest), client_id, events;
---of the API manager: configure, manager_start, manager_stop, strain, metrics;
---of paper and live also book, tap, clock_offset, stop, stopping, stop_within, control_socket_open, control, held_us, halt_asked,
---halt, dead_man_failed, log_next. What a world does not have is nil.
local C = require "moontide.core"

local M = {}

local names = {
  "free",
  "view",
  "op",
  "op_free",
  "submit",
  "wait",
  "next",
  "timer",
  "last",
  "mark",
  "client_id",
  "events",
  "configure",
  "manager_start",
  "manager_stop",
  "strain",
  "metrics",
  "tap",
  "stop",
  "stopping",
  "control_socket_open",
  "control",
  "held_us",
  "halt_asked",
  "halt",
  "dead_man_failed",
  "log_next",
}

---The table of a world, for Lua: its durations are seconds.
---@param functions ffi.cdata* const struct world_functions *
---@return table pump
function M.of(functions)
  local pump = {}
  for _, name in ipairs(names) do
    local call = functions[name]
    if call ~= nil then pump[name] = call end -- a null pointer equals nil
  end
  local book, stop_within, offset_us = functions.book, functions.stop_within, functions.clock_offset_us
  if book ~= nil then
    -- How many levels the script wants is the recorder's to know.
    pump.book = function(w, symbol, found) return book(w, symbol, found) end
  end
  if stop_within ~= nil then pump.stop_within = function(w, seconds) stop_within(w, seconds * 1e6) end end
  if offset_us ~= nil then pump.clock_offset = function(w) return tonumber(offset_us(w)) / 1e6 end end
  return pump
end

M.backtest = M.of(C.backtest_functions())
M.live = M.of(C.live_functions())

return M

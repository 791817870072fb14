---The `os` of a script: its clock is the run's, so that a run can be replayed exactly.
local M = {}

---`os` with time, date and clock by the run's clock; all else is the system's.
---@param now fun(): number microseconds of the run's clock
---@return table os
function M.os(now)
  local first = now()
  local function seconds() return math.floor(now() / 1e6) end
  return setmetatable({
    time = function(t)
      if t ~= nil then return os.time(t) end
      return seconds()
    end,
    date = function(format, t) return os.date(format or "%c", t or seconds()) end,
    clock = function() return (now() - first) / 1e6 end,
  }, { __index = os })
end

return M

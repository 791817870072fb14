---The global `log`: lines on standard error, stamped with the run's clock.
local M = {}

local levels = { debug = 1, info = 2, warn = 3, error = 4 }

---@param us number microseconds since the epoch
---@return string # "2023-02-01 00:10:00"
function M.time_text(us) return os.date("!%Y-%m-%d %H:%M:%S", math.floor(us / 1e6)) end

---@param now fun(): number? the run's clock in microseconds
---@param least string the lowest level shown
---@return table log with debug, info, warn, error (format, ...)
function M.new(now, least)
  local log = {}
  local threshold = levels[least] or levels.info
  for name, level in pairs(levels) do
    log[name] = function(format, ...)
      if level < threshold then return end
      local text = tostring(format)
      if select("#", ...) > 0 then
        local values = { ... }
        for i = 1, select("#", ...) do
          if type(values[i]) ~= "number" and type(values[i]) ~= "string" then values[i] = tostring(values[i]) end
        end
        text = text:format(unpack(values, 1, select("#", ...)))
      end
      local t = now()
      io.stderr:write(t and M.time_text(t) .. " " or "", name:upper(), " ", text, "\n")
    end
  end
  return log
end

return M

---moontide.conf.lua: the settings of runs, a table returned by a file that is loaded in an empty environment.
local failures = require "moontide.failure"

local M = {}

---The settings file of a run as a table: --config, else moontide.conf.lua where it exists. Fails the command when it is none.
---@param options table
---@return table? settings
---@return string? path
function M.read(options)
  local path = options.config
  if not path then
    local file = io.open "moontide.conf.lua"
    if not file then return nil end
    file:close()
    path = "moontide.conf.lua"
  end
  local chunk, problem = loadfile(path, "t", {})
  if not chunk then failures.raise(1, options.config and "--config: %s" or "%s", problem) end
  local ok, settings = pcall(chunk)
  if not ok then failures.raise(1, "%s", tostring(settings)) end
  if type(settings) ~= "table" then failures.raise(1, "%s must return a table of settings", path) end
  if settings.safety ~= nil then -- an older name, under which files may still keep limits
    if settings.risk ~= nil then
      failures.raise(2, "%s: risk and safety are the same table; keep risk", path)
    end
    settings.risk, settings.safety = settings.safety, nil
  end
  return settings, path
end

return M

---run.json in a run's folder: what it is, for those who come when its process cannot be asked any more.
local cjson = require "cjson"
local host = require "moontide.lua_host"

local M = {}

---@param path string the run's folder
---@param facts { pid: integer, script: string, mode: string, symbols: string[], started_ms: number, url: string? }
---@return boolean? ok
---@return string? problem
function M.write(path, facts) return host.replace_file(path .. "/run.json", cjson.encode(facts) .. "\n") end

---@param path string?
---@return table? facts
function M.read(path)
  local file = path and io.open(path .. "/run.json", "rb")
  if not file then return nil end
  local ok, facts = pcall(cjson.decode, file:read "*a")
  file:close()
  return ok and type(facts) == "table" and facts or nil
end

return M

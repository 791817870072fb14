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

---What is said of a symbol that two runs trade: the symbol, the other run.
M.SHARED =
  "%s is traded by run '%s' too: the position is one, and so is the exchange's countdown, which cancels the orders of both; give each symbol to one run"

---The symbols that two runs on one exchange both trade.
---@param a table facts as read
---@param b table
---@return string[]
function M.shared(a, b)
  local list, mine = {}, {}
  if a.url ~= b.url then return list end
  for _, name in ipairs(a.symbols or {}) do
    mine[name] = true
  end
  for _, name in ipairs(b.symbols or {}) do
    if mine[name] then list[#list + 1] = name end
  end
  return list
end

return M

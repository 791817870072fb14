---The folder of market data: where `moontide data download` puts files, and where a symbol's name given to --data is looked for.
---
---    FOLDER/SYMBOL/KIND[/INTERVAL]/FILE      BTCUSDT/klines/1m/BTCUSDT-1m-2023-02.zip
local ffi = require "ffi"
local C = require "moontide.core"
local host = require "moontide.lua_host"

local M = {}

---@param given string? --folder
---@return string? path nil when nothing tells where; it need not be there
function M.path(given)
  if given then return given end
  for _, place in ipairs {
    { "MOONTIDE_DATA", "" },
    { "XDG_DATA_HOME", "/moontide" },
    { "HOME", "/.local/share/moontide" },
  } do
    local value = os.getenv(place[1])
    if value and value ~= "" then return value .. place[2] end
  end
end

---The finest interval of a symbol's downloaded bars.
---@param symbol string
---@return string? name nil: none
function M.finest_interval(symbol)
  local base, best = M.path(), nil
  for _, name in ipairs(base and host.list_folder(("%s/%s/klines"):format(base, symbol)) or {}) do
    local interval = C.interval_find(name)
    if interval >= 0 and (not best or interval < best) then best = interval end
  end
  return best and ffi.string(C.interval_names[best])
end

---What --data means: paths as they are; the name of a downloaded symbol is its folder.
---@param paths string[]
---@return string[]
function M.resolve(paths)
  local base, out = M.path(), {}
  for i, path in ipairs(paths) do
    out[i] = path
    if base and path:find "^[%w_\128-\255]+$" and not host.file_mode(path) then
      local folder = base .. "/" .. path:upper()
      if host.file_mode(folder) then out[i] = folder end
    end
  end
  return out
end

return M

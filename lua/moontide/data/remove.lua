---`moontide data rm`: takes downloaded series away, and nothing that is not of a download.
local failures = require "moontide.failure"
local host = require "moontide.lua_host"
local info = require "moontide.data.info"
local kinds = require "moontide.data.kinds"
local progress = require "moontide.data.progress"
local C = require "moontide.core"

local M = {}

-- Whether a file is one of those that a download makes of this series.
local function ours(name, stem)
  if name == ".moontide-index" then return true end
  local plain = name:match "^%.(.*)%.part$" or name
  return plain:sub(1, #stem) == stem and (plain:find "%.zip" ~= nil or plain:find "%.csv" ~= nil)
end

local function remove(base, key)
  local path, count, bytes = base .. "/" .. kinds.folder(key), 0, 0
  for _, name in ipairs(host.list_folder(path) or {}) do
    if ours(name, kinds.stem(key)) then
      local file = path .. "/" .. name
      local size = tonumber(C.disk_size(file))
      local ok, problem = os.remove(file)
      if not ok then failures.raise(1, "%s", problem) end
      if name:find "^%w.*%.zip$" or name:find "^%w.*%.csv$" then
        count, bytes = count + 1, bytes + size
      end
    end
  end
  -- Folders that are empty now go too, up to the symbol's.
  while #path > #base and os.remove(path) do
    path = path:match "^(.*)/"
  end
  return count, bytes
end

---@param options table
---@return integer status
function M.run(options)
  if #options == 1 then
    failures.raise(2, "missing symbols; usage: moontide data rm SYMBOL... [--kinds K] [--interval I]")
  end
  for i = 2, #options do
    if not options[i]:find "^[%w_\128-\255]+$" then
      failures.raise(2, "'%s' is not a symbol; data rm takes symbols of the folder of data", options[i])
    end
  end
  local keys, base = info.chosen(options)
  if #keys == 0 then failures.raise(1, "%s: nothing of that there", base) end
  if not C.disk_lock(base .. "/.lock") then failures.raise(1, "%s: a download is writing there", base) end
  for _, key in ipairs(keys) do
    local count, bytes = remove(base, key)
    print(("%-36s %d files, %s removed"):format(kinds.title(key), count, progress.bytes(bytes)))
  end
  return 0
end

return M

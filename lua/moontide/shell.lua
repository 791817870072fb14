---What commands of the shell are made of, where the runtime starts other programs.
local M = {}

---A word as the shell takes it, whatever is in it.
---@param word any
---@return string
function M.quote(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

---How many processors there are; 1 where that cannot be told.
---@return integer
function M.processors()
  local pipe = io.popen "getconf _NPROCESSORS_ONLN 2>/dev/null"
  local count = pipe and tonumber(pipe:read "*l") or 1
  if pipe then pipe:close() end
  return math.max(count, 1)
end

return M

---What people type at any prompt out of habit, as the command it stands for: help, exit, quit, ?NAME, NAME?, !COMMAND.
local M = {}

local words = { help = ":help", exit = ":quit", quit = ":quit", ["?"] = ":help" }

---A line as the command it stands for; any other line as it is.
---@param line string
---@return string line
function M.expand(line)
  local word = line:match "^%s*(.-)%s*$"
  local bare = word:gsub("%(%s*%)$", "")
  if words[bare] then return words[bare] end
  local name = word:match "^%?%s*([%w_%.:]+)$"
    or word:match "^([%a_:][%w_%.:]*)%s*%?$"
    or word:match "^help%s+([%w_%.:]+)$"
  if name then return ":help " .. name end
  return line
end

---The command of the shell that a line stands for (`!ls -l`).
---@param line string
---@return string? command nil for any other line
function M.shell(line) return line:match "^%s*!%s*(.-)%s*$" end

return M

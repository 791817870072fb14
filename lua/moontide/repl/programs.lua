---Programs that have the terminal for a while: the user's editor and pager.
local shell = require "moontide.shell"

local M = {}

---A text as the user's editor leaves it ($VISUAL, $EDITOR, vi).
---@param text string
---@return string? text
---@return string? problem
function M.edit(text)
  local path = os.tmpname()
  local named = path .. ".lua" -- by whose ending an editor knows what it is
  local file, problem = io.open(path, "w")
  if not file then return nil, problem end
  file:write(text, "\n")
  file:close()
  os.rename(path, named)
  local editor = os.getenv "VISUAL" or os.getenv "EDITOR" or "vi"
  local status = os.execute(editor .. " " .. shell.quote(named))
  local edited
  file, problem = io.open(named, "r")
  if file then
    edited = file:read "*a"
    file:close()
  end
  os.remove(named)
  if status ~= 0 and status ~= true then return nil, ("%s failed; nothing was run"):format(editor) end
  return edited and edited:gsub("%s+$", "") or nil, problem
end

---Shows a text in the user's pager ($PAGER, less); false where it cannot.
---@param text string
---@return boolean
function M.page(text)
  local pager = os.getenv "PAGER"
  if not pager or pager == "" then pager = "less -FRX" end
  local pipe = io.popen(pager, "w")
  if not pipe then return false end
  pipe:write(text, "\n")
  local ok, _, status = pipe:close()
  return ok == true and (status == nil or status == 0)
end

return M

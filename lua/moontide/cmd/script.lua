---`moontide script FILE [ARGUMENT...]`: a Lua file with the runtime's modules at hand.
local cmd = require "moontide.cmd"

local M = {
  usage = "script FILE [ARGUMENT...]",
  raw = true,
  arguments = { name = "FILE", what = "file", min = 1, type = "file" },
  options = {},
}

---@param words string[]
---@return integer status
function M.run(words)
  local file = words[1]
  if not file then cmd.fail(2, "missing file; usage: moontide %s", M.usage) end
  local chunk, message = loadfile(file, "t")
  if not chunk then cmd.fail(1, "%s", message) end
  return tonumber((chunk(unpack(words, 2)))) or 0
end

return M

---`moontide script FILE [ARGUMENT...]`: a Lua file with the runtime's modules at hand.
local cmd = require "moontide.cmd"

local M = {}

function M.run(options)
  local file = options[1]
  if not file then cmd.fail(2, "which file? usage: moontide script FILE [ARGUMENT...]") end
  local chunk, message = loadfile(file, "t")
  if not chunk then cmd.fail(1, "%s", message) end
  return tonumber((chunk(unpack(options, 2)))) or 0
end

return M

---`moontide help [COMMAND | config]`
local cmd = require "moontide.cmd"

local M = {
  usage = "help [COMMAND | config]",
  options = {},
  arguments = { name = "COMMAND", what = "command", max = 1, choices = { "config" } },
}
for i, entry in ipairs(cmd.list) do
  M.arguments.choices[i + 1] = entry[1]
end

---@param options table
---@return integer status
function M.run(options)
  local name = options[1]
  if not name then
    io.write(cmd.overview())
  elseif name == "config" then
    io.write(require("moontide.api.manager_settings").help(), require("moontide.live.settings").help())
  else
    local summary = cmd.summary(name) or cmd.unknown(name)
    io.write(require("moontide.options.help").of(summary, require("moontide.cmd." .. name)))
  end
  return 0
end

return M

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

---All commands in a line each.
---@return string
function M.overview()
  local lines = {
    ("moontide %s: write a strategy in Lua, backtest it, run it\n\nusage: moontide COMMAND [options]\n"):format(
      require("moontide.lua_host").version
    ),
  }
  for _, entry in ipairs(cmd.list) do
    lines[#lines + 1] = ("  %-10s %s"):format(entry[1], entry[2])
  end
  return table.concat(lines, "\n") .. "\n"
end

---@param options table
---@return integer status
function M.run(options)
  local name = options[1]
  if not name then
    io.write(M.overview())
  elseif name == "config" then
    io.write(require("moontide.api.manager_settings").help(), require("moontide.live.settings").help())
  else
    local summary = cmd.summary(name) or cmd.unknown(name)
    io.write(require("moontide.options.help").of(summary, require("moontide.cmd." .. name)))
  end
  return 0
end

return M

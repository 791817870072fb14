---`moontide live SCRIPT`: the script of a backtest, on a real exchange.
local cmd = require "moontide.cmd"
local session = require "moontide.live.session"

local M = {}

---@param options table
---@return integer status
function M.run(options)
  local path = options[1]
  if not path then cmd.fail(2, "which script? usage: moontide live SCRIPT --yes-real-money") end
  if options[2] then cmd.fail(2, "one script at a time; '%s' is one too many", options[2]) end
  local s = session.open(options, path)
  session.start(s)
  local failure = session.run(s)
  if failure then cmd.fail(1, "%s", failure) end
  return 0
end

return M

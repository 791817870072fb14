---`moontide paper SCRIPT`: the script of a backtest on the market of a real exchange, its orders in a simulated one.
local cmd = require "moontide.cmd"
local paper = require "moontide.live.paper"
local session = require "moontide.live.session"

local M = {}

---@param options table
---@return integer status
function M.run(options)
  if options.assumptions then
    io.write(require("moontide.live.paper_assumptions").text)
    return 0
  end
  local path = options[1]
  if not path then cmd.fail(2, "which script? usage: moontide paper SCRIPT") end
  if options[2] then cmd.fail(2, "one script at a time; '%s' is one too many", options[2]) end
  local s = session.open(options, path, "paper")
  s.at_end = paper.report
  session.start(s)
  local failure = session.run(s)
  if failure then cmd.fail(1, "%s", failure) end
  return 0
end

return M

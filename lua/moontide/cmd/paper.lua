---`moontide paper SCRIPT`: the script of a backtest on the market of a real exchange, its orders in a simulated one.
local cmd = require "moontide.cmd"
local launch = require "moontide.live.launch"
local paper = require "moontide.live.paper"
local session = require "moontide.live.session"

local M = {}

local function run_one(options, path)
  local s = session.open(options, path, "paper")
  s.at_end = paper.report
  session.start(s)
  local failure = session.run(s)
  if failure then cmd.fail(1, "%s", failure) end
  return 0
end

---@param options table
---@return integer status
function M.run(options)
  if options.assumptions then
    io.write(require("moontide.live.paper_assumptions").text)
    return 0
  end
  return launch.run("paper", options, run_one)
end

return M

---`moontide live SCRIPT...`: the script of a backtest, on a real exchange.
local clean_up = require "moontide.live.clean_up"
local cmd = require "moontide.cmd"
local groups = require "moontide.options.live_groups"
local launch = require "moontide.live.launch"
local session = require "moontide.live.session"

local M = {
  usage = "live SCRIPT... --yes-real-money [options]",
  arguments = { name = "SCRIPT...", what = "script", min = 1, type = "file" },
  options = {
    { name = "clean-up", type = "text", value = "HOW", hidden = true },
    groups.key,
    groups.orders,
    groups.shared_run,
  },
}

local function run_one(options, path)
  local s = session.open(options, path)
  session.start(s)
  local failure = session.run(s)
  if failure then cmd.fail(1, "%s", failure) end
  return 0
end

---@param options table
---@return integer status
function M.run(options) return launch.run("live", options, run_one, clean_up.run) end

M.loads_script = true

return M

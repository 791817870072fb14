---`moontide paper SCRIPT`: the script of a backtest on the market of a real exchange, its orders in a simulated one.
local cmd = require "moontide.cmd"
local groups = require "moontide.options.groups"
local launch = require "moontide.live.launch"
local live_groups = require "moontide.options.live_groups"
local option_table = require "moontide.options"
local paper = require "moontide.live.paper"
local session = require "moontide.live.session"

local account, result = groups.account, groups.result

local M = {
  usage = "paper SCRIPT... [options]",
  arguments = { name = "SCRIPT...", what = "script", min = 1, unless = "assumptions", type = "file" },
  options = {
    { name = "assumptions", type = "flag", help = "print what the simulation assumes, and stop" },
    {
      title = "simulated account",
      option_table.with(account[1], { help = "wallet of a new account in USDT" }),
      { name = "reset", type = "flag", help = "begin a new account; the old one is gone" },
      {
        name = "state",
        type = "file",
        value = "FILE",
        shown = "in the folder of the run",
        help = "where the account is kept",
      },
      account[2],
      account[3],
      option_table.with(groups.latency[1], { default = 20 }),
      option_table.with(account[4], { help = "of every symbol of a new account" }),
      option_table.with(account[5], { help = "margin type of a new account" }),
      option_table.with(
        account[6],
        { help = "a new account in hedge mode: a long and a short position a symbol" }
      ),
    },
    { title = "result", result[1], result[2] },
    live_groups.shared_run,
  },
}

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

M.loads_script = true

return M

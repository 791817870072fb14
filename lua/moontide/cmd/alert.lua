---`moontide alert test`: sends an alert to every target of the configuration, and says what became of it.
local cmd = require "moontide.cmd"
local sender = require "moontide.live.alert_sender"
local targets = require "moontide.live.alert_targets"

local M = {
  usage = "alert test [--severity SEVERITY] [--config FILE]",
  arguments = { name = "test", what = "word", min = 1 },
  options = {
    {
      name = "severity",
      type = "choice",
      value = "SEVERITY",
      choices = { "info", "warning", "critical" },
      default = "critical",
      help = "of the alert that is sent",
    },
    {
      name = "config",
      type = "file",
      value = "FILE",
      shown = "moontide.conf.lua",
      help = "the settings whose alerts.to names the targets",
    },
    { name = "parent", type = "integer", value = "PID", min = 1, hidden = true },
  },
}

---@param options table
---@return integer status
function M.run(options)
  local list = targets.read(options)
  if not list then
    cmd.fail(1, "no alerts are set up: moontide.conf.lua has no table `alerts` (docs/alerts.md)")
  end
  if options[1] == "serve" and options.parent then
    local folders = {}
    for i = 2, #options do
      folders[i - 1] = options[i]
    end
    sender.serve(list, folders, options.parent)
    return 0
  end
  if options[1] ~= "test" or options[2] then
    cmd.fail(2, "'%s'? usage: moontide %s", options[2] or options[1], M.usage)
  end
  local failed = 0
  for i, t in ipairs(list) do
    local words = "passed over: it takes more severe ones only"
    if targets.severities[options.severity] >= t.least then
      local outcome = targets.send(t, {
        time = os.time() * 1000,
        severity = options.severity,
        run = "test",
        text = "moontide can reach you here",
      })
      words = outcome.ok and "sent" or "failed: " .. outcome.problem
      if not outcome.ok then failed = 1 end
    end
    print(("%d  %-9s %s"):format(i, t.kind, words))
  end
  return failed
end

return M

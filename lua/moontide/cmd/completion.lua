---`moontide completion bash|zsh`
local cmd = require "moontide.cmd"

local M = {
  usage = "completion bash|zsh",
  options = {},
  arguments = { name = "SHELL", what = "shell", min = 1, max = 1, choices = { "bash", "zsh" } },
  notes = [[

In ~/.bashrc:                eval "$(moontide completion bash)"
In ~/.zshrc, after compinit: eval "$(moontide completion zsh)"]],
}

local printers = {
  bash = function() return require("moontide.options.completion").bash(cmd.list) end,
  zsh = function() return require("moontide.options.completion").zsh(cmd.list) end,
  -- For those scripts: the names of the runs that go on.
  runs = function() return table.concat(require("moontide.live.folder").going_on(), "\n") end,
}

---@param options table
---@return integer status
function M.run(options)
  local print_it = printers[options[1]] or cmd.fail(2, "no such shell '%s'; expected bash or zsh", options[1])
  io.write(print_it())
  return 0
end

return M

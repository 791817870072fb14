---Runs one subcommand and turns what it throws into one clear line and an exit status.
local failures = require "moontide.failure"

local M = {}

---Ends the command: see failures.raise.
M.fail = failures.raise

---Runs require("moontide.cmd.NAME").run(options).
---@param name string
---@param options table options by name, positional arguments by number
---@return integer status
function M.main(name, options)
  local command = require("moontide.cmd." .. name)
  local ok, result = xpcall(command.run, function(e)
    if failures.is(e) then return e end
    return debug.traceback(tostring(e), 2)
  end, options)
  if ok then return result or 0 end
  if failures.is(result) then
    io.stderr:write("moontide ", name, ": ", result.message, "\n")
    return result.status
  end
  io.stderr:write("moontide ", name, ": internal error, please report it: ", result, "\n")
  return 1
end

return M

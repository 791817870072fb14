---Runs one subcommand and turns what it throws into one clear line and an exit status.
local M = {}

local Failure = {}
Failure.__index = Failure
Failure.__tostring = function(self) return self.message end

---Ends the command: one line on standard error and the exit status.
---@param status integer 1 for a failure, 2 for wrong usage
---@param format string
---@param ... any
function M.fail(status, format, ...)
  local message = select("#", ...) > 0 and format:format(...) or format
  error(setmetatable({ status = status, message = message }, Failure), 0)
end

---@param e any
---@return boolean # whether `e` was thrown by `fail`
function M.is_failure(e) return getmetatable(e) == Failure end

---Runs require("moontide.cmd.NAME").run(options).
---@param name string
---@param options table options by name, positional arguments by number
---@return integer status
function M.main(name, options)
  local command = require("moontide.cmd." .. name)
  local ok, result = xpcall(command.run, function(e)
    if M.is_failure(e) then return e end
    return debug.traceback(tostring(e), 2)
  end, options)
  if ok then return result or 0 end
  if M.is_failure(result) then
    io.stderr:write("moontide ", name, ": ", result.message, "\n")
    return result.status
  end
  io.stderr:write("moontide ", name, ": internal error, please report it: ", result, "\n")
  return 1
end

return M

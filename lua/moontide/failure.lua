---Why a command ends: one line for the user, and the exit status. Raised where the fault is found, however deep; the command
---line turns it into that line, a test or another program into what it needs.
local M = {
  script = nil, ---@type string? the script that was loaded last: what fails in its lines is its own
}

---@class Failure
---@field status integer 1 for a failure, 2 for wrong usage
---@field message string
local Failure = {}
Failure.__index = Failure
Failure.__tostring = function(self) return self.message end

---Raises a failure.
---@param status integer 1 for a failure, 2 for wrong usage
---@param format string
---@param ... any
function M.raise(status, format, ...)
  local message = select("#", ...) > 0 and format:format(...) or format
  error(setmetatable({ status = status, message = message }, Failure), 0)
end

---@param e any
---@return boolean # whether `e` was raised by `raise`
function M.is(e) return getmetatable(e) == Failure end

return M

---The error value of api calls: `nil, err`.
local M = {}

---Why a call failed. tostring(err) is one line.
---
---rejected: the exchange said no (code, status). invalid: refused before sending. rate_limited, circuit_open, queue_full: the
---API manager could not send it. timeout: no answer in time. network: no connection, nothing was sent. unknown_outcome: it may
---or may not have been executed. stopped: the run ended, or api.stop was called. "The manager's own" errors are all but
---rejected and invalid.
---@class ApiError
---@field kind string "rejected" | "rate_limited" | "timeout" | "circuit_open" | "queue_full" | "network" | "unknown_outcome" | "invalid" | "stopped"
---@field code integer? the exchange's code, -2019
---@field message string
---@field status integer? HTTP status of the answer
local Error = {}
Error.__index, Error.__metatable = Error, false -- of a script no error is more than its fields

function Error:__tostring()
  if self.code then return ("%s %d: %s"):format(self.kind, self.code, self.message) end
  return ("%s: %s"):format(self.kind, self.message)
end

M.class = Error

---@param value any
---@return boolean # whether it is an error of an api call
function M.is(value) return debug.getmetatable(value) == Error end

---@param kind string
---@param message string
---@param code integer?
---@param status integer?
---@return ApiError
function M.new(kind, message, code, status)
  return setmetatable({ kind = kind, message = message, code = code, status = status }, Error)
end

return M

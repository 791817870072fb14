---The error value of api calls: `nil, err`.
local M = {}

---@class ApiError
---@field kind string "rejected" | "rate_limited" | "timeout" | "circuit_open" | "queue_full" | "network" | "unknown_outcome" | "invalid" | "stopped"
---@field code integer? the exchange's code, -2019
---@field message string
---@field status integer? HTTP status of the answer
local Error = {}
Error.__index = Error

function Error:__tostring()
  if self.code then return ("%s %d: %s"):format(self.kind, self.code, self.message) end
  return ("%s: %s"):format(self.kind, self.message)
end

M.class = Error

---@param kind string
---@param message string
---@param code integer?
---@param status integer?
---@return ApiError
function M.new(kind, message, code, status)
  return setmetatable({ kind = kind, message = message, code = code, status = status }, Error)
end

return M

---What the API manager tells unasked, as Lua tables (C side: api/notice.h).
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

local classes = { [0] = "orders", "market", "account" }
local states = { [0] = "closed", "open", "half_open" }
M.classes, M.circuit_states = classes, states

-- The fields of each kind, in the order in which a log line shows them.
M.fields = {
  circuit = { "request_class", "from", "to", "shadow" },
  alert = { "rule", "raised", "value", "threshold" },
}

---A circuit breaker changed.
---@class CircuitNotice
---@field kind "circuit"
---@field time number ms since the epoch on the run's clock
---@field request_class string "orders" | "market" | "account"
---@field from string "closed" | "open" | "half_open"
---@field to string
---@field shadow boolean the breaker only reports

---An alert rose or fell.
---@class AlertNotice
---@field kind "alert"
---@field time number ms since the epoch on the run's clock
---@field rule string "success_rate" | "latency" | "queue" | "circuit" | "limit_usage" | "clock_skew" | "journal"
---@field raised boolean false: all is well again
---@field value number in the unit of the rule
---@field threshold number in the unit of the rule

---@param n ffi.cdata* struct notice
---@return CircuitNotice|AlertNotice
function M.read(n)
  local time = math.floor(tonumber(n.time_us) / 1000)
  if n.kind == C.NOTICE_CIRCUIT then
    return {
      kind = "circuit",
      time = time,
      request_class = classes[n.request_class] or tostring(n.request_class),
      from = states[n.from],
      to = states[n.to],
      shadow = n.shadow,
    }
  end
  return {
    kind = "alert",
    time = time,
    rule = ffi.string(C.alert_rule_name(n.rule)),
    raised = n.raised,
    value = n.value,
    threshold = n.threshold,
  }
end

return M

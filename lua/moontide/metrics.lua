---The API manager's metrics as a Lua table (C side: api/metrics.h).
local C = require "moontide.native"

local M = {}

local kinds = { [0] = "weight", "requests", "orders" }
local circuit_states = { [0] = "closed", "open", "half_open" }
local levels = { [0] = "critical", "high", "normal", "low" }
local classes = { [0] = "orders", "market", "account" }
local settles = { [0] = "done", "rejected", "rate_limited", "queue_timeout", "timeout", "circuit_open", "queue_full", "network",
                  "unknown_outcome", "cancelled", "stopped" }

---@param s ffi.cdata* struct metrics_snapshot
---@return table metrics times in seconds
function M.read(s)
  local windows, used = {}, {}
  for i = 0, s.window_count - 1 do
    local w = s.windows[i]
    windows[i + 1] = {
      kind = kinds[w.kind], interval = tonumber(w.interval_us) / 1e6, used = w.used, limit = w.limit,
      resets_in = tonumber(w.resets_us) / 1e6,
    }
  end
  used.requests_this_minute, used.windows = tonumber(s.requests_this_minute), windows
  local queue, outcomes, circuits = { total_size = s.queue_total, oldest_wait = tonumber(s.oldest_wait_us) / 1e6 }, {}, {}
  for i = 0, C.PRIORITY_COUNT - 1 do queue[levels[i]] = s.queue[i] end
  for i = 0, C.SETTLE_COUNT - 1 do outcomes[settles[i]] = tonumber(s.settled[i]) end
  local worst = 0
  for i = 0, #classes do
    circuits[classes[i]] = circuit_states[s.circuit_state[i]]
    if s.circuit_state[i] == 1 or (s.circuit_state[i] == 2 and worst == 0) then worst = s.circuit_state[i] end
  end
  return {
    rate_limiter = {
      success_rate = s.success_rate, average_response_time = s.average_response_us / 1e6, p50 = tonumber(s.p50_us) / 1e6,
      p95 = tonumber(s.p95_us) / 1e6, p99 = tonumber(s.p99_us) / 1e6, circuit_state = circuit_states[worst],
      circuits = circuits, current_throttle_factor = s.throttle_factor, rate_limit_state = used,
    },
    queue = queue, outcomes = outcomes, submitted = tonumber(s.submitted), sent = tonumber(s.sent),
    retries = tonumber(s.retries), in_flight = s.in_flight, workers = s.workers,
  }
end

return M

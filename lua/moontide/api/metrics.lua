---The API manager's metrics as a Lua table (C side: api/metrics.h).
local ffi = require "ffi"
local C = require "moontide.core"
local notices = require "moontide.api.notices"

local M = {}

-- Windows of a minute and more count orders by their own price, which is of no concern to who reads them.
local kinds =
  { [0] = "weight", "requests", "orders", "orders", "order_weight", "market_weight", "account_weight" }
local circuit_states, classes = notices.circuit_states, notices.classes
local levels = { [0] = "critical", "high", "normal", "low" }
local settles = {
  [0] = "done",
  "rejected",
  "rate_limited",
  "queue_timeout",
  "timeout",
  "circuit_open",
  "queue_full",
  "network",
  "unknown_outcome",
  "cancelled",
  "stopped",
}

local function ratio(a, b) return b > 0 and a / b or 0 end

-- By "METHOD /path", those that were answered.
local function endpoints(s)
  local out = {}
  for i = 0, math.min(tonumber(C.EP_COUNT), tonumber(C.METRICS_ENDPOINTS_MAX)) - 1 do
    local e = s.endpoints[i]
    if e.count > 0 then
      local info = C.endpoint_info(i)
      out[ffi.string(C.http_method_name(info.method)) .. " " .. ffi.string(info.path)] = {
        answered = tonumber(e.count),
        failed = tonumber(e.failed),
        average_response_time = ratio(tonumber(e.latency_sum_us) / 1e6, tonumber(e.count)),
        slowest = tonumber(e.latency_max_us) / 1e6,
      }
    end
  end
  return out
end

-- The last hours by minute, oldest first, minutes without traffic left out.
local function history(s)
  local out = {}
  for i = 0, s.minute_count - 1 do
    local m = s.minutes[i]
    if m.sent > 0 or m.settled > 0 then
      out[#out + 1] = {
        time = tonumber(m.minute) * 60000,
        sent = m.sent,
        answered = m.answered,
        failed = m.failed,
        settled = m.settled,
        succeeded = m.succeeded,
        slowed = m.slowed,
        average_response_time = ratio(tonumber(m.latency_sum_us) / 1e6, m.answered),
        slowest = tonumber(m.latency_max_us) / 1e6,
      }
    end
  end
  return out
end

---@param s ffi.cdata* struct metrics_snapshot
---@return table metrics times in seconds
function M.read(s)
  local windows, used = {}, {}
  for i = 0, s.window_count - 1 do
    local w = s.windows[i]
    windows[i + 1] = {
      kind = kinds[w.kind],
      interval = tonumber(w.interval_us) / 1e6,
      used = w.used,
      others = w.others,
      limit = w.limit,
      reserve = w.reserve,
      resets_in = tonumber(w.resets_us) / 1e6,
    }
  end
  used.requests_this_minute, used.windows = tonumber(s.requests_this_minute), windows
  local queue, outcomes, circuits =
    { total_size = s.queue_total, oldest_wait = tonumber(s.oldest_wait_us) / 1e6 }, {}, {}
  for i = 0, C.PRIORITY_COUNT - 1 do
    queue[levels[i]] = s.queue[i]
  end
  for i = 0, C.SETTLE_COUNT - 1 do
    outcomes[settles[i]] = tonumber(s.settled[i])
  end
  local alerts = {}
  for i = 0, C.ALERT_RULE_COUNT - 1 do
    alerts[ffi.string(C.alert_rule_name(i))] = s.alert_raised[i]
  end
  local worst = 0
  for i = 0, #classes do
    circuits[classes[i]] = circuit_states[s.circuit_state[i]]
    if s.circuit_state[i] == 1 or (s.circuit_state[i] == 2 and worst == 0) then worst = s.circuit_state[i] end
  end
  return {
    rate_limiter = {
      success_rate = s.success_rate,
      average_response_time = s.average_response_us / 1e6,
      p50 = tonumber(s.p50_us) / 1e6,
      p95 = tonumber(s.p95_us) / 1e6,
      p99 = tonumber(s.p99_us) / 1e6,
      circuit_state = circuit_states[worst],
      circuits = circuits,
      current_throttle_factor = s.throttle_factor,
      rate_limit_state = used,
    },
    queue = queue,
    outcomes = outcomes,
    submitted = tonumber(s.submitted),
    sent = tonumber(s.sent),
    retries = tonumber(s.retries),
    in_flight = s.in_flight,
    in_doubt = s.in_doubt,
    workers = s.workers,
    alerts = alerts,
    endpoints = endpoints(s),
    history = history(s),
    clock = {
      offset = tonumber(s.clock_offset_us) / 1e6,
      uncertainty = tonumber(s.clock_uncertainty_us) / 1e6,
    },
  }
end

return M

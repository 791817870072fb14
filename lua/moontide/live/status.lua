---What a run says of itself when it is asked: `status` of the control socket, for `moontide status`, `top` and the supervisor.
local ffi = require "ffi"
local metrics = require "moontide.api.metrics"
local pump = require "moontide.run.pump"

ffi.cdef "int getpid(void);"

local M = { pid = ffi.C.getpid() }

local HISTORY = 500

---Keeps the last lines of a log, and the last thing that went wrong.
---@param log table
---@return { last: (fun(count: integer): string[]), last_error: string? }
function M.keep_history(log)
  local lines, count = {}, 0
  local history = {}
  table.insert(log.listeners, function(line, level)
    count = count + 1
    lines[(count - 1) % HISTORY + 1] = line
    if level == "error" or level == "warn" then history.last_error = line end
  end)
  function history.last(wanted)
    local out = {}
    for i = math.max(1, count - math.min(wanted, HISTORY) + 1), count do
      out[#out + 1] = lines[(i - 1) % HISTORY + 1]
    end
    return out
  end
  return history
end

local function number(e8) return tonumber(e8) / 1e8 end

-- Positions by symbol; in hedge mode both sides as one, and each beside it.
local function positions(s)
  local world, out, unrealized = s.world, {}, 0
  for i = 0, world.symbol_count - 1 do
    local p, last = world.view.position[i], number(world.pump.last(world.bt, i))
    local amount, open, entry, sides = 0, 0, 0, nil
    for side, name in pairs { [0] = "BOTH", "LONG", "SHORT" } do
      local held = number(p[side].amount_e8)
      if held ~= 0 then
        amount, entry = amount + held, number(p[side].entry_e8)
        if last > 0 then open = open + held * (last - entry) end
        if side > 0 then
          sides = sides or {}
          sides[name] = { position = held, entry = entry }
        end
      end
    end
    unrealized = unrealized + open
    out[world.symbol_names[i]] =
      { position = amount, entry = entry, last = last, unrealized = open, sides = sides }
  end
  return out, unrealized
end

local function limits_used(m)
  local out = {}
  for i, w in ipairs(m.rate_limiter.rate_limit_state.windows) do
    out[i] = { kind = w.kind, interval = w.interval, used = w.used, limit = w.limit }
  end
  return out
end

---@param s LiveSession
---@return table status amounts in the quote asset, times in milliseconds, durations in seconds
function M.read(s)
  local world, view = s.world, s.world.view
  local m = metrics.read(pump.live.metrics(world.bt, view.now_us)) -- no look of the script's: not recorded
  local held, unrealized = positions(s)
  local wallet = number(view.wallet_e8)
  local out = {
    name = s.name,
    script = s.title,
    mode = s.mode or "live",
    pid = M.pid,
    started_ms = s.started_ms,
    now_ms = math.floor(world:now() / 1000),
    url = s.at and s.at.rest,
    symbols = s.names,
    interval = s.interval,
    positions = held,
    unrealized = unrealized,
    wallet = wallet,
    equity = wallet + unrealized,
    queue = m.queue.total_size,
    in_flight = m.in_flight,
    limits = limits_used(m),
    breaker = m.rate_limiter.circuit_state,
    circuits = m.rate_limiter.circuits,
    throttle = m.rate_limiter.current_throttle_factor,
    success_rate = m.rate_limiter.success_rate,
    p50 = m.rate_limiter.p50,
    p99 = m.rate_limiter.p99,
    submitted = m.submitted,
    sent = m.sent,
    halted = s.halted or false,
    lag = tonumber(view.lag_us) / 1e6,
    last_error = s.history and s.history.last_error,
  }
  if s.started_equity then out.profit = out.equity - s.started_equity end -- of this run
  if s.status then s.status(out) end -- what only this kind of run knows
  return out
end

return M

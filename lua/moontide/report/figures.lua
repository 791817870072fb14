---Figures of an equity curve beside the market's: daily and monthly returns, buy-and-hold, alpha and beta, the deepest drawdowns.
---Definitions: docs/report.md.
local ffi = require "ffi"
local C = require "moontide.core"
local csv = require "moontide.report.csv"
local json = require "moontide.report.json"
local log_module = require "moontide.run.log"
local stats = require "moontide.stats"

local M = {}

local function money(e8) return tonumber(e8) / 1e8 end

---The moments at which equity is compared: the start, the end of each UTC day, the end of the run.
---@param view ffi.cdata* struct world_view
---@param first_us number
---@param last_us number
---@return number[] moments microseconds
---@return number[] equity
function M.daily(view, first_us, last_us)
  local moments, equity = {}, {}
  for i = 0, tonumber(view.day_count) - 1 do
    moments[i + 1], equity[i + 1] = tonumber(view.day_us[i]), money(view.day_equity_e8[i])
  end
  moments[1] = first_us
  moments[#moments + 1], equity[#equity + 1] = last_us, money(view.equity_e8) -- the last, unfinished day
  return moments, equity
end

-- What a symbol was worth at a moment, of its first price in the run; 1 before it has one.
local function growth(series, first_us)
  local start = tonumber(C.series_at_or_after(series, first_us))
  if start >= tonumber(series.count) then
    return function() return 1 end
  end
  local open = tonumber(series.open_e8[start])
  return function(moment)
    local i = tonumber(C.series_at_or_after(series, moment)) - 1
    return i < start and 1 or tonumber(series.close_e8[i]) / open
  end
end

---What the capital would have become, put into the symbols in equal parts at their first prices and held, without costs.
---@param markets table<integer, ffi.cdata*> series by index from 0
---@param count integer
---@param moments number[]
---@param capital number
---@return number[] equity at each moment
function M.buy_and_hold(markets, count, moments, capital)
  local curves, equity = {}, {}
  for i = 0, count - 1 do
    curves[i + 1] = growth(markets[i], moments[1])
  end
  for k, moment in ipairs(moments) do
    local sum = 0
    for _, curve in ipairs(curves) do
      sum = sum + (k == 1 and 1 or curve(moment))
    end
    equity[k] = capital * sum / count
  end
  return equity
end

---Returns by calendar month (UTC); the first and the last may be parts of one.
---@param moments number[] as of M.daily
---@param equity number[]
---@return { month: string, ["return"]: number }[]
function M.months(moments, equity)
  local list, before = setmetatable({}, json.list), equity[1]
  local function close(us, value)
    if before > 0 then
      local month = log_module.time_text(us):sub(1, 7)
      list[#list + 1] = { month = month, ["return"] = value / before - 1 }
    end
    before = value
  end
  for k = 2, #moments do
    local last = k == #moments
    local first_of_month = os.date("!%d", math.floor(moments[k] / 1e6)) == "01"
    -- A moment at midnight is the end of the day before it.
    if last or first_of_month then close(moments[k] - 1, equity[k]) end
  end
  return list
end

-- The curve at the ends of days, as milliseconds and money.
local function days(moments, equity)
  local out = { time = setmetatable({}, json.list), equity = setmetatable({}, json.list) }
  for i, us in ipairs(moments) do
    out.time[i], out.equity[i] = us / 1000, equity[i]
  end
  return out
end

local function milliseconds(us) return us ~= 0 and tonumber(us) / 1000 or nil end

---The deepest drawdowns, the deepest first.
---@param track ffi.cdata* const struct equity_track *
---@param now_us number
---@return table[] # depth (ratio), from, trough, to (milliseconds; nil: not recovered), length_s, recovery_s, value
---@return number longest_s
function M.drawdowns(track, now_us)
  local rows, longest = ffi.new("struct drawdown[?]", C.DRAWDOWNS_KEPT), ffi.new "int64_t[1]"
  local list = setmetatable({}, json.list)
  for i = 0, C.equity_drawdowns(track, now_us, rows, longest) - 1 do
    local d = rows[i]
    local over = d.end_us ~= 0
    list[i + 1] = {
      depth = d.depth,
      value = money(d.peak_e8 - d.trough_e8),
      from = milliseconds(d.peak_us),
      trough = milliseconds(d.trough_us),
      to = milliseconds(d.end_us),
      from_text = csv.iso(tonumber(d.peak_us)),
      trough_text = csv.iso(tonumber(d.trough_us)),
      to_text = over and csv.iso(tonumber(d.end_us)) or nil,
      length_s = tonumber((over and d.end_us or ffi.cast("int64_t", now_us)) - d.peak_us) / 1e6,
      recovery_s = over and tonumber(d.end_us - d.trough_us) / 1e6 or nil,
    }
  end
  return list, tonumber(longest[0]) / 1e6
end

---Puts the figures of the curve and of its market into the result.
---@param r table
---@param view ffi.cdata*
---@param markets table<integer, ffi.cdata*>?
---@param count integer symbols
---@param first_us number
---@param last_us number
function M.fill(r, view, markets, count, first_us, last_us)
  local moments, equity = M.daily(view, first_us, last_us)
  local returns = stats.returns(equity)
  local years = (last_us - first_us) / (365 * 86400e6)
  for name, value in pairs(stats.performance(equity, { periods = 365, years = years })) do
    if r[name] == nil then r[name] = value end
  end
  for _, x in ipairs(returns) do
    r.best_day, r.worst_day = math.max(r.best_day or x, x), math.min(r.worst_day or x, x)
  end
  r.months = M.months(moments, equity)
  r.equity_by_day = days(moments, equity)
  if markets and count > 0 then
    local held = M.buy_and_hold(markets, count, moments, r.capital)
    r.buy_and_hold = held[#held] / r.capital - 1
    r.alpha, r.beta = stats.alpha_beta(returns, stats.returns(held), 365)
  end
end

return M

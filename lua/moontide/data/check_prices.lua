---Prices that do not belong: off the tick of the prices around them, or far from them for one bar.
local C = require "moontide.core"

local M = {}

local WINDOW, ALONE = 50, 0.2 -- bars on each side; a price is off the tick when at most this share of them is
local TICK_SHARE, DISTINCT = 0.9, 20
local SPIKE_LEAST, SPIKE_MEDIANS = 0.02, 30
local WICK_LEAST, WICK_MEDIANS, WICK_NEIGHBOURS = 0.08, 60, 3
local JUMP = math.log(1.6)

---@alias TellPrice fun(level: "fault"|"note", sort: string, bar: ffi.cdata*, text: string, ...)

-- ---- ticks ----------------------------------------------------------------------------------------------------------

local function on(b, tick)
  return b.open % tick == 0 and b.high % tick == 0 and b.low % tick == 0 and b.close % tick == 0
end

-- The coarsest tick that nearly all prices are on; nil where too few prices tell.
local function tick_of(bars)
  local rows, count = bars.rows, bars.count
  local least = math.huge
  for i = 0, count - 1 do
    least = math.min(least, tonumber(rows[i].low))
  end
  local tick = 10LL ^ 10
  while tick > 1 do
    for _, factor in ipairs { 5LL, 2LL, 1LL } do
      local candidate = tick / 10 * factor
      if candidate > 0 and tonumber(candidate) <= least / 100 then
        local good, distinct, kinds = 0, {}, 0
        for i = 0, count - 1 do
          if on(rows[i], candidate) then good = good + 1 end
          local key = tonumber(rows[i].close)
          if kinds <= DISTINCT and not distinct[key] then
            distinct[key], kinds = true, kinds + 1
          end
        end
        if good >= count * TICK_SHARE then return kinds > DISTINCT and candidate or nil end
      end
    end
    tick = tick / 10
  end
  return nil
end

local function ticks(bars, tell)
  local tick = tick_of(bars)
  if not tick or tick <= 1 then return end
  local rows, count, off = bars.rows, bars.count, {}
  for i = 0, count - 1 do
    if not on(rows[i], tick) then off[#off + 1] = i end
  end
  local first, last = 1, 0
  for k, i in ipairs(off) do
    while off[first] < i - WINDOW do
      first = first + 1
    end
    last = math.max(last, k)
    while off[last + 1] and off[last + 1] <= i + WINDOW do
      last = last + 1
    end
    local around = math.min(i + WINDOW, count - 1) - math.max(i - WINDOW, 0) + 1
    if last - first + 1 <= around * ALONE then
      tell(
        "fault",
        "tick",
        rows[i],
        "a price off the tick of %.8g that the bars around it have",
        tonumber(tick) / 1e8
      )
    end
  end
end

-- ---- outliers -------------------------------------------------------------------------------------------------------

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)] or 0
end

-- The usual size of a bar's return, of at most some thousand bars spread over all.
local function usual(bars)
  local list, stride = {}, math.max(1, math.floor(bars.count / 5000))
  for i = stride, bars.count - 1, stride do
    local a, b = tonumber(bars.rows[i - 1].close), tonumber(bars.rows[i].close)
    list[#list + 1] = math.abs(math.log(b / a))
  end
  return median(list)
end

local function ratio(a, b) return math.log(tonumber(a) / tonumber(b)) end
local function percent(log) return (math.exp(log) - 1) * 100 end

-- How far the bars around a bar reach: where the market itself is in turmoil, a long wick is none of a bad price.
local function turmoil(rows, count, i)
  local most = 0
  for k = math.max(0, i - WICK_NEIGHBOURS), math.min(count - 1, i + WICK_NEIGHBOURS) do
    if k ~= i then most = math.max(most, ratio(rows[k].high, rows[k].low)) end
  end
  return most
end

-- One price of a bar against what the market did before and after it. A market that moves is continuous: a bar opens where the one
-- before has closed. A bad price is not, on one side at least.
local function spike_in(a, b, c, least)
  local before, after = ratio(b.close, a.close), ratio(c.close, b.close)
  local size = math.min(math.abs(before), math.abs(after))
  local returned = before * after < 0 and math.abs(before + after) < size / 3
  if returned and size > least and math.abs(ratio(c.open, b.close)) > size / 2 then return "close", before end
  local opening = ratio(b.open, a.close)
  if
    math.abs(opening) > least
    and ratio(b.close, b.open) * opening < 0
    and math.abs(before) < math.abs(opening) / 3
  then
    return "open", opening
  end
end

local function spikes(bars, interval, tell)
  local rows, count, size = bars.rows, bars.count, usual(bars)
  local spike = math.max(SPIKE_LEAST, SPIKE_MEDIANS * size)
  local wick = math.max(WICK_LEAST, WICK_MEDIANS * size)
  for i = 0, count - 1 do
    local b = rows[i]
    local up = math.min(ratio(b.high, b.open), ratio(b.high, b.close))
    local down = math.min(ratio(b.open, b.low), ratio(b.close, b.low))
    local a, c = i > 0 and rows[i - 1], i < count - 1 and rows[i + 1]
    local beside = a
      and c
      and C.grid_missing(interval, a.open_us, b.open_us) == 0
      and C.grid_missing(interval, b.open_us, c.open_us) == 0
    local what, by
    if beside then
      what, by = spike_in(a, b, c, spike)
    end
    if what then
      tell("fault", "outlier", b, "its %s is %+.1f %% from the bars beside it", what, percent(by))
    elseif math.max(up, down) > wick and math.max(up, down) > 3 * turmoil(rows, count, i) then
      tell(
        "fault",
        "outlier",
        b,
        up > down and "its high is %.1f %% above open and close" or "its low is %.1f %% below open and close",
        up > down and percent(up) or -percent(-down)
      )
    elseif beside and interval <= C.INTERVAL_1H and math.abs(ratio(b.open, a.close)) > JUMP then
      tell(
        "note",
        "outlier",
        b,
        "it opens %+.1f %% from where the bar before closed",
        percent(ratio(b.open, a.close))
      )
    end
  end
end

---@param bars BarColumns
---@param interval integer
---@param traded boolean prices of trades: they stand on a tick
---@param signed boolean? prices may be negative: no ratios of them
---@param tell TellPrice
function M.run(bars, interval, traded, signed, tell)
  if traded then ticks(bars, tell) end
  if not signed and bars.count > 2 then spikes(bars, interval, tell) end
end

return M

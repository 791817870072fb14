---Candles of a series, packed: whole runs at the interval that the page has room for, and true bars around trades.
---
---A block's columns follow one another: how many intervals were skipped before the candle, open less the close before, close
---less open, high less the higher of both, the lower of both less low (prices in units of the last decimal), volume (in units of
---the block).
local C = require "moontide.core"
local pack = require "moontide.page.pack"

local M = {}

local MINUTE = 60e6

---Intervals that a page may show, the shortest first, microseconds.
M.intervals = { MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 240 * MINUTE, 1440 * MINUTE }

local function columns()
  local list = {}
  for i = 1, 6 do
    list[i] = pack.bytes()
  end
  return list
end

-- The largest volume of one candle, by which all are scaled: four digits are more than a page shows.
local function volume_unit(series, ranges, bars_each)
  local most = 0
  for _, r in ipairs(ranges) do
    for i = r[1], r[2] - 1 do
      most = math.max(most, tonumber(series.volume_e8[i]))
    end
  end
  return math.max(most * bars_each / 1e4, 1)
end

---@param series ffi.cdata* struct series
---@param ranges integer[][] of indexes, each from its first to behind its last
---@param interval_us number a multiple of the series' own
---@return table block interval and start in milliseconds, count, decimals, volume_unit, data
function M.block(series, ranges, interval_us)
  local decimals = series.price_decimals
  local unit = 10 ^ (8 - decimals)
  local cols = columns()
  local step = tonumber(series.interval_us)
  local volume_of = volume_unit(series, ranges, interval_us / step)
  local opens, highs, lows, closes, volumes =
    series.open_e8, series.high_e8, series.low_e8, series.close_e8, series.volume_e8
  local before_slot, before_close, start, count = nil, 0, 0, 0
  local slot, open, high, low, close, volume
  local function put()
    if not slot then return end
    if not before_slot then
      before_slot, start = slot - 1, slot * interval_us / 1000
    end
    cols[1]:unsigned(slot - before_slot - 1)
    cols[2]:signed(open - before_close)
    cols[3]:signed(close - open)
    cols[4]:unsigned(high - math.max(open, close))
    cols[5]:unsigned(math.min(open, close) - low)
    cols[6]:unsigned(math.floor(volume / volume_of + 0.5))
    before_slot, before_close, count = slot, close, count + 1
  end
  local function price(e8) return math.floor(tonumber(e8) / unit + 0.5) end
  for _, r in ipairs(ranges) do
    for i = r[1], r[2] - 1 do
      local this = math.floor(tonumber(series.open_us[i]) / interval_us)
      local c = price(closes[i])
      if this ~= slot then
        put()
        slot, open, high, low = this, price(opens[i]), price(highs[i]), price(lows[i])
        volume = 0
      end
      high, low, close = math.max(high, price(highs[i])), math.min(low, price(lows[i])), c
      volume = volume + tonumber(volumes[i])
    end
  end
  put()
  local all = pack.bytes()
  for _, c in ipairs(cols) do
    all:append(c)
  end
  return {
    interval = interval_us / 1000,
    start = start,
    count = count,
    decimals = decimals,
    volume_unit = volume_of / 1e8,
    data = all:finish(),
  }
end

---The shortest interval at which all series together fit into a number of bytes, and their blocks.
---@param list ffi.cdata*[] series
---@param ranges integer[][] one range a series
---@param bytes integer
---@return table[] blocks
function M.whole(list, ranges, bytes)
  local shortest = 0
  for _, s in ipairs(list) do
    shortest = math.max(shortest, tonumber(s.interval_us))
  end
  local steps = { shortest }
  for _, us in ipairs(M.intervals) do
    if us > shortest then steps[#steps + 1] = us end
  end
  local blocks
  for k, us in ipairs(steps) do
    local expected = 0
    for i = 1, #list do
      expected = expected + (ranges[i][2] - ranges[i][1]) * tonumber(list[i].interval_us) / us * 4
    end
    if expected <= bytes or k == #steps then
      local size = 0
      blocks = {}
      for i, s in ipairs(list) do
        blocks[i] = M.block(s, { ranges[i] }, us)
        size = size + #blocks[i].data
      end
      if size <= bytes then return blocks end
    end
  end
  return blocks
end

local AROUND = 45 -- bars before and behind a trade

---The longest trade that is shown in true bars: a longer one is seen well in candles of five.
M.longest = 400

---True bars around trades, those that come first in the list first, as many as there is room for.
---@param series ffi.cdata*
---@param trades { from: number, to: number, index: integer }[] microseconds
---@param bars integer
---@return table? block
---@return table<integer, boolean> shown by the trade's index
function M.around(series, trades, bars)
  local ffi = require "ffi"
  local count, used, shown = tonumber(series.count), 0, {}
  local marked = ffi.new("uint8_t[?]", count + 1)
  for _, t in ipairs(trades) do
    local from = math.max(0, tonumber(C.series_at_or_after(series, t.from)) - AROUND)
    local to = math.min(count, tonumber(C.series_at_or_after(series, t.to)) + AROUND)
    if to - from <= M.longest + 2 * AROUND and used + (to - from) <= bars then
      shown[t.index] = true
      for i = from, to - 1 do
        used = used + 1 - marked[i]
        marked[i] = 1
      end
    end
  end
  local ranges, begun = {}, nil
  for i = 0, count do
    if marked[i] == 1 and not begun then begun = i end
    if marked[i] == 0 and begun then
      ranges[#ranges + 1] = { begun, i }
      begun = nil
    end
  end
  if #ranges == 0 then return nil, shown end
  return M.block(series, ranges, tonumber(series.interval_us)), shown
end

return M

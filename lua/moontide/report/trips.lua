---The closed and open trades of an account, one by one (C side: sim/round_trip.h), with how far the price went against and for
---each of them.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {}

M.reasons = { [0] = "signal", "stop", "target", "liquidation", "end" }

-- The extremes of the price from `from_us` to `to_us` as far as the bars say for certain: whole bars by high and low, those only
-- partly within by their open or close.
local function extremes(series, from_us, to_us, low, high)
  local i = tonumber(C.series_at_or_after(series, from_us))
  local length, count = tonumber(series.interval_us), tonumber(series.count)
  local opens, lows, highs, closes = series.open_us, series.low_e8, series.high_e8, series.close_e8
  if i > 0 then
    local close_us = tonumber(opens[i - 1]) + length - 1000
    if close_us >= from_us and close_us <= to_us then
      local close = tonumber(closes[i - 1])
      low, high = math.min(low, close), math.max(high, close)
    end
  end
  while i < count do
    local open_us = tonumber(opens[i])
    if open_us > to_us then break end
    if open_us + length - 1000 <= to_us then
      low, high = math.min(low, tonumber(lows[i])), math.max(high, tonumber(highs[i]))
    else
      local open = tonumber(series.open_e8[i])
      low, high = math.min(low, open), math.max(high, open)
      break
    end
    i = i + 1
  end
  return low, high
end

---@class Trip one round trip; valid until the next one
---@field row ffi.cdata* struct round_trip
---@field open boolean it is held at the end
---@field pnl_e8 number realized less commission and what a liquidation cost; without funding
---@field mae number? the furthest the price went against it, as a share of the entry price
---@field mfe number? the furthest it went for it
---@field unrealized_e8 number of what is still held, at the last price

---Calls `see` for every trade in the order of closing, then for those still open.
---@param exchange ffi.cdata* struct exchange
---@param markets table<integer, ffi.cdata*>? series by the symbol's index
---@param last_us number the end of the run
---@param see fun(trip: Trip)
---@return number held_us how long any position was open
function M.each(exchange, markets, last_us, see)
  local trips = ffi.gc(C.round_trips_new(exchange), C.round_trips_free)
  local row = ffi.new "struct round_trip"
  local trip = { row = row }
  while C.round_trips_next(trips, row) do
    local open_e8 = tonumber(row.open_e8)
    trip.open = open_e8 ~= 0
    trip.pnl_e8 = tonumber(row.realized_e8 - row.commission_e8 - row.liquidation_e8)
    trip.unrealized_e8 = trip.open
        and tonumber(C.exchange_unrealized_e8(exchange, row.symbol, row.position_side))
      or 0
    local series = markets and markets[row.symbol]
    if series then
      local entry = tonumber(row.entry_price_e8)
      local exit = row.exit_price_e8 ~= 0 and tonumber(row.exit_price_e8) or entry
      local to_us = trip.open and last_us or tonumber(row.exit_us)
      local low, high =
        extremes(series, tonumber(row.entry_us), to_us, math.min(entry, exit), math.max(entry, exit))
      local down, up = (entry - low) / entry, (high - entry) / entry
      trip.mae, trip.mfe = row.is_long and down or up, row.is_long and up or down
    end
    see(trip)
  end
  return tonumber(C.round_trips_held_us(trips, last_us))
end

return M

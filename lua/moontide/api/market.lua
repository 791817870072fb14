---Market rules and bars, as scripts see them through the global `market` (described in moontide/meta/script.lua).
local ffi = require "ffi"
local C = require "moontide.core"
local api_error = require "moontide.error"
local host = require "moontide.lua_host"
local records = require "moontide.api.records"

local M = {}

---A bar: a reference into the data, cheap to make and safe to keep. It has no pairs; `bar:totable()` makes a plain table.
---@class Bar
---@field symbol string
---@field interval string
---@field open_time integer milliseconds since the epoch
---@field close_time integer milliseconds since the epoch: the bar's last
---@field open number quote asset
---@field high number quote asset
---@field low number quote asset
---@field close number quote asset
---@field volume number base asset
---@field quote_volume number quote asset
---@field trades integer how many
---@field taker_buy_volume number base asset
---@field taker_buy_quote_volume number quote asset
---@field totable fun(bar: Bar): table
---@field recovered boolean live: it was asked for after the stream had been silent
---@field warmup boolean it is from before the run, or from before the loop: see warmup of a strategy, history of market.bars

local symbol_names = {} -- by index, of the run

local fields = {
  "symbol",
  "interval",
  "open_time",
  "open",
  "high",
  "low",
  "close",
  "volume",
  "close_time",
  "quote_volume",
  "trades",
  "taker_buy_volume",
  "taker_buy_quote_volume",
}

-- A plain table of the bar, for code that walks it with pairs or encodes it.
local function totable(b)
  local t = {}
  for _, name in ipairs(fields) do
    t[name] = b[name]
  end
  return t
end

---A volume in its two columns (base/wide.h).
---@param value number
---@return ffi.cdata*|integer low
---@return integer high
function M.volume_parts(value)
  if value < 4e10 then return C.dec_from_double(value), 0 end
  local high = math.floor(value * 1e8 / 2 ^ 62)
  return ffi.cast("int64_t", value * 1e8 - high * 2 ^ 62), high
end

-- A bar is a reference into mapped columns: free to make, safe to keep, never written; only what is read is converted. What it is
-- made of is a pointer, and whoever can name that reads and writes memory without bounds. So its fields have names that no
-- script can guess, others in each process, and the code that uses them is made here. They are not const: a trace would then
-- make each bar in memory, where now it makes none.
local hidden = {} -- names of the series, the index, the symbol and whether it was recovered, or is from before
for i = 1, 5 do
  hidden[i] = host.unguessable()
end
local reading = [[
local interval_text, name_of, totable = ...
-- A volume from its two columns (base/wide.h); a series made by hand has the lower alone.
local function wide(low, high, i)
  if high == nil then return tonumber(low[i]) / 1e8 end
  return (tonumber(low[i]) + tonumber(high[i]) * 2 ^ 62) / 1e8
end
local getters = {
  volume = function(b) return wide(b.SERIES.volume_e8, b.SERIES.volume_high, b.INDEX) end,
  quote_volume = function(b) return wide(b.SERIES.quote_volume_e8, b.SERIES.quote_volume_high, b.INDEX) end,
  trades = function(b) return tonumber(b.SERIES.trades[b.INDEX]) end,
  taker_buy_volume = function(b) return wide(b.SERIES.taker_volume_e8, b.SERIES.taker_volume_high, b.INDEX) end,
  taker_buy_quote_volume = function(b) return wide(b.SERIES.taker_quote_volume_e8, b.SERIES.taker_quote_volume_high, b.INDEX) end,
  open_time = function(b) return tonumber(b.SERIES.open_us[b.INDEX]) / 1000 end,
  close_time = function(b)
    local start = b.SERIES.open_us[b.INDEX]
    return (tonumber(start) + tonumber(b.SERIES.interval_us)) / 1000 - 1
  end,
  recovered = function(b) return b.RECOVERED end,
  warmup = function(b) return b.WARMUP end,
  interval = function(b) return interval_text(b.SERIES.interval) end,
}
return function(b, key)
  -- A trace knows the key, so these comparisons cost nothing there; a look-up in `getters` would.
  if key == "close" then return tonumber(b.SERIES.close_e8[b.INDEX]) / 1e8 end
  if key == "high" then return tonumber(b.SERIES.high_e8[b.INDEX]) / 1e8 end
  if key == "low" then return tonumber(b.SERIES.low_e8[b.INDEX]) / 1e8 end
  if key == "open" then return tonumber(b.SERIES.open_e8[b.INDEX]) / 1e8 end
  if key == "symbol" then return name_of(b.SYMBOL) end
  local get = getters[key]
  if get then return get(b) end
  if key == "totable" then return totable end
  return nil
end
]]
local name_of_field =
  { SERIES = hidden[1], INDEX = hidden[2], SYMBOL = hidden[3], RECOVERED = hidden[4], WARMUP = hidden[5] }
local get = assert(load(reading:gsub("%f[%u]%u%u+%f[%U]", name_of_field), "=bar"))(
  function(interval) return ffi.string(C.interval_names[interval]) end,
  function(i) return symbol_names[i] end,
  totable
)

M.Bar = ffi.metatype(
  ffi.typeof("struct { const struct series *$; int64_t $; int32_t $; bool $, $; }", unpack(hidden)),
  {
    __index = get,
    __newindex = function() error("a bar cannot be changed", 2) end,
    __tostring = function(b)
      return ("bar %s %s open %.8g high %.8g low %.8g close %.8g"):format(
        b.symbol,
        b.interval,
        b.open,
        b.high,
        b.low,
        b.close
      )
    end,
  }
)

-- How many bars of before market.bars is asked for.
local function history_of(o)
  if o ~= nil and type(o) ~= "table" then
    error("market.bars: the third argument is a table, { history = N }", 3)
  end
  local history = o and o.history or 0
  if type(history) ~= "number" or history < 0 or history ~= math.floor(history) then
    error("market.bars: history is how many bars of before: a whole number, 0 or more", 3)
  end
  return history
end

-- A symbol's rules, as scripts see them.
local function rules_table(s)
  return {
    tick = tonumber(s.tick_e8) / 1e8,
    step = tonumber(s.step_e8) / 1e8,
    min_quantity = tonumber(s.qty_min_e8) / 1e8,
    max_quantity = tonumber(s.qty_max_e8) / 1e8,
    market_step = tonumber(s.market_step_e8) / 1e8,
    min_market_quantity = tonumber(s.market_qty_min_e8) / 1e8,
    max_market_quantity = tonumber(s.market_qty_max_e8) / 1e8,
    min_notional = tonumber(s.notional_min_e8) / 1e8,
    price_precision = s.price_precision,
    quantity_precision = s.quantity_precision,
  }
end

---Fills the `market` table of a run.
---@param world table the run's world (moontide.run.world)
---@return table market
function M.new(world)
  symbol_names = world.symbol_names
  local market = {}

  local function rules_of(symbol)
    local index = world.symbol_index[symbol]
    if not index then error(("no symbol '%s' in this run"):format(tostring(symbol)), 3) end
    return world.symbols[index]
  end

  function market.rules(symbol) return rules_table(rules_of(symbol)) end

  function market.round_price(symbol, price, direction)
    local tick, e8 = rules_of(symbol).tick_e8, C.dec_from_double(price)
    local rounded = direction == "down" and C.dec_floor_to(e8, tick)
      or direction == "up" and C.dec_ceil_to(e8, tick)
      or C.dec_round_to(e8, tick)
    return tonumber(rounded) / 1e8
  end

  function market.round_quantity(symbol, quantity, type)
    local s, e8 = rules_of(symbol), C.dec_from_double(quantity)
    local rounded = C.dec_floor_to(e8, s.step_e8)
    if type == "MARKET" and s.market_step_e8 > s.step_e8 then
      rounded = C.dec_floor_to(e8, s.market_step_e8)
    end
    return tonumber(rounded) / 1e8
  end

  function market.symbols()
    local list = {}
    for i = 0, world.symbol_count - 1 do
      list[#list + 1] = world.symbol_names[i]
    end
    return list
  end

  local found = ffi.new "struct live_book"

  -- The first `count` of a side, as plain tables.
  local function levels(rows, have, count)
    local list = {}
    for i = 0, math.min(have, count) - 1 do
      list[i + 1] = { price = tonumber(rows[i].price_e8) / 1e8, qty = tonumber(rows[i].qty_e8) / 1e8 }
    end
    return list
  end

  function market.book(symbol, count)
    rules_of(symbol)
    if count ~= nil and not (type(count) == "number" and count >= 1) then
      error("market.book: how many levels? 1 or more", 2)
    end
    if not world.pump.book then
      return nil,
        api_error.new(
          "invalid",
          world.made
              and "market.book: the embedded exchange's book is not followed; api.get_order_book asks for it"
            or "market.book: there is no order book in a backtest of bars; it is there on paper and live"
        )
    end
    if not world.pump.book(world.bt, world.symbol_index[symbol], found, math.min(count or 20, 1000)) then
      return nil,
        api_error.new(
          "network",
          symbol .. ": the order book is being fetched; it is not known to be the exchange's yet"
        )
    end
    local book = {
      symbol = symbol,
      bids = levels(found.bids, found.bid_count, count or 20),
      asks = levels(found.asks, found.ask_count, count or 20),
      last_update_id = records.id_text(found.last_update_id),
      time = math.floor(tonumber(found.time_us) / 1000),
      in_sync = true,
    }
    local bid, ask = book.bids[1], book.asks[1]
    book.bid, book.ask = bid and bid.price, ask and ask.price
    if bid and ask then
      book.spread, book.mid = ask.price - bid.price, (bid.price + ask.price) / 2
    end
    return book
  end

  function market.bars(symbol, interval, o) return world:bars(symbol, interval, history_of(o)) end

  world.market = market
  return market
end

return M

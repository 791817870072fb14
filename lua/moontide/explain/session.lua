---What happened in a recorded run: its orders and fills, its market as it saw it, and what its account came to.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local intents = require "moontide.explain.intents"
local replay = require "moontide.record.replay"

local M = {}

local function number(e8) return tonumber(e8) / 1e8 end

---@class RecordedSession
---@field about table what the recording says of its run
---@field rules ffi.cdata* struct symbol[]
---@field config ffi.cdata* struct api_config
---@field intents Intent[] in the order of their calls
---@field others ExplainedFill[] fills of the account that are no order of the script's
---@field first AccountState as the script began
---@field last AccountState at the end of the recording
---@field funding number USDT received
---@field transfers number USDT that came or went otherwise
---@field bars table<string, table<integer, table[]>> by symbol and interval number: bars delivered, each the columns of a series
---@field history table<string, table<integer, table[]>> bars the script asked for
---@field trades table<string, table[]> { us, price_e8, qty_e8 } told to the script
---@field prices table<string, { us: number[], price: number[] }> the last price as it changed
---@field unseen integer orders that were filled, by their answers, beyond the fills the recording saw
---@field bar_count integer
---@field told_us table<string, number> when a symbol's last bar was told
---@field whole boolean the recording reaches the script's end
---@field failure string? how the script failed

---@class AccountState
---@field us number
---@field wallet number USDT
---@field positions table<string, { amount: number, entry: number }[]> by symbol
---@field last table<string, number> last prices

local function state_of(past, names, us)
  local s = { us = us, wallet = number(past.wallet_e8), positions = {}, last = {} }
  for i, name in ipairs(names) do
    s.positions[name], s.last[name] = {}, number(past.last_e8[i - 1])
    for side = 0, 2 do
      local p = past.position[i - 1][side]
      if p.amount_e8 ~= 0 then
        table.insert(s.positions[name], { amount = number(p.amount_e8), entry = number(p.entry_e8) })
      end
    end
  end
  return s
end

-- Items one by one; `take` has a function for each kind that matters.
local function each_item(path, take, reading)
  local out, message = ffi.new "struct run_record_reader *[1]", ffi.new "struct errmsg"
  if C.run_record_open(path, out, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  local reader, item = out[0], ffi.new "struct run_record"
  local past = C.run_record_past_of(reader)
  while C.run_record_next(reader, item) do
    local fn = take[item.kind]
    if fn then fn(reading, item, past) end
  end
  local ending, offset = C.run_record_end(reader), tonumber(C.run_record_offset(reader))
  reading.s.last = state_of(past, reading.names, tonumber(past.now_us))
  C.run_record_close(reader)
  if ending == C.RECORD_FILE_DAMAGED then
    io.stderr:write(("note: %s is damaged at byte %d; what comes after is left out\n"):format(path, offset))
  end
end

local function answer_of(item)
  return {
    settle = item.settle,
    code = item.code,
    message = ffi.string(item.message),
    batch = item.batch_count > 0,
    batch_code = function(i)
      if i >= item.batch_count then return 0, "" end
      return item.batch_code[i], ffi.string(item.batch_message[i])
    end,
  }
end

local function bar_of(item)
  local bar = {}
  for c = 1, 14 do -- the columns of data/columns.h
    bar[c] = item.bar[c - 1]
  end
  return bar
end

local function bar_of_kline(k)
  return {
    k.open_us,
    k.open_e8,
    k.high_e8,
    k.low_e8,
    k.close_e8,
    k.volume_e8,
    k.quote_volume_e8,
    k.trades,
    k.taker_volume_e8,
    k.taker_quote_volume_e8,
    k.volume_high,
    k.quote_volume_high,
    k.taker_volume_high,
    k.taker_quote_volume_high,
  }
end

local function list_in(t, a, b)
  t[a] = t[a] or {}
  if b == nil then return t[a] end
  t[a][b] = t[a][b] or {}
  return t[a][b]
end

-- The fill of an order update, in the account's words.
local function fill_of(u, names, us)
  local o = u.order
  return {
    symbol = names[o.symbol + 1],
    side = ffi.string(C.side_names[o.side]),
    qty = number(u.last_qty_e8),
    price = number(u.last_price_e8),
    fee = number(u.commission_e8),
    maker = u.maker,
    at_us = us,
    client_id = ffi.string(o.client_id),
    order_id = tostring(o.order_id),
  }
end

-- Reads the items of a recording into a session.
---@class Reading
---@field s RecordedSession
---@field names string[] the run's symbols
---@field feeds table<integer, { symbol: string, interval: integer }> by number
---@field calls table<integer, Intent[]> by the call's number: the orders it asked for
---@field klines table<integer, string> by the call's number: the parameters of those that asked for bars
---@field fills ExplainedFill[]
---@field algos table<string, string> client ids of conditional orders, by the id of the order that came of them
---@field begun boolean the script has begun
---@field context string what the script was at: the bar's time, or "start", "stop"
---@field call_number integer
local Reading = {}
Reading.__index = Reading

-- Klines that were asked for: all but the last row, which may still be forming.
function Reading:keep_klines(item, text)
  if item.rows_kind ~= C.RECORD_KLINE or item.rows == nil then return end
  local interval = C.interval_find(text:match "interval=(%w+)" or "")
  if interval < 0 then return end
  local rows = ffi.cast("const struct kline_record *", item.rows)
  for i = 0, item.count - 2 do
    local bars = list_in(self.s.history, self.names[rows[i].symbol + 1], interval)
    bars[#bars + 1] = bar_of_kline(rows[i])
  end
end

-- A call has settled.
function Reading:answered(item)
  local n = tonumber(item.number)
  local list = self.calls[n]
  if list then
    intents.answered(list, answer_of(item), tonumber(item.now_us))
    if item.rows_kind == C.RECORD_ORDER and item.rows ~= nil and item.settle == C.SETTLE_DONE then
      local rows = ffi.cast("const struct order_record *", item.rows)
      for i, x in ipairs(list) do
        if i <= item.count and not x.refusal then x.executed = number(rows[i - 1].executed_qty_e8) end
      end
    end
  end
  if self.klines[n] then self:keep_klines(item, self.klines[n]) end
end

-- By the kind of item; others do not matter here.
local take = {}

take[C.RUN_RECORD_FEED] = function(self, item)
  self.feeds[item.feed] = { symbol = self.names[item.symbol + 1], interval = item.interval }
end

take[C.RUN_RECORD_BEGIN] = function(self, item, past)
  local s = self.s
  self.begun = true
  s.first = state_of(past, self.names, tonumber(item.now_us))
  for _, name in ipairs(self.names) do
    s.prices[name].us[1], s.prices[name].price[1] = s.first.us, s.first.last[name]
  end
end

take[C.RUN_RECORD_PRICE] = function(self, item)
  local p = self.begun and self.s.prices[self.names[item.symbol + 1]]
  if not p then return end
  p.us[#p.us + 1], p.price[#p.price + 1] = tonumber(item.now_us), number(item.price_e8)
end

take[C.RUN_RECORD_SUBMIT] = function(self, item, past)
  self.call_number = self.call_number + 1
  local n, text = self.call_number, ffi.string(item.text, item.text_size)
  if item.endpoint == C.EP_KLINES then self.klines[n] = text end
  local list = intents.of(item.endpoint, text, { context = self.context, at_us = tonumber(item.now_us) })
  if #list == 0 then return end
  self.calls[n] = list
  for _, x in ipairs(list) do
    for i, name in ipairs(self.names) do
      if name == x.symbol then x.reference = number(past.last_e8[i - 1]) end
    end
    self.s.intents[#self.s.intents + 1] = x
  end
  item.number = n
  if item.done then self:answered(item) end
end

take[C.RUN_RECORD_WAIT] = function(self, item)
  if item.status == 0 then self:answered(item) end
end

take[C.RUN_RECORD_NEXT] = function(self, item)
  local s = self.s
  if item.next == C.WORLD_BAR then
    local feed = self.feeds[item.feed]
    if not feed then return end
    s.bar_count = s.bar_count + 1
    s.told_us[feed.symbol] = tonumber(item.now_us)
    self.context = ("%.0f"):format(tonumber(item.bar[0]))
    table.insert(list_in(s.bars, feed.symbol, feed.interval), bar_of(item))
  elseif item.next == C.WORLD_CALL then
    self:answered(item)
  elseif item.next == C.WORLD_END then
    self.context = "stop"
  elseif item.next == C.WORLD_EVENT and item.event.kind == C.RECORD_AGG_TRADE then
    local t = item.event.u.trade
    table.insert(s.trades[self.names[t.symbol + 1]], { tonumber(t.time_us), t.price_e8, t.qty_e8 })
  end
end

take[C.RUN_RECORD_ARRIVED] = function(self, item, past)
  if not self.begun then return end
  local s, e = self.s, item.event
  if
    e.kind == C.RECORD_ORDER_UPDATE
    and (e.u.order.execution == C.EXEC_TRADE or e.u.order.execution == C.EXEC_CALCULATED)
  then
    self.fills[#self.fills + 1] = fill_of(e.u.order, self.names, tonumber(item.now_us))
  elseif e.kind == C.RECORD_ALGO_UPDATE and e.u.algo.order.actual_order_id ~= 0 then
    self.algos[tostring(e.u.algo.order.actual_order_id)] = ffi.string(e.u.algo.order.client_id)
  elseif e.kind == C.RECORD_ACCOUNT_UPDATE then
    local change = number(e.u.account.balance_change_e8)
    -- What was booked just before the script began may be told after; the wallet that it began with holds it already.
    if e.u.account.wallet_e8 == past.wallet_e8 then return end
    if e.u.account.reason == C.ACCOUNT_FUNDING_FEE then
      s.funding = s.funding + change
    elseif e.u.account.reason ~= C.ACCOUNT_ORDER then
      s.transfers = s.transfers + change
    end
  end
end

take[C.RUN_RECORD_OVER] = function(self, item)
  self.s.whole = true
  if item.text_size > 0 then self.s.failure = ffi.string(item.text, item.text_size):match "[^\n]*" end
end

-- Gives each fill to the order it is of, and counts the orders that were filled beyond the fills seen.
function Reading:match_fills()
  local s, by_id = self.s, {}
  for _, x in ipairs(s.intents) do
    by_id[x.client_id] = x
  end
  for _, f in ipairs(self.fills) do
    local x = by_id[self.algos[f.order_id] or f.client_id]
    table.insert(x and x.fills or s.others, f)
  end
  s.unseen = 0
  for _, x in ipairs(s.intents) do
    local seen = 0
    for _, f in ipairs(x.fills) do
      seen = seen + f.qty
    end
    if (x.executed or 0) > seen + 5e-9 then s.unseen = s.unseen + 1 end
  end
end

-- A session of which nothing has been read but what the recording says of its run.
local function empty_session(path)
  local r, about = replay.open(path)
  local count = ffi.new "int32_t[1]"
  local rules = C.replay_rules(r, count)
  local s = {
    about = about,
    names = about.symbols,
    intents = {},
    others = {},
    funding = 0,
    transfers = 0,
    bars = {},
    history = {},
    trades = {},
    prices = {},
    bar_count = 0,
    told_us = {},
    whole = false,
  }
  s.rules, s.config = ffi.new("struct symbol[?]", count[0]), ffi.new "struct api_config"
  ffi.copy(s.rules, rules, ffi.sizeof(s.rules))
  ffi.copy(s.config, C.replay_config(r), ffi.sizeof(s.config))
  C.replay_free(r)
  for _, name in ipairs(s.names) do
    s.prices[name], s.trades[name] = { us = {}, price = {} }, {}
  end
  return s
end

---Reads a recording; raises a failure when it is none.
---@param path string
---@return RecordedSession
function M.read(path)
  local s = empty_session(path)
  local reading = setmetatable({
    s = s,
    names = s.names,
    feeds = {},
    calls = {},
    klines = {},
    fills = {},
    algos = {},
    begun = false,
    context = "start",
    call_number = 0,
  }, Reading)
  each_item(path, take, reading)
  if not s.first then failures.raise(1, "%s ends before its script began: nothing to explain", path) end
  reading:match_fills()
  return s
end

---The price at a moment, as the recording knew it.
---@param s RecordedSession
---@param symbol string
---@param us number
---@return number
function M.price_at(s, symbol, us)
  local p = s.prices[symbol]
  local low, high = 1, #p.us
  while low < high do
    local middle = math.floor((low + high + 1) / 2)
    if p.us[middle] <= us then
      low = middle
    else
      high = middle - 1
    end
  end
  return p.price[low] or 0
end

return M

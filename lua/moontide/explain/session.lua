---What happened in a recorded run: its orders and fills, its market as it saw it, and what its account came to.
local ffi = require "ffi"
local C = require "moontide.core"
local failures = require "moontide.failure"
local intents = require "moontide.explain.intents"
local replay = require "moontide.record.replay"

local M = {}

local columns = {
  "open_us",
  "open_e8",
  "high_e8",
  "low_e8",
  "close_e8",
  "volume_e8",
  "quote_volume_e8",
  "trades",
  "taker_volume_e8",
  "taker_quote_volume_e8",
}

local function number(e8) return tonumber(e8) / 1e8 end

---@class RecordedSession
---@field about table what the recording says of its run
---@field rules ffi.cdata* struct symbol[]
---@field config ffi.cdata* struct api_config
---@field intents Intent[] in the order of their calls
---@field others Fill[] fills of the account that are no order of the script's
---@field first AccountState as the script began
---@field last AccountState at the end of the recording
---@field funding number USDT received
---@field transfers number USDT that came or went otherwise
---@field bars table<string, table<integer, table[]>> by symbol and interval number: bars delivered, each the ten columns
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
local function each_item(path, take)
  local out, message = ffi.new "struct run_record_reader *[1]", ffi.new "struct errmsg"
  if C.run_record_open(path, out, message) ~= 0 then failures.raise(1, "%s", ffi.string(message.text)) end
  local reader, item = out[0], ffi.new "struct run_record"
  local past = C.run_record_past_of(reader)
  while C.run_record_next(reader, item) do
    local fn = take[item.kind]
    if fn then fn(item, past) end
  end
  local ending = C.run_record_end(reader)
  take.finish(past, ending)
  C.run_record_close(reader)
  if ending == C.RECORD_FILE_DAMAGED then
    io.stderr:write(
      ("note: %s is damaged at byte %d; what comes after is left out\n"):format(
        path,
        tonumber(C.run_record_offset(reader))
      )
    )
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
  for c = 1, 10 do
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

---Reads a recording; fails the command when it is none.
---@param path string
---@return RecordedSession
function M.read(path)
  local r, about = replay.open(path)
  local count = ffi.new "int32_t[1]"
  local rules = C.replay_rules(r, count)
  local s = {
    about = about,
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

  local names = about.symbols
  local feeds, calls, call_info, fills, algos, begun = {}, {}, {}, {}, {}, false
  local context, call_number = "start", 0
  for _, name in ipairs(names) do
    s.prices[name], s.trades[name] = { us = {}, price = {} }, {}
  end

  -- Klines that were asked for: all but the last row, which may still be forming.
  local function keep_klines(item, info)
    if item.rows_kind ~= C.RECORD_KLINE or item.rows == nil or info.endpoint ~= C.EP_KLINES then return end
    local interval = C.interval_find(info.text:match "interval=(%w+)" or "")
    local rows = ffi.cast("const struct kline_record *", item.rows)
    for i = 0, item.count - 2 do
      if interval >= 0 then
        table.insert(list_in(s.history, names[rows[i].symbol + 1], interval), bar_of_kline(rows[i]))
      end
    end
  end

  local function answered(item)
    local n = tonumber(item.number)
    if calls[n] then
      intents.answered(calls[n], answer_of(item), tonumber(item.now_us))
      if item.rows_kind == C.RECORD_ORDER and item.rows ~= nil and item.settle == C.SETTLE_DONE then
        local rows = ffi.cast("const struct order_record *", item.rows)
        for i, x in ipairs(calls[n]) do
          if i <= item.count and not x.refusal then x.executed = number(rows[i - 1].executed_qty_e8) end
        end
      end
    end
    if call_info[n] then keep_klines(item, call_info[n]) end
  end

  local take = {}
  take[C.RUN_RECORD_FEED] = function(item)
    feeds[item.feed] = { symbol = names[item.symbol + 1], interval = item.interval }
  end
  take[C.RUN_RECORD_BEGIN] = function(item, past)
    begun = true
    s.first = state_of(past, names, tonumber(item.now_us))
    for _, name in ipairs(names) do
      s.prices[name].us[1], s.prices[name].price[1] = s.first.us, s.first.last[name]
    end
  end
  take[C.RUN_RECORD_PRICE] = function(item)
    local p = begun and s.prices[names[item.symbol + 1]]
    if not p then return end
    p.us[#p.us + 1], p.price[#p.price + 1] = tonumber(item.now_us), number(item.price_e8)
  end
  take[C.RUN_RECORD_SUBMIT] = function(item, past)
    call_number = call_number + 1
    local text = ffi.string(item.text, item.text_size)
    if item.endpoint == C.EP_KLINES then
      call_info[call_number] = { endpoint = item.endpoint, text = text }
    end
    local list = intents.of(item.endpoint, text, { context = context, at_us = tonumber(item.now_us) })
    if #list == 0 then return end
    calls[call_number] = list
    for _, x in ipairs(list) do
      for i, name in ipairs(names) do
        if name == x.symbol then x.reference = number(past.last_e8[i - 1]) end
      end
      s.intents[#s.intents + 1] = x
    end
    item.number = call_number
    if item.done then answered(item) end
  end
  take[C.RUN_RECORD_WAIT] = function(item)
    if item.status == 0 then answered(item) end
  end
  take[C.RUN_RECORD_NEXT] = function(item)
    if item.next == C.WORLD_BAR then
      local feed = feeds[item.feed]
      if not feed then return end
      s.bar_count = s.bar_count + 1
      s.told_us[feed.symbol] = tonumber(item.now_us)
      context = ("%.0f"):format(tonumber(item.bar[0]))
      table.insert(list_in(s.bars, feed.symbol, feed.interval), bar_of(item))
    elseif item.next == C.WORLD_CALL then
      answered(item)
    elseif item.next == C.WORLD_END then
      context = "stop"
    elseif item.next == C.WORLD_EVENT and item.event.kind == C.RECORD_AGG_TRADE then
      local t = item.event.u.trade
      table.insert(s.trades[names[t.symbol + 1]], { tonumber(t.time_us), t.price_e8, t.qty_e8 })
    end
  end
  take[C.RUN_RECORD_ARRIVED] = function(item)
    if not begun then return end
    local e, us = item.event, tonumber(item.now_us)
    if e.kind == C.RECORD_ORDER_UPDATE and e.u.order.execution == C.EXEC_TRADE then
      fills[#fills + 1] = fill_of(e.u.order, names, us)
    elseif e.kind == C.RECORD_ALGO_UPDATE and e.u.algo.order.actual_order_id ~= 0 then
      algos[tostring(e.u.algo.order.actual_order_id)] = ffi.string(e.u.algo.order.client_id)
    elseif e.kind == C.RECORD_ACCOUNT_UPDATE then
      local change = number(e.u.account.balance_change_e8)
      if e.u.account.reason == C.ACCOUNT_FUNDING_FEE then
        s.funding = s.funding + change
      elseif e.u.account.reason ~= C.ACCOUNT_ORDER then
        s.transfers = s.transfers + change
      end
    end
  end
  take[C.RUN_RECORD_OVER] = function(item)
    s.whole = true
    if item.text_size > 0 then s.failure = ffi.string(item.text, item.text_size):match "[^\n]*" end
  end
  take.finish = function(past) s.last = state_of(past, names, tonumber(past.now_us)) end
  each_item(path, take)
  if not s.first then failures.raise(1, "%s ends before its script began: nothing to explain", path) end

  local by_id = {}
  for _, x in ipairs(s.intents) do
    by_id[x.client_id] = x
  end
  for _, f in ipairs(fills) do
    local x = by_id[algos[f.order_id] or f.client_id]
    table.insert(x and x.fills or s.others, f)
  end
  s.names, s.unseen = names, 0
  for _, x in ipairs(s.intents) do
    local seen = 0
    for _, f in ipairs(x.fills) do
      seen = seen + f.qty
    end
    if (x.executed or 0) > seen + 5e-9 then s.unseen = s.unseen + 1 end
  end
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

local kept = setmetatable({}, { __mode = "k" })

---A series of bars, each the ten columns, oldest first.
---@param symbol string
---@param interval integer
---@param bars table[]
---@return ffi.cdata* series
function M.series(symbol, interval, bars)
  local series, memory = ffi.new "struct series", {}
  ffi.copy(series.symbol, symbol)
  for c, name in ipairs(columns) do
    memory[c] = ffi.new("int64_t[?]", #bars)
    for i, bar in ipairs(bars) do
      memory[c][i - 1] = bar[c]
    end
    series[name] = memory[c]
  end
  series.interval, series.interval_us, series.count = interval, C.interval_us(interval), #bars
  kept[series] = memory
  return series
end

return M

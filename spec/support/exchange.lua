---A simulated exchange for specs: bars from Lua tables, calls from Lua tables, answers as Lua tables.
---Prices and quantities are Lua numbers; times are seconds since the start of the run.
local ffi = require "ffi"
local C = require "spec.support.c"
require "spec.support.interpreted"

local M = {}
local START = 1700006400 * 1000000ULL -- a whole hour
local E8 = 1e8

local rows = {
  [tonumber(C.RECORD_ORDER)] = "struct order_record",
  [tonumber(C.RECORD_ORDER_AMENDED)] = "struct order_record",
  [tonumber(C.RECORD_ORDER_QUERY)] = "struct order_record",
  [tonumber(C.RECORD_ALGO)] = "struct algo_record",
  [tonumber(C.RECORD_ALGO_QUERY)] = "struct algo_record",
  [tonumber(C.RECORD_ALGO_CANCEL)] = "struct algo_cancel_record",
  [tonumber(C.RECORD_TRADE)] = "struct trade_record",
  [tonumber(C.RECORD_BALANCE)] = "struct balance_record",
  [tonumber(C.RECORD_POSITION)] = "struct position_record",
  [tonumber(C.RECORD_ACCOUNT)] = "struct account_record",
  [tonumber(C.RECORD_INCOME)] = "struct income_record",
  [tonumber(C.RECORD_STATUS)] = "struct status_record",
  [tonumber(C.RECORD_LEVERAGE)] = "struct leverage_record",
  [tonumber(C.RECORD_KLINE)] = "struct kline_record",
  [tonumber(C.RECORD_PRICE_KLINE)] = "struct kline_record",
  [tonumber(C.RECORD_TICKER_24H)] = "struct ticker_record",
  [tonumber(C.RECORD_TICKER_PRICE)] = "struct ticker_record",
  [tonumber(C.RECORD_BOOK_TICKER)] = "struct ticker_record",
  [tonumber(C.RECORD_MARK)] = "struct mark_record",
  [tonumber(C.RECORD_FUNDING)] = "struct funding_record",
  [tonumber(C.RECORD_FUNDING_INFO)] = "struct funding_info_record",
  [tonumber(C.RECORD_AGG_TRADE)] = "struct agg_trade_record",
  [tonumber(C.RECORD_RECENT_TRADE)] = "struct trade_record",
  [tonumber(C.RECORD_OPEN_INTEREST)] = "struct value_record",
  [tonumber(C.RECORD_SERVER_TIME)] = "struct value_record",
  [tonumber(C.RECORD_POSITION_MODE)] = "struct value_record",
  [tonumber(C.RECORD_ACCOUNT_CONFIG)] = "struct value_record",
  [tonumber(C.RECORD_MULTI_ASSETS)] = "struct value_record",
  [tonumber(C.RECORD_COUNTDOWN)] = "struct value_record",
  [tonumber(C.RECORD_ADL)] = "struct adl_record",
  [tonumber(C.RECORD_ADL_RISK)] = "struct adl_record",
  [tonumber(C.RECORD_COMMISSION)] = "struct commission_record",
  [tonumber(C.RECORD_SYMBOL_CONFIG)] = "struct symbol_config_record",
  [tonumber(C.RECORD_BRACKET_LIST)] = "struct bracket_list_record", -- its rows are borrowed until the next call
  [tonumber(C.RECORD_MARGIN_CHANGE)] = "struct margin_change_record",
  [tonumber(C.RECORD_LISTEN_KEY)] = "struct listen_key_record",
  [tonumber(C.RECORD_LIMIT)] = "struct limit_record",
}

local function e8(v)
  return ffi.cast("int64_t", math.floor(v * E8 + (v < 0 and -0.5 or 0.5) + (v < 0 and 1 or 0)))
end
M.e8 = e8

-- The levels of an order book as { price, quantity }, best first.
local function levels_of(levels, count)
  local list = {}
  for i = 0, count - 1 do
    list[i + 1] = { tonumber(levels[i].price_e8) / E8, tonumber(levels[i].qty_e8) / E8 }
  end
  return list
end

---A copy of a reply's row, so that it outlives the callback.
local function copy_row(kind, pointer, i)
  if kind == tonumber(C.RECORD_DEPTH) then
    local d = ffi.cast("const struct depth_record *", pointer) + i
    return {
      bids = levels_of(d.bids, d.bid_count),
      asks = levels_of(d.asks, d.ask_count),
    }, { symbol = d.symbol, event_us = d.event_us, transaction_us = d.transaction_us }
  end
  local name = rows[kind]
  if not name then return nil end
  local row = ffi.new(name)
  ffi.copy(row, ffi.cast("const char *", pointer) + i * ffi.sizeof(name), ffi.sizeof(name))
  return row
end

local params = {
  symbol = { "P_SYMBOL" },
  side = { "P_SIDE" },
  type = { "P_TYPE" },
  position_side = { "P_POSITION_SIDE" },
  time_in_force = { "P_TIME_IN_FORCE" },
  quantity = { "P_QUANTITY", "quantity_e8" },
  price = { "P_PRICE", "price_e8" },
  stop_price = { "P_STOP_PRICE", "stop_price_e8" },
  reduce_only = { "P_REDUCE_ONLY" },
  close_position = { "P_CLOSE_POSITION" },
  activate_price = { "P_ACTIVATE_PRICE", "activate_price_e8" },
  callback_rate = { "P_CALLBACK_RATE", "callback_rate_e8" },
  client_id = { "P_CLIENT_ID" },
  resp_type = { "P_RESP_TYPE" },
  order_id = { "P_ORDER_ID" },
  orig_client_id = { "P_ORIG_CLIENT_ID" },
  algo_id = { "P_ALGO_ID" },
  leverage = { "P_LEVERAGE" },
  margin_type = { "P_MARGIN_TYPE" },
  amount = { "P_AMOUNT", "amount_e8" },
  margin_change = { "P_MARGIN_CHANGE" },
  dual_side = { "P_DUAL_SIDE" },
  countdown_us = { "P_COUNTDOWN_TIME" },
  good_till_us = { "P_GOOD_TILL_DATE" },
  limit = { "P_LIMIT" },
  start_us = { "P_START_TIME" },
  end_us = { "P_END_TIME" },
  from_id = { "P_FROM_ID" },
  interval = { "P_INTERVAL" },
  working_type = { "P_WORKING_TYPE" },
  price_protect = { "P_PRICE_PROTECT" },
  multi_assets = { "P_MULTI_ASSETS" },
  income_type = { "P_INCOME_TYPE" },
  page = { "P_PAGE" },
  auto_close = { "P_AUTO_CLOSE" },
  contract_type = { "P_CONTRACT_TYPE" },
}

local function fill_call(c, endpoint, t)
  c.endpoint = C[endpoint]
  c.symbol = t.symbol or (t.no_symbol and -1 or 0)
  local bits = t.no_symbol and 0ULL or 1ULL
  for name, value in pairs(t) do
    local p = params[name]
    if p then
      local field = p[2] or name
      if p[2] then value = e8(value) end
      if type(value) == "string" and name ~= "client_id" and name ~= "orig_client_id" then
        value = C[value]
      end
      c[field] = value
      bits = bit.bor(bits, bit.lshift(1ULL, tonumber(C[p[1]])))
    end
  end
  c.given = bits
  return c
end

local X = {}
X.__index = X

function M.new(options)
  options = options or {}
  local symbols = ffi.new("struct symbol[2]")
  assert(C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0)
  assert(C.symbol_rules_builtin("ETHUSDT", symbols[1]) == 0)
  local config = ffi.new("struct exchange_config")
  config.wallet_e8 = e8(options.wallet or 10000)
  config.maker_e8, config.taker_e8 = 20000, 50000
  config.slippage_e8 = e8(options.slippage or 0)
  config.leverage = options.leverage or 20
  config.margin_type = options.isolated and 1 or 0
  config.dual_side = options.dual_side or false
  config.path = options.path and C[options.path] or C.PATH_OHLC
  config.path_seed = options.seed or 1
  config.touch = options.touch and C[options.touch] or C.TOUCH_THROUGH
  config.enforce_limits = options.enforce_limits or false
  config.weight_1m, config.orders_10s, config.orders_1m = 2400, 300, 1200
  config.event_mask = options.events and 0xffffffffffffffffULL or 0
  local self = setmetatable({ replies = {}, events = {}, now = START, token = 0 }, X)
  self.on_reply = ffi.cast(
    "void (*)(void *, uint64_t, const struct reply *, int64_t)",
    function(_, token, r, now)
      local out = {
        status = r.status,
        code = r.code,
        message = ffi.string(r.message),
        retry_after = r.retry_after_s,
        weight = r.used_weight_1m,
        orders_10s = r.order_count_10s,
        orders_1m = r.order_count_1m,
        kind = tonumber(r.kind),
        list = r.list,
        rows = {},
        codes = {},
        at = (tonumber(now - START)) / 1e6,
      }
      for i = 0, r.count - 1 do
        out.rows[i + 1], out.depth = copy_row(out.kind, r.rows, i)
        if i < 10 then out.codes[i + 1] = r.batch_code[i] end
      end
      out.row = out.rows[1]
      self.replies[tonumber(token)] = out
    end
  )
  self.on_event = ffi.cast("void (*)(void *, int32_t, const void *, int64_t)", function(_, kind, record)
    local e = { kind = kind }
    if kind == C.RECORD_ORDER_UPDATE then
      local u = ffi.cast("const struct order_update_record *", record)
      e.name, e.execution, e.status = "order", u.execution, u.order.status
      e.bids, e.asks = tonumber(u.bid_notional_e8) / E8, tonumber(u.ask_notional_e8) / E8
    elseif kind == C.RECORD_ACCOUNT_UPDATE then
      e.name = "account"
    elseif kind == C.RECORD_CONFIG_UPDATE or kind == C.RECORD_ASSETS_UPDATE then
      local u = ffi.cast("const struct config_update_record *", record)
      e.name = kind == C.RECORD_CONFIG_UPDATE and "config" or "assets"
      e.leverage, e.symbol, e.multi_assets = u.leverage, u.symbol, u.multi_assets
    end
    self.events[#self.events + 1] = e
  end)
  self.hooks = ffi.new("struct exchange_hooks")
  self.hooks.reply, self.hooks.event = self.on_reply, self.on_event
  if options.klines then
    self.on_klines = ffi.cast(
      "int32_t (*)(void *, int16_t, int32_t, int64_t, int64_t, int32_t, int64_t, struct kline_record *)",
      function(_, ...) return options.klines(...) end
    )
    self.hooks.klines = self.on_klines
  end
  self.x = C.exchange_new(config, symbols, 2, self.hooks, START)
  return self
end

function X:close()
  C.exchange_free(self.x)
  self.on_reply:free()
  self.on_event:free()
  if self.on_klines then self.on_klines:free() end
end

local function minute(n, prices)
  local bar = ffi.new("struct exchange_bar")
  bar.open_us = START + n * 60000000ULL
  bar.close_us = bar.open_us + 59999000
  bar.open_e8, bar.high_e8, bar.low_e8, bar.close_e8 =
    e8(prices[1]), e8(prices[2]), e8(prices[3]), e8(prices[4])
  bar.volume_e8 = e8(100)
  return bar
end

---The mark price's kline beside the minute bar number `n`, before that opens.
function X:mark_bar(n, prices, symbol) C.exchange_mark_bar(self.x, symbol or 0, minute(n, prices)) end

---Opens the minute bar number `n` (from 0) with {open, high, low, close}.
function X:bar(n, prices, symbol)
  local bar = minute(n, prices)
  self.now = bar.open_us
  C.exchange_bar(self.x, symbol or 0, bar, bar.open_us)
end

---Lets time pass until `seconds` after the start.
function X:until_(seconds)
  self.now = START + ffi.cast("int64_t", math.floor(seconds * 1e6))
  C.exchange_advance(self.x, self.now)
end

---Opens bar n and lets it close, up to between it and the next.
function X:pass(n, prices, symbol)
  self:bar(n, prices, symbol)
  self:until_(n * 60 + 59.9995)
end

function X:call(endpoint, t)
  self.token = self.token + 1
  local c = fill_call(ffi.new("struct call"), endpoint, t or {})
  local batch
  if t and t.batch then
    batch = ffi.new("struct call[?]", #t.batch)
    for i, entry in ipairs(t.batch) do
      fill_call(batch[i - 1], t.each or "EP_ORDER_NEW", entry)
    end
    c.batch, c.batch_count = batch, #t.batch
  end
  if t and t.ids then
    batch = ffi.new("int64_t[?]", #t.ids, t.ids)
    c.ids, c.batch_count = batch, #t.ids
  elseif t and t.client_ids then
    batch = ffi.new("struct { char text[37]; }[?]", #t.client_ids)
    for i, id in ipairs(t.client_ids) do
      batch[i - 1].text = id
    end
    c.client_ids, c.batch_count = ffi.cast("const char (*)[37]", batch), #t.client_ids
  end
  C.exchange_call(self.x, c, self.token, self.now)
  return self.replies[self.token], self.token
end

function X:order(t) return self:call("EP_ORDER_NEW", t) end
function X:algo(t) return self:call("EP_ALGO_NEW", t) end
function X:market(side, quantity, more)
  local t = { side = side, type = "ORDER_MARKET", quantity = quantity, resp_type = "RESP_RESULT" }
  for k, v in pairs(more or {}) do
    t[k] = v
  end
  return self:order(t)
end
function X:limit(side, quantity, price, more)
  local t =
    { side = side, type = "ORDER_LIMIT", quantity = quantity, price = price, time_in_force = "TIF_GTC" }
  for k, v in pairs(more or {}) do
    t[k] = v
  end
  return self:order(t)
end

function X:position(side, symbol) return tonumber(C.exchange_position_e8(self.x, symbol or 0, side or 0)) / E8 end
function X:entry(side, symbol) return tonumber(C.exchange_entry_e8(self.x, symbol or 0, side or 0)) / E8 end
function X:wallet() return tonumber(C.exchange_wallet_e8(self.x)) / E8 end
function X:equity() return tonumber(C.exchange_equity_e8(self.x)) / E8 end
function X:totals() return C.exchange_totals(self.x) end
function X:fill(i)
  local n = tonumber(C.exchange_fill_count(self.x))
  return C.exchange_fill(self.x, i and i - 1 or n - 1)
end
function X:fills() return tonumber(C.exchange_fill_count(self.x)) end

return M

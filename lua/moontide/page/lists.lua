---The lists of a page: trades in columns, orders with all that happened to them.
local ffi = require "ffi"
local C = require "moontide.core"
local json = require "moontide.report.json"
local records = require "moontide.api.records"
local trips = require "moontide.report.trips"

local M = {}

local function listed() return setmetatable({}, json.list) end
local function money(e8) return tonumber(e8) / 1e8 end
local function ms(us) return math.floor(tonumber(us) / 1000) end
local function name_of(names, i) return ffi.string(names[i]) end

local BINS = 28

-- How many results lie in each of equal steps; the outermost two percent of each end are counted together.
local function histogram(results)
  if #results == 0 then return { counts = listed() } end
  table.sort(results)
  local function quantile(share) return results[math.max(1, math.ceil(#results * share))] end
  local low, high = quantile(#results < 50 and 0 or 0.02), quantile(#results < 50 and 1 or 0.98)
  if high <= low then
    low, high = low - 0.5, high + 0.5
  end
  local step = (high - low) / BINS
  local first, last = math.floor(low / step), math.floor(high / step) -- a border at zero: no bar holds winners and losers
  local counts = listed()
  for i = first, last do
    counts[i - first + 1] = 0
  end
  local below, above = 0, 0
  for _, x in ipairs(results) do
    local k = math.floor(x / step)
    if k < first then
      below = below + 1
    elseif k > last then
      above = above + 1
    else
      counts[k - first + 1] = counts[k - first + 1] + 1
    end
  end
  return { from = first * step, step = step, counts = counts, below = below, above = above }
end

local names = {
  "index",
  "symbol",
  "long",
  "position_side",
  "quantity",
  "entry_time",
  "exit_time",
  "entry_price",
  "exit_price",
  "pnl",
  "commission",
  "funding",
  "liquidation_fee",
  "entry_reason",
  "exit_reason",
  "mae",
  "mfe",
  "fills",
  "open",
}

local function row_of(exchange, trip, index, last_us)
  local row = trip.row
  return {
    index = index,
    symbol = row.symbol,
    long = row.is_long and 1 or 0,
    position_side = row.position_side,
    quantity = money(row.quantity_e8),
    entry_time = ms(row.entry_us),
    exit_time = ms(trip.open and last_us or row.exit_us),
    entry_price = money(row.entry_price_e8),
    exit_price = trip.open and money(C.exchange_last_e8(exchange, row.symbol)) or money(row.exit_price_e8),
    pnl = (trip.pnl_e8 + trip.unrealized_e8) / 1e8,
    commission = money(row.commission_e8),
    funding = money(row.funding_e8),
    liquidation_fee = money(row.liquidation_e8),
    entry_reason = row.entry_reason,
    exit_reason = row.exit_reason,
    mae = trip.mae and math.floor(trip.mae * 1e8 + 0.5) / 1e8,
    mfe = trip.mfe and math.floor(trip.mfe * 1e8 + 0.5) / 1e8,
    fills = row.fills,
    open = trip.open and 1 or 0,
  }
end

---All trades, or the `most` with the largest results.
---@param exchange ffi.cdata* struct exchange
---@param markets table<integer, ffi.cdata*>
---@param last_us number
---@param most integer
---@return { columns: table, all: integer, by_result: table[], histogram: table }
function M.trades(exchange, markets, last_us, most)
  local rows, results = {}, {}
  trips.each(exchange, markets, last_us, function(trip)
    rows[#rows + 1] = row_of(exchange, trip, #rows + 1, last_us)
    if not trip.open then results[#results + 1] = trip.pnl_e8 / 1e8 end
  end)
  local all = #rows
  local function larger(a, b)
    local x, y = math.abs(a.pnl), math.abs(b.pnl)
    if x ~= y then return x > y end
    return a.index < b.index
  end
  table.sort(rows, larger)
  for i = #rows, most + 1, -1 do
    rows[i] = nil
  end
  local by_result = {}
  for i, t in ipairs(rows) do
    by_result[i] = { symbol = t.symbol, from = t.entry_time * 1000, to = t.exit_time * 1000, index = t.index }
  end
  table.sort(rows, function(a, b) return a.index < b.index end)
  local columns = {}
  for _, name in ipairs(names) do
    columns[name] = listed()
    for i, t in ipairs(rows) do
      local value = t[name]
      columns[name][i] = value == nil and -1 or value
    end
  end
  columns.reasons = listed()
  for i = 0, #trips.reasons do
    columns.reasons[i + 1] = trips.reasons[i]
  end
  return { columns = columns, all = all, by_result = by_result, histogram = histogram(results) }
end

-- ---- orders ----

local function plain(o, symbols)
  return {
    id = records.id_text(o.order_id),
    client = ffi.string(o.client_id),
    symbol = symbols[o.symbol],
    side = name_of(C.side_names, o.side),
    position_side = name_of(C.position_side_names, o.position_side),
    type = o.type == C.ORDER_LIQUIDATION and "LIQUIDATION" or name_of(C.order_type_names, o.type),
    status = name_of(C.order_status_names, o.status),
    tif = name_of(C.tif_names, o.time_in_force),
    quantity = money(o.orig_qty_e8),
    executed = money(o.executed_qty_e8),
    price = o.price_e8 ~= 0 and money(o.price_e8) or nil,
    average = o.avg_price_e8 ~= 0 and money(o.avg_price_e8) or nil,
    trigger = o.stop_price_e8 ~= 0 and money(o.stop_price_e8) or nil,
    reduce_only = o.reduce_only or nil,
    placed = ms(o.time_us),
    updated = ms(o.update_us),
    over = o.status ~= C.STATUS_NEW and o.status ~= C.STATUS_PARTIALLY_FILLED or nil,
  }
end

local function conditional(a, symbols)
  return {
    id = records.id_text(a.algo_id),
    client = ffi.string(a.client_id),
    symbol = symbols[a.symbol],
    side = name_of(C.side_names, a.side),
    position_side = name_of(C.position_side_names, a.position_side),
    type = name_of(C.order_type_names, a.type),
    status = name_of(C.algo_status_names, a.algo_status),
    tif = name_of(C.tif_names, a.time_in_force),
    quantity = money(a.quantity_e8),
    price = a.price_e8 ~= 0 and money(a.price_e8) or nil,
    trigger = a.trigger_price_e8 ~= 0 and money(a.trigger_price_e8) or nil,
    whole = a.close_position or nil,
    reduce_only = a.reduce_only or nil,
    placed = ms(a.create_us),
    updated = ms(a.update_us),
    triggered = a.trigger_us ~= 0 and ms(a.trigger_us) or nil,
    became = a.actual_order_id ~= 0 and records.id_text(a.actual_order_id) or nil,
    over = a.algo_status ~= C.ALGO_NEW or nil,
    conditional = true,
  }
end

-- What a call of the script was and what became of it.
local function call_of(c)
  local texts = {}
  for i, p in ipairs(c.parameters) do
    texts[i] = p[1] .. "=" .. p[2]
  end
  return {
    what = c.what,
    parameters = table.concat(texts, " "),
    priority = c.priority,
    called = c.submitted_us / 1000,
    sent = c.sent_us > 0 and c.sent_us / 1000 or nil,
    settled = c.settled_us / 1000,
    waited = c.waited_us > 0 and c.waited_us / 1000 or nil,
    waits = #c.waits > 0 and table.concat(c.waits, ", ") or nil,
    attempts = c.attempts > 1 and c.attempts or nil,
    outcome = c.code and c.code ~= 0 and ("%s %d: %s"):format(c.settle, c.code, c.message or "") or c.settle,
  }
end

-- Fills and calls go to the orders they are of.
local function attach(list, exchange, trace)
  local by_id, by_client = {}, {}
  for _, o in ipairs(list) do
    by_id[o.id], by_client[o.client] = o, o
    o.fills, o.calls = listed(), listed()
  end
  by_client[""] = nil
  for i = 0, tonumber(C.exchange_fill_count(exchange)) - 1 do
    local f = C.exchange_fill(exchange, i)
    local o = by_id[records.id_text(f.order_id)]
    if o then
      o.fills[#o.fills + 1] = {
        time = tonumber(f.time_us) / 1000,
        price = money(f.price_e8),
        quantity = money(f.qty_e8),
        realized = money(f.realized_pnl_e8),
        commission = money(f.commission_e8),
        maker = f.maker,
      }
    end
  end
  for i = trace.first, trace.last do
    local c = trace.calls[i]
    local o = c.order_id and by_id[c.order_id] or by_client[c.client_id]
    if o then o.calls[#o.calls + 1] = call_of(c) end
  end
end

---The newest orders, conditional ones included, each with its fills and the calls about it.
---@param exchange ffi.cdata*
---@param symbols table<integer, string>
---@param trace table of repl/trace.lua
---@param most integer
---@return { all: integer, list: table[] }
function M.orders(exchange, symbols, trace, most)
  local all, hidden = {}, ffi.new "bool[1]"
  local i, o = 0, C.exchange_order_at(exchange, 0, hidden)
  while o ~= nil do
    if not hidden[0] then all[#all + 1] = { tonumber(o.time_us), i, false } end
    i = i + 1
    o = C.exchange_order_at(exchange, i, hidden)
  end
  local k, a = 0, C.exchange_algo_at(exchange, 0)
  while a ~= nil do
    all[#all + 1] = { tonumber(a.create_us), k, true }
    k = k + 1
    a = C.exchange_algo_at(exchange, k)
  end
  table.sort(all, function(x, y)
    if x[1] ~= y[1] then return x[1] < y[1] end
    if x[3] ~= y[3] then return x[3] end
    return x[2] < y[2]
  end)
  local list, maker = listed(), {}
  for n = math.max(1, #all - most + 1), #all do
    local at = all[n]
    local row = at[3] and conditional(C.exchange_algo_at(exchange, at[2]), symbols)
      or plain(C.exchange_order_at(exchange, at[2], hidden), symbols)
    if row.became then maker[row.became] = row.id end
    list[#list + 1] = row
  end
  for _, row in ipairs(list) do
    row.made_by = not row.conditional and maker[row.id] or nil
  end
  attach(list, exchange, trace)
  return { all = #all, list = list }
end

return M

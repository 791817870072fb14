---The lists of a result as CSV: trades, fills, orders, equity. Amounts are exact; each stamp is there in milliseconds and as text.
local ffi = require "ffi"
local C = require "moontide.core"
local output = require "moontide.report.output"
local records = require "moontide.api.records"
local trips = require "moontide.report.trips"

local M = {}

local buffer = ffi.new("char[?]", C.DEC_TEXT_MAX)

---@param e8 ffi.cdata*|number
---@return string # as many decimals as it needs
function M.decimal(e8) return ffi.string(buffer, C.dec_print_short(buffer, e8)) end

local function name_of(names, i) return ffi.string(names[i]) end

local DAY_MS = 86400000
local day, day_text -- the one that was asked for last: a list goes through time

---@param us number microseconds since the epoch
---@return string # "2023-02-01T12:30:00.000Z"
function M.iso(us)
  local ms = math.floor(us / 1000)
  local d = math.floor(ms / DAY_MS)
  if d ~= day then
    day, day_text = d, os.date("!%Y-%m-%d", d * 86400)
  end
  ms = ms - d * DAY_MS
  local s = math.floor(ms / 1000)
  return ("%sT%02d:%02d:%02d.%03dZ"):format(
    day_text,
    math.floor(s / 3600),
    math.floor(s / 60) % 60,
    s % 60,
    ms % 1000
  )
end

local function stamps(us)
  us = tonumber(us)
  return ("%d"):format(us / 1000), M.iso(us)
end

local function yes(v) return v and "true" or "false" end

local trade_head = "symbol,side,quantity,entry_time,exit_time,entry_price,exit_price,pnl,commission,funding,"
  .. "liquidation_fee,entry_reason,exit_reason,mae,mfe,unrealized,fills,entry_time_text,exit_time_text"

---Writes trades as they are told of.
---@param path string
---@param symbols table<integer, string> by index
---@param last_us number the end of the run
---@param last_e8 fun(symbol: integer): number
---@return { add: fun(trip: Trip), close: fun() }
function M.trades(path, symbols, last_us, last_e8)
  local file = output.open(path)
  file:add(trade_head .. "\n")
  local function add(trip)
    local row = trip.row
    local exit_us = trip.open and last_us or row.exit_us
    local entry_ms, entry_text = stamps(row.entry_us)
    local exit_ms, exit_text = stamps(exit_us)
    file:add(table.concat({
      symbols[row.symbol],
      row.is_long and "LONG" or "SHORT",
      M.decimal(row.quantity_e8),
      entry_ms,
      exit_ms,
      M.decimal(row.entry_price_e8),
      M.decimal(trip.open and last_e8(row.symbol) or row.exit_price_e8),
      M.decimal(trip.pnl_e8 + trip.unrealized_e8),
      M.decimal(row.commission_e8),
      M.decimal(row.funding_e8),
      M.decimal(row.liquidation_e8),
      trips.reasons[row.entry_reason],
      trips.reasons[row.exit_reason],
      trip.mae and ("%.8f"):format(trip.mae) or "",
      trip.mfe and ("%.8f"):format(trip.mfe) or "",
      M.decimal(trip.unrealized_e8),
      tostring(row.fills),
      entry_text,
      exit_text,
    }, ",") .. "\n")
  end
  return { add = add, close = function() file:close() end }
end

---@param path string
---@param exchange ffi.cdata* struct exchange
---@param symbols table<integer, string>
function M.fills(path, exchange, symbols)
  local file = output.open(path)
  file:add(
    "time,time_text,symbol,side,position_side,price,quantity,quote_quantity,realized,commission,maker,"
      .. "order_id,trade_id,order_type\n"
  )
  for i = 0, tonumber(C.exchange_fill_count(exchange)) - 1 do
    local f = C.exchange_fill(exchange, i)
    local order = C.exchange_order(exchange, f.order_id)
    local kind = order == nil and "" or name_of(C.order_type_names, order.orig_type)
    if order ~= nil and order.type == C.ORDER_LIQUIDATION then kind = "LIQUIDATION" end
    local ms, text = stamps(f.time_us)
    file:add(table.concat({
      ms,
      text,
      symbols[f.symbol],
      name_of(C.side_names, f.side),
      name_of(C.position_side_names, f.position_side),
      M.decimal(f.price_e8),
      M.decimal(f.qty_e8),
      M.decimal(f.quote_qty_e8),
      M.decimal(f.realized_pnl_e8),
      M.decimal(f.commission_e8),
      yes(f.maker),
      records.id_text(f.order_id),
      records.id_text(f.id),
      kind,
    }, ",") .. "\n")
  end
  file:close()
end

local order_head = "time,time_text,update_time,update_time_text,symbol,side,position_side,type,status,"
  .. "time_in_force,quantity,executed,price,average_price,trigger_price,reduce_only,close_position,order_id,client_order_id,made_by"

local function text_of_id(chars) return '"' .. ffi.string(chars):gsub('"', '""') .. '"' end

local function price(e8) return e8 ~= 0 and M.decimal(e8) or "" end

local function plain_cells(o, symbols, made_by)
  local ms, text = stamps(o.time_us)
  local update_ms, update_text = stamps(o.update_us)
  return {
    ms,
    text,
    update_ms,
    update_text,
    symbols[o.symbol],
    name_of(C.side_names, o.side),
    name_of(C.position_side_names, o.position_side),
    o.type == C.ORDER_LIQUIDATION and "LIQUIDATION" or name_of(C.order_type_names, o.type),
    name_of(C.order_status_names, o.status),
    name_of(C.tif_names, o.time_in_force),
    M.decimal(o.orig_qty_e8),
    M.decimal(o.executed_qty_e8),
    price(o.price_e8),
    price(o.avg_price_e8),
    price(o.stop_price_e8),
    yes(o.reduce_only),
    yes(o.close_position),
    records.id_text(o.order_id),
    text_of_id(o.client_id),
    made_by,
  }
end

local function conditional_cells(a, symbols)
  local ms, text = stamps(a.create_us)
  local update_ms, update_text = stamps(a.update_us)
  return {
    ms,
    text,
    update_ms,
    update_text,
    symbols[a.symbol],
    name_of(C.side_names, a.side),
    name_of(C.position_side_names, a.position_side),
    name_of(C.order_type_names, a.type),
    name_of(C.algo_status_names, a.algo_status),
    name_of(C.tif_names, a.time_in_force),
    M.decimal(a.quantity_e8),
    "",
    price(a.price_e8),
    price(a.actual_price_e8),
    price(a.trigger_price_e8),
    yes(a.reduce_only),
    yes(a.close_position),
    records.id_text(a.algo_id),
    text_of_id(a.client_id),
    "",
  }
end

---Plain orders and conditional ones, by the time they were placed; `made_by` of a plain one is the conditional order it came from.
---@param path string
---@param exchange ffi.cdata*
---@param symbols table<integer, string>
function M.orders(path, exchange, symbols)
  local file = output.open(path)
  file:add(order_head .. "\n")
  local hidden, k, maker = ffi.new "bool[1]", 0, {}
  local i, conditional = 0, C.exchange_algo_at(exchange, 0)
  while conditional ~= nil do
    if conditional.actual_order_id ~= 0 then
      maker[tonumber(conditional.actual_order_id)] = records.id_text(conditional.algo_id)
    end
    k = k + 1
    conditional = C.exchange_algo_at(exchange, k)
  end
  k, conditional = 0, C.exchange_algo_at(exchange, 0)
  local o = C.exchange_order_at(exchange, 0, hidden)
  while o ~= nil or conditional ~= nil do
    if o == nil or (conditional ~= nil and conditional.create_us <= o.time_us) then
      file:add(table.concat(conditional_cells(conditional, symbols), ",") .. "\n")
      k = k + 1
      conditional = C.exchange_algo_at(exchange, k)
    else
      if not hidden[0] then
        local made_by = maker[tonumber(o.order_id)] or ""
        file:add(table.concat(plain_cells(o, symbols, made_by), ",") .. "\n")
      end
      i = i + 1
      o = C.exchange_order_at(exchange, i, hidden)
    end
  end
  file:close()
end

---@param path string
---@param view ffi.cdata* struct world_view
function M.equity(path, view)
  local file = output.open(path)
  file:add "time,equity,time_text\n"
  for i = 0, tonumber(view.point_count) - 1 do
    local us = tonumber(view.point_us[i])
    file:add(("%d,%.8f,%s\n"):format(us / 1000, tonumber(view.point_equity_e8[i]) / 1e8, M.iso(us)))
  end
  file:close()
end

return M

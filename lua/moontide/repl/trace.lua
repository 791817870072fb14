---What became of the calls that change something, kept for `:why`: who asked for what, and when each thing happened to it.
local bit = require "bit"
local ffi = require "ffi"
local C = require "moontide.core"
local log_module = require "moontide.run.log"
local records = require "moontide.api.records"

local M = {}

local KEPT = 20000 -- calls

local decimals = {
  [C.P_QUANTITY] = true,
  [C.P_PRICE] = true,
  [C.P_STOP_PRICE] = true,
  [C.P_ACTIVATE_PRICE] = true,
  [C.P_CALLBACK_RATE] = true,
}

-- The parameters of a call as they were given: { name, text } each.
local function parameters(call, symbols)
  local list = {}
  for p = 0, tonumber(C.PARAM_COUNT) - 1 do
    if bit.band(call.given, bit.lshift(1ULL, p)) ~= 0 and p ~= C.P_TIMESTAMP and p ~= C.P_RECV_WINDOW then
      local info = C.param_info(p)
      local at = ffi.cast("const char *", call) + info.offset
      local text
      if info.type == C.PARAM_SYMBOL then
        text = symbols[call.symbol]
      elseif info.type == C.PARAM_ENUM then
        text = ffi.string(info.names[ffi.cast("const uint8_t *", at)[0]])
      elseif decimals[p] or info.type == C.PARAM_DEC then
        text = ("%.10g"):format(tonumber(ffi.cast("const int64_t *", at)[0]) / 1e8)
      elseif info.type == C.PARAM_BOOL then
        text = ffi.cast("const uint8_t *", at)[0] ~= 0 and "true" or "false"
      elseif info.type == C.PARAM_ID then
        text = records.id_text(ffi.cast("const int64_t *", at)[0])
      elseif info.type == C.PARAM_TEXT then
        text = ffi.string(at)
      elseif info.type == C.PARAM_INT32 then
        text = tostring(ffi.cast("const int32_t *", at)[0])
      end
      if text then list[#list + 1] = { ffi.string(info.name), text } end
    end
  end
  return list
end

---Keeps track of a world's calls from now on.
---@param world World
---@return table trace
function M.new(world)
  local trace = { calls = {}, first = 1, last = 0 }
  local R = records.new(world.symbol_names)
  local symbols = setmetatable({}, { __index = function(_, i) return world.symbol_names[i] end })

  local function remember(op, call, row, code, message)
    local info, r = C.endpoint_info(call.endpoint), op.request
    local waits = {}
    for i = 1, tonumber(C.WAIT_REASON_COUNT) - 1 do
      if bit.band(r.waits, bit.lshift(1, i)) ~= 0 then
        waits[#waits + 1] = ffi.string(C.wait_reason_name(i))
      end
    end
    local entry = {
      what = ("%s %s"):format(ffi.string(C.http_method_name(info.method)), ffi.string(info.path)),
      parameters = parameters(call, symbols),
      symbol = call.symbol >= 0 and world.symbol_names[call.symbol] or nil,
      priority = ffi.string(C.priority_name(r.priority)),
      submitted_us = tonumber(r.submitted_us),
      sent_us = tonumber(r.sent_us),
      settled_us = tonumber(world.view.now_us),
      waited_us = tonumber(r.waited_us),
      waits = waits,
      attempts = r.attempts,
      settle = ffi.string(C.settle_name(op.settle)),
      code = code,
      message = message,
      row = row,
      client_id = row and (row.clientOrderId or row.clientAlgoId) or ffi.string(call.client_id),
      order_id = row and (row.orderId or row.algoId) or (call.order_id ~= 0 and records.id_text(
        call.order_id
      )) or nil,
      algo = row and row.algoId ~= nil,
      places = call.endpoint == C.EP_ORDER_NEW or call.endpoint == C.EP_ALGO_NEW,
    }
    if entry.client_id == "" then entry.client_id = ffi.string(call.orig_client_id) end
    trace.last = trace.last + 1
    trace.calls[trace.last] = entry
    if trace.last - trace.first >= KEPT then
      trace.calls[trace.first] = nil
      trace.first = trace.first + 1
    end
  end

  local function row_of(op, index)
    if op.rows == nil or index >= op.count or op.kind == C.RECORD_ERROR then return nil end
    local size = C.record_table(op.kind).size
    return R.build[op.kind](ffi.cast("const char *", op.rows) + index * size)
  end

  function world.trace(op)
    if
      not op.request.mutating or C.endpoint_info(op.call.endpoint).request_class ~= C.REQUEST_CLASS_ORDER
    then
      return
    end
    local count = op.call.batch ~= nil and op.call.batch_count or 0
    if count == 0 then
      return remember(
        op,
        op.call,
        op.settle == C.SETTLE_DONE and row_of(op, 0) or nil,
        op.code,
        op.code ~= 0 and ffi.string(op.message) or nil
      )
    end
    for i = 0, count - 1 do
      local code = op.settle == C.SETTLE_DONE and op.batch_code[i] or op.code
      remember(
        op,
        op.call.batch[i],
        code == 0 and op.settle == C.SETTLE_DONE and row_of(op, i) or nil,
        code,
        code ~= 0 and ffi.string(op.settle == C.SETTLE_DONE and op.batch_message[i] or op.message) or nil
      )
    end
  end
  return trace
end

---The calls about an order, oldest first.
---@param trace table
---@param id string? order id or client id; the last order placed when left out
---@return table[] calls
---@return string? id the order's
function M.find(trace, id)
  if not id then
    for i = trace.last, trace.first, -1 do
      if trace.calls[i].places then
        id = trace.calls[i].order_id or trace.calls[i].client_id
        break
      end
    end
  end
  local list, ids = {}, { [id or ""] = true }
  -- An order is known by two names: whoever gave one means the other too.
  for i = trace.first, trace.last do
    local c = trace.calls[i]
    if c.places and (c.order_id == id or c.client_id == id) then
      ids[c.order_id or ""], ids[c.client_id] = true, true
    end
  end
  ids[""] = nil
  for i = trace.first, trace.last do
    local c = trace.calls[i]
    if ids[c.order_id] or (c.client_id ~= "" and ids[c.client_id]) then list[#list + 1] = c end
  end
  return list, id
end

---The ids of orders placed, the newest first, for completion.
---@param trace table
---@param most integer
---@return string[]
function M.ids(trace, most)
  local list, seen = {}, {}
  for i = trace.last, trace.first, -1 do
    local id = trace.calls[i].order_id
    if id and not seen[id] then
      seen[id] = true
      list[#list + 1] = id
      if #list == most then break end
    end
  end
  return list
end

local function seconds(us) return ("%.3f s"):format(us / 1e6) end

-- The events of one call: { us, word, text } each.
local function add_call(events, c, latency_us, group)
  local texts = {}
  for i, p in ipairs(c.parameters) do
    texts[i] = p[1] .. "=" .. p[2]
  end
  local function add(us, word, text) events[#events + 1] = { us, word, text, group } end
  add(c.submitted_us, "called", c.what .. "  " .. table.concat(texts, " "))
  if c.sent_us > 0 then
    add(
      c.sent_us,
      "admitted",
      ("priority %s%s%s"):format(
        c.priority,
        c.waited_us > 0 and (", held back %s"):format(seconds(c.waited_us)) or ", at once",
        #c.waits > 0 and (" (%s)"):format(table.concat(c.waits, ", ")) or ""
      )
    )
    add(c.sent_us, "sent", c.attempts > 1 and ("the last of %d attempts"):format(c.attempts) or "")
    if latency_us and latency_us > 0 then add(c.sent_us + latency_us, "arrived", "") end
  end
  local outcome = c.settle
  if c.code and c.code ~= 0 then outcome = ("%s %d: %s"):format(c.settle, c.code, c.message or "") end
  local row = c.row
  if row and row.status then
    outcome = ("%s: %s, executed %.10g%s"):format(
      c.settle,
      row.status,
      row.executedQty or 0,
      row.avgPrice and row.avgPrice > 0 and (" at %.10g"):format(row.avgPrice) or ""
    )
  end
  add(c.settled_us, "settled", outcome)
end

-- The order in one line; `at`: its own price or trigger.
local function head_text(o)
  local function at(price) return price > 0 and (" at %.10g"):format(price) or "" end
  return ("%s %s%s %s%s, %s, executed %.10g%s"):format(
    o.side,
    o.type,
    o.whole and " of the whole position," or (" %.10g"):format(o.quantity),
    o.symbol,
    at(o.at),
    o.status,
    o.executed,
    at(o.average)
  )
end

local function fill_text(qty, price, maker, fee, result)
  return ("%.10g at %.10g as %s, fee %.8g%s"):format(
    qty,
    price,
    maker and "maker" or "taker",
    fee,
    result ~= 0 and (", realized %.8g"):format(result) or ""
  )
end

local ACCEPTED, TRIGGERED = "by the exchange as order %s", "it is order %s now"

-- What the simulated exchange remembers: the order as it stands and its fills. `add` takes an event.
local function simulated_order(x, id, add)
  local order = C.exchange_order(x, id)
  if order == nil then return nil end
  for i = 0, tonumber(C.exchange_fill_count(x)) - 1 do
    local f = C.exchange_fill(x, i)
    if f.order_id == id then
      add(
        f.time_us,
        "fill",
        fill_text(
          tonumber(f.qty_e8) / 1e8,
          tonumber(f.price_e8) / 1e8,
          f.maker,
          tonumber(f.commission_e8) / 1e8,
          tonumber(f.realized_pnl_e8) / 1e8
        )
      )
    end
  end
  if order.status >= C.STATUS_CANCELED then
    add(order.update_us, "ended", ffi.string(C.order_status_names[order.status]))
  end
  return order
end

local function simulated_algo(x, id)
  local n = 0
  while true do
    local algo = C.exchange_algo_at(x, n)
    if algo == nil or algo.algo_id == id then return algo end
    n = n + 1
  end
end

local function exchange_events(world, c, order_id, events, last_group)
  local x = C.backtest_exchange(world.bt)
  if not order_id or not order_id:find "^%d+$" then return nil end
  local id = ffi.new("int64_t", tonumber(order_id)) -- ids of the simulated exchange are small
  local function add(us, word, text)
    events[#events + 1] = { tonumber(us), word, text, word == "ended" and last_group or 1 }
  end
  if not c.algo then
    local order = simulated_order(x, id, add)
    if not order then return nil end
    add(order.time_us, "accepted", ACCEPTED:format(order_id))
    return head_text {
      side = ffi.string(C.side_names[order.side]),
      type = ffi.string(C.order_type_names[order.orig_type]),
      quantity = tonumber(order.orig_qty_e8) / 1e8,
      symbol = world.symbol_names[order.symbol],
      at = tonumber(order.price_e8) / 1e8,
      status = ffi.string(C.order_status_names[order.status]),
      executed = tonumber(order.executed_qty_e8) / 1e8,
      average = tonumber(order.avg_price_e8) / 1e8,
    }
  end
  local algo = simulated_algo(x, id)
  if algo == nil then return nil end
  local order
  add(algo.create_us, "accepted", ACCEPTED:format(order_id))
  if algo.actual_order_id ~= 0 then
    add(algo.trigger_us, "triggered", TRIGGERED:format(records.id_text(algo.actual_order_id)))
    order = simulated_order(x, algo.actual_order_id, add)
  elseif algo.algo_status >= C.ALGO_CANCELED then
    add(algo.update_us, "ended", ffi.string(C.algo_status_names[algo.algo_status]))
  end
  return head_text {
    side = ffi.string(C.side_names[algo.side]),
    type = ffi.string(C.order_type_names[algo.type]),
    quantity = tonumber(algo.quantity_e8) / 1e8,
    whole = algo.close_position,
    symbol = world.symbol_names[algo.symbol],
    at = tonumber(algo.trigger_price_e8) / 1e8,
    status = ffi.string(C.algo_status_names[algo.algo_status]),
    executed = order and tonumber(order.executed_qty_e8) / 1e8 or 0,
    average = order and tonumber(order.avg_price_e8) / 1e8 or 0,
  }
end

local still_open =
  { NEW = true, PARTIALLY_FILLED = true, FILLED = true, TRIGGERING = true, TRIGGERED = true, FINISHED = true }

-- The same, asked of a real exchange.
local function asked_events(api, c, events, last, last_group)
  if not c.symbol or not c.order_id then return nil end
  local order =
    api.get_order(c.algo and { algoId = c.order_id } or { symbol = c.symbol, orderId = c.order_id })
  -- The exchange tells milliseconds: what it did in that of the sending it did after that.
  local function add(ms, word, text)
    local us, sent_us = ms * 1000, word == "ended" and last.sent_us or c.sent_us
    if us < sent_us and us + 1000 > sent_us then us = sent_us end
    events[#events + 1] = { us, word, text, word == "ended" and last_group or 1 }
  end
  local became = c.order_id
  if c.algo then became = order and order.actualOrderId ~= "" and order.actualOrderId or nil end
  local executed, cost = 0, 0
  for _, f in ipairs(became and api.get_my_trades { symbol = c.symbol, orderId = became } or {}) do
    executed, cost = executed + f.qty, cost + f.qty * f.price
    add(f.time, "fill", fill_text(f.qty, f.price, f.maker, f.commission, f.realizedPnl))
  end
  if not order then return nil end
  add(c.algo and order.createTime or order.time, "accepted", ACCEPTED:format(c.order_id))
  if c.algo and became then add(order.triggerTime, "triggered", TRIGGERED:format(became)) end
  if not still_open[order.status] then add(order.updateTime, "ended", order.status) end
  return head_text {
    side = order.side,
    type = order.type,
    quantity = order.origQty,
    whole = c.algo and order.closePosition,
    symbol = order.symbol,
    at = c.algo and order.stopPrice or order.price,
    status = order.status,
    executed = c.algo and executed or order.executedQty,
    average = c.algo and (executed > 0 and cost / executed or 0) or order.avgPrice,
  }
end

---An order's whole life.
---@param trace table
---@param world World
---@param id string? as for `M.find`
---@param o { api: table, simulated: boolean, latency_us: number?, width: integer }
---@return string? text
---@return string? problem
function M.why(trace, world, id, o)
  local calls, found = M.find(trace, id)
  if #calls == 0 then
    return nil,
      id and ("no order '%s' was placed here; :orders lists open ones"):format(id)
        or "no order was placed here yet"
  end
  local events, placed = {}, calls[1]
  for group, c in ipairs(calls) do
    if c.places then placed = c end
    add_call(events, c, o.simulated and o.latency_us or nil, group)
  end
  local order_id = placed.order_id or found
  local head
  if o.simulated then
    head = exchange_events(world, placed, order_id, events, #calls)
  else
    head = asked_events(o.api, placed, events, calls[#calls], #calls)
  end
  -- Of one moment: call by call, and what the exchange did before its answer.
  local rank = {
    called = 1,
    admitted = 2,
    sent = 3,
    arrived = 4,
    accepted = 5,
    triggered = 6,
    fill = 7,
    ended = 8,
    settled = 9,
  }
  table.sort(events, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    if a[4] ~= b[4] then return a[4] < b[4] end
    return rank[a[2]] < rank[b[2]]
  end)
  local lines = {
    ("order %s%s"):format(
      order_id or "without an id",
      placed.client_id ~= "" and " (" .. placed.client_id .. ")" or ""
    ) .. (head and ": " .. head or ""),
  }
  local day
  for _, e in ipairs(events) do
    local stamp = log_module.time_text(e[1])
    local clock = ("%s.%03d"):format(stamp:sub(12), math.floor(e[1] / 1000) % 1000)
    if stamp:sub(1, 10) ~= day then
      day = stamp:sub(1, 10)
      lines[#lines + 1] = "  " .. day
    end
    local left = ("  %s  %+11.3f s  %-9s "):format(clock, (e[1] - events[1][1]) / 1e6, e[2])
    local line = left
    for word in e[3]:gmatch "%S+" do
      if #line + #word > o.width and #line > #left then
        lines[#lines + 1] = (line:gsub("%s+$", ""))
        line = (" "):rep(#left)
      end
      line = line .. word .. " "
    end
    lines[#lines + 1] = (line:gsub("%s+$", ""))
  end
  return table.concat(lines, "\n")
end

return M

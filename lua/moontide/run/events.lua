---Events of the account and the market, as a strategy's handlers get them (described in moontide/meta/script.lua).
local ffi = require "ffi"
local C = require "moontide.core"
local records = require "moontide.api.records"

local M = {}

local function number(e8) return tonumber(e8) / 1e8 end
local function milliseconds(us) return math.floor(tonumber(us) / 1000) end

-- By the kind of event: calls the handlers of `self` that want it. `recovered`: it was asked for after the streams had been silent.
local deliver = {}

-- Why the exchange itself closed a position; nil: an order like others.
local function forced(client_id)
  local kind = ffi.string(C.forced_close_kind(client_id))
  return kind ~= "" and kind or nil
end

local function fill_of(u, order, recovered, coin)
  return {
    symbol = order.symbol,
    side = order.side,
    positionSide = order.positionSide,
    orderId = order.orderId,
    clientOrderId = order.clientOrderId,
    price = number(u.last_price_e8),
    qty = number(u.last_qty_e8),
    commission = number(u.commission_asset[0] ~= 0 and u.coin_commission_e8 or u.commission_e8),
    commissionAsset = u.commission_asset[0] ~= 0 and ffi.string(u.commission_asset) or coin,
    realizedPnl = number(u.realized_pnl_e8),
    maker = u.maker,
    time = milliseconds(u.transaction_us),
    tradeId = records.id_text(u.trade_id),
    order = order,
    forced = order.forced,
    recovered = recovered,
  }
end

-- What the exchange closes itself (a liquidation) is executed too.
local function is_fill(u)
  return u.execution == C.EXEC_TRADE or (u.execution == C.EXEC_CALCULATED and u.last_qty_e8 ~= 0)
end

deliver[C.RECORD_ORDER_UPDATE] = function(self, event, R, recovered)
  local u = event.u.order
  local order = R.build[C.RECORD_ORDER_QUERY](u.order)
  order.recovered, order.forced = recovered, forced(u.order.client_id)
  if is_fill(u) and self.on_fill then self.on_fill(self, fill_of(u, order, recovered, R.coin)) end
  if self.on_order then self.on_order(self, order) end
end

deliver[C.RECORD_ALGO_UPDATE] = function(self, event, R, recovered)
  local u = event.u.algo
  local executed, average = number(u.actual_qty_e8), number(u.order.actual_price_e8)
  local order = records.one_face(R.build[C.RECORD_ALGO](u.order), executed, average)
  order.recovered = recovered
  if self.on_order then self.on_order(self, order) end
end

deliver[C.RECORD_ACCOUNT_UPDATE] = function(self, event, R, recovered)
  local u = event.u.account
  local symbol = u.symbol >= 0 and R.symbols[u.symbol] or nil
  if u.reason == C.ACCOUNT_FUNDING_FEE then
    if not self.on_funding then return end
    self.on_funding(self, {
      symbol = symbol,
      amount = number(u.balance_change_e8),
      time = milliseconds(u.event_us),
      recovered = recovered,
    })
  elseif self.on_position and symbol then
    self.on_position(self, {
      symbol = symbol,
      positionAmt = number(u.amount_e8),
      entryPrice = number(u.entry_price_e8),
      unrealizedProfit = number(u.unrealized_e8),
      walletBalance = number(u.wallet_e8),
      time = milliseconds(u.event_us),
      recovered = recovered,
    })
  end
end

deliver[C.RECORD_MARGIN_CALL] = function(self, event, R)
  if not self.on_margin_call then return end
  local u = event.u.margin_call
  self.on_margin_call(self, {
    symbol = R.symbols[u.symbol],
    positionSide = ffi.string(C.position_side_names[u.position_side]),
    positionAmt = number(u.amount_e8),
    markPrice = number(u.mark_price_e8),
    unrealizedProfit = number(u.unrealized_e8),
    maintMargin = number(u.maint_margin_e8),
    time = milliseconds(u.event_us),
  })
end

deliver[C.RECORD_AGG_TRADE] = function(self, event, R, recovered)
  if not self.on_trade then return end -- of a script that has been reloaded meanwhile
  local t = event.u.trade
  self.on_trade(self, {
    symbol = R.symbols[t.symbol],
    price = number(t.price_e8),
    qty = number(t.qty_e8),
    time = milliseconds(t.time_us),
    maker = t.buyer_maker,
    id = records.id_text(t.id),
    recovered = recovered,
  })
end

deliver[C.RECORD_BOOK_TICKER] = function(self, event, R)
  if not self.on_book then return end
  local b = event.u.book
  self.on_book(self, {
    symbol = R.symbols[b.symbol],
    bid = number(b.bid_e8),
    bidQty = number(b.bid_qty_e8),
    ask = number(b.ask_e8),
    askQty = number(b.ask_qty_e8),
    time = milliseconds(b.time_us),
    updateId = records.id_text(b.update_id),
  })
end

---What an event says of an order: its symbol, id and status; nil of other events.
---@param event ffi.cdata* struct stream_event
---@param R table of records.new, with the names of the run's symbols
---@return string? symbol
---@return string? id
---@return string? status
function M.order_of(event, R)
  if event.kind == C.RECORD_ORDER_UPDATE then
    local order = R.build[C.RECORD_ORDER_QUERY](event.u.order.order)
    return order.symbol, order.orderId, order.status
  elseif event.kind == C.RECORD_ALGO_UPDATE then
    local algo = R.build[C.RECORD_ALGO](event.u.algo.order)
    return algo.symbol, algo.algoId, algo.algoStatus
  end
end

---Calls the handlers of a strategy that want an event.
---@param self Strategy
---@param event ffi.cdata* struct stream_event
---@param R table of records.new, with the names of the run's symbols
function M.dispatch(self, event, R)
  local to = deliver[event.kind]
  if to then to(self, event, R, event.recovered or nil) end
end

return M

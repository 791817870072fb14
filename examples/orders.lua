-- Every kind of order, what comes back, and how one is changed and cancelled.
--
--   moontide backtest examples/orders.lua --synthetic 1 --bars 300
api.sleep(600)
local S = "BTCUSDT"
local last = api.get_ticker_price { symbol = S }.price
local function at(share) return market.round_price(S, last * share) end -- prices lie on the tick
local size = market.round_quantity(S, 500 / last) -- quantities on the step, never more than asked

local function send(o)
  o.symbol = S
  local order = assert(api.create_order(o))
  print(o.type, o.side, order.status)
  return order
end

-- MARKET: comes back filled.
local bought = send { side = "BUY", type = "MARKET", quantity = size } --> MARKET	BUY	FILLED
print("paid", bought.avgPrice > 0, bought.executedQty == size) --> paid	true	true

-- LIMIT: rests until the price comes. GTC unless told otherwise; GTX is post-only: refused (-5022) rather than a taker.
local resting = send { side = "BUY", type = "LIMIT", quantity = size, price = at(0.9) } --> LIMIT	BUY	NEW
send { side = "SELL", type = "LIMIT", quantity = size, price = at(1.1), timeInForce = "GTX" } --> LIMIT	SELL	NEW
local ioc = send { side = "BUY", type = "LIMIT", quantity = size, price = at(0.95), timeInForce = "IOC" } --> LIMIT	BUY	EXPIRED
print("IOC filled", ioc.executedQty) --> IOC filled	0

-- Conditional orders: the exchange keeps them apart, here they have the same face.
local stop = send { side = "SELL", type = "STOP_MARKET", stopPrice = at(0.95), closePosition = true } --> STOP_MARKET	SELL	NEW
send { side = "SELL", type = "TAKE_PROFIT_MARKET", stopPrice = at(1.05), closePosition = true } --> TAKE_PROFIT_MARKET	SELL	NEW
send {
  side = "SELL",
  type = "STOP",
  stopPrice = at(0.94),
  price = at(0.93),
  quantity = size,
  reduceOnly = true,
} --> STOP	SELL	NEW
send { side = "SELL", type = "TRAILING_STOP_MARKET", callbackRate = 1, quantity = size, reduceOnly = true } --> TRAILING_STOP_MARKET	SELL	NEW

-- Amended: another price or size, the same order; it goes to the end of its queue.
local amended = assert(
  api.modify_order { symbol = S, orderId = resting.orderId, side = "BUY", quantity = size, price = at(0.91) }
)
print("amended", amended.orderId == resting.orderId, amended.price == at(0.91)) --> amended	true	true

-- Looked up and cancelled, by the exchange's id or one's own.
send { side = "BUY", type = "LIMIT", quantity = size, price = at(0.92), newClientOrderId = "mine-1" } --> LIMIT	BUY	NEW
print("mine", api.get_order { symbol = S, origClientOrderId = "mine-1" }.status) --> mine	NEW
print("cancelled", api.cancel_order { symbol = S, origClientOrderId = "mine-1" }.status) --> cancelled	CANCELED
api.cancel_order { symbol = S, orderId = stop.orderId }
print("open", #api.get_open_orders { symbol = S }) --> open	5
api.cancel_all_orders { symbol = S }
print("open", #api.get_open_orders { symbol = S }) --> open	0

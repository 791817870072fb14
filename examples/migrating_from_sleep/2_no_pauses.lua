-- Step 2: the pauses go. The API manager knows what each call costs and what the exchange still allows: it sends at
-- once while there is room and holds a call back, never the script's author, when there is none.
api.sleep(6 * 3600) -- in a backtest only what has passed is there to be read
local started = api.now()

local newest, bars = api.now(), 0
for page = 1, 40 do
  local rows, err =
    api.get_klines { symbol = "BTCUSDT", interval = "1m", limit = 10, endTime = newest - page }
  if not rows then error("cannot read the bars: " .. tostring(err)) end
  bars = bars + #rows
end

local price, ids = market.round_price("BTCUSDT", api.get_ticker_price { symbol = "BTCUSDT" }.price * 0.9), {}
for step = 1, 20 do
  local order, err = api.create_order {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "LIMIT",
    quantity = 0.01,
    price = price - step,
  }
  if not order then error("order refused: " .. tostring(err)) end
  ids[step] = order.orderId
end

for _, id in ipairs(ids) do
  local order, err = api.cancel_order { symbol = "BTCUSDT", orderId = id }
  if not order then error("not cancelled: " .. tostring(err)) end
end

print(("%d bars read, 20 orders placed and cancelled in %.1f s"):format(bars, (api.now() - started) / 1000))

-- Step 3: calls that do not need each other's answers need not wait for each other. api.async.NAME starts a call and
-- returns a task; task:wait() gives what the call would have returned.
api.sleep(6 * 3600) -- in a backtest only what has passed is there to be read
local started = api.now()

local newest, tasks, bars = api.now(), {}, 0
for page = 1, 40 do
  tasks[page] =
    api.async.get_klines { symbol = "BTCUSDT", interval = "1m", limit = 10, endTime = newest - page }
end
for _, t in ipairs(tasks) do
  local rows, err = t:wait()
  if not rows then error("cannot read the bars: " .. tostring(err)) end
  bars = bars + #rows
end

local price, orders =
  market.round_price("BTCUSDT", api.get_ticker_price { symbol = "BTCUSDT" }.price * 0.9), {}
for step = 1, 20 do
  orders[step] = api.async.create_order {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "LIMIT",
    quantity = 0.01,
    price = price - step,
  }
end
local cancels = {}
for i, t in ipairs(orders) do
  local order, err = t:wait()
  if not order then error("order refused: " .. tostring(err)) end
  cancels[i] = api.async.cancel_order { symbol = "BTCUSDT", orderId = order.orderId }
end
for _, t in ipairs(cancels) do
  local order, err = t:wait()
  if not order then error("not cancelled: " .. tostring(err)) end
end

print(("%d bars read, 20 orders placed and cancelled in %.1f s"):format(bars, (api.now() - started) / 1000))

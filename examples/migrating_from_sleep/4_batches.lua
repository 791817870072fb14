-- Step 4: lists of requests. api.batch_request runs them at once and returns results in order, an error in the place of
-- each that failed; orders are gathered by five into the exchange's batch call where that spends less of the budget.
api.sleep(6 * 3600) -- in a backtest only what has passed is there to be read
local started = api.now()

-- How many of the results are errors, and the first of them.
local function check(results, failed, what)
  if failed == 0 then return results end
  for i, r in ipairs(results) do
    if r.kind then error(("%s %d: %s (%d failed)"):format(what, i, tostring(r), failed)) end
  end
end

local newest, list = api.now(), {}
for page = 1, 40 do
  list[page] = { "get_klines", { symbol = "BTCUSDT", interval = "1m", limit = 10, endTime = newest - page } }
end
local pages, failed = api.batch_request(list)
local bars = 0
for _, rows in ipairs(check(pages, failed, "page")) do
  bars = bars + #rows
end

local price = market.round_price("BTCUSDT", api.get_ticker_price { symbol = "BTCUSDT" }.price * 0.9)
local ladder = {}
for step = 1, 20 do
  ladder[step] = {
    "create_order",
    { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = price - step },
  }
end
local orders
orders, failed = api.batch_request(ladder)
check(orders, failed, "order")

local ok, err = api.cancel_all_orders { symbol = "BTCUSDT" }
if not ok then error("not cancelled: " .. tostring(err)) end

print(("%d bars read, 20 orders placed and cancelled in %.1f s"):format(bars, (api.now() - started) / 1000))

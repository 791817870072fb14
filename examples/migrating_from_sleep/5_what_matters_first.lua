-- Step 5: say what matters. The pages may wait (LOW); the way out may not (CRITICAL has a share of every budget and
-- workers of its own). A deadline says how long an answer is worth anything. An error says what it means: what was
-- refused is not sent again, and what may or may not have been executed is looked up, never repeated.
api.sleep(6 * 3600) -- in a backtest only what has passed is there to be read
local started = api.now()

local newest, pages = api.now(), {}
for page = 1, 40 do
  pages[page] = api.async.get_klines {
    symbol = "BTCUSDT",
    interval = "1m",
    limit = 10,
    endTime = newest - page,
    priority = "LOW",
  }
end

-- Places one order; whatever happens on the way, we end up knowing whether it is in the book.
local function place(o)
  local order, err = api.create_order(o)
  if order then return order end
  if err.kind == "unknown_outcome" then
    return api.get_order { symbol = o.symbol, origClientOrderId = o.newClientOrderId }
  end
  if err.kind == "rejected" or err.kind == "invalid" then error("order refused: " .. tostring(err)) end
  return nil, err -- rate_limited, timeout, circuit_open, queue_full, network: certainly not in the book
end

local price =
  market.round_price("BTCUSDT", api.get_ticker_price { symbol = "BTCUSDT", timeout = 2 }.price * 0.9)
local ladder = {}
for step = 1, 20 do
  ladder[step] = api.spawn(place, {
    symbol = "BTCUSDT",
    side = "BUY",
    type = "LIMIT",
    quantity = 0.01,
    price = price - step,
    newClientOrderId = ("ladder-%d"):format(step),
    timeout = 5,
  })
end
for i, t in ipairs(ladder) do
  local order, err = t:wait()
  if not order then log.warn("rung %d is missing: %s", i, tostring(err)) end
end

local ok, err = api.cancel_all_orders { symbol = "BTCUSDT", priority = "CRITICAL" }
if not ok then error("not cancelled: " .. tostring(err)) end
local bars = 0
for _, t in ipairs(pages) do
  local rows, problem = t:wait()
  if not rows then error("cannot read the bars: " .. tostring(problem)) end
  bars = bars + #rows
end

print(("%d bars read, 20 orders placed and cancelled in %.1f s"):format(bars, (api.now() - started) / 1000))

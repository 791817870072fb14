-- The preset for filling a disk: a long queue, long patience, many retries, nearly all of the budget. A hundred pages of
-- bars, asked for all at once; the manager sends as many as the exchange allows and the rest when it allows more.
api.configure { preset = "data_collection" }
api.sleep(12 * 3600) -- in a backtest only what has passed is there to be read
local started, list = api.now(), {}
for page = 1, 100 do
  list[page] =
    { "get_klines", { symbol = "BTCUSDT", interval = "1m", limit = 500, endTime = started - page * 60000 } }
end
local pages, failed = api.batch_request(list)
local bars = 0
for _, rows in ipairs(pages) do
  bars = bars + #rows
end
local m = api.get_metrics()
print(
  ("%d bars in %d pages, %d failed, in %.1f s of the market's time; weight used this minute: %d"):format(
    bars,
    #pages,
    failed,
    (api.now() - started) / 1000,
    m.rate_limiter.rate_limit_state.windows[1].used
  )
)

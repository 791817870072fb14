-- The API manager: who goes first, how long a call may take, what it does by itself, and what it has seen.
--
--   moontide backtest examples/manager.lua --synthetic 1 --bars 300 --latency 50
api.configure { preset = "conservative", workers = 2 } -- `moontide help config` lists every setting

-- Alerts and breakers, as they rise and fall (also on_alert and on_circuit of a strategy).
api.on("alert", function(alert) print("alert", alert.rule, alert.raised) end)

api.sleep(600)
-- History that may wait is asked for as LOW; what must not, as CRITICAL: it overtakes all that is queued.
local order = {}
local pages = {}
for i = 1, 8 do
  pages[i] = api.async.get_klines { symbol = "BTCUSDT", interval = "1m", limit = i, priority = "LOW" }
end
local urgent = api.async.get_ticker_price { symbol = "BTCUSDT", priority = "CRITICAL" }
api.spawn(function()
  urgent:wait()
  order[#order + 1] = "urgent"
end)
for i, page in ipairs(pages) do
  api.spawn(function()
    page:wait()
    order[#order + 1] = i
  end)
end
for _, page in ipairs(pages) do
  page:wait()
end
print(
  "urgent was answered as one of the first",
  order[1] == "urgent" or order[2] == "urgent" or order[3] == "urgent"
) --> urgent was answered as one of the first	true

-- Identical calls under way at once are one request; share = false asks anew.
local one, two =
  api.async.get_book_ticker { symbol = "BTCUSDT" }, api.async.get_book_ticker { symbol = "BTCUSDT" }
print("same answer", one:wait().bidPrice == two:wait().bidPrice, api.get_metrics().shared) --> same answer	true	1

-- A deadline in seconds, waiting included, and how often a call may be tried again.
print(#assert(api.get_order_book { symbol = "BTCUSDT", limit = 5, timeout = 10, retries = 0 }).bids > 0) --> true

local m = api.get_metrics()
print(m.submitted > 10, m.sent > 10, m.outcomes.done > 10, m.queue.total_size) --> true	true	true	0
for _, window in ipairs(m.rate_limiter.rate_limit_state.windows) do
  if window.kind == "weight" then print("weight used", window.used > 0, window.limit) end --> weight used	true
end

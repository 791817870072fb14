-- What the exchange tells of the market.
--
--   moontide backtest examples/market_data.lua --synthetic 1 --bars 1500
api.sleep(86400) -- in a backtest only what has passed is there to be read
local S = "BTCUSDT"
local bars = api.get_klines { symbol = S, interval = "1h", limit = 24 }
print(#bars, bars[1].open_time < bars[24].open_time) --> 24	true
local day = api.get_ticker_24h { symbol = S }
print(day.highPrice >= day.lastPrice, day.volume > 0) --> true	true
local best, book = api.get_book_ticker { symbol = S }, api.get_order_book { symbol = S, limit = 5 }
print(best.bidPrice < best.askPrice, book.bids[1].price == best.bidPrice) --> true	true
print(api.get_mark_price { symbol = S }.markPrice > 0) --> true
print(math.abs(api.get_server_time().serverTime - api.now()) < 1000) --> true
local rules = market.rules(S)
print(rules.tick, rules.step, rules.min_notional > 0, market.symbols()[1]) --> 0.1	0.001	true	BTCUSDT
print(
  market.round_price(S, 20000.07),
  market.round_price(S, 20000.07, "down"),
  market.round_quantity(S, 0.0129)
) --> 20000.1	20000	0.012

-- Any other call of the exchange, by its path.
local candles = api.request(
  "GET",
  "/fapi/v1/klines",
  { symbol = S, interval = "1d", limit = 1 },
  { priority = "LOW" }
)
print(#candles) --> 1

-- The plain form: a loop over bars, no handlers. Calls wait; the market goes on meanwhile, and no bar is lost.
--
--   moontide backtest examples/plain_script.lua --synthetic 1 --bars 300
local highest = 0
for bar in market.bars("BTCUSDT", "5m") do
  if highest > 0 and bar.close > highest then
    local order, err =
      api.create_order { symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 0.01 }
    if not order then
      print("refused", err)
      break
    end
    print("bought at", order.avgPrice) --> bought at
    api.sleep(1800) -- half an hour later, on the run's clock
    order = assert(api.create_order {
      symbol = bar.symbol,
      side = "SELL",
      type = "MARKET",
      quantity = 0.01,
      reduceOnly = true,
    })
    print("sold at", order.avgPrice) --> sold at
    break
  end
  highest = math.max(highest, bar.high)
end

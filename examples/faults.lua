-- A strategy in bad weather: with examples/faults.rules.lua a third of the orders meet something that goes wrong, by a seed, the
-- same every time. Each order is executed once, or not at all; never twice.
--
--   moontide backtest examples/faults.lua --synthetic 1 --bars 600 --faults examples/faults.rules.lua --latency 50 --quiet
local wanted, known, doubtful = 0, 0, 0
api.sleep(60)
for i = 1, 60 do
  wanted = wanted + 1
  local order, err = api.create_order {
    symbol = "BTCUSDT",
    side = i % 2 == 1 and "BUY" or "SELL",
    type = "MARKET",
    quantity = 0.01,
    newClientOrderId = "weather-" .. i,
  }
  if order then
    known = known + 1
  elseif err.kind == "unknown_outcome" then
    doubtful = doubtful + 1
  end -- ask for it by its id before sending anything
  api.sleep(20)
end
local ids, twice = {}, 0
for _, fill in ipairs(api.get_my_trades { symbol = "BTCUSDT", limit = 1000 }) do
  if ids[fill.orderId] then twice = twice + 1 end
  ids[fill.orderId] = true
end
print("wanted", wanted, "known", known == 60 - doubtful) --> wanted	60
print("executed twice", twice) --> executed twice	0

-- Many requests in few: five orders in one, and lists of any calls.
--
--   moontide backtest examples/batches.lua --synthetic 1 --bars 300
api.sleep(600)
local S = "BTCUSDT"
local last = api.get_ticker_price { symbol = S }.price
local function bid(share, quantity)
  return {
    symbol = S,
    side = "BUY",
    type = "LIMIT",
    quantity = quantity or 0.01,
    price = market.round_price(S, last * share),
  }
end

-- One request, up to five plain orders; each comes back as its order or its error.
local results = assert(api.batch_orders { bid(0.98), bid(0.97), bid(0.96, 500) })
print(results[1].status, results[2].status, results[3].code) --> NEW	NEW	-2019

-- Any calls at once; `failed` counts the errors among the results. Orders are gathered by five where that spends less.
local list = {}
for i = 1, 10 do
  list[i] = { "create_order", bid(0.95 - i / 100) }
end
list[11] = { "get_ticker_price", { symbol = S } }
list[12] = { "GET", "/fapi/v1/time" }
local all, failed = api.batch_request(list)
print(#all, failed, all[1].status, all[11].price > 0, all[12].serverTime > 0) --> 12	0	NEW	true	true
print("requests for 10 orders", api.get_metrics().endpoints["POST /fapi/v1/batchOrders"].answered - 1) --> requests for 10 orders	2
api.cancel_all_orders { symbol = S }

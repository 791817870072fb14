-- The account: balance, margin, leverage, positions, what was paid and earned.
--
--   moontide backtest examples/account.lua --synthetic 1 --bars 300
api.sleep(600)
local S = "BTCUSDT"
print(assert(api.set_leverage { symbol = S, leverage = 10 }).leverage) --> 10
print(assert(api.set_margin_type { symbol = S, marginType = "ISOLATED" }).code) --> 200
local again, err = api.set_margin_type { symbol = S, marginType = "ISOLATED" }
print(again, err.code) --> nil	-4046

assert(api.create_order { symbol = S, side = "BUY", type = "MARKET", quantity = 0.1 })
local position = api.get_position_info { symbol = S }[1]
print(position.positionAmt, position.isolatedMargin > 0, position.liquidationPrice < position.entryPrice) --> 0.1	true	true
print(api.set_position_margin { symbol = S, amount = 50, change_type = 1 }.amount) --> 50

local account = api.get_account_info()
print(account.totalWalletBalance < 10000, account.availableBalance < account.totalWalletBalance) --> true	true
print(api.get_balance()[1].asset, api.get_commission_rate { symbol = S }.takerCommissionRate) --> USDT	0.0005
print(api.get_leverage_brackets { symbol = S }[1].brackets[1].initialLeverage >= 20) --> true

assert(api.create_order { symbol = S, side = "SELL", type = "MARKET", quantity = 0.1, reduceOnly = true })
for _, fill in ipairs(api.get_my_trades { symbol = S }) do
  print(fill.side, fill.qty, fill.commission > 0)
end --> SELL	0.1	true
local paid = 0
for _, payment in ipairs(api.get_income { incomeType = "COMMISSION" }) do
  paid = paid + payment.income
end
print("commissions", paid < 0) --> commissions	true

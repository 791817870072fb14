-- Hedge mode: a long and a short position of one symbol side by side.
--
--   moontide backtest examples/hedge_mode.lua --synthetic 1 --bars 300
api.sleep(600)
local S = "BTCUSDT"
assert(api.set_position_mode { dualSidePosition = true })
print(api.get_position_mode().dualSidePosition) --> true

assert(api.create_order { symbol = S, side = "BUY", positionSide = "LONG", type = "MARKET", quantity = 0.02 })
assert(
  api.create_order { symbol = S, side = "SELL", positionSide = "SHORT", type = "MARKET", quantity = 0.01 }
)
local held = {}
for _, p in ipairs(api.get_position_info { symbol = S }) do
  held[p.positionSide] = p.positionAmt
end
print(held.LONG, held.SHORT) --> 0.02	-0.01

-- The side says which one an order is of: a SELL of the LONG side makes it smaller.
assert(
  api.create_order { symbol = S, side = "SELL", positionSide = "LONG", type = "MARKET", quantity = 0.02 }
)
local none, err = api.create_order { symbol = S, side = "BUY", type = "MARKET", quantity = 0.01 }
print(none, err.code) --> nil	-4061
assert(
  api.create_order { symbol = S, side = "BUY", positionSide = "SHORT", type = "MARKET", quantity = 0.01 }
)

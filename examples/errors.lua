-- What goes wrong comes back as nil and an error: err.kind says whose fault it is, err.code what the exchange calls it.
--
--   moontide backtest examples/errors.lua --synthetic 1 --bars 300
api.sleep(60)
local S = "BTCUSDT"

-- invalid: refused before it is sent, nothing was spent. The message names the nearest legal values.
local order, err =
  api.create_order { symbol = S, side = "BUY", type = "LIMIT", quantity = 0.01, price = 19999.9999 }
print(order, err.kind, err.message:match "nearest are") --> nil	invalid	nearest are

-- rejected: the exchange said no, with its code.
order, err = api.create_order { symbol = S, side = "BUY", type = "MARKET", quantity = 100 }
print(order, err.kind, err.code) --> nil	rejected	-2019
order, err = api.cancel_order { symbol = S, orderId = "4711" }
print(order, err.kind, err.code) --> nil	rejected	-2011

-- A misspelt parameter is a mistake of the script: it raises, with the line.
local ok, message = pcall(api.create_order, { symbol = S, side = "BUY", type = "MARKET", quantiy = 0.01 })
print(ok, message:match "no parameter named 'quantiy'") --> false	no parameter named 'quantiy'

-- Whoever wants the run to end at the first failure writes assert: the error is its message.
ok, message = pcall(
  function() assert(api.create_order { symbol = S, side = "BUY", type = "MARKET", quantity = 100 }) end
)
print(ok, tostring(message):match "Margin is insufficient") --> false	Margin is insufficient

-- stopped: the run is over, or api.stop was called.
api.stop()
order, err = api.get_balance()
print(order, err.kind) --> nil	stopped
api.start()
print(#api.get_balance() > 0) --> true

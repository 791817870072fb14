-- Mean reversion: rests a buy order at the lower Bollinger band and a sell order at the upper one. When one fills, a
-- stop guards the position and a reduce-only order waits at the mean.
--
-- Earns in ranges, as maker. Loses in trends: a band that is broken for good fills the order and then the stop.
--
-- Parameters: length (bars), width (deviations), stop (share of the price), notional (USDT a trade).
local ta = require "moontide.ta"

local function order(o)
  local sent, err = api.create_order(o)
  -- A post-only order that the price has meanwhile reached is refused (-5022): the next bar tries again.
  if not sent and err.code ~= -5022 and err.kind ~= "stopped" then
    log.warn("%s %s refused: %s", o.side, o.type, err)
  end
  return sent
end

return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  params = {
    length = { 240, min = 10, max = 5000 },
    width = { 2.5, min = 0.5, max = 10 },
    stop = { 0.01, min = 0.0005, max = 0.5 },
    notional = { 500, min = 5 },
  },

  on_start = function(self) self.bands = ta.bollinger(self.params.length, self.params.width) end,

  on_bar = function(self, bar)
    local middle, upper, lower = self.bands(bar.close)
    if not middle then return end
    local symbol, held = bar.symbol, self:position(bar.symbol)
    if held ~= 0 then
      -- In a position: the target follows the mean. Entries are gone since the fill.
      local target = market.round_price(symbol, middle)
      if self.target and math.abs(self.target.price - target) > bar.close * 0.0005 then
        api.cancel_order { symbol = symbol, orderId = self.target.orderId }
        self.target = order {
          symbol = symbol,
          side = held > 0 and "SELL" or "BUY",
          type = "LIMIT",
          price = target,
          quantity = math.abs(held),
          reduceOnly = true,
        }
      end
      return
    end
    api.cancel_all_orders { symbol = symbol }
    self.target = nil
    local quantity = market.round_quantity(symbol, self.params.notional / bar.close)
    local buy, sell = market.round_price(symbol, lower, "down"), market.round_price(symbol, upper, "up")
    if buy < bar.close then
      order {
        symbol = symbol,
        side = "BUY",
        type = "LIMIT",
        timeInForce = "GTX",
        price = buy,
        quantity = quantity,
      }
    end
    if sell > bar.close then
      order {
        symbol = symbol,
        side = "SELL",
        type = "LIMIT",
        timeInForce = "GTX",
        price = sell,
        quantity = quantity,
      }
    end
    self.middle = middle
  end,

  on_fill = function(self, fill)
    local symbol, held = fill.symbol, self:position(fill.symbol)
    api.cancel_all_orders { symbol = symbol } -- the other entry, or what is left of stop and target
    self.target = nil
    if held == 0 then return end
    local side, entry = held > 0 and "SELL" or "BUY", self:entry_price(symbol)
    local stop = market.round_price(symbol, entry * (1 - (held > 0 and 1 or -1) * self.params.stop))
    order { symbol = symbol, side = side, type = "STOP_MARKET", stopPrice = stop, closePosition = true }
    self.target = order {
      symbol = symbol,
      side = side,
      type = "LIMIT",
      quantity = math.abs(held),
      reduceOnly = true,
      price = market.round_price(symbol, self.middle),
    }
  end,

  on_stop = function(self)
    for _, symbol in ipairs(self.symbols) do
      api.cancel_all_orders { symbol = symbol }
    end
  end,
}

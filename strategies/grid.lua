-- Grid: resting buy orders below a centre and sell orders above it, `step` apart. Each fill puts the opposite order one
-- step away, so every swing across a line earns a step less two maker fees.
--
-- Earns while the price swings inside the grid. Loses when it leaves: the position then stands against the move, and the
-- grid gives it up and starts again around the new price.
--
-- Parameters: levels (on each side), step (share of the price), notional (USDT an order).
local function place(symbol, side, price, quantity)
  price = market.round_price(symbol, price)
  local order, err = api.create_order {
    symbol = symbol,
    side = side,
    type = "LIMIT",
    timeInForce = "GTX",
    price = price,
    quantity = quantity,
  }
  if not order and err.code ~= -5022 and err.kind ~= "stopped" then
    log.warn("%s at %.8g refused: %s", side, price, err)
  end
end

return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  params = {
    levels = { 5, min = 1, max = 50 },
    step = { 0.003, min = 0.0002, max = 0.2 },
    notional = { 200, min = 5 },
  },

  on_bar = function(self, bar)
    local reach = self.params.step * (self.params.levels + 1)
    if self.centre and math.abs(bar.close / self.centre - 1) < reach then return end
    self:start(bar.symbol, bar.close)
  end,

  -- Gives up what the old grid left and lays a new one around `price`.
  start = function(self, symbol, price)
    api.cancel_all_orders { symbol = symbol }
    self.centre = nil -- fills of this clean-up place nothing
    local held = self:position(symbol)
    if held ~= 0 then
      local order, err = api.create_order {
        symbol = symbol,
        side = held > 0 and "SELL" or "BUY",
        type = "MARKET",
        quantity = math.abs(held),
        reduceOnly = true,
      }
      if not order and err.kind ~= "stopped" then log.warn("could not close: %s", err) end
    end
    self.centre = price
    self.quantity = market.round_quantity(symbol, self.params.notional / price)
    for i = 1, self.params.levels do
      place(symbol, "BUY", price * (1 - i * self.params.step), self.quantity)
      place(symbol, "SELL", price * (1 + i * self.params.step), self.quantity)
    end
  end,

  on_fill = function(self, fill)
    if not self.centre or not fill.maker then return end
    local away = self.centre * self.params.step
    if fill.side == "BUY" then
      place(fill.symbol, "SELL", fill.price + away, self.quantity)
    else
      place(fill.symbol, "BUY", fill.price - away, self.quantity)
    end
  end,

  on_stop = function(self)
    for _, symbol in ipairs(self.symbols) do
      api.cancel_all_orders { symbol = symbol }
    end
  end,
}

-- Grid: resting buy orders below a centre and sell orders above it, `step` apart. Each fill puts the opposite order one
-- step away, so every swing across a line earns a step less two maker fees.
--
-- Earns while the price swings inside the grid. Loses when it leaves: the position then stands against the move, and the
-- grid gives it up and starts again around the new price.
--
-- Parameters: levels (on each side), step (share of the price), share (of the equity, an order).
local function place(symbol, side, price, quantity)
  price = market.round_price(symbol, price)
  local order, err = api.create_order {
    symbol = symbol,
    side = side,
    type = "LIMIT",
    timeInForce = "GTX", -- post-only: a price that would take is refused (-5022)
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
    step = { 0.006, min = 0.0002, max = 0.2 },
    share = { 0.04, min = 0.0005, max = 1 },
  },

  on_start = function(self) self.grids = {} end, -- by symbol: its centre and the quantity of an order

  on_bar = function(self, bar)
    local grid, reach = self.grids[bar.symbol], self.params.step * (self.params.levels + 1)
    if grid and math.abs(bar.close / grid.centre - 1) < reach then return end
    self:start(bar.symbol, bar.close)
  end,

  -- Gives up what the old grid left and lays a new one around `price`.
  start = function(self, symbol, price)
    self.grids[symbol] = nil -- fills of this clean-up place nothing
    api.cancel_all_orders { symbol = symbol }
    local held, err = self:target(symbol, 0)
    if not held and err.kind ~= "stopped" then log.warn("%s could not be closed: %s", symbol, err) end
    local quantity, why = self:size(symbol, { equity = self.params.share })
    if quantity == 0 then log.warn("%s is left out: %s", symbol, why) end
    self.grids[symbol] = { centre = price, quantity = quantity }
    for i = 1, quantity > 0 and self.params.levels or 0 do
      place(symbol, "BUY", price * (1 - i * self.params.step), quantity)
      place(symbol, "SELL", price * (1 + i * self.params.step), quantity)
    end
  end,

  on_fill = function(self, fill)
    local grid = self.grids[fill.symbol]
    if not grid or not fill.maker then return end
    local away = grid.centre * self.params.step
    if fill.side == "BUY" then
      place(fill.symbol, "SELL", fill.price + away, grid.quantity)
    else
      place(fill.symbol, "BUY", fill.price - away, grid.quantity)
    end
  end,

  on_stop = function(self)
    for _, symbol in ipairs(self.symbols) do
      api.cancel_all_orders { symbol = symbol }
    end
  end,
}

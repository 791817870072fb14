-- Mean reversion: rests a buy order at the lower Bollinger band and a sell order at the upper one. When one fills, a
-- stop guards the position and a reduce-only order waits at the mean.
--
-- Earns in ranges, as maker. Loses in trends: a band that is broken for good fills the order and then the stop.
--
-- Parameters: length (bars), width (deviations), stop (share of the price), risk (share of the equity lost at the stop).
local function rest(symbol, side, price, quantity)
  local order, err = api.create_order {
    symbol = symbol,
    side = side,
    type = "LIMIT",
    timeInForce = "GTX",
    price = price,
    quantity = quantity,
  }
  -- A post-only order that the price has meanwhile reached is refused (-5022): the next bar tries again.
  if not order and err.code ~= -5022 and err.kind ~= "stopped" then
    log.warn("%s %s refused: %s", symbol, side, err)
  end
end

-- A band on the other side of the price, or a price that has gone through the stop: nothing to guard with.
local function guard(self, symbol, exits)
  local held, last = self:position(symbol), self:last_price(symbol)
  local long = held > 0
  if exits.target and (long and exits.target <= last or not long and exits.target >= last) then
    exits.target = nil
  end
  if exits.stop and (long and exits.stop >= last or not long and exits.stop <= last) then
    return self:target(symbol, 0)
  end
  if exits.stop or exits.target then return self:guard(symbol, exits) end
  return true
end

return {
  symbols = { "BTCUSDT" },
  interval = "5m",
  warmup = 150,
  params = {
    length = { 96, min = 10, max = 5000 },
    width = { 2.5, min = 0.5, max = 10 },
    stop = { 0.02, min = 0.0005, max = 0.5 },
    risk = { 0.002, min = 0.0001, max = 0.1 },
  },

  on_start = function(self)
    self.bands = self:indicator("bollinger", self.params.length, self.params.width)
    self.means = {} -- by symbol
  end,

  on_bar = function(self, bar)
    local symbol = bar.symbol
    local middle, upper, lower = self.bands(symbol)
    if not middle or bar.warmup then return end
    self.means[symbol] = middle
    if self:position(symbol) ~= 0 then
      -- In a position: the target follows the mean. Entries are gone since the fill.
      guard(self, symbol, { target = market.round_price(symbol, middle) })
      return
    end
    api.cancel_all_orders { symbol = symbol }
    local stop = bar.close * (1 - self.params.stop)
    local quantity, why = self:size(symbol, { risk = self.params.risk, stop = stop, cap = 1 })
    if quantity == 0 then return log.warn("%s is left out: %s", symbol, why) end
    local buy, sell = market.round_price(symbol, lower, "down"), market.round_price(symbol, upper, "up")
    if buy < bar.close then rest(symbol, "BUY", buy, quantity) end
    if sell > bar.close then rest(symbol, "SELL", sell, quantity) end
  end,

  on_fill = function(self, fill)
    local symbol, held = fill.symbol, self:position(fill.symbol)
    if held == 0 or not fill.maker or fill.order.reduceOnly then return end
    if fill.order.status == "FILLED" then
      -- The other entry; stop and target are not there yet.
      for _, order in ipairs(api.get_open_orders { symbol = symbol } or {}) do
        if not order.reduceOnly then api.cancel_order { symbol = symbol, orderId = order.orderId } end
      end
    end
    local away = (held > 0 and -1 or 1) * self:entry_price(symbol) * self.params.stop
    local done, err = guard(self, symbol, {
      stop = market.round_price(symbol, self:entry_price(symbol) + away),
      target = self.means[symbol] and market.round_price(symbol, self.means[symbol]),
    })
    if not done and err.kind ~= "stopped" then log.warn("%s is not guarded: %s", symbol, err) end
  end,

  -- The entries go; a stop that guards a position stays (--cancel-stops).
  on_stop = function(self)
    for _, symbol in ipairs(self.symbols) do
      for _, order in ipairs(api.get_open_orders { symbol = symbol } or {}) do
        if not order.reduceOnly then api.cancel_order { symbol = symbol, orderId = order.orderId } end
      end
    end
  end,
}

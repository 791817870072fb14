-- The preset for quoting: many requests at once, short patience, no stale retries. A quote on each side of the price,
-- moved with every bar; a new price for a quote that still waits in the queue takes that one's place.
local function quote(self, symbol, side, price)
  local id = self.quotes[side]
  local order, err
  if id then
    order, err = api.modify_order {
      symbol = symbol,
      orderId = id,
      side = side,
      quantity = 0.01,
      price = price,
      timeout = 1,
    }
  else
    order, err = api.create_order {
      symbol = symbol,
      side = side,
      type = "LIMIT",
      timeInForce = "GTX",
      quantity = 0.01,
      price = price,
      timeout = 1,
    }
  end
  self.quotes[side] = order and order.status == "NEW" and order.orderId or nil
  return order, err
end

return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  params = { spread = { 0.002, min = 0.0001, max = 0.05 } },
  on_start = function(self)
    api.configure { preset = "high_frequency" }
    self.quotes = {}
  end,
  on_bar = function(self, bar)
    local half = bar.close * self.params.spread / 2
    local tasks = {
      api.spawn(quote, self, bar.symbol, "BUY", market.round_price(bar.symbol, bar.close - half)),
      api.spawn(quote, self, bar.symbol, "SELL", market.round_price(bar.symbol, bar.close + half)),
    }
    for _, t in ipairs(tasks) do
      local order, err = t:wait()
      if not order and err.kind ~= "rejected" then log.warn("no quote: %s", tostring(err)) end
    end
  end,
}

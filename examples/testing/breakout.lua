-- The strategy that breakout_spec.lua is about: buys when the price closes above the highest close so far.
return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  params = { quantity = { 0.01, min = 0.001 } },
  on_bar = function(self, bar)
    local broke = self.highest and bar.close > self.highest
    self.highest = math.max(self.highest or 0, bar.close)
    if not broke or self:position(bar.symbol) > 0 then return end
    local order, err =
      api.create_order { symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = self.params.quantity }
    if not order then log.warn("refused: %s", err) end
  end,
}

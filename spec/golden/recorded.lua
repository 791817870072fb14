-- The script of run-1.rec, a recording of sixty bars that every later version must replay.
return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  on_bar = function(self, bar)
    self.count = (self.count or 0) + 1
    if self.count % 10 ~= 5 then return end
    local side = self:position(bar.symbol) > 0 and "SELL" or "BUY"
    api.create_order { symbol = bar.symbol, side = side, type = "MARKET", quantity = 0.01 }
    api.get_position_info { symbol = bar.symbol }
    api.sleep(1)
  end,
  on_fill = function(self) self.fills = (self.fills or 0) + 1 end,
}

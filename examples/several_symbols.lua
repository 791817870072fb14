-- Two symbols in one strategy: bars of one moment come one after the other; both legs leave at once.
--
--   moontide backtest examples/several_symbols.lua --synthetic 1 --bars 300
return {
  symbols = { "BTCUSDT", "ETHUSDT" },
  interval = "1m",
  on_start = function(self)
    self.close, self.seen = {}, 0
  end,
  on_bar = function(self, bar)
    self.close[bar.symbol] = bar.close
    if self.close.BTCUSDT == nil or self.close.ETHUSDT == nil or self.bought then return end
    self.bought = true
    local legs = {}
    for _, symbol in ipairs(self.symbols) do
      legs[#legs + 1] = api.async.create_order {
        symbol = symbol,
        side = "BUY",
        type = "MARKET",
        quantity = market.round_quantity(symbol, 500 / self.close[symbol]),
      }
    end
    for _, leg in ipairs(legs) do
      print(assert(leg:wait()).status)
    end --> FILLED
    for _, symbol in ipairs(self.symbols) do
      print(symbol, self:position(symbol) > 0)
    end --> ETHUSDT	true
  end,
  on_stop = function(self)
    for symbol, price in pairs(self.close) do
      assert(self:last_price(symbol) == price)
    end
  end,
}

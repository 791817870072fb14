-- The handler form: a table of functions, called one at a time in the order of the exchange's time.
--
--   moontide backtest examples/handlers.lua --synthetic 1 --bars 300 --set quantity=0.02
return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  timer = 3600, -- seconds between calls of on_timer
  -- default, bounds; --set NAME=VALUE changes one
  params = { quantity = { 0.01, min = 0.001, max = 1 }, after = { 10, min = 1 } },

  on_start = function(self)
    self.bars = 0
    print("start", self.symbols[1], self.params.quantity)
  end, --> start
  on_bar = function(self, bar)
    self.bars = self.bars + 1
    if self.bars == self.params.after then
      assert(
        api.create_order { symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = self.params.quantity }
      )
    end
  end,
  on_order = function(_, order) print("order", order.status) end, --> order
  on_position = function(self, position)
    print("position", position.positionAmt, self:entry_price(position.symbol) > 0)
  end, --> position
  on_fill = function(_, fill) print("fill", fill.side, fill.qty, fill.commission > 0) end, --> fill
  on_timer = function(_, now) print("an hour has gone", now % 3600000 == 0) end, --> an hour has gone
  on_error = function(_, err) print("a handler failed, and the run goes on", err) end,
  on_stop = function(self) print("stop after", self.bars, "bars, equity", self:equity() > 0) end, --> stop after
}

-- A run is recorded, and replayed: the script must decide the same, byte for byte, or the first difference is shown.
--
--   moontide paper examples/recorded.lua --url http://127.0.0.1:9090 --for 3 --record run.rec
--   moontide backtest examples/recorded.lua --replay run.rec
--
-- Both print what the script prints: --> sent in the end
--                                    --> sent in the end
return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  on_start = function(self)
    self.sent, self.seen = 0, 0
  end,
  on_trade = function(self, trade)
    self.seen = self.seen + 1
    if self.seen % 5 ~= 0 or self.sent >= 4 then return end
    self.sent = self.sent + 1
    local order, err = api.create_order {
      symbol = trade.symbol,
      side = trade.maker and "SELL" or "BUY",
      type = "MARKET",
      quantity = 0.01,
    }
    if not order and err.kind ~= "stopped" then log.warn("refused: %s", err) end
  end,
  on_stop = function(self) print("sent in the end", self.sent) end,
}

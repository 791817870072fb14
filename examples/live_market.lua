-- What streams tell and bars do not: every trade, the best prices, the order book. Paper and live.
--
--   moontide paper examples/live_market.lua --url http://127.0.0.1:9090 --for 4
return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  timer = 0.2,
  on_start = function(self)
    self.trades, self.bought, self.quotes = 0, 0, 0
  end,

  -- maker says who came to whom: the buyer rested, so the taker sold.
  on_trade = function(self, trade)
    self.trades, self.bought = self.trades + 1, self.bought + (trade.maker and 0 or trade.qty)
  end,
  on_book = function(self, best)
    assert(best.bid < best.ask)
    self.quotes = self.quotes + 1
  end,

  on_timer = function(self)
    -- A copy of the book, kept by the exchange's differences; nil while it is not known to be the exchange's.
    local book = market.book("BTCUSDT", 10)
    if not book or self.shown then return end
    self.shown = true
    print("levels", #book.bids, #book.asks, book.spread > 0) --> levels	10	10	true
    local volume = { bids = 0, asks = 0 }
    for side in pairs(volume) do
      for _, level in ipairs(book[side]) do
        volume[side] = volume[side] + level.qty
      end
    end
    print("imbalance", math.abs(volume.bids - volume.asks) / (volume.bids + volume.asks) <= 1) --> imbalance	true
  end,

  on_stop = function(self) print("heard", self.trades > 0, self.quotes > 0) end, --> heard	true	true
}

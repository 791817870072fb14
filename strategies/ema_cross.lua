-- EMA cross: long while the fast average is above the slow one, short while it is below. Always in the market.
--
-- Earns in trends. Loses in ranges, where every cross is a false start and pays the taker fee twice: on bars of a minute the
-- fees eat it, so its bars are hours.
--
-- Parameters: fast, slow (bars), share (of the equity held in each symbol).
return {
  symbols = { "BTCUSDT" },
  interval = "1h",
  warmup = 72, -- closed bars from before the run, so that the averages stand when it begins
  params = {
    fast = { 12, min = 2, max = 1000 },
    slow = { 48, min = 5, max = 5000 },
    share = { 0.5, min = 0.01, max = 5 },
  },

  on_start = function(self)
    -- The runtime feeds them with the bars of each symbol.
    self.fast, self.slow = self:indicator("ema", self.params.fast), self:indicator("ema", self.params.slow)
  end,

  on_bar = function(self, bar)
    local symbol = bar.symbol
    local fast, slow = self.fast(symbol), self.slow(symbol)
    if not slow or bar.warmup then return end
    local want, held = fast > slow and 1 or -1, self:position(symbol)
    if want * held > 0 then return end -- on the right side already
    local quantity, why = self:size(symbol, { equity = self.params.share })
    if quantity == 0 then return log.warn("%s is left out: %s", symbol, why) end
    -- Turns the position in one order, and waits until the exchange has answered.
    local now, err = self:target(symbol, want * quantity)
    if not now then log.warn("order refused: %s", err) end
  end,
}

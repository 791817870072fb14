-- EMA cross: long while the fast average is above the slow one, short while it is below. Always in the market.
--
-- Earns in trends. Loses in ranges, where every cross is a false start and pays the taker fee twice.
--
-- Parameters: fast, slow (bars), quantity (base units held).
local ta = require "moontide.ta"

return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  params = {
    fast = { 12, min = 2, max = 1000 },
    slow = { 26, min = 5, max = 5000 },
    quantity = { 0.01, min = 0 },
  },

  on_start = function(self)
    self.fast, self.slow = ta.ema(self.params.fast), ta.ema(self.params.slow)
  end,

  on_bar = function(self, bar)
    local fast, slow = self.fast(bar.close), self.slow(bar.close)
    if not slow then return end -- the averages still warm up
    local want = (fast > slow and 1 or -1) * self.params.quantity
    local delta = want - self:position(bar.symbol)
    if math.abs(delta) < 1e-9 then return end -- doubles: a difference below any step is none
    -- Waits until the exchange has answered: the order comes back filled, and the position is up to date.
    local order, err = api.create_order {
      symbol = bar.symbol,
      side = delta > 0 and "BUY" or "SELL",
      type = "MARKET",
      quantity = math.abs(delta),
    }
    if not order then log.warn("order refused: %s", err) end
  end,
}

-- The preset for a first run with money: few requests at once, early brakes, alerts on. A moving-average strategy that
-- says so whenever the manager had to brake.
local ta = require "moontide.ta"

return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  on_start = function(self)
    api.configure { preset = "conservative" }
    self.fast, self.slow = ta.ema(20), ta.ema(100)
  end,
  on_bar = function(self, bar)
    local fast, slow = self.fast(bar.close), self.slow(bar.close)
    if not slow then return end
    local want = fast > slow and 0.01 or 0
    local change = want - self:position(bar.symbol)
    if math.abs(change) < 0.001 then return end
    local order, err = api.create_order {
      symbol = bar.symbol,
      side = change > 0 and "BUY" or "SELL",
      type = "MARKET",
      quantity = math.abs(change),
    }
    if not order then log.warn("order refused: %s", tostring(err)) end
  end,
  on_circuit = function(_, n)
    log.warn("calls about %s are %s", n.request_class, n.to == "closed" and "open for business" or "on hold")
  end,
  on_alert = function(_, n)
    log.warn("%s %s: %.4g (threshold %.4g)", n.rule, n.raised and "alert" or "over", n.value, n.threshold)
  end,
}

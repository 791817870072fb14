-- Pair trade: when the log ratio of two prices strays from its mean by `entry` deviations, sells the dear one and buys
-- the cheap one for the same money, and closes when the ratio is back within `exit`.
--
-- Earns when the two move together and meet again. Loses when one of them leaves for good.
--
-- Parameters: length (bars), entry, exit (deviations), share (of the equity, a leg).
local ta = require "moontide.ta"

return {
  symbols = { "BTCUSDT", "ETHUSDT" },
  interval = "15m",
  params = {
    length = { 192, min = 20, max = 20000 },
    entry = { 2.5, min = 0.5, max = 10 },
    exit = { 0.3, min = 0, max = 5 },
    share = { 0.25, min = 0.01, max = 2 },
  },

  on_start = function(self)
    self.deviation = ta.stdev(self.params.length)
    self.close, self.time = {}, {}
  end,

  on_bar = function(self, bar)
    self.close[bar.symbol], self.time[bar.symbol] = bar.close, bar.open_time
    local first, second = self.symbols[1], self.symbols[2]
    -- Both legs of one moment: the second of the two bars decides.
    if self.time[first] ~= self.time[second] then return end
    local ratio = math.log(self.close[first] / self.close[second])
    local deviation, mean = self.deviation(ratio)
    if not deviation or deviation == 0 then return end
    local z = (ratio - mean) / deviation
    local held = self:position(first)
    if held == 0 and math.abs(z) > self.params.entry then
      self:legs(z > 0 and -1 or 1)
    elseif held ~= 0 and (math.abs(z) < self.params.exit or (z > 0) == (held > 0)) then
      self:legs(0)
    end
  end,

  -- direction 1: long the first and short the second; -1: the other way; 0: flat.
  legs = function(self, direction)
    local first, second, share = self.symbols[1], self.symbols[2], direction * self.params.share
    local changed, err = self:rebalance { [first] = share, [second] = -share }
    if not changed and err.kind ~= "stopped" then
      log.warn("a leg was refused, both are closed: %s", err)
      self:rebalance { [first] = 0, [second] = 0 }
    end
  end,
}

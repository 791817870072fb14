-- Streaming indicators: each takes the next value and returns its own, or nil while it warms up. No lookback tables.
--
--   moontide backtest examples/indicators.lua --synthetic 1 --bars 300
local ta = require "moontide.ta"

return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  on_start = function(self)
    self.ema, self.sma, self.rsi, self.atr = ta.ema(20), ta.sma(20), ta.rsi(14), ta.atr(14)
    self.bands, self.macd, self.channel, self.deviation =
      ta.bollinger(20, 2), ta.macd(12, 26, 9), ta.donchian(20), ta.stdev(20)
  end,
  on_bar = function(self, bar)
    local ema, sma, rsi, atr =
      self.ema(bar.close), self.sma(bar.close), self.rsi(bar.close), self.atr(bar.high, bar.low, bar.close)
    local middle, upper, lower = self.bands(bar.close)
    local macd, signal, histogram = self.macd(bar.close)
    local highest, lowest = self.channel(bar.high, bar.low)
    local deviation, mean = self.deviation(bar.close)
    if not histogram then return end -- the slowest of them
    self.shown = self.shown
      or (function()
        print("averages", ema > 0, math.abs(sma - middle) < 1e-6, mean == middle) --> averages	true	true	true
        print("bands", lower < middle, middle < upper, deviation > 0) --> bands	true	true	true
        print("rsi", rsi >= 0 and rsi <= 100, "atr", atr > 0) --> rsi	true	atr	true
        print("macd", math.abs(macd - signal - histogram) < 1e-9) --> macd	true
        print("channel", lowest <= bar.low, highest >= bar.high) --> channel	true	true
        return true
      end)()
  end,
}

-- Statistics of one's own fills: the same functions that make the report.
--
--   moontide backtest examples/statistics.lua --synthetic 1 --bars 2000 --quiet
local stats = require "moontide.stats"

return {
  symbols = { "BTCUSDT" },
  interval = "1m",
  on_start = function(self)
    self.fills, self.equity_curve = {}, { self:equity() }
  end,
  on_bar = function(self, bar)
    local n = #self.equity_curve
    self.equity_curve[n + 1] = self:equity()
    if n % 50 ~= 0 then return end
    local held = self:position(bar.symbol)
    api.create_order {
      symbol = bar.symbol,
      side = held > 0 and "SELL" or "BUY",
      type = "MARKET",
      quantity = held > 0 and held or 0.05,
    }
  end,
  on_fill = function(self, fill) self.fills[#self.fills + 1] = fill end,
  on_stop = function(self)
    local trades = stats.trades(self.fills)
    local summary = stats.trade_summary(trades)
    print("trades", #trades, summary.win_rate >= 0) --> trades	19	true
    local performance = stats.performance(self.equity_curve, { periods = 525600 })
    print("drawdown", performance.max_drawdown > 0, "volatility", performance.volatility > 0) --> drawdown	true	volatility	true
  end,
}

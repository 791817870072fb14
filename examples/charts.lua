-- Charts as text: candles with an average, marks of one's own trades, and the equity.
--
--   moontide backtest examples/charts.lua --synthetic 1 --bars 6000 --quiet
local bars, average, equity, trades = {}, {}, {}, {}

return {
  symbols = { "BTCUSDT" },
  interval = "1h",
  on_start = function(self) self.ema = self:indicator("ema", 20) end,
  on_bar = function(self, bar)
    local mean, held = self.ema(bar.symbol), self:position(bar.symbol)
    bars[#bars + 1] = bar
    average[#bars], equity[#bars] = mean, self:equity()
    if not mean or (bar.close > mean) == (held > 0) then return end
    api.create_order {
      symbol = bar.symbol,
      side = held > 0 and "SELL" or "BUY",
      type = "MARKET",
      quantity = 0.1,
    }
  end,
  on_fill = function(_, fill)
    trades[#trades + 1] = { time = fill.time, price = fill.price, side = fill.side }
  end,
  on_stop = function()
    print(plot { bars, trades, ["EMA 20"] = average, width = 80 }) --> BTCUSDT 1h  2023-01-01 00:00 to
    -- The legend of what is drawn over the candles: --> ▲ buy  ▼ sell  a EMA 20
    print(plot(equity, { title = "equity", width = 80, height = 8 })) --> equity
  end,
}

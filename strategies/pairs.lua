-- Pair trade: when the log ratio of two prices strays from its mean by `entry` deviations, sells the dear one and buys
-- the cheap one for the same money, and closes when the ratio is back within `exit`.
--
-- Earns when the two move together and meet again. Loses when one of them leaves for good.
--
-- Parameters: length (bars), entry, exit (deviations), notional (USDT a leg).
local ta = require "moontide.ta"

return {
  symbols = { "BTCUSDT", "ETHUSDT" },
  interval = "1m",
  params = {
    length = { 720, min = 20, max = 20000 },
    entry = { 2.5, min = 0.5, max = 10 },
    exit = { 0.3, min = 0, max = 5 },
    notional = { 1000, min = 5 },
  },

  on_start = function(self)
    self.deviation = ta.stdev(self.params.length)
    self.close, self.time = {}, {}
  end,

  on_bar = function(self, bar)
    self.close[bar.symbol], self.time[bar.symbol] = bar.close, bar.open_time
    local first, second = self.symbols[1], self.symbols[2]
    -- Both legs of one minute: the second of the two bars decides.
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

  -- direction 1: long the first and short the second; -1: the other way; 0: flat. Both legs leave at once.
  legs = function(self, direction)
    local tasks = {}
    for i, symbol in ipairs(self.symbols) do
      local sign = direction * (i == 1 and 1 or -1)
      local want = sign * market.round_quantity(symbol, self.params.notional / self.close[symbol])
      local delta = want - self:position(symbol)
      if math.abs(delta) > 1e-9 then
        tasks[#tasks + 1] = api.async.create_order {
          symbol = symbol,
          side = delta > 0 and "BUY" or "SELL",
          type = "MARKET",
          quantity = math.abs(delta),
          reduceOnly = direction == 0 or nil,
        }
      end
    end
    for _, task in ipairs(tasks) do
      local order, err = task:wait()
      if not order and err.kind ~= "stopped" then log.warn("leg refused: %s", err) end
    end
  end,
}

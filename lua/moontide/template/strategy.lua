-- NAME: buys when the price closes above the highest high of the last `entry` bars, and sells when it closes below the lowest
-- low of the last `exit` bars. A stop on the exchange guards the position while this program does not look.
--
-- Earns in trends. Loses in ranges, a little each time.
--
--   moontide backtest NAME.lua --synthetic 1          a market made from a seed; --data FILES for real bars
--   moontide test                                     the specs in spec/
--   moontide paper NAME.lua                           the real market, play money
local ta = require "moontide.ta"

---@class Mine: Strategy   so that editors know the names of `self`
local strategy = {
  symbols = { "SYMBOL" },
  interval = "5m",
  -- Each with its default and bounds; `--set entry=48` changes one for a run.
  params = {
    entry = { 36, min = 2, max = 2000 }, -- bars
    exit = { 18, min = 2, max = 2000 }, -- bars
    notional = { 500, min = 10 }, -- USDT a trade
    stop = { 0.02, min = 0.001, max = 0.5 }, -- share of the price
  },
}

-- Sends one order, and says why when it was refused. Calls wait for the exchange's answer: what comes back is the order as the
-- exchange has it, or nil and an error with kind, code and message.
local function send(o)
  local order, err = api.create_order(o)
  if not order and err.kind ~= "stopped" then log.warn("%s %s refused: %s", o.side, o.type, err) end
  return order
end

function strategy:on_start()
  -- What must outlive a restart goes into self.state: plain data, saved after each handler in paper and live runs.
  self.state.trades = self.state.trades or 0
  self.high, self.low = ta.donchian(self.params.entry), ta.donchian(self.params.exit)
  -- Indicators need history: where the exchange has some, take it instead of waiting for it.
  local bars = api.get_klines { symbol = self.symbols[1], interval = self.interval, limit = 200 }
  for i, bar in ipairs(bars or {}) do
    -- The last one is still open; it comes to on_bar when it closes.
    if i < #bars then self:learn(bar) end
  end
end

-- The channel before this bar, which then joins it.
function strategy:learn(bar)
  local upper, lower = self.upper, self.lower
  local high, _ = self.high(bar.high, bar.low)
  local _, low = self.low(bar.high, bar.low)
  self.upper, self.lower = high, low
  return upper, lower
end

function strategy:on_bar(bar)
  local upper, lower = self:learn(bar)
  if not upper or not lower then return end -- not enough bars yet
  local symbol, held = bar.symbol, self:position(bar.symbol)
  if held == 0 and bar.close > upper then
    -- Quantities are multiples of the exchange's step, prices of its tick; anything else is refused before it is sent.
    local quantity = market.round_quantity(symbol, self.params.notional / bar.close)
    if send { symbol = symbol, side = "BUY", type = "MARKET", quantity = quantity } then
      self.state.trades = self.state.trades + 1
      send {
        symbol = symbol,
        side = "SELL",
        type = "STOP_MARKET",
        closePosition = true,
        stopPrice = market.round_price(symbol, bar.close * (1 - self.params.stop), "down"),
      }
    end
  elseif held > 0 and bar.close < lower then
    send { symbol = symbol, side = "SELL", type = "MARKET", quantity = held, reduceOnly = true }
  end
end

function strategy:on_fill(fill)
  log.info("%s %g at %g, result %.2f", fill.side, fill.qty, fill.price, fill.realizedPnl - fill.commission)
  -- Out of the market: the stop has nothing to guard any more.
  if self:position(fill.symbol) == 0 then api.cancel_all_orders { symbol = fill.symbol } end
end

function strategy:on_stop() log.info("%d trades so far, equity %.2f", self.state.trades, self:equity()) end

return strategy

-- A whole trading bot: follows the trend of one symbol, long or short, and looks after itself. Every part that a bot needs is here
-- in its plainest form: data, signals, orders, risk, monitoring, shutdown. The same file runs in a backtest, on paper and live:
--
--   moontide backtest examples/bot/bot.lua --synthetic 1 --bars 100000
--   moontide test examples/bot
--   moontide exchange &   then   moontide paper examples/bot/bot.lua --url http://127.0.0.1:9090
--   moontide live examples/bot/bot.lua --url http://127.0.0.1:9090          (with the exchange's key in the environment)
local ta = require "moontide.ta"

---@class Bot: Strategy
local bot = {
  symbols = { "BTCUSDT" },
  interval = "5m",
  timer = 300, -- seconds between two looks at itself
  params = {
    fast = { 24, min = 2, max = 1000 },
    slow = { 96, min = 3, max = 5000 }, -- bars of the two averages
    strength = { 0.5, min = 0, max = 20 }, -- how far apart they must be, in average true ranges
    stop = { 3, min = 0.5, max = 20 }, -- distance of the stop, in average true ranges
    risk = { 0.005, min = 0, max = 0.05 }, -- share of the equity that a stop may cost
    max_notional = { 5000, min = 10 }, -- USDT, whatever the risk would allow
    max_daily_loss = { 0.03, min = 0.001, max = 1 }, -- share of the day's first equity; then it rests until the next UTC day
    max_drawdown = { 0.15, min = 0.01, max = 1 }, -- share of the best equity so far; then it stops for good
    max_refusals = { 5, min = 1 }, -- orders refused in a row; then it rests for an hour
    flatten = { true }, -- close the position at the end
  },
}

-- ---- data ---------------------------------------------------------------------------------------------------------------

-- Takes one closed bar into the indicators.
function bot:learn(bar)
  self.last = bar.close
  self.average_range = self.atr(bar.high, bar.low, bar.close)
  local fast, slow = self.fast(bar.close), self.slow(bar.close)
  self.spread = fast and slow and fast - slow or nil
end

-- Indicators begin with the exchange's history, so that a restart costs no hours of blindness. A backtest has none at its start.
function bot:warm_up()
  self.fast, self.slow, self.atr = ta.ema(self.params.fast), ta.ema(self.params.slow), ta.atr(14)
  local bars, err = api.get_klines { symbol = self.symbol, interval = self.interval, limit = 500 }
  if not bars then
    log.warn("no history: %s", err)
    return
  end
  for i = 1, #bars - 1 do
    self:learn(bars[i])
  end -- the last one is still open: it comes when it closes
  log.info("%d bars of history", math.max(#bars - 1, 0))
end

-- ---- signals --------------------------------------------------------------------------------------------------------------

-- 1: up, -1: down, 0: no trend worth a trade, nil: not known yet.
function bot:signal()
  if not self.spread or not self.average_range then return nil end
  if math.abs(self.spread) < self.params.strength * self.average_range then return 0 end
  return self.spread > 0 and 1 or -1
end

-- ---- risk -----------------------------------------------------------------------------------------------------------------

-- So large that the stop costs `risk` of the equity, and never more than max_notional.
function bot:size(price)
  local by_risk = self:equity() * self.params.risk / (self.params.stop * self.average_range)
  return market.round_quantity(self.symbol, math.min(by_risk, self.params.max_notional / price))
end

-- Whether new trades are allowed now; why not, else. What it decides by is in self.state: a restart forgives nothing.
function bot:may_trade()
  local state, equity = self.state, self:equity()
  local day = math.floor(api.now() / 86400000)
  if state.day ~= day then
    state.day, state.day_equity = day, equity
  end
  state.peak = math.max(state.peak or equity, equity)
  if state.halted then return false, "halted" end
  if equity < state.peak * (1 - self.params.max_drawdown) then
    state.halted = true
    log.error(
      "drawdown of %.1f %%: halted for good (run with --forget-state to begin anew)",
      (1 - equity / state.peak) * 100
    )
    return false, "halted"
  end
  if equity < state.day_equity * (1 - self.params.max_daily_loss) then return false, "the day's loss" end
  if state.rest_until and api.now() < state.rest_until then return false, "resting" end
  return true
end

-- ---- orders ---------------------------------------------------------------------------------------------------------------

function bot:send(o)
  o.symbol = self.symbol
  local order, err = api.create_order(o)
  if order then
    self.refusals = 0
    return order
  end
  if err.kind == "stopped" then return nil end
  log.warn("%s %s refused: %s", o.side, o.type, err)
  self.refusals = (self.refusals or 0) + 1
  if self.refusals >= self.params.max_refusals then
    self.refusals, self.state.rest_until = 0, api.now() + 3600000
    log.error("%d orders refused in a row: resting for an hour", self.params.max_refusals)
  end
  return nil
end

-- Guards what is held by a stop on the exchange: it works while this program does not.
function bot:guard()
  local held = self:position(self.symbol)
  if held == 0 or not self.average_range then return end
  local away = self.params.stop * self.average_range
  local price = self:entry_price(self.symbol) - (held > 0 and away or -away)
  -- Where the market is past it already, the stop would trigger at once: out, then.
  if (self.last - price) * held <= 0 then return self:close "the stop was passed" end
  self:send {
    side = held > 0 and "SELL" or "BUY",
    type = "STOP_MARKET",
    closePosition = true,
    stopPrice = market.round_price(self.symbol, price, held > 0 and "down" or "up"),
  }
end

function bot:close(why)
  local held = self:position(self.symbol)
  api.cancel_all_orders { symbol = self.symbol, priority = "CRITICAL" }
  if held == 0 then return end
  log.info("out: %s", why)
  self:send {
    side = held > 0 and "SELL" or "BUY",
    type = "MARKET",
    quantity = math.abs(held),
    reduceOnly = true,
    priority = "CRITICAL",
  }
end

function bot:open(direction)
  local quantity = self:size(self.last)
  if quantity * self.last < market.rules(self.symbol).min_notional then return end
  if self:send { side = direction > 0 and "BUY" or "SELL", type = "MARKET", quantity = quantity } then
    self.state.trades = (self.state.trades or 0) + 1
    self:guard()
  end
end

-- Brings what is held in line with what is wanted.
function bot:decide()
  local want, held = self:signal(), self:position(self.symbol)
  if want == nil then return end
  local allowed, why = self:may_trade()
  if not allowed then
    if held ~= 0 then self:close(why) end
    return
  end
  if held ~= 0 and (want == 0 or (want > 0) ~= (held > 0)) then
    self:close "the trend is over"
    held = self:position(self.symbol)
  end
  if held == 0 and want ~= 0 then self:open(want) end
end

-- What the exchange says counts: a position without a stop gets one, an order without a position goes.
function bot:reconcile()
  local orders, err = api.get_open_orders { symbol = self.symbol }
  if not orders then return log.warn("open orders cannot be read: %s", err) end
  local held, stops = self:position(self.symbol), 0
  for _, order in ipairs(orders) do
    if order.type == "STOP_MARKET" then stops = stops + 1 end
  end
  if held == 0 and #orders > 0 then
    log.warn("%d orders without a position: cancelled", #orders)
    api.cancel_all_orders { symbol = self.symbol }
  elseif held ~= 0 and stops == 0 then
    log.warn("a position of %g without a stop: guarded again", held)
    self:guard()
  end
end

-- ---- monitoring -----------------------------------------------------------------------------------------------------------

function bot:heartbeat()
  local m, state = api.get_metrics(), self.state
  log.fields("info", "heartbeat", {
    { "position", self:position(self.symbol) },
    { "equity", ("%.2f"):format(self:equity()) },
    { "day", ("%+.2f"):format(self:equity() - (state.day_equity or self:equity())) },
    { "trades", state.trades or 0 },
    { "success_rate", ("%.3f"):format(m.rate_limiter.success_rate) },
    { "queue", m.queue.total_size },
    { "clock_offset_ms", math.floor(m.clock.offset * 1000 + 0.5) },
    { "halted", state.halted and true or nil },
  })
end

function bot.on_alert(_, alert)
  log.warn(
    "%s %s: %.4g (threshold %.4g)",
    alert.rule,
    alert.raised and "alert" or "over",
    alert.value,
    alert.threshold
  )
end
function bot.on_circuit(_, notice)
  log.warn(
    "calls about %s: %s",
    notice.request_class,
    notice.to == "closed" and "all is well again" or "held back"
  )
end
function bot.on_error(_, err) log.error("a handler failed, the bot goes on: %s", err) end

-- ---- the run --------------------------------------------------------------------------------------------------------------

function bot:on_start()
  self.symbol = self.symbols[1]
  self:warm_up()
  self:reconcile() -- what the run before has left
  self:decide()
end

function bot:on_bar(bar)
  self:learn(bar)
  self:decide()
end

function bot.on_fill(_, fill)
  log.info("%s %g at %g, result %+.2f", fill.side, fill.qty, fill.price, fill.realizedPnl - fill.commission)
end

function bot:on_timer()
  self:reconcile()
  self:heartbeat()
end

function bot:on_stop()
  if self.params.flatten then self:close "the end of the run" end
  -- The exchange's own word: the account's stream may not have told of the last fill yet.
  local held = 0
  for _, position in ipairs(api.get_position_info { symbol = self.symbol } or {}) do
    held = held + position.positionAmt
  end
  log.info("the end: %d trades, %g held, equity %.2f", self.state.trades or 0, held, self:equity())
end

return bot

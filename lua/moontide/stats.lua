---Pure statistics of a backtest: performance of an equity curve, round-trip trades and their summary.
---Definitions and undefined cases: docs/report.md. A value that is not defined is nil, never infinite or NaN.
local M = {}

local function mean(list)
  local sum = 0
  for _, x in ipairs(list) do
    sum = sum + x
  end
  return #list > 0 and sum / #list or nil
end

---Simple returns from one equity value to the next.
---
---Errors: none; what is not defined is nil.
---@param equity number[] values in time order
---@return number[] returns ratios: 0.01 is one percent
function M.returns(equity)
  local list = {}
  for i = 2, #equity do
    if equity[i - 1] > 0 then list[#list + 1] = equity[i] / equity[i - 1] - 1 end
  end
  return list
end

---The deepest fall from a peak, as a positive ratio, with the indexes of peak and trough.
---
---Errors: none; what is not defined is nil.
---@param equity number[] values in time order
---@return number ratio 0.1 is ten percent
---@return integer? peak index into equity
---@return integer? trough index into equity
function M.max_drawdown(equity)
  local peak, peak_at, worst, from, to = -math.huge, nil, 0, nil, nil
  for i, v in ipairs(equity) do
    if v > peak then
      peak, peak_at = v, i
    end
    if peak > 0 and 1 - v / peak > worst then
      worst, from, to = 1 - v / peak, peak_at, i
    end
  end
  return worst, from, to
end

---Sample standard deviation (n - 1), nil for fewer than two values.
---
---Errors: none; what is not defined is nil.
---@param list number[] the values
---@return number? # in the unit of the values
function M.stdev(list)
  if #list < 2 then return nil end
  local m, sum = mean(list), 0
  for _, x in ipairs(list) do
    sum = sum + (x - m) * (x - m)
  end
  return math.sqrt(sum / (#list - 1))
end

---Ratios of a list of periodic returns.
---
---Errors: none; what is not defined is nil.
---@param returns number[] ratios, one a period
---@param periods number a year
---@return { volatility: number?, sharpe: number?, sortino: number? }
function M.ratios(returns, periods)
  local m, deviation = mean(returns), M.stdev(returns)
  if not m then return {} end
  local down = 0
  for _, x in ipairs(returns) do
    if x < 0 then down = down + x * x end
  end
  local downside = math.sqrt(down / #returns) * math.sqrt(periods)
  return {
    volatility = deviation and deviation * math.sqrt(periods) or nil,
    sharpe = deviation and deviation > 1e-15 and m / deviation * math.sqrt(periods) or nil,
    sortino = downside > 0 and m * periods / downside or nil,
    downside_risk = downside,
  }
end

---Performance of an equity curve sampled once a period, the first value being the start.
---
---Errors: none; what is not defined is nil.
---@param equity number[] values in time order
---@param o { periods: number, years: number? } periods a year; years the curve spans (default by its length)
---@return table # return, annual_return, volatility, sharpe, sortino, calmar, max_drawdown
function M.performance(equity, o)
  local first, last = equity[1], equity[#equity]
  local result = M.ratios(M.returns(equity), o.periods)
  result["return"] = first and first > 0 and last / first - 1 or nil
  local years = o.years or (#equity - 1) / o.periods
  if result["return"] and years > 0 and last > 0 then
    local annual = math.exp(math.log(last / first) / years) - 1
    if annual < 1e6 then result.annual_return = annual end
  elseif last and last <= 0 then
    result.annual_return = -1
  end
  result.max_drawdown = M.max_drawdown(equity)
  if result.annual_return and result.max_drawdown > 0 then
    result.calmar = result.annual_return / result.max_drawdown
  end
  return result
end

local function open_trade(fill, quantity, commission)
  return {
    symbol = fill.symbol,
    side = quantity > 0 and "LONG" or "SHORT",
    quantity = 0,
    amount = 0,
    entry_time = fill.time,
    entry_value = 0,
    entry_quantity = 0,
    exit_value = 0,
    exit_quantity = 0,
    pnl = 0,
    commission = 0,
    first_commission = commission,
  }
end

local function enter(trade, fill, quantity, commission)
  trade.amount = trade.amount + quantity
  trade.entry_value = trade.entry_value + math.abs(quantity) * fill.price
  trade.entry_quantity = trade.entry_quantity + math.abs(quantity)
  trade.quantity = math.max(trade.quantity, math.abs(trade.amount))
  trade.commission = trade.commission + commission
end

local function leave(trade, fill, quantity, commission)
  trade.amount = trade.amount + quantity
  trade.exit_value = trade.exit_value + math.abs(quantity) * fill.price
  trade.exit_quantity = trade.exit_quantity + math.abs(quantity)
  trade.commission = trade.commission + commission
  trade.pnl = trade.pnl + fill.realizedPnl
end

local function close(trade, fill, list)
  list[#list + 1] = {
    symbol = trade.symbol,
    side = trade.side,
    quantity = trade.quantity,
    entry_time = trade.entry_time,
    exit_time = fill.time,
    entry_price = trade.entry_value / trade.entry_quantity,
    exit_price = trade.exit_value / trade.exit_quantity,
    pnl = trade.pnl - trade.commission,
    commission = trade.commission,
  }
end

---Folds fills into round trips: a trade opens when a position leaves zero and closes when it returns to zero or flips.
---A flip closes one and opens the next at the same fill, its commission split by quantity.
---
---Errors: none; what is not defined is nil.
---@param fills table[] symbol, side, positionSide, price, qty, realizedPnl, commission, time; oldest first
---@return table[] trades closed ones: symbol, side, quantity (largest held), entry_time, exit_time, entry_price, exit_price (averages), pnl (net of commissions), commission
function M.trades(fills)
  local open, list = {}, {}
  for _, fill in ipairs(fills) do
    local key = fill.symbol .. "/" .. (fill.positionSide or "BOTH")
    local quantity = fill.side == "BUY" and fill.qty or -fill.qty
    local trade = open[key]
    if not trade then
      trade = open_trade(fill, quantity)
      open[key] = trade
      enter(trade, fill, quantity, fill.commission)
    elseif (trade.amount > 0) == (quantity > 0) then
      enter(trade, fill, quantity, fill.commission)
    else
      -- Quantities lie on steps of at least 1e-8; what is smaller is the rounding of doubles.
      local closing = math.min(math.abs(quantity), math.abs(trade.amount))
      local share = closing / math.abs(quantity)
      leave(trade, fill, quantity * share, fill.commission * share)
      if math.abs(trade.amount) < 5e-9 then
        close(trade, fill, list)
        open[key] = nil
        local rest = quantity * (1 - share)
        if math.abs(rest) > 5e-9 then
          trade = open_trade(fill, rest)
          open[key] = trade
          enter(trade, fill, rest, fill.commission * (1 - share))
        end
      end
    end
  end
  return list
end

---What trades come to. Results are in the unit of the trades' own, usually USDT; what is not defined is nil.
---@class TradeSummary
---@field trades integer? how many there are
---@field total number? the sum of the results, USDT
---@field win_rate number? share of trades with a result above zero, a ratio
---@field profit_factor number? sum of the winners / sum of the losers, a ratio
---@field expectancy number? the mean result, USDT
---@field average_win number? the mean result of the winners, USDT
---@field average_loss number? that of the others, negative, USDT
---@field payoff number? average win / average loss as a positive number, a ratio
---@field best number? the best result, USDT
---@field worst number? the worst result, USDT
---@field sqn number? sqrt(trades) * mean result / sample standard deviation of the results, a ratio
---@field kelly number? win_rate - (1 - win_rate) / payoff, a ratio
---@field losing_streak integer trades in a row with a result of zero or less
---@field winning_streak integer? trades in a row with a result above zero
---@field average_duration number? milliseconds
---@field longest_duration number? milliseconds

local Summary = {}
Summary.__index = Summary

---A summary that trades are added to one by one, so that none has to be kept: `add(pnl, duration_ms)`, then `result()`.
---
---Errors: none; what is not defined is nil.
---@return { add: fun(self: table, pnl: number, duration_ms: number?), result: fun(self: table): TradeSummary }
function M.summary()
  return setmetatable({
    count = 0,
    wins = 0,
    won = 0,
    lost = 0,
    mean = 0,
    squares = 0,
    streak = 0,
    losing = 0,
    winning = 0,
    duration = 0,
    longest = 0,
    timed = 0,
  }, Summary)
end

function Summary:add(pnl, duration_ms)
  self.count = self.count + 1
  if pnl > 0 then
    self.wins, self.won = self.wins + 1, self.won + pnl
    self.streak = math.max(self.streak, 0) + 1
    self.winning = math.max(self.winning, self.streak)
  else
    self.lost = self.lost - pnl
    self.streak = math.min(self.streak, 0) - 1
    self.losing = math.max(self.losing, -self.streak)
  end
  self.best, self.worst = math.max(self.best or pnl, pnl), math.min(self.worst or pnl, pnl)
  -- Welford: squares of differences from a mean that moves along, exact where sums of squares cancel.
  local off = pnl - self.mean
  self.mean = self.mean + off / self.count
  self.squares = self.squares + off * (pnl - self.mean)
  if duration_ms then
    self.timed, self.duration = self.timed + 1, self.duration + duration_ms
    self.longest = math.max(self.longest, duration_ms)
  end
end

function Summary:result()
  local n, total = self.count, self.won - self.lost
  local r = { losing_streak = self.losing }
  if n == 0 then return r end
  local losers = n - self.wins
  r.trades, r.total, r.winning_streak, r.best, r.worst = n, total, self.winning, self.best, self.worst
  r.win_rate, r.expectancy = self.wins / n, total / n
  if self.wins > 0 then r.average_win = self.won / self.wins end
  if losers > 0 then r.average_loss = -self.lost / losers end
  if self.lost > 0 then r.profit_factor = self.won / self.lost end
  if self.lost > 0 and self.wins > 0 then
    r.payoff = r.average_win / -r.average_loss
    r.kelly = r.win_rate - (1 - r.win_rate) / r.payoff
  end
  local deviation = n > 1 and math.sqrt(self.squares / (n - 1)) or 0
  if deviation > 1e-12 then r.sqn = math.sqrt(n) * r.expectancy / deviation end
  if self.timed > 0 then
    r.average_duration, r.longest_duration = self.duration / self.timed, self.longest
  end
  return r
end

---What a list of trades comes to.
---
---Errors: none; what is not defined is nil.
---@param trades table[] as stats.trades returns
---@return TradeSummary
function M.trade_summary(trades)
  local summary = M.summary()
  for _, t in ipairs(trades) do
    summary:add(t.pnl, t.exit_time and t.entry_time and t.exit_time - t.entry_time or nil)
  end
  return summary:result()
end

---Alpha and beta of a curve to another of the same periods, by least squares of its returns on the other's.
---
---Errors: none; what is not defined is nil.
---@param returns number[] ratios, one a period
---@param benchmark number[] ratios, of the same periods
---@param periods number a year
---@return number? alpha a ratio a year: (mean(returns) - beta * mean(benchmark)) * periods
---@return number? beta a ratio: covariance / variance of the benchmark
function M.alpha_beta(returns, benchmark, periods)
  local n = math.min(#returns, #benchmark)
  if n < 2 then return nil, nil end
  local a, b = 0, 0
  for i = 1, n do
    a, b = a + returns[i] / n, b + benchmark[i] / n
  end
  local both, square = 0, 0
  for i = 1, n do
    both = both + (returns[i] - a) * (benchmark[i] - b)
    square = square + (benchmark[i] - b) ^ 2
  end
  if square < 1e-18 then return nil, nil end
  local beta = both / square
  return (a - beta * b) * periods, beta
end

return M

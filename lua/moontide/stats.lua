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

---What a list of trades comes to.
---
---Errors: none; what is not defined is nil.
---@param trades table[] as stats.trades returns
---@return { win_rate: number?, profit_factor: number?, expectancy: number?, losing_streak: integer }
function M.trade_summary(trades)
  local won, lost, wins, streak, longest, total = 0, 0, 0, 0, 0, 0
  for _, t in ipairs(trades) do
    total = total + t.pnl
    if t.pnl > 0 then
      won, wins, streak = won + t.pnl, wins + 1, 0
    else
      lost, streak = lost - t.pnl, streak + 1
      longest = math.max(longest, streak)
    end
  end
  local count = #trades
  return {
    win_rate = count > 0 and wins / count or nil,
    profit_factor = lost > 0 and won / lost or nil,
    expectancy = count > 0 and total / count or nil,
    losing_streak = longest,
  }
end

return M

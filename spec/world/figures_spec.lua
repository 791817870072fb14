local run = require "spec.support.run"
local stats = require "moontide.stats"

local HOUR, DAY = 3600000, 86400000
local START = 1704067200000 -- 2024-01-01

-- Closes of hours: the price moves evenly within a day from one day's value to the next.
local function hours(days)
  local rows, before = {}, days[1]
  for d = 2, #days do
    for h = 1, 24 do
      local open = h == 1 and days[d - 1] or before
      local close = math.floor((days[d - 1] + (days[d] - days[d - 1]) * h / 24) * 10 + 0.5) / 10
      rows[#rows + 1] = { open, math.max(open, close), math.min(open, close), close, 100 }
      before = close
    end
  end
  return rows
end

local function backtest(script, rows, arguments)
  local folder = run.folder()
  local path = run.write(folder .. "/s.lua", script)
  local data = run.write(folder .. "/BTCUSDT-1h-2024-01.csv", run.csv(rows, START, HOUR))
  local all =
    { "backtest", path, "--data", data, "--json", folder .. "/r.json", "--trades", folder .. "/t.csv" }
  for _, a in ipairs(arguments or {}) do
    all[#all + 1] = a
  end
  local r = run.moontide(all)
  assert.are.equal(0, r.status, r.err)
  local document = require("cjson").decode(run.read(folder .. "/r.json"))
  local trades = run.read(folder .. "/t.csv")
  run.remove(folder)
  return document, trades, r
end

local holds = [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function(self, b)
  if self.done then return end
  self.done = true
  assert(api.create_order { symbol = b.symbol, side = "BUY", type = "MARKET", quantity = 0.5 })
end }]]

describe("figures of a curve", function()
  -- Half a bitcoin is the whole capital of 10,000 at 20,000, without fees: equity is half the price.
  local free = { "--maker", 0, "--taker", 0 }

  it("are those of buy and hold for who buys and holds", function()
    local flat_first = { 20000, 20000, 20400, 19800, 20600, 21000, 20200, 20800 }
    local r = backtest(holds, hours(flat_first), free)
    assert.is_near(0.04, r.buy_and_hold, 1e-12)
    assert.is_near(0.04, r["return"], 1e-12)
    assert.is_near(1, r.beta, 1e-9)
    assert.is_near(0, r.alpha, 1e-9)
    assert.is_near(20600 / 19800 - 1, r.best_day, 1e-12)
    assert.is_near(20200 / 21000 - 1, r.worst_day, 1e-12)
    -- From 20,400 to 19,800, and from 21,000 to 20,200 without recovery.
    assert.are.equal(2, #r.drawdowns)
    local deep, other = r.drawdowns[1], r.drawdowns[2]
    assert.is_near(800 / 21000, deep.depth, 1e-12)
    assert.is_near(400, deep.value, 1e-8)
    assert.are.equal(START + 5 * DAY - 1, deep.from)
    assert.are.equal(START + 6 * DAY - 1, deep.trough)
    assert.is_nil(deep.to)
    assert.is_near(600 / 20400, other.depth, 1e-12)
    assert.are.equal(START + 3 * DAY - 1, other.trough)
    -- The day up is 800 in 24 hours: 20,400 is reached with the 18th.
    assert.are.equal(START + 3 * DAY + 18 * HOUR - 1, other.to)
    assert.is_near(18 * 3600, other.recovery_s, 1e-6)
    assert.is_near(42 * 3600, other.length_s, 1e-6)
    assert.is_near(200 / 400 * 2, r.recovery_factor, 1e-9) -- 400 earned, 400 the deepest fall
    assert.is_near(2 * 86400 + 0.001, r.longest_drawdown_s, 1e-6)
    assert.is_near(1 - 1 / 168, r.time_in_market, 1e-9)
  end)

  it("have the ratios of the daily returns", function()
    local r = backtest(holds, hours { 20000, 20000, 20400, 19800, 20600, 21000, 20200, 20800 }, free)
    local equity = { 10000, 10000, 10200, 9900, 10300, 10500, 10100, 10400 }
    local returns, sum = {}, 0
    for i = 2, #equity do
      returns[i - 1] = equity[i] / equity[i - 1] - 1
      sum = sum + returns[i - 1]
    end
    local mean, squares, down = sum / 7, 0, 0
    for _, x in ipairs(returns) do
      squares, down = squares + (x - mean) ^ 2, down + math.min(x, 0) ^ 2
    end
    local deviation = math.sqrt(squares / 6)
    assert.is_near(deviation * math.sqrt(365), r.volatility, 1e-9)
    assert.is_near(mean / deviation * math.sqrt(365), r.sharpe, 1e-9)
    assert.is_near(mean * 365 / (math.sqrt(down / 7) * math.sqrt(365)), r.sortino, 1e-9)
    assert.is_near(1.04 ^ (365 / 7) - 1, r.annual_return, 1e-9)
    assert.is_near((1.04 ^ (365 / 7) - 1) / (800 / 21000), r.calmar, 1e-8)
  end)

  it("split by month at its end, UTC", function()
    local long = { 20000, 20000 }
    for d = 2, 40 do
      long[d + 1] = 20000 + d * 50
    end
    local r = backtest(holds, hours(long), free)
    -- 31 days of January: the last close is the 32nd value. Then February's nine days.
    local january = 1 + (long[32] - 20000) / 2 / 10000
    local all = 1 + (long[41] - 20000) / 2 / 10000
    assert.are.equal(2, #r.months)
    assert.are.same({ "2024-01", "2024-02" }, { r.months[1].month, r.months[2].month })
    assert.is_near(january - 1, r.months[1]["return"], 1e-9)
    assert.is_near(all / january - 1, r.months[2]["return"], 1e-9)
  end)

  it("know alpha and beta of returns by least squares", function()
    local market = { 0.01, -0.02, 0.03, 0, -0.01 }
    local mine = {}
    for i, x in ipairs(market) do
      mine[i] = 0.001 + 1.5 * x
    end
    local alpha, beta = stats.alpha_beta(mine, market, 365)
    assert.is_near(1.5, beta, 1e-12)
    assert.is_near(0.365, alpha, 1e-12)
    assert.is_nil((stats.alpha_beta({ 0.1, 0.2 }, { 0, 0 }, 365)))
    assert.is_nil((stats.alpha_beta({ 0.1 }, { 0.1 }, 365)))
  end)
end)

describe("figures of trades", function()
  it("are worked out from their results", function()
    local list = {}
    for i, pnl in ipairs { 10, -5, 20, -10, 5, -5, 0, 15 } do
      list[i] = { pnl = pnl, entry_time = i * 1000, exit_time = i * 1000 + i * 100 }
    end
    local s = stats.trade_summary(list)
    assert.are.equal(0.5, s.win_rate)
    assert.are.equal(12.5, s.average_win)
    assert.are.equal(-5, s.average_loss) -- of 5, 10, 5 and 0
    assert.are.equal(2.5, s.payoff)
    assert.are.equal(2.5, s.profit_factor)
    assert.is_near(0.5 - 0.5 / 2.5, s.kelly, 1e-12)
    assert.are.equal(3.75, s.expectancy)
    -- Squares of the differences from 3.75: 39.0625 + 76.5625 + 264.0625 + 189.0625 + 1.5625 + 76.5625 + 14.0625 + 126.5625
    assert.is_near(math.sqrt(8) * 3.75 / math.sqrt(787.5 / 7), s.sqn, 1e-12)
    assert.are.same({ 20, -10, 2, 1 }, { s.best, s.worst, s.losing_streak, s.winning_streak })
    assert.are.equal(450, s.average_duration)
    assert.are.equal(800, s.longest_duration)
  end)

  -- Bought at the second hour's open, sold at the fifth's.
  local trades = [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function(self, b)
    self.n = (self.n or 0) + 1
    if self.n == 1 or self.n == 4 then
      local side = self.n == 1 and "%s" or "%s"
      assert(api.create_order { symbol = b.symbol, side = side, type = "MARKET", quantity = 0.1 })
    end
  end }]]
  local rows = {
    { 20000, 30000, 10000, 20000, 9 },
    { 20000, 20200, 19900, 20100, 9 },
    { 20100, 20500, 20000, 20300, 9 },
    { 20300, 20400, 19700, 20000, 9 },
    { 20000, 30000, 10000, 20000, 9 },
  }

  it("have the furthest that the price went against and for them, of the bars within", function()
    local r, csv = backtest(trades:format("BUY", "SELL"), rows)
    assert.is_near(300 / 20000, r.average_mae, 1e-12)
    assert.is_near(500 / 20000, r.average_mfe, 1e-12)
    assert.truthy(
      csv:find(
        ",signal,signal,0.01500000,0.02500000,0,2,2024-01-01T01:00:00.000Z,2024-01-01T04:00:00.000Z",
        1,
        true
      ),
      csv
    )
    r = backtest(trades:format("SELL", "BUY"), rows)
    assert.is_near(500 / 20000, r.average_mae, 1e-12)
    assert.is_near(300 / 20000, r.average_mfe, 1e-12)
    assert.are.equal(1, r.short.trades)
    assert.are.equal(0, r.long.trades)
    assert.are.equal(r.short.net, r.by_symbol.BTCUSDT.net)
    assert.is_near(3 / 5, r.time_in_market, 1e-12)
    assert.are.equal(3 * 3600, r.average_duration_s)
  end)
end)

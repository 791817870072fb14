local stats = require "moontide.stats"

local function curve(returns)
  local equity = { 100 }
  for i, r in ipairs(returns) do
    equity[i + 1] = equity[i] * (1 + r)
  end
  return equity
end

describe("statistics", function()
  it("give empyrical's published values", function()
    local mixed = { 0.01, 0.1, -0.04, 0.02, 0.03, 0.02, 0.01, -0.1 }
    -- Its series has nine periods, the first without a number: ratios skip it, the annual return counts it.
    local p = stats.performance(curve(mixed), { periods = 252, years = 9 / 252 })
    assert.is_near(1.7238613961706866, p.sharpe, 1e-10)
    assert.is_near(2.605531251673693, p.sortino, 1e-10)
    assert.is_near(0.9136465399704637, p.volatility, 1e-10)
    assert.is_near(0.6044832503882965, p.downside_risk, 1e-10)
    assert.is_near(0.1, p.max_drawdown, 1e-12)
    assert.is_near(0.03893, p["return"], 5e-6) -- published to five decimals
    assert.is_near(1.9135925373194231, p.annual_return, 1e-9)
    assert.is_near(19.135925373194233, p.calmar, 1e-8)
    local positive =
      stats.performance(curve { 0.01, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01 }, { periods = 252 })
    assert.is_near(52.915026221291804, positive.sharpe, 1e-8)
    assert.is_nil(positive.sortino)
    assert.is_nil(positive.calmar)
  end)

  it("are nil where they are not defined, never infinite", function()
    local flat = stats.performance({ 100, 100, 100 }, { periods = 365 })
    assert.is_nil(flat.sharpe)
    assert.is_nil(flat.sortino)
    assert.are.equal(0, flat["return"])
    assert.are.same({ losing_streak = 0 }, stats.trade_summary {})
  end)

  local function fill(side, qty, price, pnl, commission, time)
    return {
      symbol = "BTCUSDT",
      side = side,
      positionSide = "BOTH",
      qty = qty,
      price = price,
      realizedPnl = pnl,
      commission = commission,
      time = time,
    }
  end

  it("fold fills into round trips, a flip into two", function()
    local trades = stats.trades {
      fill("BUY", 1, 100, 0, 1, 1),
      fill("BUY", 1, 110, 0, 1, 2),
      fill("SELL", 3, 120, 30, 3, 3),
      fill("BUY", 1, 125, -5, 1, 4),
    }
    assert.are.equal(2, #trades)
    local long, short = trades[1], trades[2]
    assert.are.equal("LONG", long.side)
    assert.are.equal(2, long.quantity)
    assert.are.equal(105, long.entry_price)
    assert.are.equal(120, long.exit_price)
    assert.is_near(4, long.commission, 1e-12)
    assert.is_near(26, long.pnl, 1e-12)
    assert.are.equal("SHORT", short.side)
    assert.is_near(-7, short.pnl, 1e-12)
    assert.are.equal(3, short.entry_time)
    assert.are.equal(4, short.exit_time)
    local s = stats.trade_summary(trades)
    assert.are.equal(0.5, s.win_rate)
    assert.is_near(26 / 7, s.profit_factor, 1e-12)
    assert.is_near(9.5, s.expectancy, 1e-12)
    assert.are.equal(1, s.losing_streak)
  end)
end)

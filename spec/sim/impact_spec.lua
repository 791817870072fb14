local C = require "spec.support.c"
local exchange = require "spec.support.exchange"
local run = require "spec.support.run"

local e8 = exchange.e8

local function ratio(model, k, quantity, volume, volatility)
  return tonumber(C.impact_ratio_e8(C[model], e8(k), e8(quantity), e8(volume), e8(volatility or 0))) / 1e8
end

describe("the impact of an order's size", function()
  it("follows the formulas", function()
    assert.are.equal(0, ratio("IMPACT_NONE", 1, 10, 100, 0.02))
    assert.are.equal(0.001, ratio("IMPACT_FIXED", 0.001, 10, 100))
    -- zipline's: 0.1 * 0.25^2
    assert.are.equal(0.00625, ratio("IMPACT_SHARE", 0.1, 25, 100))
    -- 1 * 0.02 * sqrt(0.01)
    assert.are.equal(0.002, ratio("IMPACT_SQRT", 1, 1, 100, 0.02))
    assert.are.equal(0.006, ratio("IMPACT_SQRT", 1.5, 4, 100, 0.02))
  end)

  it("is bounded, and nothing where no volume is known", function()
    assert.are.equal(0.5, ratio("IMPACT_SHARE", 1000, 100, 1))
    assert.are.equal(0, ratio("IMPACT_SHARE", 0.1, 100, 0))
    assert.are.equal(0, ratio("IMPACT_SQRT", 1, 100, 0, 0.02))
  end)

  -- Minutes of 20,000 with a volume of 50 whose closes alternate by one percent; an order of 10 in the last one.
  local rows = {}
  for i = 1, 10 do
    local close = i % 2 == 0 and 20000 or 20200
    local open = i == 1 and 20000 or rows[i - 1][4]
    rows[i] = { open, 20200, 20000, close, 50 }
  end
  local script = [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, b)
    self.n = (self.n or 0) + 1
    if self.n ~= 8 then return end
    local bought = assert(api.create_order { symbol = b.symbol, side = "BUY", type = "MARKET", quantity = 10 })
    local limit = assert(api.create_order { symbol = b.symbol, side = "BUY", type = "LIMIT", timeInForce = "GTC",
                                            price = 20010, quantity = 10 })
    print(bought.avgPrice, limit.avgPrice)
  end }]]

  local function prices(model)
    local r = run.backtest(script, rows, { "--capital", "1000000", "--impact", model })
    assert.are.equal(0, r.status, r.err)
    local bought, limit = r.err:match "([%d.]+)\t([%d.]+)"
    return tonumber(bought), tonumber(limit)
  end

  it("moves what takes against itself, to the tick, and never past its limit", function()
    assert.are.equal(20000, (prices "none"))
    assert.are.same({ 20020, 20010 }, { prices "fixed:10" })
    -- 0.1 * (10 / 50)^2 = 0.004
    assert.are.same({ 20080, 20010 }, { prices "share" })
    -- Eight bars before: seven returns of ln(1.01), 400 of volume: sqrt(7) * 0.00995033 * sqrt(10 / 400) = 0.0041626
    assert.are.equal(20083.3, (prices "sqrt"))
    assert.are.equal(20041.7, (prices "sqrt:0.5"))
  end)

  it("refuses what is no model", function()
    for _, text in ipairs { "linear", "fixed", "none:1", "sqrt:x", "share:-1", "fixed:5000" } do
      local r = run.moontide { "backtest", "x.lua", "--synthetic", "1", "--impact", text }
      assert.are.equal(2, r.status)
      assert.truthy(r.err:find("--impact", 1, true), r.err)
    end
  end)
end)

-- `moontide compare`: results side by side, in the terminal and on a page.
local browser = require "spec.support.browser"
local cjson = require "cjson"
local compare = require "moontide.report.compare"
local run = require "spec.support.run"

local script = [[
return {
  symbols = { "BTCUSDT" },
  params = { every = { 50, min = 5, max = 500 } },
  on_bar = function(self, bar)
    self.n = (self.n or 0) + 1
    if self.n % self.params.every ~= 0 then return end
    local side = self:position(bar.symbol) > 0 and "SELL" or "BUY"
    api.create_order { symbol = bar.symbol, side = side, type = "MARKET", quantity = 0.1 }
  end,
}
]]

local function result(fields)
  local r = {
    strategy = "s",
    params = {},
    fingerprint = { data = "d", script = "f" },
    net_profit = 1,
    capital = 1000,
    coin = "USDT",
    from = 0,
    to = 1000,
    notes = {},
  }
  for key, value in pairs(fields) do
    r[key] = value
  end
  return r
end

local function compared(...)
  local runs = {}
  for i, r in ipairs { ... } do
    runs[i] = { label = string.char(96 + i), path = "", result = result(r) }
  end
  local rows, c = {}, compare.of(runs)
  for _, row in ipairs(c.rows) do
    rows[row.key] = row
  end
  return rows, c
end

describe("results side by side", function()
  it("mark the most of a profit and the least of a loss, all that share it, none where all do", function()
    local rows = compared(
      { net_profit = 5, max_drawdown = 0.2, fees = 3, trades = 9, sharpe = 1 },
      { net_profit = 7, max_drawdown = 0.1, fees = 3, trades = 2, sharpe = cjson.null },
      { net_profit = 7, max_drawdown = 0.3, fees = 3, trades = 4, sharpe = cjson.null }
    )
    assert.are.same({ false, true, true }, rows.net_profit.best)
    assert.are.same({ false, true, false }, rows.max_drawdown.best)
    assert.are.same({ false, false, false }, rows.fees.best)
    assert.are.same({ false, false, false }, rows.trades.best)
    assert.are.same({ 1, false, false }, rows.sharpe.values)
    assert.are.same({ false, false, false }, rows.sharpe.best)
  end)

  it("mark no sum of money where the capital differs", function()
    local rows, c = compared({ net_profit = 5, sharpe = 1 }, { net_profit = 7, sharpe = 2, capital = 5000 })
    assert.are.same({ false, false }, rows.net_profit.best)
    assert.are.same({ false, true }, rows.sharpe.best)
    assert.are.same({ "The capital differs: sums of money are not marked." }, c.notes)
    assert.are.same({ { label = "capital", values = { "1000", "5000" } } }, c.differences)
  end)

  it("name what one run knew and another did not, and settings that differ", function()
    local _, c = compared(
      { params = { fast = 5, on = false }, options = { slippage = "2" } },
      { params = { fast = 6, on = true }, notes = { { kind = "funding", text = "no funding" } } }
    )
    assert.are.same({ "b only: no funding" }, c.notes)
    assert.are.same({
      { label = "fast", values = { "5", "6" } },
      { label = "on", values = { "false", "true" } },
      { label = "--slippage", values = { "2", "" } },
    }, c.differences)
  end)

  it("let no text of a file steer the terminal", function()
    local _, c = compared({ strategy = "a\27[2Jb" }, {})
    assert.is_nil(compare.text(c):find "\27")
  end)
end)

describe("moontide compare", function()
  local folder
  before_each(function()
    folder = run.folder()
    run.write(folder .. "/s.lua", script)
  end)
  after_each(function() run.remove(folder) end)

  local function backtest(name, ...)
    local r = run.moontide(
      { "backtest", "s.lua", "--synthetic=3", "--bars=6000", "--quiet", "--json=" .. name, ... },
      nil,
      folder
    )
    assert.are.equal(0, r.status, r.err)
    return cjson.decode(run.read(folder .. "/" .. name))
  end

  it("refuses what is no result in one line", function()
    backtest "a.json"
    run.write(folder .. "/text.json", "hello")
    run.write(folder .. "/list.json", "[1,2]")
    run.write(folder .. "/sweep.json", '{"trials":[],"verdict":{}}')
    for name, why in pairs {
      ["text.json"] = "is no JSON",
      ["list.json"] = "it has no strategy",
      ["sweep.json"] = "is the result of a sweep",
      ["nowhere.json"] = "No such file",
    } do
      local r = run.moontide({ "compare", "a.json", name }, nil, folder)
      assert.are.equal(1, r.status, name)
      assert.is_truthy(r.err:find(why, 1, true), r.err)
      assert.are.equal(1, select(2, r.err:gsub("\n", "")), r.err)
      assert.are.equal("", r.out)
    end
    assert.are.equal(2, run.moontide({ "compare", "a.json" }, nil, folder).status)
  end)

  it("lays the curves of the JSON over each other on a page that needs no network", function()
    local problem = browser.missing()
    if problem then return pending(problem) end
    local a, b = backtest "a.json", backtest("b.json", "--set=every=80", "--seed=2")
    assert.are.equal(a.capital, a.equity_by_day.equity[1])
    assert.are.equal(a.final_equity, a.equity_by_day.equity[#a.equity_by_day.equity])
    assert.are.equal(a.to, a.equity_by_day.time[#a.equity_by_day.time])
    local r = run.moontide({ "compare", "a.json", "b.json", "--report=page.html", "--quiet" }, nil, folder)
    assert.are.equal(0, r.status, r.err)
    assert.is_truthy(r.out:find("every%s+50%s+80"))
    local seen = browser.look(folder)
    assert.are.same({}, seen.problems)
    assert.are.same({}, seen.requests)
    assert.are.equal(cjson.null, seen.failed)
    assert.are.equal(0, seen.overflow)
    assert.are_not.equal(seen.light, seen.dark)
    assert.are.equal(a.net_profit, tonumber(seen.figures["net_profit.1"].value))
    assert.are.equal(b.net_profit, tonumber(seen.figures["net_profit.2"].value))
  end)
end)

local cjson = require "cjson"
local paths = require "moontide.report.paths"
local run = require "spec.support.run"

describe("a run over several paths", function()
  it("has quantiles between its neighbours", function()
    local list = { 1, 2, 3, 4, 10 }
    assert.are.equal(3, paths.quantile(list, 0.5))
    assert.is_near(1.2, paths.quantile(list, 0.05), 1e-12)
    assert.is_near(8.8, paths.quantile(list, 0.95), 1e-12)
    assert.are.equal(7, paths.quantile({ 7 }, 0.95))
  end)

  it("shows the spread of what each seed alone comes to, and the run of the given seed as it is", function()
    local folder = run.folder()
    local script = run.write(
      folder .. "/s p.lua", -- a name that a shell would take apart
      [[return { symbols = { "BTCUSDT" }, interval = "1m", params = { share = { 0.1 } }, on_bar = function(self, b)
        if math.random() > self.params.share then return end
        print "standard output is the document's alone"
        api.create_order { symbol = b.symbol, side = math.random() < 0.5 and "BUY" or "SELL", type = "MARKET", quantity = 0.1 }
      end }]]
    )
    local function json(...)
      local all =
        { "backtest", script, "--synthetic", "3", "--bars", "300", "--json", "-", "--set", "share=0.3", ... }
      local r = run.moontide(all)
      assert.are.equal(0, r.status, r.err)
      return cjson.decode(r.out)
    end
    local together = json("--seed", "5", "--paths", "4", "--trades", folder .. "/t.csv")
    local alone, profits, fees = {}, {}, {}
    for i = 1, 4 do
      alone[i] = json("--seed", 4 + i)
      profits[i], fees[i] = alone[i].net_profit, alone[i].fees
    end
    table.sort(profits)
    table.sort(fees)
    local spread = together.paths
    assert.are.equal(4, spread.runs)
    assert.are.equal(5, spread.seed)
    assert.is_near((profits[2] + profits[3]) / 2, spread.figures.net_profit.median, 1e-9)
    assert.are.equal(profits[1], spread.figures.net_profit.least)
    assert.are.equal(profits[4], spread.figures.net_profit.most)
    assert.is_near(fees[1] + (fees[2] - fees[1]) * 0.15, spread.figures.fees.low, 1e-9)
    assert.are.equal(alone[1].net_profit, together.net_profit)
    assert.are.same(alone[1].fingerprint, together.fingerprint)
    assert.is_nil(alone[1].paths)
    run.remove(folder)
  end)

  it("says how much was decided inside bars", function()
    local rows = {}
    for i = 1, 8 do
      rows[i] = { 20000, 20100, 19900, 20000 }
    end
    local r, document = run.backtest(
      [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, b)
        self.n = (self.n or 0) + 1
        if self.n == 2 then
          assert(api.create_order { symbol = b.symbol, side = "BUY", type = "MARKET", quantity = 0.1 })
          assert(api.create_order { symbol = b.symbol, side = "SELL", type = "LIMIT", timeInForce = "GTC",
                                    price = 20050, quantity = 0.1 })
        end
      end }]],
      rows
    )
    assert.are.equal(0, r.status, r.err)
    local found
    for _, n in ipairs(document.notes) do
      if n.kind == "inside_bars" then found = n end
    end
    assert.are.same({ fills = 1, share = 0.5, realized = 5, realized_share = 1 }, found.figures)
    assert.truthy(r.err:find("note: " .. found.text, 1, true))
  end)
end)

local run = require "spec.support.run"

describe("the shipped strategies", function()
  for _, name in ipairs { "ema_cross", "mean_reversion", "grid", "pairs" } do
    it("run on a made market: " .. name, function()
      local arguments =
        { "backtest", "strategies/" .. name .. ".lua", "--synthetic", "3", "--bars", "20000", "--json", "-" }
      local one, two = run.moontide(arguments), run.moontide(arguments)
      assert.are.equal(0, one.status, one.err)
      local a, b = require("cjson").decode(one.out), require("cjson").decode(two.out)
      assert.is_true(a.fills > 0)
      assert.are.equal(0, a.rejected)
      assert.are.same(a.fingerprint, b.fingerprint)
      assert.is_near(a.capital + a.realized - a.fees + a.funding_booked, a.final_equity, a.capital)
    end)
  end

  it("run on real bars", function()
    local folder = "../shared/data/um/klines"
    local there = io.open(folder .. "/AVAXUSDT-1m-2023-02.csv.gz")
    if not there then
      pending "no real bars beside the project (../shared/data)"
      return
    end
    there:close()
    for _, name in ipairs { "ema_cross", "mean_reversion", "grid" } do
      for _, symbol in ipairs { "ALGOUSDT", "AVAXUSDT", "LINKUSDT" } do
        local r = run.moontide {
          "backtest",
          "strategies/" .. name .. ".lua",
          "--data",
          folder,
          "--symbol",
          symbol,
          "--json",
          "-",
        }
        assert.are.equal(0, r.status, r.err)
        local result = require("cjson").decode(r.out)
        assert.is_true(result.bars >= 34000) -- a strategy's warm-up is no part of them
        assert.is_true(result.fills > 0)
        assert.are.equal(0, result.rejected)
        -- A strategy by its defaults risks a part of the account, on any symbol.
        assert.is_true(result.final_equity > 0.8 * result.capital, name .. " " .. symbol)
      end
    end
  end)

  it("print the assumptions that the documentation lists", function()
    local r = run.moontide { "backtest", "--assumptions" }
    assert.are.equal(0, r.status)
    assert.is_truthy(run.read("docs/backtest.md"):find(r.out, 1, true))
  end)
end)

-- The page of a sweep and of a walk-forward: it carries what --json has, and a browser shows it without a request.
local browser = require "spec.support.browser"
local cjson = require "cjson"
local page = require "spec.support.page"
local run = require "spec.support.run"

local script = [[
return {
  symbols = { "BTCUSDT" },
  params = { hold = { 40, min = 5, max = 500 }, side = { 1, min = -1, max = 1 } },
  on_bar = function(self, bar)
    self.n = (self.n or 0) + 1
    if self.n % self.params.hold ~= 0 then return end
    local want = self.n / self.params.hold % 2 == 1 and 0.1 * self.params.side or 0
    local delta = want - self:position(bar.symbol)
    if math.abs(delta) < 1e-9 then return end
    api.create_order {
      symbol = bar.symbol, side = delta > 0 and "BUY" or "SELL", type = "MARKET", quantity = math.abs(delta),
    }
  end,
}
]]

describe("the page of a sweep", function()
  local folder
  before_each(function()
    folder = run.folder()
    run.write(folder .. "/a<b>.lua", script)
  end)
  after_each(function() run.remove(folder) end)

  local function sweep(...)
    local result = run.moontide({
      "sweep",
      "a<b>.lua",
      "--synthetic=3",
      "--bars=9000",
      "--results=ledger.db",
      "--set=hold=100..300:100",
      "--set=side=-1,1",
      "--jobs=2",
      "--quiet",
      "--report=page.html",
      "--json=result.json",
      ...,
    }, nil, folder)
    assert.are.equal(0, result.status, result.err)
    return cjson.decode(run.read(folder .. "/result.json"))
  end

  it("carries all trials in the order and with the numbers of the JSON", function()
    if not require("moontide.page").present() then return pending "build/page is missing; `make page`" end
    local result = sweep()
    local html = run.read(folder .. "/page.html")
    assert.is_nil(html:find('https?://[%w.]*[%w]+/[^"]*%.js'))
    assert.is_true(#html < 2e6)
    local document = page.document(html)
    local trials = page.unpack(document.trials)
    assert.are.equal(6, #trials.score)
    for i, t in ipairs(result.trials) do
      assert.are.equal(t.score, trials.score[i])
      for k, d in ipairs(document.dimensions) do
        assert.are.equal(t.params[d.name], trials.values[k][i])
      end
      for k, name in ipairs(document.figures) do
        assert.are.equal(t.result[name], trials.figures[k][i], name)
      end
    end
    assert.are.same(result.verdict, document.verdict)
    assert.is_truthy(document.command:find("--set=hold=100..300:100", 1, true))
    assert.is_nil(document.command:find("page.html", 1, true))
  end)

  it("does not make other trials of the same ones: with a page the ledger counts none twice", function()
    if not require("moontide.page").present() then return pending "build/page is missing; `make page`" end
    assert.are.equal(6, sweep().verdict.trials)
    assert.are.equal(6, sweep("--resume").verdict.trials)
  end)

  it("shows walk-forward windows in a browser, needs nothing of the network", function()
    local problem = browser.missing()
    if problem then return pending(problem) end
    local result = sweep("--train=2d", "--test=1d")
    local seen = browser.look(folder)
    assert.are.same({}, seen.problems)
    assert.are.same({}, seen.requests)
    assert.are.equal(cjson.null, seen.failed)
    assert.are.equal("a<b>.lua: walk-forward", seen.title)
    assert.are.equal(0, seen.overflow)
    assert.are_not.equal(seen.light, seen.dark)
    assert.are.equal(result.trials[1].score, tonumber(seen.figures.best_score.value))
    assert.are.equal(result.trials[1].result.net_profit, tonumber(seen.figures.best_net_profit.value))
    assert.are.equal(result.walk_forward.net_profit, tonumber(seen.figures.forward_net_profit.value))
    assert.are.equal(result.verdict.trials, tonumber(seen.figures.trials.value))
  end)
end)

-- The report's page in a browser: it loads without an error and without a request, shows the numbers of the JSON report, jumps to
-- the trade that is clicked, and is readable in the dark, on a phone and on paper. Needs chromium and `make clients page`.
local browser = require "spec.support.browser"
local cjson = require "cjson"
local run = require "spec.support.run"

-- What a browser makes of the page that the command writes, and the JSON report.
local function look(script, arguments, name)
  local folder = run.folder()
  local path = run.write(folder .. "/" .. (name or "script.lua"), script)
  local words = { "backtest", path, "--report", folder .. "/page.html", "--json", folder .. "/result.json" }
  for _, word in ipairs(arguments) do
    words[#words + 1] = word
  end
  local result = run.moontide(words)
  assert.are.equal(0, result.status, result.err)
  local text = run.read(folder .. "/result.json")
  local ok, seen = pcall(browser.look, folder)
  run.remove(folder)
  assert.is_true(ok, seen)
  return seen, cjson.decode(text)
end

local script = [[
return {
  symbols = { "BTCUSDT" },
  on_start = function(self) self.rsi = self:indicator("rsi", 14) end,
  on_bar = function(self, bar)
    self.n = (self.n or 0) + 1
    if self.n % 50 ~= 7 then return end
    local want = self.n % 100 == 7 and 0.1 or -0.1
    local delta = want - self:position(bar.symbol)
    api.create_order {
      symbol = bar.symbol, side = delta > 0 and "BUY" or "SELL", type = "MARKET", quantity = math.abs(delta),
      newClientOrderId = "a<img src=x onerror=alert(1)>" .. self.n,
    }
    api.create_order {
      symbol = bar.symbol, side = delta > 0 and "BUY" or "SELL", type = "MARKET", quantity = math.abs(delta),
    }
  end,
}
]]

describe("the report's page in a browser", function()
  it("shows the report's numbers, jumps to trades, needs nothing of the network", function()
    local problem = browser.missing()
    if problem then return pending(problem) end
    local seen, result =
      look(script, { "--synthetic", "3", "--bars", "3000", "--quiet" }, "<b onclick=alert(1)>.lua")
    assert.are.same({}, seen.problems)
    assert.are.same({}, seen.requests)
    assert.are.equal(cjson.null, seen.failed)
    assert.are.equal("<b onclick=alert(1)>: backtest", seen.title)
    assert.are.equal(0, seen.images)
    local compared = 0
    for key, figure in pairs(seen.figures) do
      local value = result[key]
      if value == cjson.null then
        assert.are.equal("null", figure.value, key)
        assert.are.equal("n/a", figure.text, key)
      else
        assert.are.equal(value, tonumber(figure.value), key)
      end
      compared = compared + 1
    end
    assert.is_true(compared >= 40, compared)
    assert.are.equal(("%.2f %%"):format(result.max_drawdown * 100), seen.figures.max_drawdown.text)
    assert.is_true(math.abs(seen.deepest - result.max_drawdown) < 1e-12)

    assert.are.equal("", seen.before.trade)
    assert.are.equal("2", seen.clicked.trade)
    assert.are.equal("60000", seen.clicked.interval)
    -- The second trade begins with the order of the 57th bar, which is filled as the bar of 00:57 opens.
    assert.are.equal(1672531200000 + 57 * 60000, tonumber(seen.clicked.from))
    assert.are.equal("3", seen.stepped.trade)
    for _, words in ipairs(seen.life) do
      assert.are.equal("called", words[1])
      assert.are.same(
        { admitted = 1, accepted = 1, fill = 1, settled = 1 },
        (function()
          local counts = {}
          for _, w in ipairs(words) do
            if w ~= "called" and w ~= "ended" then counts[w] = 1 end
          end
          return counts
        end)()
      )
    end
    assert.is_true(#seen.life >= 1)
    assert.are.same({ "short" }, seen.shorts)
    assert.are_not.equal(seen.light, seen.dark)
    assert.are.equal(0, seen.overflow)
    assert.is_true(seen.printed > 10000)
  end)
end)

-- The report's page as a file: what it carries, how large it is, that nothing of a script becomes markup. What a browser makes of it:
-- browser_spec.lua.
local cjson = require "cjson"
local page = require "spec.support.page"
local run = require "spec.support.run"
local seed = require "spec.support.seed"
local stats = require "moontide.stats"
local thin = require "moontide.page.thin"

local present = require("moontide.page").present()
local MISSING = "build/page is missing; `make page` fetches the libraries"

local function report(script, arguments, name)
  local folder = run.folder()
  local path = run.write(folder .. "/" .. (name or "script.lua"), script)
  local words =
    { "backtest", path, "--report", folder .. "/page.html", "--json", folder .. "/result.json", "--quiet" }
  for _, word in ipairs(arguments) do
    words[#words + 1] = word
  end
  local result = run.moontide(words)
  local html, text = run.read(folder .. "/page.html"), run.read(folder .. "/result.json")
  run.remove(folder)
  assert.are.equal(0, result.status, result.err)
  return html, text, path
end

local flipper = [[
return {
  symbols = { "BTCUSDT" },
  on_bar = function(self, bar)
    self.n = (self.n or 0) + 1
    if self.n % 97 ~= 5 then return end
    local want = (math.floor(self.n / 97) % 3 - 1) * 0.5
    local delta = want - self:position(bar.symbol)
    if math.abs(delta) < 1e-9 then return end
    api.create_order {
      symbol = bar.symbol, side = delta > 0 and "BUY" or "SELL", type = "MARKET", quantity = math.abs(delta),
    }
  end,
}
]]

describe("a page's curves", function()
  it("keep the deepest drawdown of the whole, whatever lies around it", function()
    math.randomseed(seed)
    for _ = 1, 60 do
      local n, values = math.random(1, 30000), {}
      local v = 1000
      for i = 1, n do
        v = math.max(1, v + math.random(-50, 50) * (math.random() < 0.001 and 40 or 1))
        values[i] = v
      end
      local worst, from, to = stats.max_drawdown(values)
      local kept = thin.indexes(
        n,
        function(i) return values[i + 1] end,
        math.random(1, 300),
        function(i) return i + 1 == from or i + 1 == to end
      )
      local thinned, low, high = {}, math.huge, -math.huge
      for k, i in ipairs(kept) do
        assert.is_true(k == 1 or kept[k - 1] < i)
        thinned[k] = values[i + 1]
        low, high = math.min(low, values[i + 1]), math.max(high, values[i + 1])
      end
      assert.are.equal(worst, (stats.max_drawdown(thinned)), "MOONTIDE_SEED=" .. seed)
      local least, most = math.huge, -math.huge
      for _, x in ipairs(values) do
        least, most = math.min(least, x), math.max(most, x)
      end
      assert.are.equal(least, low)
      assert.are.equal(most, high)
      assert.are.equal(values[1], thinned[1])
      assert.are.equal(values[n], thinned[#thinned])
    end
  end)
end)

describe("backtest --report", function()
  it("holds a year of one-minute bars in less than 2 MB, with the true drawdown", function()
    if not present then return pending(MISSING) end
    local html, text = report(flipper, { "--synthetic", "4" })
    assert.is_true(#html < 2000000, #html)
    local document, result = page.document(html), cjson.decode(text)
    local times, equity, held = page.curve(document)
    assert.is_true(#times < 20000)
    local deepest, from, to = stats.max_drawdown(equity)
    assert.is_true(result.trades > 1000)
    assert.is_true(math.abs(deepest - result.max_drawdown) < 1e-12)
    assert.are.equal(result.drawdown_from, times[from])
    assert.are.equal(result.drawdown_to, times[to])
    assert.are.equal(result.from, times[1])
    assert.are.equal(result.to, times[#times])
    assert.is_true(math.abs(equity[#equity] - result.final_equity) < 1e-6)
    assert.is_true(math.abs(held[#held] / result.capital - 1 - result.buy_and_hold) < 1e-6)
    local market = document.market[1]
    assert.are.equal(300000, market.whole.interval)
    assert.are.equal(525600 / 5, market.whole.count)
    assert.are.equal(60000, market.around.interval)
    assert.is_true(market.trades_around > 100)
    -- True bars and candles of five minutes tell the same.
    local whole = {}
    for _, c in ipairs(page.candles(market.whole)) do
      whole[c.time] = c
    end
    local inside = 0
    for _, bar in ipairs(page.candles(market.around)) do
      local c = whole[bar.time - bar.time % 300000]
      assert.is_true(bar.low >= c.low and bar.high <= c.high)
      if bar.time % 300000 == 0 then
        assert.are.equal(c.open, bar.open)
        inside = inside + 1
      end
    end
    assert.is_true(inside > 1000)
  end)

  it("carries the JSON report's own numbers, the bars, the trades and the orders", function()
    if not present then return pending(MISSING) end
    local folder = run.folder()
    local rows =
      { { 100, 110, 95, 105 }, { 105, 106, 101, 102 }, { 103, 120, 103, 118.5 }, { 118, 119, 90, 91 } }
    local data = run.write(folder .. "/BTCUSDT-1m-2023-01.csv", run.csv(rows))
    local html, text = report(
      [[
return { symbols = { "BTCUSDT" }, on_bar = function(self, bar)
  self.n = (self.n or 0) + 1
  local side = self.n == 1 and "BUY" or self.n == 3 and "SELL"
  if side then api.create_order { symbol = bar.symbol, side = side, type = "MARKET", quantity = 2 } end
  if self.n == 2 then api.create_order { symbol = bar.symbol, side = "BUY", type = "LIMIT", quantity = 0.00001, price = 100, timeInForce = "GTC" } end
end }]],
      { "--data", data, "--taker", "0" }
    )
    run.remove(folder)
    local document, result = page.document(html), cjson.decode(text)
    local shown = cjson.decode(document.result)
    for key, value in pairs(result) do
      if not ({ elapsed_s = 1, setup_s = 1, run_s = 1, bars_per_s = 1, peak_memory = 1 })[key] then
        assert.are.same(value, shown[key], key)
      end
    end
    assert.are.equal(cjson.null, shown.elapsed_s)
    local candles = page.candles(document.market[1].whole)
    assert.are.equal(4, #candles)
    for i, row in ipairs(rows) do
      local c = candles[i]
      assert.are.same(row, { c.open, c.high, c.low, c.close })
      assert.are.equal(1672531200000 + (i - 1) * 60000, c.time)
    end
    local trades = page.unpack(document.trades)
    assert.are.same({ 1 }, trades.index)
    assert.are.same({ 105 }, trades.entry_price)
    assert.are.same({ 118 }, trades.exit_price)
    assert.are.same({ 26 }, trades.pnl)
    local orders = page.unpack(document.orders)
    assert.are.equal(2, orders.all)
    local words = {}
    for _, call in ipairs(orders.list[1].calls) do
      words[#words + 1] = call.what
    end
    assert.are.same({ "POST /fapi/v1/order" }, words)
    assert.are.equal(2, orders.list[1].fills[1].quantity)
    assert.are.equal(105, orders.list[1].fills[1].price)
    local events = page.unpack(document.events)
    assert.are.equal(1, #events)
    assert.are.equal("refused", events[1].kind)
    assert.are.same({ 1, 1 }, document.windows.orders.used)
    assert.are.same(
      { 26 },
      (function()
        local sum = 0
        for i, n in ipairs(document.histogram.counts) do
          if n > 0 then sum = document.histogram.from + (i - 1) * document.histogram.step end
        end
        return { sum <= 26 and sum + document.histogram.step > 26 and 26 }
      end)()
    )
  end)

  it("is the same, byte for byte, for the same run", function()
    if not present then return pending(MISSING) end
    local folder = run.folder()
    local path, pages = run.write(folder .. "/script.lua", flipper), {}
    for i = 1, 2 do
      local place = folder .. "/page" .. i .. ".html"
      local words = { "backtest", path, "--synthetic", "2", "--bars", "5000", "--report", place }
      assert.are.equal(0, run.moontide(words).status)
      pages[i] = run.read(place)
    end
    run.remove(folder)
    assert.is_true(#pages[1] > 100000)
    assert.is_true(pages[1] == pages[2])
  end)

  it("makes no markup of what a script or its name says", function()
    if not present then return pending(MISSING) end
    local html = report(
      [[
return { symbols = { "BTCUSDT" }, params = { note = "</script><img src=x onerror=alert(1)>" }, on_bar = function(self, bar)
  api.create_order { symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 0.01, newClientOrderId = "<img>" }
end }]],
      { "--synthetic", "1", "--bars", "20" },
      "<img src=x onerror=alert(2)>.lua"
    )
    assert.is_nil(html:find("<img", 1, true))
    local _, scripts = html:gsub("<script", "")
    local _, ends = html:gsub("</script", "")
    assert.are.equal(4, scripts)
    assert.are.equal(4, ends)
    local document = page.document(html)
    assert.are.equal("<img src=x onerror=alert(2)>: backtest", document.title)
    assert.are.equal("</script><img src=x onerror=alert(1)>", cjson.decode(document.result).params.note)
  end)

  it("gives the command that makes the same run again", function()
    if not present then return pending(MISSING) end
    local html, _, path = report(
      flipper,
      { "--synthetic", "2", "--bars", "300", "--capital", "5000", "--log-level", "error" },
      "it's.lua"
    )
    assert.are.equal(
      ("moontide backtest '%s' --synthetic=2 --bars=300 --capital=5000"):format(path:gsub("'", "'\\''")),
      page.document(html).command
    )
  end)

  it("is refused before the run where it cannot be written, and without its libraries", function()
    local folder = run.folder()
    local script = run.write(folder .. "/script.lua", "return { on_bar = function() print 'ran' end }")
    local function try(place, words)
      local all = { "backtest", script, "--synthetic", "1", "--bars", "3", "--report", place }
      for _, w in ipairs(words or {}) do
        all[#all + 1] = w
      end
      return run.moontide(all)
    end
    local result = try(folder .. "/absent/page.html")
    assert.are.equal(1, result.status)
    assert.is_nil(result.out:find "ran")
    assert.are.equal(
      ("moontide backtest: --report %s/absent/page.html: cannot write there: no folder %s/absent\n"):format(
        folder,
        folder
      ),
      result.err
    )
    result = try(folder .. "/same", { "--json", folder .. "/same" })
    assert.are.equal(2, result.status)

    -- The program as it is without `make page`.
    local bare = folder .. "/bare"
    os.execute(
      ("mkdir -p %s/build && cp %s %s/build/ && cp -R %s/lua %s/"):format(
        bare,
        require("moontide.lua_host").exe,
        bare,
        run.root,
        bare
      )
    )
    os.execute(
      ("cd %s && build/moontide backtest %s --synthetic 1 --bars 3 --report page.html >out 2>err; echo $? >status"):format(
        bare,
        script
      )
    )
    assert.are.equal("1\n", run.read(bare .. "/status"))
    assert.are.equal("", run.read(bare .. "/out"))
    assert.is_truthy(run.read(bare .. "/err"):find("`make page` fetches them", 1, true))
    run.remove(folder)
  end)
end)

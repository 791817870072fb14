-- `moontide check`: each check by hand, and the command as a user runs it.
local checks = require "moontide.research.checks"
local cjson = require "cjson"
local resample = require "moontide.research.resample"
local run = require "spec.support.run"

local DAY = 86400000

local function order(time, more)
  local row = {
    time = time,
    symbol = "BTCUSDT",
    side = "BUY",
    position_side = "BOTH",
    type = "MARKET",
    quantity = 1,
    price = "",
    trigger_price = "",
    reduce_only = "false",
    made_by = "",
  }
  for name, value in pairs(more or {}) do
    row[name] = value
  end
  return row
end

local function a_run(net, more)
  local r =
    { result = { net_profit = net, from = 0, to = 10 * DAY, capital = 1000, orders = 3 }, orders = {} }
  for name, value in pairs(more or {}) do
    r[name] = value
  end
  return r
end

local function trades(...)
  local rows = {}
  for i, net in ipairs { ... } do
    rows[i] = { pnl = net, funding = 0, liquidation_fee = 0, exit_time = i * DAY }
  end
  return rows
end

describe("the checks", function()
  it("find a decision that is another one when the data end earlier", function()
    local base = a_run(1, { orders = { order(DAY), order(2 * DAY), order(6 * DAY) } })
    local same = a_run(1, { orders = { order(DAY), order(2 * DAY) } })
    local other = a_run(1, { orders = { order(DAY), order(2 * DAY, { side = "SELL" }) } })
    local less = a_run(1, { orders = { order(DAY) } })
    local function verdict(cut)
      return checks.look_ahead(base, { { at = 5 * DAY, text = "a day", run = cut } })
    end
    assert.are.equal("ok", verdict(same).verdict)
    assert.is_truthy(verdict(same).text:find "2 orders before 1 cuts")
    assert.are.equal("FAIL", verdict(other).verdict)
    assert.is_truthy(verdict(other).text:find "order 2 differs")
    assert.are.equal("FAIL", verdict(less).verdict)
    assert.are.equal("n/a", checks.look_ahead(a_run(1), {}).verdict)
  end)

  it("take what the exchange has made of a stop for no decision", function()
    local base = a_run(1, { orders = { order(DAY), order(2 * DAY, { made_by = "trigger" }) } })
    local cut = { at = 5 * DAY, text = "", run = a_run(1, { orders = { order(DAY) } }) }
    assert.are.equal("ok", checks.look_ahead(base, { cut }).verdict)
  end)

  it("compare the second half when the data begin later", function()
    local base = a_run(1, { orders = { order(DAY), order(6 * DAY), order(7 * DAY) } })
    local half = a_run(1, { orders = { order(6 * DAY), order(7 * DAY + 1) } })
    assert.are.equal("FAIL", checks.warm_up(base, half).verdict)
    assert.is_truthy(checks.warm_up(base, half).text:find "50.0 %%")
    assert.are.equal(
      "ok",
      checks.warm_up(base, a_run(1, { orders = { order(6 * DAY), order(7 * DAY) } })).verdict
    )
  end)

  it("fail where the seeds of the inside of bars disagree on whether it earns", function()
    local function of(...)
      local list = {}
      for i, net in ipairs { ... } do
        list[i] = a_run(net)
      end
      return checks.inside_bars(list).verdict
    end
    assert.are.equal("ok", of(10, 11, 12))
    assert.are.equal("ok", of(-10, -11, -12))
    assert.are.equal("FAIL", of(-10, 5, 12))
  end)

  it("fail where a cost takes the profit, and judge no run that earns none", function()
    assert.are.equal("ok", checks.cost(a_run(10), "fees", a_run(1), "").verdict)
    assert.are.equal("FAIL", checks.cost(a_run(10), "fees", a_run(-1), "").verdict)
    assert.are.equal("n/a", checks.cost(a_run(-10), "fees", a_run(-20), "").verdict)
  end)

  it("fail where one trade or one day made it", function()
    local spread = checks.jackknife(trades(5, 6, 7, 6, 5, 6, 7, 6))
    assert.are.same({ "ok", "ok" }, { spread[1].verdict, spread[2].verdict })
    local lucky = checks.jackknife(trades(1, 1, 60, 1, 1))
    assert.are.same({ "FAIL", "FAIL" }, { lucky[1].verdict, lucky[2].verdict })
    assert.is_truthy(lucky[1].text:find "4.00 of 64.00")
    local rows = trades(20, 20, 20)
    for _, row in ipairs(rows) do
      row.exit_time = 5 * DAY
    end
    assert.are.same("FAIL", checks.jackknife(rows)[2].verdict) -- three trades, one day
  end)

  it("draw trades anew and in other orders", function()
    local alike = {}
    for i = 1, 20 do
      alike[i] = 5
    end
    local boot, shuffled = unpack(checks.trades_by_chance(trades(unpack(alike)), 1000, 1))
    assert.are.same({ low = 100, high = 100, losing = 0 }, boot.values)
    assert.are.equal(0, shuffled.values.drawdown)
    local lucky = { 300 }
    for i = 2, 20 do
      lucky[i] = -10
    end
    boot = checks.trades_by_chance(trades(unpack(lucky)), 1000, 1)[1]
    assert.are.equal("FAIL", boot.verdict)
    -- Without the one that gained every draw loses: (19/20)^20 of draws are without it.
    assert.is_near(0.95 ^ 20, boot.values.losing, 0.05)
    assert.are.equal("n/a", checks.trades_by_chance(trades(1, 2), 1000, 1)[1].verdict)
  end)

  it("know a drawdown, and the worst order of two results", function()
    assert.are.equal(0.25, resample.drawdown(100, { 20, -30, 50 })) -- 120 to 90
    local drawdowns = resample.shuffled_drawdowns(100, { 100, -50 }, 200, 3)
    assert.are.equal(0.25, drawdowns[1]) -- 200 to 150
    assert.are.equal(0.5, drawdowns[200]) -- 100 to 50
    assert.are.equal(3, resample.without_best({ 2, 9, 1 }, 1))
  end)

  it("count the seconds in which two positions differ", function()
    local function fill(time, side, quantity)
      return { time = time, symbol = "A", position_side = "BOTH", side = side, quantity = quantity }
    end
    local one = { fill(1000, "BUY", 1), fill(9000, "SELL", 1) }
    local late = { fill(3000, "BUY", 1), fill(9000, "SELL", 1) }
    local little = { fill(1000, "BUY", 1.05), fill(9000, "SELL", 1.05) }
    assert.are.equal(0, checks.seconds_apart(one, one, 20000))
    assert.are.equal(2, checks.seconds_apart(one, late, 20000))
    assert.are.equal(8, checks.seconds_apart(one, {}, 20000))
    assert.are.equal(0, checks.seconds_apart(one, little, 20000))
  end)

  it("fail where the neighbours of the parameters earn less than half", function()
    local function of(...)
      local list = {}
      for i, net in ipairs { ... } do
        list[i] = { name = "fast=" .. i, run = a_run(net) }
      end
      return checks.neighbours(a_run(100), list)
    end
    assert.are.equal("ok", of(80, 90, 120, 70).verdict)
    assert.are.equal("FAIL", of(-80, 10, 20, 90).verdict)
    assert.is_truthy(of(-80, 10, 20, 90).text:find "fast=1")
    assert.are.equal("n/a", of().verdict)
  end)
end)

describe("moontide check", function()
  local folder
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  local function check(script, ...)
    run.write(folder .. "/s.lua", script)
    local r = run.moontide(
      { "check", "s.lua", "--synthetic=3", "--bars=3000", "--seeds=2", "--json=-", ... },
      nil,
      folder
    )
    local by_name = {}
    if r.out:find "^{" then
      for _, c in ipairs(cjson.decode(r.out).checks) do
        by_name[c.name] = c
      end
    end
    return r, by_name
  end

  local turns = [[
return { symbols = { "BTCUSDT" }, interval = "1m", params = { every = { 60, min = 10, max = 600 } },
  on_bar = function(self, bar)
    self.n = (self.n or 0) + 1
    if self.n %% self.params.every == 0 then
      %s
      self:target(bar.symbol, self:position(bar.symbol) > 0 and 0 or 0.1)
    end
  end }
]]

  it("has a verdict for each, the same twice", function()
    local one, by_name = check(turns:format "")
    local two = check(turns:format "")
    assert.are.equal(one.out, two.out)
    assert.are.equal("ok", by_name["look-ahead"].verdict)
    for _, name in ipairs {
      "warm-up",
      "inside of bars",
      "fees",
      "slippage",
      "latency",
      "parameters",
      "429",
      "5xx",
    } do
      assert.is_truthy(by_name[name], name)
    end
    assert.are.equal(2, by_name.parameters.values.count)
  end)

  it("finds decisions that hang on something else than the data, with status 1", function()
    -- A file that grows: another number in each run.
    local path = folder .. "/counter"
    local r, by_name = check(turns:format(([[
      if not self.offset then
        local file = io.open(%q, "a")
        file:write "x"
        file:close()
        file = io.open(%q)
        self.offset = file:seek "end"
        file:close()
      end
      self.n = self.n + self.offset]]):format(path, path)))
    assert.are.equal(1, r.status)
    assert.are.equal("FAIL", by_name["look-ahead"].verdict)
  end)

  it("says in one line what cannot be checked", function()
    local r = check "return { symbols = { 'BTCUSDT' }, on_bar = function() end }"
    assert.are.equal(1, r.status)
    assert.is_truthy(r.err:find "sends no order")
    r = check "return { on_bar = function() error 'broken' end, symbols = { 'BTCUSDT' } }"
    assert.are.equal(1, r.status)
    assert.is_truthy(r.err:find "broken")
    assert.are.equal(1, select(2, r.err:gsub("\n", "")))
    r = run.moontide({ "check", "s.lua" }, nil, folder)
    assert.are.equal(2, r.status)
    assert.is_truthy(r.err:find "no data: give %-%-data")
  end)
end)

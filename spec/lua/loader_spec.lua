local run = require "spec.support.run"
local testing = require "moontide.testing"

describe("a script", function()
  local folder
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  it("lets a plain script begin with api.async", function()
    run.write(
      folder .. "/first.lua",
      'local t = api.async.get_ticker_price { symbol = "BTCUSDT" }\nprint(t:wait().price)\n'
    )
    local r =
      run.moontide { "backtest", folder .. "/first.lua", "--synthetic", "1", "--bars", "10", "--quiet" }
    assert.equal(0, r.status, r.err)
    assert.truthy(r.out:find "^%d+%.?%d*\n", r.out)
  end)

  it("is made of several files: require finds those beside it, with its globals", function()
    os.execute(("mkdir '%s/lib'"):format(folder))
    run.write(
      folder .. "/signals.lua",
      "local ta = require 'moontide.ta' return { average = function() return ta.sma(2) end }"
    )
    run.write(
      folder .. "/lib/desk.lua",
      [[
      return { buy = function(symbol) return api.create_order { symbol = symbol, side = "BUY", type = "MARKET", quantity = 0.01 } end }]]
    )
    run.write(
      folder .. "/main.lua",
      [[
      local signals, desk = require "signals", require "lib.desk"
      assert(desk == require "lib.desk")
      local average = signals.average()
      return { symbols = { "BTCUSDT" }, on_bar = function(self, bar)
        if average(bar.close) and self:position(bar.symbol) == 0 then assert(desk.buy(bar.symbol)) end
      end }]]
    )
    local world = testing.world { bars = { 20000, 20100, 20200 } }
    world:run(folder .. "/main.lua")
    world:expect_orders { { side = "BUY" } }
    local r =
      run.moontide({ "backtest", "main.lua", "--synthetic", "1", "--bars", "10", "--quiet" }, nil, folder)
    assert.are.equal(0, r.status, r.err)
  end)

  it("hears of mistakes in them with file and line", function()
    local cases = {
      { "return {", "other.lua:1: " },
      { "error 'at its top'", "other.lua:1: at its top" },
      { "require 'other'", "module 'other' requires itself" },
    }
    for _, case in ipairs(cases) do
      run.write(folder .. "/other.lua", case[1])
      run.write(folder .. "/main.lua", "local other = require 'other' return { on_bar = function() end }")
      local r = run.moontide({ "backtest", "main.lua", "--synthetic", "1", "--bars", "10" }, nil, folder)
      assert.are.equal(1, r.status)
      assert.matches(case[2], r.err)
    end
    run.write(folder .. "/main.lua", "local other = require 'nowhere' return { on_bar = function() end }")
    local r = run.moontide({ "backtest", "main.lua", "--synthetic", "1", "--bars", "10" }, nil, folder)
    assert.matches("module 'nowhere' not found", r.err)
  end)
end)

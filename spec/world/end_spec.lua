local run = require "spec.support.run"

local function backtest(text, ...)
  local folder = run.folder()
  local path = run.write(folder .. "/s.lua", text)
  local r =
    run.moontide { "backtest", path, "--synthetic", "1", "--bars", "130", "--json", folder .. "/x.json", ... }
  run.remove(folder)
  return r
end

describe("the end of the data", function()
  it("ends scripts that would wait for ever", function()
    local r = backtest [[
      for bar in market.bars("BTCUSDT", "1h") do print(bar.open_time) end
      print "over"
      while true do api.sleep(60) end]]
    assert.are.equal(0, r.status, r.err)
    assert.matches("1672531200000\n1672534800000\nover\n", r.out)
    r = backtest [[
      return { symbols = { "BTCUSDT" }, on_start = function() api.spawn(function() while true do api.get_server_time() api.sleep(7) end end) end,
        on_bar = function() end, on_stop = function(self) print("stopped", select(2, api.create_order{ symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.01 })) end }]]
    assert.are.equal(0, r.status, r.err)
    assert.matches("stopped\tstopped: the run ended before the answer came", r.out)
  end)

  it("goes on with the next bar, at its own time, after an error that on_error took", function()
    local r = backtest [[
      return { symbols = { "BTCUSDT" }, interval = "1m",
        on_bar = function(self, bar)
          self.n = (self.n or 0) + 1
          if self.n == 3 then error "on purpose" end
          if self.n < 6 then print(self.n, api.now() - bar.close_time, api.get_server_time().serverTime) end
        end,
        on_error = function(_, e) print(e:match "on purpose") end }]]
    assert.are.equal(0, r.status, r.err)
    assert.matches(
      "^1\t0\t1672531259999\n2\t0\t1672531319999\non purpose\n4\t0\t1672531439999\n5\t0\t1672531499999\n",
      r.out
    )
  end)

  it("calls on_timer at its time, between bars", function()
    local r = backtest [[
      return { symbols = { "BTCUSDT" }, timer = 90, on_bar = function() end,
        on_timer = function(self, ms) print(ms - 1672531200000) end }]]
    assert.are.equal(0, r.status, r.err)
    assert.matches("^90000\n180000\n270000\n", r.out)
  end)

  it("comes once: an on_stop that fails is told to on_error, and not tried again", function()
    local r = backtest [[
      return { symbols = { "BTCUSDT" }, on_bar = function() end, on_error = function(_, e) print(e:match "on purpose") end,
        on_stop = function() print "stopping" error "on purpose" end }]]
    assert.are.equal(0, r.status, r.err)
    assert.matches("^stopping\non purpose\n", r.out)
    assert.are.equal(1, select(2, r.out:gsub("stopping", "")))
  end)
end)

-- Bars from before a run: history that scripts may ask for, and the warm-up of a strategy.
local run = require "spec.support.run"
local virtual = require "spec.support.virtual_live"

local MINUTES = {} -- four hours of minutes from 2023-01-01 00:00; each bar's open tells its place
for i = 1, 240 do
  MINUTES[i] = { 20000 + i, 20010 + i, 19990 + i, 20000 + i }
end

local function printed(script, ...)
  local r = run.backtest(script, MINUTES, { "--quiet", ... })
  assert.are.equal(0, r.status, r.err)
  return r.err
end

describe("a backtest from a time on", function()
  it("knows the bars before it", function()
    local out = printed(
      [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function(self, bar)
        if self.done then return end
        self.done = true
        local k = api.get_klines { symbol = bar.symbol, interval = "1h", limit = 100 }
        print(os.date("!%H:%M", bar.open_time / 1000), bar.volume, #k)
      end }]],
      "--from",
      "2023-01-01T02:00"
    )
    assert.are.equal("02:00\t600\t3\n", out)
  end)

  it("makes no bar of a part of its time", function()
    local script = [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function(self, bar)
      print(os.date("!%H:%M", bar.open_time / 1000), bar.volume) end }]]
    assert.are.equal("03:00\t600\n", printed(script, "--from", "2023-01-01T02:30"))
    -- The data end inside an hour, and begin inside one.
    assert.are.equal("00:00\t600\n01:00\t600\n", printed(script, "--to", "2023-01-01T02:30"))
    local rows = {}
    for i = 1, 100 do
      rows[i] = { 100, 101, 99, 100 }
    end
    local folder = run.folder()
    local data = run.write(folder .. "/BTCUSDT-1m-x.csv", run.csv(rows, 1672531200000 + 30 * 60000))
    local r = run.moontide {
      "backtest",
      run.write(folder .. "/s.lua", script),
      "--data",
      data,
      "--quiet",
      "--json",
      "-",
    }
    run.remove(folder)
    assert.are.equal("01:00\t600\n", r.err)
  end)

  it("takes Unix seconds for a time, and no other number", function()
    local script = [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, bar)
      if not self.done then print(os.date("!%H:%M", bar.open_time / 1000)) end self.done = true end }]]
    assert.are.equal("03:00\n", printed(script, "--from", "1672542000"))
    assert.are.equal("03:00\n", printed(script, "--from", "1672542000000"))
    local r = run.backtest(script, MINUTES, { "--from", "167254200012" })
    assert.are.equal(2, r.status)
  end)
end)

describe("the warm-up of a strategy", function()
  it("feeds closed bars, marked, while orders are refused", function()
    local out = printed(
      [[return { symbols = { "BTCUSDT" }, interval = "1h", warmup = 2, on_bar = function(self, bar)
        local order, err = api.create_order { symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 0.01 }
        print(bar.warmup, os.date("!%H:%M", bar.open_time / 1000), order and order.status or err.kind)
      end }]],
      "--from",
      "2023-01-01T02:00"
    )
    assert.matches("^true\t00:00\tinvalid\ntrue\t01:00\tinvalid\nfalse\t02:00\tFILLED\n", out)
  end)

  it("begins to trade later where the data hold fewer bars before", function()
    local out =
      printed [[return { symbols = { "BTCUSDT" }, interval = "1h", warmup = 2, on_bar = function(self, bar)
        print(bar.warmup, os.date("!%H:%M", bar.open_time / 1000)) end }]]
    assert.are.equal("true\t00:00\ntrue\t01:00\nfalse\t02:00\nfalse\t03:00\n", out)
  end)

  it("is there for a loop over bars too", function()
    local out = printed(
      [[for bar in market.bars("BTCUSDT", "1h", { history = 2 }) do
        print(bar.warmup, os.date("!%H:%M", bar.open_time / 1000)) end]],
      "--from",
      "2023-01-01T02:00"
    )
    assert.are.equal("true\t00:00\ntrue\t01:00\nfalse\t02:00\nfalse\t03:00\n", out)
  end)

  it("says what is wrong with it", function()
    for _, case in ipairs {
      { "return { warmup = -1, on_bar = print }", "warmup must be how many bars" },
      { "for b in market.bars('BTCUSDT', '1m', { history = 0.5 }) do end", "history is how many bars" },
    } do
      local r = run.backtest(case[1], MINUTES)
      assert.are.equal(1, r.status)
      assert.matches(case[2], r.err)
    end
  end)

  it("asks the exchange in a live run, and tells no bar twice", function()
    local fed, order_error, the_api = {}, nil, nil
    local v = virtual.run {
      strategy = {
        warmup = 5,
        on_bar = function(_, bar)
          fed[#fed + 1] = { bar.warmup, bar.open_time }
          if bar.warmup then
            local _, err =
              the_api.create_order { symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 0.01 }
            order_error = err
          end
        end,
      },
      play = function(v, api)
        the_api = api
        v:run_for(150)
      end,
    }
    assert.is_nil(v.failure, v.failure)
    assert.is_true(#fed >= 7, tostring(#fed))
    for i, entry in ipairs(fed) do
      assert.are.equal(i <= 5, entry[1])
      if i > 1 then assert.are.equal(60000, entry[2] - fed[i - 1][2]) end
    end
    assert.are.equal("invalid", order_error and order_error.kind)
  end)
end)

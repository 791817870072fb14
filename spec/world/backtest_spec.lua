local run = require "spec.support.run"

-- A script that places one order at its first bar and tells what became of it.
local function one_order(order, rest)
  return ([[
    local sent
    return { symbols = { "BTCUSDT" }, interval = "1m",
      on_bar = function(self, bar)
        if not sent then
          sent = true
          local o, err = api.create_order %s
          print(o and ("%%s %%.2f %%.3f"):format(o.status, o.avgPrice, o.executedQty) or tostring(err))
        end
      end, %s
    }]]):format(order, rest or "")
end

-- With print on standard output the JSON document is the last line.
local function backtest(script, rows, arguments)
  local folder = run.folder()
  local path = run.write(folder .. "/script.lua", script)
  local data = run.write(folder .. "/BTCUSDT-1m-2023-01.csv", run.csv(rows))
  local all =
    { "backtest", path, "--data", data, "--json", folder .. "/out.json", "--trades", folder .. "/trades.csv" }
  for _, a in ipairs(arguments or {}) do
    all[#all + 1] = a
  end
  local r = run.moontide(all)
  assert.are.equal(0, r.status, r.err)
  local result = require("cjson").decode(run.read(folder .. "/out.json"))
  run.remove(folder)
  return r.out:match "^[^\n]*", result, r
end

local rising =
  { { 20000, 20010, 19990, 20005 }, { 20006, 20050, 20000, 20040 }, { 20041, 20060, 20030, 20050 } }

describe("a plain script", function()
  it("is known by its first call, be it inside a pcall", function()
    local r = require("spec.support.run").backtest(
      [[
      local ok, time = pcall(api.now)
      print(ok, time)
      local done, balance = pcall(api.get_balance)
      print(done, type(balance))
    ]],
      { { 100, 101, 99, 100 } },
      { "--symbol", "BTCUSDT" }
    )
    assert.equal(0, r.status, r.err)
    assert.truthy(r.err:find("true\ttable", 1, true), r.err) -- beside the JSON document, which has standard output
  end)
end)

describe("a backtest", function()
  it("fills a market order sent at a bar's close at the next bar's open", function()
    local line, r =
      backtest(one_order '{ symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 0.1 }', rising)
    assert.are.equal("FILLED 20006.00 0.100", line)
    assert.are.equal(1, r.fills)
    assert.is_near(20006 * 0.1 * 0.0005, r.fees, 1e-9)
    assert.is_near(10000 + (20050 - 20006) * 0.1 - r.fees, r.final_equity, 1e-8)
  end)

  it("moves a taker fill against the order by the slippage", function()
    local line = backtest(
      one_order '{ symbol = bar.symbol, side = "SELL", type = "MARKET", quantity = 0.1 }',
      rising,
      { "--slippage", "10" }
    )
    assert.are.equal("FILLED 19985.90 0.100", line) -- 20006 less 0.1 % is 19985.994, down to the tick
  end)

  it("fills a resting limit order at its own price as maker, when the price goes through it", function()
    local order = '{ symbol = bar.symbol, side = "BUY", type = "LIMIT", price = 20000, quantity = 0.1 }'
    local line, r = backtest(one_order(order), rising)
    assert.are.equal("NEW 0.00 0.000", line)
    assert.are.equal(0, r.fills) -- the second bar's low only touches 20000
    local _, at = backtest(one_order(order), rising, { "--touch", "at" })
    assert.are.equal(1, at.maker_fills)
    assert.is_near(20000 * 0.1 * 0.0002, at.fees, 1e-9)
  end)

  it("resolves a stop and a target of one bar against the strategy with --path adverse", function()
    local script = [[
      local n = 0
      return { symbols = { "BTCUSDT" }, interval = "1m",
        on_bar = function(self, bar)
          n = n + 1
          if n == 1 then
            assert(api.create_order{ symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 0.1 })
            assert(api.create_order{ symbol = bar.symbol, side = "SELL", type = "STOP_MARKET", stopPrice = 19900, quantity = 0.1, reduceOnly = true })
            assert(api.create_order{ symbol = bar.symbol, side = "SELL", type = "LIMIT", price = 20100, quantity = 0.1, reduceOnly = true })
          end
        end,
        on_fill = function(self, fill) print(fill.side, fill.price) end }]]
    local both =
      { { 20000, 20010, 19990, 20000 }, { 20000, 20005, 19995, 20000 }, { 20000, 20200, 19800, 19850 } }
    local _, r, raw = backtest(script, both, { "--path", "adverse" })
    assert.matches("SELL\t19900", raw.out)
    assert.is_nil(raw.out:find "20100")
    assert.are.equal(2, r.fills)
  end)

  it("answers an impossible order with the exchange's code, and goes on", function()
    local line, r =
      backtest(one_order '{ symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 100 }', rising)
    assert.are.equal("rejected -2019: Margin is insufficient.", line)
    assert.are.equal(1, r.rejected)
    assert.are.equal(1, r.rejects["-2019"])
  end)

  it("refuses a price off the tick before sending, with the nearest legal prices", function()
    local line, r = backtest(
      one_order '{ symbol = bar.symbol, side = "BUY", type = "LIMIT", price = 20000.05, quantity = 0.1 }',
      rising
    )
    assert.matches(
      "invalid: price 20000.05 is off the tick %(PRICE_FILTER, tick 0.1%); the nearest are 20000 and 20000.1",
      line
    )
    assert.are.equal(0, r.orders)
  end)

  it("delays an order and its answer by the latency", function()
    local script = [[
      local sent
      return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, bar)
        if sent then return end
        sent = true
        local before = api.now()
        local o = api.create_order{ symbol = bar.symbol, side = "BUY", type = "MARKET", quantity = 0.1 }
        print(o.status, api.now() - before, self:position(bar.symbol))
      end }]]
    local line = backtest(script, rising, { "--latency", "40" })
    assert.are.equal("FILLED\t80\t0.1", line)
  end)

  it("never shows a bar that has not closed", function()
    local script = [[
      return { symbols = { "BTCUSDT" }, interval = "1m",
        on_bar = function(self, bar)
          local rows = assert(api.get_klines{ symbol = bar.symbol, interval = "1m", limit = 10 })
          local last = rows[#rows]
          assert(last.open_time == bar.open_time, "the last row is the bar just closed")
          assert(last.close == bar.close and last.high == bar.high)
          local wide = assert(api.get_klines{ symbol = bar.symbol, interval = "5m", limit = 1 })
          assert(wide[1].high <= 20060)
          print(#rows, wide[1].high)
        end }]]
    local _, _, raw = backtest(script, rising)
    assert.are.equal("1\t20010\n2\t20050\n3\t20060\n", raw.out:match "^[^\n]*\n[^\n]*\n[^\n]*\n")
  end)

  it("runs the plain form", function()
    local script = [[
      local n = 0
      for bar in market.bars("BTCUSDT", "1m") do
        n = n + 1
        if n == 1 then
          local o = api.create_order{ symbol = "BTCUSDT", side = "BUY", type = "MARKET", quantity = 0.1 }
          print(o.status, o.avgPrice)
        end
      end
      print("bars", n)]]
    local _, r, raw = backtest(script, rising)
    assert.matches("FILLED\t20006\nbars\t3\n", raw.out)
    assert.are.equal(1, r.fills)
  end)

  it("prints the same bytes twice, whatever order pairs visits keys in", function()
    local script = [[
      local names = {}
      for i = 1, 50 do names["key" .. i * 7919] = i end
      return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, bar)
        for name, i in pairs(names) do io.write(name, " ") end
        local side = math.random() < 0.5 and "BUY" or "SELL"
        api.create_order{ symbol = bar.symbol, side = side, type = "MARKET", quantity = 0.01 }
      end }]]
    local seed = { "--seed", tostring(require "spec.support.seed") }
    local _, one, first = backtest(script, rising, seed)
    local _, two, second = backtest(script, rising, seed)
    assert.are.equal(first.out, second.out)
    assert.are.same(one.fingerprint, two.fingerprint)
    assert.are.equal(one.final_equity, two.final_equity)
  end)

  it("shows script, line and traceback of an error in a handler, and fails", function()
    local folder = run.folder()
    local path = run.write(
      folder .. "/bad.lua",
      "local function deep() error 'boom' end\nreturn { symbols = { 'BTCUSDT' },\n on_bar = function() deep() end }\n"
    )
    local data = run.write(folder .. "/BTCUSDT-1m-2023-01.csv", run.csv(rising))
    local r = run.moontide { "backtest", path, "--data", data }
    run.remove(folder)
    assert.are.equal(1, r.status)
    assert.matches("bad.lua:1: boom", r.err)
    assert.matches("stack traceback", r.err)
    assert.matches("bad.lua:3", r.err)
    assert.are.equal("", r.out)
  end)

  it("hands an error to on_error and goes on with the next bar", function()
    local script = [[
      local n = 0
      return { symbols = { "BTCUSDT" }, on_bar = function() n = n + 1 if n == 2 then error "second" end print("bar", n) end,
        on_error = function(self, err) print("caught", (tostring(err):gsub("^.*: ", ""))) end }]]
    local _, _, raw = backtest(script, rising)
    assert.matches("bar\t1\ncaught\tsecond\nbar\t3\n", raw.out)
  end)
end)

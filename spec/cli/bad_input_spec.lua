local run = require "spec.support.run"

describe("bad input", function()
  local folder, good, script
  local good_rows = {}
  for i = 1, 30 do
    good_rows[i] = { 20000, 20010, 19990, 20005 }
  end

  setup(function()
    folder = run.folder()
    good = run.write(folder .. "/BTCUSDT-1m-2023-01.csv", run.csv(good_rows))
    script = run.write(
      folder .. "/ok.lua",
      [[
      return { symbols = { "BTCUSDT" }, interval = "1m", params = { fast = { 12, min = 2, max = 60 } }, on_bar = function() end }]]
    )
  end)
  teardown(function() run.remove(folder) end)

  local function refused(status, pattern, arguments)
    local r = run.moontide(arguments)
    assert.are.equal(status, r.status, r.err)
    assert.matches(pattern, r.err)
    assert.are.equal("", r.out)
    assert.are.equal(1, select(2, r.err:gsub("\n", "\n")), "one line: " .. r.err)
    assert.is_nil(r.err:find "stack traceback")
  end

  local function file(name, text) return run.write(folder .. "/" .. name, text) end

  it("in the command line is a usage error", function()
    refused(2, "no such command 'backtst'; did you mean 'backtest'%?", { "backtst" })
    refused(2, "no such option %-%-dta; did you mean %-%-data%?", { "backtest", script, "--dta", good })
    refused(2, "no such option %-%-zzz; see moontide help backtest", { "backtest", script, "--zzz", good })
    refused(2, "missing script; usage", { "backtest", "--data", good })
    refused(
      2,
      "missing script: '[^']+ok.lua' was read as a value of %-%-data",
      { "backtest", "--data", good, script }
    )
    refused(2, "one script at a time", { "backtest", script, script, "--data", good })
    refused(2, "no data", { "backtest", script })
    refused(2, "%-%-data needs a value: %-%-data PATH", { "backtest", script, "--data" })
    refused(2, "%-%-set needs a value", { "backtest", script, "--set", "--data", good })
    refused(2, "%-%-quiet takes no value", { "backtest", script, "--data", good, "--quiet=yes" })
    refused(2, "%-%-l may mean %-%-leverage, %-%-latency", { "backtest", script, "--data", good, "--l", "1" })
    refused(
      2,
      "%-%-capital abc: expected a number from 0.01 to 10000000000",
      { "backtest", script, "--data", good, "--capital", "abc" }
    )
    refused(
      2,
      "%-%-path sideways: expected one of random, adverse, nearest, ohlc, olhc",
      { "backtest", script, "--data", good, "--path", "sideways" }
    )
    refused(
      2,
      "the script has no such parameter; it has: fast",
      { "backtest", script, "--data", good, "--set", "quick=3" }
    )
    refused(2, "it has: fast; did you mean fast%?", { "backtest", script, "--data", good, "--set", "fsat=3" })
    for _, world in ipairs { "paper", "live" } do
      refused(
        1,
        "%-%-ca%-file /no/such.pem: no such file",
        { world, script, "--url", "http://127.0.0.1:1", "--ca-file", "/no/such.pem" }
      )
      refused(
        1,
        "%-%-ca%-file /: it is a folder, not a file",
        { world, script, "--url", "http://127.0.0.1:1", "--ca-file", "/" }
      )
    end
    refused(
      2,
      "%-%-set fast=61 is outside its bounds 2 to 60",
      { "backtest", script, "--data", good, "--set", "fast=61" }
    )
    refused(2, "%-%-set fast=x: expected a number", { "backtest", script, "--data", good, "--set", "fast=x" })
    refused(2, "NAME=VALUE", { "backtest", script, "--data", good, "--set", "fast" })
    refused(
      2,
      "is not before",
      { "backtest", script, "--data", good, "--from", "2023-02-01", "--to", "2023-01-01" }
    )
    refused(2, "expected a date", { "backtest", script, "--data", good, "--from", "yesterday" })
    refused(2, "no such interval", { "backtest", script, "--data", good, "--interval", "7m" })
  end)

  it("in the script names file and line", function()
    refused(1, "no%-such%.lua", { "backtest", folder .. "/no-such.lua", "--data", good })
    refused(1, "syntax%.lua:1:", { "backtest", file("syntax.lua", "return {"), "--data", good })
    refused(1, "returned nothing", { "backtest", file("nothing.lua", "local x = 1"), "--data", good })
    refused(1, "returned a number", { "backtest", file("number.lua", "return 3"), "--data", good })
    refused(1, "without a handler", { "backtest", file("empty.lua", "return {}"), "--data", good })
    refused(
      1,
      "symbols must be a list of names",
      { "backtest", file("text.lua", "return { symbols = 'BTCUSDT', on_bar = print }"), "--data", good }
    )
    refused(
      1,
      "symbols must be a list of names",
      { "backtest", file("none.lua", "return { symbols = {}, on_bar = print }"), "--data", good }
    )
    refused(
      1,
      "but has a number",
      { "backtest", file("one.lua", "return { symbols = { 1 }, on_bar = print }"), "--data", good }
    )
    refused(1, "has BTCUSDT twice", {
      "backtest",
      file("twice.lua", "return { symbols = { 'BTCUSDT', 'BTCUSDT' }, on_bar = print }"),
      "--data",
      good,
    })
    refused(
      1,
      "interval must be a text",
      { "backtest", file("minute.lua", "return { interval = 1, on_bar = print }"), "--data", good }
    )
    refused(
      1,
      "on_bar must be a function",
      { "backtest", file("onbar.lua", "return { on_bar = 1 }"), "--data", good }
    )
  end)

  it("a loop in which no time passes does not go on for ever", function()
    local path = file(
      "spin.lua",
      [[
      return { symbols = { "BTCUSDT" }, on_bar = function()
        while true do api.get_server_time() end
      end }]]
    )
    local r = run.moontide { "backtest", path, "--data", good }
    assert.are.equal(1, r.status, r.err)
    assert.matches(
      "1000000 calls at one moment, and no time passes between them: .* needs an api.sleep\n",
      r.err
    )
    assert.truthy(r.err:find("spin.lua:2: in function 'on_bar'", 1, true), r.err)
  end)

  it("in the data names file and line", function()
    local head = "open_time,open,high,low,close,volume\n"
    refused(1, "missing%.csv", { "backtest", script, "--data", folder .. "/missing.csv" })
    refused(1, "empty", { "backtest", script, "--data", file("BTCUSDT-1m-e.csv", "") })
    refused(
      1,
      "no bars|header|empty" and "BTCUSDT%-1m%-h",
      { "backtest", script, "--data", file("BTCUSDT-1m-h.csv", head) }
    )
    refused(
      1,
      "line 2",
      { "backtest", script, "--data", file("BTCUSDT-1m-n.csv", head .. "1672531200000,abc,2,1,1,1\n") }
    )
    refused(
      1,
      "close",
      { "backtest", script, "--data", file("BTCUSDT-1m-c.csv", "open_time,open,high,low\n1,2,3,4\n") }
    )
    local rows = { { 1, 2, 1, 2 }, { 1, 2, 1, 2 }, { 1, 2, 1, 2 } }
    local lines = run.csv(rows)
    local gap = lines:gsub("1672531260000[^\n]*\n", "")
    refused(1, "line 3", { "backtest", script, "--data", file("BTCUSDT-1m-g.csv", gap) })
    local twice = lines:gsub("(1672531260000[^\n]*\n)", "%1%1")
    local other = twice:gsub("(1672531260000[^\n]*\n)1672531260000,[^,]*", "%11672531260000,1.5", 1)
    refused(1, "line 4", { "backtest", script, "--data", file("BTCUSDT-1m-d.csv", other) })
    refused(1, "ETHUSDT", { "backtest", script, "--data", good, "--symbol", "ETHUSDT" })
    refused(
      1,
      "no bars of BTCUSDT in the range",
      { "backtest", script, "--data", good, "--from", "2024-01-01" }
    )
    os.execute(
      ("cd '%s' && cp BTCUSDT-1m-2023-01.csv z.csv && zip -q BTCUSDT-1m-z.zip z.csv && head -c 200 BTCUSDT-1m-z.zip > BTCUSDT-1m-t.zip"):format(
        folder
      )
    )
    refused(1, "BTCUSDT%-1m%-t%.zip", { "backtest", script, "--data", folder .. "/BTCUSDT-1m-t.zip" })
  end)

  it("in side files is named too", function()
    refused(
      1,
      "exchange%-info",
      { "backtest", script, "--data", good, "--exchange-info", file("x.json", "not json") }
    )
    refused(
      1,
      "no list 'symbols'",
      { "backtest", script, "--data", good, "--exchange-info", file("y.json", "{}") }
    )
    refused(
      1,
      "orders_per_10",
      { "backtest", script, "--data", good, "--config", file("c.lua", "return { orders_per_10 = 5 }") }
    )
  end)

  it("leaves no half-written result", function()
    local r =
      run.moontide { "backtest", script, "--data", good, "--json", folder .. "/no/such/folder/out.json" }
    assert.are.equal(1, r.status)
    assert.matches("out.json: cannot write there: no folder", r.err)
    assert.are.equal("", r.out)
  end)
end)

local cjson = require "cjson"
local run = require "spec.support.run"

-- Which of several intervals in the data the exchange runs on.
describe("bars of several intervals in the data", function()
  local folder
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  local START = 1672531200000 -- 2023-01-01
  local function file(name, interval_ms, closes)
    local lines, open = {}, 20000
    for i, close in ipairs(closes) do
      local at = START + (i - 1) * interval_ms
      lines[i] = ("%d,%d,%d,%d,%d,1,%d,1,1,1,1,0"):format(
        at,
        open,
        math.max(open, close) + 1,
        math.min(open, close) - 1,
        close,
        at + interval_ms - 1
      )
      open = close
    end
    run.write(folder .. "/" .. name, table.concat(lines, "\n") .. "\n")
  end

  local function minutes(count)
    local closes = {}
    for i = 1, count do
      closes[i] = 20000 + i % 7
    end
    return closes
  end

  local function backtest(interval)
    local script = run.write(
      folder .. "/s.lua",
      ([[return { symbols = { "BTCUSDT" }, interval = %q, on_bar = function(self, b) print(b.interval) end }]]):format(
        interval
      )
    )
    local r = run.moontide { "backtest", script, "--data", folder, "--json", folder .. "/out.json" }
    assert.are.equal(0, r.status, r.err)
    return cjson.decode(run.read(folder .. "/out.json")), r
  end

  it("are run on the finest, and one line says so", function()
    file("BTCUSDT-1h-2023-01.csv", 3600000, { 20003, 20001 })
    file("BTCUSDT-1m-2023-01.csv", 60000, minutes(120))
    local result, r = backtest "1h"
    assert.are.equal(120, result.bars)
    assert.matches("BTCUSDT: the exchange runs on bars of 1m, the finest that last as long", r.err)
    local _, delivered = r.out:gsub("1h", "")
    assert.is_true(delivered >= 2)
  end)

  it("are run on what the script asks for where the finer ones last less, and one line says so", function()
    file("BTCUSDT-1h-2023-01.csv", 3600000, { 20003, 20001, 20002, 20000 })
    file("BTCUSDT-1m-2023-01.csv", 60000, minutes(120))
    local result, r = backtest "1h"
    assert.are.equal(4, result.bars)
    assert.matches("BTCUSDT: bars of 1m are left aside: they last from 2023%-01%-01", r.err)
  end)

  it("are not taken where the script's cannot be made of them", function()
    file("BTCUSDT-5m-2023-01.csv", 300000, minutes(36))
    file("BTCUSDT-3m-2023-01.csv", 180000, minutes(60))
    local result, r = backtest "5m"
    assert.are.equal(36, result.bars)
    assert.is_nil(r.err:find("runs on bars", 1, true))
  end)

  it(
    "that lie in the data folder are named beside a file of longer ones, and run on by the symbol's name",
    function()
      file("BTCUSDT-1h-2023-01.csv", 3600000, { 20003, 20001 })
      local store = folder .. "/store/BTCUSDT/klines/1m"
      os.execute(("mkdir -p %s"):format(store))
      file("store/BTCUSDT/klines/1m/BTCUSDT-1m-2023-01.csv", 60000, minutes(120))
      local script = run.write(
        folder .. "/s.lua",
        [[return { symbols = { "BTCUSDT" }, interval = "1h", on_bar = function() end }]]
      )
      local function bars_of(data)
        local r = run.moontide(
          { "backtest", script, "--data", data, "--json", folder .. "/out.json" },
          "MOONTIDE_DATA=" .. folder .. "/store"
        )
        assert.are.equal(0, r.status, r.err)
        return cjson.decode(run.read(folder .. "/out.json")).bars, r.err
      end
      local bars, err = bars_of(folder .. "/BTCUSDT-1h-2023-01.csv")
      assert.are.equal(2, bars)
      assert.matches("BTCUSDT: finer bars %(1m%) are in the data folder; %-%-data BTCUSDT runs on them", err)
      bars, err = bars_of "BTCUSDT"
      assert.are.equal(120, bars)
      assert.is_nil(err:find("finer bars", 1, true))
    end
  )
end)

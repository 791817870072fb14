local archives = require "spec.support.archive"
local cjson = require "cjson"
local run = require "spec.support.run"

describe("the folder of data", function()
  local base

  local function put(path, bytes)
    os.execute(("mkdir -p '%s'"):format(base .. "/" .. path:match "^(.*)/"))
    run.write(base .. "/" .. path, bytes)
  end

  local function month(symbol, name, o)
    local from, days = archives.ms(name .. "-01"), ({ ["2023-01"] = 31, ["2023-02"] = 28 })[name]
    local stem = ("%s-1h-%s"):format(symbol, name)
    put(
      ("%s/klines/1h/%s.zip"):format(symbol, stem),
      archives.zip(stem .. ".csv", archives.bars(from, from + days * 86400000, 3600000, o))
    )
  end

  before_each(function()
    base = run.folder()
    local lost = archives.ms "2023-02-03"
    month("BTCUSDT", "2023-01")
    month("BTCUSDT", "2023-02", { skip = function(ms) return ms >= lost and ms < lost + 5 * 3600000 end })
    month("ETHUSDT", "2023-01")
    put(
      "BTCUSDT/fundingRate/BTCUSDT-fundingRate-2023-01.zip",
      archives.zip(
        "BTCUSDT-fundingRate-2023-01.csv",
        "calc_time,funding_interval_hours,last_funding_rate\n1672531200000,8,0.0001\n1672560000001,8,0.0001\n"
      )
    )
    put(
      "BTCUSDT/metrics/BTCUSDT-metrics-2023-01-01.zip",
      archives.zip("BTCUSDT-metrics-2023-01-01.csv", "create_time\n")
    )
  end)
  after_each(function() run.remove(base) end)

  local function data(...) return run.moontide({ "data", ... }, "MOONTIDE_DATA=" .. base) end

  it("is listed with what it holds of each symbol, from when to when, and where it has gaps", function()
    local r = data("info", "--json")
    assert.are.equal(0, r.status, r.err)
    local by = {}
    for _, s in ipairs(cjson.decode(r.out).series) do
      by[s.symbol .. " " .. s.kind] = s
    end
    local btc = by["BTCUSDT klines"]
    assert.are.equal(59 * 24 - 5, btc.rows)
    assert.are.equal(1, btc.gaps)
    assert.are.equal(5, btc.missing)
    assert.are.equal(archives.ms "2023-01-01", btc.from_ms)
    assert.are.equal(archives.ms "2023-03-01", btc.to_ms)
    assert.are.equal(2, btc.files)
    assert.are.equal(2, by["BTCUSDT fundingRate"].rows)
    assert.are.equal(archives.ms "2023-01-02", by["BTCUSDT metrics"].to_ms)
    assert.are.equal(744, by["ETHUSDT klines"].rows)
    local size = 0
    for _, name in ipairs { "2023-01", "2023-02" } do
      size = size + #run.read(("%s/BTCUSDT/klines/1h/BTCUSDT-1h-%s.zip"):format(base, name))
    end
    assert.are.equal(size, btc.bytes)
    r = data "info"
    assert.matches(
      "BTCUSDT%s+klines%s+1h%s+2023%-01%-01 00:00%s+2023%-03%-01 00:00%s+1411%s+1 %(5 bars%)",
      r.out
    )
    assert.matches("4 series", r.out)
    assert.is_nil(data("info", "ETHUSDT").out:find "BTCUSDT")
  end)

  it("is looked through for what is damaged", function()
    local path = base .. "/ETHUSDT/klines/1h/ETHUSDT-1h-2023-01.zip"
    run.write(path, run.read(path):sub(1, 2000))
    local r = data "info"
    assert.are.equal(0, r.status, r.err)
    assert.matches("damaged: [^\n]*ETHUSDT%-1h%-2023%-01%.zip", r.out)
  end)

  it("loses what data rm names, and nothing else", function()
    put("BTCUSDT/klines/1h/mine.txt", "not of a download")
    local r = data("rm", "BTCUSDT", "--kinds", "klines")
    assert.are.equal(0, r.status, r.err)
    assert.matches("BTCUSDT klines 1h%s+2 files", r.out)
    assert.are.equal("not of a download", run.read(base .. "/BTCUSDT/klines/1h/mine.txt"))
    assert.are.equal("", run.read(base .. "/BTCUSDT/klines/1h/BTCUSDT-1h-2023-01.zip"))
    assert.are_not.equal("", run.read(base .. "/BTCUSDT/fundingRate/BTCUSDT-fundingRate-2023-01.zip"))
    assert.are.equal(0, data("rm", "ETHUSDT").status)
    assert.is_nil(require("moontide.lua_host").file_mode(base .. "/ETHUSDT"))
    assert.are.equal(2, data("rm").status)
    assert.are.equal(2, data("rm", "../" .. base:match "[^/]*$").status)
    assert.are.equal(1, data("rm", "DOGEUSDT").status)
  end)

  it("is exported as CSV that reads as the same bars, and as longer ones", function()
    local out = base .. "/out/ETHUSDT-1h.csv.gz"
    os.execute(("mkdir -p '%s/out'"):format(base))
    local r = data("export", "ETHUSDT", "--out", out, "--from", "2023-01-02", "--to", "2023-01-04")
    assert.are.equal(0, r.status, r.err)
    assert.matches("ETHUSDT 1h: 48 bars from 2023%-01%-02 00:00 to 2023%-01%-03 23:00", r.out)
    local pipe = io.popen(("zcat '%s'"):format(out))
    assert.are.equal(archives.HEADER, pipe:read "*l" .. "\n")
    local ms = archives.ms "2023-01-02"
    for i = 0, 47 do
      local want, got = {}, {}
      for field in archives.bar(ms + i * 3600000, 3600000):gmatch "[^,\n]+" do
        want[#want + 1] = tonumber(field)
      end
      for field in pipe:read("*l"):gmatch "[^,]+" do
        got[#got + 1] = tonumber(field)
      end
      assert.are.same(want, got)
    end
    assert.is_nil(pipe:read "*l")
    pipe:close()
    r = data("export", "ETHUSDT", "--interval", "1d", "--out", base .. "/out/days.csv")
    assert.matches("ETHUSDT 1d: 31 bars", r.out)
    assert.are.equal(2, data("export", "ETHUSDT").status)
    assert.are.equal(1, data("export", "ETHUSDT", "--interval", "1m", "--out", base .. "/out/x.csv").status)
  end)

  it("is where --data looks for a symbol", function()
    local script = run.write(
      base .. "/count.lua",
      "local n = 0 for _ in market.bars('ETHUSDT', '1h') do n = n + 1 end print('bars', n)"
    )
    local r = run.moontide(
      { "backtest", script, "--data", "ETHUSDT", "--symbol", "ETHUSDT" },
      "MOONTIDE_DATA=" .. base
    )
    assert.are.equal(0, r.status, r.err)
    assert.matches("bars%s+744", r.out)
  end)

  it("takes only the options that belong to an action", function()
    for words, line in pairs {
      ["rm BTCUSDT --from 2023-01-01"] = "%-%-from does not belong to data rm",
      ["info --seed 3"] = "%-%-seed does not belong to data info",
      ["synth --archive http://x --out x.csv"] = "%-%-archive does not belong to data synth",
      ["doctor nowhere"] = "nowhere: no such file or folder, and no such symbol",
    } do
      local list = {}
      for w in words:gmatch "%S+" do
        list[#list + 1] = w
      end
      local r = data(unpack(list))
      assert.is_true(r.status > 0)
      assert.matches(line, r.err)
    end
  end)
end)

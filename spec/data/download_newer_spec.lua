local archives = require "spec.support.archive"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

describe("moontide data download of what is newer than the archive", function()
  local archive, base, x

  setup(function()
    archive = archives.start()
    x = lx.start { "--synthetic", "7" }
  end)
  teardown(function()
    x:stop()
    archive:stop()
  end)
  before_each(function() base = run.folder() end)
  after_each(function() run.remove(base) end)

  local now = os.time()
  local function text(seconds) return os.date("!%Y-%m-%dT%H:%M", seconds) end

  local function download(kinds, from, ...)
    local words = { "data", "download", "BTCUSDT", "--interval", "1m", "--kinds", kinds, "--url", x.url }
    for _, w in ipairs { "--archive", archive.url, "--folder", base, "--from", from, ... } do
      words[#words + 1] = w
    end
    return run.moontide(words)
  end

  local function lines(kind)
    local pipe = io.popen(("cat '%s'/BTCUSDT/%s/*.csv | grep -v '^[a-z]' | LC_ALL=C sort"):format(base, kind))
    local list = {}
    for line in pipe:lines() do
      list[#list + 1] = line
    end
    pipe:close()
    return list
  end

  it("takes closed bars, minute by minute, digit by digit as the exchange tells them", function()
    local from = now - now % 60 - 7200
    local r = download("klines,markPriceKlines,indexPriceKlines,premiumIndexKlines", text(from))
    assert.are.equal(0, r.status, r.err)
    for _, kind in ipairs { "klines", "markPriceKlines", "indexPriceKlines" } do
      local list = lines(kind .. "/1m")
      assert.is_true(#list >= 120, kind .. " " .. #list)
      for i, line in ipairs(list) do
        assert.are.equal(("%d"):format((from + (i - 1) * 60) * 1000), line:match "^%d+")
      end
    end
    local told = x.session:request(
      "GET",
      ("%s/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=%d000&limit=100"):format(x.url, from)
    )
    local list = lines "klines/1m"
    for i, bar in ipairs(require("cjson").decode(told.body)) do
      local f = {}
      for field in list[i]:gmatch "[^,]+" do
        f[#f + 1] = field
      end
      for column = 2, 11 do
        local want = tostring(bar[column])
        if want:find "%." then want = want:gsub("0+$", ""):gsub("%.$", "") end
        assert.are.equal(
          column == 7 and ("%d"):format(bar[7]) or want,
          f[column],
          ("bar %d column %d"):format(i, column)
        )
      end
    end
    assert.matches(
      "BTCUSDT%s+1m%s+12%d bars",
      run.moontide({ "data", "info", base .. "/BTCUSDT/klines" }).out
    )
  end)

  it("asks only for what is newer the second time, and grows the file of the day", function()
    local from = now - now % 60 - 3600
    assert.are.equal(0, download("klines", text(from), "--to", text(from + 1800)).status)
    assert.are.equal(30, #lines "klines/1m")
    local r = download("klines", text(from), "--to", text(from + 3000))
    assert.matches("20 rows by REST", r.out)
    assert.are.equal(50, #lines "klines/1m")
    r = download("klines", text(from), "--to", text(from + 3000))
    assert.matches("up to date", r.out)
  end)

  it("pages through aggregate trades by their ids, without a gap, and goes on where it stood", function()
    local from = now - now % 60 - 600
    local r = download("aggTrades", text(from))
    assert.are.equal(0, r.status, r.err)
    local function ids()
      local list = {}
      for _, line in ipairs(lines "aggTrades") do
        list[#list + 1] = tonumber(line:match "^%d+")
      end
      table.sort(list)
      return list
    end
    local list = ids()
    assert.is_true(#list > 0)
    for i = 2, #list do
      assert.are.equal(list[i - 1] + 1, list[i])
    end
    r = download("aggTrades", text(from))
    assert.are.equal(0, r.status, r.err)
    local more = ids()
    assert.are.equal(list[1], more[1])
    for i = 2, #more do
      assert.are.equal(more[i - 1] + 1, more[i])
    end
  end)

  it("writes funding rates as the archive has them", function()
    local r = download("fundingRate", text(now - 86400))
    assert.are.equal(0, r.status, r.err)
    local told = require("cjson").decode(
      x.session:request(
        "GET",
        ("%s/fapi/v1/fundingRate?symbol=BTCUSDT&startTime=%d000"):format(x.url, now - 86400)
      ).body
    )
    assert.is_true(#told > 0)
    local list = lines "fundingRate"
    assert.are.equal(#told, #list)
    for i, row in ipairs(told) do
      local time, hours, rate = list[i]:match "^(%d+),(%d+),(.*)$"
      assert.are.equal(("%d"):format(row.fundingTime), time)
      assert.are.equal(tonumber(row.fundingRate), tonumber(rate))
      assert.are.equal("8", hours)
    end
  end)

  it("gives way to the archive's file once that has come", function()
    local day = now - now % 86400
    if now - day < 3600 then return pending "the UTC day has only begun" end
    assert.are.equal(0, download("klines", text(day), "--to", text(now - now % 60 - 120)).status)
    assert.is_true(#lines "klines/1m" > 50)
    local name = os.date("!%Y-%m-%d", day)
    archive:klines("BTCUSDT", name, { interval = "1m", step = 60000 })
    local r = download("klines", text(day), "--no-rest")
    assert.are.equal(0, r.status, r.err)
    local pipe = io.popen(("ls '%s/BTCUSDT/klines/1m'"):format(base))
    assert.are.equal(("BTCUSDT-1m-%s.zip\nBTCUSDT-1m-%s.zip.CHECKSUM\n"):format(name, name), pipe:read "*a")
    pipe:close()
  end)

  it("says that the exchange cannot be asked, and keeps what the archive has", function()
    archive:klines("ETHUSDT", "2023-01")
    local r = run.moontide {
      "data",
      "download",
      "ETHUSDT",
      "--interval",
      "1h",
      "--kinds",
      "klines",
      "--archive",
      archive.url,
      "--folder",
      base,
      "--from",
      "2023-01-01",
      "--to",
      "2023-02-01",
      "--url",
      "http://127.0.0.1:1",
    }
    assert.are.equal(0, r.status, r.err)
    assert.matches(
      "the exchange cannot be asked: http://127.0.0.1:1[^\n]*; what is newer than the archive is left out",
      r.err
    )
    assert.matches("ETHUSDT klines 1h%s+2023%-01%-01 00:00 to 2023%-02%-01 00:00, 1 file fetched", r.out)
  end)

  it("takes every symbol that trades now", function()
    local r = run.moontide {
      "data",
      "download",
      "--all-symbols",
      "--interval",
      "1m",
      "--kinds",
      "klines",
      "--archive",
      archive.url,
      "--folder",
      base,
      "--from",
      text(now - now % 60 - 300),
      "--url",
      x.url,
    }
    assert.are.equal(0, r.status, r.err)
    local info = require("cjson").decode(x.session:request("GET", x.url .. "/fapi/v1/exchangeInfo").body)
    assert.is_true(#info.symbols > 0)
    for _, s in ipairs(info.symbols) do
      assert.matches(s.symbol .. " klines 1m%s+20%d%d", r.out)
    end
  end)
end)

-- What a trader may bring: the layouts of CSV files that exchanges, platforms and tools write.
local run = require "spec.support.run"

local ROWS = { -- open time in ms, open, high, low, close, volume
  { 1735689600000, 94000.5, 94044.2, 93973.7, 94008.9, 31 },
  { 1735689660000, 94008.9, 94106.4, 94007.1, 94102.2, 42 },
  { 1735689720000, 94102.2, 94122.8, 94066.4, 94098.2, 41 },
}

-- The rows as text, each by a function of its time in s and its values.
local function lines(head, write, from, to, step)
  local out = { head }
  for i = from or 1, to or #ROWS, step or 1 do
    local r = ROWS[i]
    out[#out + 1] = write(r[1] / 1000, r[2], r[3], r[4], r[5], r[6])
  end
  return table.concat(out, "\n") .. "\n"
end

local function plain(format)
  return function(t, ...) return os.date(format, t) .. "," .. table.concat({ ... }, ",") end
end
local function utc(format) return plain("!" .. format) end
local function joined(separator, stamp)
  return function(t, ...) return stamp(t) .. separator .. table.concat({ ... }, separator) end
end
local function ms(t) return ("%d000"):format(t) end

describe("a CSV file", function()
  local folder, number = nil, 0
  setup(function() folder = run.folder() end)
  teardown(function() run.remove(folder) end)

  local function info(text, name, ...)
    number = number + 1
    local path = ("%s/%d"):format(folder, number)
    os.execute("mkdir " .. path)
    run.write(path .. "/" .. (name or "BTCUSDT-1m-2025-01.csv"), text)
    local r = run.moontide { "data", "info", path, ... }
    return r, r.out:match "(%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x)\n"
  end

  local HEAD = "time,open,high,low,close,volume"
  local layouts = {
    semicolons = { "timestamp;open;high;low;close;volume", joined(";", ms) },
    tabs = { "timestamp\topen\thigh\tlow\tclose\tvolume", joined("\t", ms) },
    bars = { "timestamp|open|high|low|close|volume", joined("|", ms) },
    ["decimal commas"] = {
      "timestamp;open;high;low;close;volume",
      function(t, ...) return (joined(";", ms)(t, ...):gsub("%.", ",")) end,
    },
    ["float seconds"] = {
      HEAD,
      function(t, ...)
        return joined(",", function() return t .. ".0" end)(t, ...)
      end,
    },
    nanoseconds = { HEAD, joined(",", function(t) return ("%d000000000"):format(t) end) },
    microseconds = { HEAD, joined(",", function(t) return ("%d000000"):format(t) end) },
    seconds = { HEAD, joined(",", function(t) return ("%d"):format(t) end) },
    offset = { HEAD, joined(",", function(t) return os.date("!%Y-%m-%dT%H:%M:%S+02:00", t + 7200) end) },
    ["the farthest offset"] = {
      HEAD,
      joined(",", function(t) return os.date("!%Y-%m-%dT%H:%M:%S-15:59", t - 57540) end),
    },
    ["offset without colon"] = {
      HEAD,
      joined(",", function(t) return os.date("!%Y-%m-%d %H:%M:%S-0530", t - 19800) end),
    },
    ["an index beside the time"] = {
      ",timestamp,open,high,low,close,volume",
      function(t, ...) return ("%d,%s"):format((t - 1735689600) / 60, joined(",", ms)(t, ...)) end,
    },
    ["an index that is the time"] = { ",open,high,low,close,volume", utc "%Y-%m-%d %H:%M:%S" },
    zone = { HEAD, utc "%Y-%m-%dT%H:%M:%SZ" },
    nothing = { HEAD, utc "%Y-%m-%d %H:%M" },
    slashes = { HEAD, utc "%Y/%m/%d %H:%M" },
    ["German dates"] = { HEAD, utc "%d.%m.%Y %H:%M:%S" },
    compact = { HEAD, utc "%Y%m%d %H%M%S" },
    ["compact and together"] = { HEAD, utc "%Y%m%d%H%M%S" },
    ["CryptoDataDownload"] = {
      "https://www.CryptoDataDownload.com\nUnix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount",
      function(t, o, h, l, c, v)
        return ("%d000,%s,BTCUSDT,%s,%s,%s,%s,%s,0,0"):format(
          t,
          os.date("!%Y-%m-%d %H:%M:%S", t),
          o,
          h,
          l,
          c,
          v
        )
      end,
      newest_first = true,
    },
    ["MetaTrader 4"] = { nil, utc "%Y.%m.%d,%H:%M" },
    ["MetaTrader 5"] = {
      "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
      function(t, ...)
        return joined("\t", function() return os.date("!%Y.%m.%d\t%H:%M:%S", t) end)(t, ...) .. "\t0\t5"
      end,
    },
    ["date and time"] = { "date,time,open,high,low,close,volume", utc "%Y-%m-%d,%H:%M:%S" },
    yfinance = {
      "Datetime,Open,High,Low,Close,Adj Close,Volume",
      function(t, o, h, l, c, v)
        return ("%s,%s,%s,%s,%s,%s,%s"):format(os.date("!%Y-%m-%d %H:%M:%S+00:00", t), o, h, l, c, c, v)
      end,
    },
    ["yfinance of three lines"] = {
      "Price,Close,High,Low,Open,Volume\nTicker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\nDatetime,,,,,",
      function(t, o, h, l, c, v)
        return ("%s,%s,%s,%s,%s,%s"):format(os.date("!%Y-%m-%d %H:%M:%S+00:00", t), c, h, l, o, v)
      end,
    },
    Kraken = {
      nil,
      function(t, ...)
        return joined(",", function() return t end)(t, ...) .. ",7"
      end,
    },
    Polygon = {
      "v,vw,o,c,h,l,t,n",
      function(t, o, h, l, c, v) return ("%s,1,%s,%s,%s,%s,%d000,0"):format(v, o, c, h, l, t) end,
    },
    Coinbase = {
      "time,low,high,open,close,volume",
      function(t, o, h, l, c, v) return ("%d,%s,%s,%s,%s,%s"):format(t, l, h, o, c, v) end,
    },
    CoinAPI = {
      "time_period_start;time_period_end;time_open;time_close;price_open;price_high;price_low;price_close;volume_traded;trades_count",
      function(t, o, h, l, c, v)
        local function at(s) return os.date("!%Y-%m-%dT%H:%M:%S.0000000Z", s) end
        return ("%s;%s;%s;%s;%s;%s;%s;%s;%s;0"):format(at(t), at(t + 60), at(t), at(t + 59), o, h, l, c, v)
      end,
    },
    ["US dates"] = {
      HEAD,
      function(t, ...)
        return joined(",", function() return os.date("!%m/%d/%Y %I:%M %p", t + 15 * 86400) end)(t, ...)
      end,
      shift = 15 * 86400,
    },
    ["days first"] = {
      HEAD,
      function(t, ...)
        return joined(",", function() return os.date("!%d/%m/%Y %H:%M", t + 15 * 86400) end)(t, ...)
      end,
      shift = 15 * 86400,
    },
  }

  it("is read in each of the layouts that are known, as the same bars", function()
    for name, layout in pairs(layouts) do
      local head, write = layout[1], layout[2]
      local text = layout.newest_first and lines(head, write, #ROWS, 1, -1) or lines(head, write)
      if not head then text = text:gsub("^nil\n", "") end
      if not head then text = lines("", write):gsub("^\n", "") end
      local r = info(text)
      assert.are.equal(0, r.status, name .. ": " .. r.err)
      assert.matches("BTCUSDT%s+1m%s+3 bars", r.out, name)
      local day = layout.shift and "2025%-01%-16" or "2025%-01%-01"
      assert.matches(day .. " 00:00:00 to " .. day .. " 00:02:00", r.out, name)
      assert.matches("decimals 1/0", r.out, name)
    end
  end)

  it("is read with a byte order mark, carriage returns, quotes, newest first", function()
    local text = lines(HEAD, utc "%Y-%m-%d %H:%M")
    local _, hash = info(text)
    for name, other in pairs {
      mark = "\239\187\191" .. text,
      returns = text:gsub("\n", "\r\n"),
      quotes = text:gsub("[^,\n]+", '"%0"'),
      newest = lines(HEAD, utc "%Y-%m-%d %H:%M", #ROWS, 1, -1),
      ["no last newline"] = text:gsub("\n$", ""),
    } do
      local r, same = info(other)
      assert.are.equal(hash, same, name .. r.err)
    end
  end)

  it("is refused in a line that says what is the matter", function()
    for name, case in pairs {
      ["thousands"] = {
        HEAD .. '\n1735689600,"94,000.5",94100,93900,94000,1\n',
        "line 2: '94,000.5' is no number of open: a separator of thousands",
      },
      ["dates that may be two"] = {
        HEAD .. "\n01/02/2025 00:00,1,1,1,1,1\n01/02/2025 00:01,1,1,1,1,1\n",
        "may be day/month or month/day.*write 2025%-01%-02",
      },
      ["two symbols"] = {
        "Date,Close,Close,High,High,Low,Low,Open,Open\n2025-01-01,1,2,1,2,1,2,1,2\n",
        "two columns of one name",
      },
      ["no columns"] = { "a,b\n1,2\n", "no column named 'open_time'" },
      ["an unknown table"] = { "1735689600000,1,2,3,4,5,6,7,8,9\n", "line 1: no header, and 10 columns" },
      ["UTF-16"] = { "\255\254t\0i\0", "UTF%-16" },
      ["too fine a price"] = {
        HEAD .. "\n1735689600,0.0000000123,0.0000000123,0.0000000123,0.0000000123,1\n",
        "is no number of open: beyond what is kept",
      },
      ["too large a price"] = {
        HEAD .. "\n1735689600,95000000000,95000000000,95000000000,95000000000,1\n",
        "beyond what is kept",
      },
      ["commas of either kind"] = {
        "time;open;high;low;close;volume\n1735689600;94,001;94,002;94,000;94,001;1\n",
        "commas may be of decimals or of thousands",
      },
      ["no such day"] = { HEAD .. "\n2025-02-30,1,1,1,1,1\n", "'2025%-02%-30' is no time" },
    } do
      local r = info(case[1])
      assert.are.equal(1, r.status, name)
      assert.matches(case[2], r.err, name)
    end
  end)

  it("keeps a price that a program printed of a binary number", function()
    local r = info(HEAD .. "\n1735689600,94000.10000000001,94000.300000000003,94000.1,94000.2,1\n", nil)
    assert.are.equal(0, r.status, r.err)
    assert.matches("decimals 1/0", r.out)
  end)

  it("holds volumes beyond 92 billion to the last digit", function()
    local script = [[return { symbols = { "BTCUSDT" }, interval = "1m", on_bar = function(self, bar)
      print(("%.2f %.2f"):format(bar.volume, bar.quote_volume))
      if self.done then return end
      self.done = true
      local k = api.get_klines { symbol = bar.symbol, interval = "1m" }[1]
      print(("kline %.2f"):format(k.quote_volume))
    end }]]
    local path = run.write(folder .. "/volumes.lua", script)
    local data = folder .. "/volumes"
    os.execute("mkdir " .. data)
    run.write(
      data .. "/BTCUSDT-1m-2025-01.csv",
      "time,open,high,low,close,volume,quote_volume\n1735689600,1,1,1,1,316600000000.25,95000000000000.5\n"
        .. "1735689660,1,1,1,1,2,3\n"
    )
    local r = run.moontide { "backtest", path, "--data", data }
    assert.are.equal(0, r.status, r.err)
    assert.matches("316600000000.25 95000000000000.50\nkline 95000000000000.50\n2.00 3.00\n", r.out)
  end)
end)

describe("files of bars", function()
  local folder
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  local function bars(from, count, step, change)
    local rows = {}
    for i = 1, count do
      rows[i] = { 100, 101, 99, 100, change and i == change and 11 or 10 }
    end
    return run.csv(rows, 1735689600000 + from * 60000, step)
  end
  local function info(...) return run.moontide { "data", "info", folder, ... } end

  it("that overlap are merged with a note where they say the same", function()
    run.write(folder .. "/BTCUSDT-1m-2025-01.csv", bars(0, 10))
    run.write(folder .. "/BTCUSDT-1m-2025-01-01.csv", bars(5, 10))
    local r = info()
    assert.are.equal(0, r.status, r.err)
    assert.matches("15 bars", r.out)
    assert.matches(
      "5 rows stand twice and say the same.*2025%-01%-01.csv: line 2 and .*2025%-01.csv: line 7",
      r.err
    )
  end)

  it("that fill each other's holes are one series", function()
    run.write(folder .. "/BTCUSDT-1m-a.csv", bars(0, 5) .. bars(10, 5):gsub("^[^\n]*\n", ""))
    run.write(folder .. "/BTCUSDT-1m-b.csv", bars(4, 7))
    local r = info()
    assert.are.equal(0, r.status, r.err)
    assert.matches("15 bars.* 0 gaps", r.out)
  end)

  it("that differ are refused with both places", function()
    run.write(folder .. "/BTCUSDT-1m-2025-01.csv", bars(0, 10))
    run.write(folder .. "/BTCUSDT-1m-2025-01-01.csv", bars(5, 10, nil, 3))
    local r = info()
    assert.are.equal(1, r.status)
    assert.matches(
      "2025%-01%-01.csv: line 4: 2025%-01%-01 00:07 UTC comes twice and differs from .*2025%-01.csv: line 9",
      r.err
    )
  end)

  it("with a row twice are told of, or refused where it differs", function()
    local text = bars(0, 3)
    run.write(folder .. "/BTCUSDT-1m-x.csv", text:gsub("(\n[^\n]+)\n$", "%1%1\n"))
    local r = info()
    assert.are.equal(0, r.status, r.err)
    assert.matches("1 row stands twice", r.err)
    assert.matches("3 bars", r.out)
    run.write(folder .. "/BTCUSDT-1m-x.csv", text .. bars(2, 1, nil, 1):gsub("^[^\n]*\n", ""))
    r = info()
    assert.are.equal(1, r.status)
    assert.matches("line 5: .* comes twice and differs from .*line 4", r.err)
  end)

  it("of another interval than their name are refused whatever the options", function()
    run.write(folder .. "/BTCUSDT-1m.csv", bars(0, 100, 300000))
    local r = info "--allow-gaps"
    assert.are.equal(1, r.status)
    assert.matches("its rows lie 300 s apart and are no bars of 1m", r.err)
    -- Two rows alone: what they say of their end tells.
    run.write(folder .. "/BTCUSDT-1m.csv", bars(0, 2, 300000))
    r = info "--allow-gaps"
    assert.are.equal(1, r.status)
    assert.matches("line 2: close_time is 300 s after open_time, in bars of 1m", r.err)
  end)

  it("with gaps are still bars of their interval", function()
    run.write(
      folder .. "/BTCUSDT-1m.csv",
      bars(0, 1) .. bars(3, 2):gsub("^[^\n]*\n", "") .. bars(9, 3):gsub("^[^\n]*\n", "")
    )
    local r = info "--allow-gaps"
    assert.are.equal(0, r.status, r.err)
    assert.matches("6 bars", r.out)
  end)

  it("of funding rates may overlap too", function()
    local head = "calc_time,funding_interval_hours,last_funding_rate\n"
    run.write(folder .. "/BTCUSDT-1m.csv", bars(0, 10))
    run.write(
      folder .. "/BTCUSDT-fundingRate-2025-01.csv",
      head .. "1735689600003,8,0.0001\n1735718400000,8,0.0002\n"
    )
    run.write(
      folder .. "/BTCUSDT-fundingRate-2025-02.csv",
      head .. "1735718400004,8,0.0002\n1735747200000,8,0.0003\n"
    )
    local r = info()
    assert.are.equal(0, r.status, r.err)
    assert.matches("3 rates", r.out)
    assert.matches("funding rates: 1 row stands twice", r.err)
    run.write(
      folder .. "/BTCUSDT-fundingRate-2025-02.csv",
      head .. "1735718400004,8,0.0003\n1735747200000,8,0.0003\n"
    )
    r = info()
    assert.are.equal(1, r.status)
    assert.matches("comes twice and differs", r.err)
  end)
end)

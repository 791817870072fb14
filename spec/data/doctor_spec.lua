local archives = require "spec.support.archive"
local cjson = require "cjson"
local run = require "spec.support.run"

local MINUTE, DAY = 60000, 86400000
local START = archives.ms "2023-02-01"

describe("moontide data doctor", function()
  local folder

  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  -- A quiet market on a tick of 0.1: each bar opens where the one before closed.
  local function market(count, step)
    local rows, price = {}, 200000
    for i = 1, count do
      local open = price
      price = price + (i * 7919 % 41) - 20
      local high, low = math.max(open, price) + 3, math.min(open, price) - 2
      rows[i] = {
        t = START + (i - 1) * step,
        open = open / 10,
        high = high / 10,
        low = low / 10,
        close = price / 10,
        volume = i % 50 + 1,
        step = step,
      }
    end
    return rows
  end

  local function csv(rows)
    local out = { archives.HEADER }
    for _, r in ipairs(rows) do
      out[#out + 1] = r.text
        or ("%.0f,%.10g,%.10g,%.10g,%.10g,%.10g,%.0f,%.10g,%d,%.10g,%.10g,0\n"):format(
          r.t,
          r.open,
          r.high,
          r.low,
          r.close,
          r.volume,
          r.close_time or r.t + r.step - 1,
          r.quote or r.volume * (r.low + r.high) / 2,
          r.volume > 0 and 10 or 0,
          r.taker or r.volume / 2,
          r.volume * r.low / 2
        )
    end
    return table.concat(out)
  end

  local function doctor(...)
    local r = run.moontide { "data", "doctor", "--json", ... }
    assert.is_true(r.status == 0 or r.status == 1, r.err)
    return cjson.decode(r.out), r
  end

  -- "sort line" of each finding of a file, in order; a note in brackets.
  local function found(document)
    local list = {}
    for _, s in ipairs(document.series) do
      for _, f in ipairs(s.findings) do
        local text = f.sort .. " " .. (f.place:match "line (%d+)" or "-")
        list[#list + 1] = f.level == "note" and "(" .. text .. ")" or text
      end
    end
    table.sort(list)
    return list
  end

  local function file(name, text) return run.write(folder .. "/" .. name, text) end

  it("finds nothing in sound bars, whatever their interval", function()
    file("BTCUSDT-1m-2023-02-01.csv", csv(market(1440, MINUTE)))
    local document, r = doctor(folder)
    assert.are.same({}, found(document))
    assert.are.equal(0, r.status)
    assert.matches("nothing found", run.moontide({ "data", "doctor", folder }).out)
  end)

  it("finds each planted defect of bars, and names its line", function()
    local rows = market(1440, MINUTE)
    rows[200].close = rows[200].close + 0.05 -- off the tick
    rows[200].high = math.max(rows[200].high, rows[200].close)
    rows[300].close = math.floor(rows[300].close * 10.5) / 10 -- a bad price
    rows[300].high = rows[300].close
    rows[400].high = math.floor(rows[400].high * 15) / 10 -- a bad wick
    rows[500].low = rows[500].high + 1 -- no bar at all
    rows[600].close_time = rows[600].t + 90000
    rows[700].quote = rows[700].volume * rows[700].low * 10
    rows[800].taker = rows[800].volume * 2
    for i = 900, 929 do
      rows[i].volume, rows[i].open, rows[i].high, rows[i].low, rows[i].close =
        0, rows[899].close, rows[899].close, rows[899].close, rows[899].close
    end
    rows[930].open = rows[899].close
    rows[930].high, rows[930].low =
      math.max(rows[930].high, rows[930].open), math.min(rows[930].low, rows[930].open)
    rows[1000].text = "1675269540000,x,1,1,1\n"
    local gone = table.remove(rows, 1100)
    table.remove(rows, 1100)
    assert.are.equal(START + 1099 * MINUTE, gone.t)
    table.insert(rows, 1200, rows[1199]) -- twice the same
    local other = {}
    for k, v in pairs(rows[1250]) do
      other[k] = v
    end
    other.volume = other.volume + 1
    table.insert(rows, 1251, other) -- twice, and not the same
    rows[1300], rows[1301] = rows[1301], rows[1300] -- out of order
    file("BTCUSDT-1m-2023-02-01.csv", csv(rows))
    local document, r = doctor(folder)
    assert.are.equal(1, r.status)
    local expected = {
      "(double 1201)",
      "(zero volume 901)",
      "close time 601",
      "double 1252",
      "gap 1101",
      "gap 1002",
      "gap 502",
      "order 1302",
      "outlier 301",
      "outlier 401",
      "row 1001",
      "row 501",
      "tick 201",
      "volume 701",
      "volume 801",
    }
    table.sort(expected)
    assert.are.same(expected, found(document))
  end)

  it("finds bars of another interval than their file's name says", function()
    file("BTCUSDT-1m-2023-02.csv", csv(market(100, 5 * MINUTE)))
    assert.are.same({ "interval -" }, found(doctor(folder)))
  end)

  it("finds bars that are not made of those of a shorter interval", function()
    local minutes = market(1440, MINUTE)
    file("BTCUSDT-1m-2023-02-01.csv", csv(minutes))
    local hours = {}
    for h = 1, 24 do
      local r =
        { t = START + (h - 1) * 60 * MINUTE, step = 60 * MINUTE, high = 0, low = 1e9, volume = 0, quote = 0 }
      for m = 1, 60 do
        local b = minutes[(h - 1) * 60 + m]
        r.open, r.close = r.open or b.open, b.close
        r.high, r.low = math.max(r.high, b.high), math.min(r.low, b.low)
        r.volume, r.quote = r.volume + b.volume, r.quote + b.volume * (b.low + b.high) / 2
      end
      hours[h] = r
    end
    file("BTCUSDT-1h-2023-02-01.csv", csv(hours))
    assert.are.same({}, found(doctor(folder)))
    hours[7].high = hours[7].high + 0.1
    hours[9].volume, hours[9].quote = hours[9].volume * 1.01, hours[9].quote * 1.01
    file("BTCUSDT-1h-2023-02-01.csv", csv(hours))
    assert.are.same({ "(interval 10)", "interval 8" }, found(doctor(folder)))
  end)

  -- Aggregate trades: four a minute, ids and first ids without a gap.
  local function trades(count)
    local rows, first = {}, 5000
    for i = 1, count do
      local many = i % 3 + 1
      rows[i] = {
        id = 100 + i,
        price = 20000 + i % 17 / 10,
        quantity = 0.5,
        first = first,
        last = first + many - 1,
        t = START + (i - 1) * 15000,
      }
      first = first + many
    end
    return rows
  end

  local function trades_csv(rows)
    local out = { "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n" }
    for i, r in ipairs(rows) do
      out[#out + 1] = r.text
        or ("%d,%.1f,%.1f,%d,%d,%.0f,%s\n"):format(
          r.id,
          r.price,
          r.quantity,
          r.first,
          r.last,
          r.t,
          tostring(i % 2 == 0)
        )
    end
    return table.concat(out)
  end

  it("counts the ids of aggregate trades, and finds those that are missing", function()
    local rows = trades(5760)
    file("BTCUSDT-aggTrades-2023-02-01.csv", trades_csv(rows))
    assert.are.same({}, found(doctor(folder)))
    table.remove(rows, 1000)
    table.insert(rows, 2000, rows[1999])
    rows[3000].first = rows[3000].first + 1 -- and its last id may then be below it
    rows[3000].last = math.max(rows[3000].last, rows[3000].first)
    rows[4000].t = rows[4000].t - 60000
    rows[5000].text = "5100,abc,1\n"
    file("BTCUSDT-aggTrades-2023-02-01.csv", trades_csv(rows))
    local list = {}
    for _, text in ipairs(found(doctor(folder))) do
      list[text] = true
    end
    for _, text in ipairs { "ids 1001", "double 2001", "ids 3001", "order 4001", "row 5001" } do
      assert.is_true(list[text], text)
    end
  end)

  it("finds bars that their trades do not make, and trades that are missing of a bar", function()
    local rows, bars = trades(5760), {}
    for m = 1, 1440 do
      local b = { t = START + (m - 1) * MINUTE, step = MINUTE, high = 0, low = 1e9, volume = 0, quote = 0 }
      for k = 1, 4 do
        local r = rows[(m - 1) * 4 + k]
        b.open, b.close = b.open or r.price, r.price
        b.high, b.low = math.max(b.high, r.price), math.min(b.low, r.price)
        b.volume, b.quote = b.volume + r.quantity, b.quote + r.quantity * r.price
      end
      bars[m] = b
    end
    file("BTCUSDT-aggTrades-2023-02-01.csv", trades_csv(rows))
    file("BTCUSDT-1m-2023-02-01.csv", csv(bars))
    assert.are.same({}, found(doctor(folder)))
    bars[50].high = bars[50].high + 0.3
    bars[60].volume, bars[60].quote = 5, 5 * bars[60].open
    file("BTCUSDT-1m-2023-02-01.csv", csv(bars))
    assert.are.same({ "trades 198", "trades 238" }, found(doctor(folder)))
  end)

  it("finds what is wrong with funding rates, best prices and metrics", function()
    local funding = { "calc_time,funding_interval_hours,last_funding_rate\n" }
    for i = 0, 29 do
      if i ~= 10 then
        funding[#funding + 1] = ("%.0f,8,%s\n"):format(
          START + i * DAY / 3 + i % 5,
          i == 20 and "0.05" or "0.0001"
        )
      end
    end
    file("BTCUSDT-fundingRate-2023-02.csv", table.concat(funding))
    local book =
      { "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n" }
    for i = 1, 100 do
      local id = i == 40 and 38 or i
      book[#book + 1] = ("%d,100.%d,1,%s,1,%.0f,%.0f\n"):format(
        id,
        i % 10,
        i == 60 and "99" or "101",
        START + i,
        START + i
      )
    end
    file("BTCUSDT-bookTicker-2023-02-01.csv", table.concat(book))
    file(
      "BTCUSDT-metrics-2023-02-01.csv",
      "create_time,symbol,sum_open_interest\n2023-02-01 00:05:00,BTCUSDT,1\n2023-02-01 00:15:00,BTCUSDT,1\n2023-02-01 00:10:00,BTCUSDT,1\n2023-02-01 00:10:00,BTCUSDT,1\n2023-02-01 00:40:00,BTCUSDT,1\n"
    )
    assert.are.same(
      {
        "(double -)",
        "(gap -)",
        "(order -)",
        "(outlier 21)",
        "crossed 61",
        "gap 12",
        "order 41",
      },
      (function()
        local list = found(doctor(folder))
        table.sort(list)
        return list
      end)()
    )
  end)

  it("finds files that changed since they were checked, cut files and foreign ones", function()
    local text = csv(market(1440, MINUTE))
    local zip = archives.zip("BTCUSDT-1m-2023-02-01.csv", text)
    file("BTCUSDT-1m-2023-02-01.zip", zip)
    file(
      "BTCUSDT-1m-2023-02-01.zip.CHECKSUM",
      require("moontide.lua_host").sha256(zip) .. "  BTCUSDT-1m-2023-02-01.zip\n"
    )
    assert.are.same({}, found(doctor(folder)))
    file("BTCUSDT-1m-2023-02-01.zip", zip:sub(1, -200))
    file("ETHUSDT-1m-2023-02-01.csv", "this is\nno file of bars\n")
    local list = {}
    for _, s in ipairs((doctor(folder)).series) do
      for _, f in ipairs(s.findings) do
        list[f.sort .. " " .. s.symbol] = f.text
      end
    end
    assert.matches("not those of its CHECKSUM", list["digest BTCUSDT"])
    assert.is_truthy(list["file BTCUSDT"])
    assert.is_truthy(list["file ETHUSDT"])
  end)

  it("tells symbols whose data end before the rest", function()
    local rows = market(5 * 1440, MINUTE)
    local function put(symbol, days)
      for day = 1, days do
        local part = {}
        for i = 1, 1440 do
          part[i] = rows[(day - 1) * 1440 + i]
        end
        local path = ("%s/%s/klines/1m"):format(folder, symbol)
        os.execute(("mkdir -p '%s'"):format(path))
        run.write(("%s/%s-1m-2023-02-%02d.csv"):format(path, symbol, day), csv(part))
      end
    end
    put("BTCUSDT", 5)
    put("LUNAUSDT", 2)
    local document = doctor("--folder", folder)
    assert.are.same({ "(ended 1441)" }, found(document))
  end)
end)

describe("moontide data doctor on recordings of the exchange", function()
  local data = run.root .. "/../shared/data"
  local missing = not io.open(data .. "/README.md")

  it("invents nothing", function()
    if missing then return pending "no recordings beside this folder" end
    local r = run.moontide {
      "data",
      "doctor",
      "--json",
      data .. "/um/klines",
      data .. "/um/fundingRate",
      data .. "/um/markPriceKlines",
    }
    local document = cjson.decode(r.out)
    assert.are.equal(0, document.faults)
    for _, s in ipairs(document.series) do
      for _, f in ipairs(s.findings) do
        -- No trade of NEARUSDT for 19 minutes is what happened.
        assert.are.equal("zero volume NEARUSDT", f.sort .. " " .. s.symbol)
      end
    end
  end)
end)

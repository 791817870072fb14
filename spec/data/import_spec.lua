local ffi = require "ffi"
local C = require "spec.support.c"
require "spec.support.interpreted"

local HEADER = "open_time,open,high,low,close,volume\n"
local T0 = 1672531200 -- 2023-01-01 00:00 UTC, in seconds
local folder

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

local function row(minute, open, high, low, close)
  return ("%d,%s,%s,%s,%s,7\n"):format(T0 + minute * 60, open or 1, high or 2, low or "0.5", close or "1.5")
end

-- Runs an import; returns err, the result (freed by the caller through C.import_free), the error line, the notices.
local function import(paths, options)
  options = options or {}
  local list = ffi.new("const char *[?]", #paths, paths)
  local o = ffi.new "struct import_options"
  local notices = {}
  local notice = ffi.cast(
    "void (*)(void *, const char *)",
    function(_, line) notices[#notices + 1] = ffi.string(line) end
  )
  local store = options.store or folder .. "/store"
  o.paths, o.path_count, o.store, o.notice = list, #paths, store, notice
  o.symbol, o.interval, o.allow_gaps = options.symbol, options.interval, options.gaps or false
  local result, e = ffi.new "struct import_result", ffi.new "struct errmsg"
  local err = C.import_run(o, result, e)
  notice:free()
  return err, result, ffi.string(e.text), table.concat(notices, "\n")
end

-- What an import of one file of these rows says.
local function refusal(text, options)
  local err, result, message = import({ write("BADUSDT-1m-x.csv", text) }, options)
  C.import_free(result)
  return err, message
end

local function store_files()
  local pipe = io.popen("ls '" .. folder .. "/store' 2>/dev/null")
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

describe("import", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir '" .. folder .. "'")
  end)
  after_each(function() os.execute("chmod -R u+w '" .. folder .. "' && rm -r '" .. folder .. "'") end)

  it("reads symbol and interval off the names of archives", function()
    local symbol, interval = ffi.new "char[32]", ffi.new "int32_t[1]"
    for name, want in pairs {
      ["a/AVAXUSDT-1m-2023-02.csv.gz"] = { "AVAXUSDT", C.INTERVAL_1M },
      ["BTCUSDT-15m-2023-01-01_2023-12-31.csv.gz"] = { "BTCUSDT", C.INTERVAL_15M },
      ["BTCUSDT_230630-1mo-2023.zip"] = { "BTCUSDT_230630", C.INTERVAL_1MO },
      ["BTCUSDT-fundingRate-2023-01.zip"] = { "BTCUSDT", -1 },
      ["GOOG.csv.gz"] = { "GOOG", -1 },
    } do
      assert.is_true(C.import_name(name, symbol, interval), name)
      assert.are.same(want, { ffi.string(symbol), interval[0] }, name)
    end
    assert.is_false(C.import_name("some/bars.csv", symbol, interval))
    assert.are.equal(-1, interval[0])
  end)

  it("takes seconds, milliseconds, microseconds and dates for the same time", function()
    local hash
    for i, stamps in ipairs {
      { T0, T0 + 86400 },
      { T0 .. "000", T0 + 86400 .. "000" },
      { T0 .. "000000", T0 + 86400 .. "000000" },
      { "2023-01-01", "2023-01-02" },
      { "2023-01-01 00:00", "2023-01-02T00:00:00Z" },
    } do
      local path = write(
        i .. ".csv",
        ("DATE,Open,High,Low,Close\r\n%s,1,2,0.5,1.5\r\n%s,1.5,2,1,1\r\n"):format(unpack(stamps))
      )
      local err, r, text = import({ path }, { symbol = "AUSDT" })
      assert.are.equal(0, err, text)
      assert.are.equal(C.INTERVAL_1D, r.series[0].interval)
      hash = hash or ffi.string(r.series[0].hash)
      assert.are.equal(hash, ffi.string(r.series[0].hash), stamps[1])
      C.import_free(r)
    end
  end)

  it("names file, line and fault of a row that is no bar", function()
    for _, case in ipairs {
      { row(0) .. "1672531260,1,2,0.5,1.5\n", "line 3: 5 fields where the first line has 6" },
      { row(0) .. row(1, "x"), "line 3: 'x' is no number of open" },
      { row(0) .. "\n" .. row(1, 1, 2, "1.2"), "line 4: low is above open" },
      { row(0, 1, 2, "0.5", 3), "line 2: high is below close" },
      { row(0, 1, 2, -1), "line 2: low is negative" },
      { row(0):gsub(",7", ",-7"), "line 2: negative volume" },
      { "soon,1,2,1,1,1\n", "line 2: 'soon' is no time" },
      { "1672531201,1,2,1,1,1\n", "line 2: 2023%-01%-01 00:00:01 UTC is not the start of a bar of 1m" },
    } do
      local err, message = refusal(HEADER .. case[1])
      assert.are.equal(C.ERR_FORMAT, err)
      assert.matches("BADUSDT%-1m%-x.csv: " .. case[2], message)
    end
    assert.are.equal("", store_files())
  end)

  it("refuses duplicates and disorder even where gaps are allowed", function()
    local err, message = refusal(HEADER .. row(0) .. row(1) .. row(1, 1, 2, "0.6"), { gaps = true })
    assert.are.equal(C.ERR_GAP, err)
    assert.matches("line 4: 2023%-01%-01 00:01 UTC comes twice", message)
    err, message = refusal(HEADER .. row(1) .. row(0) .. row(2), { gaps = true })
    assert.are.equal(C.ERR_GAP, err)
    assert.matches("line 3: out of order: 2023%-01%-01 00:00 UTC after 2023%-01%-01 00:01 UTC", message)
  end)

  it("tells where bars are missing and how many, and counts them when allowed", function()
    local text = HEADER .. row(0) .. row(1) .. row(5)
    local err, message = refusal(text)
    assert.are.equal(C.ERR_GAP, err)
    assert.matches("line 4: 3 bars are missing after 2023%-01%-01 00:01 UTC", message)
    local err2, r, _, notices = import({ write("GAPUSDT-1m.csv", text) }, { gaps = true })
    assert.are.equal(0, err2)
    assert.are.equal(3, tonumber(r.series[0].gap_count))
    assert.matches("GAPUSDT 1m: 3 bars are missing, accepted", notices)
    C.import_free(r)
  end)

  it("says in one line what is wrong with a file that is no table of bars", function()
    for _, case in ipairs {
      { "", "is empty" },
      { HEADER, "holds a header and no rows" },
      {
        "open_time,open,high,low\n1,1,1,1\n",
        "line 1: no column named 'close' %(need open_time, open, high, low, close%)",
      },
      { "1672531200000,1,2,1\n", "line 1: no column named 'open_time'" },
      {
        "1672531200000,1,2,1,1,1,1,1\n",
        "line 1: no header, and 8 columns are neither the 12 columns of a kline archive",
      },
    } do
      local err, message = refusal(case[1])
      assert.are.equal(C.ERR_FORMAT, err)
      assert.matches("BADUSDT%-1m%-x.csv: " .. case[2], message)
    end
    local err, r, message = import { folder .. "/none.csv" }
    assert.are.equal(C.ERR_NOT_FOUND, err)
    assert.matches("none.csv: no such file", message)
    C.import_free(r)
  end)

  it("notices an archive that was cut short", function()
    local lines = { HEADER }
    for i = 0, 5000 do
      lines[#lines + 1] = row(i, 1 + i % 7 / 1000)
    end
    local path = write("CUTUSDT-1m-2023.csv", table.concat(lines))
    os.execute(("gzip -k '%s' && truncate -s 5000 '%s.gz'"):format(path, path))
    local err, r, message = import { path .. ".gz" }
    assert.are.equal(C.ERR_FORMAT, err)
    assert.matches("CUTUSDT%-1m%-2023.csv.gz: damaged or cut short", message)
    C.import_free(r)
  end)

  it("survives garbage", function()
    local seed = 1
    for length = 1, 4000, 97 do
      local bytes = {}
      for i = 1, length do
        seed = (seed * 1103515245 + 12345) % 2147483648
        bytes[i] = string.char(math.floor(seed / 65536) % 256)
      end
      for _, name in ipairs { "AUSDT-1m.csv", "AUSDT-1m.csv.gz", "AUSDT-1m.zip" } do
        local err, r = import { write(name, table.concat(bytes)) }
        assert.is_true(err < 0)
        C.import_free(r)
      end
    end
  end)

  it("joins the files of a symbol by time, and finds the fault between two of them", function()
    write("AUSDT-1m-b.csv", HEADER .. row(0) .. row(1))
    local a = write("AUSDT-1m-a.csv", HEADER .. row(2) .. row(3))
    local err, r = import { folder }
    assert.are.equal(0, err)
    assert.are.equal(1, r.series_count)
    assert.are.equal(4, tonumber(r.series[0].count))
    C.import_free(r)
    write("AUSDT-1m-a.csv", HEADER .. row(4) .. row(5))
    local err2, r2, message = import { folder }
    assert.are.equal(C.ERR_GAP, err2)
    assert.matches("AUSDT%-1m%-a.csv: line 2: 2 bars are missing after 2023%-01%-01 00:01 UTC", message)
    C.import_free(r2)
    write("AUSDT-1m-a.csv", HEADER .. row(1, 1, 2, "0.6") .. row(2))
    local err3, r3, message3 = import { folder, a } -- a file named twice is read once
    assert.are.equal(C.ERR_GAP, err3)
    assert.matches(
      "line 2: 2023%-01%-01 00:01 UTC comes twice and differs from .*AUSDT%-1m%-b.csv: line 3",
      message3
    )
    C.import_free(r3)
  end)

  it("leaves out other symbols, other intervals and what is no bars", function()
    os.execute("mkdir '" .. folder .. "/bookDepth'")
    write("bookDepth/AUSDT-1m-2023.csv", HEADER .. row(0))
    write("AUSDT-aggTrades-2023.csv", "1,2,3\n")
    write("notes.txt", "hello")
    write("AUSDT-1m-2023.csv", HEADER .. row(0))
    write("AUSDT-5m-2023.csv", HEADER .. row(0))
    write("BUSDT-1m-2023.csv", HEADER .. row(0))
    local err, r, text, notices = import({ folder }, { symbol = "AUSDT", interval = "1m" })
    assert.are.equal(0, err, text)
    assert.are.equal(1, r.series_count)
    assert.matches("bookDepth: folder skipped", notices)
    assert.matches("aggTrades", notices)
    C.import_free(r)
    local err2, r2 = import { folder }
    assert.are.equal(0, err2)
    local order = {}
    for i = 0, r2.series_count - 1 do
      order[#order + 1] = ffi.string(r2.series[i].symbol) .. r2.series[i].interval
    end
    assert.are.same({ "AUSDT0", "AUSDT2", "BUSDT0" }, order)
    C.import_free(r2)
  end)

  it("takes klines of the mark price, the index and the premium for what they are, never for bars", function()
    for _, kind in ipairs { "markPriceKlines", "indexPriceKlines", "premiumIndexKlines" } do
      os.execute(("mkdir '%s/%s'"):format(folder, kind))
    end
    write("AUSDT-1m-2023.csv", HEADER .. row(0) .. row(1))
    write("markPriceKlines/AUSDT-1m-2023.csv", HEADER .. row(0, 1, 2, "0.5", "1.25") .. row(2)) -- a hole is accepted
    write("indexPriceKlines/AUSDT-1m-2023.csv", HEADER .. row(0, 1, 2, "0.5", "1.75"))
    write("premiumIndexKlines/AUSDT-1m-2023.csv", HEADER .. row(0, "-0.0001", "0.0002", "-0.0003", "0"))
    write("BUSDT-1m-2023.csv", HEADER .. row(0))
    write("BUSDT-markPriceKlines-1m-2023.csv", HEADER .. row(0) .. row(1))
    local function found(paths)
      local err, r, text = import(paths or { folder })
      assert.are.equal(0, err, text)
      local series, others = {}, {}
      for i = 0, r.series_count - 1 do
        local s = r.series[i]
        assert.are.equal(C.SERIES_TRADES, s.kind)
        series[#series + 1] = ("%s %d"):format(ffi.string(s.symbol), tonumber(s.close_e8[0]))
      end
      for i = 0, r.other_count - 1 do
        local s = r.others[i]
        local name = ffi.string(C.series_kind_names[s.kind])
        others[#others + 1] = ("%s %s%d"):format(ffi.string(s.symbol), name, tonumber(s.close_e8[0]))
      end
      local reused = r.reused
      C.import_free(r)
      return series, others, reused
    end
    local bars = { "AUSDT 150000000", "BUSDT 150000000" }
    local beside = {
      "AUSDT mark price 125000000",
      "AUSDT index price 175000000",
      "AUSDT premium index 0",
      "BUSDT mark price 150000000",
    }
    assert.are.same({ bars, beside, false }, { found() })
    assert.are.same({ bars, beside, true }, { found() })
    -- Named, or from within its folder, it is the same.
    local _, named = found { folder .. "/markPriceKlines/AUSDT-1m-2023.csv" }
    assert.are.same({ "AUSDT mark price 125000000" }, named)
  end)

  it("reads funding archives, stamps rounded to the minute", function()
    local path = write(
      "AUSDT-fundingRate-2023.csv",
      "calc_time,funding_interval_hours,last_funding_rate\n"
        .. "1672531200000,8,0.0001\n1672560000008,8,-0.00012345\n"
    )
    local err, r, text = import { path }
    assert.are.equal(0, err, text)
    assert.are.equal(1, r.funding_count)
    assert.is_true(r.funding[0].time_us[1] == 1672560000000000LL)
    assert.is_true(r.funding[0].rate_e8[1] == -12345LL)
    C.import_free(r)
  end)

  it("uses the store again, and rebuilds it after a change of a source or of the store file", function()
    local path = write("AUSDT-1m-2023.csv", HEADER .. row(0) .. row(1))
    local function run()
      local err, r, text = import { path }
      assert.are.equal(0, err, text)
      local reused, close = r.reused, tonumber(r.series[0].close_e8[1])
      C.import_free(r)
      return reused, close
    end
    assert.are.same({ false, 150000000 }, { run() })
    assert.are.same({ true, 150000000 }, { run() })
    local name = store_files():match "^(AUSDT%-1m%-%x+%.mtb)\n$"
    assert.are.equal(16, #name:match "(%x+)%.mtb")
    os.execute(("truncate -s 6000 '%s/store/%s'"):format(folder, name))
    assert.are.same({ false, 150000000 }, { run() })
    os.execute(("head -c 50000 /dev/zero > '%s/store/%s'"):format(folder, name))
    assert.are.same({ false, 150000000 }, { run() })
    assert.are.same({ true, 150000000 }, { run() })
    write("AUSDT-1m-2023.csv", HEADER .. row(0) .. row(1, 1, 2, "0.5", "1.75"))
    assert.are.same({ false, 175000000 }, { run() })
    assert.are.equal(name .. "\n", store_files())
  end)

  it("notices other bytes of the same size and time, and none of a file that was only touched", function()
    local name, mark = "AUSDT-1m-2023.csv", folder .. "/mark"
    local path = write(name, HEADER .. row(0) .. row(1))
    os.execute(("touch -r '%s' '%s'"):format(path, mark))
    local function run()
      local err, r, text = import { path }
      assert.are.equal(0, err, text)
      local reused, close = r.reused, tonumber(r.series[0].close_e8[1])
      C.import_free(r)
      return { reused, close }
    end
    local function change(close) -- as row(1) is long, whatever closes it
      write(name, HEADER .. row(0) .. row(1, 1, 2, "0.5", close))
      os.execute(("touch -r '%s' '%s'"):format(mark, path))
    end
    assert.are.same({ false, 150000000 }, run())
    change "1.2"
    assert.are.same({ false, 120000000 }, run())
    assert.are.same({ true, 120000000 }, run())
    os.execute(("touch '%s'"):format(path))
    assert.are.same({ true, 120000000 }, run())
    -- A store that is long written takes a file at its stamp, which a change moves all the same.
    os.execute(("touch -r '%s' '%s'; touch -d '1 hour' '%s'/store/*"):format(mark, path, folder))
    assert.are.same({ true, 120000000 }, run())
    change "1.3"
    os.execute(("touch -d '1 hour' '%s'/store/*"):format(folder))
    assert.are.same({ false, 130000000 }, run())
  end)

  it("keeps bars in memory where the store cannot be written", function()
    local err, r, _, notices = import(
      { write("AUSDT-1m-2023.csv", HEADER .. row(0)) },
      { store = "/dev/null/store" }
    )
    assert.are.equal(0, err)
    assert.are.equal(1, tonumber(r.series[0].count))
    assert.matches("store not written, bars kept in memory", notices)
    C.import_free(r)
  end)

  it("reads real archives of a year, a daily share and funding", function()
    if not exists "../shared/data/um/klines/AVAXUSDT-1m-2023-02.csv.gz" then
      pending "../shared/data is not there"
      return
    end
    local err, r, text = import { "../shared/data/um" }
    assert.are.equal(0, err, text)
    local counts = {}
    for i = 0, r.series_count - 1 do
      local s = r.series[i]
      counts[ffi.string(s.symbol) .. " " .. ffi.string(C.interval_names[s.interval])] = tonumber(s.count)
    end
    assert.are.same(
      { 40320, 131040, 105120, 2190 },
      { counts["AVAXUSDT 1m"], counts["FILUSDT 1m"], counts["ETHUSDT 5m"], counts["BTCUSDT 4h"] }
    )
    assert.are.equal(2, r.funding_count)
    C.import_free(r)
    local err2, r2 = import({ "../shared/data/reference/GOOG.csv.gz" }, { gaps = true })
    assert.are.equal(0, err2)
    assert.are.equal(2148, tonumber(r2.series[0].count))
    C.import_free(r2)
    local err3, r3, message = import { "../shared/data/spot/klines/BTCUSDT-1m-2023-03.csv.gz" }
    assert.are.equal(C.ERR_GAP, err3)
    assert.matches("80 bars are missing after 2023%-03%-24 12:39 UTC", message)
    C.import_free(r3)
  end)
end)

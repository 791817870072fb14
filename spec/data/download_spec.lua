local archives = require "spec.support.archive"
local run = require "spec.support.run"
local spans_of = require "moontide.data.spans"

describe("moontide data download", function()
  local archive, base

  before_each(function()
    archive = archives.start()
    base = run.folder()
  end)
  after_each(function()
    archive:stop()
    run.remove(base)
  end)

  -- Hourly bars, from the archive alone unless told otherwise.
  local function download(...)
    local words = { "data", "download", "BTCUSDT", "--interval", "1h", "--kinds", "klines", "--no-rest" }
    for _, w in ipairs { "--archive", archive.url, "--folder", base, ... } do
      words[#words + 1] = w
    end
    return run.moontide(words)
  end

  local place = "/BTCUSDT/klines/1h/"
  local function names()
    local pipe = io.popen(("cd '%s' 2>/dev/null && ls -A | LC_ALL=C sort"):format(base .. place))
    local list = {}
    for name in pipe:lines() do
      if not name:find "^%.moontide" then list[#list + 1] = name end
    end
    pipe:close()
    return table.concat(list, " ")
  end

  local function bars()
    return run.moontide({ "data", "info", base .. place }).out:match "BTCUSDT%s+1h%s+(%d+) bars"
  end

  it("fetches months, and days of the one that is not over, and a backtest finds them", function()
    archive:klines("BTCUSDT", "2023-01")
    archive:klines("BTCUSDT", "2023-02")
    for day = 1, 3 do
      archive:klines("BTCUSDT", "2023-03-0" .. day)
    end
    local r = download("--from", "2023-01-01", "--to", "2023-03-04")
    assert.are.equal(0, r.status, r.err)
    assert.matches("BTCUSDT klines 1h%s+2023%-01%-01 00:00 to 2023%-03%-04 00:00, 5 files fetched", r.out)
    assert.are.equal(("%d"):format((31 + 28 + 3) * 24), bars())
    local kept = run.read(base .. place .. "BTCUSDT-1h-2023-02.zip.CHECKSUM")
    local sum = io.popen(("sha256sum '%s' | cut -d' ' -f1"):format(base .. place .. "BTCUSDT-1h-2023-02.zip"))
    assert.are.equal(sum:read "*l" .. "  BTCUSDT-1h-2023-02.zip\n", kept)
    sum:close()
    local script = run.write(
      base .. "/count.lua",
      "local n = 0 for _ in market.bars('BTCUSDT', '1h') do n = n + 1 end print('bars', n)"
    )
    r = run.moontide({ "backtest", script, "--data", "BTCUSDT" }, "MOONTIDE_DATA=" .. base)
    assert.are.equal(0, r.status, r.err)
    assert.matches("bars%s+1488", r.out)
  end)

  it("fetches only what is new the second time", function()
    archive:klines("BTCUSDT", "2023-01")
    archive:klines("BTCUSDT", "2023-02-01")
    assert.are.equal(0, download("--from", "2023-01-01", "--to", "2023-02-02").status)
    archive:forget()
    local r = download("--from", "2023-01-01", "--to", "2023-02-02")
    assert.matches("to 2023%-02%-02 00:00, up to date", r.out)
    assert.are.equal(0, archive:asked ".zip")
    archive:klines("BTCUSDT", "2023-02-02")
    archive:forget()
    r = download("--from", "2023-01-01", "--to", "2023-02-03")
    assert.matches("1 file fetched", r.out)
    assert.are.equal(1, archive:asked ".zip -")
  end)

  it("reads every page of a listing, CHECKSUMs between the files", function()
    archive:faults "page 7"
    for day = 1, 9 do
      archive:klines("BTCUSDT", "2023-03-0" .. day)
    end
    for day = 10, 31 do
      archive:klines("BTCUSDT", "2023-03-" .. day)
    end
    local r = download("--from", "2023-03-01", "--to", "2023-04-01")
    assert.are.equal(0, r.status, r.err)
    assert.matches("31 files fetched", r.out)
    assert.are.equal("744", bars())
  end)

  it("takes the days that a month lacks from the days' own files, and lists what no file has", function()
    local lacking = {
      [archives.ms "2023-01-16"] = true,
      [archives.ms "2023-01-19"] = true,
      [archives.ms "2023-01-21"] = true,
    }
    archive:klines("BTCUSDT", "2023-01", {
      skip = function(ms) return lacking[ms - ms % 86400000] end,
    })
    archive:klines("BTCUSDT", "2023-01-16")
    archive:klines(
      "BTCUSDT",
      "2023-01-19",
      { skip = function(ms) return ms == archives.ms "2023-01-19" + 5 * 3600000 end }
    )
    local r = download("--from", "2023-01-01", "--to", "2023-02-01")
    assert.are.equal(0, r.status, r.err)
    assert.matches("missing: 2023%-01%-19 05:00 to 2023%-01%-19 06:00 %(1 bar%)", r.out)
    assert.matches("missing: 2023%-01%-21 00:00 to 2023%-01%-22 00:00 %(24 bars%)", r.out)
    assert.are.equal(2, select(2, r.out:gsub("missing:", "")))
    r = run.moontide { "data", "info", base .. place, "--allow-gaps" }
    assert.matches(("%d bars.*25 gaps"):format(744 - 25), r.out)
  end)

  it("reads files with and without a header, in milliseconds and microseconds, and doubled rows", function()
    archive:klines("BTCUSDT", "2023-01", { header = false })
    archive:klines("BTCUSDT", "2023-02", { scale = 1000 })
    archive:klines("BTCUSDT", "2023-03", { doubled = true })
    local r = download("--from", "2023-01-01", "--to", "2023-04-01")
    assert.are.equal(0, r.status, r.err)
    assert.is_nil(r.out:find "missing")
    assert.are.equal(("%d"):format(90 * 24), bars())
  end)

  it("fetches a file anew that was replaced in the archive, and says so", function()
    archive:klines("BTCUSDT", "2023-01")
    assert.are.equal(0, download("--from", "2023-01-01", "--to", "2023-02-01").status)
    local before = run.read(base .. place .. "BTCUSDT-1h-2023-01.zip.CHECKSUM")
    archive:klines("BTCUSDT", "2023-01", { header = false })
    local r = download("--from", "2023-01-01", "--to", "2023-02-01")
    assert.are.equal(0, r.status, r.err)
    assert.matches("BTCUSDT%-1h%-2023%-01%.zip: replaced in the archive", r.err)
    assert.are_not.equal(before, run.read(base .. place .. "BTCUSDT-1h-2023-01.zip.CHECKSUM"))
    assert.are.equal("744", bars())
  end)

  it("never keeps bytes that are not those of the CHECKSUM", function()
    local path = archive:klines("BTCUSDT", "2023-01")
    archive:put(path .. ".CHECKSUM", ("0"):rep(64) .. "  BTCUSDT-1h-2023-01.zip\n")
    local r = download("--from", "2023-01-01", "--to", "2023-02-01")
    assert.are.equal(1, r.status)
    assert.matches("BTCUSDT%-1h%-2023%-01%.zip: its bytes are not those of its CHECKSUM", r.err)
    assert.are.equal("", names())
  end)

  it("does not use a file that is damaged in the archive itself, and takes the days instead", function()
    local whole = archives.zip(
      "BTCUSDT-1h-2023-01.csv",
      archives.bars(archives.ms "2023-01-01", archives.ms "2023-02-01", 3600000)
    )
    archive:put("monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2023-01.zip", whole:sub(1, #whole - 3000))
    for day = 1, 31 do
      archive:klines("BTCUSDT", ("2023-01-%02d"):format(day))
    end
    local r = download("--from", "2023-01-01", "--to", "2023-02-01")
    assert.are.equal(1, r.status)
    assert.matches("BTCUSDT%-1h%-2023%-01%.zip: .*as the archive has it; not used", r.err)
    assert.are.equal("744", bars())
  end)

  it("goes on through refusals, resets and cut files, and continues a file where it was cut", function()
    for month = 1, 6 do
      archive:klines("BTCUSDT", "2023-0" .. month)
    end
    archive:faults "refuse 5 403\nreset 7\ncut 2 9000"
    local r = download("--from", "2023-01-01", "--to", "2023-07-01")
    assert.are.equal(0, r.status, r.err)
    assert.are.equal(("%d"):format(181 * 24), bars())
    assert.is_true(archive:asked "bytes=9000-" > 0)
    assert.is_nil(names():find "part")
  end)

  it("ends with a line when the archive refuses for good, and leaves nothing that could be used", function()
    archive:klines("BTCUSDT", "2023-01")
    archive:faults "refuse 1 404"
    local r = download("--from", "2023-01-01", "--to", "2023-02-01")
    assert.are.equal(1, r.status)
    assert.matches("http://127.0.0.1:%d+/: answered 404", r.err)
    assert.are.equal("", names())
  end)

  it("gives the same files after kills at any byte", function()
    for month = 1, 3 do
      archive:klines("BTCUSDT", "2023-0" .. month)
    end
    for day = 1, 9 do
      archive:klines("BTCUSDT", "2023-04-0" .. day)
    end
    local words = ("exec '%s' data download BTCUSDT --interval 1h --kinds klines --no-rest --archive %s --folder '%s' --from 2023-01-01 --to 2023-04-10"):format(
      require("moontide.lua_host").exe,
      archive.url,
      base
    )
    archive:faults "slow 4000"
    local seed = tonumber(os.getenv "MOONTIDE_SEED") or 1
    for i = 1, 5 do
      -- Killed when so much has been asked for, at a moment of its own.
      archive:forget()
      os.execute(
        ("( %s ) >/dev/null 2>&1 & p=$!; sleep 0.%03d; kill -9 $p; wait $p 2>/dev/null"):format(
          words,
          (seed * 7919 + i * 104729) % 300
        )
      )
      for name in names():gmatch "%S+" do
        if name:find "^%w.*%.zip$" then
          local check = ("cd '%s' && [ ! -e %s.CHECKSUM ] || sha256sum -c --quiet %s.CHECKSUM 2>&1"):format(
            base .. place,
            name,
            name
          )
          local pipe = io.popen(check)
          assert.are.equal("", pipe:read "*a")
          pipe:close()
        end
      end
    end
    archive:faults()
    local r = download("--from", "2023-01-01", "--to", "2023-04-10")
    assert.are.equal(0, r.status, r.err)
    -- As it might have been left a moment before a file got its name.
    run.write(base .. place .. "BTCUSDT-1h-2023-01.zip.CHECKSUM.tmp-99", "x")
    run.write(base .. place .. ".BTCUSDT-1h-2023-01.zip.0123.part", "x")
    r = download("--from", "2023-01-01", "--to", "2023-04-10")
    assert.matches("up to date", r.out)
    assert.are.equal(("%d"):format((90 + 9) * 24), bars())
    assert.is_nil(names():find "part")
    local found = {}
    for name in names():gmatch "%S+" do
      found[#found + 1] = name
    end
    assert.are.equal(24, #found)
  end)

  it("puts a month in the place of its days", function()
    for day = 1, 5 do
      archive:klines("BTCUSDT", "2023-01-0" .. day)
    end
    assert.are.equal(0, download("--from", "2023-01-01", "--to", "2023-01-06").status)
    archive:klines("BTCUSDT", "2023-01")
    local r = download("--from", "2023-01-01", "--to", "2023-02-01")
    assert.are.equal(0, r.status, r.err)
    assert.are.equal("BTCUSDT-1h-2023-01.zip BTCUSDT-1h-2023-01.zip.CHECKSUM", names())
    assert.are.equal("744", bars())
  end)

  it("begins with the first bar at or after --from", function()
    archive:klines("BTCUSDT", "2023-01-02")
    local r = download("--from", "2023-01-02T03:20", "--to", "2023-01-03")
    assert.are.equal(0, r.status, r.err)
    assert.matches("klines 1h%s+2023%-01%-02 04:00 to 2023%-01%-03 00:00, 1 file fetched", r.out)
    assert.is_nil(r.out:find "missing")
    assert.is_nil(r.out:find "the first there is")
  end)

  it("fetches again what no longer is what was checked", function()
    archive:klines("BTCUSDT", "2023-01")
    download("--from", "2023-01-01", "--to", "2023-02-01")
    local path = base .. place .. "BTCUSDT-1h-2023-01.zip"
    local bytes = run.read(path)
    run.write(path, bytes:sub(1, 500) .. "x" .. bytes:sub(502))
    local r = download("--from", "2023-01-01", "--to", "2023-02-01")
    assert.are.equal(0, r.status, r.err)
    assert.matches("its bytes are no longer those that were checked", r.err)
    assert.are.equal(bytes, run.read(path))
  end)

  it("fetches every symbol that the archive ever had, and says where one ends", function()
    archive:faults "page 3"
    for _, symbol in ipairs { "AAAUSDT", "BTCUSDT", "LUNAUSDT", "ZZZBUSD" } do
      archive:klines(symbol, "2023-01")
    end
    archive:klines("AAAUSDT", "2023-02")
    archive:klines("BTCUSDT", "2023-02")
    local r = run.moontide {
      "data",
      "download",
      "--universe",
      "--quote",
      "USDT",
      "--interval",
      "1h",
      "--kinds",
      "klines",
      "--no-rest",
      "--archive",
      archive.url,
      "--folder",
      base,
      "--from",
      "2023-01-01",
      "--to",
      "2023-03-01",
    }
    assert.are.equal(0, r.status, r.err)
    assert.matches(
      "LUNAUSDT klines 1h%s+2023%-01%-01 00:00 to 2023%-02%-01 00:00, 1 file fetched[^\n]*\n  ends 2023%-02%-01",
      r.out
    )
    assert.matches("AAAUSDT klines 1h%s+2023%-01%-01 00:00 to 2023%-03%-01", r.out)
    assert.is_nil(r.out:find "ZZZBUSD")
  end)

  it("keeps kinds that nothing reads yet as checked files, and says so", function()
    local rows =
      "create_time,symbol,sum_open_interest\n2023-01-01 00:10:00,BTCUSDT,2\n2023-01-01 00:05:00,BTCUSDT,1\n"
    archive:put(
      "daily/metrics/BTCUSDT/BTCUSDT-metrics-2023-01-01.zip",
      archives.zip("BTCUSDT-metrics-2023-01-01.csv", rows)
    )
    local r = download("--kinds", "metrics", "--from", "2023-01-01", "--to", "2023-01-02")
    assert.are.equal(0, r.status, r.err)
    assert.matches("metrics: kept as files, checked", r.out)
    assert.are_not.equal("", run.read(base .. "/BTCUSDT/metrics/BTCUSDT-metrics-2023-01-01.zip.CHECKSUM"))
  end)

  it("refuses what cannot be meant in one line", function()
    for words, line in pairs {
      ["--from 2023-01-01 --kinds klines,books"] = "no such kind 'books'",
      ["--from 2030-01-01"] = "is not before now",
      ["--from 2023-01-02 --to 2023-01-01"] = "is not before %-%-to",
      ["--to 2023-01-01"] = "needs %-%-from",
      ["--from 2023-01-01 --universe"] = "takes no symbols beside it",
      ["--from 2023-01-01 --seed 4"] = "%-%-seed does not belong to data download",
    } do
      local list = {}
      for w in words:gmatch "%S+" do
        list[#list + 1] = w
      end
      local r = download(unpack(list))
      assert.are.equal(2, r.status, words)
      assert.matches(line, r.err)
      assert.are.equal(1, select(2, r.err:gsub("\n", "")), r.err)
    end
  end)
end)

describe("sets of time", function()
  it("are united, cut and looked through for holes", function()
    local u = spans_of.union { { 5, 7 }, { 0, 2 }, { 2, 3 }, { 6, 9 }, { 4, 4 } }
    assert.are.same({ { 0, 3 }, { 5, 9 } }, u)
    assert.are.same({ { 3, 5 }, { 9, 12 } }, spans_of.holes(u, 1, 12))
    assert.are.same({}, spans_of.holes(u, 5, 9))
    assert.is_true(spans_of.covers(u, 0, 3))
    assert.is_false(spans_of.covers(u, 0, 4))
    assert.are.same({ { 1, 3 }, { 5, 6 } }, spans_of.within(u, 1, 6))
    assert.are.same({ { 0, 1 }, { 8, 9 } }, spans_of.minus(u, { { 1, 8 } }))
  end)
end)

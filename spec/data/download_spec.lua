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
    local pipe = io.popen(("cd '%s' && ls -A | LC_ALL=C sort"):format(base .. place))
    local list = {}
    for name in pipe:lines() do
      if not name:find "^%.moontide" then list[#list + 1] = name end
    end
    pipe:close()
    return table.concat(list, " ")
  end

  local function bars() return run.moontide({ "data", "info", base .. place }).out:match "BTCUSDT%s+1h%s+(%d+) bars" end

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
    local script = run.write(base .. "/count.lua", "local n = 0 for _ in market.bars('BTCUSDT', '1h') do n = n + 1 end print('bars', n)")
    r = run.moontide({ "backtest", script, "--data", "BTCUSDT" }, "MOONTIDE_DATA=" .. base)
    assert.are.equal(0, r.status, r.err)
    assert.matches("bars%s+1488", r.out)
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

local ffi = require "ffi"
local C = require "spec.support.c"

local MINUTE, DAY = 60 * 1000000LL, 86400 * 1000000LL
local START = 1672531200 * 1000000LL -- 2023-01-01, a Sunday

-- A series of `count` bars: bar i opens at i + 1, ranges from i + 0.5 to i + 3, closes at i + 2, volume 10.
local function bars(interval, count, step, start)
  local columns = ffi.new(("int64_t[10][%d]"):format(count))
  local s = ffi.new "struct series"
  for i = 0, count - 1 do
    local e8 = 100000000LL
    local row = {
      (start or START) + i * step,
      (i + 1) * e8,
      (i + 3) * e8,
      i * e8 + e8 / 2,
      (i + 2) * e8,
      10 * e8,
      20 * e8,
      3,
      4 * e8,
      8 * e8,
    }
    for c = 1, 10 do
      columns[c - 1][i] = row[c]
    end
  end
  s.symbol, s.interval, s.interval_us, s.count = "TESTUSDT", interval, C.interval_us(interval), count
  for c, name in ipairs {
    "open_us",
    "open_e8",
    "high_e8",
    "low_e8",
    "close_e8",
    "volume_e8",
    "quote_volume_e8",
    "trades",
    "taker_volume_e8",
    "taker_quote_volume_e8",
  } do
    s[name] = columns[c - 1]
  end
  return s, columns
end

local function resample(base, interval)
  local out, e = ffi.new "struct series", ffi.new "struct errmsg"
  local err = C.series_resample(base, interval, out, e)
  return err, out, ffi.string(e.text)
end

describe("series", function()
  it("finds the first bar at or after a time", function()
    local s, keep = bars(C.INTERVAL_1M, 10, MINUTE)
    assert.are.equal(0, tonumber(C.series_at_or_after(s, 0)))
    assert.are.equal(3, tonumber(C.series_at_or_after(s, START + 3 * MINUTE)))
    assert.are.equal(4, tonumber(C.series_at_or_after(s, START + 3 * MINUTE + 1)))
    assert.are.equal(10, tonumber(C.series_at_or_after(s, START + DAY)))
    assert.is_truthy(keep)
  end)

  it("narrows to a span of time, end excluded", function()
    local s, keep = bars(C.INTERVAL_1M, 10, MINUTE)
    C.series_clip(s, START + 2 * MINUTE, START + 5 * MINUTE)
    assert.are.equal(3, tonumber(s.count))
    assert.is_true(s.open_us[0] == START + 2 * MINUTE)
    assert.is_true(s.close_e8[2] == 600000000LL)
    C.series_clip(s, START + DAY, START)
    assert.are.equal(0, tonumber(s.count))
    assert.is_truthy(keep)
  end)

  it("makes longer bars: first open, extremes, last close, sums", function()
    local base, keep = bars(C.INTERVAL_1M, 12, MINUTE)
    local err, out = resample(base, C.INTERVAL_5M)
    assert.are.equal(0, err)
    assert.are.equal(2, tonumber(out.count)) -- two base bars are left, and make none
    local got = {}
    for _, name in ipairs { "open_e8", "high_e8", "low_e8", "close_e8", "volume_e8", "taker_volume_e8" } do
      got[#got + 1] = tonumber(out[name][1]) / 1e8
    end
    assert.are.same({ 6, 12, 5.5, 11, 50, 20 }, got)
    assert.are.equal(15, tonumber(out.trades[1]))
    assert.are.equal(1, out.price_decimals)
    assert.are.equal(64, #ffi.string(out.hash))
    C.series_close(out)
    assert.is_truthy(keep)
  end)

  it("starts weeks on Monday and months on the first", function()
    local base, keep = bars(C.INTERVAL_1D, 60, DAY)
    local err, weeks = resample(base, C.INTERVAL_1W)
    assert.are.equal(0, err)
    assert.is_true(weeks.open_us[0] == START + DAY) -- the first Monday: the data begin inside of a week
    assert.is_true(weeks.open_us[1] == START + 8 * DAY)
    local err2, months = resample(base, C.INTERVAL_1MO)
    assert.are.equal(0, err2)
    assert.are.equal(2, tonumber(months.count)) -- of March there is one day
    assert.is_true(months.open_us[1] == START + 31 * DAY)
    assert.are.equal(0, tonumber(months.gap_count))
    C.series_close(weeks)
    C.series_close(months)
    assert.is_truthy(keep)
  end)

  it("refuses an interval that the base does not divide", function()
    for _, case in ipairs {
      { "INTERVAL_3M", "INTERVAL_5M" },
      { "INTERVAL_1H", "INTERVAL_1M" },
      { "INTERVAL_3D", "INTERVAL_1W" },
      { "INTERVAL_1W", "INTERVAL_1MO" },
    } do
      local from = C[case[1]]
      local base, keep = bars(from, 2, C.interval_us(from), 0)
      local err, _, text = resample(base, C[case[2]])
      assert.are.equal(C.ERR_INVALID, err, case[2])
      assert.matches("cannot be made from bars of", text)
      assert.is_truthy(keep)
    end
  end)
end)

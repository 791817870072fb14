-- Times of bars as files write them, and the steps from one bar to the next, each bound from both sides.
local ffi = require "ffi"
local C = require "spec.support.c"

ffi.cdef [[
  int stamp_parse(const char *text, size_t size, int64_t *out_us);
  const char *stamp_text(char *out, int64_t t_us);
  int64_t grid_next(int32_t interval, int64_t t_us);
  int64_t grid_missing(int32_t interval, int64_t a_us, int64_t b_us);
  int32_t grid_interval_of(int64_t spacing_us);
]]
local HOUR, DAY = 3600, 86400

local function stamp(text)
  local out = ffi.new "int64_t[1]"
  if ffi.C.stamp_parse(text, #text, out) ~= 0 then return nil end
  return tonumber(out[0]) / 1e6
end
local function us(seconds) return ffi.cast("int64_t", seconds) * 1000000 end

describe("a time in a file", function()
  it("is seconds, milliseconds, microseconds or nanoseconds, by its size", function()
    for text, seconds in pairs {
      ["0"] = 0,
      ["1"] = 1,
      ["1700000000"] = 1700000000,
      ["99999999999"] = 99999999999, -- the last that is seconds
      ["100000000000"] = 100000000, -- the first that is milliseconds
      ["1700000000000"] = 1700000000,
      ["99999999999000"] = 99999999999,
      ["100000000000000"] = 100000000, -- the first that is microseconds
      ["1700000000000000"] = 1700000000,
      ["1700000000000000000"] = 1700000000,
    } do
      assert.equal(seconds, stamp(text), text)
    end
    for _, text in ipairs { "", "-1", "+1", "1.0", "1a", "/", ":" } do
      assert.is_nil(stamp(text), text)
    end
  end)

  it("is a date, with or without a time of day, with or without a zone", function()
    local day = 1677542400 -- 2023-02-28
    for text, seconds in pairs {
      ["1970-01-01"] = 0,
      ["2023-02-28"] = day,
      ["2024-02-29"] = 1709164800,
      ["2023-12-31"] = 1703980800,
      ["2023-02-28 00:00"] = day,
      ["2023-02-28T23:59"] = day + 23 * HOUR + 59 * 60,
      ["2023-02-28 01:02:03"] = day + HOUR + 123,
      ["2023-02-28 23:59:59"] = day + DAY - 1,
      ["2023-2-28"] = day,
      ["2023-02-28 "] = day,
      ["2023-02-28 01:02:03.001"] = day + HOUR + 123.001,
      ["2023-02-28 01:02:03+01:00"] = day + 123,
      ["2023-02-28 01:02:03-00:00"] = day + HOUR + 123,
      ["2023-02-28T01:02:03.000"] = day + HOUR + 123,
      ["2023-02-28T01:02Z"] = day + HOUR + 120,
      ["2023-02-28T01:02:03Z"] = day + HOUR + 123,
      ["2023-02-28T01:02:03.000000Z"] = day + HOUR + 123,
      ["2023-02-28 01:02+00:00"] = day + HOUR + 120,
      ["2023-02-28 01:02:03+00:00"] = day + HOUR + 123,
      ["2023-02-28 01:02:03.0+00:00"] = day + HOUR + 123,
    } do
      assert.equal(seconds, stamp(text), text)
    end
  end)

  it("is nothing else", function()
    for _, text in ipairs {
      "1969-12-31",
      "2023-00-01",
      "2023-13-01",
      "2023-01-00",
      "2023-01-32",
      "2023-02-29",
      "2023-04-31",
      "2023-02/28",
      "2023-02-2a",
      "2023-0a-28",
      "20a3-02-28",
      "2023-02-28x",
      "2023-02-28 01",
      "2023-02-28 01:2",
      "2023-02-28 01-02",
      "2023-02-28_01:02",
      "2023-02-28 a1:02",
      "2023-02-28 01:a2",
      "2023-02-28 24:00",
      "2023-02-28 23:60",
      "2023-02-28 23:59:60",
      "2023-02-28 01:02:",
      "2023-02-28 01:02:3",
      "2023-02-28 01:02:a3",
      "2023-02-28 01:02:03x",
      "2023-02-28 01:02:03ZZ",
      "2023-02-28 01:02:03+00:0",
      "2023-02-28 01:02:03+00:000",
    } do
      assert.is_nil(stamp(text), text)
    end
  end)

  it("is printed with seconds only where there are some", function()
    local out = ffi.new "char[64]"
    assert.equal("2023-02-28 01:02", ffi.string(ffi.C.stamp_text(out, us(1677542400 + HOUR + 120))))
    assert.equal("2023-02-28 01:02:03", ffi.string(ffi.C.stamp_text(out, us(1677542400 + HOUR + 123))))
    assert.equal("2023-02-28 01:02:01", ffi.string(ffi.C.stamp_text(out, us(1677542400 + HOUR + 121))))
  end)
end)

describe("the grid of an interval", function()
  local function day(text) return us(assert(stamp(text))) end

  it("steps to the next bar, of a month to the first of the next", function()
    assert.is_true(ffi.C.grid_next(C.INTERVAL_1M, us(60)) == us(120))
    assert.is_true(ffi.C.grid_next(C.INTERVAL_1D, us(DAY)) == us(2 * DAY))
    for from, to in pairs {
      ["2023-01-01"] = "2023-02-01",
      ["2023-02-01"] = "2023-03-01",
      ["2024-02-01"] = "2024-03-01",
      ["2023-04-01"] = "2023-05-01",
      ["2023-12-01"] = "2024-01-01",
    } do
      assert.is_true(ffi.C.grid_next(C.INTERVAL_1MO, day(from)) == day(to), from)
    end
  end)

  it("counts the bars that are missing between two", function()
    for _, case in ipairs {
      { C.INTERVAL_1M, us(0), us(60), 0 },
      { C.INTERVAL_1M, us(0), us(120), 1 },
      { C.INTERVAL_1M, us(60), us(600), 8 },
      { C.INTERVAL_1MO, day "2023-01-01", day "2023-02-01", 0 },
      { C.INTERVAL_1MO, day "2023-01-01", day "2023-03-01", 1 },
      { C.INTERVAL_1MO, day "2023-01-01", day "2024-01-01", 11 },
    } do
      assert.equal(case[4], tonumber(ffi.C.grid_missing(case[1], case[2], case[3])))
    end
  end)

  it("is known by the distance of two bars", function()
    for i = 0, C.INTERVAL_1MO - 1 do
      assert.equal(i, ffi.C.grid_interval_of(C.interval_us(i)))
      assert.equal(-1, ffi.C.grid_interval_of(C.interval_us(i) + 1000000))
      assert.equal(-1, ffi.C.grid_interval_of(C.interval_us(i) - 1000000))
    end
    for days, interval in pairs { [27] = -1, [28] = 15, [29] = 15, [30] = 15, [31] = 15, [32] = -1 } do
      interval = interval > 0 and tonumber(C.INTERVAL_1MO) or -1
      assert.equal(interval, ffi.C.grid_interval_of(us(days * DAY)), days)
    end
    assert.equal(-1, ffi.C.grid_interval_of(us(28 * DAY) - 1))
    assert.equal(-1, ffi.C.grid_interval_of(us(31 * DAY) + 1))
    assert.equal(-1, ffi.C.grid_interval_of(0))
  end)
end)

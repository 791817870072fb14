local ffi = require "ffi"
local C = require "spec.support.c"

local function us(seconds) return seconds * 1000000LL end

describe("interval", function()
  it("finds intervals by exchange and archive name", function()
    for i = 0, C.INTERVAL_COUNT - 1 do
      assert.equal(i, C.interval_find(C.interval_names[i]))
    end
    assert.equal(tonumber(C.INTERVAL_1MO), C.interval_find "1mo")
    assert.equal(-1, C.interval_find "1s")
    assert.equal("1M", ffi.string(C.interval_names[C.INTERVAL_1MO]))
  end)

  it("floors to bars, weeks to Monday and months to the first", function()
    for _, case in ipairs {
      { C.INTERVAL_1M, 1700000000, 1699999980 },
      { C.INTERVAL_4H, 1700000000, 1699992000 },
      { C.INTERVAL_1W, 1700000000, 1699833600 },
      { C.INTERVAL_1MO, 1700000000, 1698796800 },
      { C.INTERVAL_1MO, 1709251199, 1706745600 },
      { C.INTERVAL_1MO, 1709251200, 1709251200 },
      { C.INTERVAL_1MO, -1, -2678400 },
      { C.INTERVAL_1W, 0, -259200 },
    } do
      assert.equal(us(case[3]), C.interval_floor(case[1], us(case[2])))
    end
  end)

  it("agrees with the calendar of the operating system over a century of months", function()
    for t = 0, 3000000000, 86400 * 13 + 7 do
      local d = os.date("!*t", t)
      local first = t - t % 86400 - (d.day - 1) * 86400
      assert.equal(us(first), C.interval_floor(C.INTERVAL_1MO, us(t)))
    end
  end)
end)

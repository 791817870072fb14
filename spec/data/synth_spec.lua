local ffi = require "ffi"
local C = require "spec.support.c"

local function options(seed, change)
  local o = ffi.new "struct synth_options"
  o.symbol, o.interval, o.start_us, o.count = "MADEUSDT", C.INTERVAL_1M, 1672531200000000LL, 5000
  o.price_e8, o.tick_e8, o.step_e8, o.volatility, o.seed = 3000000000000LL, 10000000LL, 100000LL, 0.03, seed
  for key, value in pairs(change or {}) do
    o[key] = value
  end
  return o
end

local function make(o)
  local s, e = ffi.new "struct series", ffi.new "struct errmsg"
  return C.synth_bars(o, s, e), s, ffi.string(e.text)
end

describe("synth", function()
  it("makes the same bars from the same seed and others from another", function()
    local hashes = {}
    for i, seed in ipairs { 1, 1, 2 } do
      local err, s = make(options(seed))
      assert.are.equal(0, err)
      hashes[i] = ffi.string(s.hash)
      C.series_close(s)
    end
    assert.are.equal(hashes[1], hashes[2])
    assert.are_not.equal(hashes[1], hashes[3])
  end)

  it("keeps prices on the tick, volume on the step and bars consistent", function()
    local _, s = make(options(7))
    for i = 0, tonumber(s.count) - 1 do
      local open, high, low, close = s.open_e8[i], s.high_e8[i], s.low_e8[i], s.close_e8[i]
      assert.is_true(low > 0 and low <= open and low <= close and high >= open and high >= close)
      assert.is_true(
        open % 10000000 == 0 and high % 10000000 == 0 and low % 10000000 == 0 and close % 10000000 == 0
      )
      assert.is_true(s.volume_e8[i] >= 0 and s.volume_e8[i] % 100000 == 0)
      assert.is_true(s.taker_volume_e8[i] <= s.volume_e8[i])
      if i > 0 then
        local jump = open - s.close_e8[i - 1]
        assert.is_true(jump <= 10000000LL and jump >= -10000000LL)
        assert.is_true(s.open_us[i] - s.open_us[i - 1] == 60000000LL)
      end
    end
    C.series_close(s)
  end)

  it("steps over months by the calendar", function()
    local err, s = make(options(1, { interval = C.INTERVAL_1MO, count = 15 }))
    assert.are.equal(0, err)
    assert.is_true(s.open_us[1] - s.open_us[0] == 31 * 86400 * 1000000LL)
    assert.is_true(s.open_us[2] - s.open_us[1] == 28 * 86400 * 1000000LL)
    C.series_close(s)
  end)

  it("refuses what makes no market", function()
    for _, change in ipairs {
      { count = 0 },
      { tick_e8 = 0 },
      { step_e8 = 0 },
      { price_e8 = 1 },
      { start_us = 1 },
    } do
      assert.are.equal(C.ERR_INVALID, (make(options(1, change))))
    end
  end)

  it("writes an archive that imports as the same bars", function()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir '" .. folder .. "'")
    local _, s = make(options(3))
    for _, ending in ipairs { ".csv", ".csv.gz" } do
      local path, e = folder .. "/MADEUSDT-1m-2023" .. ending, ffi.new "struct errmsg"
      assert.are.equal(0, C.series_write_csv(s, path, e), ffi.string(e.text))
      local o, r = ffi.new "struct import_options", ffi.new "struct import_result"
      local store = folder .. "/store"
      o.paths, o.path_count, o.store = ffi.new("const char *[1]", { path }), 1, store
      assert.are.equal(0, C.import_run(o, r, e), ffi.string(e.text))
      assert.are.equal(ffi.string(s.hash), ffi.string(r.series[0].hash))
      C.import_free(r)
    end
    local e = ffi.new "struct errmsg"
    assert.are.equal(C.ERR_IO, C.series_write_csv(s, folder .. "/none/x.csv", e))
    C.series_close(s)
    os.execute("rm -r '" .. folder .. "'")
  end)
end)

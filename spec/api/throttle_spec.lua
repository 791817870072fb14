local ffi = require "ffi"
local C = require "spec.support.c"

local S = 1000000
local function throttle(enabled)
  local c, t = ffi.new "struct api_config", ffi.new "struct throttle"
  C.api_config_defaults(c)
  c.enable_adaptive_throttling = enabled
  C.throttle_init(t, c, 0)
  t.spacing_us = 1000
  return t
end

local function report(t, success, slow_down, now, more)
  local a = ffi.new("struct throttle_attempt", { success = success, slow_down = slow_down })
  for k, v in pairs(more or {}) do
    a[k] = v
  end
  C.throttle_report(t, a, now)
end

describe("throttle", function()
  it("halves below the target and steps up on it", function()
    local t = throttle(true)
    for i = 1, 20 do
      report(t, i % 2 == 0, false, S)
    end
    report(t, true, false, 11 * S)
    assert.equal(0.5, t.factor)
    for _ = 1, 20 do
      report(t, true, false, 12 * S)
    end
    report(t, true, false, 22 * S)
    assert.is_true(math.abs(t.factor - 0.6) < 1e-9)
  end)

  it("spaces the sends below 1", function()
    local t = throttle(true)
    C.throttle_take(t, 10, 0)
    assert.equal(0, tonumber(C.throttle_wait_us(t, 0)))
    report(t, false, true, 0)
    C.throttle_take(t, 10, 0)
    assert.equal(20000, tonumber(C.throttle_wait_us(t, 0)))
  end)

  it("falls once a window, never below the minimum, and not at all when off", function()
    local t = throttle(true)
    for _ = 1, 5 do
      report(t, false, true, 0)
    end
    assert.equal(0.5, t.factor)
    for i = 1, 20 do
      report(t, false, true, i * 11 * S)
    end
    assert.is_true(math.abs(t.factor - 0.1) < 1e-9)
    t = throttle(false)
    report(t, false, true, 0)
    assert.equal(1, t.factor)
  end)

  it("counts answers that come too late as no success", function()
    local t = throttle(true)
    for _ = 1, 20 do
      report(t, true, false, S, { latency_us = 3 * S })
    end
    report(t, true, false, 11 * S)
    assert.equal(0.5, t.factor)
  end)

  it("leaves the judging to the headers where they speak, but for an outright slow-down", function()
    local t = throttle(true)
    for _ = 1, 20 do
      report(t, false, false, S, { headers_seen = true })
    end
    report(t, true, false, 11 * S, { headers_seen = true })
    assert.equal(1, t.factor)
    report(t, false, true, 12 * S, { headers_seen = true })
    assert.equal(0.5, t.factor)
  end)

  it("keeps to the gate at the first slow-down that says when it ends, and falls at the second", function()
    local t = throttle(true)
    for _ = 1, 3 do
      report(t, false, true, S, { until_told = true })
    end
    assert.equal(1, t.factor)
    report(t, false, true, 60 * S, { until_told = true })
    assert.equal(0.5, t.factor)
    t = throttle(true)
    report(t, false, true, S, { until_told = true })
    report(t, false, true, 600 * S, { until_told = true })
    assert.equal(1, t.factor)
  end)

  it("spaces by what a request costs, one at least, from the last that left or from now", function()
    for cost, expected in pairs { [0] = 2000, [1] = 2000, [2] = 4000, [7] = 14000 } do
      local t = throttle(true)
      report(t, false, true, 0)
      C.throttle_take(t, cost, 0)
      assert.equal(expected, tonumber(C.throttle_wait_us(t, 0)), "cost " .. cost)
      assert.equal(1, tonumber(C.throttle_wait_us(t, expected - 1)))
      assert.equal(0, tonumber(C.throttle_wait_us(t, expected)))
      C.throttle_take(t, cost, 500) -- before the first has had its time
      assert.equal(2 * expected - 500, tonumber(C.throttle_wait_us(t, 500)))
      C.throttle_take(t, cost, 10 * S) -- long after it: what was not used is not saved up
      assert.equal(expected, tonumber(C.throttle_wait_us(t, 10 * S)))
    end
  end)

  -- A window of `total` answers of which `good` succeeded, after the factor had fallen to a half; what the next answer finds.
  local function judged(total, good, more)
    local t = throttle(true)
    t.min_count, t.target = 10, 0.8
    report(t, false, true, 0)
    report(t, true, false, 10 * S, more) -- ends the window of the slow-down
    for i = 2, total do
      report(t, i <= good, false, 11 * S, more)
    end
    report(t, true, false, 20 * S)
    return math.floor(t.factor * 1000 + 0.5) / 1000
  end

  it("judges a window by its count and its target, both included", function()
    assert.equal(0.6, judged(10, 8)) -- on target
    assert.equal(0.25, judged(10, 7)) -- below it
    assert.equal(0.5, judged(9, 7)) -- too few to judge, and not all well
    assert.equal(0.6, judged(9, 9)) -- a quiet window recovers
    assert.equal(0.6, judged(1, 1))
    assert.equal(0.6, judged(20, 0 + 16))
    assert.equal(0.25, judged(20, 15))
    assert.equal(0.6, judged(20, 1, { headers_seen = true }))
  end)

  it(
    "takes an answer of exactly the longest latency as a success, a later one not, and any where none is set",
    function()
      local function after(latency, longest)
        local t = throttle(true)
        t.latency_us = longest
        for _ = 1, 20 do
          report(t, true, false, S, { latency_us = latency })
        end
        report(t, true, false, 10 * S)
        return t.factor
      end
      assert.equal(1, after(2 * S, 2 * S))
      assert.equal(0.5, after(2 * S + 1, 2 * S))
      assert.equal(1, after(1000 * S, 0))
    end
  )

  it(
    "ends a window at its time, and takes a second slow-down within three minutes as one too many",
    function()
      local t = throttle(true)
      report(t, false, true, 0)
      report(t, false, true, 10 * S - 1)
      assert.equal(0.5, t.factor)
      report(t, false, true, 10 * S)
      assert.equal(0.25, t.factor)
      for seconds, expected in pairs { [179] = 0.5, [180] = 1, [181] = 1 } do
        t = throttle(true)
        report(t, false, true, S, { until_told = true })
        report(t, false, true, (1 + seconds) * S, { until_told = true })
        assert.equal(expected, t.factor, seconds .. " s later")
      end
    end
  )
end)

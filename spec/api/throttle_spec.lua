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
end)

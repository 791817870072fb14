local ffi = require "ffi"
local C = require "spec.support.c"

local S = 1000000
local function breaker(set)
  local c, b, e = ffi.new "struct api_config", ffi.new "struct breaker", ffi.new "struct errmsg"
  C.api_config_defaults(c)
  for k, v in pairs(set or {}) do
    assert.equal(0, C.api_config_set_number(c, k, v, e))
  end
  C.breaker_init(b, c, 0)
  return b
end
local function report(b, result, now, probe, latency)
  C.breaker_report(b, probe or false, result, latency or 0, now)
end
local function fail(b, n, now)
  for _ = 1, n do
    report(b, C.BREAKER_FAILURE, now)
  end
end
local basic =
  { failure_threshold = 3, recovery_timeout = 10, recovery_max = 15, failure_rate = 0, half_open_probes = 2 }

describe("breaker", function()
  it("opens after consecutive failures only", function()
    local b = breaker(basic)
    fail(b, 2, 0)
    report(b, C.BREAKER_SUCCESS, 0)
    fail(b, 2, 0)
    report(b, C.BREAKER_NEUTRAL, 0)
    assert.equal(C.BREAKER_CLOSED, b.state)
    fail(b, 1, 0)
    assert.equal(C.BREAKER_OPEN, b.state)
    assert.equal(C.BREAKER_REFUSE, C.breaker_ask(b, false, 9 * S))
  end)

  it("counts its probes and closes after enough", function()
    local b = breaker(basic)
    fail(b, 3, 0)
    for _ = 1, 2 do
      assert.equal(C.BREAKER_PROBE, C.breaker_ask(b, false, 10 * S))
      C.breaker_enter(b, true)
    end
    assert.equal(C.BREAKER_WAIT, C.breaker_ask(b, false, 10 * S))
    report(b, C.BREAKER_SUCCESS, 11 * S, true)
    assert.equal(C.BREAKER_WAIT, C.breaker_ask(b, false, 11 * S))
    report(b, C.BREAKER_SUCCESS, 11 * S, true)
    assert.equal(C.BREAKER_PASS, C.breaker_ask(b, false, 11 * S))
  end)

  it("stays open longer each time, up to the maximum", function()
    local b = breaker(basic)
    fail(b, 3, 0)
    C.breaker_ask(b, false, 10 * S)
    C.breaker_enter(b, true)
    report(b, C.BREAKER_FAILURE, 10 * S, true)
    assert.equal(25 * S, tonumber(b.open_until_us))
  end)

  it("lets one CRITICAL probe early", function()
    local b = breaker(basic)
    fail(b, 3, 0)
    assert.equal(C.BREAKER_PROBE, C.breaker_ask(b, true, S))
    C.breaker_enter(b, true)
    assert.equal(C.BREAKER_WAIT, C.breaker_ask(b, true, S))
    report(b, C.BREAKER_FAILURE, S, true)
    assert.equal(10 * S, tonumber(b.open_until_us))
    C.breaker_enter(b, true)
    report(b, C.BREAKER_SUCCESS, S, true)
    assert.equal(C.BREAKER_HALF_OPEN, b.state)
  end)

  it("opens on the failure rate and on slow calls, given enough of them", function()
    local rate = { failure_threshold = 0, failure_rate = 0.5, failure_min_count = 10, failure_window = 8 }
    local b = breaker(rate)
    for i = 1, 9 do
      report(b, i % 2 == 0 and C.BREAKER_SUCCESS or C.BREAKER_FAILURE, 0)
    end
    assert.equal(C.BREAKER_CLOSED, b.state)
    fail(b, 1, 0)
    assert.equal(C.BREAKER_OPEN, b.state)
    b = breaker(rate)
    for i = 0, 40 do
      fail(b, 1, i * 2 * S)
    end -- never ten in a window
    assert.equal(C.BREAKER_CLOSED, b.state)
    b = breaker { slow_call_rate = 0.5, slow_call = 1, failure_min_count = 2 }
    for _ = 1, 2 do
      report(b, C.BREAKER_SUCCESS, 0, false, 2 * S)
    end
    assert.equal(C.BREAKER_OPEN, b.state)
  end)

  it("only reports in shadow mode", function()
    local b = breaker { failure_threshold = 1, breaker_shadow = 1 }
    fail(b, 1, 0)
    assert.equal(C.BREAKER_PASS, C.breaker_ask(b, false, 1))
    assert.equal(1, tonumber(b.shadow_count))
  end)
end)

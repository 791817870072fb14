local ffi = require "ffi"
local C = require "spec.support.c"

local function filled()
  local m, s, r = ffi.new "struct metrics", ffi.new "struct metrics_snapshot", ffi.new "struct request"
  C.metrics_init(m, 0)
  return m, s, r
end

describe("metrics", function()
  it("gives quantiles within a thirty-second", function()
    local m, s, r = filled()
    for i = 1, 10000 do
      C.metrics_answered(m, r, false, false, i * 10, 0)
    end
    C.metrics_snapshot_fill(m, s, 0)
    for share, got in pairs { [0.5] = s.p50_us, [0.95] = s.p95_us, [0.99] = s.p99_us } do
      assert.is_true(math.abs(tonumber(got) / (share * 100000) - 1) < 1 / 32)
    end
    assert.equal(100000, tonumber(s.max_us))
    assert.is_true(math.abs(s.average_response_us - 50005) < 1)
  end)

  it("looks at the latencies of this minute and the one before, and of no other", function()
    local m, _, r = filled()
    local minute = 60 * 1000000
    for _ = 1, 100 do
      C.metrics_answered(m, r, false, false, 20000, 0)
      C.metrics_answered(m, r, false, false, 3, 0)
    end
    assert.is_true(math.abs(tonumber(C.metrics_recent(m, minute).p95_us) / 20000 - 1) < 1 / 32)
    C.metrics_answered(m, r, false, false, 7, minute)
    assert.is_true(math.abs(tonumber(C.metrics_recent(m, minute).p95_us) / 20000 - 1) < 1 / 32)
    C.metrics_answered(m, r, false, false, 9, 2 * minute)
    assert.equal(9, tonumber(C.metrics_recent(m, 2 * minute).p95_us))
    assert.equal(2, tonumber(C.metrics_recent(m, 2 * minute).answered))
    assert.equal(0, tonumber(C.metrics_recent(m, 4 * minute).answered))
  end)

  it("counts by settlement and by endpoint", function()
    local m, s, r = filled()
    r.endpoint = 5
    C.metrics_answered(m, r, true, false, 40, 0)
    r.endpoint = 9999
    C.metrics_answered(m, r, false, false, 50, 0)
    C.metrics_settled(m, C.SETTLE_DONE, 0)
    C.metrics_settled(m, C.SETTLE_TIMEOUT, 0)
    C.metrics_snapshot_fill(m, s, 0)
    assert.equal(0.5, s.success_rate)
    assert.equal(1, tonumber(s.endpoints[5].failed))
    assert.equal(50, tonumber(s.endpoints[63].latency_max_us))
  end)

  it("keeps the last 180 minutes", function()
    local m, s, r = filled()
    for i = 0, 399 do
      C.metrics_sent(m, r, i * 60000000)
    end
    C.metrics_snapshot_fill(m, s, 399 * 60000000)
    assert.equal(180, s.minute_count)
    assert.equal(220, tonumber(s.minutes[0].minute))
    assert.equal(399, tonumber(s.minutes[179].minute))
    C.metrics_snapshot_fill(m, s, 1000 * 60000000)
    assert.equal(1, s.minute_count)
    assert.equal(0, tonumber(s.requests_this_minute))
  end)
end)

local ffi = require "ffi"
local C = require "spec.support.c"
local testing = require "spec.support.testing_lib"
require "spec.support.interpreted"

local S = 1000000
local sent, settled, cancelled, ids = {}, {}, {}, 0
local names = setmetatable({}, { __mode = "k" })

-- One callback of each kind for the whole file: LuaJIT has few.
local on_send = ffi.cast(
  "void (*)(void *, struct request *, int64_t)",
  function(_, r) sent[#sent + 1] = tonumber(ffi.cast("intptr_t", r.user)) end
)
local on_cancel = ffi.cast(
  "void (*)(void *, struct request *)",
  function(_, r) cancelled[#cancelled + 1] = tonumber(ffi.cast("intptr_t", r.user)) end
)
local on_settled = ffi.cast(
  "dispatcher_settled",
  function(_, r, how) settled[tonumber(ffi.cast("intptr_t", r.user))] = ffi.string(C.settle_name(how)) end
)

local function dispatcher(set)
  sent, settled, cancelled, ids = {}, {}, {}, 0
  local c, e = ffi.new "struct api_config", ffi.new "struct errmsg"
  C.api_config_defaults(c)
  c.edge_guard_us, c.critical_reserve, c.backoff_jitter = 0, 0, 0
  for k, v in pairs(set or {}) do
    assert(C.api_config_set_number(c, k, v, e) == 0, ffi.string(e.text))
  end
  local t = ffi.new("struct transport", { send = on_send, cancel = on_cancel })
  return ffi.gc(C.dispatcher_new(c, t, on_settled, nil, 0), C.dispatcher_free)
end

local function request(set)
  ids = ids + 1
  local r = ffi.new "struct request"
  r.user, r.priority, r.retries_max = ffi.cast("void *", ids), C.PRIORITY_NORMAL, 3
  r.cost[0] = 1
  for k, v in pairs(set or {}) do
    r[k] = v
  end
  names[r] = ids
  return r
end

local function submit(d, r, now) return C.dispatcher_submit(d, r, now or 0) end
local function reply(d, r, outcome, now, after)
  local x = ffi.new "struct dispatch_reply"
  x.outcome, x.retry_after_us = outcome, after or 0
  C.dispatcher_reply(d, r, x, now)
end

describe("dispatcher", function()
  it("sends at once and settles once", function()
    local d, r = dispatcher(), request()
    assert.equal(0, submit(d, r))
    C.dispatcher_run(d, 0)
    assert.same({ 1 }, sent)
    reply(d, r, C.OUTCOME_DONE, 100)
    assert.same({ "done" }, settled)
    assert.is_true(tonumber(C.dispatcher_next_us(d)) > 1e18)
  end)

  it("keeps no read waiting behind an order that waits for its budget", function()
    local d = dispatcher { orders_per_second = 1 }
    local function order() return request { cost = { 0, 0, 1 }, request_class = C.REQUEST_CLASS_ORDER } end
    local first, second, read = order(), order(), request { request_class = C.REQUEST_CLASS_MARKET }
    for _, r in ipairs { first, second, read } do
      submit(d, r)
    end
    C.dispatcher_run(d, 0)
    assert.same({ 1, 3 }, sent)
  end)

  it("sends by priority", function()
    local d = dispatcher { workers = 1 }
    local r = {
      request { priority = 3 },
      request { priority = 2 },
      request { priority = 0 },
      request { priority = 1 },
    }
    for i = 1, 4 do
      submit(d, r[i])
    end
    for i, n in ipairs { 3, 4, 2, 1 } do
      C.dispatcher_run(d, i)
      assert.equal(n, sent[i])
      reply(d, r[n], C.OUTCOME_DONE, i)
    end
  end)

  it("ages upward, but never into CRITICAL", function()
    local d = dispatcher { workers = 1, aging_interval = 1 }
    local busy, low, high, critical =
      request(), request { priority = 3 }, request { priority = 1 }, request { priority = 0 }
    submit(d, busy)
    C.dispatcher_run(d, 0)
    submit(d, low)
    C.dispatcher_run(d, 2 * S)
    assert.equal(1, low.level)
    submit(d, high, 2 * S)
    submit(d, critical, 2 * S)
    reply(d, busy, C.OUTCOME_DONE, 2 * S)
    for _, r in ipairs { critical, low, high } do
      C.dispatcher_run(d, 2 * S)
      assert.equal(names[r], sent[#sent])
      reply(d, r, C.OUTCOME_DONE, 2 * S)
    end
  end)

  it("fails at once what the limits cannot admit in time", function()
    local d = dispatcher { weight_per_minute = 1 }
    local a, b, c = request(), request { queue_timeout_us = S }, request()
    c.cost[0] = 2
    submit(d, a)
    C.dispatcher_run(d, 0)
    submit(d, b)
    submit(d, c)
    assert.equal("rate_limited", settled[2])
    assert.equal("rate_limited", settled[3])
  end)

  it("waits for the window and says when", function()
    local d = dispatcher { weight_per_minute = 1, queue_timeout = 100, aging_interval = 0 }
    local a, b = request(), request()
    submit(d, a)
    C.dispatcher_run(d, 0)
    reply(d, a, C.OUTCOME_DONE, 10)
    submit(d, b, 20)
    C.dispatcher_run(d, 20)
    assert.equal(60 * S, tonumber(C.dispatcher_next_us(d)))
    C.dispatcher_run(d, 60 * S)
    assert.same({ 1, 2 }, sent)
  end)

  it("lets no lower level take what a blocked head waits for, but others pass", function()
    local d = dispatcher { weight_per_minute = 10, queue_timeout = 100 }
    local first, large, small, free = request(), request { priority = 1 }, request(), request()
    first.cost[0], large.cost[0], free.cost[0] = 5, 8, 0
    small.strategy, free.strategy = 1, 2
    submit(d, first)
    C.dispatcher_run(d, 0)
    for _, r in ipairs { large, small, free } do
      submit(d, r)
    end
    C.dispatcher_run(d, 1)
    assert.same({ 1, 4 }, sent)
    assert.equal("limit", ffi.string(C.wait_reason_name(small.wait_reason)))
  end)

  it("never repeats a mutating request of unknown outcome", function()
    local d, r = dispatcher(), request { mutating = true }
    submit(d, r)
    C.dispatcher_run(d, 0)
    reply(d, r, C.OUTCOME_UNKNOWN, 1)
    assert.equal("unknown_outcome", settled[1])
    submit(d, r, 2)
    C.dispatcher_run(d, 2)
    C.dispatcher_run(d, 2 + 10 * S) -- the request's time-out
    assert.same({ 1 }, cancelled)
    assert.equal("unknown_outcome", settled[1])
  end)

  it("retries what was not executed, with backoff, up to the limit", function()
    local d, r = dispatcher { initial_backoff = 1, failure_threshold = 0 }, request { retries_max = 2 }
    submit(d, r)
    for i, at in ipairs { 0, 1 * S, 3 * S } do
      C.dispatcher_run(d, at)
      assert.equal(i, #sent)
      reply(d, r, C.OUTCOME_NOT_EXECUTED, at)
      C.dispatcher_run(d, at + S / 2)
      assert.equal(i, #sent)
    end
    assert.equal("network", settled[1])
  end)

  it("retries clock skew once", function()
    local d, r = dispatcher(), request { retries_max = 0 }
    submit(d, r)
    for _ = 1, 2 do
      C.dispatcher_run(d, 0)
      reply(d, r, C.OUTCOME_CLOCK_SKEW, 0)
    end
    C.dispatcher_run(d, 0)
    assert.same({ 1, 1 }, sent)
    assert.equal("rejected", settled[1])
  end)

  it("closes the gate on slow down", function()
    local d, a, b = dispatcher { enable_adaptive_throttling = 0 }, request { retries_max = 0 }, request()
    submit(d, a)
    C.dispatcher_run(d, 0)
    reply(d, a, C.OUTCOME_SLOW_DOWN, 0, 7 * S)
    assert.equal("rate_limited", settled[1])
    b.priority = 0
    submit(d, b, 1)
    C.dispatcher_run(d, 1)
    assert.equal("gate", ffi.string(C.wait_reason_name(b.wait_reason)))
    C.dispatcher_run(d, 7 * S)
    assert.same({ 1, 2 }, sent)
  end)

  it("refuses when full, but CRITICAL displaces the newest LOW", function()
    local d = dispatcher { max_queue_size = 2 }
    local a, b, c, x = request { priority = 3 }, request { priority = 3 }, request(), request { priority = 0 }
    submit(d, a)
    submit(d, b)
    assert.equal(C.ERR_FULL, submit(d, c))
    assert.equal(0, submit(d, x))
    assert.equal("queue_full", settled[2])
    assert.equal(1, C.dispatcher_queued(d, 3))
  end)

  it("opens the breaker of one class only", function()
    local d = dispatcher { failure_threshold = 1 }
    local a, b, c = request { retries_max = 0 }, request(), request { request_class = 1 }
    submit(d, a)
    C.dispatcher_run(d, 0)
    reply(d, a, C.OUTCOME_TIMEOUT, 1)
    submit(d, b, 2)
    submit(d, c, 2)
    C.dispatcher_run(d, 2)
    assert.equal("circuit_open", settled[2])
    assert.same({ 1, 3 }, sent)
    local s = C.dispatcher_metrics(d, 2)
    assert.equal(C.BREAKER_OPEN, s.circuit_state[0])
    assert.equal(1, tonumber(s.settled[C.SETTLE_TIMEOUT]))
    assert.equal(2, tonumber(s.requests_this_minute))
  end)

  it("cancels, stops and takes a new configuration", function()
    local d = dispatcher { workers = 1 }
    local a, b, c = request { mutating = true }, request(), request()
    submit(d, a)
    C.dispatcher_run(d, 0)
    submit(d, b)
    submit(d, c)
    C.dispatcher_cancel(d, b, 1)
    C.dispatcher_cancel(d, a, 1)
    assert.same({ "unknown_outcome", "cancelled" }, { settled[1], settled[2] })
    local config = ffi.new "struct api_config"
    C.api_config_defaults(config)
    config.queue_timeout_us = 5
    C.dispatcher_configure(d, config, 1)
    C.dispatcher_stop(d, 2)
    assert.equal("stopped", settled[3])
    assert.equal(C.ERR_STOPPED, submit(d, a, 3))
  end)

  it("counts what limits hold back, for the request and on average, and nothing else", function()
    local d = dispatcher { weight_per_minute = 1, queue_timeout = 100, aging_interval = 0, workers = 1 }
    local a, b = request(), request()
    submit(d, a, 5 * S)
    C.dispatcher_run(d, 5 * S)
    submit(d, b, 10 * S) -- waits for the worker, which is not counted
    C.dispatcher_run(d, 10 * S)
    reply(d, a, C.OUTCOME_DONE, 20 * S)
    C.dispatcher_run(d, 20 * S) -- from here on it waits for its window
    C.dispatcher_run(d, 60 * S)
    assert.same({ 1, 2 }, sent)
    assert.equal(0, tonumber(a.waited_us))
    assert.equal(40 * S, tonumber(b.waited_us))
    assert.equal(20 * S, C.dispatcher_metrics(d, 60 * S).average_wait_us)
  end)

  it("closes the gate for a second where the exchange does not say how long", function()
    local d, a, b = dispatcher { enable_adaptive_throttling = 0 }, request { retries_max = 0 }, request()
    submit(d, a)
    C.dispatcher_run(d, 0)
    reply(d, a, C.OUTCOME_SLOW_DOWN, 2 * S, 0)
    assert.equal(3 * S, tonumber(C.dispatcher_gate_us(d)))
    submit(d, b, 2 * S)
    C.dispatcher_run(d, 3 * S - 1)
    assert.same({ 1 }, sent)
    C.dispatcher_run(d, 3 * S)
    assert.same({ 1, 2 }, sent)
    C.dispatcher_gate(d, 9 * S)
    assert.equal(9 * S, tonumber(C.dispatcher_gate_us(d)))
  end)

  it("stops what waits for a retry, and takes work again once it is started", function()
    local d = dispatcher { initial_backoff = 5, max_backoff = 5, workers = 3 }
    local all = {}
    for i = 1, 3 do
      all[i] = request()
      submit(d, all[i])
    end
    C.dispatcher_run(d, 0)
    for i = 1, 2 do
      reply(d, all[i], C.OUTCOME_NOT_EXECUTED, 1)
    end
    C.dispatcher_stop(d, 2)
    assert.same({ "stopped", "stopped" }, { settled[1], settled[2] })
    assert.is_nil(settled[3]) -- in flight: it runs out
    assert.is_true(C.dispatcher_next_us(d) == 0x7fffffffffffffffLL or C.dispatcher_in_flight(d) == 1)
    reply(d, all[3], C.OUTCOME_DONE, 3)
    assert.equal("done", settled[3])
    assert.equal(C.ERR_STOPPED, submit(d, request(), 4))
    C.dispatcher_start(d)
    local again = request()
    assert.equal(0, submit(d, again, 5))
    C.dispatcher_run(d, 5)
    assert.equal(5, sent[#sent])
  end)

  it("waits no longer for a retry than the deadline that a new configuration sets", function()
    local d = dispatcher { initial_backoff = 50, max_backoff = 50, queue_timeout = 1000 }
    local a = request()
    submit(d, a)
    C.dispatcher_run(d, 0)
    reply(d, a, C.OUTCOME_NOT_EXECUTED, 0)
    assert.equal(50 * S, tonumber(C.dispatcher_next_us(d)))
    local config = ffi.new "struct api_config"
    C.api_config_defaults(config)
    config.queue_timeout_us = 20 * S
    C.dispatcher_configure(d, config, S)
    C.dispatcher_run(d, S)
    assert.equal(20 * S, tonumber(C.dispatcher_next_us(d)))
    C.dispatcher_run(d, 20 * S)
    assert.not_nil(settled[1])
    assert.same({ 1 }, sent)
  end)

  it("tells of alerts once each, and loses the oldest when nobody fetches them", function()
    local d, notice = dispatcher(), ffi.new "struct notice"
    assert.is_false(C.dispatcher_notice(d, notice))
    C.dispatcher_alert(d, C.ALERT_JOURNAL, true, 3, 7)
    C.dispatcher_alert(d, C.ALERT_JOURNAL, true, 4, 8)
    assert.equal(1, C.dispatcher_notice_count(d))
    assert.is_true(C.dispatcher_notice(d, notice))
    assert.same(
      { 7, C.ALERT_JOURNAL, true, 3 },
      { tonumber(notice.time_us), notice.rule, notice.raised, notice.value }
    )
    local n = 0
    repeat -- raised and cleared in turn until one more is lost than fits
      n = n + 1
      C.dispatcher_alert(d, C.ALERT_JOURNAL, n % 2 == 0, n, n)
    until C.dispatcher_notice_count(d) < n
    local room = C.dispatcher_notice_count(d)
    assert.equal(n - 1, room)
    for i = 2, n do
      assert.is_true(C.dispatcher_notice(d, notice))
      assert.equal(i, tonumber(notice.time_us))
    end
    assert.is_false(C.dispatcher_notice(d, notice))
    assert.equal(1, tonumber(C.dispatcher_metrics(d, n).notices_lost))
  end)

  it("keeps every promise over 100,000 random schedules", function()
    local report, seed = ffi.new "char[256]", tonumber(os.getenv "MOONTIDE_SEED") or 1
    io.stderr:write(("random schedules: seed %d (MOONTIDE_SEED)\n"):format(seed))
    local schedules = tonumber(os.getenv "MOONTIDE_SCHEDULES") or 100000
    assert(testing.api_fuzz(seed, schedules, report, 256) == 0, ffi.string(report))
  end)
end)

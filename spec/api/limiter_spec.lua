local ffi = require "ffi"
local C = require "spec.support.c"

local S = 1000000
local NORMAL, CRITICAL = 2, 0

local function limiter(limit, guard, reserve)
  local l = ffi.new "struct limiter"
  C.limiter_init(l, guard or 0)
  assert.equal(0, C.limiter_set(l, C.LIMIT_WEIGHT, 60 * S, limit, reserve or 0, 0))
  return l
end

local function cost(n)
  local c = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
  c[C.LIMIT_WEIGHT] = n
  return c
end
local function wait(l, n, now, priority)
  return tonumber(C.limiter_wait_us(l, cost(n), priority or NORMAL, now, nil))
end

-- sends and is answered at once
local function spend(l, n, now)
  C.limiter_take(l, cost(n), now)
  C.limiter_done(l, cost(n), now)
end

describe("limiter", function()
  it("lets the whole budget through, then waits for the turn", function()
    local l = limiter(10)
    for _ = 1, 10 do
      assert.equal(0, wait(l, 1, 5 * S))
      spend(l, 1, 5 * S)
    end
    assert.equal(55 * S, wait(l, 1, 5 * S))
    assert.equal(0, wait(l, 1, 60 * S))
  end)

  it("lies on the exchange's clock", function()
    local l = limiter(1)
    C.limiter_clock(l, 10 * S, 0)
    spend(l, 1, 5 * S)
    assert.equal(45 * S, wait(l, 1, 5 * S))
  end)

  it("takes the last that it was told of the clock, also when that is what it had before", function()
    local l = limiter(1)
    C.limiter_clock(l, 10 * S, 0)
    C.limiter_clock(l, 0, 0) -- before the first was of any use
    spend(l, 1, 5 * S)
    assert.equal(55 * S, wait(l, 1, 5 * S))
    C.limiter_clock(l, 20 * S, 0)
    C.limiter_clock(l, 10 * S, 0)
    assert.equal(45 * S, wait(l, 1, 5 * S))
  end)

  it("is never surer of the clock than its guard", function()
    for uncertainty, expected in pairs { [0] = 200000, [200000] = 200000, [200001] = 200001, [500000] = 500000 } do
      local l = limiter(1, 200000)
      C.limiter_clock(l, 0, uncertainty)
      spend(l, 1, 30 * S)
      assert.equal(30 * S + expected, wait(l, 1, 30 * S))
    end
  end)

  it("waits out the uncertainty after a full window", function()
    local l = limiter(1, 200000)
    spend(l, 1, 30 * S)
    assert.equal(30 * S + 200000, wait(l, 1, 30 * S))
    assert.equal(200000, wait(l, 1, 60 * S))
    assert.equal(0, wait(l, 1, 60 * S + 200000))
  end)

  it("counts what is answered near the edge in the next window as well", function()
    local l = limiter(2, 200000)
    spend(l, 1, 60 * S - 100000)
    spend(l, 1, 60 * S - 100000)
    assert.is_true(wait(l, 1, 60 * S + 300000) > 59 * S)
  end)

  it("counts what is unanswered at the turn on both sides", function()
    local l = limiter(1)
    C.limiter_take(l, cost(1), 59 * S)
    assert.is_true(wait(l, 1, 61 * S) > 0)
    C.limiter_done(l, cost(1), 62 * S)
    assert.equal(58 * S, wait(l, 1, 62 * S))
    assert.equal(0, wait(l, 1, 120 * S))
  end)

  it("keeps a reserve for CRITICAL", function()
    local l = limiter(10, 0, 0.2)
    for _ = 1, 8 do
      spend(l, 1, 0)
    end
    assert.is_true(wait(l, 1, 0) > 0)
    assert.equal(0, wait(l, 2, 0, CRITICAL))
    assert.is_true(wait(l, 3, 0, CRITICAL) > 0)
  end)

  it(
    "says never to what is larger than a window",
    function() assert.is_true(C.limiter_wait_us(limiter(10), cost(11), NORMAL, 0, nil) == C.LIMITER_NEVER) end
  )

  it("is corrected upward at once and downward only by the turn", function()
    local l = limiter(10)
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 10, S, S)
    assert.equal(59 * S, wait(l, 1, S))
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 3, S, S)
    assert.equal(59 * S, wait(l, 1, S))
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 10, S, 61 * S) -- speaks of the window before
    assert.equal(0, wait(l, 1, 61 * S))
  end)

  it("returns what was never sent", function()
    local l = limiter(1)
    C.limiter_take(l, cost(1), S)
    C.limiter_return(l, cost(1), S, 2 * S)
    assert.equal(0, wait(l, 1, 2 * S))
  end)

  it("closes the gate and never shortens it", function()
    local l = limiter(10)
    C.limiter_gate(l, 5 * S)
    C.limiter_gate(l, 3 * S)
    assert.equal(4 * S, wait(l, 1, S, CRITICAL))
    assert.equal(0, wait(l, 1, 5 * S))
  end)

  it("keeps its counts when a limit changes", function()
    local l = limiter(10)
    spend(l, 8, 0)
    C.limiter_set(l, C.LIMIT_WEIGHT, 60 * S, 20, 0, 0)
    assert.equal(0, wait(l, 12, 0))
    assert.is_true(wait(l, 13, 0) > 0)
  end)

  describe("others on the address", function()
    -- a header of a window of 60 s, 1200 weight
    local function hear(l, used, now) C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, used, now, now) end

    it("takes the first header for a level, not a rate", function()
      local l = limiter(1200)
      hear(l, 500, 30 * S)
      assert.equal(0, wait(l, 700, 30 * S))
      assert.is_true(wait(l, 701, 30 * S) > 0)
    end)

    it("keeps free what they are expected to spend until the turn, but not from CRITICAL", function()
      local l = limiter(1200)
      hear(l, 0, 0)
      hear(l, 180, 30 * S) -- 6 a second: 180 more until the turn, 6 of slack, and twice the root of both, 27
      assert.equal(0, wait(l, 1200 - 180 - 213, 30 * S))
      assert.is_true(wait(l, 1200 - 180 - 212, 30 * S) > 0)
      assert.equal(0, wait(l, 1020, 30 * S, CRITICAL))
      assert.is_true(wait(l, 1021, 30 * S, CRITICAL) > 0)
    end)

    it("lets go of it as time passes, and says when", function()
      local l = limiter(1200)
      hear(l, 0, 0)
      hear(l, 180, 30 * S)
      local w = wait(l, 1200 - 180 - 126 - 22, 30 * S) -- 10 s later 60 less are expected, and less scatter
      assert.is_true(w > 9 * S and w <= 10.2 * S)
      assert.equal(0, wait(l, 1200 - 180 - 126 - 22, 30 * S + w))
    end)

    it("carries the rate into the next window, and unlearns it by observing", function()
      local l = limiter(1200)
      hear(l, 0, 0)
      hear(l, 354, 59 * S)
      assert.is_true(wait(l, 841, 60 * S) > 0)
      assert.equal(0, wait(l, 795, 60 * S))
      hear(l, 0, 61 * S)
      hear(l, 0, 119 * S)
      assert.equal(0, wait(l, 1190, 121 * S))
    end)

    it("never takes its own spending for theirs", function()
      local l = limiter(1200)
      hear(l, 0, 1 * S)
      for i = 1, 100 do
        C.limiter_take(l, cost(5), i * S / 10 + S)
        hear(l, 5 * i, i * S / 10 + S)
        C.limiter_done(l, cost(5), i * S / 10 + S)
      end
      assert.equal(1, C.limiter_left_by_others(l, 20 * S))
      assert.equal(0, wait(l, 700, 20 * S))
    end)

    it("counts only what is spent when forecasts are off", function()
      local l = limiter(1200)
      l.forecasts = false
      hear(l, 0, 0)
      hear(l, 180, 30 * S)
      assert.equal(0, wait(l, 1020, 30 * S))
    end)
  end)

  it("counts orders apart in windows of a minute and more", function()
    local l = limiter(100)
    assert.equal(0, C.limiter_set(l, C.LIMIT_ORDERS, 10 * S, 10, 0, 0))
    assert.equal(0, C.limiter_set(l, C.LIMIT_ORDERS, 60 * S, 10, 0, 0))
    local batch = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
    batch[C.LIMIT_ORDERS], batch[C.LIMIT_ORDERS_LONG] = 5, 1
    for _ = 1, 2 do
      assert.equal(0, tonumber(C.limiter_wait_us(l, batch, NORMAL, 0, nil)))
      C.limiter_take(l, batch, 0)
      C.limiter_done(l, batch, 0)
    end
    assert.equal(10 * S, tonumber(C.limiter_wait_us(l, batch, NORMAL, 0, nil)))
    assert.equal(0, tonumber(C.limiter_wait_us(l, batch, NORMAL, 10 * S, nil)))
    assert.equal(2, C.limiter_used(l, 2))
  end)

  it("tells which of two ways to send presses less", function()
    local l = limiter(2400)
    C.limiter_set(l, C.LIMIT_ORDERS, 60 * S, 1200, 0, 0)
    local five, batch = ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT), ffi.new("int32_t[?]", C.LIMIT_KIND_COUNT)
    five[C.LIMIT_ORDERS_LONG] = 5
    batch[C.LIMIT_ORDERS_LONG], batch[C.LIMIT_WEIGHT] = 1, 5
    assert.is_true(C.limiter_strain(l, batch, 0) < C.limiter_strain(l, five, 0))
    spend(l, 2390, 0)
    assert.is_true(C.limiter_strain(l, batch, 0) > C.limiter_strain(l, five, 0))
  end)

  it("takes none from shared memory that it cannot have written", function()
    local max, now = ffi.cast("int64_t", 2 ^ 56), 100 * S
    local most = tonumber(C.LIMITER_COUNT_MAX)
    local gate = 8 * 86400 * S
    local function of(change)
      local l = limiter(10, 1000)
      spend(l, 1, now)
      change(l, l.windows[0])
      return C.limiter_check(l, now, max)
    end
    local function set(name, value)
      return function(l) l[name] = value end
    end
    local function window(name, value)
      return function(_, w) w[name] = value end
    end
    local function interval(value)
      return function(_, w)
        w.interval_us = value
        w.end_us = w.start_us + value
      end
    end
    local good = {
      { "as it is", function() end },
      { "no window", set("count", 0) },
      { "forecasts off", set("forecasts", false) },
      { "offset at its most", set("offset_next_us", max - 1) },
      { "offset at its least", set("offset_next_us", 1 - max) },
      { "no guard", set("guard_us", 0) },
      { "guard at its uncertainty", set("uncertainty_us", 1000) },
      { "uncertainty at its most", set("uncertainty_us", max - 1) },
      { "the longest gate", set("gate_us", now + gate) },
      { "a gate long ago", set("gate_us", 1 - max) },
      { "no gate ever", set("gate_us", ffi.cast("int64_t", -2 ^ 63)) },
      { "turn at once", set("turn_us", ffi.cast("int64_t", -2 ^ 63)) },
      { "turn at the end of the window", set("turn_us", 120 * S) },
      { "the most outstanding", function(l) l.outstanding[C.LIMIT_KIND_COUNT - 1] = most end },
      { "limit of one", window("limit", 1) },
      { "limit at its most", window("limit", most) },
      { "all in reserve", window("reserve", 10) },
      { "used at its most", window("used", most) },
      { "previous at its most", window("previous", most) },
      { "carry at its most", window("carry", most) },
      { "others at their most", window("others", most) },
      { "others not heard", window("others_base", -1) },
      { "others heard", window("others_base", most) },
      { "nothing expected yet", window("expected", -1) },
      { "expected at its most", window("expected", most) },
      { "base at its most", window("base_us", max - 1) },
      { "heard at its least", window("heard_us", 1 - max) },
      {
        "an end two intervals from now",
        function(_, w)
          w.start_us, w.end_us = now + 60 * S, now + 120 * S
        end,
      },
    }
    local damaged = {
      { "fewer windows than none", set("count", -1) },
      { "more windows than there are", set("count", C.LIMITER_WINDOWS_MAX + 1) },
      { "a window that was never set", set("count", 2) },
      {
        "a flag that is neither",
        function(l) ffi.cast("unsigned char *", l)[ffi.offsetof("struct limiter", "forecasts")] = 2 end,
      },
      { "offset beyond time", set("offset_us", max) },
      { "offset before time", set("offset_us", -max) },
      { "next offset beyond time", set("offset_next_us", max) },
      { "next offset before time", set("offset_next_us", -max) },
      { "a negative guard", set("guard_us", -1) },
      {
        "a guard beyond time",
        function(l)
          l.guard_us, l.uncertainty_us = max, max
        end,
      },
      { "surer than its guard", set("uncertainty_us", 999) },
      { "uncertainty beyond time", set("uncertainty_us", max) },
      { "a gate longer than any ban", set("gate_us", now + gate + 1) },
      { "a gate before time", set("gate_us", -max) },
      { "a turn beyond time", set("turn_us", max) },
      { "a turn before time", set("turn_us", -max) },
      { "a turn after the end of a window", set("turn_us", 120 * S + 1) },
      { "less than nothing outstanding", function(l) l.outstanding[0] = -1 end },
      { "less than nothing of the last kind", function(l) l.outstanding[C.LIMIT_KIND_COUNT - 1] = -1 end },
      { "too much outstanding", function(l) l.outstanding[1] = most + 1 end },
      { "a kind that is none", window("kind", C.LIMIT_KIND_COUNT) },
      { "no interval", interval(0) },
      { "an interval beyond time", interval(max) },
      { "no limit", window("limit", 0) },
      { "limit beyond its most", window("limit", most + 1) },
      { "reserve below nothing", window("reserve", -1) },
      { "reserve above the limit", window("reserve", 11) },
      { "used below nothing", window("used", -1) },
      { "used beyond its most", window("used", most + 1) },
      { "previous below nothing", window("previous", -1) },
      { "previous beyond its most", window("previous", most + 1) },
      { "carry below nothing", window("carry", -1) },
      { "carry beyond its most", window("carry", most + 1) },
      { "others below nothing", window("others", -1) },
      { "others beyond their most", window("others", most + 1) },
      { "base of others below unknown", window("others_base", -2) },
      { "base of others beyond its most", window("others_base", most + 1) },
      { "expected below unknown", window("expected", -2) },
      { "expected beyond its most", window("expected", most + 1) },
      { "start before time", window("start_us", -max) },
      { "an end that is not its start and interval", window("end_us", 120 * S + 1) },
      { "base beyond time", window("base_us", max) },
      { "heard before time", window("heard_us", -max) },
      {
        "an end more than two intervals from now",
        function(_, w)
          w.start_us, w.end_us = now + 60 * S + 1, now + 120 * S + 1
        end,
      },
    }
    for _, case in ipairs(good) do
      assert.is_true(of(case[2]), case[1])
    end
    for _, case in ipairs(damaged) do
      assert.is_false(of(case[2]), case[1])
    end
  end)

  it("adds and removes windows as the exchange tells them, as many as there is room for", function()
    local l = ffi.new "struct limiter"
    C.limiter_init(l, 0)
    for i = 1, C.LIMITER_WINDOWS_MAX do
      assert.equal(0, C.limiter_set(l, C.LIMIT_WEIGHT, i * S, 10, 0, 0))
    end
    assert.equal(C.ERR_FULL, C.limiter_set(l, C.LIMIT_WEIGHT, 99 * S, 10, 0, 0))
    assert.equal(0, C.limiter_set(l, C.LIMIT_WEIGHT, 99 * S, 0, 0, 0)) -- removes what is not there
    assert.equal(C.LIMITER_WINDOWS_MAX, l.count)
    for i = 1, C.LIMITER_WINDOWS_MAX - 1 do
      assert.equal(0, C.limiter_set(l, C.LIMIT_WEIGHT, i * S, 0, 0, 0))
    end
    assert.equal(1, l.count)
    spend(l, 10, 0)
    assert.equal(C.LIMITER_WINDOWS_MAX * S, wait(l, 1, 0))
    assert.equal(0, C.limiter_set(l, C.LIMIT_WEIGHT, C.LIMITER_WINDOWS_MAX * S, 0, 0, 0))
    assert.equal(0, wait(l, 1, 0))
  end)

  it("counts what is under way in a window that is added meanwhile, and in the one before it", function()
    local l = limiter(10, 1000)
    C.limiter_take(l, cost(4), 130 * S)
    assert.equal(0, C.limiter_set(l, C.LIMIT_WEIGHT, 10 * S, 6, 0, 130 * S))
    assert.equal(4, l.windows[1].used)
    assert.equal(4, l.windows[1].previous)
    assert.equal(0, wait(l, 2, 130 * S))
    assert.is_true(wait(l, 3, 130 * S) > 0)
  end)

  it("keeps the share that it was told in reserve, rounded down", function()
    for limit, expected in pairs { [10] = 2, [14] = 3, [3] = 0 } do
      local l = limiter(limit, 0, 0.25)
      assert.equal(expected, l.windows[0].reserve)
      assert.equal(0, wait(l, limit - expected, 0))
      assert.is_true(C.limiter_wait_us(l, cost(limit - expected + 1), NORMAL, 0, nil) == C.LIMITER_NEVER)
      assert.equal(0, wait(l, limit, 0, CRITICAL))
    end
  end)

  it("says which windows are in the way, the gate being in the way of all", function()
    local l = limiter(10)
    assert.equal(0, C.limiter_set(l, C.LIMIT_REQUESTS, 60 * S, 3, 0, 0))
    assert.equal(0, C.limiter_set(l, C.LIMIT_WEIGHT, 10 * S, 5, 0, 0))
    local both, blocked = cost(5), ffi.new "uint32_t[1]"
    both[C.LIMIT_REQUESTS] = 1
    assert.equal(0, tonumber(C.limiter_wait_us(l, both, NORMAL, 0, blocked)))
    assert.equal(0, blocked[0])
    spend(l, 5, 0)
    assert.equal(10 * S, tonumber(C.limiter_wait_us(l, both, NORMAL, 0, blocked)))
    assert.equal(4, blocked[0])
    assert.is_true(C.limiter_touches(l, both, 4))
    assert.is_true(C.limiter_touches(l, both, 2))
    assert.is_false(C.limiter_touches(l, both, 0))
    assert.is_false(C.limiter_touches(l, both, 8))
    assert.is_false(C.limiter_touches(l, cost(1), 2)) -- takes no request
    assert.is_true(C.limiter_touches(l, cost(0), 0xffffffff))
    spend(l, 5, 0)
    blocked[0] = 0
    assert.equal(60 * S, tonumber(C.limiter_wait_us(l, both, NORMAL, 0, blocked))) -- the longest
    assert.equal(5, blocked[0])
    C.limiter_gate(l, 30 * S)
    blocked[0] = 0
    assert.equal(60 * S, tonumber(C.limiter_wait_us(l, both, NORMAL, 0, blocked)))
    assert.equal(0xffffffff, blocked[0])
    C.limiter_gate(l, 90 * S)
    assert.equal(90 * S, tonumber(C.limiter_wait_us(l, both, NORMAL, 0, nil)))
  end)

  it("spaces by the slowest window of weight, or of requests where no weight is limited", function()
    local l = ffi.new "struct limiter"
    C.limiter_init(l, 0)
    assert.equal(0, tonumber(C.limiter_spacing_us(l)))
    C.limiter_set(l, C.LIMIT_REQUESTS, 300 * S, 30, 0, 0)
    C.limiter_set(l, C.LIMIT_ORDERS, 10 * S, 1, 0, 0)
    assert.equal(10 * S, tonumber(C.limiter_spacing_us(l)))
    C.limiter_set(l, C.LIMIT_WEIGHT, 60 * S, 120, 0, 0)
    C.limiter_set(l, C.LIMIT_WEIGHT, 10 * S, 40, 0, 0)
    assert.equal(S / 2, tonumber(C.limiter_spacing_us(l)))
  end)

  it("says how hard a cost presses: its shares of the room of each window it touches", function()
    local l = limiter(100)
    C.limiter_set(l, C.LIMIT_WEIGHT, 10 * S, 50, 0, 0)
    C.limiter_set(l, C.LIMIT_ORDERS, 10 * S, 5, 0, 0)
    spend(l, 20, 0)
    assert.near(10 / 80 + 10 / 30, C.limiter_strain(l, cost(10), 0), 1e-12)
    spend(l, 30, 0)
    assert.near(10 / 50 + 10 / 1, C.limiter_strain(l, cost(10), 0), 1e-12) -- no room: as if of one
    l.forecasts = false
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 60, 0, 0) -- ten by others
    assert.near(10 / 40 + 10 / 1, C.limiter_strain(l, cost(10), 0), 1e-12)
    assert.near(10 / 40 + 10 / 50, C.limiter_strain(l, cost(10), 10 * S), 1e-12)
  end)

  it("leaves what the others leave of the tightest window", function()
    local l = limiter(100)
    l.forecasts = false
    C.limiter_set(l, C.LIMIT_REQUESTS, 60 * S, 50, 0, 0)
    assert.equal(1, C.limiter_left_by_others(l, 0))
    C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 30, S, S)
    assert.near(0.7, C.limiter_left_by_others(l, S), 1e-12)
    C.limiter_correct(l, C.LIMIT_REQUESTS, 60 * S, 20, S, S)
    assert.near(0.6, C.limiter_left_by_others(l, S), 1e-12)
    C.limiter_correct(l, C.LIMIT_REQUESTS, 60 * S, 60, S, S)
    assert.equal(0, C.limiter_left_by_others(l, S))
    assert.equal(1, C.limiter_left_by_others(l, 60 * S))
  end)

  it("remembers until its windows bind nobody and the gate is open", function()
    local function over(now, change)
      local l = limiter(10, 1000)
      change(l, l.windows[0])
      return C.limiter_is_over(l, now)
    end
    assert.is_true(over(0, function() end)) -- nothing is spent
    for _, name in ipairs { "used", "previous", "carry", "others" } do
      local spent = function(_, w) w[name] = 1 end
      -- The window and the one after it, and twice the clock's doubt.
      assert.is_false(over(120 * S + 2000 - 1, spent), name)
      assert.is_true(over(120 * S + 2000, spent), name)
    end
    local gate = function(l) C.limiter_gate(l, 5 * S) end
    assert.is_false(over(5 * S - 1, gate))
    assert.is_true(over(5 * S, gate))
  end)

  it(
    "gives back what was never sent to the window in which it was taken, and to the one before at its edge",
    function()
      local l = limiter(10, 1000)
      C.limiter_take(l, cost(4), 60 * S + 999) -- may count in the window before
      assert.equal(4, l.windows[0].used)
      assert.equal(4, l.windows[0].previous)
      C.limiter_return(l, cost(4), 60 * S + 999, 61 * S)
      assert.equal(0, l.windows[0].used)
      assert.equal(0, l.windows[0].previous)
      l.windows[0].previous = 5
      C.limiter_take(l, cost(4), 60 * S + 1000)
      assert.equal(5, l.windows[0].previous)
      C.limiter_return(l, cost(4), 60 * S + 1000, 61 * S)
      assert.equal(0, l.windows[0].used)
      assert.equal(5, l.windows[0].previous)
      C.limiter_take(l, cost(4), 62 * S)
      C.limiter_return(l, cost(4), 62 * S, 130 * S) -- after the turn, where it counted too
      assert.equal(0, l.windows[0].used)
      assert.equal(0, l.outstanding[C.LIMIT_WEIGHT])
    end
  )

  it("counts what is answered within the doubt before the end in the next window, and earlier not", function()
    local l = limiter(10, 1000)
    C.limiter_take(l, cost(4), 59 * S)
    C.limiter_done(l, cost(1), 60 * S - 1001)
    assert.equal(0, l.windows[0].carry)
    C.limiter_done(l, cost(1), 60 * S - 1000)
    assert.equal(1, l.windows[0].carry)
    C.limiter_abandon(l, cost(1), 60 * S - 500)
    assert.equal(2, l.windows[0].carry)
    assert.is_true(wait(l, 1, 60 * S) == 0)
    assert.equal(2 + 1, l.windows[0].used) -- carried over, and one still under way
    assert.equal(4, l.windows[0].previous)
    assert.equal(0, l.windows[0].carry)
  end)

  it(
    "skips windows in which nothing was asked: what was under way counts in both that may hold it",
    function()
      local l = limiter(10)
      C.limiter_take(l, cost(4), S)
      C.limiter_done(l, cost(1), S)
      assert.is_true(wait(l, 1, 60 * S) == 0)
      assert.equal(3, l.windows[0].used)
      C.limiter_take(l, cost(2), 100 * S)
      C.limiter_done(l, cost(2), 100 * S)
      assert.equal(5, l.windows[0].used)
      assert.is_true(wait(l, 1, 180 * S) == 0) -- one window was passed over
      assert.equal(3, l.windows[0].used)
      assert.equal(3, l.windows[0].previous)
      assert.equal(180 * S, tonumber(l.windows[0].start_us))
      assert.equal(240 * S, tonumber(l.windows[0].end_us))
    end
  )

  it("counts in both windows what a corrected clock shows in the wrong one", function()
    local l = limiter(10)
    spend(l, 4, 50 * S)
    C.limiter_clock(l, 20 * S, 0)
    assert.equal(0, wait(l, 1, 51 * S)) -- the exchange is at 71 s
    assert.equal(60 * S, tonumber(l.windows[0].start_us))
    assert.equal(4, l.windows[0].used)
    assert.equal(4, l.windows[0].previous)
    spend(l, 1, 52 * S)
    C.limiter_clock(l, 21 * S, 0) -- the same window: nothing moves
    assert.equal(0, wait(l, 1, 53 * S))
    assert.equal(5, l.windows[0].used)
    assert.equal(4, l.windows[0].previous)
    C.limiter_clock(l, -20 * S, 0)
    assert.equal(0, wait(l, 1, 54 * S))
    assert.equal(0, tonumber(l.windows[0].start_us))
    assert.equal(60 * S, tonumber(l.windows[0].end_us))
    assert.equal(5, l.windows[0].previous)
  end)

  it("hears a header only of what was sent surely within the window", function()
    for sent, heard in pairs { [60 * S + 999] = 0, [60 * S + 1000] = 7 } do
      local l = limiter(10, 1000)
      l.forecasts = false
      C.limiter_correct(l, C.LIMIT_WEIGHT, 60 * S, 7, sent, 62 * S)
      assert.equal(heard, C.limiter_used(l, 0))
    end
    local l = limiter(10)
    C.limiter_correct(l, C.LIMIT_WEIGHT, 10 * S, 7, S, S) -- a window we do not know
    C.limiter_correct(l, C.LIMIT_REQUESTS, 60 * S, 7, S, S)
    assert.equal(0, C.limiter_used(l, 0))
  end)
end)

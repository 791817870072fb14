local ffi = require "ffi"
local C = require "spec.support.c"

local S = 1000000

local function alerts(set)
  local c, e, a = ffi.new "struct api_config", ffi.new "struct errmsg", ffi.new "struct alerts"
  C.api_config_defaults(c)
  for k, v in pairs(set) do
    assert.equal(0, C.api_config_set_number(c, k, v, e))
  end
  C.alerts_init(a, c, 0)
  return a
end

local function check(a, values, now)
  local v, out = ffi.new "struct alert_values", ffi.new("struct notice[?]", C.ALERT_RULE_COUNT)
  v.settled, v.answered = 100, 100
  v.value[C.ALERT_SUCCESS_RATE] = 1
  for rule, value in pairs(values) do
    if type(rule) == "string" then
      v[rule] = value
    else
      v.value[rule] = value
    end
  end
  local list = {}
  for i = 0, C.alerts_check(a, v, now or 0, out) - 1 do
    list[#list + 1] = (out[i].raised and "+" or "-") .. ffi.string(C.alert_rule_name(out[i].rule))
  end
  return table.concat(list, " ")
end

describe("alerts", function()
  it("rise once and fall once", function()
    local a = alerts { alert_queue = 10 }
    assert.equal("", check(a, { [C.ALERT_QUEUE] = 10 }))
    assert.equal("+queue", check(a, { [C.ALERT_QUEUE] = 11 }))
    assert.equal("", check(a, { [C.ALERT_QUEUE] = 12 }))
    assert.equal("-queue", check(a, { [C.ALERT_QUEUE] = 3 }))
  end)

  it("judge success and latency only by enough answers", function()
    local a = alerts { alert_success_rate = 0.9, alert_latency = 0.5, alert_min_count = 20 }
    local bad = { [C.ALERT_SUCCESS_RATE] = 0.2, [C.ALERT_LATENCY] = 3 }
    assert.equal(
      "",
      check(a, { [C.ALERT_SUCCESS_RATE] = 0.2, [C.ALERT_LATENCY] = 3, settled = 19, answered = 19 })
    )
    assert.equal("+success_rate +latency", check(a, bad))
  end)

  it("know every rule and are off unless asked for", function()
    local all = {
      [C.ALERT_SUCCESS_RATE] = 0,
      [C.ALERT_LATENCY] = 9,
      [C.ALERT_QUEUE] = 9e5,
      [C.ALERT_CIRCUIT] = 3,
      [C.ALERT_LIMIT_USAGE] = 1,
      [C.ALERT_CLOCK_SKEW] = 9,
    }
    local off = alerts {}
    assert.is_true(tonumber(off.next_us) > 1e18)
    assert.equal("", check(off, all))
    local a = alerts {
      alert_success_rate = 0.5,
      alert_latency = 1,
      alert_queue = 1,
      alert_circuit = 1,
      alert_limit_usage = 0.5,
      alert_clock_skew = 1,
      alert_interval = 5,
    }
    assert.equal(5 * S, tonumber(a.next_us))
    assert.equal("+success_rate +latency +queue +circuit +limit_usage +clock_skew", check(a, all, 5 * S))
    assert.equal(10 * S, tonumber(a.next_us))
  end)

  it("stand at their threshold and cross beyond it, each the right way", function()
    -- rule, setting, threshold, a value beyond it; a success rate crosses downwards
    local rows = {
      { C.ALERT_SUCCESS_RATE, "alert_success_rate", 0.9, 0.89 },
      { C.ALERT_LATENCY, "alert_latency", 0.5, 0.6 },
      { C.ALERT_QUEUE, "alert_queue", 10, 11 },
      { C.ALERT_LIMIT_USAGE, "alert_limit_usage", 0.8, 0.81 },
      { C.ALERT_CLOCK_SKEW, "alert_clock_skew", 0.5, 0.6 },
    }
    for _, row in ipairs(rows) do
      local rule, name, at, beyond = unpack(row)
      local a = alerts { [name] = at, alert_min_count = 20 }
      local label = ffi.string(C.alert_rule_name(rule))
      assert.equal("", check(a, { [rule] = at }), name)
      assert.equal("+" .. label, check(a, { [rule] = beyond }), name)
      assert.equal("-" .. label, check(a, { [rule] = at }), name)
    end
    local a = alerts { alert_success_rate = 0.9, alert_latency = 0.5, alert_min_count = 20 }
    assert.equal("+success_rate", check(a, { [C.ALERT_SUCCESS_RATE] = 0.2, settled = 20, answered = 19 }))
    assert.equal("+latency", check(a, { [C.ALERT_SUCCESS_RATE] = 0.2, [C.ALERT_LATENCY] = 3, answered = 20 }))
  end)

  it("count an open breaker as one too many", function()
    local a = alerts { alert_circuit = 1 }
    assert.equal("", check(a, { [C.ALERT_CIRCUIT] = 0 }))
    assert.equal("+circuit", check(a, { [C.ALERT_CIRCUIT] = 1 }))
  end)

  it(
    "are cleared by taking their threshold away, but for the journal's, and look again in one interval",
    function()
      local c, a = ffi.new "struct api_config", alerts { alert_queue = 10, alert_interval = 5 }
      a.threshold[C.ALERT_JOURNAL] = 1
      assert.equal("+queue +journal", check(a, { [C.ALERT_QUEUE] = 11, [C.ALERT_JOURNAL] = 2 }, S))
      assert.equal(6 * S, tonumber(a.next_us))
      C.api_config_defaults(c)
      a.threshold[C.ALERT_JOURNAL] = 0
      C.alerts_configure(a, c, 7 * S)
      assert.is_false(a.raised[C.ALERT_QUEUE])
      assert.is_true(a.raised[C.ALERT_JOURNAL])
      assert.is_true(tonumber(a.next_us) > 1e18)
      c.alert_queue, c.alert_interval_us = 3, 2 * S
      C.alerts_configure(a, c, 7 * S)
      assert.equal(9 * S, tonumber(a.next_us))
    end
  )

  it("name every rule and nothing else", function()
    for rule = 0, tonumber(C.ALERT_RULE_COUNT) - 1 do
      assert.not_equal("unknown", ffi.string(C.alert_rule_name(rule)))
    end
    assert.equal("success_rate", ffi.string(C.alert_rule_name(0)))
    assert.equal("journal", ffi.string(C.alert_rule_name(C.ALERT_RULE_COUNT - 1)))
    assert.equal("unknown", ffi.string(C.alert_rule_name(-1)))
    assert.equal("unknown", ffi.string(C.alert_rule_name(C.ALERT_RULE_COUNT)))
  end)
end)

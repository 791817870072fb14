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
end)

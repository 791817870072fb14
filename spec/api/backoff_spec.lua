local ffi = require "ffi"
local C = require "spec.support.c"

local function backoff(kind, set)
  local c, b, e = ffi.new "struct api_config", ffi.new "struct backoff", ffi.new "struct errmsg"
  C.api_config_defaults(c)
  for k, v in pairs(set or {}) do
    assert.equal(0, C.api_config_set_number(c, k, v, e))
  end
  assert.equal(0, C.api_config_set_text(c, "backoff", kind, e))
  C.backoff_init(b, c)
  return b
end
local function series(b)
  local out = {}
  for i = 1, 6 do
    out[i] = tonumber(C.backoff_base_us(b, i)) / 1e6
  end
  return out
end
local plain = { initial_backoff = 1, max_backoff = 10 }

describe("backoff", function()
  it("grows as asked, up to the cap", function()
    assert.same({ 1, 2, 4, 8, 10, 10 }, series(backoff("exponential", plain)))
    assert.same({ 1, 2, 3, 4, 5, 6 }, series(backoff("linear", plain)))
    assert.same({ 1, 1, 2, 3, 5, 8 }, series(backoff("fibonacci", plain)))
  end)

  it("adapts to failures", function()
    local b = backoff("adaptive", plain)
    assert.equal(1e6, tonumber(C.backoff_base_us(b, 1)))
    for _ = 1, 200 do
      C.backoff_report(b, false)
    end
    assert.is_true(tonumber(C.backoff_base_us(b, 1)) > 3.9e6)
  end)

  it("draws full jitter from the seed, with Retry-After as the floor", function()
    local a, b = backoff("exponential", plain), backoff("exponential", plain)
    local low, high = math.huge, 0
    for _ = 1, 1000 do
      local d = tonumber(C.backoff_delay_us(a, 3, 0))
      assert.equal(d, tonumber(C.backoff_delay_us(b, 3, 0)))
      low, high = math.min(low, d), math.max(high, d)
    end
    assert.is_true(low < 0.1e6 and high > 3.9e6 and high <= 4e6)
    assert.equal(60e6, tonumber(C.backoff_delay_us(a, 1, 60000000)))
  end)

  it("has a quota that successes refill", function()
    local b = backoff("linear", { retry_quota = 2, retry_refill = 0.5 })
    assert.is_true(C.backoff_take(b))
    assert.is_true(C.backoff_take(b))
    assert.is_false(C.backoff_take(b))
    C.backoff_report(b, true)
    C.backoff_report(b, true)
    assert.is_true(C.backoff_take(b))
  end)

  it("grows by its law at every attempt, to the cap and no further", function()
    local fib = { 1, 1 }
    for i = 3, 60 do
      fib[i] = fib[i - 1] + fib[i - 2]
    end
    local laws = {
      exponential = function(n) return 2 ^ math.min(n - 1, 39) end,
      linear = function(n) return n end,
      fibonacci = function(n) return fib[math.min(n, 60)] end,
      adaptive = function(n) return 2 ^ math.min(n - 1, 39) end, -- before anything has failed
    }
    for kind, law in pairs(laws) do
      local b = backoff(kind, { initial_backoff = 0.001, max_backoff = 3600 })
      b.max_us = 2 ^ 52
      for n = 1, 70 do
        assert.equal(math.min(1000 * law(n), 2 ^ 52), tonumber(C.backoff_base_us(b, n)), kind .. " " .. n)
      end
    end
  end)

  it("adapts up to four times, by a twentieth of what is missing with each failure", function()
    local b, pressure = backoff("adaptive", { initial_backoff = 1, max_backoff = 1000 }), 0
    for i = 1, 100 do
      local success = i % 7 == 0
      C.backoff_report(b, success)
      pressure = pressure + ((success and 0 or 1) - pressure) / 20
      assert.near(2e6 * (1 + 3 * pressure), tonumber(C.backoff_base_us(b, 2)), 1)
    end
  end)

  it("draws the part of the wait that jitter leaves open, and no less than the rest", function()
    for _, jitter in ipairs { 0, 0.25, 1 } do
      local b = backoff("linear", { initial_backoff = 1, max_backoff = 10, backoff_jitter = jitter })
      local low, high = math.huge, 0
      for _ = 1, 2000 do
        local delay = tonumber(C.backoff_delay_us(b, 2, 0))
        low, high = math.min(low, delay), math.max(high, delay)
      end
      assert.is_true(low >= 2e6 * (1 - jitter) - 1 and low <= 2e6 * (1 - jitter) + 0.01e6)
      assert.is_true(high <= 2e6 and high >= 2e6 - 0.01e6)
      assert.equal(7e6, tonumber(C.backoff_delay_us(b, 2, 7000000)))
    end
  end)

  it(
    "takes whole retries from the quota, never more than it holds, and none is asked where none is set",
    function()
      local b = backoff("linear", { retry_quota = 3, retry_refill = 0.5 })
      for _ = 1, 100 do
        C.backoff_report(b, true) -- full already
      end
      for _ = 1, 3 do
        assert.is_true(C.backoff_take(b))
      end
      C.backoff_report(b, true)
      assert.is_false(C.backoff_take(b)) -- a half
      C.backoff_report(b, false) -- a failure refills nothing
      assert.is_false(C.backoff_take(b))
      C.backoff_report(b, true)
      assert.is_true(C.backoff_take(b)) -- exactly one
      assert.is_false(C.backoff_take(b))

      local c = ffi.new "struct api_config"
      C.api_config_defaults(c)
      c.retry_quota = 2
      b.quota = 3
      C.backoff_configure(b, c) -- a smaller purse holds no more than it can
      assert.equal(2, b.quota)
      b.quota = 1
      C.backoff_configure(b, c)
      assert.equal(1, b.quota)

      b = backoff("linear", { retry_quota = 0 })
      for _ = 1, 10 do
        assert.is_true(C.backoff_take(b))
      end
    end
  )
end)

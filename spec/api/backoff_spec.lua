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
end)

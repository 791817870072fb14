local ffi = require "ffi"
local C = require "spec.support.c"

local function fresh()
  local c, e = ffi.new "struct api_config", ffi.new "struct errmsg"
  C.api_config_defaults(c)
  return c, e
end

describe("api config", function()
  it("takes every default within its own bounds", function()
    local c, e = fresh()
    local n = ffi.new "int32_t[1]"
    local keys = C.api_config_keys(n)
    assert.is_true(n[0] > 30)
    for i = 0, n[0] - 1 do
      local name, v = ffi.string(keys[i].name), ffi.new "double[1]"
      assert.equal(0, C.api_config_get_number(c, name, v, e))
      assert.is_true(math.abs(v[0] - keys[i].preset) < 1e-9, name)
      assert.is_true(v[0] >= keys[i].min and v[0] <= keys[i].max, name)
      assert.is_true(#name <= 48)
    end
  end)

  it("converts seconds", function()
    local c, e = fresh()
    assert.equal(0, C.api_config_set_number(c, "queue_timeout", 1.5, e))
    assert.equal(1500000, tonumber(c.queue_timeout_us))
  end)

  it("names the nearest key", function()
    local c, e = fresh()
    assert.equal(C.ERR_NOT_FOUND, C.api_config_set_number(c, "queue_timout", 1, e))
    assert.matches("queue_timeout", ffi.string(e.text))
  end)

  it("refuses what is out of range, naming the bounds", function()
    local c, e = fresh()
    assert.equal(C.ERR_INVALID, C.api_config_set_number(c, "workers", 257, e))
    assert.matches("1 to 256", ffi.string(e.text))
    assert.equal(C.ERR_INVALID, C.api_config_set_number(c, "workers", 0 / 0, e))
    assert.equal(C.ERR_INVALID, C.api_config_set_number(c, "workers", 1.5, e))
    assert.equal(10, c.workers)
  end)

  it("takes choices by name", function()
    local c, e = fresh()
    assert.equal(0, C.api_config_set_text(c, "backoff", "fibonacci", e))
    assert.equal(C.BACKOFF_FIBONACCI, c.backoff)
    assert.equal(C.ERR_INVALID, C.api_config_set_text(c, "backoff", "fib", e))
    assert.equal(C.ERR_INVALID, C.api_config_set_text(c, "workers", "3", e))
  end)

  it("knows its presets", function()
    local c, e = fresh()
    assert.equal(0, C.api_config_preset(c, "conservative", e))
    assert.equal(4, c.workers)
    assert.equal(0, C.api_config_preset(c, "high_frequency", e))
    assert.equal(0, C.api_config_preset(c, "data_collection", e))
    assert.equal(C.ERR_NOT_FOUND, C.api_config_preset(c, "conservativ", e))
    assert.matches("'conservative'", ffi.string(e.text))
  end)
end)

-- Numbers drawn: the published outputs of xoshiro256** and splitmix64, and what is made of them.
local ffi = require "ffi"
local C = require "spec.support.c"

local function digits(uint64) return (tostring(uint64):gsub("U?LL$", "")) end

describe("drawn numbers", function()
  it("are those of xoshiro256**", function()
    local r = ffi.new("struct rng", { { 1, 2, 3, 4 } })
    for _, expected in ipairs {
      "11520",
      "0",
      "1509978240",
      "1215971899390074240",
      "1216172134540287360",
      "607988272756665600",
      "16172922978634559625",
      "8476171486693032832",
      "10595114339597558777",
      "2904607092377533576",
    } do
      assert.equal(expected, digits(C.rng_next(r)))
    end
  end)

  it("start from a state that splitmix64 makes of the seed", function()
    local r = ffi.new "struct rng"
    C.rng_init(r, 0)
    for i, expected in ipairs { "e220a8397b1dcdaf", "6e789e6aa1b965f4", "06c45d188009454f", "f88bb8a8724c81ec" } do
      assert.equal(expected, bit.tohex(r.s[i - 1], 16))
    end
    C.rng_init(r, 1477776061723855037ULL)
    for i, expected in ipairs {
      "1985237415132408290",
      "2979275885539914483",
      "13511426838097143398",
      "8488337342461049707",
    } do
      assert.equal(expected, digits(r.s[i - 1]))
    end
  end)

  it("are spread over their range as they should be", function()
    local r, n = ffi.new "struct rng", 40000
    C.rng_init(r, 7)
    local sums, counts = { 0, 0, 0, 0, 0, 0 }, {}
    local least, most = 1, 0
    for _ = 1, n do
      local u, g, e = C.rng_double(r), C.rng_normal(r), C.rng_exponential(r)
      least, most = math.min(least, u), math.max(most, u)
      for i, v in ipairs { u, u * u, g, g * g, e, e * e } do
        sums[i] = sums[i] + v / n
      end
      local k = tonumber(C.rng_below(r, 5))
      counts[k] = (counts[k] or 0) + 1
    end
    assert.is_true(least >= 0 and least < 0.001 and most < 1 and most > 0.999)
    assert.near(1 / 2, sums[1], 0.01)
    assert.near(1 / 3, sums[2], 0.01)
    assert.near(0, sums[3], 0.03)
    assert.near(1, sums[4], 0.05)
    for k = 0, 4 do
      assert.near(n / 5, counts[k], n / 50)
    end
    assert.is_nil(counts[5])
    assert.equal(0, tonumber(C.rng_below(r, 1)))
  end)

  it("that wait are nearly exponential: of four quarters three go on, a mean of seven eighths", function()
    local r, n, sum, beyond = ffi.new "struct rng", 40000, 0, {}
    C.rng_init(r, 8)
    for _ = 1, n do
      local e = C.rng_exponential(r)
      assert.is_true(e >= 0)
      sum = sum + e / n
      for k = 1, 8 do
        if e >= k / 4 then beyond[k] = (beyond[k] or 0) + 1 / n end
      end
    end
    assert.near(7 / 8, sum, 0.02)
    for k = 1, 8 do
      assert.near(0.75 ^ k, beyond[k], 0.012)
    end
  end)
end)

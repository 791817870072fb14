local ffi = require "ffi"
local C = require "spec.support.c"

local out = ffi.new "int64_t[1]"
local text = ffi.new("char[?]", C.DEC_TEXT_MAX)

local function parse(s, round)
  local status = (round and C.dec_parse_round or C.dec_parse)(s, #s, out)
  return status == 0 and out[0] or status
end
local function print_of(v, decimals) return ffi.string(text, C.dec_print(text, v, decimals)) end

describe("exact decimals", function()
  it("parse what the exchange writes", function()
    for s, want in pairs {
      ["0"] = 0LL,
      ["1"] = 100000000LL,
      ["-1.5"] = -150000000LL,
      ["67000.10"] = 6700010000000LL,
      ["0.00000001"] = 1LL,
      ["+2.50"] = 250000000LL,
      ["1e-05"] = 1000LL,
      ["1.5E2"] = 15000000000LL,
      ["92233720368.54775807"] = 9223372036854775807LL,
      ["0.1000000000000"] = 10000000LL,
      [".5"] = 50000000LL,
    } do
      assert.is_true(parse(s) == want, s)
    end
  end)

  it("refuse what is no decimal or does not fit", function()
    for _, s in ipairs { "", "-", ".", "1.2.3", "abc", "1e", "0x10", " 1", "1 ", "nan" } do
      assert.are.equal(C.ERR_SYNTAX, parse(s), s)
    end
    for _, s in ipairs { "0.000000001", "92233720368.54775808", "1e30", "99999999999999999999999999" } do
      assert.are.equal(C.ERR_OVERFLOW, parse(s), s)
    end
  end)

  it("round a long tail half away from zero when asked to", function()
    assert.is_true(parse("0.000000005", true) == 1LL)
    assert.is_true(parse("-0.000000005", true) == -1LL)
    assert.is_true(parse("29996.899999999998", true) == 2999690000000LL)
  end)

  it("print with the decimals of the symbol", function()
    assert.are.equal("67000.10", print_of(6700010000000LL, 2))
    assert.are.equal("-0.5", print_of(-50000000LL, 1))
    assert.are.equal("0.00", print_of(-1LL, 2))
    assert.are.equal("12", print_of(1299999999LL, 0))
    assert.are.equal("0.00000001", print_of(1LL, 8))
    assert.are.equal("25", ffi.string(text, C.dec_print_short(text, 2500000000LL)))
    assert.are.equal("0.1", ffi.string(text, C.dec_print_short(text, 10000000LL)))
  end)

  it("print and parse are inverse over random values", function()
    math.randomseed(require "spec.support.seed")
    for _ = 1, 10000 do
      local v = ffi.cast("int64_t", math.random(-2 ^ 52, 2 ^ 52)) * math.random(1, 2000)
      assert.is_true(parse(print_of(v, 8)) == v)
    end
  end)

  it("multiply and divide through 128 bits", function()
    assert.is_true(C.dec_mul_round(6700010000000LL, 300000000LL) == 20100030000000LL)
    assert.is_true(C.dec_mul_trunc(1LL, 99999999LL) == 0LL)
    assert.is_true(C.dec_mul_round(1LL, 50000000LL) == 1LL)
    assert.is_true(C.dec_mul_round(-1LL, 50000000LL) == -1LL)
    assert.is_true(C.dec_div_round(100000000LL, 300000000LL) == 33333333LL)
    assert.is_true(C.dec_div_trunc(200000000LL, 300000000LL) == 66666666LL)
    assert.is_true(C.dec_mul_round(9223372036854775807LL, 9223372036854775807LL) == 9223372036854775807LL)
  end)

  it("round to a tick", function()
    local tick = 10000000LL
    assert.is_true(C.dec_floor_to(6700019000000LL, tick) == 6700010000000LL)
    assert.is_true(C.dec_ceil_to(6700011000000LL, tick) == 6700020000000LL)
    assert.is_true(C.dec_round_to(6700015000000LL, tick) == 6700020000000LL)
    assert.is_true(C.dec_floor_to(-1LL, tick) == -tick)
  end)
end)

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

  it("multiply the same whether or not the product fits a shorter way", function()
    -- The whole quotient by 1e8, through another division; 2^72 is where the way changes.
    local function check(a, b) assert.is_true(C.dec_mul_round(a, b) == C.dec_mul_div_round(a, b, 100000000LL)) end
    for _, b in ipairs { 2LL ^ 12 - 1LL, 2LL ^ 12, 2LL ^ 12 + 1LL } do
      for _, a in ipairs { 2LL ^ 60 - 1LL, 2LL ^ 60, 2LL ^ 60 + 1LL } do
        check(a, b)
        check(-a, b)
        check(-a, -b)
      end
    end
    for _, rest in ipairs { 0LL, 1LL, 49999999LL, 50000000LL, 50000001LL, 99999999LL } do
      check(700000000LL + rest, 1LL)
      check(-700000000LL - rest, 1LL)
    end
    for _ = 1, 2000 do
      local a = ffi.cast("int64_t", math.random(-2 ^ 52, 2 ^ 52)) * math.random(1, 2000)
      local b = ffi.cast("int64_t", math.random(-2 ^ 40, 2 ^ 40))
      check(a, b)
    end
  end)

  it("round to a tick", function()
    local tick = 10000000LL
    assert.is_true(C.dec_floor_to(6700019000000LL, tick) == 6700010000000LL)
    assert.is_true(C.dec_ceil_to(6700011000000LL, tick) == 6700020000000LL)
    assert.is_true(C.dec_round_to(6700015000000LL, tick) == 6700020000000LL)
    assert.is_true(C.dec_floor_to(-1LL, tick) == -tick)
  end)

  it("are read to the last digit that fits, with any exponent, and no further", function()
    for s, want in pairs {
      ["-92233720368.54775807"] = -9223372036854775807LL,
      ["9223372036854775807e-8"] = 9223372036854775807LL,
      ["1e-8"] = 1LL,
      ["100e-10"] = 1LL,
      ["1e10"] = 1000000000000000000LL,
      ["1e+2"] = 10000000000LL,
      ["0e999"] = 0LL,
      ["0.0e-999"] = 0LL,
      ["00000000000000000000000000000000000001"] = 100000000LL,
      ["0.00000001000000000000000000000000000000"] = 1LL,
      ["12345678901.00000000000000000000000000000000"] = 1234567890100000000LL,
    } do
      assert.is_true(parse(s) == want, s)
    end
    for _, s in ipairs {
      "1e-9",
      "15e-9",
      "1e-40",
      "1e11",
      "92233720369",
      "9223372036854775808e-8",
      "-92233720368.54775808",
      "0.000000010000000000000000000000000000001",
    } do
      assert.are.equal(C.ERR_OVERFLOW, parse(s), s)
    end
    for _, s in ipairs { "1e+", "1e-", "e5", ".e5", "1e5x", "1e5.0", "--1", "+-1", "1e--5", "1e5-" } do
      assert.are.equal(C.ERR_SYNTAX, parse(s), s)
    end
  end)

  it("round at the eighth decimal, whichever way they are written", function()
    for s, want in pairs {
      ["0.0000000049"] = 0LL,
      ["0.00000000499999999999999999999999999999"] = 0LL,
      ["5e-9"] = 1LL,
      ["-5e-9"] = -1LL,
      ["4e-9"] = 0LL,
      ["1e-40"] = 0LL,
      ["15e-9"] = 2LL,
      ["1.000000004"] = 100000000LL,
      ["1.000000005"] = 100000001LL,
      ["92233720368.547758074"] = 9223372036854775807LL,
    } do
      assert.is_true(parse(s, true) == want, s)
    end
    assert.are.equal(C.ERR_OVERFLOW, parse("92233720368.547758075", true))
  end)

  it("need as many decimals as their last digit that is not zero", function()
    for value, want in pairs {
      [0] = 0,
      [1] = 8,
      [10] = 7,
      [10000000] = 1,
      [100000000] = 0,
      [-150000000] = 1,
      [1000000000] = 0,
    } do
      assert.are.equal(want, C.dec_decimals(value))
    end
    assert.are.equal("-92233720368.54775807", print_of(-9223372036854775807LL, 8))
    assert.are.equal("-1.5", ffi.string(text, C.dec_print_short(text, -150000000LL)))
    assert.are.equal("0", ffi.string(text, C.dec_print_short(text, 0LL)))
    assert.are.equal("0", print_of(-1LL, 0))
    assert.are.equal("0.1", print_of(19999999LL, 1))
  end)

  it("round half away from zero for either sign, and saturate", function()
    local most = 9223372036854775807LL
    for _, case in ipairs {
      { C.dec_mul_div_round(7, 1, 2), 4LL },
      { C.dec_mul_div_round(-7, 1, 2), -4LL },
      { C.dec_mul_div_round(7, 1, -2), -4LL },
      { C.dec_mul_div_round(-7, 1, -2), 4LL },
      { C.dec_mul_div_round(5, 1, 3), 2LL },
      { C.dec_mul_div_round(4, 1, 3), 1LL },
      { C.dec_mul_div_round(-4, 1, 3), -1LL },
      { C.dec_mul_div_round(most, 4, 8), 4611686018427387904LL },
      { C.dec_div_round(1, 200000000LL), 1LL },
      { C.dec_div_round(-1, 200000000LL), -1LL },
      { C.dec_div_round(1, 300000000LL), 0LL },
      { C.dec_div_trunc(-200000000LL, 300000000LL), -66666666LL },
      { C.dec_mul_trunc(-1LL, 99999999LL), 0LL },
      { C.dec_mul_trunc(-most, 200000000LL), -most },
      { C.dec_mul_round(-most, most), -most },
      { C.dec_mul_trunc(most, 100000000LL), most },
      { C.dec_mul_round(most, 100000001LL), most },
      { C.dec_div_round(most, 99999999LL), most },
    } do
      assert.is_true(case[1] == case[2], tostring(case[1]) .. " is not " .. tostring(case[2]))
    end
  end)

  it("on a step stay there, beside it go to the neighbour that is asked for", function()
    for _, case in ipairs {
      { 20, 20, 20, 20 },
      { 21, 20, 20, 30 },
      { 24, 20, 20, 30 },
      { 25, 20, 30, 30 },
      { 29, 20, 30, 30 },
      { 0, 0, 0, 0 },
      { -1, -10, 0, 0 },
      { -5, -10, 0, 0 },
      { -6, -10, -10, 0 },
      { -10, -10, -10, -10 },
    } do
      local value = case[1]
      assert.are.equal(case[2], tonumber(C.dec_floor_to(value, 10)), "floor of " .. value)
      assert.are.equal(case[3], tonumber(C.dec_round_to(value, 10)), "nearest of " .. value)
      assert.are.equal(case[4], tonumber(C.dec_ceil_to(value, 10)), "ceiling of " .. value)
    end
    assert.is_true(C.dec_ceil_to(9223372036854775807LL, 10) == 9223372036854775807LL)
    assert.is_true(C.dec_round_to(9223372036854775807LL, 10) == 9223372036854775807LL)
  end)

  it("of doubles are the nearest, none for what is no number, and the bound beyond it", function()
    for _, case in ipairs {
      { 0.1, 10000000LL },
      { -0.1, -10000000LL },
      { 1e-8, 1LL },
      { 6e-9, 1LL },
      { 4e-9, 0LL },
      { -6e-9, -1LL },
      { 67000.1, 6700010000000LL },
      { 0 / 0, 0LL },
      { 1e300, 9223372036854775807LL },
      { -1e300, -9223372036854775807LL },
      { 1 / 0, 9223372036854775807LL },
    } do
      assert.is_true(C.dec_from_double(case[1]) == case[2], tostring(case[1]))
    end
    assert.are.equal(-1.5, C.dec_to_double(-150000000LL))
  end)
end)

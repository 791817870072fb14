-- Sums of two numbers against arithmetic in decimal digits.
local ffi = require "ffi"
local C = require "spec.support.c"
local seed = require "spec.support.seed"

-- Whole numbers as lists of decimal digits, the last first.
local function trim(a)
  while #a > 1 and a[#a] == 0 do
    a[#a] = nil
  end
  return a
end
local function big(text)
  local a = {}
  for i = #text, 1, -1 do
    a[#a + 1] = tonumber(text:sub(i, i))
  end
  return trim(a)
end
local function text_of(a)
  local out = {}
  for i = #a, 1, -1 do
    out[#out + 1] = a[i]
  end
  return table.concat(out)
end
local function add(a, b)
  local out, carry = {}, 0
  for i = 1, math.max(#a, #b) + 1 do
    local sum = (a[i] or 0) + (b[i] or 0) + carry
    out[i], carry = sum % 10, math.floor(sum / 10)
  end
  return trim(out)
end
local function mul(a, b)
  local out = {}
  for i = 1, #a + #b do
    out[i] = 0
  end
  for i = 1, #a do
    local carry = 0
    for k = 1, #b do
      local sum = out[i + k - 1] + a[i] * b[k] + carry
      out[i + k - 1], carry = sum % 10, math.floor(sum / 10)
    end
    out[i + #b] = out[i + #b] + carry
  end
  return trim(out)
end
local function without(a, digits) -- its last digits
  local out = {}
  for i = digits + 1, #a do
    out[#out + 1] = a[i]
  end
  return #out > 0 and out or { 0 }
end
local function less(a, b)
  if #a ~= #b then return #a < #b end
  for i = #a, 1, -1 do
    if a[i] ~= b[i] then return a[i] < b[i] end
  end
  return false
end

local function digits(int64) return (tostring(int64):gsub("U?LL$", "")) end
local TWO62 = "4611686018427387904"
local function value_of(low, high) return add(mul(big(digits(high)), big(TWO62)), big(digits(low))) end

local MASK = bit.lshift(1LL, 62) - 1
-- A number of 0 to 62 bits, drawn so that every size comes.
local function number()
  local bits = math.random(0, 62)
  local v = math.random(0, 2 ^ 31 - 1) * 2147483648LL + math.random(0, 2 ^ 31 - 1)
  return bits == 0 and 0LL or bit.band(v, bit.rshift(MASK, 62 - bits))
end
local function pair(low, high) return ffi.new("int64_t[2]", low, high) end

describe("a sum of two numbers", function()
  before_each(function() math.randomseed(seed) end)

  it("adds and takes away without losing a unit", function()
    for _ = 1, 300 do
      local a, b = pair(number(), math.random(0, 3)), pair(number(), math.random(0, 3))
      local sum = pair(a[0], a[1])
      C.wide_add(sum, sum + 1, b[0], b[1])
      assert.equal(
        text_of(add(value_of(a[0], a[1]), value_of(b[0], b[1]))),
        text_of(value_of(sum[0], sum[1]))
      )
      assert.is_true(sum[0] >= 0 and sum[0] <= MASK)
      C.wide_take(sum, sum + 1, b[0], b[1])
      assert.is_true(sum[0] == a[0] and sum[1] == a[1])
    end
  end)

  it("adds products rounded half up to the eighth decimal", function()
    for i = 1, 300 do
      local sum = pair(number(), math.random(0, 3))
      local before, a, b = value_of(sum[0], sum[1]), number(), number()
      if i % 4 == 0 then
        a, b = ffi.cast("int64_t", math.random(0, 10)), 50000000LL -- the product of an odd one ends in a half
      end
      C.wide_add_product(sum, sum + 1, a, b)
      local product = without(add(mul(big(digits(a)), big(digits(b))), big "50000000"), 8)
      assert.equal(text_of(add(before, product)), text_of(value_of(sum[0], sum[1])))
    end
  end)

  it("stays at the most that two numbers hold", function()
    local sum = pair(MASK, MASK)
    C.wide_add(sum, sum + 1, 1, 0)
    assert.is_true(sum[0] == MASK and sum[1] == MASK)
    sum = pair(MASK - 1, MASK)
    C.wide_add(sum, sum + 1, 1, 0)
    assert.is_true(sum[0] == MASK and sum[1] == MASK)
    sum = pair(MASK - 2, MASK)
    C.wide_add(sum, sum + 1, 1, 0)
    assert.is_true(sum[0] == MASK - 1 and sum[1] == MASK)
  end)

  it("gives a ratio rounded half up, or the largest number where it does not fit", function()
    local function check(a, b)
      local got = C.wide_ratio_e8(a[0], a[1], b[0], b[1])
      local twice_a, whole_b = mul(value_of(a[0], a[1]), big "200000000"), value_of(b[0], b[1])
      -- got = floor((2 a 1e8 + b) / 2 b)
      local top, step = add(twice_a, whole_b), mul(whole_b, big "2")
      local fits = less(top, mul(big "9223372036854775808", step))
      if not fits then
        assert.equal("9223372036854775807", digits(got))
        return
      end
      assert.is_false(less(top, mul(big(digits(got)), step)))
      assert.is_true(less(top, mul(add(big(digits(got)), { 1 }), step)))
    end
    for _ = 1, 300 do
      local a, b = pair(number(), math.random(0, 3)), pair(number() + 1, math.random(0, 3))
      if math.random(2) == 1 then
        a[1], b[1] = 0, 0
      end
      check(a, b)
    end
    for n = 0, 20 do
      check(pair(n, 0), pair(200000000LL, 0)) -- halves
      check(pair(n, 0), pair(3, 0))
    end
    check(pair(92233720368LL, 0), pair(1, 0)) -- just fits, with room for no other unit
    check(pair(92233720369LL, 0), pair(1, 0))
    check(pair(MASK, 1), pair(MASK, 1))
  end)

  it("as one number is itself where that holds it, else the largest", function()
    for _, case in ipairs {
      { 0LL, 0LL, "0" },
      { MASK, 0LL, "4611686018427387903" },
      { 0LL, 1LL, TWO62 },
      { MASK, 1LL, "9223372036854775807" },
      { 0LL, 2LL, "9223372036854775807" },
      { 5LL, 7LL, "9223372036854775807" },
    } do
      assert.equal(case[3], digits(C.wide_narrow(case[1], case[2])))
    end
    assert.near(46116860184.27387904 * 3 + 0.5, C.wide_to_double(50000000, 3), 1e-4)
  end)

  local out = ffi.new("char[?]", C.WIDE_TEXT_MAX)
  local function print_(low, high, decimals) return ffi.string(out, C.wide_print(out, low, high, decimals)) end

  it("is printed with the decimals asked for, or as many as it needs", function()
    for _ = 1, 200 do
      local low, high = number(), math.random(0, 3)
      local whole = text_of(value_of(low, high))
      whole = ("0"):rep(9 - #whole) .. whole
      local exact = whole:sub(1, -9) .. "." .. whole:sub(-8)
      assert.equal(exact, print_(low, high, 8))
      assert.equal((exact:gsub("0+$", ""):gsub("%.$", "")), print_(low, high, -1))
      assert.equal(#exact:match "%.(%d-)0*$", C.wide_decimals(low, high))
      for decimals = 1, 7 do
        assert.equal(exact:sub(1, decimals - 9), print_(low, high, decimals))
      end
      assert.equal(exact:match "^(%d+)%.", print_(low, high, 0))
    end
    for text, value in pairs {
      ["0"] = 0LL,
      ["1"] = 100000000LL,
      ["10"] = 1000000000LL,
      ["0.1"] = 10000000LL,
      ["0.00000001"] = 1LL,
    } do
      assert.equal(text, print_(value, 0, -1))
    end
  end)

  it("is read as it is printed, rounded at the ninth decimal, within its bounds", function()
    local function read(text)
      local got = pair(0, 0)
      local status = C.wide_parse_round(text, #text, got, got + 1)
      return status == 0 and print_(got[0], got[1], -1) or status
    end
    for _ = 1, 200 do
      local low, high = number(), math.random(1, 3)
      local text = print_(low, high, -1)
      assert.equal(text, read(text))
      if text:find("%.%d%d%d%d%d%d%d%d$") then
        assert.equal(text, read(text .. "4999"))
        local up = pair(low, high)
        C.wide_add(up, up + 1, 1, 0)
        assert.equal(print_(up[0], up[1], -1), read(text .. "5"))
      end
    end
    for text, expected in pairs {
      ["1.5"] = "1.5",
      ["0"] = "0",
      ["92233720368.54775807"] = "92233720368.54775807", -- the largest of one number
      ["92233720368.54775808"] = "92233720368.54775808",
      ["92233720368.547758075"] = "92233720368.54775808",
      ["100000000000"] = "100000000000",
      ["100000000000."] = "100000000000",
      ["100000000000.000000004"] = "100000000000",
      ["100000000000.000000005"] = "100000000000.00000001",
      ["100000000000.0000000049"] = "100000000000",
      ["000100000000000.5"] = "100000000000.5",
      ["92233720368547758070"] = "92233720368547758070", -- 2^63 - 1 times 1e9, the most that is read
      ["92233720368547758070.00000001"] = C.ERR_OVERFLOW,
      ["92233720368547758071"] = C.ERR_OVERFLOW,
      ["922337203685477580700"] = C.ERR_OVERFLOW,
      ["100000000000.5.5"] = C.ERR_SYNTAX,
      ["100000000000e3"] = C.ERR_OVERFLOW,
      ["100000000000/"] = C.ERR_SYNTAX,
      ["100000000000:"] = C.ERR_SYNTAX,
      ["x"] = C.ERR_SYNTAX,
      [""] = C.ERR_SYNTAX,
    } do
      assert.equal(expected, read(text), text)
    end
  end)
end)

-- Values of parameters, each bound from both sides, as text and as number.
local ffi = require "ffi"
local C = require "spec.support.c"

local e = ffi.new "struct errmsg"
local function text(param, value)
  local c = ffi.new "struct call"
  local err = C.call_set_text(c, C[param], value, e)
  return err == 0 and c or nil, err
end
local function number(param, value)
  local c = ffi.new "struct call"
  local err = C.call_set_number(c, C[param], value, e)
  return err == 0 and c or nil, err
end

describe("a parameter's value", function()
  it("as a client id is 1 to 36 letters, digits and . : / _ -", function()
    for byte = 1, 255 do
      local char = string.char(byte)
      local good = char:match "^[A-Za-z0-9.:/_-]$" ~= nil
      for _, id in ipairs { char, "a" .. char, char .. "b" } do
        local c, err = text("P_CLIENT_ID", id)
        assert.equal(good, c ~= nil, ("byte %d"):format(byte))
        if good then
          assert.equal(id, ffi.string(c.client_id))
          assert.is_true(C.call_given(c, C.P_CLIENT_ID))
        else
          assert.equal(C.ERR_SYNTAX, err)
        end
      end
    end
    for length, expected in pairs {
      [0] = C.ERR_INVALID,
      [1] = 0,
      [36] = 0,
      [37] = C.ERR_OVERFLOW,
      [200] = C.ERR_OVERFLOW,
    } do
      local _, err = text("P_ORIG_CLIENT_ID", ("x"):rep(length))
      assert.equal(expected, err, length .. " characters")
    end
  end)

  it("as a whole number has its bounds", function()
    for value, expected in pairs {
      ["2147483647"] = 2147483647,
      ["-2147483648"] = -2147483648,
      ["2147483648"] = C.ERR_OVERFLOW,
      ["-2147483649"] = C.ERR_OVERFLOW,
      ["007"] = 7,
      ["0"] = 0,
      [""] = C.ERR_SYNTAX,
      ["-"] = C.ERR_SYNTAX,
      ["+1"] = C.ERR_SYNTAX,
      ["1.0"] = C.ERR_SYNTAX,
      ["1/"] = C.ERR_SYNTAX,
      ["1:"] = C.ERR_SYNTAX,
      ["9"] = 9,
      ["--1"] = C.ERR_SYNTAX,
    } do
      local c, err = text("P_LEVERAGE", value)
      assert.equal(expected, c and c.leverage or err, "'" .. value .. "'")
    end
    for value, expected in pairs { [1] = 1, [2] = 2, [0] = C.ERR_INVALID, [3] = C.ERR_INVALID } do
      local c, err = number("P_MARGIN_CHANGE", value)
      assert.equal(expected, c and c.margin_change or err)
    end
    for value, expected in pairs {
      [2147483647] = 2147483647,
      [2147483648] = C.ERR_OVERFLOW,
      [-2147483648] = -2147483648,
      [-2147483649] = C.ERR_OVERFLOW,
      [1.5] = C.ERR_INVALID,
      [1 / 0] = C.ERR_INVALID,
      [-1 / 0] = C.ERR_INVALID,
    } do
      local c, err = number("P_LIMIT", value)
      assert.equal(expected, c and c.limit or err, tostring(value))
    end
    assert.equal(C.ERR_INVALID, (select(2, number("P_LIMIT", 0 / 0))))
  end)

  it("as an id is exact up to the largest, as text; as a number up to 2^53", function()
    assert.is_true(text("P_ORDER_ID", "9223372036854775799").order_id == 9223372036854775799LL)
    assert.equal(C.ERR_OVERFLOW, (select(2, text("P_ORDER_ID", "92233720368547758070"))))
    assert.is_true(text("P_ORDER_ID", "-5").order_id == -5)
    assert.equal(2 ^ 53, tonumber(number("P_ORDER_ID", 2 ^ 53).order_id))
    assert.equal(-2 ^ 53, tonumber(number("P_ORDER_ID", -2 ^ 53).order_id))
    assert.equal(C.ERR_OVERFLOW, (select(2, number("P_ORDER_ID", 2 ^ 53 + 2))))
    assert.equal(C.ERR_OVERFLOW, (select(2, number("P_ORDER_ID", -2 ^ 53 - 2))))
  end)

  it("as a time is milliseconds, none before 1970, fractions dropped", function()
    assert.equal(1500 * 1000, tonumber(number("P_START_TIME", 1500.9).start_us))
    assert.equal(0, tonumber(number("P_START_TIME", 0).start_us))
    assert.equal(C.ERR_OVERFLOW, (select(2, number("P_START_TIME", -1))))
    assert.equal(C.ERR_OVERFLOW, (select(2, number("P_START_TIME", -0.5))))
    assert.is_true(text("P_START_TIME", "9223372036854775").start_us == 9223372036854775000LL)
    assert.equal(C.ERR_OVERFLOW, (select(2, text("P_START_TIME", "9223372036854776"))))
    assert.equal(C.ERR_OVERFLOW, (select(2, text("P_START_TIME", "-1"))))
  end)

  it("as a decimal stays below ninety billion when it is a number", function()
    assert.is_true(number("P_QUANTITY", 0.00000001).quantity_e8 == 1)
    assert.near(8.9999999999e18, tonumber(number("P_QUANTITY", 89999999999).quantity_e8), 2048)
    for _, value in ipairs { 9e10, -9e10, 1e300 } do
      assert.equal(C.ERR_OVERFLOW, (select(2, number("P_QUANTITY", value))))
    end
  end)

  it("as a truth is a word in any case of letters", function()
    for word, expected in pairs {
      ["true"] = true,
      TRUE = true,
      True = true,
      ["false"] = false,
      FALSE = false,
      False = false,
    } do
      assert.equal(expected, text("P_REDUCE_ONLY", word).reduce_only, word)
    end
    for _, word in ipairs { "", "1", "0", "yes", "t", "truer" } do
      assert.equal(C.ERR_INVALID, (select(2, text("P_REDUCE_ONLY", word))), word)
    end
  end)

  it("of another type is refused", function()
    for _, param in ipairs { "P_SIDE", "P_CLIENT_ID", "P_REDUCE_ONLY" } do
      assert.is_nil(number(param, 1), param)
    end
    assert.is_nil(text("P_SIDE", "UP"))
  end)
end)

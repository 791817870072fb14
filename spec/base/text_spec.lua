-- Integers as text and text within bounds, each bound from both sides.
local ffi = require "ffi"
local C = require "spec.support.c"

local function printed(value)
  local out = ffi.new "char[24]"
  return ffi.string(out, C.id_print(out, value))
end

local function parsed(text)
  local out = ffi.new "int64_t[1]"
  local status = C.id_parse(text, #text, out)
  return status == 0 and out[0] or status
end

describe("an integer as text", function()
  it("is printed in full, whatever its size and sign", function()
    for _, case in ipairs {
      { 0LL, "0" },
      { 7LL, "7" },
      { 10LL, "10" },
      { -1LL, "-1" },
      { -10LL, "-10" },
      { 9007199254740993LL, "9007199254740993" }, -- no double holds it
      { 9223372036854775807LL, "9223372036854775807" },
      { -9223372036854775807LL - 1LL, "-9223372036854775808" },
    } do
      assert.equal(case[2], printed(case[1]))
    end
  end)

  it("is read back, and refused where it is none or does not fit", function()
    for _, text in ipairs {
      "0",
      "9",
      "10",
      "-1",
      "9007199254740993",
      "9223372036854775807",
      "-9223372036854775807",
    } do
      local value = parsed(text)
      assert.equal("cdata", type(value), text)
      assert.equal(text, printed(value))
    end
    for _, text in ipairs { "", "-", "+1", "1 ", " 1", "1.0", "--1", "1-", "/", ":", "1:", "0x1" } do
      assert.equal(C.ERR_SYNTAX, parsed(text), text)
    end
    for _, text in ipairs { "9223372036854775808", "9223372036854775810", "92233720368547758070" } do
      assert.equal(C.ERR_OVERFLOW, parsed(text), text)
    end
  end)
end)

describe("text within bounds", function()
  local function with(size)
    local bytes = ffi.new("char[?]", 16, string.rep("#", 15))
    local o = ffi.new("struct text_out", { bytes, size, 0 })
    return o, bytes
  end
  local ways = {
    added = function(o, text) C.text_add(o, text, #text) end,
    printed = function(o, text) C.text_put(o, "%s", text) end,
  }
  for name, put in pairs(ways) do
    it("is kept as far as it fits, and counted in full, when it is " .. name, function()
      for _, case in ipairs {
        -- size, pieces, what is kept, length
        { 8, { "abc" }, "abc", 3 },
        { 8, { "abc", "defg" }, "abcdefg", 7 }, -- the last that fits
        { 8, { "abc", "defgh" }, "abcdefg", 8 },
        { 8, { "abcdefgh", "ij" }, "abcdefg", 10 },
        { 8, { "abcdefg", "h" }, "abcdefg", 8 },
        { 2, { "a", "b", "c" }, "a", 3 },
        { 1, { "a" }, "", 1 },
        { 8, { "", "a" }, "a", 1 },
      } do
        local o, bytes = with(case[1])
        for _, piece in ipairs(case[2]) do
          put(o, piece)
        end
        assert.equal(case[3], ffi.string(bytes))
        assert.equal(case[4], tonumber(o.length))
        assert.equal("#", string.char(bytes[case[1]]), "written beyond its size")
      end
      local o, bytes = with(0)
      put(o, "abc")
      assert.equal(3, tonumber(o.length))
      assert.equal("#", string.char(bytes[0]))
    end)
  end
end)

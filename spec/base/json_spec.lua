local ffi = require "ffi"
local C = require "spec.support.c"

local j = ffi.gc(ffi.new "struct json", C.json_free)
local size, out = ffi.new "size_t[1]", ffi.new "char[64]"

local function parse(text) return C.json_parse(j, text, #text) end
local function bytes(node)
  local at = C.json_bytes(j, node, size)
  return ffi.string(at, size[0])
end
local function copy(node, room)
  C.json_copy(j, node, out, room or 64)
  return ffi.string(out)
end

describe("json", function()
  it("finds an object's values by name, in any order, and keeps a number's own digits", function()
    assert.equal(
      0,
      parse '{"id": 9007199254740993, "px":"64250.10","nested":{"id":7,"list":[1,[2,3],{"x":4}]},"ok":true,"none":null,"e":1e-7}'
    )
    assert.equal("9007199254740993", bytes(C.json_get(j, 0, "id", nil)))
    assert.equal("64250.10", bytes(C.json_get(j, 0, "px", nil)))
    local hint = ffi.new "int32_t[1]"
    for _, name in ipairs { "ok", "id", "e", "px" } do
      assert.truthy(C.json_get(j, 0, name, hint) > 0, name)
    end
    assert.equal(C.JSON_NONE, C.json_get(j, 0, "list", hint)) -- that of `nested` is not ours
    assert.equal(C.JSON_NONE, C.json_get(j, 0, "i", nil))
    local nested = C.json_get(j, 0, "nested", nil)
    assert.equal(7, tonumber(C.json_integer(j, C.json_get(j, nested, "id", nil), -1)))
    local list, seen = C.json_get(j, nested, "list", nil), {}
    local item = C.json_first(j, list)
    while item ~= C.JSON_NONE do
      seen[#seen + 1] = bytes(item)
      item = C.json_next(j, list, item)
    end
    assert.same({ "1", "[2,3]", '{"x":4}' }, seen)
    local kinds = {}
    for _, name in ipairs { "id", "px", "nested", "ok", "none", "absent" } do
      kinds[#kinds + 1] = tonumber(C.json_kind(j, C.json_get(j, 0, name, nil)))
    end
    assert.same(
      { C.JSON_NUMBER, C.JSON_STRING, C.JSON_OBJECT, C.JSON_BOOL, C.JSON_NULL, C.JSON_MISSING },
      kinds
    )
  end)

  it("undoes escapes, and cuts what does not fit", function()
    assert.equal(0, parse [=[["a\"b\\c\/\n","\u00e9\u20ac","plain text",""]]=])
    local first = C.json_first(j, 0)
    assert.equal('a"b\\c/\n', copy(first))
    local second = C.json_next(j, 0, first)
    assert.equal("é€", copy(second))
    local third = C.json_next(j, 0, second)
    for room = 1, 12 do
      assert.equal(("plain text"):sub(1, room - 1), copy(third, room))
    end
    assert.equal("", copy(C.json_next(j, 0, third)))
    assert.equal("", copy(C.JSON_NONE))
    for room = 1, 8 do
      assert.truthy(#copy(second, room) < room)
    end
  end)

  it("refuses what is no JSON, and every text that is cut off", function()
    for _, text in ipairs {
      "",
      " ",
      "}",
      "[1,2",
      '{"a":1',
      '{"a"',
      "[1] [2]",
      "nonsense",
      '"open',
      "{a:1}",
      "<html>",
    } do
      assert.equal(C.ERR_SYNTAX, parse(text), text)
    end
    local whole = '{"a":[1,{"b":"c\\u0041"},null],"d":-1.5e3}'
    assert.equal(0, parse(whole))
    for cut = 1, #whole - 1 do
      assert.equal(C.ERR_SYNTAX, parse(whole:sub(1, cut)), whole:sub(1, cut))
    end
  end)

  it("reads long texts, one after the other", function()
    local parts = {}
    for i = 1, 5000 do
      parts[i] = ('[%d,"%d.5"]'):format(i, i)
    end
    assert.equal(0, parse("[" .. table.concat(parts, ",") .. "]"))
    assert.equal(5000, C.json_length(j, 0))
    local item, count = C.json_first(j, 0), 0
    while item ~= C.JSON_NONE do
      count = count + 1
      assert.equal(2, C.json_length(j, item))
      item = C.json_next(j, 0, item)
    end
    assert.equal(5000, count)
    assert.equal(0, parse "[]")
    assert.equal(C.JSON_NONE, C.json_first(j, 0))
  end)

  it("takes every text of JSONTestSuite that is JSON, and none that is not", function()
    for _, case in ipairs(require "spec.base.json_cases") do
      local name, text = case[1], case[2]
      local err, kind = parse(text), name:sub(1, 1)
      if kind == "y" then assert.equal(0, err, name) end
      if kind == "n" then assert.not_equal(0, err, name) end
      if err ~= 0 then assert.equal(0, j.count, name) end -- nobody finds nodes in a text that was refused
    end
  end)

  it("undoes pairs of surrogates; half a pair is the replacement character", function()
    assert.equal(0, parse [=[["\ud83d\ude00","\ud800","\udc00x","\ud83d\u0041"]]=])
    local seen, item = {}, C.json_first(j, 0)
    while item ~= C.JSON_NONE do
      seen[#seen + 1] = copy(item)
      item = C.json_next(j, 0, item)
    end
    assert.same({ "\240\159\152\128", "\239\191\189", "\239\191\189x", "\239\191\189A" }, seen)
  end)

  it("refuses objects whose names and values do not alternate, however deep", function()
    for _, text in ipairs {
      '{"e":"depthUpdate"la],"a":1}',
      '{"a"}',
      '{"a":1,2}',
      '{"a" 1}',
      '{"a":{"b":1,"c"}}',
      '{"p":"":1}',
      '{"m":true,"s":1\\u}',
      "[1 2]",
      "[1,]",
      "{,}",
      ("["):rep(1000) .. ("]"):rep(1000),
    } do
      assert.not_equal(0, parse(text), text)
    end
    assert.equal(0, parse(("["):rep(256) .. ("]"):rep(256)))
    assert.not_equal(0, parse(("["):rep(257) .. ("]"):rep(257)))
  end)
end)

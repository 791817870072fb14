-- Every kind of reply and event has two faces, JSON on a wire and a Lua table in process. Both come from one field
-- table; here the two are compared value by value for every kind there is.
local ffi = require "ffi"
local C = require "spec.support.c"
local cjson = require "cjson"
local records = require "moontide.api.records"
local fill = require "spec.support.filled_record"

local symbols = ffi.new("struct symbol[1]")
assert(C.symbol_rules_builtin("BTCUSDT", symbols[0]) == 0)
local R = records.new { [0] = "BTCUSDT" }

local same

local function same_record(kind, json, lua, where)
  local t = C.record_table(kind)
  local seen = 0
  for i = 0, t.field_count - 1 do
    local f = t.fields[i]
    local name = ffi.string(f.name)
    local j = json[t.array ~= 0 and i + 1 or name]
    if j ~= nil then seen = seen + 1 end
    assert.is_true(lua[name] ~= nil or j == cjson.null, where .. name .. " is missing in Lua")
    assert.is_not_nil(j, where .. name .. " is missing in JSON")
    if f.type == C.FIELD_OBJECT then
      same_record(f.kind, j, lua[name], where .. name .. ".")
    elseif f.type == C.FIELD_LIST or f.type == C.FIELD_ONE or f.type == C.FIELD_ONE_IF then
      assert.are.equal(#j, #lua[name], where .. name)
      for row = 1, #j do
        same_record(f.kind, j[row], lua[name][row], where .. name .. "[].")
      end
    elseif j ~= cjson.null then
      same(j, lua[name], where .. name)
    end
  end
  assert.is_true(seen > 0 or t.field_count == 0)
end

same = function(json, lua, where)
  if type(lua) == "number" then
    assert.are.equal(lua, tonumber(json), where)
  elseif type(json) == "number" then
    assert.are.equal(("%d"):format(json), lua, where)
  else
    assert.are.equal(json, lua, where)
  end
end

describe("the two faces of a record", function()
  local text = ffi.new "char[65536]"
  local checked = 0
  for kind = 1, C.RECORD_COUNT - 1 do
    local t = C.record_table(kind)
    if t ~= nil and t.field_count > 0 then
      checked = checked + 1
      it("say the same: " .. ffi.string(t.name) .. " (" .. kind .. ")", function()
        local keep, memory = {}, ffi.new("char[?]", math.max(t.size, 8))
        fill(kind, memory, keep, 900719925474000LL)
        local length = tonumber(C.record_json(text, 65536, kind, memory, symbols))
        local json = cjson.decode(ffi.string(text, length))
        same_record(kind, json, R.build[kind](memory), "")
      end)
    end
  end
  it("are checked for every kind with a table", function() assert.is_true(checked >= 30) end)
end)

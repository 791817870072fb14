-- Every kind of reply and event has two faces, JSON on a wire and a Lua table in process. Both come from one field
-- table; here the two are compared value by value for every kind there is.
local ffi = require "ffi"
local C = require "spec.support.c"
local cjson = require "cjson"
local records = require "moontide.records"

local symbols = ffi.new("struct symbol[1]")
assert(C.symbol_builtin("BTCUSDT", symbols[0]) == 0)
local R = records.new { [0] = "BTCUSDT" }

-- Bytes for a record whose integers are on the symbol's grid, so that no face has to cut: by walking its fields.
local function fill(kind, memory, keep)
  local t = C.record_table(kind)
  for i = 0, t.field_count - 1 do
    local f = t.fields[i]
    local p = memory + f.offset
    local ft = f.type
    local salt = (i * 37 + 11) % 50
    if ft == C.FIELD_PRICE then ffi.cast("int64_t *", p)[0] = (20000 + salt) * 100000000LL + 50000000LL
    elseif ft == C.FIELD_QTY then ffi.cast("int64_t *", p)[0] = (salt + 1) * 100000LL
    elseif ft == C.FIELD_DEC8 or ft == C.FIELD_DEC or ft == C.FIELD_NUMBER then ffi.cast("int64_t *", p)[0] = (salt + 1) * 12345679LL
    elseif ft == C.FIELD_MS then ffi.cast("int64_t *", p)[0] = 1700000000000000LL + salt * 1000
    elseif ft == C.FIELD_ID or ft == C.FIELD_ID_TEXT then ffi.cast("int64_t *", p)[0] = 900719925474000LL + salt
    elseif ft == C.FIELD_INT64 or ft == C.FIELD_INT_TEXT then ffi.cast("int64_t *", p)[0] = salt + 1
    elseif ft == C.FIELD_INT32 or ft == C.FIELD_INT32_TEXT then ffi.cast("int32_t *", p)[0] = salt + 1
    elseif ft == C.FIELD_BOOL then p[0] = salt % 2
    elseif ft == C.FIELD_ENUM then p[0] = salt % 2
    elseif ft == C.FIELD_TEXT then ffi.copy(p, "text-" .. salt)
    elseif ft == C.FIELD_SYMBOL then ffi.cast("int16_t *", p)[0] = 0
    elseif ft == C.FIELD_OBJECT or ft == C.FIELD_ONE or ft == C.FIELD_ONE_IF then fill(f.kind, p, keep)
    elseif ft == C.FIELD_LIST then
      local size = C.record_table(f.kind).size
      local rows = ffi.new("char[?]", 2 * size)
      keep[#keep + 1] = rows
      for row = 0, 1 do fill(f.kind, rows + row * size, keep) end
      ffi.cast("char **", p)[0] = rows
      ffi.cast("int32_t *", memory + f.count_offset)[0] = 2
    end
  end
end

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
    if f.type == C.FIELD_OBJECT then same_record(f.kind, j, lua[name], where .. name .. ".")
    elseif f.type == C.FIELD_LIST or f.type == C.FIELD_ONE or f.type == C.FIELD_ONE_IF then
      assert.are.equal(#j, #lua[name], where .. name)
      for row = 1, #j do same_record(f.kind, j[row], lua[name][row], where .. name .. "[].") end
    elseif j ~= cjson.null then same(j, lua[name], where .. name) end
  end
  assert.is_true(seen > 0 or t.field_count == 0)
end

same = function(json, lua, where)
  if type(lua) == "number" then assert.are.equal(lua, tonumber(json), where)
  elseif type(json) == "number" then assert.are.equal(("%d"):format(json), lua, where)
  else assert.are.equal(json, lua, where) end
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
        fill(kind, memory, keep)
        local length = tonumber(C.record_json(text, 65536, kind, memory, symbols))
        local json = cjson.decode(ffi.string(text, length))
        same_record(kind, json, R.build[kind](memory), "")
      end)
    end
  end
  it("are checked for every kind with a table", function() assert.is_true(checked >= 30) end)
end)

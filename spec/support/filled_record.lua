---Records with something in every field, by their field tables.
local ffi = require "ffi"
local C = require "spec.support.c"

---Fills a record of a kind with values that every face of it can tell exactly: prices and quantities on the symbol's grid.
---@param kind integer C.RECORD_...
---@param memory ffi.cdata* its bytes
---@param keep table holds the memory of lists within it
---@param id integer ids are this and up to 50 more
local function fill(kind, memory, keep, id)
  local t = C.record_table(kind)
  for i = 0, t.field_count - 1 do
    local f, p, salt = t.fields[i], memory + t.fields[i].offset, (i * 37 + 11) % 50
    local ft = f.type
    if ft == C.FIELD_PRICE then
      ffi.cast("int64_t *", p)[0] = (20000 + salt) * 100000000LL + 50000000LL
    elseif ft == C.FIELD_QTY then
      ffi.cast("int64_t *", p)[0] = (salt + 1) * 100000LL
    elseif ft == C.FIELD_DEC8 or ft == C.FIELD_DEC or ft == C.FIELD_NUMBER then
      ffi.cast("int64_t *", p)[0] = (salt + 1) * 12345679LL
    elseif ft == C.FIELD_MS then
      ffi.cast("int64_t *", p)[0] = 1700000000000000LL + salt * 1000
    elseif ft == C.FIELD_ID or ft == C.FIELD_ID_TEXT then
      ffi.cast("int64_t *", p)[0] = id + salt
    elseif ft == C.FIELD_INT64 or ft == C.FIELD_INT_TEXT then
      ffi.cast("int64_t *", p)[0] = salt + 1
    elseif ft == C.FIELD_INT32 or ft == C.FIELD_INT32_TEXT then
      ffi.cast("int32_t *", p)[0] = salt + 1
    elseif ft == C.FIELD_BOOL or ft == C.FIELD_ENUM then
      p[0] = salt % 2
    elseif ft == C.FIELD_TEXT or ft == C.FIELD_COIN_TEXT then
      ffi.copy(p, "text-" .. salt)
    elseif ft == C.FIELD_SYMBOL then
      ffi.cast("int16_t *", p)[0] = 0
    elseif ft == C.FIELD_OBJECT or ft == C.FIELD_ONE or ft == C.FIELD_ONE_IF then
      fill(f.kind, p, keep, id)
    elseif ft == C.FIELD_LIST then
      local size = C.record_table(f.kind).size
      local rows = ffi.new("char[?]", 2 * size)
      keep[#keep + 1] = rows
      for row = 0, 1 do
        fill(f.kind, rows + row * size, keep, id)
      end
      ffi.cast("char **", p)[0] = rows
      ffi.cast("int32_t *", memory + f.count_offset)[0] = 2
    end
  end
end

return fill

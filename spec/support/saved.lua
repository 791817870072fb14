---The form of base/saved.h for specs: records with random values, written and read, and files spoilt on purpose.
local ffi = require "ffi"
local C = require "spec.support.c"
require "spec.support.interpreted"

local M = {}

---A generator of whole numbers in [0, n).
---@param seed integer
---@return fun(n: integer): integer
function M.random(seed)
  local state = seed % 2147483646 + 1
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n
  end
end

local kept = setmetatable({}, { __mode = "k" })

local function signed(random)
  local digits = 10 ^ random(18)
  local v = math.floor(random(1000003) / 1000003 * digits)
  return ffi.cast("int64_t", random(2) == 0 and v or -v)
end

local fill

local function whole(f, random)
  if f.least ~= 0 or f.most ~= 0 then return f.least + random(tonumber(f.most - f.least) + 1) end
  if f.type == C.SAVED_INT32 then return random(2000000) - 1000000 end
  if f.type == C.SAVED_INDEX then return random(65) - 1 end
  if f.type == C.SAVED_BOOL then return random(2) end
  if f.type == C.SAVED_UINT8 then return random(256) end
  if f.type == C.SAVED_INT16 then return random(65536) - 32768 end
  return signed(random)
end

local storage = {
  [tonumber(C.SAVED_INT64)] = "int64_t *",
  [tonumber(C.SAVED_UINT64)] = "int64_t *",
  [tonumber(C.SAVED_INT32)] = "int32_t *",
  [tonumber(C.SAVED_INT16)] = "int16_t *",
  [tonumber(C.SAVED_INDEX)] = "int16_t *",
  [tonumber(C.SAVED_UINT8)] = "uint8_t *",
  [tonumber(C.SAVED_BOOL)] = "uint8_t *",
}

local function fill_list(f, record, random, anchors)
  local count = random(4)
  local rows = ffi.new("char[?]", math.max(count, 1) * f.table.size)
  anchors[#anchors + 1] = rows
  for i = 0, count - 1 do
    fill(f.table, rows + i * f.table.size, random, anchors)
  end
  ffi.cast("char **", record + f.offset)[0] = count > 0 and rows or nil
  ffi.cast("int32_t *", record + f.count_offset)[0] = count
end

function fill(t, record, random, anchors)
  for i = 0, t.field_count - 1 do
    local f = t.fields[i]
    local at = record + f.offset
    if storage[f.type] then
      ffi.cast(storage[f.type], at)[0] = whole(f, random)
    elseif f.type == C.SAVED_DOUBLE then
      ffi.cast("double *", at)[0] = (random(1000001) - 500000) / 997
    elseif f.type == C.SAVED_WIDE then
      ffi.copy(at, tostring(1e15 + random(1e9)), 15)
    elseif f.type == C.SAVED_TEXT then
      local text = {}
      for k = 1, random(f.count) do
        text[k] = string.char(97 + random(26))
      end
      ffi.copy(at, table.concat(text))
    elseif f.type == C.SAVED_INT64S then
      for k = 0, f.count - 1 do
        ffi.cast("int64_t *", at)[k] = signed(random)
      end
    elseif f.type == C.SAVED_INT32S then
      for k = 0, f.count - 1 do
        ffi.cast("int32_t *", at)[k] = f.most > 0 and random(tonumber(f.most) + 1) or random(1000)
      end
    elseif f.type == C.SAVED_BOOLS then
      for k = 0, f.count - 1 do
        ffi.cast("uint8_t *", at)[k] = random(2)
      end
    elseif f.type == C.SAVED_PART then
      fill(f.table, at, random, anchors)
    elseif f.type == C.SAVED_PARTS then
      for k = 0, f.count - 1 do
        fill(f.table, at + k * f.table.size, random, anchors)
      end
    else
      fill_list(f, record, random, anchors)
    end
  end
end

---A record with random values in every field, within the fields' bounds.
---@param t ffi.cdata* const struct saved_table *
---@param random fun(n: integer): integer
---@return ffi.cdata* memory char[]
function M.filled(t, random)
  local record, anchors = ffi.new("char[?]", t.size), {}
  kept[record] = anchors
  fill(t, record, random, anchors)
  return record
end

---@return string
function M.write(t, record)
  local out = ffi.new "struct saved_out"
  C.saved_put(out, t, record)
  local bytes = ffi.string(out.at, out.size)
  C.saved_out_free(out)
  return bytes
end

-- Memory for lists lives as long as the specs.
local lists = {}
local take = ffi.cast("void *(*)(void *, size_t)", function(_, size)
  local memory = ffi.new("char[?]", size)
  lists[#lists + 1] = memory
  return ffi.cast("void *", memory)
end)

---Reads a record into memory that was full of something else.
---@return boolean good
---@return ffi.cdata* memory char[]
function M.read(t, bytes)
  local record, input = ffi.new("char[?]", t.size), C.saved_in(bytes, #bytes)
  ffi.fill(record, t.size, 0xa5)
  input.take = take
  C.saved_get(input, t, record)
  return not input.bad, record
end

local function varint(v)
  local bytes = {}
  while v >= 128 do
    bytes[#bytes + 1] = string.char(v % 128 + 128)
    v = math.floor(v / 128)
  end
  return table.concat(bytes) .. string.char(v)
end

function M.number_field(tag, v) return varint(tag * 4) .. varint(v * 2) end
function M.eight_bytes_field(tag) return varint(tag * 4 + 1) .. ("\1"):rep(8) end
function M.bytes_field(tag, bytes) return varint(tag * 4 + 2) .. varint(#bytes) .. bytes end

---One bit of a text turned over.
function M.flip(bytes, at, bit_number)
  local byte = string.char(bit.bxor(bytes:byte(at), bit.lshift(1, bit_number)))
  return bytes:sub(1, at - 1) .. byte .. bytes:sub(at + 1)
end

---A file whose head says what is true of the body.
---@param bytes string
---@param magic string
---@param version integer
function M.sealed(bytes, magic, version)
  local file = ffi.new("uint8_t[?]", #bytes)
  ffi.copy(file, bytes, #bytes)
  C.saved_head_put(file, magic, version, #bytes)
  return ffi.string(file, #bytes)
end

return M

---Numbers as bytes that a page can carry: variable-length integers, deflated (zlib) and written as base64 (OpenSSL).
local ffi = require "ffi"

ffi.cdef [[
unsigned long compressBound(unsigned long);
int compress2(uint8_t *, unsigned long *, const uint8_t *, unsigned long, int);
int EVP_EncodeBlock(unsigned char *, const unsigned char *, int);
]]

local C = ffi.C

local M = {}

---@param data ffi.cdata*|string
---@param size integer
---@return string
function M.base64(data, size)
  local out = ffi.new("unsigned char[?]", math.floor((size + 2) / 3) * 4 + 1)
  local length = C.EVP_EncodeBlock(out, ffi.cast("const unsigned char *", data), size)
  return ffi.string(out, length)
end

---A text, deflated, as base64.
---@param data ffi.cdata*|string
---@param size integer
---@return string
function M.deflated(data, size)
  local room = ffi.new("unsigned long[1]", C.compressBound(size))
  local out = ffi.new("uint8_t[?]", room[0])
  assert(C.compress2(out, room, ffi.cast("const uint8_t *", data), size, 9) == 0, "zlib failed")
  return M.base64(out, tonumber(room[0]))
end

---@class Bytes a growing row of variable-length integers
---@field data ffi.cdata*
---@field size integer
local Bytes = {}
Bytes.__index = Bytes

---@return Bytes
function M.bytes() return setmetatable({ data = ffi.new "uint8_t[4096]", size = 0, capacity = 4096 }, Bytes) end

function Bytes:room(size)
  if size <= self.capacity then return end
  local capacity = math.max(self.capacity * 2, size)
  local data = ffi.new("uint8_t[?]", capacity)
  ffi.copy(data, self.data, self.size)
  self.data, self.capacity = data, capacity
end

---A whole number from 0 to 2^53, seven bits a byte, the lowest first; the high bit says that more follow.
---@param x number
function Bytes:unsigned(x)
  self:room(self.size + 8)
  local data, at = self.data, self.size
  while x >= 128 do
    local rest = math.floor(x / 128)
    data[at] = x - rest * 128 + 128
    at, x = at + 1, rest
  end
  data[at] = x
  self.size = at + 1
end

---A whole number of either sign: 0, -1, 1, -2... as 0, 1, 2, 3...
---@param x number
function Bytes:signed(x) self:unsigned(x < 0 and -2 * x - 1 or 2 * x) end

---@param other Bytes
function Bytes:append(other)
  self:room(self.size + other.size)
  ffi.copy(self.data + self.size, other.data, other.size)
  self.size = self.size + other.size
end

---@return string # deflated, as base64
function Bytes:finish() return M.deflated(self.data, self.size) end

return M

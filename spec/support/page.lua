---Reads what a report's page carries, without a browser.
local cjson = require "cjson"
local ffi = require "ffi"
local pack = require "moontide.page.pack" -- declares the functions of zlib and OpenSSL

ffi.cdef [[
int uncompress(uint8_t *, unsigned long *, const uint8_t *, unsigned long);
int EVP_DecodeBlock(unsigned char *, const unsigned char *, int);
]]

local M = {}

---@param html string
---@return table document
function M.document(html)
  local text = html:match '<script type="application/json" id="document">(.-)</script>'
  return cjson.decode(text)
end

---@param text string as pack.deflated writes it
---@return string
function M.inflate(text)
  local bytes = ffi.new("unsigned char[?]", #text)
  local size = ffi.C.EVP_DecodeBlock(bytes, ffi.cast("const unsigned char *", text), #text)
  local padding = text:match "=*$"
  local room = 1024
  while true do
    room = room * 4
    local out, length = ffi.new("uint8_t[?]", room), ffi.new("unsigned long[1]", room)
    local status = ffi.C.uncompress(out, length, bytes, size - #padding)
    if status == 0 then return ffi.string(out, length[0]) end
    assert(status == -5, "zlib: " .. status) -- Z_BUF_ERROR: more room
  end
end

---@param bytes string
---@return { unsigned: fun(): number, signed: fun(): number, left: fun(): integer }
function M.numbers(bytes)
  local at = 0
  local function unsigned()
    local value, scale = 0, 1
    while true do
      at = at + 1
      local byte = bytes:byte(at)
      value = value + byte % 128 * scale
      scale = scale * 128
      if byte < 128 then return value end
    end
  end
  local function signed()
    local z = unsigned()
    return z % 2 == 1 and -(z + 1) / 2 or z / 2
  end
  return { unsigned = unsigned, signed = signed, left = function() return #bytes - at end }
end

---@param document table
---@return number[] times milliseconds
---@return number[] equity USDT
---@return number[] held
function M.curve(document)
  local read, n = M.numbers(M.inflate(document.curve.data)), document.curve.count
  local lists = { {}, {}, {} }
  for k, scale in ipairs { 1, 1e8, 1e4 } do
    local value = 0
    for i = 1, n do
      value = value + (k == 1 and read.unsigned() or read.signed())
      lists[k][i] = value / scale
    end
  end
  return lists[1], lists[2], lists[3]
end

---@param block table
---@return { time: number, open: number, high: number, low: number, close: number }[]
function M.candles(block)
  local read, list, slot = M.numbers(M.inflate(block.data)), {}, block.start / block.interval - 1
  local unit = 10 ^ block.decimals
  for i = 1, block.count do
    slot = slot + read.unsigned() + 1
    list[i] = { time = slot * block.interval }
  end
  for _, name in ipairs { "gap", "body", "above", "below", "volume" } do
    for i = 1, block.count do
      local signed = name == "gap" or name == "body"
      list[i][name] = signed and read.signed() or read.unsigned()
    end
  end
  local close = 0
  for i, c in ipairs(list) do
    local open = close + c.gap
    close = open + c.body
    list[i] = {
      time = c.time,
      open = open / unit,
      high = (math.max(open, close) + c.above) / unit,
      low = (math.min(open, close) - c.below) / unit,
      close = close / unit,
    }
  end
  assert(read.left() == 0)
  return list
end

---@param text string
---@return any
function M.unpack(text) return cjson.decode(M.inflate(text)) end

M.pack = pack

return M

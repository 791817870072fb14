---A WebSocket client for specs: libcurl carries the bytes, frames are made and read here by hand, so that a spec can also
---send wrong ones.
local ffi = require "ffi"
local bit = require "bit"
local cjson = require "cjson"
require "spec.support.http"

ffi.cdef [[
  int curl_easy_send(CURL *, const void *, size_t, size_t *);
  int curl_easy_recv(CURL *, void *, size_t, size_t *);
  int poll(void *, unsigned long, int);
]]
local curl = ffi.load "libcurl.so.4"
local URL, CONNECT_ONLY, NOSIGNAL, TIMEOUT_MS, ACTIVESOCKET, AGAIN = 10002, 141, 99, 155, 0x500000 + 44, 81

local M = {}
local Socket = {}
Socket.__index = Socket

local function long(v) return ffi.cast("long", v) end

local function send_all(self, bytes)
  local sent = ffi.new "size_t[1]"
  while #bytes > 0 do
    local code = curl.curl_easy_send(self.handle, bytes, #bytes, sent)
    if code ~= 0 and code ~= AGAIN then return false end
    bytes = bytes:sub(tonumber(sent[0]) + 1)
  end
  return true
end

---Waits at most `seconds` for bytes; false when the peer has closed, nil when none came.
local function receive(self, seconds)
  local got = ffi.new "size_t[1]"
  local code = curl.curl_easy_recv(self.handle, self.buffer, 65536, got)
  if code == AGAIN then
    local p = ffi.new("struct { int fd; short events, revents; }", { self.fd, 1, 0 })
    if ffi.C.poll(p, 1, seconds * 1000) == 0 then return nil end
    code = curl.curl_easy_recv(self.handle, self.buffer, 65536, got)
    if code == AGAIN then return nil end
  end
  if code ~= 0 or got[0] == 0 then return false end
  self.pending = self.pending .. ffi.string(self.buffer, got[0])
  return true
end

---Connects; nil and the HTTP status when the handshake is refused.
---@param port integer
---@param path string
function M.open(port, path)
  local self = setmetatable(
    { handle = curl.curl_easy_init(), buffer = ffi.new "char[65536]", pending = "", pings = 0 },
    Socket
  )
  curl.curl_easy_setopt(self.handle, URL, ffi.cast("const char *", "http://127.0.0.1:" .. port))
  curl.curl_easy_setopt(self.handle, CONNECT_ONLY, long(1))
  curl.curl_easy_setopt(self.handle, NOSIGNAL, long(1))
  curl.curl_easy_setopt(self.handle, TIMEOUT_MS, long(60000))
  assert(curl.curl_easy_perform(self.handle) == 0, "cannot connect")
  local fd = ffi.new "int[1]"
  curl.curl_easy_getinfo(self.handle, ACTIVESOCKET, fd)
  self.fd = fd[0]
  send_all(
    self,
    (
      "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ):format(path)
  )
  local head
  for _ = 1, 600 do
    local stop
    head, stop = self.pending:match "^(.-\r\n\r\n)()"
    if head then
      self.pending = self.pending:sub(stop)
      break
    end
    if receive(self, 0.1) == false then break end
  end
  local status = tonumber((head or ""):match "^HTTP/1.1 (%d+)")
  if status ~= 101 then
    self:close()
    return nil, status
  end
  assert(head:find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 1, true), "wrong Sec-WebSocket-Accept") -- the RFC's own example
  return self
end

---Sends a masked frame.
---@param opcode integer? 1: text
function Socket:send(text, opcode)
  local size, mask = #text, { 1, 2, 3, 4 }
  local head = string.char(0x80 + (opcode or 1))
  if size < 126 then
    head = head .. string.char(0x80 + size)
  else
    head = head .. string.char(0x80 + 126, bit.rshift(size, 8), bit.band(size, 255))
  end
  local out = {}
  for i = 1, size do
    out[i] = string.char(bit.bxor(text:byte(i), mask[(i - 1) % 4 + 1]))
  end
  return send_all(self, head .. "\1\2\3\4" .. table.concat(out))
end

function Socket:send_raw(bytes) return send_all(self, bytes) end

-- The next whole frame of what is pending: opcode and payload.
local function frame(self)
  local p = self.pending
  if #p < 2 then return nil end
  local opcode, size, at = bit.band(p:byte(1), 15), bit.band(p:byte(2), 127), 3
  if size == 126 then
    if #p < 4 then return nil end
    size, at = p:byte(3) * 256 + p:byte(4), 5
  elseif size == 127 then
    if #p < 10 then return nil end
    size, at = 0, 11
    for i = 3, 10 do
      size = size * 256 + p:byte(i)
    end
  end
  if #p < at + size - 1 then return nil end
  self.pending = p:sub(at + size)
  return opcode, p:sub(at, at + size - 1)
end

---The next text message; pings are answered on the way unless `self.mute`. false when the connection has ended (then
---`self.close_code` may tell why), nil after `seconds` without one.
---@param seconds number?
function Socket:text(seconds)
  local left = (seconds or 60) * 10
  while true do
    local opcode, payload = frame(self)
    if opcode == 1 then return payload end
    if opcode == 8 then
      self.close_code = #payload >= 2 and payload:byte(1) * 256 + payload:byte(2) or 0
      return false
    elseif opcode == 9 then
      self.pings = self.pings + 1
      if not self.mute then self:send(payload, 10) end
    elseif not opcode then
      local got = receive(self, 0.1)
      if got == false then return false end
      if got == nil then left = left - 1 end
      if left <= 0 then return nil end
    end
  end
end

---The next message as a table.
function Socket:json(seconds)
  local text = self:text(seconds)
  return text and cjson.decode(text) or text, text
end

---The next message that fn accepts, within `seconds` of waiting for each.
function Socket:until_(fn, seconds)
  for _ = 1, 2000 do
    local value, text = self:json(seconds)
    if not value then return value end
    if fn(value) then return value, text end
  end
end

function Socket:ask(request) self:send(cjson.encode(request)) end

function Socket:close()
  if self.handle then curl.curl_easy_cleanup(self.handle) end
  self.handle = nil
end

return M

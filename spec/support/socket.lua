---Plain TCP for specs that misbehave.
local ffi = require "ffi"

ffi.cdef [[
  struct moontide_address { uint16_t family, port; uint32_t address; char zero[8]; };
  int socket(int, int, int);
  int connect(int, const void *, unsigned);
  long send(int, const void *, size_t, int);
  long recv(int, void *, size_t, int);
  int close(int);
]]

local M = {}
local Socket = {}
Socket.__index = Socket

function M.connect(port)
  local self = setmetatable({ fd = ffi.C.socket(2, 1, 0) }, Socket)
  local swapped = (port % 256) * 256 + math.floor(port / 256)
  local address = ffi.new("struct moontide_address", { 2, swapped, 0x0100007f })
  if ffi.C.connect(self.fd, address, ffi.sizeof(address)) ~= 0 then
    ffi.C.close(self.fd)
    return nil
  end
  return self
end

---False when the peer has gone. Never waits: what the kernel does not take is lost.
function Socket:send(text) return ffi.C.send(self.fd, text, #text, 0x4040) >= 0 end

---What has come within `seconds`: "" nothing, nil the end.
function Socket:receive(seconds)
  local p = ffi.new("struct { int fd; short events, revents; }", { self.fd, 1, 0 })
  if ffi.C.poll(p, 1, seconds * 1000) == 0 then return "" end
  local buffer = ffi.new "char[65536]"
  local size = ffi.C.recv(self.fd, buffer, 65536, 0)
  return size > 0 and ffi.string(buffer, size) or nil
end

function Socket:close() ffi.C.close(self.fd) end

return M

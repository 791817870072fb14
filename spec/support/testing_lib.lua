---The runtime's test code (runtime/testing), a library beside the binary: it is not linked into the product.
local ffi = require "ffi"
local host = require "moontide.lua_host"
require "moontide.core" -- its structs come first

local folder = host.exe:match "^(.*)/" or "."

local function read(name)
  local file = assert(io.open(folder .. "/" .. name))
  local text = file:read "*a"
  file:close()
  return text
end

ffi.cdef(read "testing_cdef.txt")
return ffi.load(folder .. "/moontide_testing.so")

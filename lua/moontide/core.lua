---The C side of the runtime as LuaJIT's FFI sees it: the functions and structs of the headers in runtime/.
---Internal: scripts use `api`, `market` and `log`.
local ffi = require "ffi"
local host = require "moontide.lua_host"

ffi.cdef(host.cdef)

return ffi.C

---The C side of moontide for specs: every function of the headers in runtime/script/cdef.h.
---Inside `moontide test` these are the binary's own symbols. With MOONTIDE_CDEF and MOONTIDE_LIB set (a preprocessed
---header and a shared library) the same specs run under a plain LuaJIT, which is handy while writing one module.
local ffi = require "ffi"

local cdef, lib = os.getenv "MOONTIDE_CDEF", os.getenv "MOONTIDE_LIB"
if cdef then
  local file = assert(io.open(cdef))
  ffi.cdef(file:read "*a")
  file:close()
  return ffi.load(lib)
end
require "moontide.core"
return ffi.C

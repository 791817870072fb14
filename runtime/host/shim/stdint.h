// stdint.h: empty on purpose; LuaJIT knows these types, see host/cdef.h.

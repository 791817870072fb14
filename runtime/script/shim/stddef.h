// stddef.h: empty on purpose; LuaJIT knows these types, see script/cdef.h.

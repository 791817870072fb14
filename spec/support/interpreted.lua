---For specs in which C calls back into Lua. LuaJIT cannot enter a callback from a compiled call, and any function may get compiled:
---what counts as hot is counted by a hash of its address, which another place may share. So nothing is compiled in this process.
jit.off()
jit.flush()
return true

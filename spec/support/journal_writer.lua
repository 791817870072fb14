---Child of the journal's spec: writes intents for ever and prints the number of each once it is told to be down.
---arguments: FILE [full]; ends by itself when a write fails.
local ffi = require "ffi"
package.path = "./?.lua;" .. package.path
local journal = require "spec.support.journal"

ffi.cdef [[ void (*moontide_signal(int, void (*)(int)))(int) __asm__("signal"); ]]
ffi.C.moontide_signal(25, ffi.cast("void (*)(int)", 1)) -- SIGXFSZ: a file that may not grow gives an error instead

local path, full = ...
local j = assert(journal.open(path, full == "full"))
local n, printed = 0, 0
while #j.errors == 0 do
  for _ = 1, 5 do
    n = n + 1
    j:intend("order-" .. n, n)
  end
  j:turn()
  while printed < #j.told do
    printed = printed + 1
    if #j.errors == 0 then io.stdout:write(j.told[printed], "\n") end
  end
  io.stdout:flush()
end
io.stdout:write("failed ", j.errors[1], "\n")
j:close()

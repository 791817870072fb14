-- Ways out of a sandbox that scripts of Lua and LuaJIT have been caught at, from public lists (lua-users.org's SandBoxes, write-ups of
-- escapes through bytecode, debug and ffi, of OpenResty, Roblox, game mods) and our own. Each is the body of a function that returns
-- something true when the escape has gone as far as named: what it read, or that it did it. `@` stands for the folder of the attempt:
-- @/secret is outside of what the script may read, @/out must not come to be; VICTIM is the number of a process of the same user.
-- lua_only: the system does not hold it, for it concerns the process alone. unsafe: not tried without a wall.
return {
  -- reading and writing what is not the script's
  { "reads a file elsewhere", "return io.open('@/secret'):read '*a'" },
  { "reads its lines", "for l in io.lines '@/secret' do return l end" },
  { "goes upwards from its folder", "return io.open('@/data/../secret'):read '*a'" },
  {
    "names a file by an object",
    [[return io.open(setmetatable({}, { __tostring = function() return '@/secret' end })):read '*a']],
  },
  {
    "names a file by an object that changes",
    [[
    local o = setmetatable({ sub = function() return 'x' end, gmatch = function() return function() end end, find = function() end },
      { __concat = function() return '@/secret' end })
    return io.open(setmetatable({}, { __tostring = function() return o end })):read '*a']],
  },
  { "reads a file by dofile", "dofile '@/secret.lua' return leaked" },
  { "reads a file by loadfile", "return loadfile '@/secret.lua' ()" },
  { "reads a file by require", "package.path = '@/?.lua' return require 'secret'" },
  {
    "reads a file by package.loaders",
    "local f = package.loaders[2] 'secret' return type(f) == 'function' and f",
  },
  {
    "reads a file by package.searchpath",
    "return io.open(package.searchpath('secret', '@/?.lua')):read '*a'",
  },
  { "reads a file as standard input", "io.input '@/secret' return io.read '*a'" },
  { "reads its own environment", "return io.open '/proc/self/environ':read '*a'" },
  { "reads its own memory", [[local f = io.open '/proc/self/mem' f:seek('set', 0x400000) return f]] },
  { "reads the map of its memory", "return io.open '/proc/self/maps':read '*a'" },
  { "reads another process's environment", "return io.open('/proc/' .. VICTIM .. '/environ')" },
  { "reads the process's status", "return io.open '/proc/self/status':read '*a'" },
  { "reads a command line", "return io.open('/proc/' .. VICTIM .. '/cmdline')" },
  { "writes a file elsewhere", "return io.open('@/out', 'w'):write 'x'" },
  {
    "writes by a mode of its own",
    "return io.open('@/out', setmetatable({}, { __tostring = function() return 'w' end })):write 'x'",
  },
  { "writes as standard output", "io.output '@/out' return io.write 'x'" },
  { "writes a file by tmpfile", "return io.tmpfile():write 'x'" },
  { "removes a file", "return os.remove '@/victim'" },
  { "renames a file", "return os.rename('@/victim', '@/out')" },
  { "makes a name for a file", "return io.open(os.tmpname(), 'w'):write 'x'" },
  { "writes where other users look", "return io.open('/tmp/moontide_escape', 'w'):write 'x'" },
  { "writes shared memory", "return io.open('/dev/shm/moontide_escape', 'w'):write 'x'" },
  { "closes what the process prints to", "return io.stdout:close()", lua_only = true },
  {
    "bends the methods of all files",
    "io.stdout.__index.write = function() end return true",
    lua_only = true,
  },
  -- starting programs
  { "runs a command", "return os.execute 'echo x >@/out' == 0" },
  { "runs a command by popen", "return io.popen 'cat @/secret':read '*l'" },
  {
    "runs a command by popen, to write",
    "local p = io.popen('cat >@/out', 'w') p:write 'x' p:close() return io.open '@/out':read '*a'",
  },
  {
    "runs a command by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int system(const char *);' return ffi.C.system 'echo x >@/out' == 0]],
  },
  {
    unsafe = true,
    "becomes a program by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int execl(const char *, ...);'
    return ffi.C.execl('/bin/true', '/bin/true', ffi.cast('char *', nil)) ~= -1]],
  },
  {
    "starts a program by posix_spawn",
    [[local ffi = require 'ffi'
    ffi.cdef 'int posix_spawn(int *, const char *, const void *, const void *, char *const *, char *const *);'
    local pid, words = ffi.new 'int[1]', ffi.new('char *[2]', { ffi.cast('char *', '/bin/true') })
    return ffi.C.posix_spawn(pid, '/bin/true', nil, nil, words, nil) == 0]],
  },
  -- C by other ways
  {
    "opens a file by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int open(const char *, int, ...);' return ffi.C.open('@/secret', 0) >= 0]],
  },
  {
    "makes a file by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int creat(const char *, unsigned);' return ffi.C.creat('@/out', 438) >= 0]],
  },
  {
    "links a file by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int symlink(const char *, const char *);'
    return ffi.C.symlink('@/secret', '@/data/link') == 0]],
  },
  {
    "links a file hard by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int link(const char *, const char *);'
    return ffi.C.link('@/secret', '@/data/hard') == 0]],
  },
  {
    "changes a file's mode by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int chmod(const char *, unsigned);' return ffi.C.chmod('@/secret', 511) == 0]],
  },
  {
    "gives a file away by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int chown(const char *, unsigned, unsigned);'
    return ffi.C.chown('@/secret', 1, 1) == 0]],
  },
  {
    "truncates a file by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int truncate(const char *, long);' return ffi.C.truncate('@/victim', 0) == 0]],
  },
  {
    "kills another process by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'int kill(int, int);' return ffi.C.kill(VICTIM, 0) == 0]],
  },
  {
    unsafe = true,
    "looks into another process by ffi",
    [[local ffi = require 'ffi' ffi.cdef 'long ptrace(int, int, void *, void *);'
    return ffi.C.ptrace(16, VICTIM, nil, nil) == 0]],
  },
  {
    "reads another process's memory by ffi",
    [[local ffi = require 'ffi'
    ffi.cdef 'long process_vm_readv(int, const void *, unsigned long, const void *, unsigned long, unsigned long); int getpid(void);'
    return ffi.C.process_vm_readv(ffi.C.getpid(), nil, 0, nil, 0, 0) ~= -1]],
  },
  {
    "speaks to other programs by a Unix socket",
    [[local ffi = require 'ffi' ffi.cdef 'int socket(int, int, int);' return ffi.C.socket(1, 1, 0) >= 0]],
  },
  {
    "listens to the wire",
    [[local ffi = require 'ffi' ffi.cdef 'int socket(int, int, int);' return ffi.C.socket(17, 3, 0) >= 0]],
  },
  {
    "makes raw packets",
    [[local ffi = require 'ffi' ffi.cdef 'int socket(int, int, int);' return ffi.C.socket(2, 3, 1) >= 0]],
  },
  {
    "offers a port to the network",
    [[local ffi = require 'ffi'
    ffi.cdef 'int socket(int, int, int); int bind(int, const void *, unsigned);'
    local fd, a = ffi.C.socket(2, 1, 0), ffi.new('unsigned char[16]', { 2, 0 }) return fd >= 0 and ffi.C.bind(fd, a, 16) == 0]],
  },
  {
    unsafe = true,
    "leaves into a namespace",
    [[local ffi = require 'ffi' ffi.cdef 'int unshare(int);' return ffi.C.unshare(0x10000000) == 0]],
  },
  {
    "gets its memory dumped",
    [[local ffi = require 'ffi' ffi.cdef 'int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);'
    return ffi.C.prctl(4, 1, 0, 0, 0) == 0 or ffi.C.prctl(3, 0, 0, 0, 0) == 1]],
  },
  {
    "loads code into the kernel",
    [[local ffi = require 'ffi' ffi.cdef 'long syscall(long, ...);'
    return ffi.C.syscall(321, 0, nil, 0) ~= -1 or ffi.errno() ~= 1]],
  },
  {
    "opens the kernel's other door for files",
    [[local ffi = require 'ffi' ffi.cdef 'long syscall(long, ...);'
    return ffi.C.syscall(425, ffi.cast('long', 1), nil) ~= -1 or ffi.errno() ~= 1]],
  },
  {
    "runs code from memory",
    [[local ffi = require 'ffi' ffi.cdef 'int memfd_create(const char *, unsigned);' return ffi.C.memfd_create('x', 0) >= 0]],
  },
  {
    unsafe = true,
    "mounts a file system",
    [[local ffi = require 'ffi' ffi.cdef 'int mount(const char *, const char *, const char *, unsigned long, const void *);'
    return ffi.C.mount('none', '@/data', 'tmpfs', 0, nil) == 0 or ffi.errno() ~= 1]],
  },
  {
    "becomes another user",
    [[local ffi = require 'ffi' ffi.cdef 'int setuid(unsigned);' return ffi.C.setuid(0) == 0]],
  },
  {
    unsafe = true,
    "types into the terminal",
    [[local ffi = require 'ffi' ffi.cdef 'int ioctl(int, unsigned long, ...);'
    return ffi.C.ioctl(0, 0x5412, 'x') == 0 or ffi.errno() ~= 1]],
  },
  { "loads a C library by package.loadlib", "return package.loadlib('@/lib.so', '*')" },
  { "loads a C library by require", "package.cpath = '@/?.so' return require 'lib'" },
  { "loads a C library by ffi", "return require 'ffi'.load '@/lib.so'" },
  -- out of the sandbox, by Lua's own means: the system has nothing to say here, so what is tried ends in a file
  { "reads a file by the globals of getfenv(0)", "return getfenv(0).io.open('@/secret'):read '*a'" },
  { "reads a file by the globals of a function", "return getfenv(print).io.open('@/secret'):read '*a'" },
  { "reads a file by the globals of a level", "return getfenv(2).io.open('@/secret'):read '*a'" },
  {
    "reads a file after setfenv",
    "return setfenv(function() return io.open('@/secret'):read '*a' end, getfenv(0))()",
  },
  { "reads a file by the registry", "return debug.getregistry()._LOADED.io.open('@/secret'):read '*a'" },
  {
    "reads a file by an upvalue",
    [[
    for i = 1, 20 do local n, v = debug.getupvalue(io.open, i) if type(v) == 'function' then
      local f = v('@/secret') if f then return f:read '*a' end end end
    return io.open('@/secret'):read '*a']],
  },
  {
    "reads a file by a local of the caller",
    [[
    local level = 1
    while debug.getinfo(level) do level = level + 1 end
    return debug.getlocal(2, 1) and io.open('@/secret'):read '*a']],
  },
  {
    "reads a file by debug.sethook",
    [[
    local found debug.sethook(function() found = debug.getinfo(2, 'f').func end, 'c') pcall(print) debug.sethook()
    return getfenv(found).io.open('@/secret'):read '*a']],
  },
  {
    "reads a file by the metatable of strings",
    [[
    local methods = getmetatable('').__index
    local sub = methods.sub
    methods.sub = function() return '@' end
    local f = io.open '@/secret'
    methods.sub = sub
    return f:read '*a']],
  },
  {
    "reads a file by debug.setmetatable",
    [[
    local before = debug.getmetatable ''
    debug.setmetatable('', { __index = function() return function() return 'x' end end })
    local f = io.open '@/secret'
    debug.setmetatable('', before)
    return f:read '*a']],
  },
  {
    "reads a file by string.dump and its bytecode",
    [[
    local f = loadstring(string.dump(function() return io.open('@/secret'):read '*a' end)) return f()]],
  },
  {
    "reads a file by bytecode of load",
    "return load(('').dump(function() return io.open('@/secret'):read '*a' end), 'x', 'b')()",
  },
  { "reads a file by load in the globals", "return load('return _G')().io.open('@/secret'):read '*a'" },
  { "reads a file by loadstring", "return loadstring [[return io.open('@/secret'):read '*a']]()" },
  {
    "reads a file by load with parts",
    [[local n = 0 return load(function() n = n + 1 return ({ "return io.op", "en('@/secret'):read '*a'" })[n] end)()]],
  },
  {
    "reads a file in a coroutine",
    "return coroutine.wrap(function() return io.open('@/secret'):read '*a' end)()",
  },
  {
    "reads a file in a handler of errors",
    "local got xpcall(function() error 'x' end, function() got = io.open('@/secret'):read '*a' end) return got",
  },
  {
    "reads a file in a comparator",
    "local got table.sort({ 2, 1 }, function() got = io.open('@/secret'):read '*a' return true end) return got",
  },
  {
    "reads a file in a replacement",
    "local got ('x'):gsub('x', function() got = io.open('@/secret'):read '*a' end) return got",
  },
  {
    "reads a file in a finalizer",
    [[
    local got local p = newproxy(true) getmetatable(p).__gc = function() got = io.open('@/secret'):read '*a' end
    p = nil collectgarbage() collectgarbage() return got or io.open('@/secret'):read '*a']],
  },
  { "reads a file by jit's modules", "return require 'jit.util'.funck and io.open('@/secret'):read '*a'" },
  { "reads a file by the loaded modules", "return package.loaded.io.open('@/secret'):read '*a'" },
  { "reads a file by the loaded modules' _G", "return package.loaded._G.io.open('@/secret'):read '*a'" },
  {
    "reads a file by a module of the runtime",
    "return require 'moontide.run.settings_file'.read { config = '@/secret.lua' }.leaked",
  },
  {
    "writes a file by a module of the runtime",
    "return require 'moontide.lua_host'.replace_file('@/out', 'x')",
  },
  { "reads a file by module()", "module('x', package.seeall) return _M._G.io.open('@/secret'):read '*a'" },
  { "reads a file by cjson's file", "return require 'cjson.util'.file_load '@/secret'" },
  {
    "reads a file by LuaFileSystem's kin",
    "return require 'lfs'.attributes '@/secret' or io.open('@/secret'):read '*a'",
  },
}

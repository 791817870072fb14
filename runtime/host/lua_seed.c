// lua_seed.c: makes LuaJIT seed its string hash the same way in every process.
//
// LuaJIT reads its seed from /dev/urandom, and the order in which pairs() visits string keys follows from it. A
// backtest must give the same bytes each time, whatever order a strategy's own tables are walked in, so LuaJIT (which
// is linked into this binary with open wrapped; nothing else here opens that file) gets a stream of zeros instead.
// Keys of a Lua table come from scripts and from the exchange, not from an attacker who could craft collisions.
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

int __real_open(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

static const char *seed_source(const char *path) { return strcmp(path, "/dev/urandom") == 0 ? "/dev/zero" : path; }

int __wrap_open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    int mode = (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(args, int) : 0;
    va_end(args);
    return __real_open(seed_source(path), flags, mode);
}

int __wrap_open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    int mode = (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(args, int) : 0;
    va_end(args);
    return __real_open64(seed_source(path), flags, mode);
}

// lua_seed.c: makes LuaJIT seed its string hash the same way in every process.
//
// LuaJIT seeds itself from getrandom(2), else /dev/urandom, and the order in which pairs() visits string keys
// follows from that. A backtest must give the same bytes each time, whatever order a strategy's own tables
// are walked in, so LuaJIT (which is linked into this binary with these two wrapped; nothing else in it calls
// them so) reads zeros. Keys of a Lua table come from scripts and from the exchange, not from an attacker who
// could craft collisions.
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

int __wrap_open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    int mode = (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(args, int) : 0;
    va_end(args);
    return __real_open64(strcmp(path, "/dev/urandom") == 0 ? "/dev/zero" : path, flags, mode);
}

long __wrap_syscall(long number, ...) {
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);   // a system call has at most six, all in registers
    va_end(args);
    if (number == SYS_getrandom) {
        memset((void *)a[0], 0, (size_t)a[1]);
        return a[1];
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

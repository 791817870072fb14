// lua_host.c: the Lua state of the process: opened, given its modules, run.
#include "script/lua_host.h"

#include <errno.h>
#include <dirent.h>
#include <lauxlib.h>
#include <libgen.h>
#include <limits.h>
#include <luajit.h>
#include <lualib.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char cdef_text[] =
#include "cdef.inc"
    ;

static void hex(const unsigned char *bytes, size_t count, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * count] = '\0';
}

// sha256(text) -> 64 hexadecimal digits
static int l_sha256(lua_State *L) {
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size = 0;
    if (!EVP_Digest(text, size, digest, &digest_size, EVP_sha256(), NULL))
        return luaL_error(L, "SHA-256 failed");
    char out[2 * EVP_MAX_MD_SIZE + 1];
    hex(digest, digest_size, out);
    lua_pushstring(L, out);
    return 1;
}

// sha256_begin() -> a digest under way, for texts too long to have at once: digest:add(text), digest:finish().
static int l_sha256_begin(lua_State *L) {
    EVP_MD_CTX **slot = lua_newuserdata(L, sizeof *slot);
    *slot = EVP_MD_CTX_new();
    luaL_getmetatable(L, "moontide.sha256");
    lua_setmetatable(L, -2);
    if (!*slot || !EVP_DigestInit_ex(*slot, EVP_sha256(), NULL)) return luaL_error(L, "SHA-256 failed");
    return 1;
}

static int l_sha256_add(lua_State *L) {
    EVP_MD_CTX **slot = luaL_checkudata(L, 1, "moontide.sha256");
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    if (!*slot || !EVP_DigestUpdate(*slot, text, size)) return luaL_error(L, "SHA-256 failed");
    return 0;
}

static int l_sha256_free(lua_State *L) {
    EVP_MD_CTX **slot = luaL_checkudata(L, 1, "moontide.sha256");
    EVP_MD_CTX_free(*slot);
    *slot = NULL;
    return 0;
}

static int l_sha256_finish(lua_State *L) {
    EVP_MD_CTX **slot = luaL_checkudata(L, 1, "moontide.sha256");
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size = 0;
    if (!*slot || !EVP_DigestFinal_ex(*slot, digest, &digest_size)) return luaL_error(L, "SHA-256 failed");
    char out[2 * EVP_MAX_MD_SIZE + 1];
    hex(digest, digest_size, out);
    lua_pushstring(L, out);
    return 1;
}

static void register_sha256(lua_State *L) {
    static const luaL_Reg methods[] = {
        { "add", l_sha256_add }, { "finish", l_sha256_finish }, { "__gc", l_sha256_free }, { NULL, NULL }
    };
    luaL_newmetatable(L, "moontide.sha256");
    luaL_register(L, NULL, methods);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

// monotonic() -> seconds from an arbitrary origin, for measuring the run itself
static int l_monotonic(lua_State *L) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    lua_pushnumber(L, (double)t.tv_sec + (double)t.tv_nsec / 1e9);
    return 1;
}

// isatty(fd) -> boolean
static int l_isatty(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

// peak_memory() -> bytes of resident memory at its highest
static int l_peak_memory(lua_State *L) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    lua_pushnumber(L, (double)usage.ru_maxrss * 1024.0);
    return 1;
}

// unguessable() -> a name of 33 characters, another one each time
static int l_unguessable(lua_State *L) {
    unsigned char bytes[16];
    char out[2 * sizeof bytes + 2] = "n";
    if (getentropy(bytes, sizeof bytes) != 0) return luaL_error(L, "no randomness: %s", strerror(errno));
    hex(bytes, sizeof bytes, out + 1);
    lua_pushstring(L, out);
    return 1;
}

// replace_file(path, text) -> true | nil, message. All of it or nothing: written beside, then renamed; but
// never over what is no plain file: /dev/null must not become one.
static int l_replace_file(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    struct stat st;
    bool in_place = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    if (in_place)
        lua_pushstring(L, path);
    else
        lua_pushfstring(L, "%s.tmp-%d", path, (int)getpid());
    const char *temporary = lua_tostring(L, -1);
    FILE *file = fopen(temporary, "wb");
    bool good = file != NULL;
    if (good) {
        good = fwrite(text, 1, size, file) == size;
        good = fclose(file) == 0 && good;
        good = good && (in_place || rename(temporary, path) == 0);
        if (!good && !in_place) unlink(temporary);
    }
    if (good) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushfstring(L, "cannot write %s", path);
    return 2;
}

// output_path(path) -> where to write what is to become `path`: beside it, to be renamed when all is written; `path`
// itself when that is no plain file.
static int l_output_path(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        lua_pushstring(L, path);
    else
        lua_pushfstring(L, "%s.tmp-%d", path, (int)getpid());
    return 1;
}

// file_mode(path): permission bits, or nil when there is no such file.
static int l_file_mode(lua_State *L) {
    struct stat st;
    if (stat(luaL_checkstring(L, 1), &st) != 0) return 0;
    lua_pushinteger(L, (lua_Integer)(st.st_mode & 07777));
    return 1;
}

// file_stamp(path): a text that differs whenever the file is another or was written, or nil when there is
// none.
static int l_file_stamp(lua_State *L) {
    struct stat st;
    if (stat(luaL_checkstring(L, 1), &st) != 0) return 0;
    char text[96];
    snprintf(text, sizeof text, "%lld:%lld:%lld.%09ld", (long long)st.st_ino, (long long)st.st_size,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    lua_pushstring(L, text);
    return 1;
}

// make_folder(path) -> true | nil, message. Mode as the umask leaves it; the folder above must be there.
static int l_make_folder(lua_State *L) {
    if (mkdir(luaL_checkstring(L, 1), 0777) == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, strerror(errno));
    return 2;
}

// list_folder(path): the names in it, "." and ".." left out, or nil when there is no such folder.
static int l_list_folder(lua_State *L) {
    DIR *d = opendir(luaL_checkstring(L, 1));
    if (!d) return 0;
    lua_newtable(L);
    int count = 0;
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        lua_pushstring(L, e->d_name);
        lua_rawseti(L, -2, ++count);
    }
    closedir(d);
    return 1;
}

static const luaL_Reg host_functions[] = {
    { "make_folder", l_make_folder },
    { "file_stamp", l_file_stamp },
    { "file_mode", l_file_mode },
    { "list_folder", l_list_folder },
    { "sha256", l_sha256 },
    { "sha256_begin", l_sha256_begin },
    { "output_path", l_output_path },
    { "monotonic", l_monotonic },
    { "isatty", l_isatty },
    { "peak_memory", l_peak_memory },
    { "unguessable", l_unguessable },
    { "replace_file", l_replace_file },
    { NULL, NULL },
};

static int open_host(lua_State *L) {
    register_sha256(L);
    lua_newtable(L);
    luaL_register(L, NULL, host_functions);
    lua_pushlstring(L, cdef_text, sizeof cdef_text - 1);
    lua_setfield(L, -2, "cdef");
    lua_pushliteral(L, MOONTIDE_VERSION);
    lua_setfield(L, -2, "version");
    char exe[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", exe, sizeof exe);
    lua_pushlstring(L, exe, size > 0 ? (size_t)size : 0);
    lua_setfield(L, -2, "exe");   // so that specs and benchmarks can start this very program
    return 1;
}

static bool is_folder(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

// Where lua/ and strategies/ live: the folder above lua/.
static void find_home(char out[PATH_MAX]) {
    char exe[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (size > 0) {
        exe[size] = '\0';
        const char *folder = dirname(exe);
        static const char *const places[] = { "/..", "/../share/moontide" };
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            char candidate[PATH_MAX + 64];
            snprintf(candidate, sizeof candidate, "%s%s/lua/moontide", folder, places[i]);
            if (is_folder(candidate)) {
                snprintf(candidate, sizeof candidate, "%s%s", folder, places[i]);
                if (!realpath(candidate, out)) snprintf(out, PATH_MAX, "%.4000s", candidate);
                return;
            }
        }
    }
    snprintf(out, PATH_MAX, "%s/share/moontide", MOONTIDE_PREFIX);
}

static void *sanitizer_alloc(void *ud, void *block, size_t old_size, size_t size) {
    (void)ud;
    (void)old_size;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

lua_State *lua_host_state_new(void) {
#ifdef MOONTIDE_SANITIZED
    lua_State *L =
        lua_newstate(sanitizer_alloc, NULL);   // LuaJIT's own allocator hides errors from the sanitizer
#else
    lua_State *L = luaL_newstate();
    (void)sanitizer_alloc;
#endif
    if (!L) return NULL;
    // The order in which pairs() visits a table follows from how many strings were made before its keys. The garbage
    // collector's pace, and which function gets compiled, depend on addresses, and so does whether a string is made anew. Both
    // are off until a script begins (run/loader.lua) or a command that loads none (cmd/init.lua): until then every process
    // does the same.
    lua_gc(L, LUA_GCSTOP, 0);
    luaL_openlibs(L);
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);

    char home[PATH_MAX];
    find_home(home);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, open_host);
    lua_setfield(L, -2, "moontide.lua_host");
    lua_pop(L, 1);
    // The default path begins with "./?.lua"; a file in the working directory must not shadow a module of
    // ours.
    lua_pushfstring(
        L,
        "%s/lua/?.lua;%s/lua/?/init.lua;/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua;"
        "/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua",
        home, home);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, home);
    lua_setfield(L, -2, "moontide_home");
    lua_pop(L, 1);
    return L;
}

static int traceback(lua_State *L) {
    if (!lua_isstring(L, 1)) return 1;   // a table is a message for the user, see moontide.failure
    lua_getglobal(L, "debug");
    lua_getfield(L, -1, "traceback");
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 2);
    lua_call(L, 2, 1);
    return 1;
}

int lua_host_run(lua_State *L, int count, char **words) {
    lua_pushcfunction(L, traceback);
    int handler = lua_gettop(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "moontide.cmd");
    if (lua_pcall(L, 1, 1, handler) != 0) {
        fprintf(stderr, "moontide: the Lua side is not where it should be: %s\n", lua_tostring(L, -1));
        return 1;
    }
    lua_getfield(L, -1, "main");
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushstring(L, words[i]);
        lua_rawseti(L, -2, i + 1);
    }
    if (lua_pcall(L, 1, 1, handler) != 0) {
        fprintf(stderr, "moontide: internal error: %s\n", lua_tostring(L, -1));
        return 1;
    }
    return (int)lua_tointeger(L, -1);
}

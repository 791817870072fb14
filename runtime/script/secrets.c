// secrets.c: keys from the environment or a file, which no script can read.
#include "script/secrets.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "net/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 65536 };

static char *copy(const char *text) {
    char *out = alloc_text(text);
    return out;
}

static void wipe(char **text) {
    if (*text) OPENSSL_cleanse(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void secrets_wipe(struct secrets *s) {
    wipe(&s->key);
    wipe(&s->secret);
}

void secrets_forget_environment(void) {
    static const char *const names[] = { "MOONTIDE_API_SECRET", "MOONTIDE_API_KEY" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *value = getenv(names[i]);
        if (value) OPENSSL_cleanse(value, strlen(value));
        unsetenv(names[i]);
    }
}

// ---- from one process to the next ----

struct passed {
    int32_t kind;
    uint32_t key_size, secret_size;   // what follows, unterminated
};

enum { PASSED_MAX = 4096 * 15 };   // a pipe holds sixteen pages

void secrets_close(int fd) {
    if (fd >= 0) close(fd);
}

int secrets_pass(const struct secrets *s, int *fd, struct errmsg *e) {
    size_t key = strlen(s->key), secret = strlen(s->secret), size = sizeof(struct passed) + key + secret;
    int ends[2];
    if (size > PASSED_MAX) return errmsg_set(e, ERR_INVALID, "the API key or its secret is too long");
    if (pipe2(ends, O_CLOEXEC) != 0) return errmsg_set(e, ERR_IO, "a pipe: %s", strerror(errno));
    char *bytes = alloc_zeroed(1, size);
    struct passed head = { s->kind, (uint32_t)key, (uint32_t)secret };
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, s->key, key);
    memcpy(bytes + sizeof head + key, s->secret, secret);
    bool good = write(ends[1], bytes, size) == (ssize_t)size;
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    close(ends[1]);
    if (!good) {
        close(ends[0]);
        return errmsg_set(e, ERR_IO, "a pipe: %s", strerror(errno));
    }
    char number[16];
    snprintf(number, sizeof number, "%d", SECRETS_FD);
    setenv("MOONTIDE_SECRETS_FD", number, 1);
    *fd = ends[0];
    return ERR_OK;
}

static char *take_text(char *from, uint32_t size) {
    char *out = alloc_zeroed(1, (size_t)size + 1);
    memcpy(out, from, size);
    return out;
}

static int read_passed(struct secrets *out, struct errmsg *e) {
    char *bytes = alloc_zeroed(1, PASSED_MAX);
    struct passed head = { 0 };
    size_t count = 0;
    for (ssize_t got = 1; got > 0 && count < PASSED_MAX; count += (size_t)(got > 0 ? got : 0))
        got = read(SECRETS_FD, bytes + count, PASSED_MAX - count);
    close(SECRETS_FD);
    unsetenv("MOONTIDE_SECRETS_FD");
    if (count >= sizeof head) memcpy(&head, bytes, sizeof head);
    bool good = count >= sizeof head && head.kind >= KEY_HMAC && head.kind <= KEY_ED25519 &&
                head.key_size <= PASSED_MAX && head.secret_size <= PASSED_MAX &&
                count == sizeof head + head.key_size + head.secret_size;
    if (good) {
        out->kind = head.kind;
        out->key = take_text(bytes + sizeof head, head.key_size);
        out->secret = take_text(bytes + sizeof head + head.key_size, head.secret_size);
    }
    OPENSSL_cleanse(bytes, PASSED_MAX);
    free(bytes);
    return good ? ERR_OK : errmsg_set(e, ERR_INVALID, "MOONTIDE_SECRETS_FD is for the supervisor's use");
}

// The text of a file that nobody else may read, malloc'ed.
static int read_private(const char *what, const char *path, char **out, struct errmsg *e) {
    FILE *file = fopen(path, "rb");
    struct stat st;
    if (!file || fstat(fileno(file), &st) != 0) {
        int err = errmsg_set(e, ERR_NOT_FOUND, "%s %s: %s", what, path,
                             errno == ENOENT ? "no such file" : strerror(errno));
        if (file) fclose(file);
        return err;
    }
    int err = ERR_OK;
    if (!S_ISREG(st.st_mode))
        err = errmsg_set(e, ERR_INVALID, "%s %s: not a file", what, path);
    else if (st.st_mode & 077)
        err = errmsg_set(e, ERR_INVALID, "%s %s: others may read it; chmod 600 %s", what, path, path);
    else if (st.st_size > FILE_MAX)
        err = errmsg_set(e, ERR_INVALID, "%s %s: too long for a key", what, path);
    char *text = err ? NULL : alloc_zeroed(1, FILE_MAX + 1);
    if (!err) {
        setvbuf(file, NULL, _IONBF, 0);   // no copy in a buffer of the library's
        size_t size = fread(text, 1, FILE_MAX, file);
        text[size] = 0;
    }
    fclose(file);
    *out = text;
    return err;
}

// ---- a file of ours: a Lua table, in a state of its own whose memory is wiped as it is freed ----

static void *wiping_alloc(void *ud, void *block, size_t old_size, size_t size) {
    (void)ud;
    void *larger = size ? malloc(size) : NULL;
    if (block && size && !larger) return NULL;
    if (block) {
        if (larger) memcpy(larger, block, old_size < size ? old_size : size);
        OPENSSL_cleanse(block, old_size);
        free(block);
    }
    return larger;
}

static char *field(lua_State *L, const char *name) {
    lua_getfield(L, 1, name);
    char *text = lua_type(L, -1) == LUA_TSTRING ? copy(lua_tostring(L, -1)) : NULL;
    lua_pop(L, 1);
    return text;
}

static int read_table(const char *path, struct secrets *out, struct errmsg *e) {
    char *text = NULL, *kind = NULL;
    int err = read_private("--key-file", path, &text, e);
    if (err) return err;
    lua_State *L = lua_newstate(wiping_alloc, NULL);
    ASSERT(L != NULL);
    bool good = luaL_loadbufferx(L, text, strlen(text), "=key", "t") == 0;
    wipe(&text);
    if (good) {
        lua_newtable(L);
        good = lua_setfenv(L, -2) && lua_pcall(L, 0, 1, 0) == 0 && lua_istable(L, 1);
    }
    if (good) {
        out->key = field(L, "key");
        out->secret = field(L, "secret");
        kind = field(L, "kind");
    }
    lua_close(L);
    if (!out->key || !out->secret) {
        err = errmsg_set(e, ERR_INVALID, "--key-file %s: it must return { key = \"...\", secret = \"...\" }",
                         path);
    } else if (kind && strcmp(kind, "hmac") != 0 && strcmp(kind, "rsa") != 0 &&
               strcmp(kind, "ed25519") != 0) {
        err = errmsg_set(e, ERR_INVALID, "--key-file %s: kind is hmac, rsa or ed25519", path);
    } else {
        out->kind = !kind || kind[0] == 'h' ? KEY_HMAC : kind[0] == 'r' ? KEY_RSA : KEY_ED25519;
    }
    free(kind);
    return err;
}

// ---- the environment ----

static int read_key_of_environment(const char *path, struct secrets *out, struct errmsg *e) {
    struct signing_key *key;
    int err = read_private("MOONTIDE_PRIVATE_KEY_FILE", path, &out->secret, e);
    if (err) return err;
    for (int32_t kind = KEY_RSA; kind <= KEY_ED25519; kind++) {
        if (signing_key_new((enum key_kind)kind, out->secret, &key, NULL) != ERR_OK) continue;
        signing_key_free(key);
        out->kind = kind;
        return ERR_OK;
    }
    return errmsg_set(e, ERR_INVALID,
                      "MOONTIDE_PRIVATE_KEY_FILE %s: no RSA or Ed25519 private key as PEM (one under a "
                      "passphrase cannot be read)",
                      path);
}

static int read_environment(struct secrets *out, struct errmsg *e) {
    const char *key = getenv("MOONTIDE_API_KEY"), *secret = getenv("MOONTIDE_API_SECRET"),
               *file = getenv("MOONTIDE_PRIVATE_KEY_FILE");
    if (!key && !secret && !file) {
        out->key = copy("");
        out->secret = copy("");
        return ERR_OK;
    }
    if (!key)
        return errmsg_set(e, ERR_INVALID, "%s is set and MOONTIDE_API_KEY is not",
                          secret ? "MOONTIDE_API_SECRET" : "MOONTIDE_PRIVATE_KEY_FILE");
    if (secret && file)
        return errmsg_set(e, ERR_INVALID,
                          "MOONTIDE_API_SECRET and MOONTIDE_PRIVATE_KEY_FILE are both set: one of them");
    if (!secret && !file)
        return errmsg_set(e, ERR_INVALID, "MOONTIDE_API_KEY is set and MOONTIDE_API_SECRET is not");
    out->key = copy(key);
    if (file) return read_key_of_environment(file, out, e);
    out->secret = copy(secret);
    return ERR_OK;
}

int secrets_read(const char *key_file, struct secrets *out, struct errmsg *e) {
    *out = (struct secrets){ .kind = KEY_HMAC };
    int err = key_file                        ? read_table(key_file, out, e)
              : getenv("MOONTIDE_SECRETS_FD") ? read_passed(out, e)
                                              : read_environment(out, e);
    if (err) secrets_wipe(out);
    return err;
}

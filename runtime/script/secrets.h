// secrets.h: the API key and what it signs with: read, handed over, wiped.
//
// From     a file of mode 0600 that returns { key = ..., secret = ..., kind = "hmac" | "rsa" | "ed25519" } (a
// Lua table, run
//          with nothing at hand); else MOONTIDE_API_KEY with MOONTIDE_API_SECRET, or with
//          MOONTIDE_PRIVATE_KEY_FILE, a file of mode 0600 with a private key as PEM (RSA or Ed25519: told by
//          the key itself).
// Wiped    every copy made on the way here is overwritten before its memory is given back; the last one by
// secrets_wipe. Errors   one line, which never holds what was read.
#ifndef MT_SCRIPT_SECRETS_H
#define MT_SCRIPT_SECRETS_H

#include "base/err.h"

#include <stdint.h>

// Both "" when there is none: market data only.
struct secrets {
    char *key, *secret;
    int32_t kind;
};   // kind: enum key_kind of net/signature.h

int secrets_read(const char *key_file, struct secrets *out, struct errmsg *e);
void secrets_wipe(struct secrets *s);

// Overwrites key and secret in the environment, so that neither a script nor a child nor another process of the user
// sees them.
void secrets_forget_environment(void);

// Hands what was read to a process that is about to be started: the reading end of a pipe, which is to become that
// process's descriptor SECRETS_FD and is closed here then. It finds it by MOONTIDE_SECRETS_FD, which this sets.
enum { SECRETS_FD = 4 };
int secrets_pass(const struct secrets *s, int *fd, struct errmsg *e);
void secrets_close(int fd);

#endif

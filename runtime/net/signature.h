// signature.h: the three ways a request is signed (wire contract, section 2): HMAC-SHA256, RSA (PKCS#1 v1.5,
// SHA-256) and Ed25519, by OpenSSL.
//
// Owner    signing_key_free wipes and releases a key.
// Text     a signature is hexadecimal for HMAC, base64 (not percent-encoded) for the others.
#ifndef MT_NET_SIGNATURE_H
#define MT_NET_SIGNATURE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { SIGNATURE_TEXT_MAX = 1400 };   // base64 of an 8192-bit RSA signature

enum key_kind { KEY_HMAC, KEY_RSA, KEY_ED25519 };

struct signing_key;

// `text`: the secret itself, or a key as PEM or as base64 of DER: PKCS#8 private keys, or public ones
// (SubjectPublicKeyInfo), which only verify. ERR_INVALID with what is wrong, never with the key.
int signing_key_new(enum key_kind kind, const char *text, struct signing_key **out, struct errmsg *e);
void signing_key_free(struct signing_key *key);
enum key_kind signing_key_kind(const struct signing_key *key);

// The signature of text[0..size-1] as its text, terminated; ERR_INVALID for a public key.
int signature_make(struct signing_key *key, const char *text, size_t size, char out[SIGNATURE_TEXT_MAX]);

// In constant time for HMAC; the case of hexadecimal digits does not count.
bool signature_holds(struct signing_key *key, const char *text, size_t size, const char *signature);

#endif

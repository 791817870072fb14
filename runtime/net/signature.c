// signature.c: HMAC-SHA256, RSA and Ed25519 signatures of requests.
#include "net/signature.h"

#include "base/assert.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct signing_key {
    enum key_kind kind;
    bool private;
    EVP_PKEY *pkey;     // RSA, Ed25519
    EVP_MAC_CTX *mac;   // HMAC, keyed: a signature begins from the state after the key
};

static EVP_PKEY *read_pem(const char *text, bool *private) {
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
    *private = key != NULL;
    if (!key && BIO_reset(bio) == 1) key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return key;
}

static EVP_PKEY *read_der(const char *text, bool *private) {
    size_t size = strlen(text);
    unsigned char *der = OPENSSL_malloc(size + 4);
    int length =
        der && size % 4 == 0 && size > 0 ? EVP_DecodeBlock(der, (const unsigned char *)text, (int)size) : -1;
    EVP_PKEY *key = NULL;
    if (length > 0) {
        const unsigned char *at = der;
        key = d2i_AutoPrivateKey(NULL, &at, length);
        *private = key != NULL;
        at = der;
        if (!key) key = d2i_PUBKEY(NULL, &at, length);
    }
    OPENSSL_clear_free(der, size + 4);
    return key;
}

static EVP_MAC_CTX *keyed_mac(const char *secret) {
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
                            OSSL_PARAM_END };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *c = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);   // the context holds it
    if (c && EVP_MAC_init(c, (const unsigned char *)secret, strlen(secret), params) == 1) return c;
    EVP_MAC_CTX_free(c);
    return NULL;
}

int signing_key_new(enum key_kind kind, const char *text, struct signing_key **out, struct errmsg *e) {
    struct signing_key *k = calloc(1, sizeof *k);
    if (!k) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a key");
    k->kind = kind;
    if (kind == KEY_HMAC) {
        k->mac = keyed_mac(text);
        k->private = true;
        if (k->mac) {
            *out = k;
            return ERR_OK;
        }
        signing_key_free(k);
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a key");
    }
    k->pkey = strncmp(text, "-----", 5) == 0 ? read_pem(text, &k->private) : read_der(text, &k->private);
    int wanted = kind == KEY_RSA ? EVP_PKEY_RSA : EVP_PKEY_ED25519;
    if (!k->pkey || EVP_PKEY_base_id(k->pkey) != wanted) {
        signing_key_free(k);
        return errmsg_set(
            e, ERR_INVALID,
            "the key is not %s key as PEM or as base64 of DER (a key under a passphrase cannot be read)",
            kind == KEY_RSA ? "an RSA" : "an Ed25519");
    }
    *out = k;
    return ERR_OK;
}

void signing_key_free(struct signing_key *k) {
    if (!k) return;
    EVP_PKEY_free(k->pkey);
    EVP_MAC_CTX_free(k->mac);   // wipes its key
    free(k);
}

enum key_kind signing_key_kind(const struct signing_key *k) { return k->kind; }

static void hmac_hex(struct signing_key *k, const char *text, size_t size, char out[65]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char mac[32];
    size_t length = 0;
    bool good = EVP_MAC_init(k->mac, NULL, 0, NULL) == 1 &&
                EVP_MAC_update(k->mac, (const unsigned char *)text, size) == 1 &&
                EVP_MAC_final(k->mac, mac, &length, sizeof mac) == 1;
    ASSERT(good && length == 32);
    for (int i = 0; i < 32; i++) {
        out[i * 2] = digits[mac[i] >> 4];
        out[i * 2 + 1] = digits[mac[i] & 15];
    }
    out[64] = 0;
}

static const EVP_MD *digest_of(const struct signing_key *k) {
    return k->kind == KEY_RSA ? EVP_sha256() : NULL;
}

int signature_make(struct signing_key *k, const char *text, size_t size, char out[SIGNATURE_TEXT_MAX]) {
    if (!k->private) return ERR_INVALID;
    if (k->kind == KEY_HMAC) {
        hmac_hex(k, text, size, out);
        return ERR_OK;
    }
    unsigned char raw[1024];
    size_t length = sizeof raw;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = c && EVP_DigestSignInit(c, NULL, digest_of(k), NULL, k->pkey) == 1 &&
                EVP_DigestSign(c, raw, &length, (const unsigned char *)text, size) == 1;
    EVP_MD_CTX_free(c);
    if (!good) return ERR_INVALID;
    EVP_EncodeBlock((unsigned char *)out, raw, (int)length);
    return ERR_OK;
}

static bool hmac_holds(struct signing_key *k, const char *text, size_t size, const char *signature) {
    char mine[65], theirs[65];
    if (strlen(signature) != 64) return false;
    hmac_hex(k, text, size, mine);
    for (int i = 0; i < 65; i++) {
        theirs[i] = signature[i];
        if (theirs[i] >= 'A' && theirs[i] <= 'F') theirs[i] = (char)(theirs[i] + 32);
    }
    return CRYPTO_memcmp(mine, theirs, 64) == 0;
}

bool signature_holds(struct signing_key *k, const char *text, size_t size, const char *signature) {
    if (k->kind == KEY_HMAC) return hmac_holds(k, text, size, signature);
    size_t length = strlen(signature);
    if (length == 0 || length % 4 != 0 || length >= SIGNATURE_TEXT_MAX) return false;
    unsigned char raw[SIGNATURE_TEXT_MAX];
    int decoded = EVP_DecodeBlock(raw, (const unsigned char *)signature, (int)length);
    if (decoded <= 0) return false;
    for (size_t i = length; i > 0 && signature[i - 1] == '='; i--)
        decoded--;   // the padding counts as zero bytes
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = c && decoded > 0 && EVP_DigestVerifyInit(c, NULL, digest_of(k), NULL, k->pkey) == 1 &&
                EVP_DigestVerify(c, raw, (size_t)decoded, (const unsigned char *)text, size) == 1;
    EVP_MD_CTX_free(c);
    return good;
}

#include "net/signature.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct signing_key {
    enum key_kind kind;
    bool private;
    EVP_PKEY *pkey;            // RSA, Ed25519
    char *secret;              // HMAC
    size_t secret_size;
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
    int length = der && size % 4 == 0 && size > 0 ? EVP_DecodeBlock(der, (const unsigned char *)text, (int)size) : -1;
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

int signing_key_new(enum key_kind kind, const char *text, struct signing_key **out, struct errmsg *e) {
    struct signing_key *k = calloc(1, sizeof *k);
    if (!k) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a key");
    k->kind = kind;
    if (kind == KEY_HMAC) {
        k->secret_size = strlen(text);
        k->secret = strdup(text);
        k->private = true;
        *out = k;
        return k->secret ? ERR_OK : errmsg_set(e, ERR_NO_MEMORY, "no memory for a key");
    }
    k->pkey = strncmp(text, "-----", 5) == 0 ? read_pem(text, &k->private) : read_der(text, &k->private);
    int wanted = kind == KEY_RSA ? EVP_PKEY_RSA : EVP_PKEY_ED25519;
    if (!k->pkey || EVP_PKEY_base_id(k->pkey) != wanted) {
        signing_key_free(k);
        return errmsg_set(e, ERR_INVALID, "the key is not %s key as PEM or as base64 of DER (a key under a passphrase cannot be read)",
                          kind == KEY_RSA ? "an RSA" : "an Ed25519");
    }
    *out = k;
    return ERR_OK;
}

void signing_key_free(struct signing_key *k) {
    if (!k) return;
    EVP_PKEY_free(k->pkey);
    if (k->secret) OPENSSL_cleanse(k->secret, k->secret_size);
    free(k->secret);
    free(k);
}

enum key_kind signing_key_kind(const struct signing_key *k) { return k->kind; }

static void hmac_hex(const struct signing_key *k, const char *text, size_t size, char out[65]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char mac[32];
    unsigned length = 0;
    HMAC(EVP_sha256(), k->secret, (int)k->secret_size, (const unsigned char *)text, size, mac, &length);
    for (int i = 0; i < 32; i++) {
        out[i * 2] = digits[mac[i] >> 4];
        out[i * 2 + 1] = digits[mac[i] & 15];
    }
    out[64] = 0;
}

static const EVP_MD *digest_of(const struct signing_key *k) { return k->kind == KEY_RSA ? EVP_sha256() : NULL; }

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

static bool hmac_holds(const struct signing_key *k, const char *text, size_t size, const char *signature) {
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
    for (size_t i = length; i > 0 && signature[i - 1] == '='; i--) decoded--;   // the padding counts as zero bytes
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool good = c && decoded > 0 && EVP_DigestVerifyInit(c, NULL, digest_of(k), NULL, k->pkey) == 1 &&
                EVP_DigestVerify(c, raw, (size_t)decoded, (const unsigned char *)text, size) == 1;
    EVP_MD_CTX_free(c);
    return good;
}

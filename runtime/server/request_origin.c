// request_origin.c: names in Host and Origin.
#include "server/request_origin.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// The name in NAME, NAME:PORT or [ADDRESS]:PORT; false: it is none of these.
static bool name_in(const char *text, char out[256]) {
    size_t size = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");
    if (size == 0 || size >= 256 || size > strlen(text)) return false;
    const char *rest = text + size;
    if (rest[0] && (rest[0] != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1))) return false;
    snprintf(out, 256, "%.*s", (int)size, text);
    return true;
}

static bool is_address(const char *name) {
    return name[0] == '[' || strspn(name, "0123456789.") == strlen(name);
}

static bool is_here(const char *name, const char *const *names, int32_t count) {
    if (strcasecmp(name, "localhost") == 0) return true;
    for (int32_t i = 0; i < count; i++) {
        if (strcasecmp(name, names[i]) == 0) return true;
    }
    return false;
}

const char *request_origin_problem(const struct http_request *r, const char *const *names, int32_t count) {
    char name[256];
    if (r->host[0] && !(name_in(r->host, name) && (is_address(name) || is_here(name, names, count))))
        return "Host is no name of this machine; --host NAME adds one.";
    if (r->origin[0]) {
        const char *at = strstr(r->origin, "://");
        bool good =
            at && name_in(at + 3, name) &&
            (is_here(name, names, count) || strncmp(name, "127.", 4) == 0 || strcmp(name, "[::1]") == 0);
        if (!good || (strncmp(name, "127.", 4) == 0 && !is_address(name)))
            return "Pages from elsewhere are not served (Origin); --host NAME adds a name of this machine.";
    }
    return r->cross_site ? "Pages from elsewhere are not served (Sec-Fetch-Site)." : NULL;
}

bool request_origin_token(const struct http_request *r, const char *token) {
    if (!token) return true;
    return strlen(r->token) == strlen(token) && CRYPTO_memcmp(r->token, token, strlen(token)) == 0;
}

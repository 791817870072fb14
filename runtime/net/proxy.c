// proxy.c: by which proxy connections go.
#include "net/proxy.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

// HTTP_PROXY is not among them: a web server's visitor could set it (libcurl ignores it too).
static const char *const variables[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                         "ALL_PROXY" };
static const char *const kinds[] = { "http", "https", "socks4", "socks4a", "socks5", "socks5h" };

bool proxy_possible(const char *given) {
    if (given) return *given != 0;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        if (getenv(variables[i])) return true;
    }
    return false;
}

static bool known(const char *kind) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i], kind) == 0) return true;
    }
    return false;
}

static CURLUcode read_url(CURLU *u, const char *proxy) {
    return u ? curl_url_set(u, CURLUPART_URL, proxy, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME)
             : CURLUE_OUT_OF_MEMORY;
}

static int check(const char *what, const char *proxy, struct errmsg *e) {
    if (!*proxy) return ERR_OK;   // none
    CURLU *u = curl_url();
    char *kind = NULL;
    CURLUcode code = read_url(u, proxy);
    if (!code) code = curl_url_get(u, CURLUPART_SCHEME, &kind, 0);
    int err = ERR_OK;
    if (code)
        err = errmsg_set(e, ERR_INVALID, "%s: %s; as http://host:port or socks5h://host:port", what,
                         curl_url_strerror(code));
    else if (!known(kind))
        err = errmsg_set(
            e, ERR_INVALID,
            "%s: unknown kind of proxy %.20s; expected http, https, socks4, socks4a, socks5 or socks5h", what,
            kind);
    curl_free(kind);
    curl_url_cleanup(u);
    return err;
}

int proxy_check(const char *proxy, struct errmsg *e) {
    if (proxy) return check("proxy", proxy, e);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        int err = value ? check(variables[i], value, e) : ERR_OK;
        if (err) return err;
    }
    return ERR_OK;
}

bool proxy_has_secret(const char *proxy) {
    CURLU *u = curl_url();
    char *secret = NULL;
    bool has =
        read_url(u, proxy) == CURLUE_OK && curl_url_get(u, CURLUPART_PASSWORD, &secret, 0) == CURLUE_OK;
    curl_free(secret);
    curl_url_cleanup(u);
    return has;
}

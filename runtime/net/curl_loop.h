// curl_loop.h: one libcurl multi handle driven by a libuv loop, and the settings that all of our connections
// share: TLS 1.2 and up verified, the proxy, names resolved off the loop's thread, several addresses tried
// side by side (all libcurl's doing).
//
// Proxy    as libcurl has it: the one given, else http_proxy, https_proxy, all_proxy of the environment;
//          no_proxy of the environment names hosts that are reached without, whichever it is.
// Owner    curl_loop_close ends it in its own time. One thread; no callback is called from inside of these
//          functions.
#ifndef MT_NET_CURL_LOOP_H
#define MT_NET_CURL_LOOP_H

#include "base/err.h"

#include <curl/curl.h>
#include <stdint.h>
#include <uv.h>

struct curl_loop;

struct connection_options {
    const char *proxy;            // NULL: what the environment says; "": none
    const char *ca_file;          // NULL: the system's
    int64_t connect_timeout_ms;   // name, proxy and TLS included
};

// `turned` is called whenever transfers may have ended: to ask curl_multi_info_read.
int curl_loop_new(uv_loop_t *loop, void (*turned)(void *ctx), void *ctx, struct curl_loop **out,
                  struct errmsg *e);
CURLM *curl_loop_multi(struct curl_loop *c);

// A handle with the common settings; texts are copied. `problem` (CURL_ERROR_SIZE) outlives it. NULL when
// memory is short.
CURL *curl_loop_easy(struct curl_loop *c, const struct connection_options *o, char *problem);

// What went wrong with it, in one line: libcurl's words, kept in `problem`.
const char *curl_loop_problem(CURL *easy, CURLcode code, char *problem);

// The loop no longer looks at this socket: somebody else will.
void curl_loop_let_go(struct curl_loop *c, curl_socket_t fd);

// After the last of its handles is cleaned up. `gone` is called once the loop has turned, when nothing is
// left of it.
void curl_loop_close(struct curl_loop *c, void (*gone)(void *ctx), void *ctx);

#endif

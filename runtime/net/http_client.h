// http_client.h: HTTP requests by libcurl's multi interface in a libuv loop: kept connections, HTTP/2 where
// offered, TLS 1.2 and up verified, proxies, gzip, timeouts; and what is known of a request that got no
// answer.
//
// Sent     libcurl repeats a request by itself when a kept connection turns out dead before an answer began.
//          Once a byte of it may have left it must not, for that could be a second order: it is stopped where
//          it would begin anew (the hook CURLOPT_PREREQFUNCTION), and the request ends as HTTP_LOST.
// Owner    http_client_free after the loop has run once more; a call's texts are copied. One thread.
#ifndef MT_NET_HTTP_CLIENT_H
#define MT_NET_HTTP_CLIENT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { HTTP_HEADERS_MAX = 8 };

struct http_client;
struct http_transfer;

// Headers of an answer that are read as whole numbers; NULL: not sent by this server.
struct http_used_headers {
    const char *weight_1m, *orders_10s, *orders_1m;
};

struct http_client_options {
    const char *proxy;     // NULL: what the environment says
    const char *ca_file;   // NULL: the system's
    int64_t connect_timeout_ms;
    int64_t timeout_ms;              // of a whole request
    struct http_used_headers used;   // texts that outlive the client
    bool verbose;
};

struct http_call {
    const char *method;   // "GET"
    const char *url;
    const char *headers[HTTP_HEADERS_MAX];   // whole lines, NULL-ended
    const char *body;                        // NULL: none. A POST or PUT without one sends an empty body.
    size_t body_size;
    bool long_answer;   // ask for it in gzip: not worth it for an order's
};

enum http_fate {
    HTTP_ANSWERED,
    HTTP_UNSENT,   // not a byte of the request left: no connection, no such host, TLS refused
    HTTP_LOST      // it may have arrived: the connection was cut, or the time ran out
};

// An answer; header values are -1 or 0 when they were not sent.
struct http_answer {
    enum http_fate fate;
    int32_t status;
    const char *body;
    size_t size;
    int32_t used_weight_1m, order_count_10s, order_count_1m, retry_after_s;
    int64_t took_us;       // from the first byte out to the last one in
    const char *problem;   // of the two other fates: libcurl's words
};

typedef void (*http_done)(void *ctx, void *user, const struct http_answer *answer);

int http_client_new(uv_loop_t *loop, const struct http_client_options *o, http_done done, void *ctx,
                    struct http_client **out, struct errmsg *e);
void http_client_close(struct http_client *h);   // gives up what is under way, without a word
void http_client_free(struct http_client *h);

// Starts a request; `done` is called once, later, never from inside. NULL when memory is short.
struct http_transfer *http_send(struct http_client *h, const struct http_call *call, void *user);

// Gives one up; `done` is not called for it.
void http_cancel(struct http_client *h, struct http_transfer *t);

#endif

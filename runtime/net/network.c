// network.c: the system's sockets as the table that a live world speaks by.
#include "net/network.h"

static int http_new(void *ctx, const struct http_client_options *o, http_done done, void *done_ctx,
                    struct http_client **out, struct errmsg *e) {
    return http_client_new(ctx, o, done, done_ctx, out, e);
}

static int ws_open(void *ctx, const struct ws_options *o, const struct ws_hooks *hooks,
                   struct ws_client **out, struct errmsg *e) {
    return ws_client_open(ctx, o, hooks, out, e);
}

struct network network_system(uv_loop_t *loop) {
    return (struct network){ .ctx = loop,
                             .http_new = http_new,
                             .http_close = http_client_close,
                             .http_free = http_client_free,
                             .http_send = http_send,
                             .http_cancel = http_cancel,
                             .ws_open = ws_open,
                             .ws_send = ws_client_send,
                             .ws_close = ws_client_close,
                             .ws_is_open = ws_client_is_open };
}

// network.h: HTTP requests and WebSockets as a table of functions, so that what speaks to an exchange need
// not know whether its bytes go over sockets or, in a spec, through a network of this process whose time is
// not the wall's.
//
// Contract as of the functions of the same names in http_client.h and ws_client.h, the rules about ownership
// and
//          about hooks that are never called from inside included. The handles belong to the network that
//          made them.
// Owner    the table is copied, its ctx borrowed for as long as a handle lives.
#ifndef MT_NET_NETWORK_H
#define MT_NET_NETWORK_H

#include "net/http_client.h"
#include "net/ws_client.h"

struct network {
    void *ctx;
    int (*http_new)(void *ctx, const struct http_client_options *o, http_done done, void *done_ctx,
                    struct http_client **out, struct errmsg *e);
    void (*http_close)(struct http_client *h);
    void (*http_free)(struct http_client *h);
    struct http_transfer *(*http_send)(struct http_client *h, const struct http_call *call, void *user);
    void (*http_cancel)(struct http_client *h, struct http_transfer *t);
    int (*ws_open)(void *ctx, const struct ws_options *o, const struct ws_hooks *hooks,
                   struct ws_client **out, struct errmsg *e);
    void (*ws_send)(struct ws_client *w, const char *text, size_t size);
    void (*ws_close)(struct ws_client *w);
    int (*ws_is_open)(const struct ws_client *w);
};

// The system's sockets, by libcurl, on this loop.
struct network network_system(uv_loop_t *loop);

#endif

// ws_client.h: one WebSocket connection to a server, on a libuv loop. libcurl connects (net/curl_loop.h:
// names, addresses, proxies, TLS) and carries the bytes; the handshake's answer is read by http_parser,
// frames by wslay; pings are answered.
//
// Owner    ws_client_close ends it and frees it in its own time; no hook is called after. `closed` is the
//          last hook of a connection that ended by itself; the user then calls ws_client_close.
// Why      `closed` tells it in one line of printable text, which holds no password.
// Silence  when no message, ping or pong has come for half of `silence_ms` the server is pinged; when none
//          comes in the other half either the connection is given up as dead.
#ifndef MT_NET_WS_CLIENT_H
#define MT_NET_WS_CLIENT_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct ws_client;

struct ws_hooks {
    void *ctx;
    void (*opened)(void *ctx, struct ws_client *w);
    void (*message)(void *ctx, struct ws_client *w, const char *text, size_t size);
    void (*closed)(void *ctx, struct ws_client *w, const char *why);
};

struct ws_options {
    const char *url;              // ws://host[:port]/path or wss://...
    const char *proxy;            // as in net/proxy.h; NULL: what the environment says
    const char *ca_file;          // NULL: the system's
    int64_t connect_timeout_ms;   // until the handshake is done
    int64_t silence_ms;           // 0: for ever
};

// Starts connecting; ERR_INVALID for an address that is none. Texts are copied.
int ws_client_open(uv_loop_t *loop, const struct ws_options *o, const struct ws_hooks *hooks,
                   struct ws_client **out, struct errmsg *e);
void ws_client_send(struct ws_client *w, const char *text, size_t size);   // lost unless open
void ws_client_close(struct ws_client *w);
int ws_client_is_open(const struct ws_client *w);

#endif

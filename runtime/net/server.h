// server.h: a TCP or TLS server of connections (net/conn.h) on a libuv loop: accepting, moving bytes,
// shedding.
//
// Owner    server_close stops listening and closes all connections; server_free after the loop has run once
//          more.
// Shedding a connection that does not finish a request in time, is idle for SERVER_IDLE_S, or lets
//          SERVER_BACKLOG_MAX bytes pile up is closed; beyond SERVER_CONNECTIONS_MAX the one longest idle
//          makes room.
#ifndef MT_NET_SERVER_H
#define MT_NET_SERVER_H

#include "base/err.h"
#include "net/conn.h"

#include <uv.h>

enum { SERVER_CONNECTIONS_MAX = 4000, SERVER_IDLE_S = 75, SERVER_BACKLOG_MAX = 8 << 20 };

struct server;

struct server_options {
    const char *address;             // "127.0.0.1"
    int port;                        // 0: any
    const char *certificate, *key;   // PEM files; NULL: plain TCP
    int request_s;                   // a request or TLS handshake must be whole by then
    struct conn_hooks hooks;
    void (*closed)(void *ctx, struct conn *c);   // about to be freed; ctx of hooks
};

int server_new(uv_loop_t *loop, const struct server_options *o, struct server **out, struct errmsg *e);
int server_port(const struct server *s);
void server_close(struct server *s);
void server_free(struct server *s);

#endif

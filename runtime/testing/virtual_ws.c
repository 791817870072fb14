// virtual_ws.c: WebSockets over the virtual network's pipes, as net/ws_client.h has them.
#include "testing/virtual_private.h"

#include "base/assert.h"
#include "net/ws_protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// It is handed out as a struct ws_client, which its users know by its name only.
struct virtual_ws {
    struct virtual_network *v;
    struct pipe *pipe;   // NULL: gone
    struct ws_protocol *protocol;
    struct ws_hooks hooks;
    struct alarm alarm;
    int64_t connect_timeout_ms, begun_us;
    bool connected, closing;
    char host[256];
    char *path;
};

static struct ws_client *handle_of(struct virtual_ws *w) { return (struct ws_client *)w; }
static struct virtual_ws *of_handle(struct ws_client *w) { return (struct virtual_ws *)w; }
static const struct virtual_ws *of_const(const struct ws_client *w) { return (const struct virtual_ws *)w; }

// ---- what the protocol asks for ----

static void put(void *ctx, const char *bytes, size_t size) {
    struct virtual_ws *w = ctx;
    if (w->pipe) pipe_write(w->pipe, bytes, size);
}

static bool random_bytes(void *ctx, unsigned char *bytes, size_t size) {
    virtual_random(((struct virtual_ws *)ctx)->v, bytes, size);
    return true;
}

static void on_alarm(void *owner) {
    struct virtual_ws *w = owner;
    if (w->connected)
        ws_protocol_alarm(w->protocol);
    else
        ws_protocol_fail(w->protocol, "Connection timed out after %lld milliseconds",
                         (long long)w->connect_timeout_ms);
}

static void set_alarm(void *ctx, int64_t ms) {
    struct virtual_ws *w = ctx;
    if (ms > 0 && !w->closing)
        virtual_alarm_set(w->v, &w->alarm, on_alarm, w, ms * 1000);
    else
        virtual_alarm_stop(w->v, &w->alarm);
}

static void on_opened(void *ctx) {
    struct virtual_ws *w = ctx;
    w->hooks.opened(w->hooks.ctx, handle_of(w));
}

static void on_message(void *ctx, const char *text, size_t size) {
    struct virtual_ws *w = ctx;
    w->hooks.message(w->hooks.ctx, handle_of(w), text, size);
}

static void on_ended(void *ctx, const char *why) {
    struct virtual_ws *w = ctx;
    w->hooks.closed(w->hooks.ctx, handle_of(w), why);
}

// ---- what the pipe brings ----

static void on_connected(void *owner) {
    struct virtual_ws *w = owner;
    int64_t left_ms = w->connect_timeout_ms - (virtual_now_us(w->v) - w->begun_us) / 1000;
    w->connected = true;
    ws_protocol_begin(w->protocol, w->host, w->path, left_ms, w->connect_timeout_ms);
}

static void on_bytes(void *owner, const char *bytes, size_t size) {
    ws_protocol_feed(((struct virtual_ws *)owner)->protocol, bytes, size);
}

static void on_closed(void *owner, const char *why) {
    struct virtual_ws *w = owner;
    w->pipe = NULL;
    ws_protocol_fail(w->protocol, "%s", why);
}

static const struct pipe_hooks pipe_hooks = { on_connected, on_bytes, on_closed };

// ---- the table's functions ----

static void bury(void *block) {
    struct virtual_ws *w = block;
    ws_protocol_free(w->protocol);
    free(w->path);
    free(w);
}

static int ws_open(void *ctx, const struct ws_options *o, const struct ws_hooks *hooks,
                   struct ws_client **out, struct errmsg *e) {
    if (strncmp(o->url, "ws://", 5) != 0)
        return errmsg_set(e, ERR_INVALID, "%s is no address of a WebSocket here (ws://host:port/path)",
                          o->url);
    struct virtual_ws *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    const char *target;
    virtual_address(o->url, w->host, &target);
    w->v = ctx;
    w->hooks = *hooks;
    w->path = strdup(target);
    w->connect_timeout_ms = o->connect_timeout_ms;
    w->begun_us = virtual_now_us(w->v);
    struct ws_protocol_hooks protocol = { .ctx = w,
                                          .put = put,
                                          .random = random_bytes,
                                          .alarm = set_alarm,
                                          .opened = on_opened,
                                          .message = on_message,
                                          .ended = on_ended };
    w->protocol = ws_protocol_new(&protocol, o->silence_ms);
    ASSERT(w->protocol != NULL && w->path != NULL);
    w->pipe = pipe_open(w->v, target, &pipe_hooks, w);
    virtual_alarm_set(w->v, &w->alarm, on_alarm, w, w->connect_timeout_ms * 1000);
    *out = handle_of(w);
    return ERR_OK;
}

static void ws_send(struct ws_client *handle, const char *text, size_t size) {
    ws_protocol_send(of_handle(handle)->protocol, text, size);
}

static void ws_close(struct ws_client *handle) {
    struct virtual_ws *w = of_handle(handle);
    if (w->closing) return;
    ws_protocol_close(w->protocol);
    w->closing = true;
    virtual_alarm_stop(w->v, &w->alarm);
    if (w->pipe) pipe_close(w->pipe);
    w->pipe = NULL;
    virtual_bury(w->v, bury, w);
}

static int ws_is_open(const struct ws_client *handle) {
    return ws_protocol_is_open(of_const(handle)->protocol);
}

struct network virtual_ws_table(struct network n) {
    n.ws_open = ws_open;
    n.ws_send = ws_send;
    n.ws_close = ws_close;
    n.ws_is_open = ws_is_open;
    return n;
}

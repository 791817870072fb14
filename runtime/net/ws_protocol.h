// ws_protocol.h: the client's side of one WebSocket connection (RFC 6455) as a state machine: handshake,
// frames, pings, silence. Bytes in, bytes out; no socket and no clock: ws_client.c moves the bytes, and a
// virtual network can.
//
// Parsers  the handshake's answer by http_parser, frames by wslay; pings are answered.
// Owner    ws_protocol_free releases it, from outside of its hooks. What a hook is handed holds for the call.
// End      `ended` is the last hook of a connection that ended by itself. It tells why in one line of
//          printable text.
// Silence  when no message, ping or pong has come for half of `silence_ms` the server is pinged; when none
//          comes in the other half either the connection is given up as dead.
#ifndef MT_NET_WS_PROTOCOL_H
#define MT_NET_WS_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ws_protocol;

struct ws_protocol_hooks {
    void *ctx;
    void (*put)(void *ctx, const char *bytes, size_t size);   // bytes to be sent
    bool (*random)(void *ctx, unsigned char *bytes, size_t size);
    void (*alarm)(void *ctx, int64_t ms);   // ws_protocol_alarm is due so much later, not before; 0: not
    void (*opened)(void *ctx);
    void (*message)(void *ctx, const char *text, size_t size);
    void (*ended)(void *ctx, const char *why);
};

struct ws_protocol *ws_protocol_new(const struct ws_protocol_hooks *hooks, int64_t silence_ms);
void ws_protocol_free(struct ws_protocol *w);

// The connection stands: the handshake is sent. It is to be answered within `left_ms`, of the `allowed_ms`
// there were.
void ws_protocol_begin(struct ws_protocol *w, const char *host_port, const char *path, int64_t left_ms,
                       int64_t allowed_ms);
void ws_protocol_feed(struct ws_protocol *w, const char *bytes, size_t size);
void ws_protocol_alarm(struct ws_protocol *w);
void ws_protocol_send(struct ws_protocol *w, const char *text, size_t size);   // lost unless open

// The user closes: a farewell is put, and no hook but `put` is called any more.
void ws_protocol_close(struct ws_protocol *w);
// What carries the bytes has failed.
void ws_protocol_fail(struct ws_protocol *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool ws_protocol_is_open(const struct ws_protocol *w);
bool ws_protocol_has_ended(const struct ws_protocol *w);

#endif

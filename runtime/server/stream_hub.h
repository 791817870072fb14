// stream_hub.h: who has subscribed to what, and the messages they get: market streams, the user data stream,
// and
// the control messages of both (wire contract, sections 7 and 8). No sockets, no clock.
//
// Routes   a connection's address says which families it carries: /public, /market, /private, or none
//          (legacy), which carries what /public does, or everything when its options say so.
// Depth    a differential stream's events chain by U, u and pu from the moment it is first subscribed to. An
//          event is made once and sent to all its subscribers.
// Owner    a subscriber lives from stream_hub_open to stream_hub_close.
#ifndef MT_SERVER_STREAM_HUB_H
#define MT_SERVER_STREAM_HUB_H

#include "net/conn.h"
#include "sim/exchange.h"
#include "sim/faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream_hub;
struct subscriber;

struct stream_hub_options {
    bool legacy_all;   // unrouted addresses carry every family
    int64_t life_us;   // of a connection: 24 hours
    int64_t ping_us;   // between server pings: 3 minutes; no pong in 10/3 of it cuts the connection
    int32_t messages_per_second;   // of a client, 10
};

struct stream_hub *stream_hub_new(const struct stream_hub_options *o, struct exchange *x,
                                  const struct symbol *symbols, int32_t symbol_count, struct faults *faults);
void stream_hub_free(struct stream_hub *s);

// Whether a path is one of a stream: 0, or the HTTP status that refuses it.
int stream_hub_address(const char *path, const char *query);

// A connection has been upgraded at this address: its streams and listen keys are subscribed to.
struct subscriber *stream_hub_open(struct stream_hub *s, struct conn *c, const char *path, const char *query,
                                   int64_t now_us);
void stream_hub_close(struct stream_hub *s, struct subscriber *sub);
void stream_hub_message(struct stream_hub *s, struct subscriber *sub, const char *text, size_t size,
                        int64_t now_us);
void stream_hub_frame(struct stream_hub *s, struct subscriber *sub,
                      int64_t now_us);   // any frame: the message rate
void stream_hub_pong(struct stream_hub *s, struct subscriber *sub, const char *payload, size_t size,
                     int64_t now_us);

// The exchange's hooks.
void stream_hub_trade(struct stream_hub *s, const struct trade_record *t, int64_t now_us);
void stream_hub_user_event(struct stream_hub *s, int32_t kind, const void *record, int64_t now_us);

// Sends what is due by now_us: timed streams, pings, lives at their end.
void stream_hub_pump(struct stream_hub *s, int64_t now_us);

int64_t stream_hub_messages(const struct stream_hub *s);   // sent so far

#endif

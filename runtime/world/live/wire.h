// wire.h: how a live request leaves over HTTP and how its answer is read; the measured clock; the key.
#ifndef MT_WORLD_LIVE_WIRE_H
#define MT_WORLD_LIVE_WIRE_H

#include "world/live/core.h"

struct http_answer;
struct signing_key;
struct server_clock;

int live_wire_open(struct live *l, struct errmsg *e);
void live_wire_stop(struct live *l);
void live_wire_close(struct live *l);
int64_t live_wire_next_us(const struct live *l);
void live_wire_pump(struct live *l, int64_t now_us);   // unknown outcomes and the clock, when due

struct gateway_link live_wire_link(struct live *l);   // how requests to the exchange leave
struct gateway *live_wire_gateway(struct live *l, const struct gateway_link *link);
void live_wire_done(struct live *l, struct api_call *call, const struct http_answer *a);
// A public read past the dispatcher, rare and small; `user` is not NULL and no call: live_coins_answered hears of the answer.
bool live_wire_ask(struct live *l, const char *path, void *user);
const struct server_clock *live_wire_clock(const struct live *l);
struct signing_key *live_wire_key(const struct live *l);   // NULL: market data only
const char *live_wire_key_header(const struct live *l);    // "NAME: KEY"

#endif

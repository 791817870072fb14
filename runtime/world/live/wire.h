// wire.h: how a live request leaves by HTTP, signed, and how its answer is read; and the exchange's clock, which such
// requests measure. What the answer means is the gateway's business (execution/gateway.h).
//
// Owner    struct live embeds it; live_wire_free frees what it holds.
#ifndef MT_WORLD_LIVE_WIRE_H
#define MT_WORLD_LIVE_WIRE_H

#include "api/clock.h"
#include "execution/gateway.h"
#include "net/network.h"
#include "net/signature.h"
#include "venue/binance/record_read.h"

struct live;

struct live_wire {
    struct http_client *http;
    struct signing_key *key;            // NULL: none, the run can read market data only
    char *key_header;                   // NULL without a key
    struct http_transfer **transfers;   // of each call's slot, while it is in flight
    int32_t transfer_room;
    struct arena arena;   // rows of the answer being read
    struct server_clock clock;
    int64_t clock_due_us, clock_sent_us;   // due 0: not measured yet
};

int live_wire_open(struct live *l, struct errmsg *e);
void live_wire_close(struct live *l);   // nothing is sent any more; its handles close as the loop turns
void live_wire_free(struct live *l);    // once the loop has turned

struct gateway_link live_wire_link(struct live *l);   // how requests to the exchange leave
// The run's gateway, on that link and the run's clocks.
struct gateway *live_wire_gateway(struct live *l, const struct gateway_link *link);

void live_wire_pump(struct live *l, int64_t now_us);   // unknown outcomes and the clock, when due
int64_t live_wire_next_us(const struct live *l);

// The answer to a call's attempt, by whatever way it came.
void live_wire_done(struct live *l, struct api_call *op, const struct http_answer *a);

#endif

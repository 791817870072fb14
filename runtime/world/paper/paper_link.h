// paper_link.h: how the requests of a paper account leave: to the simulated exchange in this process, `latency` there and
// `latency` back; all others go to the real exchange (world/live/wire.h).
//
//     sent --latency--> the market is known? --yes--> exchange_call --> answer, events --latency--> the gateway, the script
//                          | no: it waits, and fails as on a dead network when that takes longer than a request may
//
// Owner    struct paper embeds it; paper_link_close frees what is under way.
#ifndef MT_WORLD_PAPER_PAPER_LINK_H
#define MT_WORLD_PAPER_PAPER_LINK_H

#include "execution/gateway.h"
#include "sim/exchange.h"

struct live;

struct paper_link {
    struct gateway_link wire;                // of all that is not the account's
    struct paper_request *up, **up_end;      // on their way to the exchange
    struct paper_answer *down, **down_end;   // answers and events on their way back
};

void paper_link_open(struct live *l);
void paper_link_close(struct live *l);
struct gateway_link paper_link_gateway(struct live *l);   // the table of the run's gateway

// Requests that are due, and answers and events.
void paper_link_arrive(struct live *l, int64_t now_us);
void paper_link_answer(struct live *l, int64_t now_us);
int64_t paper_link_next_us(const struct live *l);

// Hooks of the exchange; ctx is the live world.
void paper_link_on_reply(void *ctx, uint64_t token, const struct reply *reply, int64_t now_us);
void paper_link_on_event(void *ctx, int32_t kind, const void *record, int64_t now_us);

#endif

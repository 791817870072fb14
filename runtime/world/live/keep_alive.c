// keep_alive.c: connections kept open before they are needed: a burst of orders then pays no handshake. Each is used once
// in a while, as a server closes those that are not; the pings go through the dispatcher like all else
// (weight 1 each, lowest priority).
#include "world/live/keep_alive.h"

#include "base/alloc.h"

#include <stdlib.h>

#define PING_EVERY_US INT64_C(20000000)

struct keep_alive {
    int32_t pinging;   // pings under way
    int64_t due_us;
};

static void on_pinged(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    (void)call;
    struct live *l = ctx;
    l->keep_alive->pinging--;
}

void keep_alive_pump(struct live *l, int64_t now_us) {
    if (now_us < keep_alive_next_us(l)) return;
    l->keep_alive->due_us = now_us + PING_EVERY_US;
    // All at once: each needs a connection of its own. Counted before they are sent: one that is refused is
    // answered at once.
    int32_t missing = l->o.warm_connections - l->keep_alive->pinging;
    for (int32_t i = 0; i < missing; i++) {
        l->keep_alive->pinging++;
        internal_call_submit(l, internal_call_take(l, EP_PING, PRIORITY_LOW), on_pinged, 0);
    }
}

int64_t keep_alive_next_us(const struct live *l) {
    return l->o.warm_connections > 0 && l->started && !l->ended && !l->stopping ? l->keep_alive->due_us
                                                                                : INT64_MAX;
}

int keep_alive_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->keep_alive = alloc_zeroed(1, sizeof *l->keep_alive);
    return ERR_OK;
}

void keep_alive_close(struct live *l) { free(l->keep_alive); }

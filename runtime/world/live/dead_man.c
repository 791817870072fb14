// dead_man.c: the dead man's switch: the exchange is told to cancel the open orders of a symbol unless it hears of us
// again in time, and is told so anew at a third of that time. A symbol takes part once an order of it was
// submitted. Should we die, or hang, or lose the network, the exchange does what we no longer can.
#include "world/live/dead_man.h"

#include "base/alloc.h"
#include "world/live/wire.h"

#include <stdlib.h>

#define RETRY_US INT64_C(1000000)

// A symbol's countdown at the exchange.
struct countdown {
    bool used, asking;
    int64_t due_us;
};

struct live_dead_man {
    struct countdown of[SYMBOLS_MAX];
    bool off, failed;
};

static bool works(const struct live *l) {
    return l->o.dead_man_us > 0 && live_wire_key(l) && !l->simulation && !l->o.requests_only &&
           !l->dead_man->off && !l->ended;
}

void live_dead_man_use(struct live *l, int16_t symbol) {
    if (works(l) && symbol >= 0) l->dead_man->of[symbol].used = true;
}

static void on_armed(void *ctx, struct api_call *call, int64_t number) {
    struct live *l = ctx;
    struct countdown *d = &l->dead_man->of[number];
    d->asking = false;
    bool good = call->settle == SETTLE_DONE;
    if (good)
        l->figures.dead_man_armed++;
    else {
        l->figures.dead_man_failed++;
        l->dead_man->failed = true;
    }
    d->due_us = live_now(l) + (good ? l->o.dead_man_us / 3 : RETRY_US);
}

void live_dead_man_pump(struct live *l, int64_t now_us) {
    if (!works(l)) return;
    for (int16_t k = 0; k < l->list.count; k++) {
        struct countdown *d = &l->dead_man->of[k];
        if (!d->used || d->asking || now_us < d->due_us) continue;
        struct api_call *op = internal_call_take(l, EP_COUNTDOWN_CANCEL, PRIORITY_CRITICAL);
        op->call.symbol = k;
        op->call.countdown_us = l->o.dead_man_us;
        op->call.given = UINT64_C(1) << P_SYMBOL | UINT64_C(1) << P_COUNTDOWN_TIME;
        op->request.deadline_us = now_us + l->o.dead_man_us / 3;
        d->asking = true;
        internal_call_submit(l, op, on_armed, k);
    }
}

int64_t live_dead_man_next_us(const struct live *l) {
    int64_t due = INT64_MAX;
    for (int16_t k = 0; works(l) && k < l->list.count; k++) {
        const struct countdown *d = &l->dead_man->of[k];
        if (d->used && !d->asking && d->due_us < due) due = d->due_us;
    }
    return due;
}

bool live_dead_man_kept(const struct live *l) { return works(l); }
bool live_dead_man_used(const struct live *l, int16_t symbol) { return l->dead_man->of[symbol].used; }
void live_dead_man_end(struct live *l) { l->dead_man->off = true; }

bool live_dead_man_has_failed(const struct live *l) { return l->dead_man->failed; }

bool live_dead_man_failed(struct live *l) {
    bool failed = l->dead_man->failed;
    l->dead_man->failed = false;
    return failed;
}

int live_dead_man_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->dead_man = alloc_zeroed(1, sizeof *l->dead_man);
    return ERR_OK;
}

void live_dead_man_close(struct live *l) { free(l->dead_man); }

// pump.h: what every world does in the same way: calls go to the dispatcher and settle, timers fire, what is for the
// script waits in order, positions and the wallet are kept as they were delivered.
//
//     script --pump_submit--> coalescer --> dispatcher --pump_settled--> listeners, then
//                                                          a call of the runtime: its `done`
//                                                          a call of the script:  the queue that pump_next_settled reads
//
// A world has a `struct pump` as its first member, so that the functions of world_functions that are the same in all
// worlds take any of them. It makes the dispatcher (whose transport is its own) with pump_settled and the pump as
// context, and moves view.now_us: the pump reads no clock.
//
// Owner    pump_close frees all but the dispatcher's transport.
// Errors   a world that is out of memory has nothing to save: the process ends.
#ifndef MT_WORLD_PUMP_H
#define MT_WORLD_PUMP_H

#include "api/dispatcher.h"
#include "base/heap.h"
#include "execution/api_call.h"
#include "execution/coalesce.h"
#include "world/equity.h"
#include "world/world.h"

// Who hears of a settled request that may have changed the account, in this order; the array ends with NULL.
typedef void (*pump_listener)(void *world, struct api_call *call, enum settle settle, int64_t now_us);

// The runtime's own call has settled; it goes back to the pool right after.
typedef void (*pump_done)(void *ctx, struct api_call *call, int64_t number);

struct pump_internal {
    pump_done done;   // NULL: the call of this slot is the script's
    void *ctx;
    int64_t number;
};

struct pump_timer {
    int32_t id, index;   // index: of the heap's
    struct pump_timer *next_free;
};

// Something for the script, in the order of its coming; `time_us` is the exchange's.
struct pump_delivery {
    int32_t feed;   // -1: the event
    bool recovered;
    int64_t bar, arrived_us, time_us;
    struct stream_event event;
};

struct pump {
    struct world_view view;   // first: see pump_view
    struct dispatcher *dispatcher;
    struct api_call_pool *calls;
    struct coalescer *coalescer;
    void *world;
    const pump_listener *listeners;

    int32_t pending;             // the script's calls that have not settled
    int32_t under_way;           // and those of the runtime
    int32_t changing;            // of both, those sent that change something
    struct api_call *awaited;    // settles without a report: its waiter looks at `done`
    struct api_call **settled;   // not yet reported
    int32_t settled_head, settled_count, settled_room;
    struct pump_internal *internal;   // by slot
    int32_t internal_room;

    struct heap timers;
    uint64_t timer_order;
    struct pump_timer *free_timers, **timer_blocks;
    int32_t timer_block_count, timer_block_room;

    struct pump_delivery *deliveries;   // a ring
    int64_t delivery_head, delivery_count, delivery_capacity;
    struct stream_event delivered;

    struct equity_track equity;
};

void pump_open(struct pump *p, void *world, const pump_listener *listeners);
void pump_close(struct pump *p);

// ---- calls ----

// A call of the script: it settles at once, later, or never. True: it went to the dispatcher; false: it waits for the
// answer to another like it.
bool pump_submit(struct pump *p, struct api_call *call);
// The same, refused before it is sent.
void pump_refuse(struct pump *p, struct api_call *call, const char *why);
// A call of the runtime's own.
bool pump_submit_internal(struct pump *p, struct api_call *call, pump_done done, void *ctx, int64_t number);
// For dispatcher_new; `ctx` is the pump.
void pump_settled(void *ctx, struct request *r, enum settle settle, int64_t now_us);

static inline bool pump_has_settled(const struct pump *p) { return p->settled_head < p->settled_count; }
// The oldest that settled, shown in view.op.
void pump_next_settled(struct pump *p);
// A call that settled inside of its submit, before anyone waited: nobody needs its report.
void pump_forget_report(struct pump *p, const struct api_call *call);

// ---- timers ----

void pump_timer_at(struct pump *p, int64_t at_us, int32_t id);
static inline int64_t pump_timer_us(const struct pump *p) {   // INT64_MAX: none
    return p->timers.count ? p->timers.slots[0].key : INT64_MAX;
}
// Takes the first one off, shown in view.timer.
void pump_next_timer(struct pump *p);

// ---- deliveries ----

// In the order of coming; what was recovered goes before what is newer and waits already.
void pump_push(struct pump *p, const struct pump_delivery *d);
// Takes the oldest off, shown in the view but for a bar's series; valid until the next push. One must be there.
const struct pump_delivery *pump_next_delivery(struct pump *p);
// An account's event has been delivered: positions and wallet are as it says.
void pump_apply_account(struct pump *p, const struct account_update_record *u);

// ---- the same in every world (world_functions): `world` begins with its pump ----

struct world_view *pump_view(void *world);
struct api_call *pump_call(void *world);   // with a clean call
void pump_call_free(void *world, struct api_call *call);
void pump_configure(void *world, const struct api_config *config, int64_t now_us);
void pump_manager_start(void *world);
void pump_manager_stop(void *world, int64_t now_us);
double pump_strain(void *world, const int32_t cost[], int64_t now_us);
const struct metrics_snapshot *pump_metrics(void *world, int64_t now_us);

#endif

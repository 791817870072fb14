// pump.c: what every world does in the same way: calls, timers, deliveries, positions.
#include "world/pump.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "venue/binance/endpoint.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMERS_A_BLOCK = 64 };

static struct pump *pump_of(void *world) { return world; }

// ---- life ----

void pump_open(struct pump *p, void *world, const pump_listener *listeners) {
    ASSERT(p == world);   // the first member
    p->world = world;
    p->listeners = listeners;
    p->calls = alloc_checked(api_call_pool_new());
    p->coalescer = alloc_checked(coalesce_new());
    heap_init(&p->timers, NULL, 0, offsetof(struct pump_timer, index));
}

void pump_close(struct pump *p) {
    if (p->dispatcher) dispatcher_free(p->dispatcher);
    coalesce_free(p->coalescer);
    api_call_pool_free(p->calls);
    for (int32_t i = 0; i < p->timer_block_count; i++) free(p->timer_blocks[i]);
    free(p->timer_blocks);
    free(p->timers.slots);
    free(p->settled);
    free(p->internal);
    free(p->deliveries);
    equity_close(&p->equity);
}

// ---- calls ----

static struct pump_internal *internal_of(struct pump *p, const struct api_call *call) {
    struct pump_internal *i = call->slot < p->internal_room ? &p->internal[call->slot] : NULL;
    return i && i->done ? i : NULL;
}

static void report(struct pump *p, struct api_call *call) {
    if (p->settled_head == p->settled_count) p->settled_head = p->settled_count = 0;
    ARRAY_ROOM(p->settled, p->settled_room, p->settled_count + 1);
    p->settled[p->settled_count++] = call;
}

static void end_call(struct pump *p, struct api_call *call, enum settle settle) {
    ASSERT(!call->done);   // a call settles once
    call->settle = (uint8_t)settle;
    call->done = true;
    p->under_way--;
    struct pump_internal *internal = internal_of(p, call);
    if (internal) {
        struct pump_internal own = *internal;
        internal->done = NULL;
        own.done(own.ctx, call, own.number);
        api_call_give(p->calls, call);
        return;
    }
    p->pending--;
    ASSERT(p->pending >= 0 && p->under_way >= p->pending);
    if (call != p->awaited) report(p, call);
}

void pump_settled(void *ctx, struct request *r, enum settle settle, int64_t now_us) {
    struct pump *p = ctx;
    struct api_call *call = r->user;
    p->view.waited_us += r->waited_us;
    if (r->mutating) {
        p->changing--;
        ASSERT(p->changing >= 0);
        coalesce_changed(p->coalescer);
        for (const pump_listener *on_settled = p->listeners; *on_settled; on_settled++)
            (*on_settled)(p->world, call, settle, now_us);
    }
    struct api_call *follower = coalesce_end(p->coalescer, call);
    end_call(p, call, settle);
    while (follower) {
        struct api_call *next = follower->next_follower;
        bool copied = api_call_copy_answer(follower, call);
        ASSERT(copied);
        end_call(p, follower, settle);
        follower = next;
    }
}

static bool submit(struct pump *p, struct api_call *call) {
    const struct endpoint_info *info = endpoint_info(call->call.endpoint);
    struct request *r = &call->request;
    r->user = call;
    r->endpoint = call->call.endpoint;
    r->request_class = info->request_class;
    r->mutating = info->mutating;
    r->submitted_us = p->view.now_us;
    api_call_price(call);
    p->under_way++;
    if (coalesce_join(p->coalescer, call)) {
        p->view.shared++;
        return false;
    }
    if (r->mutating) p->changing++;
    int status = dispatcher_submit(p->dispatcher, r, p->view.now_us);
    if (status != 0)
        pump_settled(p, r, status == ERR_FULL ? SETTLE_QUEUE_FULL : SETTLE_STOPPED, p->view.now_us);
    return true;
}

bool pump_submit(struct pump *p, struct api_call *call) {
    p->pending++;
    return submit(p, call);
}

void pump_refuse(struct pump *p, struct api_call *call, const char *why) {
    call->status = call->code = call->count = 0;
    call->kind = RECORD_ERROR;
    snprintf(call->message, sizeof call->message, "%s", why);
    p->pending++;
    p->under_way++;
    end_call(p, call, SETTLE_REFUSED);
}

bool pump_submit_internal(struct pump *p, struct api_call *call, pump_done done, void *ctx, int64_t number) {
    ASSERT(done != NULL);
    int32_t room = p->internal_room;
    ARRAY_ROOM(p->internal, p->internal_room, call->slot + 1);
    for (; room < p->internal_room; room++) p->internal[room] = (struct pump_internal){ 0 };
    ASSERT(p->internal[call->slot].done == NULL);
    p->internal[call->slot] = (struct pump_internal){ done, ctx, number };
    return submit(p, call);
}

void pump_next_settled(struct pump *p) {
    ASSERT(pump_has_settled(p));
    p->view.op = p->settled[p->settled_head++];
}

void pump_forget_report(struct pump *p, const struct api_call *call) {
    if (pump_has_settled(p) && p->settled[p->settled_count - 1] == call) p->settled_count--;
}

// ---- timers ----

static void more_timers(struct pump *p) {
    struct pump_timer *block = alloc_zeroed(TIMERS_A_BLOCK, sizeof *block);
    ARRAY_ROOM(p->timer_blocks, p->timer_block_room, p->timer_block_count + 1);
    p->timer_blocks[p->timer_block_count++] = block;
    ARRAY_ROOM(p->timers.slots, p->timers.capacity, p->timer_block_count * TIMERS_A_BLOCK);
    for (int i = 0; i < TIMERS_A_BLOCK; i++) {
        block[i].next_free = p->free_timers;
        p->free_timers = &block[i];
    }
}

void pump_timer_at(struct pump *p, int64_t at_us, int32_t id) {
    if (!p->free_timers) more_timers(p);
    struct pump_timer *t = p->free_timers;
    p->free_timers = t->next_free;
    t->id = id;
    heap_push(&p->timers, t, at_us, p->timer_order++);
}

void pump_next_timer(struct pump *p) {
    ASSERT(p->timers.count > 0);
    struct pump_timer *t = p->timers.slots[0].item;
    heap_remove(&p->timers, 0);
    p->view.timer = t->id;
    t->next_free = p->free_timers;
    p->free_timers = t;
}

// ---- deliveries ----

static struct pump_delivery *delivery_at(const struct pump *p, int64_t i) {
    return &p->deliveries[(p->delivery_head + i) % p->delivery_capacity];
}

static void append(struct pump *p, const struct pump_delivery *d) {
    if (p->delivery_count == p->delivery_capacity) {
        int64_t capacity = p->delivery_capacity ? p->delivery_capacity * 2 : 64;
        struct pump_delivery *items = alloc_bytes(sizeof *items * (size_t)capacity);
        for (int64_t i = 0; i < p->delivery_count; i++) items[i] = *delivery_at(p, i);
        free(p->deliveries);
        p->deliveries = items;
        p->delivery_head = 0;
        p->delivery_capacity = capacity;
    }
    *delivery_at(p, p->delivery_count++) = *d;
}

void pump_push(struct pump *p, const struct pump_delivery *d) {
    append(p, d);
    if (!d->recovered) return;
    for (int64_t i = p->delivery_count - 1; i > 0; i--) {
        struct pump_delivery *here = delivery_at(p, i), *before = delivery_at(p, i - 1);
        if (before->time_us <= d->time_us) return;
        *here = *before;
        *before = *d;
    }
}

const struct pump_delivery *pump_next_delivery(struct pump *p) {
    ASSERT(p->delivery_count > 0);
    struct world_view *v = &p->view;
    const struct pump_delivery *d = delivery_at(p, 0);
    int64_t lag_us = v->now_us - d->arrived_us;
    if (lag_us > v->lag_us) v->lag_us = lag_us;
    p->delivery_head = (p->delivery_head + 1) % p->delivery_capacity;
    p->delivery_count--;
    if (d->feed < 0) {
        p->delivered = d->event;
        v->event = &p->delivered;
    } else {
        v->feed = d->feed;
        v->bar_index = d->bar;
        v->bar_recovered = d->recovered;
        v->bars++;
    }
    return d;
}

// A funding payment moves the wallet alone: the exchange names the position without its amount.
void pump_apply_account(struct pump *p, const struct account_update_record *u) {
    p->view.wallet_e8 = u->wallet_e8;
    if (u->symbol == SYMBOL_NONE || u->reason == ACCOUNT_FUNDING_FEE) return;
    p->view.position[u->symbol][u->position_side] = (struct position_view){ u->amount_e8, u->entry_price_e8 };
}

// ---- the same in every world ----

struct world_view *pump_view(void *world) {
    return &pump_of(world)->view;
}

struct api_call *pump_call(void *world) {
    return alloc_checked(api_call_take(pump_of(world)->calls));
}

void pump_call_free(void *world, struct api_call *call) { api_call_give(pump_of(world)->calls, call); }

void pump_configure(void *world, const struct api_config *config, int64_t now_us) {
    dispatcher_configure(pump_of(world)->dispatcher, config, now_us);
}

void pump_manager_start(void *world) { dispatcher_start(pump_of(world)->dispatcher); }

void pump_manager_stop(void *world, int64_t now_us) { dispatcher_stop(pump_of(world)->dispatcher, now_us); }

double pump_strain(void *world, const int32_t cost[], int64_t now_us) {
    return dispatcher_strain(pump_of(world)->dispatcher, cost, now_us);
}

const struct metrics_snapshot *pump_metrics(void *world, int64_t now_us) {
    return dispatcher_metrics(pump_of(world)->dispatcher, now_us);
}

#include "world/backtest/private.h"

#include "venue/binance/endpoint.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define NOBODY UINT64_MAX   // token of a call whose answer nobody waits for
#define RECV_WINDOW_US INT64_C(5000000)

// --- the way there and back ----

static void ring_push(struct ring *r, int64_t at_us, struct api_call *op) {
    if (r->count == r->capacity) {
        uint32_t capacity = r->capacity ? 2 * r->capacity : 64;
        struct travel *items = must(malloc(sizeof *items * capacity));
        for (uint32_t i = 0; i < r->count; i++) items[i] = r->items[(r->head + i) & (r->capacity - 1)];
        free(r->items);
        *r = (struct ring){ items, 0, r->count, capacity };
    }
    uint32_t i = r->head + r->count++;
    for (; i != r->head && r->items[(i - 1) & (r->capacity - 1)].at_us > at_us;
         i--)   // overtakes what is late
        r->items[i & (r->capacity - 1)] = r->items[(i - 1) & (r->capacity - 1)];
    r->items[i & (r->capacity - 1)] = (struct travel){ at_us, op, op->attempt, NULL };
}

static int64_t ring_next(const struct ring *r) { return r->count ? r->items[r->head].at_us : NEVER; }

// Its op is NULL when the attempt was given up meanwhile.
static struct travel ring_pop(struct ring *r) {
    struct travel t = r->items[r->head];
    if (t.attempt != t.op->attempt) t.op = NULL;
    r->head = (r->head + 1) & (r->capacity - 1);
    r->count--;
    return t;
}

static void add_used(struct dispatch_reply *reply, uint8_t kind, int64_t interval_us, int32_t used) {
    if (used < 0) return;
    reply->used[reply->used_count].kind = kind;
    reply->used[reply->used_count].interval_us = interval_us;
    reply->used[reply->used_count++].used = used;
}

static void answer(struct backtest *b, struct api_call *op) {
    struct dispatch_reply reply = { .outcome = OUTCOME_DONE };
    if (op->status != 200) {
        reply.outcome = outcome_tracker_outcome(op);
        reply.retry_after_us = (int64_t)op->retry_after_s * 1000000;
    }
    add_used(&reply, LIMIT_WEIGHT, 60000000, op->used_weight_1m);
    add_used(&reply, LIMIT_ORDERS, 10000000, op->order_count_10s);
    add_used(&reply, LIMIT_ORDERS, 60000000, op->order_count_1m);
    b->dispatcher_dirty = true;
    dispatcher_reply(b->dispatcher, &op->request, &reply, b->view.now_us);
}

// The answer sets out for the script's side.
static void send_back(struct backtest *b, struct api_call *op) {
    const struct fault_rule *fate = op->fate;
    if (fate && fate->kind == FAULT_LOSE_REPLY) return;
    int64_t late_us = fate && fate->kind == FAULT_DELAY ? faults_delay_us(b->faults, fate) : 0;
    if (b->latency_us + late_us == 0)
        answer(b, op);
    else
        ring_push(&b->down, b->view.now_us + b->latency_us + late_us, op);
}

static void answer_with_fault(struct api_call *op) {
    op->status = op->fate->status;
    op->code = op->fate->code;
    op->count = 0;
    op->list = false;
    op->kind = RECORD_ERROR;
    op->retry_after_s = op->fate->retry_after_s;
    snprintf(op->message, sizeof op->message, "%.150s", op->fate->message);
}

// A request arrives; from a script that gave it up as well.
static void arrive(struct backtest *b, struct api_call *op, int64_t now_us) {
    int32_t kind = op->fate ? op->fate->kind : FAULT_NONE;
    if (kind == FAULT_LOSE_REQUEST) return;
    if (kind == FAULT_ERROR) {
        answer_with_fault(op);
        send_back(b, op);
    } else {
        exchange_call(b->exchange, &op->call, (uint64_t)op->attempt << 32 | (uint32_t)op->slot, now_us);
    }
}

static void transport_send(void *ctx, struct request *r, int64_t now_us) {
    struct backtest *b = ctx;
    struct api_call *op = r->user;
    op->attempt++;
    op->fate = b->faults ? faults_judge(b->faults, r->endpoint, r->request_class, now_us) : NULL;
    if (b->resolver && r->mutating) outcome_tracker_sent(b->resolver, op, now_us, RECV_WINDOW_US);
    if (op->fate && op->fate->kind == FAULT_NO_CONNECTION) {
        struct dispatch_reply reply = { .outcome = OUTCOME_NOT_EXECUTED, .unsent = true };
        dispatcher_reply(b->dispatcher, r, &reply, now_us);
    } else if (b->latency_us == 0) {
        arrive(b, op, now_us);
    } else {
        ring_push(&b->up, now_us + b->latency_us, op);
    }
}

static void transport_cancel(void *ctx, struct request *r) {
    struct backtest *b = ctx;
    struct api_call *op = r->user;
    outcome_tracker_abandon(b->resolver, op);
    bool arrives = !op->fate || (op->fate->kind != FAULT_LOSE_REQUEST && op->fate->kind != FAULT_ERROR);
    for (uint32_t i = 0; arrives && i < b->up.count; i++) {
        struct travel *t = &b->up.items[(b->up.head + i) & (b->up.capacity - 1)];
        if (t->op != op || t->attempt != op->attempt) continue;
        t->orphan = must(malloc(sizeof *t->orphan * (1 + CALL_BATCH_MAX)));
        t->orphan[0] = op->call;
        if (op->call.batch) {
            memcpy(t->orphan + 1, op->batch, sizeof *op->batch * CALL_BATCH_MAX);
            t->orphan->batch = t->orphan + 1;
        }
    }
    op->attempt++;
}

static bool transport_doubt(void *ctx, struct request *r, int64_t now_us) {
    struct backtest *b = ctx;
    return outcome_tracker_unknown(b->resolver, r->user, now_us);
}

// --- unknown outcomes ----

static struct api_call *resolver_op(void *ctx) { return backtest_op(ctx); }

static void resolver_ask(void *ctx, struct api_call *query, uint64_t number) {
    query->lookup = number;
    backtest_submit(ctx, query);
}

static void resolver_known(void *ctx, struct api_call *op, enum outcome outcome) {
    struct backtest *b = ctx;
    b->dispatcher_dirty = true;
    if (op->request.state == REQUEST_UNRESOLVED)
        dispatcher_resolve(b->dispatcher, &op->request, outcome, b->view.now_us);
    else
        api_call_give(b->ops, op);   // its caller went on without it
}

static int64_t resolver_clock(void *ctx) { return ((struct backtest *)ctx)->view.now_us; }

void latency_link_on_reply(void *ctx, uint64_t token, const struct reply *reply, int64_t now_us) {
    (void)now_us;
    struct backtest *b = ctx;
    if (token == NOBODY) return;
    struct api_call *op = api_call_at(b->ops, (int32_t)(token & INT32_MAX));
    if (op->attempt != token >> 32) return;   // given up meanwhile
    if (!api_call_keep_reply(op, reply)) must(NULL);
    if (op->fate && op->fate->kind == FAULT_ERROR_AFTER) answer_with_fault(op);
    send_back(b, op);
}

// --- stream events ----

static void believe(struct backtest *b, const struct account_update_record *u) {
    b->view.wallet_e8 = u->wallet_e8;
    if (u->symbol == SYMBOL_NONE) return;
    struct position_view *p = &b->view.position[u->symbol][u->position_side];
    p->amount_e8 = u->amount_e8;
    p->entry_e8 = u->entry_price_e8;
}

// The user stream as the client hears it may tell what became of a request.
static void hear(struct backtest *b, int32_t kind, const void *record) {
    if (!b->resolver) return;
    if (kind == RECORD_ORDER_UPDATE) outcome_tracker_on_order(b->resolver, record);
    if (kind == RECORD_ALGO_UPDATE) outcome_tracker_on_algo(b->resolver, record);
}

void latency_link_on_event(void *ctx, int32_t kind, const void *record, int64_t now_us) {
    struct backtest *b = ctx;
    coalesce_changed(b->flights);
    bool wanted = (b->events_wanted >> kind) & 1;
    bool at_once = b->latency_us == 0;
    if (at_once) hear(b, kind, record);
    if (kind == RECORD_ACCOUNT_UPDATE && at_once) believe(b, record);
    if (!wanted && (at_once || (kind != RECORD_ACCOUNT_UPDATE && !b->resolver))) return;
    struct event_ring *r = &b->events;
    if (r->count == r->capacity) {
        uint32_t capacity = r->capacity ? 2 * r->capacity : 64;
        struct stream_event *items = must(malloc(sizeof *items * capacity));
        for (uint32_t i = 0; i < r->count; i++) items[i] = r->items[(r->head + i) & (r->capacity - 1)];
        free(r->items);
        r->items = items;
        r->head = 0;
        r->capacity = capacity;
    }
    struct stream_event *e = &r->items[(r->head + r->count++) & (r->capacity - 1)];
    e->time_us = now_us + b->latency_us;
    e->kind = (uint8_t)kind;
    switch (kind) {
    case RECORD_ORDER_UPDATE: memcpy(&e->u.order, record, sizeof e->u.order); break;
    case RECORD_ALGO_UPDATE: memcpy(&e->u.algo, record, sizeof e->u.algo); break;
    case RECORD_ACCOUNT_UPDATE: memcpy(&e->u.account, record, sizeof e->u.account); break;
    default: r->count--; return;
    }
    if (at_once) r->arrived = r->count;
}

static int64_t events_next(const struct backtest *b) {
    const struct event_ring *r = &b->events;
    return r->arrived < r->count ? r->items[(r->head + r->arrived) & (r->capacity - 1)].time_us : NEVER;
}

static void events_arrive(struct backtest *b) {
    struct event_ring *r = &b->events;
    while (events_next(b) <= b->view.now_us) {
        struct stream_event *e = &r->items[(r->head + r->arrived++) & (r->capacity - 1)];
        if (e->kind == RECORD_ACCOUNT_UPDATE) believe(b, &e->u.account);
        hear(b, e->kind, &e->u);
    }
}

struct stream_event *latency_link_event(struct backtest *b) {
    struct event_ring *r = &b->events;
    while (r->arrived > 0) {
        struct stream_event *e = &r->items[r->head];
        if ((b->events_wanted >> e->kind) & 1) return e;
        latency_link_event_pop(b);
    }
    return NULL;
}

void latency_link_event_pop(struct backtest *b) {
    struct event_ring *r = &b->events;
    r->head = (r->head + 1) & (r->capacity - 1);
    r->arrived--;
    r->count--;
}

// --- together ----

struct transport latency_link_transport(struct backtest *b, bool faults) {
    return (struct transport){ b, transport_send, faults ? transport_cancel : NULL,
                               faults ? transport_doubt : NULL };
}

struct outcome_tracker_hooks latency_link_resolver_hooks(struct backtest *b) {
    return (struct outcome_tracker_hooks){ b, resolver_op, resolver_ask, resolver_known, resolver_clock };
}

int64_t latency_link_next_us(const struct backtest *b) {
    int64_t t = ring_next(&b->up), down = ring_next(&b->down), event = events_next(b);
    if (down < t) t = down;
    return event < t ? event : t;
}

bool latency_link_busy(const struct backtest *b) {
    return b->up.count || b->down.count || events_next(b) != NEVER;
}

void latency_link_advance(struct backtest *b, int64_t now_us) {
    while (ring_next(&b->up) <= now_us) {
        struct travel up = ring_pop(&b->up);
        if (up.op) arrive(b, up.op, now_us);
        if (up.orphan) exchange_call(b->exchange, up.orphan, NOBODY, now_us);
        free(up.orphan);
    }
    events_arrive(b);
    while (ring_next(&b->down) <= now_us) {
        struct api_call *op = ring_pop(&b->down).op;
        if (op) answer(b, op);
    }
}

void latency_link_free(struct backtest *b) {
    for (uint32_t i = 0; i < b->up.count; i++)
        free(b->up.items[(b->up.head + i) & (b->up.capacity - 1)].orphan);
    free(b->up.items);
    free(b->down.items);
    free(b->events.items);
}

// latency_link.c: requests of a backtest on their way to the exchange, answers and stream events on their way back.
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

static void answer(struct backtest *b, struct api_call *op) {
    b->dispatcher_dirty = true;
    gateway_answered(b->gateway, op);
}

// The answer sets out for the script's side.
static void send_back(struct backtest *b, struct api_call *op) {
    const struct fault_rule *fate = op->fate;
    if (fate && fate->kind == FAULT_LOSE_REPLY) return;
    int64_t late_us = fate && fate->kind == FAULT_DELAY ? faults_delay_us(b->faults, fate) : 0;
    if (b->latency_us + late_us == 0)
        answer(b, op);
    else
        ring_push(&b->down, b->pump.view.now_us + b->latency_us + late_us, op);
}

static void answer_with_fault(struct api_call *op) {
    api_call_fail(op, op->fate->status, op->fate->code, op->fate->message);
    op->retry_after_s = op->fate->retry_after_s;
}

// A request arrives; from a script that gave it up as well.
static void arrive(struct backtest *b, struct api_call *op, int64_t now_us) {
    int32_t kind = op->fate ? op->fate->kind : FAULT_NONE;
    if (kind == FAULT_LOSE_REQUEST) return;
    if (kind == FAULT_ERROR) {
        answer_with_fault(op);
        send_back(b, op);
    } else {
        exchange_call(b->exchange, &op->call, gateway_token(op), now_us);
    }
}

static void link_send(void *ctx, struct api_call *op, int64_t stamp_us) {
    struct backtest *b = ctx;
    const struct request *r = &op->request;
    op->fate = b->faults ? faults_judge(b->faults, r->endpoint, r->request_class, stamp_us) : NULL;
    if (op->fate && op->fate->kind == FAULT_NO_CONNECTION) {
        gateway_unsent(b->gateway, op, "no connection");
    } else if (b->latency_us == 0) {
        arrive(b, op, stamp_us);
    } else {
        ring_push(&b->up, stamp_us + b->latency_us, op);
    }
}

// What is on its way arrives all the same, though its sender no longer waits.
static void link_cancel(void *ctx, struct api_call *op) {
    struct backtest *b = ctx;
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
}

// One clock: the exchange's is the script's.
static int64_t time_now_us(void *ctx) { return ((const struct backtest *)ctx)->pump.view.now_us; }
static int64_t time_uncertainty_us(void *ctx) {
    (void)ctx;
    return 0;
}

static void on_looked_up(void *ctx, struct api_call *query, int64_t number) {
    (void)number;
    struct backtest *b = ctx;
    gateway_settled(b->gateway, query, query->settle, b->pump.view.now_us);
}

static void look_up(void *ctx, struct api_call *query) {
    backtest_submit_internal(ctx, query, on_looked_up, 0);
}

void latency_link_on_reply(void *ctx, uint64_t token, const struct reply *reply, int64_t now_us) {
    (void)now_us;
    struct backtest *b = ctx;
    if (token == NOBODY) return;
    struct api_call *op = gateway_waiting(b->gateway, token);
    if (!op) return;   // given up meanwhile
    if (!api_call_keep_reply(op, reply)) must(NULL);
    if (op->fate && op->fate->kind == FAULT_ERROR_AFTER) answer_with_fault(op);
    send_back(b, op);
}

// --- stream events ----

// The user stream as the client hears it may tell what became of a request.
static void hear(struct backtest *b, int32_t kind, const void *record) {
    gateway_on_event(b->gateway, kind, record);
}

void latency_link_on_event(void *ctx, int32_t kind, const void *record, int64_t now_us) {
    struct backtest *b = ctx;
    coalesce_changed(b->pump.coalescer);
    bool wanted = (b->events_wanted >> kind) & 1;
    bool at_once = b->latency_us == 0;
    if (at_once) hear(b, kind, record);
    if (kind == RECORD_ACCOUNT_UPDATE && at_once) pump_apply_account(&b->pump, record);
    if (!wanted && (at_once || (kind != RECORD_ACCOUNT_UPDATE && !b->faults))) return;
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
    while (events_next(b) <= b->pump.view.now_us) {
        struct stream_event *e = &r->items[(r->head + r->arrived++) & (r->capacity - 1)];
        if (e->kind == RECORD_ACCOUNT_UPDATE) pump_apply_account(&b->pump, &e->u.account);
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

struct gateway *latency_link_gateway(struct backtest *b, bool faults) {
    struct gateway_options o = { .link = { b, link_send, link_cancel, NULL },
                                 .time = { b, time_now_us, time_now_us, time_uncertainty_us, NULL },
                                 .world = { b, look_up, NULL },
                                 .calls = b->pump.calls,
                                 .recv_window_us = RECV_WINDOW_US,
                                 .lossless = !faults };
    return must(gateway_new(&o));
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

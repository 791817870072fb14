// paper_link.c: requests of a paper account on their way to its simulated exchange, answers and events on their way back.
#include "world/paper/private.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "world/live/wire.h"
#include "base/num.h"
#include "trade/stream_event.h"

#include <stdlib.h>
#include <string.h>

struct paper_request {
    struct call call, batch[CALL_BATCH_MAX];
    int64_t ids[CALL_CANCEL_BATCH_MAX];
    char client_ids[CALL_CANCEL_BATCH_MAX][CLIENT_ID_MAX];
    uint64_t token;   // of the attempt
    int64_t at_us, give_up_us;
    struct paper_request *next;
};

struct paper_answer {
    int64_t at_us;
    bool is_answer;   // else an event
    uint64_t token;   // of the attempt that is answered
    struct stream_event event;
    struct paper_answer *next;
};

// ---- to the simulated exchange ----

static bool of_the_account(int32_t endpoint) {
    bool listen_key =
        endpoint == EP_LISTEN_KEY_NEW || endpoint == EP_LISTEN_KEY_KEEP || endpoint == EP_LISTEN_KEY_CLOSE;
    return listen_key || endpoint_info(endpoint)->security == SEC_SIGNED;
}

static bool needs_a_price(int32_t endpoint) {
    return endpoint == EP_ORDER_NEW || endpoint == EP_ORDER_TEST || endpoint == EP_ORDER_MODIFY ||
           endpoint == EP_BATCH_NEW || endpoint == EP_BATCH_MODIFY || endpoint == EP_ALGO_NEW;
}

// The call with all it points to: it arrives also when its sender has given it up.
static struct paper_request *pack(const struct api_call *op) {
    struct paper_request *p = alloc_zeroed(1, sizeof *p);
    const struct call *c = &op->call;
    p->call = *c;
    if (c->batch) {
        ASSERT(c->batch_count <= CALL_BATCH_MAX);
        memcpy(p->batch, c->batch, sizeof *c->batch * c->batch_count);
        p->call.batch = p->batch;
    }
    if (c->ids) {
        memcpy(p->ids, c->ids, sizeof p->ids);
        p->call.ids = p->ids;
    }
    if (c->client_ids) {
        memcpy(p->client_ids, c->client_ids, sizeof p->client_ids);
        p->call.client_ids = (const char(*)[CLIENT_ID_MAX])p->client_ids;
    }
    return p;
}

static void paper_send(void *ctx, struct api_call *op, int64_t stamp_us) {
    struct live *l = ctx;
    struct paper *p = paper_of(l);
    if (!of_the_account(op->call.endpoint)) {
        p->link.wire.send(p->link.wire.ctx, op, stamp_us);
        return;
    }
    struct paper_request *out = pack(op);
    out->token = gateway_token(op);
    out->at_us = live_now(l) + l->o.paper.latency_us;
    out->give_up_us = out->at_us + l->o.http_timeout_us;
    *p->link.up_end = out;
    p->link.up_end = &out->next;
}

// What is on its way to the account arrives all the same.
static void paper_cancel(void *ctx, struct api_call *op) {
    struct live *l = ctx;
    if (!of_the_account(op->call.endpoint)) paper_of(l)->link.wire.cancel(paper_of(l)->link.wire.ctx, op);
}

static bool paper_ask_clock(void *ctx) {
    struct live *l = ctx;
    return paper_of(l)->link.wire.ask_clock(paper_of(l)->link.wire.ctx);
}

struct gateway_link paper_link_gateway(struct live *l) {
    return (struct gateway_link){ l, paper_send, paper_cancel, paper_ask_clock };
}

// No answer will come: as from a network that is dead.
static void give_up(struct live *l, const struct paper_request *out) {
    struct api_call *op = gateway_waiting(l->gateway, out->token);
    if (op) gateway_unsent(l->gateway, op, "the market is not known: its streams are cut");
}

static bool may_arrive(const struct live *l, const struct paper_request *out) {
    if (!paper_of(l)->x) return false;
    return !needs_a_price(out->call.endpoint) ||
           paper_sees(l, out->call.batch ? SYMBOL_NONE : out->call.symbol);
}

// What waits for the market lets pass what does not.
void paper_link_arrive(struct live *l, int64_t now_us) {
    struct paper *p = paper_of(l);
    for (struct paper_request **at = &p->link.up; *at;) {
        struct paper_request *out = *at;
        bool arrives = out->at_us <= now_us && may_arrive(l, out);
        if (!arrives && now_us < out->give_up_us) {
            at = &out->next;
            continue;
        }
        *at = out->next;
        if (!out->next) p->link.up_end = at;
        if (arrives) {
            if (endpoint_info(out->call.endpoint)->mutating) p->file.dirty = true;
            exchange_call(p->x, &out->call, out->token, paper_clock(l));
        } else {
            give_up(l, out);
        }
        free(out);
    }
}

// ---- and back ----

static struct paper_answer *add_answer(struct live *l) {
    struct paper *p = paper_of(l);
    struct paper_answer *n = alloc_zeroed(1, sizeof *n);
    n->at_us = live_now(l) + l->o.paper.latency_us;
    *p->link.down_end = n;
    p->link.down_end = &n->next;
    return n;
}

void paper_link_on_reply(void *ctx, uint64_t token, const struct reply *reply, int64_t now_us) {
    (void)now_us;
    struct live *l = ctx;
    struct api_call *op = gateway_waiting(l->gateway, token);
    if (!op) return;
    bool kept = api_call_keep_reply(op, reply);
    ASSERT(kept);
    struct paper_answer *n = add_answer(l);
    n->is_answer = true;
    n->token = token;
}

void paper_link_on_event(void *ctx, int32_t kind, const void *record, int64_t now_us) {
    struct live *l = ctx;
    struct paper_answer *n = add_answer(l);
    n->event.time_us = now_us;
    n->event.kind = (uint8_t)kind;
    if (kind == RECORD_ORDER_UPDATE)
        memcpy(&n->event.u.order, record, sizeof n->event.u.order);
    else if (kind == RECORD_ALGO_UPDATE)
        memcpy(&n->event.u.algo, record, sizeof n->event.u.algo);
    else
        memcpy(&n->event.u.account, record, sizeof n->event.u.account);
    paper_of(l)->file.dirty = true;
}

static void take_answer(struct live *l, uint64_t token) {
    struct api_call *op = gateway_waiting(l->gateway, token);
    if (!op) return;
    op->used_weight_1m = -1;   // the real exchange's business: this one sees only the account's share of it
    gateway_answered(l->gateway, op);
}

static void deliver_event(struct live *l, const struct stream_event *e) {
    coalesce_changed(l->pump.coalescer);
    live_event(l, e, EVENT_HEARD);
    live_event(l, e, EVENT_ACCOUNT);
}

void paper_link_answer(struct live *l, int64_t now_us) {
    struct paper *p = paper_of(l);
    while (p->link.down && p->link.down->at_us <= now_us) {
        struct paper_answer *n = p->link.down;
        p->link.down = n->next;
        if (!p->link.down) p->link.down_end = &p->link.down;
        if (n->is_answer)
            take_answer(l, n->token);
        else
            deliver_event(l, &n->event);
        free(n);
    }
}

// ---- life ----

void paper_link_open(struct live *l) {
    struct paper_link *k = &paper_of(l)->link;
    k->wire = live_wire_link(l);
    k->up_end = &k->up;
    k->down_end = &k->down;
}

// A request that waits for the market is looked at again when a message comes.
int64_t paper_link_next_us(const struct live *l) {
    const struct paper_link *k = &paper_of(l)->link;
    int64_t due = k->down ? k->down->at_us : INT64_MAX;
    for (const struct paper_request *out = k->up; out; out = out->next)
        due = num_min(due, may_arrive(l, out) ? out->at_us : out->give_up_us);
    return due;
}

void paper_link_close(struct live *l) {
    struct paper_link *k = &paper_of(l)->link;
    for (struct paper_request *next; k->up; k->up = next) {
        next = k->up->next;
        free(k->up);
    }
    for (struct paper_answer *next; k->down; k->down = next) {
        next = k->down->next;
        free(k->down);
    }
}

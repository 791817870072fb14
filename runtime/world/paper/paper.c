#include "world/paper/paper.h"

#include "base/assert.h"
#include "base/units.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER INT64_MAX
#define VALUE_EVERY_US INT64_C(250000)

struct parcel {
    struct call call, batch[CALL_BATCH_MAX];
    int64_t ids[CALL_CANCEL_BATCH_MAX];
    char client_ids[CALL_CANCEL_BATCH_MAX][CLIENT_ID_MAX];
    uint64_t token;   // of the attempt
    int64_t at_us, give_up_us;
    struct parcel *next;
};

struct letter {
    int64_t at_us;
    bool is_answer;   // else an event
    uint64_t token;   // of the attempt that is answered
    struct stream_event event;
    struct letter *next;
};

static void *must(void *block) {
    ASSERT(block != NULL);
    return block;
}

int64_t paper_clock(struct live *l) {
    int64_t now = live_exchange_now(l);
    if (now > l->paper->now_us) l->paper->now_us = now;
    return l->paper->now_us;
}

// ---- there ----

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
static struct parcel *pack(const struct api_call *op) {
    struct parcel *p = must(calloc(1, sizeof *p));
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
    struct paper *p = l->paper;
    if (!of_the_account(op->call.endpoint)) {
        p->wire.send(p->wire.ctx, op, stamp_us);
        return;
    }
    struct parcel *out = pack(op);
    out->token = gateway_token(op);
    out->at_us = live_now(l) + l->o.paper.latency_us;
    out->give_up_us = out->at_us + l->o.http_timeout_us;
    *p->up_end = out;
    p->up_end = &out->next;
}

// What is on its way to the account arrives all the same.
static void paper_cancel(void *ctx, struct api_call *op) {
    struct live *l = ctx;
    if (!of_the_account(op->call.endpoint)) l->paper->wire.cancel(l->paper->wire.ctx, op);
}

static bool paper_ask_clock(void *ctx) {
    struct live *l = ctx;
    return l->paper->wire.ask_clock(l->paper->wire.ctx);
}

struct gateway_link paper_link(struct live *l) {
    return (struct gateway_link){ l, paper_send, paper_cancel, paper_ask_clock };
}

// No answer will come: as from a network that is dead.
static void give_up(struct live *l, const struct parcel *out) {
    struct api_call *op = gateway_waiting(l->gateway, out->token);
    if (op) gateway_unsent(l->gateway, op, "the market is not known: its streams are cut");
}

static bool may_arrive(const struct live *l, const struct parcel *out) {
    if (!l->paper->x) return false;
    return !needs_a_price(out->call.endpoint) ||
           paper_sees(l, out->call.batch ? SYMBOL_NONE : out->call.symbol);
}

// What waits for the market lets pass what does not.
static void arrivals(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    for (struct parcel **at = &p->up; *at;) {
        struct parcel *out = *at;
        bool arrives = out->at_us <= now_us && may_arrive(l, out);
        if (!arrives && now_us < out->give_up_us) {
            at = &out->next;
            continue;
        }
        *at = out->next;
        if (!out->next) p->up_end = at;
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

static struct letter *letter_new(struct live *l) {
    struct paper *p = l->paper;
    struct letter *n = must(calloc(1, sizeof *n));
    n->at_us = live_now(l) + l->o.paper.latency_us;
    *p->down_end = n;
    p->down_end = &n->next;
    return n;
}

static void on_reply(void *ctx, uint64_t token, const struct reply *reply, int64_t now_us) {
    (void)now_us;
    struct live *l = ctx;
    struct api_call *op = gateway_waiting(l->gateway, token);
    if (!op) return;
    bool kept = api_call_keep_reply(op, reply);
    ASSERT(kept);
    struct letter *n = letter_new(l);
    n->is_answer = true;
    n->token = token;
}

static void on_event(void *ctx, int32_t kind, const void *record, int64_t now_us) {
    struct live *l = ctx;
    struct letter *n = letter_new(l);
    n->event.time_us = now_us;
    n->event.kind = (uint8_t)kind;
    if (kind == RECORD_ORDER_UPDATE)
        memcpy(&n->event.u.order, record, sizeof n->event.u.order);
    else if (kind == RECORD_ALGO_UPDATE)
        memcpy(&n->event.u.algo, record, sizeof n->event.u.algo);
    else
        memcpy(&n->event.u.account, record, sizeof n->event.u.account);
    l->paper->file.dirty = true;
}

static void take_answer(struct live *l, uint64_t token) {
    struct api_call *op = gateway_waiting(l->gateway, token);
    if (!op) return;
    op->used_weight_1m = -1;   // the real exchange's business: this one sees only the account's share of it
    gateway_answered(l->gateway, op);
}

static void tell_event(struct live *l, const struct stream_event *e) {
    coalesce_changed(l->pump.coalescer);
    gateway_on_event(l->gateway, e->kind, &e->u);
    if (e->kind == RECORD_ACCOUNT_UPDATE) pump_apply_account(&l->pump, &e->u.account);
    live_push_event(l, e);
}

static void letters(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    while (p->down && p->down->at_us <= now_us) {
        struct letter *n = p->down;
        p->down = n->next;
        if (!p->down) p->down_end = &p->down;
        if (n->is_answer)
            take_answer(l, n->token);
        else
            tell_event(l, &n->event);
        free(n);
    }
}

// ---- what the account is worth ----

static bool holds(const struct live *l) {
    for (int16_t k = 0; k < l->list.count; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            if (exchange_position_e8(l->paper->x, k, side) != 0) return true;
        }
    }
    return false;
}

void paper_value(struct live *l) {
    struct paper *p = l->paper;
    struct world_view *v = &l->pump.view;
    if (!p->x) return;
    int64_t now = p->now_us, equity = exchange_equity_e8(p->x);
    if (v->day_count == 0) {
        if (v->equity_e8 == 0) v->equity_e8 = equity;
        equity_begin(&l->pump.equity, v, now);
    }
    equity_skip_days(&l->pump.equity, now);
    equity_sample(&l->pump.equity, v, now, equity);
    int64_t gone = p->point_us ? now - p->point_us : 0;
    p->point_us = now;
    p->account.lasted_us += gone;
    if (holds(l)) p->account.held_us += gone;
}

// ---- the account on disk ----

static void *account_bytes(struct live *l, size_t *size) {
    struct paper *p = l->paper;
    const struct world_view *v = &l->pump.view;
    p->account.saved_us = p->now_us;
    struct account_saved s = { .account = p->account,
                               .peak_e8 = v->peak_e8,
                               .drawdown_e8 = v->drawdown_e8,
                               .drawdown = v->drawdown,
                               .peak_us = v->peak_us,
                               .trough_us = v->trough_us,
                               .peak_candidate_us = v->peak_candidate_us,
                               .equity_e8 = v->equity_e8,
                               .day_count = (int32_t)v->day_count };
    s.days = must(calloc((size_t)v->day_count + 1, sizeof *s.days));
    for (int64_t i = 0; i < v->day_count; i++)
        s.days[i] = (struct account_day){ v->day_us[i], v->day_equity_e8[i] };
    void *bytes = account_file_encode(&s, p->x, size);
    account_saved_free(&s);
    return bytes;
}

static void save_if_due(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    if (!p->x || !account_file_due(&p->file, now_us)) return;
    int64_t began_us = live_monotonic_us(l);
    size_t size;
    void *bytes = account_bytes(l, &size);
    account_file_write_later(&p->file, &l->loop, bytes, size, now_us, live_monotonic_us(l) - began_us);
}

static int read_account(struct live *l, struct errmsg *e) {
    struct paper *p = l->paper;
    struct world_view *v = &l->pump.view;
    struct account_saved s;
    int err = account_file_read(&p->file, l->symbols, l->list.count, &s, &p->snapshot, e);
    if (err || !p->snapshot) return err;
    for (int32_t i = 0; i < s.day_count; i++)
        equity_add_day(&l->pump.equity, v, s.days[i].us, s.days[i].equity_e8);
    p->account = s.account;
    v->peak_e8 = s.peak_e8;
    v->drawdown_e8 = s.drawdown_e8;
    v->drawdown = s.drawdown;
    v->peak_us = s.peak_us;
    v->trough_us = s.trough_us;
    v->peak_candidate_us = s.peak_candidate_us;
    v->equity_e8 = s.equity_e8;
    p->resumed = true;
    account_saved_free(&s);
    return ERR_OK;
}

// ---- life ----

int paper_open(struct live *l, struct errmsg *e) {
    struct paper *p = must(calloc(1, sizeof *p));
    l->paper = p;
    p->wire = live_wire_link(l);
    p->symbols = must(calloc((size_t)l->list.count, sizeof *p->symbols));
    p->up_end = &p->up;
    p->down_end = &p->down;
    l->o.paper.exchange.event_mask = UINT64_C(1) << RECORD_ORDER_UPDATE | UINT64_C(1) << RECORD_ALGO_UPDATE |
                                     UINT64_C(1) << RECORD_ACCOUNT_UPDATE;
    p->account.capital_e8 = l->o.paper.exchange.wallet_e8;
    int err = account_file_open(&p->file, l->o.paper.state_path, e);
    return err || !p->file.path || l->o.paper.reset ? err : read_account(l, e);
}

// The account as it was, and the fundings of the time it was away; each takes an instant of its own.
static void take_up(struct live *l) {
    struct paper *p = l->paper;
    snapshot_restore(p->x, p->snapshot);
    snapshot_free(p->snapshot);
    p->snapshot = NULL;
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        for (int32_t i = 0; i < s->funding_count; i++) {
            exchange_funding(p->x, k, ++p->now_us, s->funding[i].rate_e8, s->funding[i].mark_e8);
        }
    }
    exchange_advance(p->x, p->now_us);
}

void paper_begin(struct live *l) {
    struct paper *p = l->paper;
    struct exchange_hooks hooks = { .ctx = l, .reply = on_reply, .event = on_event };
    int64_t now = paper_clock(l);
    p->x = must(exchange_new(&l->o.paper.exchange, l->symbols, l->list.count, &hooks, now));
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        mirror_open(p->x, k, s->last_e8, now);
        mirror_mark(p->x, k, s->mark.mark_e8, 0, 0, now);
    }
    if (p->snapshot)
        take_up(l);
    else
        p->account.started_us = now;
    for (int16_t k = 0; k < l->list.count; k++) {
        const struct paper_symbol *s = &p->symbols[k];
        mirror_mark(p->x, k, s->mark.mark_e8, s->mark.next_funding_us, s->mark.funding_rate_e8, p->now_us);
        mirror_depth(p->x, k, s->bids, s->bid_count, s->asks, s->ask_count, p->now_us);
    }
    l->pump.view.wallet_e8 = exchange_wallet_e8(p->x);
    for (int16_t k = 0; k < l->list.count; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            l->pump.view.position[k][side] = (struct position_view){ exchange_position_e8(p->x, k, side),
                                                                     exchange_entry_e8(p->x, k, side) };
        }
    }
    if (l->pump.view.peak_e8 == 0) {
        l->pump.view.peak_e8 = exchange_equity_e8(p->x);
        l->pump.view.peak_us = l->pump.view.trough_us = l->pump.view.peak_candidate_us = now;
    }
    paper_value(l);
    p->file.dirty = true;   // a new account is one from its first second
}

void paper_pump(struct live *l, int64_t now_us) {
    struct paper *p = l->paper;
    if (!p) return;
    paper_advance(l, now_us);
    arrivals(l, now_us);
    if (p->x) {
        int64_t at = paper_clock(l);
        if (exchange_next_us(p->x) <= at) exchange_advance(p->x, at);
        if (at - p->point_us >= VALUE_EVERY_US) paper_value(l);
    }
    letters(l, now_us);
    save_if_due(l, now_us);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t paper_next_us(const struct live *l) {
    const struct paper *p = l->paper;
    if (!p) return NEVER;
    int64_t due = paper_due_us(l);
    if (p->down) due = least(due, p->down->at_us);
    // One that waits for the market is looked at again when a message comes.
    for (const struct parcel *out = p->up; out; out = out->next)
        due = least(due, may_arrive(l, out) ? out->at_us : out->give_up_us);
    if (p->x) {
        int64_t next = exchange_next_us(p->x);
        if (next != NEVER) due = least(due, next - clock_offset_us(&l->wire.clock));
    }
    if (p->file.due_us != 0) due = least(due, p->file.due_us);
    return due;
}

void paper_close(struct live *l) {
    struct paper *p = l->paper;
    if (!p) return;
    paper_stop(l);
    paper_value(l);
    size_t size = 0;
    void *bytes = p->x && p->file.path ? account_bytes(l, &size) : NULL;
    account_file_close(&p->file, &l->loop, bytes, size);
    free(bytes);
    exchange_free(p->x);
    for (struct parcel *next; p->up; p->up = next) {
        next = p->up->next;
        free(p->up);
    }
    for (struct letter *next; p->down; p->down = next) {
        next = p->down->next;
        free(p->down);
    }
    for (int32_t k = 0; k < l->list.count; k++) free(p->symbols[k].funding);
    free(p->symbols);
    snapshot_free(p->snapshot);
    free(p);
    l->paper = NULL;
}

struct exchange *live_exchange(struct live *l) {
    return l->paper ? l->paper->x : NULL;
}

int64_t live_paper_now(struct live *l) { return paper_clock(l); }

struct paper_account live_paper_account(const struct live *l, bool *resumed) {
    *resumed = l->paper->resumed;
    return l->paper->account;
}

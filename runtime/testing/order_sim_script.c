// order_sim_script.c: what the simulated script sends, gives up, and is told.
#include "testing/order_sim_private.h"

#include "base/assert.h"
#include "venue/binance/order_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void set(struct call *c, int32_t param) { c->given |= UINT64_C(1) << param; }

static void describe(struct sim *s, struct call *c, int64_t number, bool market) {
    struct sim_order *o = &s->orders[number];
    bool too_large = sim_chance(s, 20);
    o->side = (uint8_t)sim_between(s, 0, 1);
    o->quantity_e8 = too_large ? 900000 * INT64_C(100000000) : sim_between(s, 3, 20) * STEP_E8;
    o->belief = BELIEF_WAITS;
    c->symbol = 0;
    c->side = o->side;
    c->type = market ? ORDER_MARKET : ORDER_LIMIT;
    c->quantity_e8 = o->quantity_e8;
    set(c, P_SYMBOL), set(c, P_SIDE), set(c, P_TYPE), set(c, P_QUANTITY), set(c, P_CLIENT_ID);
    snprintf(c->client_id, CLIENT_ID_MAX, "s%" PRId64, number);
    if (market) return;
    c->side = o->side = SIDE_BUY;
    c->price_e8 = LOW_E8;
    c->time_in_force = sim_chance(s, 400) ? TIF_IOC : TIF_GTC;
    set(c, P_PRICE), set(c, P_TIME_IN_FORCE);
}

// A stop far below the price.
static void make_conditional(struct sim *s, struct call *c, int64_t number) {
    struct sim_order *o = &s->orders[number];
    o->algo = true;
    o->side = c->side = SIDE_SELL;
    c->type = ORDER_STOP_MARKET;
    c->stop_price_e8 = LOW_E8;
    set(c, P_STOP_PRICE);
}

// As a script's order is completed.
static void complete(struct call *c) {
    int err = order_rules_complete(c, NULL);
    ASSERT(err == ERR_OK);
}

static void hand_over(struct sim *s, struct api_call *op) {
    op->request.priority = PRIORITY_HIGH;
    op->request.retries_max = 20;
    if (sim_chance(s, 50)) op->request.deadline_us = s->now_us + sim_between(s, 100 * MS, 9 * SECOND);
    s->pending++;
    bool gives_up = sim_chance(s, 30);
    int64_t after_us = gives_up ? sim_between(s, MS, 6 * SECOND) : 0;
    sim_submit(s, op);
    // Settled already, it is back in the pool with an id that nobody will have again.
    if (gives_up)
        sim_push(s, (struct event){ .at_us = s->now_us + after_us,
                                    .kind = SCRIPT_GIVES_UP,
                                    .life = s->life,
                                    .op = op,
                                    .token = op->request.id });
}

void sim_script_gives_up(struct sim *s, const struct event *e) {
    struct request *r = &e->op->request;
    if (r->id != e->token || r->state == REQUEST_IDLE) return;
    s->report->given_up++;
    dispatcher_cancel(s->dispatcher, r, s->now_us);
}

static void send_order(struct sim *s) {
    struct api_call *op = sim_take_call(s);
    int64_t left = s->o.orders - s->made;
    int32_t batch = left >= 5 && sim_chance(s, 100) ? (int32_t)sim_between(s, 2, 5) : 0;
    for (int32_t i = 0; i < batch; i++) {
        struct call *c = api_call_batch_item(op, i);
        ASSERT(c != NULL);
        describe(s, c, s->made++, true);
        complete(c);
    }
    if (batch) {
        op->call.endpoint = EP_BATCH_NEW;
        op->call.batch_count = (uint8_t)batch;
        set(&op->call, P_BATCH);
    } else {
        bool market = !sim_chance(s, 300);
        describe(s, &op->call, s->made, market);
        if (market && sim_chance(s, 80)) make_conditional(s, &op->call, s->made);
        complete(&op->call);
        s->made++;
    }
    hand_over(s, op);
}

static void cancel_conditional(struct sim *s, const struct algo_record *a) {
    struct api_call *op = sim_take_call(s);
    order_rules_cancel(&op->call, true, SYMBOL_NONE, a->algo_id);
    hand_over(s, op);
}

// A resting order is amended now and then, and cancelled.
static void follow_up(struct sim *s, const struct api_call *done) {
    const struct order_record *r = done->rows;
    struct sim_order *o = &s->orders[sim_number_of(r->client_id)];
    bool amend = done->call.endpoint == EP_ORDER_NEW && sim_chance(s, 400);
    struct api_call *op = sim_take_call(s);
    struct call *c = &op->call;
    c->endpoint = amend ? EP_ORDER_MODIFY : EP_ORDER_CANCEL;
    c->symbol = 0;
    c->order_id = r->order_id;
    memcpy(c->orig_client_id, r->client_id, CLIENT_ID_MAX);
    set(c, P_SYMBOL), set(c, P_ORDER_ID);
    if (amend) {
        o->unsure = true;
        c->side = o->side;
        c->price_e8 = LOW_E8;
        c->quantity_e8 = o->quantity_e8 + STEP_E8;
        set(c, P_SIDE), set(c, P_PRICE), set(c, P_QUANTITY);
    }
    hand_over(s, op);
}

// What an earlier life left open is cancelled by the next.
static void cancel_left_open(struct sim *s, const struct order_record *r) {
    if (r->status != STATUS_NEW) return;
    struct api_call *op = sim_take_call(s);
    order_rules_cancel(&op->call, false, 0, r->order_id);
    memcpy(op->call.orig_client_id, r->client_id, CLIENT_ID_MAX);
    hand_over(s, op);
}

static enum belief belief_of(enum settle how) {
    switch (how) {
    case SETTLE_DONE: return BELIEF_DONE;
    case SETTLE_REFUSED: return BELIEF_REFUSED;
    case SETTLE_UNKNOWN: return BELIEF_UNKNOWN;
    default: return BELIEF_NOT;
    }
}

static void told_new(struct sim *s, const struct api_call *op, int32_t i, enum settle how) {
    const struct call *c = op->call.endpoint == EP_BATCH_NEW ? &op->call.batch[i] : &op->call;
    const struct order_record *row = op->rows;
    int64_t number = sim_number_of(c->client_id);
    struct sim_order *o = &s->orders[number];
    enum belief belief = belief_of(how);
    if (how == SETTLE_DONE && op->call.endpoint == EP_BATCH_NEW && op->batch_code[i] != 0)
        belief = BELIEF_REFUSED;
    if (o->belief != BELIEF_WAITS) sim_finding(s, number, &s->report->duplicated, "told twice");
    o->belief = (uint8_t)belief;
    if (belief == BELIEF_DONE && o->algo) {
        if (((const struct algo_record *)op->rows)->quantity_e8 != o->quantity_e8)
            sim_finding(s, number, &s->report->misstated, "told of another size");
    } else if (belief == BELIEF_DONE) {
        o->believed_e8 = row[i].executed_qty_e8;
        if (row[i].orig_qty_e8 != o->quantity_e8)
            sim_finding(s, number, &s->report->misstated, "told of another size");
    }
    s->report->told_done += belief == BELIEF_DONE;
    s->report->told_refused += belief == BELIEF_REFUSED;
    s->report->told_not_executed += belief == BELIEF_NOT;
    s->report->told_unknown += belief == BELIEF_UNKNOWN;
}

void sim_script_told(struct sim *s, const struct api_call *op, enum settle how) {
    bool fresh = op->call.endpoint == EP_ORDER_NEW || op->call.endpoint == EP_BATCH_NEW ||
                 op->call.endpoint == EP_ALGO_NEW;
    int32_t count = op->call.endpoint == EP_BATCH_NEW ? op->call.batch_count : 1;
    for (int32_t i = 0; fresh && i < count; i++) told_new(s, op, i, how);
    if (op->call.endpoint == EP_ORDER_MODIFY) {
        struct sim_order *o = &s->orders[sim_number_of(op->call.orig_client_id)];
        if (how == SETTLE_DONE) o->quantity_e8 = op->call.quantity_e8;
        o->unsure = how == SETTLE_UNKNOWN;
    }
    if (op->call.endpoint == EP_ALGO_NEW || op->call.endpoint == EP_ALGO_CANCEL) {
        const struct algo_record *a = op->rows;
        if (how == SETTLE_DONE && op->call.endpoint == EP_ALGO_NEW && a->algo_status == ALGO_NEW && !s->calm)
            cancel_conditional(s, a);
        return;
    }
    bool open =
        how == SETTLE_DONE && op->kind != RECORD_ERROR && count == 1 && op->call.endpoint != EP_ORDER_CANCEL;
    const struct order_record *row = op->rows;
    if (open && op->call.endpoint != EP_BATCH_NEW && row->status == STATUS_NEW && !s->calm) follow_up(s, op);
}

void sim_script_resolved(struct sim *s, const struct api_call *op) {
    const struct algo_record *algo = op->rows;
    if (s->calm) return;
    if (op->call.endpoint == EP_ORDER_NEW) cancel_left_open(s, op->rows);
    if (op->call.endpoint == EP_ALGO_NEW && algo->algo_status == ALGO_NEW) cancel_conditional(s, algo);
}

void sim_script_acts(struct sim *s) {
    int64_t wait_us = sim_between(s, MS, 40 * MS);
    bool may = s->reopened_left == 0 && s->made < s->o.orders && s->pending < PENDING_MAX;
    if (may && !sim_pauses(s)) send_order(s);
    if (s->made < s->o.orders || s->reopened_left != 0)
        sim_push(s, (struct event){ .at_us = s->now_us + wait_us, .kind = SCRIPT_ACTS, .life = s->life });
}

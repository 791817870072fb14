// outcome_tracker.c: finds out what became of requests whose outcome is unknown. The states are drawn in the header.
#include "execution/outcome_tracker.h"

#include "execution/answer_check.h"

#include "base/assert.h"
#include "venue/binance/endpoint.h"
#include "trade/symbol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_US INT64_C(2000000)   // for what the exchange reads later than it writes
#define PAUSE_FIRST_US INT64_C(100000)
#define PAUSE_LONGEST_US INT64_C(2000000)

enum { NUMBER_SHIFT = 8 };

enum wish { WISH_NEW, WISH_MODIFY, WISH_CANCEL, WISH_CANCEL_ALL };

enum part_state { PART_OPEN, PART_CARRIED, PART_REFUSED, PART_ABSENT };

// One order of a request.
struct part {
    uint8_t wish, state;
    bool algo;
    bool at_once;   // a market order and its kin: the answer is how it ended
    bool exists;    // the exchange has shown it
    bool asking;
    int16_t symbol;
    char client_id[CLIENT_ID_MAX];
    int64_t id;                      // 0: go by the client id
    int64_t older_id;                // the order that was made of this client id before; 0: none
    int64_t price_e8, quantity_e8;   // of an amendment
    int64_t next_us, pause_us;
    int64_t asked_at_us;   // the least that the exchange's clock showed when the question left
    union {
        struct order_record order;
        struct algo_record algo;
    } row;
};

struct unresolved_request {
    struct api_call *op;
    uint64_t number;
    int64_t made_us, absent_after_us;
    bool open;   // its outcome is unknown; false: in flight
    int32_t count;
    struct unresolved_request *next;
    struct part parts[];
};

struct outcome_tracker {
    struct outcome_tracker_hooks hooks;
    struct unresolved_request *requests, *spare;   // spare: of one part each
    uint64_t numbers;
    int32_t open;
    struct used_ids used;
    struct outcome_tracker_figures figures;
};

struct outcome_tracker *outcome_tracker_new(const struct outcome_tracker_hooks *hooks) {
    ASSERT(hooks->take != NULL && hooks->ask != NULL);
    ASSERT(hooks->known != NULL && hooks->exchange_us != NULL);
    struct outcome_tracker *r = calloc(1, sizeof *r);
    if (r) r->hooks = *hooks;
    return r;
}

static void free_list(struct unresolved_request *d) {
    while (d) {
        struct unresolved_request *next = d->next;
        free(d);
        d = next;
    }
}

void outcome_tracker_free(struct outcome_tracker *r) {
    if (!r) return;
    ASSERT(r->open >= 0);
    free_list(r->requests);
    free_list(r->spare);
    used_ids_free(&r->used);
    free(r);
}

// ---- what is asked for ----

static bool is_given(const struct call *c, enum param p) {
    ASSERT(p < PARAM_COUNT);
    return (c->given >> p & 1) != 0;
}

// How many orders a request speaks of, or 0 when none that could be looked up.
static int32_t part_count(const struct call *c) {
    ASSERT(c->batch_count <= CALL_CANCEL_BATCH_MAX);
    switch (c->endpoint) {
    case EP_ORDER_NEW:
    case EP_ALGO_NEW: return c->client_id[0] != 0;
    case EP_ORDER_MODIFY: return !is_given(c, P_PRICE_MATCH);   // its price is not ours to know
    case EP_ORDER_CANCEL:
    case EP_ALGO_CANCEL:
    case EP_CANCEL_ALL:
    case EP_ALGO_CANCEL_ALL: return 1;
    case EP_BATCH_NEW:
    case EP_BATCH_MODIFY:
        ASSERT(c->batch != NULL || c->batch_count == 0);
        for (int32_t i = 0; i < c->batch_count; i++) {
            const struct call *one = &c->batch[i];
            if (c->endpoint == EP_BATCH_NEW ? one->client_id[0] == 0 : is_given(one, P_PRICE_MATCH)) return 0;
        }
        return c->batch_count;
    case EP_BATCH_CANCEL: return c->batch_count;
    default: return 0;
    }
}

// Whether its outcome could be found out: new orders, amendments, cancels and batches of them.
static bool can_track(const struct api_call *op) {
    ASSERT(op->call.endpoint < EP_COUNT);
    return part_count(&op->call) > 0;
}

static void set_part(struct part *p, const struct call *c, enum wish wish, bool algo) {
    ASSERT(p->state == PART_OPEN && !p->asking);
    ASSERT(wish <= WISH_CANCEL_ALL);
    p->wish = (uint8_t)wish;
    p->algo = algo;
    p->symbol = c->symbol;
    p->at_once =
        !algo && (c->type == ORDER_MARKET || c->time_in_force == TIF_IOC || c->time_in_force == TIF_FOK);
    p->price_e8 = c->price_e8;
    p->quantity_e8 = c->quantity_e8;
    p->id = wish == WISH_NEW ? 0 : algo ? c->algo_id : c->order_id;
    ASSERT(p->id >= 0 || wish != WISH_NEW);
    memcpy(p->client_id, wish == WISH_NEW ? c->client_id : c->orig_client_id, CLIENT_ID_MAX);
}

static void set_parts(struct unresolved_request *d, const struct call *c) {
    ASSERT(d->count > 0 && d->count <= CALL_CANCEL_BATCH_MAX);
    ASSERT(d->count == part_count(c));
    memset(d->parts, 0, sizeof *d->parts * (size_t)d->count);
    for (int32_t i = 0; i < d->count; i++) {
        struct part *p = &d->parts[i];
        switch (c->endpoint) {
        case EP_ORDER_NEW: set_part(p, c, WISH_NEW, false); break;
        case EP_ALGO_NEW: set_part(p, c, WISH_NEW, true); break;
        case EP_ORDER_MODIFY: set_part(p, c, WISH_MODIFY, false); break;
        case EP_ORDER_CANCEL: set_part(p, c, WISH_CANCEL, false); break;
        case EP_ALGO_CANCEL: set_part(p, c, WISH_CANCEL, true); break;
        case EP_CANCEL_ALL: set_part(p, c, WISH_CANCEL_ALL, false); break;
        case EP_ALGO_CANCEL_ALL: set_part(p, c, WISH_CANCEL_ALL, true); break;
        case EP_BATCH_NEW: set_part(p, &c->batch[i], WISH_NEW, false); break;
        case EP_BATCH_MODIFY: set_part(p, &c->batch[i], WISH_MODIFY, false); break;
        default:
            set_part(p, c, WISH_CANCEL, false);
            if (c->ids)
                p->id = c->ids[i];
            else
                memcpy(p->client_id, c->client_ids[i], CLIENT_ID_MAX);
        }
        ASSERT(p->state == PART_OPEN);
        p->pause_us = PAUSE_FIRST_US;
        // What names no order is refused wherever it arrives, and nothing could be looked up.
        bool named = p->wish == WISH_NEW || p->wish == WISH_CANCEL_ALL || p->id != 0 || p->client_id[0] != 0;
        if (!named) p->state = PART_REFUSED;
    }
}

// ---- the list ----

static struct unresolved_request **find(struct outcome_tracker *r, const struct api_call *op) {
    struct unresolved_request **at = &r->requests;
    while (*at && (*at)->op != op) at = &(*at)->next;
    return at;
}

static struct unresolved_request *unlink_at(struct outcome_tracker *r, struct unresolved_request **at) {
    struct unresolved_request *d = *at;
    *at = d->next;
    r->open -= d->open;
    ASSERT(r->open >= 0);
    return d;
}

static void let_go(struct outcome_tracker *r, struct unresolved_request *d) {
    ASSERT(d->count > 0 && d->count <= CALL_CANCEL_BATCH_MAX);
    ASSERT(r->open >= 0);
    if (d->count > 1) {
        free(d);
        return;
    }
    d->next = r->spare;
    r->spare = d;
}

static struct unresolved_request *add(struct outcome_tracker *r, struct api_call *op, int64_t made_us,
                                      int64_t absent_after_us) {
    ASSERT(*find(r, op) == NULL);   // one request is followed once
    int32_t count = part_count(&op->call);
    ASSERT(count > 0 && count <= CALL_CANCEL_BATCH_MAX);
    struct unresolved_request *d = count == 1 ? r->spare : NULL;
    if (d)
        r->spare = d->next;
    else
        d = malloc(sizeof *d + sizeof *d->parts * (size_t)count);
    ASSERT(d != NULL);   // an order that cannot be followed must not be sent
    *d = (struct unresolved_request){ .op = op,
                                      .number = ++r->numbers,
                                      .made_us = made_us,
                                      .absent_after_us = absent_after_us,
                                      .count = count,
                                      .next = r->requests };
    set_parts(d, &op->call);
    for (int32_t i = 0; i < count; i++) {
        struct part *p = &d->parts[i];
        if (p->wish == WISH_NEW) p->older_id = used_ids_find(&r->used, p->client_id, p->algo);
    }
    ASSERT(d->number > 0 && !d->open);
    r->requests = d;
    return d;
}

void outcome_tracker_sent(struct outcome_tracker *r, struct api_call *op, int64_t stamp_us,
                          int64_t recv_window_us) {
    ASSERT(recv_window_us >= 0);
    const struct unresolved_request *before =
        *find(r, op);   // of an attempt that, as the exchange says, was not executed
    int64_t made_us = before && before->made_us < stamp_us ? before->made_us : stamp_us;
    outcome_tracker_ended(r, op);
    if (can_track(op)) add(r, op, made_us, stamp_us + recv_window_us + GRACE_US);
}

void outcome_tracker_ended(struct outcome_tracker *r, struct api_call *op) {
    struct unresolved_request **at = find(r, op);
    if (*at) let_go(r, unlink_at(r, at));
    ASSERT(*find(r, op) == NULL);
}

static void open_up(struct outcome_tracker *r, struct unresolved_request *d, int64_t now_us) {
    ASSERT(d->op != NULL);
    ASSERT(!d->open);
    d->open = true;
    r->open++;
    for (int32_t i = 0; i < d->count; i++) {
        d->parts[i].next_us = now_us;
        r->figures.heard += d->parts[i].state != PART_OPEN;
    }
}

bool outcome_tracker_unknown(struct outcome_tracker *r, struct api_call *op, int64_t now_us) {
    struct unresolved_request *d = *find(r, op);
    if (!d) return false;
    if (!d->open) open_up(r, d, now_us);
    ASSERT(d->open && r->open > 0);
    return true;
}

void outcome_tracker_abandon(struct outcome_tracker *r, struct api_call *op) {
    struct unresolved_request *d = *find(r, op);
    if (!d || !d->open) return;
    struct api_call *copy = r->hooks.take(r->hooks.ctx);
    const struct call *c = &op->call;
    ASSERT(copy != NULL && copy != op && copy->lookup == 0);
    copy->call = *c;
    copy->call.batch = NULL;
    for (int32_t i = 0; c->batch && i < c->batch_count; i++) {
        struct call *one = api_call_batch_item(copy, i);
        ASSERT(one != NULL);
        *one = c->batch[i];
    }
    copy->call.batch = c->batch ? copy->batch : NULL;
    for (int32_t i = 0; (c->ids || c->client_ids) && i < c->batch_count; i++) {
        if (c->ids)
            copy->ids[i] = c->ids[i];
        else
            memcpy(copy->client_ids[i], c->client_ids[i], CLIENT_ID_MAX);
    }
    if (c->ids) copy->call.ids = copy->ids;
    if (c->client_ids) copy->call.client_ids = (const char(*)[CLIENT_ID_MAX])copy->client_ids;
    copy->intent = op->intent;
    memcpy(copy->exposure, op->exposure, sizeof copy->exposure);
    d->op = copy;
    ASSERT(part_count(&copy->call) == d->count);   // the same orders
    ASSERT(*find(r, op) == NULL);
}

void outcome_tracker_reopen(struct outcome_tracker *r, struct api_call *op, int64_t made_us, int64_t final_us,
                            int64_t now_us) {
    ASSERT(op->request.state == REQUEST_IDLE);   // with no dispatcher
    ASSERT(can_track(op));
    struct unresolved_request *d = add(r, op, made_us, final_us + GRACE_US);
    struct part *p = d->parts;
    // The exchange has named it: it is asked for by that name, as its client id may be a later order's by now. And it is not
    // the older order that another one of its client id must not be taken for.
    p->id = p->algo ? op->call.algo_id : op->call.order_id;
    if (op->intent == INTENT_TAKEN) p->older_id = 0;
    open_up(r, d, now_us);
}

// ---- what an order as it stands says ----

static bool is_over(const struct order_record *o) {
    ASSERT(o->status < STATUS_COUNT);
    return o->status != STATUS_NEW && o->status != STATUS_PARTIALLY_FILLED;
}

static void carried(struct part *p, const struct order_record *o, const struct algo_record *a) {
    ASSERT((o != NULL) != (a != NULL));
    ASSERT(p->algo == (a != NULL));
    p->state = PART_CARRIED;
    if (o) p->row.order = *o;
    if (a) p->row.algo = *a;
}

static void judge_order(struct part *p, const struct order_record *o) {
    ASSERT(!p->algo && p->wish != WISH_CANCEL_ALL);
    bool same = o->orig_qty_e8 == p->quantity_e8 && o->price_e8 == p->price_e8;
    switch (p->wish) {
    case WISH_NEW: carried(p, o, NULL); break;
    case WISH_MODIFY:
        if (same)
            carried(p, o, NULL);
        else if (is_over(o))
            p->state = PART_REFUSED;
        break;
    default:
        if (o->status == STATUS_CANCELED)
            carried(p, o, NULL);
        else if (is_over(o))
            p->state = PART_REFUSED;
    }
}

static void judge_algo(struct part *p, const struct algo_record *a) {
    ASSERT(p->algo && p->wish != WISH_CANCEL_ALL);
    ASSERT(a->algo_status < ALGO_STATUS_COUNT);
    if (p->wish == WISH_NEW || a->algo_status == ALGO_CANCELED)
        carried(p, NULL, a);
    else if (a->algo_status != ALGO_NEW)
        p->state = PART_REFUSED;
}

// ---- the user stream ----

static bool is_meant(const struct part *p, int16_t symbol, int64_t id, const char *client_id) {
    ASSERT(p->state <= PART_ABSENT);
    // What is known of a new order is kept up to date until it is reported.
    if (p->wish == WISH_CANCEL_ALL ||
        (p->state != PART_OPEN && (p->state != PART_CARRIED || p->wish != WISH_NEW)))
        return false;
    if (p->id != 0) return p->id == id;
    return strcmp(p->client_id, client_id) == 0 && (p->symbol == symbol || p->symbol == SYMBOL_NONE);
}

static void judge_event(struct part *p, const struct order_update_record *u) {
    ASSERT(!p->algo);
    struct order_record o = u->order;
    if (p->wish == WISH_NEW) {
        if (o.order_id == p->older_id) return;
        p->exists = true;
        if (p->at_once && !is_over(&o)) return;
        o.time_us = u->transaction_us;
    }
    if (p->wish == WISH_MODIFY && u->execution != EXEC_AMENDMENT && !is_over(&o)) return;
    o.update_us = u->transaction_us;
    judge_order(p, &o);
}

void outcome_tracker_on_order(struct outcome_tracker *r, const struct order_update_record *u) {
    ASSERT(u != NULL);
    for (struct unresolved_request *d = r->requests; d; d = d->next) {
        for (int32_t i = 0; i < d->count; i++) {
            struct part *p = &d->parts[i];
            if (p->algo || !is_meant(p, u->order.symbol, u->order.order_id, u->order.client_id)) continue;
            bool known = p->state != PART_OPEN;
            judge_event(p, u);
            r->figures.heard += d->open && !known && p->state != PART_OPEN;
        }
    }
}

void outcome_tracker_on_algo(struct outcome_tracker *r, const struct algo_update_record *u) {
    ASSERT(u != NULL);
    for (struct unresolved_request *d = r->requests; d; d = d->next) {
        for (int32_t i = 0; i < d->count; i++) {
            struct part *p = &d->parts[i];
            if (!p->algo || !is_meant(p, u->order.symbol, u->order.algo_id, u->order.client_id)) continue;
            if (p->wish == WISH_NEW && u->order.algo_id == p->older_id) continue;
            bool known = p->state != PART_OPEN;
            p->exists = true;
            judge_algo(p, &u->order);
            r->figures.heard += d->open && !known && p->state != PART_OPEN;
        }
    }
}

// ---- look-ups ----

static void ask(struct outcome_tracker *r, struct unresolved_request *d, int32_t index) {
    ASSERT(index >= 0 && index < d->count && index < 1 << NUMBER_SHIFT);
    ASSERT(d->open);   // while it is in flight nobody asks
    struct part *p = &d->parts[index];
    struct api_call *q = r->hooks.take(r->hooks.ctx);
    ASSERT(q != NULL && q->lookup == 0);
    bool all = p->wish == WISH_CANCEL_ALL;
    q->call.endpoint = (uint16_t)(all       ? (p->algo ? EP_ALGO_OPEN : EP_OPEN_ORDERS)
                                  : p->algo ? EP_ALGO_GET
                                            : EP_ORDER_GET);
    q->request.priority = PRIORITY_CRITICAL;
    q->no_share = true;
    q->call.symbol = p->symbol;
    if (p->symbol != SYMBOL_NONE) q->call.given = UINT64_C(1) << P_SYMBOL;
    if (!all && p->id != 0) {
        if (p->algo)
            q->call.algo_id = p->id;
        else
            q->call.order_id = p->id;
        q->call.given |= UINT64_C(1) << (p->algo ? P_ALGO_ID : P_ORDER_ID);
    } else if (!all) {
        memcpy(q->call.orig_client_id, p->client_id, CLIENT_ID_MAX);
        q->call.given |= UINT64_C(1) << (p->algo ? P_CLIENT_ALGO_ID : P_ORIG_CLIENT_ID);
    }
    ASSERT(!endpoint_info(q->call.endpoint)->mutating);   // a question changes nothing
    ASSERT(p->state == PART_OPEN && !p->asking);
    p->asking = true;
    p->asked_at_us = r->hooks.exchange_us(r->hooks.ctx);
    r->figures.asked++;
    r->hooks.ask(r->hooks.ctx, q, d->number << NUMBER_SHIFT | (uint64_t)index);
}

// Whether an order stands open that was there before everything was to be cancelled.
static bool some_are_left(const struct unresolved_request *d, const struct part *p,
                          const struct api_call *query) {
    ASSERT(p->wish == WISH_CANCEL_ALL);
    ASSERT(query->count >= 0 && (query->count == 0 || query->rows != NULL));
    const struct order_record *orders = query->rows;
    const struct algo_record *algos = query->rows;
    for (int32_t i = 0; i < query->count; i++) {
        if ((p->algo ? algos[i].create_us : orders[i].time_us) < d->made_us) return true;
    }
    return false;
}

// True: the exchange has answered, be it that there is no such order.
static bool take_answer(struct unresolved_request *d, struct part *p, const struct api_call *query) {
    ASSERT(p->state == PART_OPEN);
    ASSERT(query->settle < SETTLE_COUNT);
    if (p->wish == WISH_CANCEL_ALL) {
        if (query->settle == SETTLE_DONE && !some_are_left(d, p, query)) p->state = PART_CARRIED;
        return query->settle == SETTLE_DONE;
    }
    if (query->settle == SETTLE_REFUSED && query->code == -2013) return !p->exists;
    if (query->settle != SETTLE_DONE || query->count != 1 || !answer_check_fits(query)) return false;
    ASSERT(query->rows != NULL);
    const struct order_record *o = query->rows;
    const struct algo_record *a = query->rows;
    // An id that was used before may show its older order, which is none of ours. Any other order of this id is the
    // one that was sent, whatever time it bears: it exists, and is never sent again.
    if (p->wish == WISH_NEW && (p->algo ? a->algo_id : o->order_id) == p->older_id) return !p->exists;
    p->exists = true;
    if (p->algo)
        judge_algo(p, a);
    else
        judge_order(p, o);
    return p->wish != WISH_NEW;
}

// Whether the question was asked when the request could no longer be accepted. The answer may be older than its coming,
// and the exchange's clock may have been set since: what counts is what it showed then.
static bool is_final(const struct unresolved_request *d, const struct part *p) {
    ASSERT(d->absent_after_us != INT64_MIN);
    return p->asked_at_us != INT64_MIN && p->asked_at_us > d->absent_after_us;
}

// Until the next question; one is asked as soon as its answer may prove absence.
static int64_t pause_of(const struct outcome_tracker *r, const struct unresolved_request *d,
                        const struct part *p) {
    ASSERT(p->pause_us >= PAUSE_FIRST_US && p->pause_us <= PAUSE_LONGEST_US);
    int64_t exchange_us = r->hooks.exchange_us(r->hooks.ctx);
    int64_t left_us = exchange_us == INT64_MIN ? 0 : d->absent_after_us + 1 - exchange_us;
    return left_us > 0 && left_us < p->pause_us ? left_us : p->pause_us;
}

void outcome_tracker_answered(struct outcome_tracker *r, uint64_t number, const struct api_call *query,
                              int64_t now_us) {
    struct unresolved_request *d = r->requests;
    while (d && d->number != number >> NUMBER_SHIFT) d = d->next;
    if (!d) return;
    struct part *p = &d->parts[number & ((1 << NUMBER_SHIFT) - 1)];
    ASSERT((int32_t)(number & ((1 << NUMBER_SHIFT) - 1)) < d->count && p->asking);
    ASSERT(d->open);
    p->asking = false;
    p->next_us = now_us + pause_of(r, d, p);
    p->pause_us = p->pause_us * 2 < PAUSE_LONGEST_US ? p->pause_us * 2 : PAUSE_LONGEST_US;
    if (p->state != PART_OPEN) return;   // the stream was first
    if (take_answer(d, p, query) && p->state == PART_OPEN && is_final(d, p)) p->state = PART_ABSENT;
}

// ---- what is known ----

static bool is_known(const struct unresolved_request *d) {
    ASSERT(d->count > 0);
    for (int32_t i = 0; i < d->count; i++) {
        if (d->parts[i].state == PART_OPEN) return false;
    }
    return d->open;
}

static int32_t refusal_code(const struct part *p) {
    ASSERT(p->wish != WISH_NEW);   // of a new order nothing but its absence is known
    return p->wish == WISH_MODIFY ? -2013 : -2011;
}
static const char *refusal_text(const struct part *p) {
    ASSERT(p->wish != WISH_NEW);
    return p->wish == WISH_MODIFY ? "Order does not exist." : "Unknown order sent.";
}

static void keep_one(struct api_call *op, const struct part *p) {
    ASSERT(p->state == PART_CARRIED);
    ASSERT(op->call.batch_count == 0);
    struct algo_cancel_record cancelled = { 0 };
    struct status_record status = { .code = 200, .msg = "The operation of cancel all open order is done." };
    struct reply r = { .status = 200,
                       .kind = endpoint_info(op->call.endpoint)->record,
                       .count = 1,
                       .rows = &p->row,
                       .used_weight_1m = -1,
                       .order_count_10s = -1,
                       .order_count_1m = -1 };
    if (p->wish == WISH_CANCEL_ALL) {
        r.rows = &status;
    } else if (p->algo && p->wish == WISH_CANCEL) {
        cancelled.algo_id = p->row.algo.algo_id;
        memcpy(cancelled.client_id, p->row.algo.client_id, CLIENT_ID_MAX);
        r.rows = &cancelled;
    }
    bool kept = api_call_keep_reply(op, &r);
    ASSERT(kept);
}

static void keep_batch(struct api_call *op, const struct unresolved_request *d) {
    ASSERT(d->count == op->call.batch_count && d->count <= CALL_CANCEL_BATCH_MAX);
    struct order_record rows[CALL_CANCEL_BATCH_MAX] = { { 0 } };
    struct reply r = { .status = 200,
                       .kind = endpoint_info(op->call.endpoint)->record,
                       .list = true,
                       .count = d->count,
                       .rows = rows,
                       .used_weight_1m = -1,
                       .order_count_10s = -1,
                       .order_count_1m = -1 };
    for (int32_t i = 0; i < d->count; i++) {
        const struct part *p = &d->parts[i];
        ASSERT(p->state != PART_OPEN);
        if (p->state == PART_CARRIED) {
            rows[i] = p->row.order;
        } else if (p->state == PART_REFUSED) {
            r.batch_code[i] = refusal_code(p);
            r.batch_message[i] = refusal_text(p);
        } else {
            r.batch_code[i] = -2013;
            r.batch_message[i] = "not executed: refused, or it never arrived (the answer was lost)";
        }
    }
    bool kept = api_call_keep_reply(op, &r);
    ASSERT(kept);
}

static void refuse(struct api_call *op, const struct part *p) {
    ASSERT(p->state == PART_REFUSED);
    op->status = 400;
    op->code = refusal_code(p);
    ASSERT(op->code != 0);
    op->count = 0;
    op->list = false;
    op->kind = RECORD_ERROR;
    snprintf(op->message, sizeof op->message, "%s", refusal_text(p));
}

void outcome_tracker_made(struct outcome_tracker *r, const struct api_call *op) {
    ASSERT(op->count >= 0 && (op->count == 0 || op->rows != NULL));
    ASSERT(op->count <= CALL_CANCEL_BATCH_MAX || op->call.endpoint != EP_BATCH_NEW);
    const struct call *c = &op->call;
    const struct order_record *orders = op->rows;
    const struct algo_record *algo = op->rows;
    if (c->endpoint == EP_ORDER_NEW && op->count == 1)
        used_ids_add(&r->used, c->client_id, false, orders->order_id);
    if (c->endpoint == EP_ALGO_NEW && op->count == 1)
        used_ids_add(&r->used, c->client_id, true, algo->algo_id);
    for (int32_t i = 0; c->endpoint == EP_BATCH_NEW && c->batch && i < op->count && i < c->batch_count; i++) {
        if (op->batch_code[i] == 0) used_ids_add(&r->used, c->batch[i].client_id, false, orders[i].order_id);
    }
}

void outcome_tracker_used(struct outcome_tracker *r, const char *client_id, bool algo, int64_t id) {
    ASSERT(client_id != NULL);
    used_ids_add(&r->used, client_id, algo, id);
}

static enum outcome compose(struct outcome_tracker *r, const struct unresolved_request *d) {
    int32_t counts[PART_ABSENT + 1] = { 0 };
    for (int32_t i = 0; i < d->count; i++) counts[d->parts[i].state]++;
    ASSERT(counts[PART_OPEN] == 0);   // nothing is reported before it is known
    ASSERT(counts[PART_CARRIED] + counts[PART_REFUSED] + counts[PART_ABSENT] == d->count);
    r->figures.found += counts[PART_CARRIED];
    r->figures.refused += counts[PART_REFUSED];
    r->figures.absent += counts[PART_ABSENT];
    if (counts[PART_ABSENT] == d->count) return OUTCOME_NOT_EXECUTED;
    if (d->op->call.batch_count > 0) {
        keep_batch(d->op, d);
        return OUTCOME_DONE;
    }
    ASSERT(d->count == 1);
    if (counts[PART_REFUSED])
        refuse(d->op, d->parts);
    else
        keep_one(d->op, d->parts);
    return counts[PART_REFUSED] ? OUTCOME_REFUSED : OUTCOME_DONE;
}

static bool report_one(struct outcome_tracker *r) {
    struct unresolved_request **at = &r->requests;
    while (*at && !is_known(*at)) at = &(*at)->next;
    if (!*at) return false;
    struct unresolved_request *d = unlink_at(r, at);
    struct api_call *op = d->op;
    ASSERT(op != NULL && d->open == true);
    enum outcome outcome = compose(r, d);
    if (outcome == OUTCOME_DONE) outcome_tracker_made(r, op);
    let_go(r, d);
    r->hooks.known(r->hooks.ctx, op, outcome);
    return true;
}

void outcome_tracker_pump(struct outcome_tracker *r, int64_t now_us) {
    ASSERT(r->open >= 0);
    if (r->open == 0) return;
    for (struct unresolved_request *d = r->requests; d; d = d->next) {
        for (int32_t i = 0; d->open && i < d->count; i++) {
            const struct part *p = &d->parts[i];
            if (p->state == PART_OPEN && !p->asking && p->next_us <= now_us) ask(r, d, i);
        }
    }
    while (report_one(r)) continue;
}

int64_t outcome_tracker_next_us(const struct outcome_tracker *r) {
    ASSERT(r->open >= 0);
    int64_t due = INT64_MAX;
    if (r->open == 0) return due;
    for (const struct unresolved_request *d = r->requests; d; d = d->next) {
        if (is_known(d)) return INT64_MIN;
        for (int32_t i = 0; d->open && i < d->count; i++) {
            const struct part *p = &d->parts[i];
            if (p->state == PART_OPEN && !p->asking && p->next_us < due) due = p->next_us;
        }
    }
    return due;
}

int32_t outcome_tracker_count(const struct outcome_tracker *r) { return r->open; }
struct outcome_tracker_figures outcome_tracker_figures(const struct outcome_tracker *r) {
    return r->figures;
}

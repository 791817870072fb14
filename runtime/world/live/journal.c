// journal.c: the journal of a live run: intents before orders leave, outcomes, and what the last run left open.
#include "world/live/journal.h"

#include "api/clock.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "store/journal.h"
#include "trade/names.h"
#include "trade/stream_event.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/order_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTCOME_TAG UINT64_MAX   // of writes nobody waits for, but whose failure is told

struct live_journal {
    struct journal *file;            // NULL: none is kept
    int64_t failures;                // commits failed in a row
    struct live_restart *restarts;   // orders the last run left open
    int32_t restart_count, restarts_left;
    bool cancel_restarts;   // those found open
};

// ---- the table of functions of intents ----

static void intend(void *ctx, const struct journal_intent *i, uint64_t tag) {
    journal_intend(((struct live *)ctx)->journal->file, i, tag);
}

static void settle(void *ctx, const struct journal_outcome *o) {
    journal_settle(((struct live *)ctx)->journal->file, o, OUTCOME_TAG);
}

static const char *problem(void *ctx) { return journal_problem(((struct live *)ctx)->journal->file); }

static void on_done(void *ctx, uint64_t tag, int err) {
    struct live *l = ctx;
    if (l->ended) return;
    l->journal->failures = err ? l->journal->failures + 1 : 0;
    dispatcher_alert(l->pump.dispatcher, ALERT_JOURNAL, err != 0, (double)l->journal->failures, live_now(l));
    if (tag != OUTCOME_TAG) gateway_written(l->gateway, tag, err);
    live_wake(l);
}

// ---- orders the last run left open ----

static struct live_restart *restart_of(struct live *l, const struct api_call *op) {
    for (int32_t i = 0; i < l->journal->restart_count; i++) {
        if (l->journal->restarts[i].op == op) return &l->journal->restarts[i];
    }
    return NULL;
}

// A script hears of an order that stands open as of one that was made while nobody listened.
static void tell_script(struct live *l, const struct api_call *op) {
    int64_t now = live_exchange_now(l);
    struct stream_event e = { .time_us = now, .recovered = true };
    if (op->call.endpoint == EP_ALGO_NEW) {
        e.kind = RECORD_ALGO_UPDATE;
        e.u.algo = (struct algo_update_record){ .event_us = now,
                                                .transaction_us = now,
                                                .order = *(const struct algo_record *)op->rows };
    } else {
        e.kind = RECORD_ORDER_UPDATE;
        e.u.order = (struct order_update_record){ .event_us = now,
                                                  .transaction_us = now,
                                                  .order = *(const struct order_record *)op->rows };
    }
    live_event(l, &e, EVENT_NEWS);
}

static void cancel_restart(struct live *l, struct live_restart *r);

static void on_cancelled(void *ctx, struct api_call *call, int64_t number) {
    struct live *l = ctx;
    struct live_restart *r = &l->journal->restarts[number];
    if (l->ended) return;
    bool gone = call->settle == SETTLE_REFUSED && call->code == -2011;
    if (call->settle != SETTLE_DONE && !gone) {
        cancel_restart(l, r);
        return;
    }
    struct journal_outcome o = { .client_id = r->client_id,
                                 .state = JOURNAL_ACCEPTED,
                                 .order_id = r->order_id,
                                 .status = "CANCELED",
                                 .executed_e8 = r->executed_e8,
                                 .at_us = live_exchange_now(l) };
    if (!gone) settle(l, &o);   // else how it ended is found out at the next start
    r->open = false;
    snprintf(r->status, sizeof r->status, "%s", gone ? "over" : "CANCELED");
    l->journal->restarts_left--;
    live_wake(l);
}

static void cancel_restart(struct live *l, struct live_restart *r) {
    struct api_call *op =
        internal_call_take(l, r->algo ? EP_ALGO_CANCEL : EP_ORDER_CANCEL, PRIORITY_CRITICAL);
    order_rules_cancel(&op->call, r->algo, r->number, r->order_id);
    internal_call_submit(l, op, on_cancelled, r - l->journal->restarts);
}

static void restart_known(struct live *l, struct live_restart *r, const struct api_call *op,
                          enum outcome outcome) {
    r->op = NULL;
    r->known = true;
    live_wake(l);
    if (outcome != OUTCOME_DONE) {
        l->journal->restarts_left--;
        return;
    }
    r->found = true;
    if (r->algo) {
        const struct algo_record *a = op->rows;
        r->order_id = a->algo_id;
        r->open = a->algo_status == ALGO_NEW;
        r->same = strcmp(r->status, algo_status_names[a->algo_status]) == 0;
        snprintf(r->status, sizeof r->status, "%s", algo_status_names[a->algo_status]);
    } else {
        const struct order_record *o = op->rows;
        r->order_id = o->order_id;
        r->open = o->status == STATUS_NEW || o->status == STATUS_PARTIALLY_FILLED;
        r->same =
            strcmp(r->status, order_status_names[o->status]) == 0 && o->executed_qty_e8 == r->executed_e8;
        r->executed_e8 = o->executed_qty_e8;
        snprintf(r->status, sizeof r->status, "%s", order_status_names[o->status]);
    }
    if (r->open && l->journal->cancel_restarts) {
        cancel_restart(l, r);
        return;
    }
    l->journal->restarts_left--;
    // What is left to tell of fills comes as fills, when the account has been read.
    if (r->algo || (r->open && r->executed_e8 <= r->told_e8)) tell_script(l, op);
}

void live_journal_resolved(struct live *l, struct api_call *op, enum outcome outcome) {
    struct live_restart *r = restart_of(l, op);
    if (r) restart_known(l, r, op, outcome);
}

void live_journal_reopen(struct live *l) {
    for (int32_t i = 0; i < l->journal->restart_count; i++) {
        struct live_restart *r = &l->journal->restarts[i];
        gateway_find_out(l->gateway, r->op, r->made_us, r->taken);
    }
}

static int keep_restart(struct live *l, const struct journal_order *o, struct live_restart *r,
                        struct errmsg *e) {
    struct api_call *op = pump_call(l);
    if (gateway_reopen(l->gateway, o, op) != ERR_OK) {
        pump_call_free(l, op);
        return errmsg_set(
            e, ERR_NOT_FOUND,
            "an order of %s from the last run has no known outcome (%s): run with --symbol %s too", o->symbol,
            o->client_id, o->symbol);
    }
    *r = (struct live_restart){ .op = op,
                                .made_us = o->made_us,
                                .quantity_e8 = o->quantity_e8,
                                .price_e8 = o->price_e8,
                                .executed_e8 = o->executed_e8,
                                .told_e8 = o->told_e8,
                                .number = op->call.symbol,
                                .taken = o->state == JOURNAL_ACCEPTED,
                                .algo = op->call.endpoint == EP_ALGO_NEW };
    snprintf(r->client_id, sizeof r->client_id, "%s", o->client_id);
    snprintf(r->symbol, sizeof r->symbol, "%s", o->symbol);
    snprintf(r->status, sizeof r->status, "%s", o->status);
    return ERR_OK;
}

static bool is_over(const struct journal_order *o) {
    return o->state == JOURNAL_ACCEPTED && strcmp(o->status, "NEW") != 0 && o->status[0] != '\0' &&
           strcmp(o->status, "PARTIALLY_FILLED") != 0;
}

static int read_open(struct live *l, const char *path, struct errmsg *e) {
    struct journal_order *rows;
    int64_t count;
    int err = journal_left(path, &rows, &count, e);
    if (err) return err;
    l->journal->restarts = calloc((size_t)count + 1, sizeof *l->journal->restarts);
    ASSERT(l->journal->restarts != NULL);
    for (int64_t i = 0; i < count && !err; i++) {
        err = keep_restart(l, &rows[i], &l->journal->restarts[l->journal->restart_count], e);
        l->journal->restart_count += !err;
        if (err && rows[i].told_e8 < rows[i].executed_e8 && is_over(&rows[i])) err = ERR_OK;   // old fills
    }
    l->journal->restarts_left = l->journal->restart_count;
    journal_release(rows);
    return err;
}

// The client ids that scripts have given orders of earlier runs: used again, they name another order.
static int read_used(struct live *l, const char *path, struct errmsg *e) {
    struct journal_order *rows;
    int64_t count;
    int err = journal_named(path, USED_IDS_LIVE, &rows, &count, e);
    if (err) return err;
    const char *algo_path = endpoint_info(EP_ALGO_NEW)->path;
    for (int64_t i = 0; i < count; i++) {
        bool algo = strstr(rows[i].endpoint, algo_path) != NULL;
        gateway_id_used(l->gateway, rows[i].client_id, algo, rows[i].order_id);
    }
    journal_release(rows);
    return ERR_OK;
}

void live_journal_told(struct live *l, const struct stream_event *e) {
    const struct order_record *o = &e->u.order.order;
    if (l->simulation) l->simulation->told(l, e);
    if (e->kind != RECORD_ORDER_UPDATE || !l->journal->file || l->simulation || o->executed_qty_e8 == 0)
        return;
    struct journal_outcome told = { .client_id = o->client_id,
                                    .state = JOURNAL_ACCEPTED,
                                    .order_id = o->order_id,
                                    .status = "",
                                    .executed_e8 = o->executed_qty_e8,
                                    .told_e8 = o->executed_qty_e8,
                                    .at_us = e->time_us };
    settle(l, &told);
}

const struct live_restart *live_restarts(const struct live *l, int32_t *count) {
    *count = l->journal->restart_count;
    return l->journal->restarts;
}

// ---- life ----

int live_journal_open(struct live *l, const char *path, bool full, struct errmsg *e) {
    ASSERT(l->journal->file == NULL);
    int err =
        journal_open(&l->loop, path, full ? JOURNAL_FULL : JOURNAL_NORMAL, on_done, l, &l->journal->file, e);
    if (!err && l->time.wait) journal_commit_on_loop(l->journal->file);
    return err;
}

int live_journal_orders(struct live *l, const char *path, bool cancel, struct errmsg *e) {
    l->journal->cancel_restarts = cancel;
    struct intent_log_hooks hooks = { l, intend, settle, problem };
    ASSERT(l->journal->file != NULL);
    bool good = gateway_journal(l->gateway, &hooks, &l->list);
    ASSERT(good);
    int err = read_used(l, path, e);
    return err ? err : read_open(l, path, e);
}

struct journal *live_journal(struct live *l) {
    return l->journal->file;
}

void live_journal_end(struct live *l, const char *how) {
    if (l->journal->file) journal_run_end(l->journal->file, how, live_now(l));
}

void live_journal_stop(struct live *l) {
    if (l->journal->file) journal_close(l->journal->file);
    l->journal->file = NULL;
}

int32_t live_journal_left(const struct live *l) { return l->journal->restarts_left; }

int live_journal_new(struct live *l, struct errmsg *e) {
    (void)e;
    l->journal = alloc_zeroed(1, sizeof *l->journal);
    return ERR_OK;
}

void live_journal_close(struct live *l) {
    if (!l->journal) return;
    free(l->journal->restarts);
    free(l->journal);
}

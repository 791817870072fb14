// risk.c: the gate that every order of the script passes, whichever call it came by. What the limits need to know is
// gathered here, and kept up with what replies and streams tell.
#include "world/live/risk.h"

#include "base/alloc.h"
#include "execution/exposure.h"
#include "execution/risk_limits.h"
#include "store/journal.h"
#include "world/live/dead_man.h"
#include "world/live/halt.h"
#include "world/live/ledger.h"
#include "world/live/market.h"

#include "base/dec.h"
#include "base/units.h"
#include "venue/binance/endpoint.h"
#include "world/world.h"
#include "trade/stream_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_FRESH_US INT64_C(10000000)
static const char DAY_NAME[] = "safety_day";

struct live_limits {
    struct risk_limits now;
    struct exposure *exposure;
    bool account_known;
};

// Without what has come from outside, or gone there, in the UTC day: that is no profit, and no loss.
static int64_t equity_e8(const struct live *l, bool *whole) {
    int64_t now_us = l->pump.view.now_us;
    int64_t sum = l->pump.view.wallet_e8 - live_ledger_transfers_e8(l, now_us - now_us % DAY_US);
    *whole = true;
    for (int32_t k = 0; k < l->list.count; k++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            const struct position_view *p = &l->pump.view.position[k][side];
            if (p->amount_e8 == 0) continue;
            if (l->pump.view.last_e8[k] != 0)
                sum += dec_mul_round(p->amount_e8, l->pump.view.last_e8[k] - p->entry_e8);
            else
                *whole = false;   // its worth is not known
        }
    }
    return sum;
}

static bool places(int32_t endpoint) {
    return endpoint == EP_ORDER_NEW || endpoint == EP_ALGO_NEW || endpoint == EP_ORDER_MODIFY;
}

static int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }

static struct risk_limits_view view_of(struct live *l, const struct call *c) {
    const struct position_view *p = l->pump.view.position[c->symbol];
    int64_t now = live_now(l);
    int64_t marked_us, mark_e8 = live_market_mark_e8(l, c->symbol, &marked_us);
    bool marked = marked_us > now - MARK_FRESH_US && marked_us != 0, whole;
    bool amendment = c->endpoint == EP_ORDER_MODIFY, hedge = c->position_side != POSITION_BOTH;
    const struct call *but = amendment ? c : NULL;
    struct risk_limits_view v = {
        .now_us = now,
        .last_e8 = marked ? mark_e8 : l->pump.view.last_e8[c->symbol],
        .position_e8 = p[POSITION_BOTH].amount_e8 + p[POSITION_LONG].amount_e8 + p[POSITION_SHORT].amount_e8,
        .equity_e8 = equity_e8(l, &whole),
        .open_orders = exposure_count(l->limits->exposure, now),
        .gross_e8 = magnitude(p[POSITION_LONG].amount_e8) + magnitude(p[POSITION_SHORT].amount_e8),
        .reduces = amendment && exposure_reduces(l->limits->exposure, c),
    };
    if (hedge) {   // both sides grow the account's exposure
        v.open_buy_e8 = v.open_sell_e8 =
            exposure_open_e8(l->limits->exposure, c->symbol, POSITION_LONG, SIDE_BUY, but, now) +
            exposure_open_e8(l->limits->exposure, c->symbol, POSITION_SHORT, SIDE_SELL, but, now);
    } else {
        v.open_buy_e8 = exposure_open_e8(l->limits->exposure, c->symbol, POSITION_BOTH, SIDE_BUY, but, now);
        v.open_sell_e8 = exposure_open_e8(l->limits->exposure, c->symbol, POSITION_BOTH, SIDE_SELL, but, now);
    }
    return v;
}

static bool allowed(struct live *l, struct call *c, char why[160]) {
    if (c->endpoint == EP_COUNTDOWN_CANCEL && live_dead_man_kept(l)) {
        snprintf(why, 160, "risk limit: the dead man's switch is the run's (--dead-man-seconds)");
        return false;
    }
    if (!places(c->endpoint) || c->symbol < 0) return true;
    // Without an id of its own nobody could tell what became of it.
    if (c->endpoint != EP_ORDER_MODIFY && !c->client_id[0]) live_client_id(l, c);
    struct risk_limits_view v = view_of(l, c);
    if (!risk_limits_allow(&l->limits->now, c, &v, why)) {
        if (l->limits->now.breached && l->o.risk.halt_on_breach) live_ask_halt(l);
        return false;
    }
    exposure_sent(l->limits->exposure, c, v.now_us);
    live_dead_man_use(l, c->symbol);
    return true;
}

bool live_risk_gate(struct live *l, struct api_call *op, char why[160]) {
    if (!allowed(l, &op->call, why)) return false;
    int32_t good = 0, count = op->call.batch ? op->call.batch_count : 0;
    while (good < count && allowed(l, &op->batch[good], why)) good++;
    if (good == count) return true;
    for (int32_t i = 0; i < good; i++) exposure_failed(l->limits->exposure, &op->batch[i]);
    return false;
}

void live_risk_settled(struct live *l, const struct api_call *op, enum settle settle) {
    const struct order_record *rows = op->kind == RECORD_ORDER ? op->rows : NULL;
    bool done = settle == SETTLE_DONE;
    if (settle == SETTLE_UNKNOWN) return;
    if (places(op->call.endpoint) && !done) exposure_failed(l->limits->exposure, &op->call);
    for (int32_t i = 0; op->call.batch && i < op->call.batch_count; i++) {
        if (!done || op->batch_code[i] != 0) exposure_failed(l->limits->exposure, &op->call.batch[i]);
    }
    for (int32_t i = 0; done && rows && i < op->count; i++) exposure_reply(l->limits->exposure, &rows[i]);
    if (done && op->kind == RECORD_ALGO_CANCEL && op->count == 1) {
        struct algo_record gone = { .algo_status = ALGO_CANCELED };
        memcpy(gone.client_id, ((const struct algo_cancel_record *)op->rows)->client_id, CLIENT_ID_MAX);
        exposure_algo(l->limits->exposure, &gone);
    }
}

void live_risk_on_event(struct live *l, const struct stream_event *e) {
    if (e->kind == RECORD_ORDER_UPDATE)
        exposure_order(l->limits->exposure, &e->u.order.order);
    else if (e->kind == RECORD_ALGO_UPDATE)
        exposure_algo(l->limits->exposure, &e->u.algo.order);
}

void live_risk_listed(struct live *l, const struct api_call *op) {
    const struct order_record *orders = op->rows;
    const struct algo_record *algos = op->rows;
    for (int32_t k = 0; k < op->count; k++) {
        if (op->call.endpoint == EP_OPEN_ORDERS)
            exposure_order(l->limits->exposure, &orders[k]);
        else if (op->call.endpoint == EP_ALGO_OPEN)
            exposure_algo(l->limits->exposure, &algos[k]);
    }
}

// The equity with which a UTC day began outlives the process: a restart is no new day.
void live_risk_pump(struct live *l, int64_t now_us) {
    if ((!l->limits->account_known && !l->simulation) ||
        l->limits->now.day_us == now_us - now_us % INT64_C(86400000000))
        return;
    bool whole;
    int64_t equity = equity_e8(l, &whole);
    if (!whole || !risk_limits_equity(&l->limits->now, now_us, equity) || !live_journal(l)) return;
    char text[64];
    int size = snprintf(text, sizeof text, "%" PRId64 " %" PRId64, l->limits->now.day_us, equity);
    journal_put(live_journal(l), DAY_NAME, text, (size_t)size, 0);
}

void live_risk_resume(struct live *l, const char *journal_path) {
    char *value = NULL, text[64];
    size_t size = 0;
    int64_t day, equity;
    if (journal_get(journal_path, DAY_NAME, &value, &size, NULL) != ERR_OK) return;
    snprintf(text, sizeof text, "%.*s", (int)(size < 63 ? size : 63), value);
    journal_release(value);
    if (sscanf(text, "%" SCNd64 " %" SCNd64, &day, &equity) == 2)
        risk_limits_resume(&l->limits->now, live_now(l), day, equity);
}

struct live_risk live_risk(struct live *l) {
    bool whole;
    int64_t equity = equity_e8(l, &whole);
    bool begun = l->limits->now.day_us != INT64_MIN;
    return (struct live_risk){ exposure_count(l->limits->exposure, live_now(l)), l->limits->now.orders,
                               begun ? l->limits->now.day_equity_e8 : equity, equity };
}

void live_risk_account_known(struct live *l) { l->limits->account_known = true; }

void live_halt(struct live *l) {
    live_halt_done(l);
    risk_limits_halt(&l->limits->now);
}

int64_t live_risk_next_us(const struct live *l) {
    (void)l;
    return INT64_MAX;   // a new day is noticed when something happens
}

int live_risk_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->limits = alloc_zeroed(1, sizeof *l->limits);
    risk_limits_init(&l->limits->now, &l->o.risk);
    l->limits->exposure = alloc_checked(exposure_new());
    return ERR_OK;
}

void live_risk_close(struct live *l) {
    if (!l->limits) return;
    exposure_free(l->limits->exposure);
    free(l->limits);
}

// risk.c: the gate that every order of the script passes, whichever call it came by. What the limits need to know is
// gathered here, and kept up with what replies and streams tell.
#include "world/live/risk.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "execution/exposure.h"
#include "execution/risk_limits.h"
#include "store/journal.h"
#include "world/live/dead_man.h"
#include "world/live/halt.h"
#include "world/live/ledger.h"
#include "world/live/market.h"
#include "world/live/order_book.h"

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
static const char DAY_NAME[] = "safety_day", MINUTE_NAME[] = "risk_minute";

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

static int64_t price_of(struct live *l, int16_t symbol) {
    int64_t marked_us, mark_e8 = live_market_mark_e8(l, symbol, &marked_us);
    bool marked = marked_us != 0 && marked_us > l->pump.view.now_us - MARK_FRESH_US;
    return marked ? mark_e8 : l->pump.view.last_e8[symbol];
}

// What priceMatch may take from the book as it is known here: of an amendment by either side, since the order's own side is not
// said. The first such order makes the book known.
static void match_prices(struct live *l, const struct call *c, struct risk_limits_view *v) {
    static const int32_t places[MATCH_COUNT] = { 0, 0, 4, 9, 19, 0, 4, 9, 19 };
    struct live_book book;
    ASSERT(c->price_match < MATCH_COUNT);
    if (c->price_match == MATCH_NONE || !live_book(l, c->symbol, &book)) return;
    int32_t at = places[c->price_match];
    if (at >= book.bid_count || at >= book.ask_count) return;
    bool opponent = c->price_match < MATCH_QUEUE, amendment = c->endpoint == EP_ORDER_MODIFY;
    bool bids = amendment || (c->side == SIDE_BUY) != opponent,
         asks = amendment || (c->side == SIDE_BUY) == opponent;
    v->match_low_e8 = bids ? book.bids[at].price_e8 : book.asks[at].price_e8;
    v->match_high_e8 = asks ? book.asks[at].price_e8 : book.bids[at].price_e8;
}

static void sum_open(struct live *l, const struct call *c, struct risk_limits_view *v) {
    const struct call *but = c->endpoint == EP_ORDER_MODIFY ? c : NULL;
    const struct exposure *x = l->limits->exposure;
    struct exposure_sum buys = exposure_open(x, c->symbol, POSITION_BOTH, SIDE_BUY, but, v->last_e8);
    struct exposure_sum sells = exposure_open(x, c->symbol, POSITION_BOTH, SIDE_SELL, but, v->last_e8);
    struct exposure_sum longs = exposure_open(x, c->symbol, POSITION_LONG, SIDE_BUY, but, v->last_e8);
    struct exposure_sum shorts = exposure_open(x, c->symbol, POSITION_SHORT, SIDE_SELL, but, v->last_e8);
    v->open_buy_e8 = buys.quantity_e8;
    v->open_sell_e8 = sells.quantity_e8;
    v->open_hedge_e8 = longs.quantity_e8 + shorts.quantity_e8;
    v->premium_buy_e8 = buys.premium_e8;
    v->premium_sell_e8 = sells.premium_e8;
    v->premium_hedge_e8 = longs.premium_e8 + shorts.premium_e8;
}

static struct risk_limits_view view_of(struct live *l, const struct call *c) {
    const struct position_view *p = l->pump.view.position[c->symbol];
    bool whole;
    struct risk_limits_view v = {
        .now_us = live_now(l),
        .last_e8 = price_of(l, c->symbol),
        .position_e8 = p[POSITION_BOTH].amount_e8,
        .equity_e8 = equity_e8(l, &whole),
        .open_orders = exposure_count(l->limits->exposure),
        .gross_e8 = magnitude(p[POSITION_LONG].amount_e8) + magnitude(p[POSITION_SHORT].amount_e8),
        .reduces = c->endpoint == EP_ORDER_MODIFY && exposure_reduces(l->limits->exposure, c),
    };
    v.equity_known = whole;
    match_prices(l, c, &v);
    sum_open(l, c, &v);
    for (int16_t k = 0; l->o.risk.daily_loss_e8 && k < l->list.count; k++)
        v.open_cost_e8 += exposure_cost_e8(l->limits->exposure, k, price_of(l, k), RISK_LIMITS_COST_E8);
    return v;
}

// The orders of the last minute outlive the process.
static void keep_minute(struct live *l) {
    int32_t max = l->o.risk.orders_per_minute;
    if (max == 0 || !live_journal(l)) return;
    int64_t *times = alloc_zeroed((size_t)max, sizeof *times);
    int32_t count = risk_limits_times(&l->limits->now, live_now(l), times, max);
    journal_put(live_journal(l), MINUTE_NAME, (const char *)times, sizeof *times * (size_t)count, 0);
    free(times);
}

static bool allowed(struct live *l, struct call *c, uint64_t *key, char why[160]) {
    ASSERT(*key == 0);
    if (c->endpoint == EP_COUNTDOWN_CANCEL && live_dead_man_kept(l)) {
        snprintf(why, 160, "risk limit: the dead man's switch is the run's (--dead-man-seconds)");
        return false;
    }
    if (!places(c->endpoint) || c->symbol < 0) return true;
    // Without an id of its own nobody could tell what became of it.
    if (c->endpoint != EP_ORDER_MODIFY && !c->client_id[0]) live_client_id(l, c);
    if (c->endpoint != EP_ORDER_MODIFY && exposure_names(l->limits->exposure, c->client_id)) {
        snprintf(why, 160,
                 "client id '%s' is that of an order whose outcome is not known yet: wait for it, or choose "
                 "another",
                 c->client_id);
        return false;
    }
    struct risk_limits_view v = view_of(l, c);
    if (!risk_limits_allow(&l->limits->now, c, &v, why)) {
        if (l->limits->now.breached && l->o.risk.halt_on_breach) live_ask_halt(l);
        return false;
    }
    *key = exposure_sent(l->limits->exposure, c, v.last_e8);
    keep_minute(l);
    live_dead_man_use(l, c->symbol);
    return true;
}

// The order under that key is known of, or was not sent.
static void known(struct live *l, uint64_t *key, bool failed) {
    if (*key == 0) return;
    if (failed) exposure_failed(l->limits->exposure, *key);
    risk_limits_settled(&l->limits->now, live_now(l));
    keep_minute(l);
    *key = 0;
}

bool live_risk_gate(struct live *l, struct api_call *op, char why[160]) {
    int32_t good = 0, count = op->call.batch ? op->call.batch_count : 0;
    if (count == 0) return allowed(l, &op->call, &op->exposure[0], why);
    ASSERT(count <= CALL_BATCH_MAX);
    while (good < count && allowed(l, &op->batch[good], &op->exposure[good], why)) good++;
    if (good == count) return true;
    for (int32_t i = 0; i < good; i++) known(l, &op->exposure[i], true);
    return false;
}

static bool shows_orders(const struct api_call *op) {
    return op->kind == RECORD_ORDER || op->kind == RECORD_ORDER_AMENDED || op->kind == RECORD_ORDER_QUERY;
}

// What the answer in `from` says of the orders of `op` (itself, or one that shares its answer).
static void read_answer(struct live *l, struct api_call *op, const struct api_call *from) {
    struct exposure *x = l->limits->exposure;
    int64_t now = live_now(l);
    bool batch = op->call.batch && op->call.batch_count > 0;
    for (int32_t i = 0; i < from->count && shows_orders(from); i++) {
        uint64_t *key = i < CALL_BATCH_MAX ? &op->exposure[i] : NULL;
        bool refused = batch && from->batch_code[i] != 0;
        if (!refused) exposure_reply(x, key ? *key : 0, (const struct order_record *)from->rows + i, now);
        if (key) known(l, key, refused);
    }
    const struct algo_record *algo = from->rows;
    if ((from->kind == RECORD_ALGO || from->kind == RECORD_ALGO_QUERY) && from->count == 1)
        exposure_algo_reply(x, op->exposure[0], algo, now);
    if (from->kind == RECORD_ALGO_CANCEL && from->count == 1)
        exposure_algo_cancelled(x, from->call.symbol,
                                ((const struct algo_cancel_record *)from->rows)->algo_id);
    for (int32_t i = 0; i < CALL_BATCH_MAX; i++) known(l, &op->exposure[i], batch && i >= from->count);
}

static void not_executed(struct live *l, struct api_call *op) {
    for (int32_t i = 0; i < CALL_BATCH_MAX; i++) known(l, &op->exposure[i], true);
}

void live_risk_settled(struct live *l, struct api_call *op, enum settle settle) {
    if (settle == SETTLE_UNKNOWN) return;   // it counts until live_risk_resolved
    for (struct api_call *one = op; one; one = one == op ? op->followers : one->next_follower) {
        if (settle == SETTLE_DONE)
            read_answer(l, one, op);
        else
            not_executed(l, one);
    }
}

void live_risk_resolved(struct live *l, struct api_call *op, enum outcome outcome) {
    if (outcome == OUTCOME_DONE)
        read_answer(l, op, op);
    else
        not_executed(l, op);
}

void live_risk_on_event(struct live *l, const struct stream_event *e) {
    int64_t now = l->pump.view.now_us;
    if (e->kind == RECORD_ORDER_UPDATE)
        exposure_order(l->limits->exposure, &e->u.order.order, now);
    else if (e->kind == RECORD_ALGO_UPDATE)
        exposure_algo(l->limits->exposure, &e->u.algo.order, now);
}

void live_risk_listing(struct live *l) { exposure_listing(l->limits->exposure); }
void live_risk_all_listed(struct live *l, int64_t from_us) { exposure_listed(l->limits->exposure, from_us); }

void live_risk_listed(struct live *l, const struct api_call *op) {
    const struct order_record *orders = op->rows;
    const struct algo_record *algos = op->rows;
    int64_t now = l->pump.view.now_us;
    for (int32_t k = 0; k < op->count; k++) {
        if (op->call.endpoint == EP_OPEN_ORDERS)
            exposure_order(l->limits->exposure, &orders[k], now);
        else if (op->call.endpoint == EP_ALGO_OPEN)
            exposure_algo(l->limits->exposure, &algos[k], now);
    }
}

// The equity with which a UTC day began outlives the process: a restart is no new day.
void live_risk_pump(struct live *l, int64_t now_us) {
    if (!l->limits->account_known || l->limits->now.day_us == now_us - now_us % INT64_C(86400000000)) return;
    bool whole;
    int64_t equity = equity_e8(l, &whole);
    if (!whole || !risk_limits_equity(&l->limits->now, now_us, equity) || !live_journal(l)) return;
    char text[64];
    int size = snprintf(text, sizeof text, "%" PRId64 " %" PRId64, l->limits->now.day_us, equity);
    journal_put(live_journal(l), DAY_NAME, text, (size_t)size, 0);
}

static void resume_minute(struct live *l, const char *journal_path) {
    char *value = NULL;
    size_t size = 0;
    if (journal_get(journal_path, MINUTE_NAME, &value, &size, NULL) != ERR_OK) return;
    int32_t count = (int32_t)(size / sizeof(int64_t));
    int64_t *times = alloc_zeroed((size_t)count + 1, sizeof *times), now = live_now(l);
    if (count > 0) memcpy(times, value, sizeof *times * (size_t)count);
    risk_limits_resume_times(&l->limits->now, now, times, count);
    free(times);
    journal_release(value);
}

void live_risk_resume(struct live *l, const char *journal_path) {
    resume_minute(l, journal_path);
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
    return (struct live_risk){ exposure_count(l->limits->exposure),
                               risk_limits_minute(&l->limits->now, live_now(l)),
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
    risk_limits_close(&l->limits->now);
    exposure_free(l->limits->exposure);
    free(l->limits);
}

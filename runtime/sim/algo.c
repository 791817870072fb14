// algo.c: conditional orders. They reserve nothing and are checked for margin only when they trigger (section
// 5.4).
#include "sim/algo.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/mark_bar.h"
#include "sim/match.h"
#include "sim/order_store.h"
#include "venue/binance/filter.h"
#include "venue/binance/order_rules.h"

#include <stdio.h>

// Percent e8: 0.1 and, since 2026-10-23, 20.
#define CALLBACK_MIN_E8 INT64_C(10000000)
#define CALLBACK_MAX_E8 INT64_C(2000000000)
#define PERCENT_E8 (INT64_C(100) * DEC_ONE)

static bool is_trailing(uint8_t type) { return type == ORDER_TRAILING_STOP_MARKET; }
static bool is_limit(uint8_t type) { return type == ORDER_STOP || type == ORDER_TAKE_PROFIT; }
static bool is_stop(uint8_t type) { return type == ORDER_STOP || type == ORDER_STOP_MARKET; }

static void emit_algo(struct exchange *x, const struct algo *a) {
    ASSERT(a->r.symbol >= 0 && a->r.symbol < x->symbol_count);
    if (!event_wanted(x, RECORD_ALGO_UPDATE)) return;
    struct algo_update_record e = { .event_us = x->now_us, .transaction_us = x->now_us, .order = a->r };
    const struct order_record *o = a->r.actual_order_id ? exchange_order(x, a->r.actual_order_id) : NULL;
    if (o) {
        e.actual_qty_e8 = o->executed_qty_e8;
        e.actual_type = (uint8_t)(1 + o->type);
    }
    x->hooks.event(x->hooks.ctx, RECORD_ALGO_UPDATE, &e, x->now_us);
}

static void set_status(struct exchange *x, struct algo *a, uint8_t status) {
    ASSERT(status < ALGO_STATUS_COUNT);
    a->r.algo_status = status;
    a->r.update_us = x->now_us;
    emit_algo(x, a);
}

// The price that triggers: the last one, or the mark price.
static int64_t watched_e8(const struct market *m, uint8_t working_type) {
    ASSERT(market_mark_e8(m) >= 0);
    return working_type == WORKING_MARK_PRICE ? market_mark_e8(m) : m->last_e8;
}

// Where a trailing order triggers once the price has been as far as `extreme`; false: not yet active.
static bool trailing_level(const struct algo *a, int64_t extreme, int64_t *level_e8) {
    ASSERT(is_trailing(a->r.type));
    bool buy = a->r.side == SIDE_BUY;
    if (extreme == 0) return false;
    int64_t activate = a->r.activate_price_e8;
    if (activate != 0 && (buy ? extreme > activate : extreme < activate)) return false;
    int64_t move = dec_mul_div_round(extreme, a->r.callback_rate_e8, PERCENT_E8);
    *level_e8 = buy ? extreme + move : extreme - move;
    return true;
}

bool algo_level(const struct algo *a, int64_t *level_e8, bool *falling) {
    ASSERT(a->r.side < SIDE_COUNT);
    bool buy = a->r.side == SIDE_BUY;
    *falling = is_trailing(a->r.type) ? !buy : is_stop(a->r.type) != buy;
    if (is_trailing(a->r.type)) return trailing_level(a, a->extreme_e8, level_e8);
    *level_e8 = a->r.trigger_price_e8;
    return true;
}

bool algos_trail_reach(const struct market *m, int64_t low_e8, int64_t high_e8) {
    ASSERT(low_e8 <= high_e8);
    for (const struct algo *a = m->algos.first; a; a = a->next) {
        if (!is_trailing(a->r.type)) continue;
        bool buy = a->r.side == SIDE_BUY;
        bool mapped = mark_bar_on(m) && algo_marked(m, a);
        int64_t low = mapped ? mark_bar_low_e8(m, low_e8) : low_e8;
        int64_t high = mapped ? mark_bar_high_e8(m, high_e8) : high_e8;
        int64_t level, extreme = a->extreme_e8;
        if (extreme == 0 || (buy ? low < extreme : high > extreme)) extreme = buy ? low : high;
        if (trailing_level(a, extreme, &level) && (buy ? high >= level : low <= level)) return true;
    }
    return false;
}

bool algo_marked(const struct market *m, const struct algo *a) {
    ASSERT(a->r.symbol == m->index);
    return market_marked(m) && a->r.working_type == WORKING_MARK_PRICE;
}

bool algo_held_back(const struct market *m, const struct algo *a) {
    ASSERT(a->r.symbol == m->index);
    if (!a->r.price_protect || !market_marked(m)) return false;
    int64_t mark = market_mark_e8(m), apart = m->last_e8 > mark ? m->last_e8 - mark : mark - m->last_e8;
    return m->s->trigger_protect_e8 != 0 && apart > dec_mul_round(mark, m->s->trigger_protect_e8);
}

void algos_trail(struct exchange *x, struct market *m) {
    ASSERT(m->trailing_count >= 0);
    ASSERT(m->trailing_count <= m->algos.count);
    if (m->trailing_count == 0 || m->last_e8 == 0) return;
    for (struct algo *a = m->algos.first; a; a = a->next) {
        if (!is_trailing(a->r.type)) continue;
        bool buy = a->r.side == SIDE_BUY;
        int64_t price = watched_e8(m, a->r.working_type);
        bool further = a->extreme_e8 == 0 || (buy ? price < a->extreme_e8 : price > a->extreme_e8);
        if (!further) continue;
        a->extreme_e8 = price;
        m->dirty = x->any_dirty = true;
    }
}

void algo_end(struct exchange *x, struct algo *a, uint8_t status) {
    ASSERT(a->open);
    ASSERT(status == ALGO_CANCELED || status == ALGO_EXPIRED);
    algo_unlink(x, a);
    ASSERT(!a->open);
    set_status(x, a, status);
    if (status == ALGO_CANCELED)
        x->totals.canceled++;
    else if (status == ALGO_EXPIRED)
        x->totals.expired++;
}

void algo_finished(struct exchange *x, struct order *o) {
    ASSERT(o->algo != NULL);
    ASSERT(o->algo->r.actual_order_id == o->r.order_id);
    ASSERT(o->place == PLACE_NONE);
    ASSERT(o->r.status != STATUS_NEW);
    struct algo *a = o->algo;
    a->r.actual_price_e8 = o->r.avg_price_e8;
    set_status(x, a, ALGO_FINISHED);
}

void algo_trigger(struct exchange *x, struct algo *a) {
    ASSERT(a->open);
    ASSERT(a->r.actual_order_id == 0);
    algo_unlink(x, a);
    a->r.trigger_us = x->now_us;
    set_status(x, a, ALGO_TRIGGERING);
    int32_t code = order_from_algo(x, a);
    if (code == 0) return;
    set_status(x, a, ALGO_REJECTED);
    count_reject(x, code);
}

void algo_triggered(struct exchange *x, struct algo *a) {
    ASSERT(!a->open);
    ASSERT(a->r.actual_order_id != 0);
    set_status(x, a, ALGO_TRIGGERED);
}

void algos_cancel_all(struct exchange *x, struct market *m) {
    while (m->algos.first) algo_end(x, m->algos.first, ALGO_CANCELED);
    ASSERT(m->algos.count == 0);
}

void algos_drop(struct exchange *x, struct market *m) {
    ASSERT(m->algos.count >= 0);
    for (struct algo *a = m->algos.first, *next; a; a = next) {
        next = a->next;
        if (a->r.close_position && reducible_e8(m, a->r.side, a->r.position_side) == 0)
            algo_end(x, a, ALGO_EXPIRED);
    }
}

// ---- entry ----

// Of each kind, stop or take-profit, one that closes the position may rest in a direction.
static bool closes_already(const struct market *m, const struct call *c, uint8_t position_side) {
    for (const struct algo *a = m->algos.first; a; a = a->next) {
        if (a->r.close_position && a->r.side == c->side && a->r.position_side == position_side &&
            a->r.type == c->type)
            return true;
    }
    return false;
}

static bool check_close_position(struct exchange *x, const struct market *m, const struct call *c,
                                 struct reply *r) {
    ASSERT(r->code == 0);
    if (!c->close_position) return call_given(c, P_QUANTITY) ? true : reply_fail(r, -1102, "quantity");
    if (c->type != ORDER_STOP_MARKET && c->type != ORDER_TAKE_PROFIT_MARKET) {
        return reply_fail_text(r, -4136, "Target strategy invalid for orderType, closePosition true");
    }
    if (call_given(c, P_QUANTITY)) return reply_fail(r, -4137, NULL);
    if (call_given(c, P_REDUCE_ONLY)) return reply_fail(r, -1106, "reduceonly");
    if (x->dual_side && (c->position_side == POSITION_LONG) == (c->side == SIDE_BUY))
        return reply_fail(r, -4061, NULL);
    uint8_t side = x->dual_side ? c->position_side : POSITION_BOTH;
    if (closes_already(m, c, side)) return reply_fail(r, -4130, NULL);
    if (reducible_e8(m, c->side, side) > 0) return true;
    return reply_fail_text(r, -4509,
                           "Time in Force (TIF) GTE can only be used with open positions. Please ensure "
                           "that positions are available.");
}

static bool check_types(const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!call_given(c, P_SIDE)) return reply_fail(r, -1102, "side");
    if (!call_given(c, P_TYPE)) return reply_fail(r, -1102, "type");
    if (!order_rules_conditional(c->type)) return reply_fail(r, -1116, NULL);
    if (is_trailing(c->type)) {
        if (!call_given(c, P_CALLBACK_RATE)) return reply_fail(r, -1102, "callbackRate");
        bool good = c->callback_rate_e8 >= CALLBACK_MIN_E8 && c->callback_rate_e8 <= CALLBACK_MAX_E8;
        return good ? true : reply_fail(r, -1130, "callbackRate");
    }
    if (!call_given(c, P_STOP_PRICE)) return reply_fail(r, -1102, "triggerPrice");
    bool matched = call_given(c, P_PRICE_MATCH) && c->price_match != MATCH_NONE;
    if (matched && !is_limit(c->type)) return reply_fail(r, -5038, NULL);
    if (matched && call_given(c, P_PRICE)) return reply_fail(r, -1106, "price");
    return is_limit(c->type) && !call_given(c, P_PRICE) && !matched ? reply_fail(r, -1102, "price") : true;
}

static bool check_trigger(const struct market *m, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    int64_t last = watched_e8(m, c->working_type);
    if (last == 0) return true;
    bool buy = c->side == SIDE_BUY;
    bool at_once;
    if (is_trailing(c->type)) {
        if (!call_given(c, P_ACTIVATE_PRICE)) return true;
        at_once = buy ? c->activate_price_e8 >= last : c->activate_price_e8 <= last;
    } else {
        bool falling = is_stop(c->type) != buy;
        at_once = falling ? last <= c->stop_price_e8 : last >= c->stop_price_e8;
    }
    return at_once ? reply_fail(r, -2021, NULL) : true;
}

// The decoder has one place for clientAlgoId, whether of a new order or of an old one.
static const char *wanted_id(const struct call *c) {
    return c->client_id[0] || !call_given(c, P_CLIENT_ALGO_ID) ? c->client_id : c->orig_client_id;
}

static bool check_client_id(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!call_given(c, P_CLIENT_ID) && !call_given(c, P_CLIENT_ALGO_ID)) return true;
    const char *id = wanted_id(c);
    int32_t code = client_id_check(id);
    if (code == -1100) {
        return reply_fail_text(r, -1100,
                               "Illegal characters found in parameter 'clientAlgoId'; legal range is "
                               "'^[\\.A-Z\\:/a-z0-9_-]{1,36}$'.");
    }
    if (code != 0) return reply_fail_text(r, -4015, "Client order id is not valid.");
    struct algo *a = NULL;
    if (x->open_algo_ids) HASH_FIND_STR(x->open_algo_ids, id, a);
    return a ? reply_fail(r, -4116, NULL) : true;
}

static bool check(struct exchange *x, const struct market *m, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(m->index == c->symbol);
    if (!check_types(c, r) || !check_client_id(x, c, r)) return false;
    if (!check_close_position(x, m, c, r)) return false;
    bool reducing = c->close_position || order_only_reduces(x, c);
    int32_t code =
        filter_order(m->s, c, market_mark_e8(m), m->last_e8, reducing, r->message, sizeof r->message);
    if (code != 0) return reply_fail_text(r, code, NULL);
    if (!position_side_check(x, c, r)) return false;
    if (x->algo_open >= ALGO_OPEN_MAX) return reply_fail(r, -4045, NULL);
    return check_trigger(m, c, r);
}

bool algo_place(struct exchange *x, const struct call *c, struct reply *r, struct algo_record *out) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    ASSERT(x->algo_open <= ALGO_OPEN_MAX);
    if (c->symbol < 0 || c->symbol >= x->symbol_count) {
        return reply_fail(r, call_given(c, P_SYMBOL) ? -1121 : -1102, "symbol");
    }
    struct market *m = &x->markets[c->symbol];
    if (!market_trades(m, r) || !check(x, m, c, r)) return false;
    struct algo *a = algo_new(x);
    struct algo_record *n = &a->r;
    n->symbol = c->symbol;
    n->side = c->side;
    n->type = c->type;
    n->position_side = x->dual_side ? c->position_side : POSITION_BOTH;
    n->time_in_force = call_given(c, P_TIME_IN_FORCE) ? c->time_in_force : TIF_GTC;
    n->working_type = c->working_type;
    n->price_match = is_limit(c->type) ? c->price_match
                                       : MATCH_NONE;   // the price is then taken from the book as it triggers
    n->stp_mode = call_given(c, P_STP_MODE) ? c->stp_mode : STP_EXPIRE_MAKER;
    n->reduce_only = c->reduce_only;
    n->close_position = c->close_position;
    n->price_protect = c->price_protect;
    n->quantity_e8 = c->quantity_e8;
    n->trigger_price_e8 = is_trailing(c->type) ? 0 : c->stop_price_e8;
    n->price_e8 = is_limit(c->type) ? c->price_e8 : 0;
    n->activate_price_e8 = c->activate_price_e8;
    n->callback_rate_e8 = c->callback_rate_e8;
    n->good_till_us = c->good_till_us - c->good_till_us % SECOND_US;
    n->create_us = n->update_us = x->now_us;
    if (wanted_id(c)[0])
        memcpy(n->client_id, wanted_id(c), CLIENT_ID_MAX);
    else
        client_id_make(n->client_id, (uint64_t)n->algo_id);
    a->extreme_e8 = watched_e8(m, n->working_type);
    algo_link(x, a);
    ASSERT(a->open && a->r.actual_order_id == 0);
    ASSERT(x->algo_open <= ALGO_OPEN_MAX);
    x->totals.orders++;
    emit_algo(x, a);
    *out = a->r;
    return true;
}

bool algo_cancel(struct exchange *x, const struct call *c, struct reply *r, struct algo_cancel_record *out) {
    ASSERT(r->code == 0);
    if (!call_given(c, P_ALGO_ID) && !call_given(c, P_CLIENT_ALGO_ID)) return reply_fail(r, -1102, "algoId");
    const char *id = c->orig_client_id[0] ? c->orig_client_id : c->client_id;
    struct algo *a = algo_find(x, call_given(c, P_ALGO_ID) ? c->algo_id : 0, id);
    if (!a || !a->open) return reply_fail(r, -2011, NULL);
    algo_end(x, a, ALGO_CANCELED);
    ASSERT(!a->open);
    out->algo_id = a->r.algo_id;
    memcpy(out->client_id, a->r.client_id, CLIENT_ID_MAX);
    return true;
}

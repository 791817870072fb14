// trigger_levels.c: the levels at which something happens on the way of a price, and what happens there: a
// resting
// order fills, a conditional one triggers, a position is liquidated.
#include "base/assert.h"
#include "base/num.h"
#include "sim/account.h"
#include "sim/adverse.h"
#include "sim/algo.h"
#include "sim/funding.h"
#include "sim/mark_bar.h"
#include "sim/match.h"
#include "sim/order_store.h"

#include <stdio.h>

static int64_t order_level_e8(const struct exchange *x, const struct market *m, const struct order *o) {
    ASSERT(o->r.price_e8 > 0);
    int64_t beyond = x->config.touch == TOUCH_THROUGH ? m->s->tick_e8 : 0;
    return o->r.side == SIDE_BUY ? o->r.price_e8 - beyond : o->r.price_e8 + beyond;
}

// `marked`: a level of the mark price, where that is one of its own.
static void level_add(struct market *m, int64_t level, bool falling, bool marked) {
    ASSERT(level > LEVEL_NONE_LOW && level < LEVEL_NONE_HIGH);
    int64_t *low = marked ? &m->mark_low_e8 : &m->trigger_low_e8,
            *high = marked ? &m->mark_high_e8 : &m->trigger_high_e8;
    if (falling && level > *low) *low = level;
    if (!falling && level < *high) *high = level;
}

static void liquidation_levels(const struct exchange *x, struct market *m) {
    for (int i = 0; i < 2; i++) {
        m->liquidation_low_e8[i] = LEVEL_NONE_LOW;
        m->liquidation_high_e8[i] = LEVEL_NONE_HIGH;
    }
    if (market_flat(m)) return;
    bool split = m->margin_type == MARGIN_ISOLATED && x->dual_side;
    for (int i = 0; i < (split ? 2 : 1); i++) {
        bool falling, whole;
        int32_t side = split ? POSITION_LONG + i : POSITION_BOTH;
        int64_t level = liquidation_price_e8(x, m, side, &falling, &whole);
        if (level == 0) continue;
        int64_t due = falling || whole ? level : level + 1;   // a rising price is not due below it
        if (falling)
            m->liquidation_low_e8[i] = due;
        else
            m->liquidation_high_e8[i] = due;
        level_add(m, due, falling, market_marked(m));
    }
}

static bool target_held(const struct exchange *x, const struct market *m, const struct algo *a) {
    bool target = a->r.type == ORDER_TAKE_PROFIT || a->r.type == ORDER_TAKE_PROFIT_MARKET;
    return target && adverse_holds(x, m, a->r.side, a->r.position_side);
}

static void market_refresh(const struct exchange *x, struct market *m) {
    ASSERT(m->resting.count >= 0);
    m->dirty = false;
    m->trigger_low_e8 = m->mark_low_e8 = LEVEL_NONE_LOW;
    m->trigger_high_e8 = m->mark_high_e8 = LEVEL_NONE_HIGH;
    m->good_till_us = INT64_MAX;
    for (const struct order *o = m->resting.first; o; o = o->next) {
        if (!m->book && !adverse_holds(x, m, o->r.side, o->r.position_side))
            level_add(m, order_level_e8(x, m, o), o->r.side == SIDE_BUY, false);
        if (o->r.good_till_us != 0 && o->r.good_till_us < m->good_till_us)
            m->good_till_us = o->r.good_till_us;
    }
    for (const struct algo *a = m->algos.first; a; a = a->next) {
        int64_t level;
        bool falling;
        if (!algo_held_back(m, a) && !target_held(x, m, a) && algo_level(a, &level, &falling))
            level_add(m, level, falling, algo_marked(m, a));
    }
    liquidation_levels(x, m);
    mark_bar_reach(m);
}

// A crossed position's liquidation price hangs on every other one's, so one change makes all of them anew.
void levels_refresh(struct exchange *x) {
    if (!x->any_dirty) return;
    x->any_dirty = false;
    x->timer_us = INT64_MAX;
    x->held_count = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        struct market *m = &x->markets[i];
        bool held = !market_flat(m);
        if (m->dirty || held) market_refresh(x, m);
        x->held_count += held;
        ASSERT(x->held_count <= x->symbol_count);
        int64_t due = funding_next_us(m);
        if (m->countdown_us < due) due = m->countdown_us;
        if (m->good_till_us < due) due = m->good_till_us;
        if (due < x->timer_us) x->timer_us = due;
    }
}

static void liquidate_position(struct exchange *x, struct market *m, int32_t side) {
    ASSERT(side >= 0 && side < POSITION_SIDE_COUNT);
    struct position *p = &m->positions[side];
    if (p->amount_e8 == 0) return;
    bool isolated = m->margin_type == MARGIN_ISOLATED;
    int64_t crossed = account_cross_wallet_e8(x);
    struct order *o = order_new(x);
    o->r.symbol = m->index;
    o->r.side = p->amount_e8 > 0 ? SIDE_SELL : SIDE_BUY;
    o->r.type = ORDER_LIQUIDATION;
    o->r.orig_type = ORDER_LIMIT;
    o->r.time_in_force = TIF_IOC;
    o->r.position_side = (uint8_t)side;
    o->r.orig_qty_e8 = num_abs(p->amount_e8);
    o->r.time_us = x->now_us;
    o->r.reduce_only = true;
    snprintf(o->r.client_id, CLIENT_ID_MAX, "autoclose-%lld", (long long)(x->now_us / 1000));
    int64_t tick = m->s->tick_e8;
    int64_t price =
        p->amount_e8 > 0 ? dec_floor_to(market_mark_e8(m), tick) : dec_ceil_to(market_mark_e8(m), tick);
    if (price < tick) price = tick;
    o->r.price_e8 = price;
    order_announce(x, o);
    int64_t fee = dec_mul_round(dec_mul_round(o->r.orig_qty_e8, price), m->s->liquidation_fee_e8);
    int64_t insurance = x->totals.insurance_e8;
    record_fill(x, m, o, o->r.orig_qty_e8, price, false, 0);
    account_insurance(x, m, -fee);
    ASSERT(p->amount_e8 == 0);
    ASSERT(o->r.status == STATUS_FILLED);
    // An isolated position can lose no more than was set apart for it; the fund covers the rest.
    if (isolated) {
        int64_t spent = account_cross_wallet_e8(x);
        if (spent < crossed) account_insurance(x, m, crossed - spent);
    }
    // The fill's own account update came before: the wallet that the stream tells of is the one after the fee.
    int64_t change = x->totals.insurance_e8 - insurance;
    if (change != 0) emit_account(x, m, -1, ACCOUNT_INSURANCE_CLEAR, change);
    x->totals.liquidations++;
}

static void emit_margin_call(struct exchange *x, const struct market *m, int32_t side) {
    ASSERT(side >= 0 && side < POSITION_SIDE_COUNT);
    const struct position *p = &m->positions[side];
    if (p->amount_e8 == 0 || !event_wanted(x, RECORD_MARGIN_CALL)) return;
    struct margin_call_record e = { .event_us = x->now_us,
                                    .cross_wallet_e8 = account_cross_wallet_e8(x),
                                    .amount_e8 = p->amount_e8,
                                    .mark_price_e8 = market_mark_e8(m),
                                    .symbol = m->index,
                                    .unrealized_e8 = position_unrealized_e8(p, market_mark_e8(m)),
                                    .maint_margin_e8 = position_maintenance_e8(m, p, market_mark_e8(m)),
                                    .isolated_wallet_e8 = p->isolated_e8,
                                    .position_side = (uint8_t)side,
                                    .margin_type = m->margin_type };
    x->hooks.event(x->hooks.ctx, RECORD_MARGIN_CALL, &e, x->now_us);
}

static void liquidate_market(struct exchange *x, struct market *m, int32_t first, int32_t last) {
    ASSERT(first >= 0 && first <= last);
    ASSERT(last < POSITION_SIDE_COUNT);
    for (int32_t k = first; k <= last; k++) {
        emit_margin_call(x, m, k);
        liquidate_position(x, m, k);
    }
    drop_reducers(x, m);
}

void orders_expire(struct exchange *x, struct market *m, uint8_t reason) {
    while (m->resting.first) order_end(x, m->resting.first, STATUS_EXPIRED, reason);
    while (m->waiting.first) order_end(x, m->waiting.first, STATUS_EXPIRED, reason);
    while (m->algos.first) algo_end(x, m->algos.first, ALGO_EXPIRED);
    ASSERT(m->resting.count == 0 && m->waiting.count == 0);
    ASSERT(m->algos.count == 0);
}

static void cover(struct exchange *x, struct market *m) {
    int64_t crossed = account_cross_wallet_e8(x);
    if (crossed >= 0) return;
    account_insurance(x, m, -crossed);
    ASSERT(account_cross_wallet_e8(x) == 0);
    emit_account(x, m, -1, ACCOUNT_INSURANCE_CLEAR, -crossed);
}

// The whole crossed account: all its orders, then all its positions, each at its own last price.
static void liquidate_account(struct exchange *x, struct market *cause) {
    ASSERT(cause->margin_type == MARGIN_CROSSED);
    for (int32_t i = 0; i < x->symbol_count; i++) orders_expire(x, &x->markets[i], REASON_LIQUIDATED);
    for (int32_t i = 0; i < x->symbol_count; i++) {
        struct market *m = &x->markets[i];
        if (m->margin_type == MARGIN_CROSSED) liquidate_market(x, m, POSITION_BOTH, POSITION_SHORT);
    }
    cover(x, cause);
}

void liquidate_if_exhausted(struct exchange *x) {
    if (x->held_count < 2 || !account_exhausted(x)) return;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        struct market *m = &x->markets[i];
        if (m->open && m->margin_type == MARGIN_CROSSED && !market_flat(m)) {
            liquidate_account(x, m);
            return;
        }
    }
}

static bool liquidation_reached(const struct market *m, int i, bool falling, int64_t level) {
    ASSERT(i >= 0 && i < 2);
    return falling ? m->liquidation_low_e8[i] == level : m->liquidation_high_e8[i] == level;
}

// `i` as of market.liquidation_low_e8.
static void liquidate(struct exchange *x, struct market *m, int i) {
    ASSERT(i >= 0 && i < 2);
    if (m->margin_type == MARGIN_CROSSED) {
        liquidate_account(x, m);
        return;
    }
    orders_expire(x, m, REASON_LIQUIDATED);
    int32_t side = x->dual_side ? POSITION_LONG + i : POSITION_BOTH;
    liquidate_market(x, m, side, side);
    cover(x, m);
}

// What sits at the nearest level reached, the oldest order first, then conditional orders, then liquidation.
static void trigger_one(struct exchange *x, struct market *m, int64_t level, bool falling, bool marked) {
    ASSERT(market_marked(m) || !marked);
    for (struct order *o = m->book ? NULL : m->resting.first; o; o = o->next) {
        if ((o->r.side == SIDE_BUY) == falling && order_level_e8(x, m, o) == level &&
            !adverse_holds(x, m, o->r.side, o->r.position_side)) {
            order_execute(x, m, o, o->r.price_e8, true);
            return;
        }
    }
    bool held = false;   // a level of these alone goes with the refresh that follows
    for (struct algo *a = m->algos.first; a; a = a->next) {
        int64_t trigger;
        bool down;
        if (algo_marked(m, a) != marked || !algo_level(a, &trigger, &down) || down != falling ||
            trigger != level)
            continue;
        if (algo_held_back(m, a) || target_held(x, m, a)) {
            held = true;
            continue;
        }
        algo_trigger(x, a);
        return;
    }
    for (int i = 0; marked == market_marked(m) && i < 2; i++) {
        if (!liquidation_reached(m, i, falling, level)) continue;
        liquidate(x, m, i);
        return;
    }
    ASSERT(held);   // else a level without anything at it
}

// The last price comes first, then the mark price where it is one of its own.
static bool touch(struct exchange *x, struct market *m) {
    ASSERT(m->last_e8 > 0 || !m->open);
    if (m->last_e8 <= m->trigger_low_e8)
        trigger_one(x, m, m->trigger_low_e8, true, false);
    else if (m->last_e8 >= m->trigger_high_e8)
        trigger_one(x, m, m->trigger_high_e8, false, false);
    else if (market_marked(m) && mark_bar_touched(m, true))
        trigger_one(x, m, m->mark_low_e8, true, true);
    else if (market_marked(m) && mark_bar_touched(m, false))
        trigger_one(x, m, m->mark_high_e8, false, true);
    else
        return false;
    return true;
}

void match_triggered(struct exchange *x, struct market *m) {
    levels_refresh(x);
    for (;;) {
        if (!touch(x, m)) break;
        m->dirty = x->any_dirty = true;
        levels_refresh(x);
    }
}

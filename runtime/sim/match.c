// match.c: orders meet the price of a bar (those of a market with a book: book_match.c). Depth is endless, so
// a fill is whole except where a reducing order is larger than its position (docs/backtest.md).
#include "sim/match.h"

#include "base/array.h"
#include "base/assert.h"
#include "base/num.h"
#include "base/units.h"
#include "sim/account.h"
#include "sim/adverse.h"
#include "sim/algo.h"
#include "sim/book_match.h"
#include "sim/order_store.h"
#include "venue/binance/filter.h"
#include "venue/binance/order_rules.h"

bool order_closes(const struct order *o) {
    ASSERT(o->r.side < SIDE_COUNT);
    ASSERT(o->r.position_side < POSITION_SIDE_COUNT);
    return o->r.reduce_only || (o->r.position_side == POSITION_LONG && o->r.side == SIDE_SELL) ||
           (o->r.position_side == POSITION_SHORT && o->r.side == SIDE_BUY);
}

int64_t reducible_e8(const struct market *m, uint8_t side, uint8_t position_side) {
    ASSERT(side < SIDE_COUNT);
    ASSERT(position_side < POSITION_SIDE_COUNT);
    int64_t amount = m->positions[position_side].amount_e8;
    if (side == SIDE_SELL) return num_max(amount, 0);
    return amount < 0 ? -amount : 0;
}

static bool crosses(uint8_t side, int64_t limit_e8, int64_t price_e8) {
    ASSERT(limit_e8 > 0);
    ASSERT(price_e8 > 0);
    return side == SIDE_BUY ? limit_e8 >= price_e8 : limit_e8 <= price_e8;
}

// How far slippage and the size of the order itself move a taker's price, against him.
static int64_t slip_e8(const struct exchange *x, const struct market *m, int64_t price_e8, int64_t qty_e8) {
    ASSERT(price_e8 > 0);
    ASSERT(qty_e8 >= 0);
    int64_t ratio = x->config.slippage_e8;
    if (x->config.impact != IMPACT_NONE) {
        ratio +=
            impact_ratio_e8(x->config.impact, x->config.impact_e8, qty_e8, m->volume_e8, m->volatility_e8);
    }
    return ratio ? dec_mul_round(price_e8, ratio) : 0;
}

// The taker's price: moved against him, rounded to the tick against him.
static int64_t taker_price_e8(const struct market *m, uint8_t side, int64_t price_e8, int64_t slip) {
    ASSERT(price_e8 > 0);
    ASSERT(side < SIDE_COUNT);
    if (side == SIDE_BUY) return dec_ceil_to(price_e8 + slip, m->s->tick_e8);
    int64_t down = dec_floor_to(price_e8 - slip, m->s->tick_e8);
    return num_max(down, m->s->tick_e8);
}

// Notional of the open orders of a side, with that of the order told of: it is told of before it takes its
// place.
static int64_t open_notional_e8(const struct exchange *x, const struct order *o, uint8_t side) {
    ASSERT(o->open_notional_e8 >= 0);
    ASSERT(x->markets[o->r.symbol].open_notional_e8[side] >= 0);
    int64_t sum = x->markets[o->r.symbol].open_notional_e8[side];
    bool coming = o->place == PLACE_NONE && o->r.side == side && o->r.type == ORDER_LIMIT &&
                  o->r.status <= STATUS_PARTIALLY_FILLED;
    return coming ? sum + o->open_notional_e8 : sum;
}

static void emit_order(struct exchange *x, const struct order *o, uint8_t execution, uint8_t reason) {
    ASSERT(o->r.executed_qty_e8 <= o->r.orig_qty_e8);
    if (!event_wanted(x, RECORD_ORDER_UPDATE)) return;
    struct order_update_record e = { .event_us = x->now_us,
                                     .transaction_us = x->now_us,
                                     .order = o->r,
                                     .bid_notional_e8 = open_notional_e8(x, o, SIDE_BUY),
                                     .ask_notional_e8 = open_notional_e8(x, o, SIDE_SELL),
                                     .execution = execution,
                                     .expiry_reason = reason };
    x->hooks.event(x->hooks.ctx, RECORD_ORDER_UPDATE, &e, x->now_us);
}

static void emit_fill(struct exchange *x, const struct order *o, const struct trade_record *t, bool closed) {
    ASSERT(t->qty_e8 > 0);
    ASSERT(t->qty_e8 <= o->r.executed_qty_e8);
    ASSERT(o->r.executed_qty_e8 <= o->r.orig_qty_e8);
    if (!event_wanted(x, RECORD_ORDER_UPDATE)) return;
    struct order_update_record e = { .event_us = x->now_us,
                                     .transaction_us = x->now_us,
                                     .order = o->r,
                                     .last_qty_e8 = t->qty_e8,
                                     .last_price_e8 = t->price_e8,
                                     .commission_e8 = t->commission_e8,
                                     .realized_pnl_e8 = t->realized_pnl_e8,
                                     .trade_id = t->id,
                                     .maker = t->maker,
                                     .position_closed = closed,
                                     .bid_notional_e8 = open_notional_e8(x, o, SIDE_BUY),
                                     .ask_notional_e8 = open_notional_e8(x, o, SIDE_SELL),
                                     .execution =
                                         o->r.type == ORDER_LIQUIDATION ? EXEC_CALCULATED : EXEC_TRADE };
    memcpy(e.commission_asset, t->commission_asset, sizeof e.commission_asset);
    x->hooks.event(x->hooks.ctx, RECORD_ORDER_UPDATE, &e, x->now_us);
}

void emit_account(struct exchange *x, const struct market *m, int32_t side, uint8_t reason,
                  int64_t change_e8) {
    ASSERT(side < POSITION_SIDE_COUNT);
    if (!event_wanted(x, RECORD_ACCOUNT_UPDATE)) return;
    struct account_update_record e = { .event_us = x->now_us,
                                       .transaction_us = x->now_us,
                                       .wallet_e8 = x->wallet_e8,
                                       .cross_wallet_e8 = account_cross_wallet_e8(x),
                                       .balance_change_e8 = change_e8,
                                       .symbol = SYMBOL_NONE,
                                       .reason = reason,
                                       .funded = reason == ACCOUNT_FUNDING_FEE ? m->index : SYMBOL_NONE };
    if (side >= 0) {
        const struct position *p = &m->positions[side];
        e.symbol = m->index;
        e.amount_e8 = p->amount_e8;
        e.entry_price_e8 = position_entry_e8(p);
        e.break_even_e8 = position_break_even_e8(p);
        e.realized_e8 = p->realized_e8;
        e.unrealized_e8 = position_unrealized_e8(p, market_mark_e8(m));
        e.isolated_wallet_e8 = p->isolated_e8;
        e.position_side = (uint8_t)side;
        e.margin_type = m->margin_type;
    }
    x->hooks.event(x->hooks.ctx, RECORD_ACCOUNT_UPDATE, &e, x->now_us);
}

void order_announce(struct exchange *x, struct order *o) {
    ASSERT(o->r.order_id != 0);
    ASSERT(o->r.orig_qty_e8 > 0);
    if (o->announced) return;
    o->announced = true;
    emit_order(x, o, EXEC_NEW, REASON_NONE);
}

static void answer_if_due(struct exchange *x, struct order *o, int32_t code) {
    ASSERT(code <= 0);
    if (!o->answer_due) return;
    o->answer_due = false;
    struct reply r = { .status = 200 };
    if (code != 0)
        reply_fail(&r, code, NULL);
    else
        reply_rows(&r, RECORD_ORDER, false, 1, &o->r);
    reply_send(x, &r, o->token, true);
}

void order_end(struct exchange *x, struct order *o, uint8_t status, uint8_t reason) {
    ASSERT(status != STATUS_FILLED);
    ASSERT(o->r.executed_qty_e8 <= o->r.orig_qty_e8);
    ASSERT(o->r.status == STATUS_NEW || o->r.status == STATUS_PARTIALLY_FILLED);
    if (o->place != PLACE_NONE) order_unlink(x, o);
    order_announce(x, o);
    o->r.status = status;
    o->r.update_us = x->now_us;
    if (status == STATUS_CANCELED)
        x->totals.canceled++;
    else
        x->totals.expired++;
    emit_order(x, o, status == STATUS_CANCELED ? EXEC_CANCELED : EXEC_EXPIRED, reason);
    answer_if_due(x, o, 0);
    ASSERT(!o->answer_due);
    ASSERT(o->place == PLACE_NONE);
    if (o->algo) algo_finished(x, o);
}

// A refused FOK or GTX order leaves no trace (section 6).
static void order_refuse(struct exchange *x, struct order *o, int32_t code) {
    ASSERT(code < 0);
    ASSERT(o->r.executed_qty_e8 == 0);
    if (o->place != PLACE_NONE) order_unlink(x, o);
    o->r.status = STATUS_REJECTED;
    o->hidden = true;
    ASSERT(o->place == PLACE_NONE);
    if (o->answer_due)
        answer_if_due(x, o, code);
    else
        count_reject(x, code);
    if (o->algo) algo_finished(x, o);
}

// Reducing orders without anything left to reduce.
void drop_reducers(struct exchange *x, struct market *m) {
    ASSERT(m->reduce_count >= 0);
    if (m->reduce_count == 0) return;
    for (struct order *o = m->resting.first, *next; o; o = next) {
        next = o->next;
        if (o->r.reduce_only && reducible_e8(m, o->r.side, o->r.position_side) == 0) {
            order_end(x, o, STATUS_EXPIRED, REASON_REDUCE);
        }
    }
    algos_drop(x, m);
}

void record_fill(struct exchange *x, struct market *m, struct order *o, int64_t qty, int64_t price,
                 bool maker, int64_t fee_rate) {
    ASSERT(qty > 0);
    ASSERT(price > 0);
    ASSERT(o->r.symbol == m->index);
    ASSERT(o->announced);
    int64_t quote = dec_mul_round(qty, price);
    int64_t fee = fee_rate ? dec_mul_round(quote, fee_rate) : 0;
    const struct market *coin = x->fee_symbol > 0 ? &x->markets[x->fee_symbol - 1] : NULL;
    int64_t coin_fee = coin && coin->last_e8 > 0 ? dec_div_round(fee, coin->last_e8) : 0;
    if (coin_fee != 0) fee = 0;   // it leaves another wallet
    int64_t id = ++m->trade_id;
    o->r.executed_qty_e8 += qty;
    o->r.cum_quote_e8 += quote;
    o->r.avg_price_e8 =
        o->r.executed_qty_e8 == qty ? price : dec_div_round(o->r.cum_quote_e8, o->r.executed_qty_e8);
    o->r.update_us = x->now_us;
    ASSERT(o->r.executed_qty_e8 <= o->r.orig_qty_e8);
    o->r.status = o->r.executed_qty_e8 == o->r.orig_qty_e8 ? STATUS_FILLED : STATUS_PARTIALLY_FILLED;

    int64_t signed_qty = o->r.side == SIDE_BUY ? qty : -qty;
    int64_t realized = account_fill(x, m, o->r.position_side, signed_qty, price, fee, id);
    adverse_filled(x, m, o->r.position_side, signed_qty);
    x->totals.fills++;
    ASSERT(x->totals.maker_fills <= x->totals.fills);
    x->totals.maker_fills += maker;
    if (m->open && x->now_us > m->bar.open_us) {   // a market with a book has no open bar
        x->totals.inside_fills++;
        x->totals.inside_realized_e8 += realized;
    }
    x->totals.notional_e8 += quote;
    if (maker)
        x->totals.maker_fees_e8 += fee;
    else
        x->totals.taker_fees_e8 += fee;

    ARRAY_ROOM(x->fills, x->fill_size, x->fill_count + 1);
    struct trade_record *t = &x->fills[x->fill_count++];
    *t = (struct trade_record){ .id = id,
                                .order_id = o->r.order_id,
                                .price_e8 = price,
                                .qty_e8 = qty,
                                .quote_qty_e8 = quote,
                                .realized_pnl_e8 = realized,
                                .commission_e8 = coin_fee ? coin_fee : fee,
                                .time_us = x->now_us,
                                .symbol = m->index,
                                .side = o->r.side,
                                .position_side = o->r.position_side,
                                .buyer = o->r.side == SIDE_BUY,
                                .maker = maker };
    if (coin_fee != 0) memcpy(t->commission_asset, coin->s->base_asset, sizeof t->commission_asset);
    struct trade_record copy = *t;
    ASSERT(copy.qty_e8 <= o->r.executed_qty_e8);
    ASSERT(x->fill_count <= x->fill_size);
    emit_account(x, m, o->r.position_side, ACCOUNT_ORDER, 0);
    emit_fill(x, o, &copy, m->positions[o->r.position_side].amount_e8 == 0);
}

void order_execute(struct exchange *x, struct market *m, struct order *o, int64_t price, bool maker) {
    ASSERT(price > 0);
    ASSERT(o->r.executed_qty_e8 == 0 || o->r.status == STATUS_PARTIALLY_FILLED);
    int64_t qty = o->r.orig_qty_e8 - o->r.executed_qty_e8;
    if (order_closes(o)) {
        int64_t most = reducible_e8(m, o->r.side, o->r.position_side);
        if (qty > most) qty = most;
    }
    if (qty == 0) {
        order_end(x, o, STATUS_EXPIRED, REASON_REDUCE);
        return;
    }
    if (o->place != PLACE_NONE) order_unlink(x, o);
    order_announce(x, o);
    record_fill(x, m, o, qty, price, maker, maker ? x->config.maker_e8 : x->config.taker_e8);
    if (o->r.status != STATUS_FILLED) {
        order_end(x, o, STATUS_EXPIRED, REASON_REDUCE);
    } else {
        answer_if_due(x, o, 0);
        if (o->algo) algo_finished(x, o);
    }
    drop_reducers(x, m);
    ASSERT(o->place == PLACE_NONE);
    ASSERT(!o->answer_due);
}

// A taker's fill; `rounding` of its price is what the tick cost him.
static void take_rounded(struct exchange *x, struct market *m, struct order *o, int64_t price,
                         int64_t rounding) {
    ASSERT(price > 0);
    int64_t before = x->totals.fills;
    int64_t done = o->r.executed_qty_e8;
    order_execute(x, m, o, price, false);
    if (rounding <= 0 || x->totals.fills == before) return;
    x->totals.rounding_e8 += dec_mul_round(o->r.executed_qty_e8 - done, rounding);
}

// An order meets the price m->last_e8 of an open bar.
static void enter(struct exchange *x, struct market *m, struct order *o) {
    ASSERT(o->r.symbol == m->index);
    ASSERT(o->r.status == STATUS_NEW || o->r.status == STATUS_PARTIALLY_FILLED);
    if (m->book) {
        book_enter(x, m, o);
        return;
    }
    ASSERT(m->last_e8 > 0);
    int64_t left = o->r.orig_qty_e8 - o->r.executed_qty_e8;
    int64_t slip = slip_e8(x, m, m->last_e8, left);
    int64_t price = taker_price_e8(m, o->r.side, m->last_e8, slip);
    int64_t rounding = num_abs(price - m->last_e8) - slip;
    if (o->r.type == ORDER_MARKET) {
        take_rounded(x, m, o, price, rounding);
        return;
    }
    int64_t limit = o->r.price_e8;
    if (crosses(o->r.side, limit, m->last_e8)) {
        if (o->r.time_in_force == TIF_GTX) {
            order_refuse(x, o, -5022);
            return;
        }
        bool inside = crosses(o->r.side, limit, price);
        take_rounded(x, m, o, inside ? price : limit, inside ? rounding : 0);
        return;
    }
    if (o->r.time_in_force == TIF_FOK) {
        order_refuse(x, o, -5021);
        return;
    }
    if (o->r.time_in_force == TIF_IOC) {
        order_end(x, o, STATUS_EXPIRED, REASON_IOC);
        return;
    }
    if (o->place != PLACE_NONE) order_unlink(x, o);
    order_announce(x, o);
    order_link(x, o, PLACE_RESTING);
    answer_if_due(x, o, 0);
}

void match_waiting(struct exchange *x, struct market *m) {
    while (m->waiting.first) enter(x, m, m->waiting.first);
    ASSERT(m->waiting.count == 0);
}

// ---- checks at entry ----

bool position_side_check(const struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    uint8_t side = call_given(c, P_POSITION_SIDE) ? c->position_side : POSITION_BOTH;
    if ((side == POSITION_BOTH) == x->dual_side) return reply_fail(r, -4061, NULL);
    if (x->dual_side && call_given(c, P_REDUCE_ONLY)) return reply_fail(r, -1106, "reduceonly");
    return true;
}

bool order_only_reduces(const struct exchange *x, const struct call *c) {
    ASSERT(c->side < SIDE_COUNT);
    if (!x->dual_side) return c->reduce_only;
    return (c->position_side == POSITION_LONG) == (c->side == SIDE_SELL);
}

static bool check_parameters(const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!call_given(c, P_SIDE)) return reply_fail(r, -1102, "side");
    if (!call_given(c, P_TYPE)) return reply_fail(r, -1102, "type");
    if (order_rules_conditional(c->type)) return reply_fail(r, -4120, NULL);
    if (!call_given(c, P_QUANTITY)) return reply_fail(r, -1102, "quantity");
    if (c->type == ORDER_MARKET) {
        if (call_given(c, P_TIME_IN_FORCE)) return reply_fail(r, -1106, "timeInForce");
        return call_given(c, P_PRICE) ? reply_fail(r, -1106, "price") : true;
    }
    if (!call_given(c, P_TIME_IN_FORCE)) return reply_fail(r, -1102, "timeInForce");
    if (!call_given(c, P_PRICE)) return reply_fail(r, -1102, "price");
    if (c->time_in_force == TIF_GTD && !call_given(c, P_GOOD_TILL_DATE))
        return reply_fail(r, -1102, "goodTillDate");
    return true;
}

// Section 5.1: more than 600 s ahead and before the year 10000.
static bool check_good_till(const struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (c->type != ORDER_LIMIT || c->time_in_force != TIF_GTD) return true;
    bool good = c->good_till_us > x->now_us + 10 * MINUTE_US && c->good_till_us < INT64_C(253402300799000000);
    return good ? true : reply_fail(r, -5040, NULL);
}

static bool check_client_id(const struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!call_given(c, P_CLIENT_ID)) return true;
    int32_t code = client_id_check(c->client_id);
    if (code == -1100) {
        return reply_fail_text(r, -1100,
                               "Illegal characters found in parameter 'newClientOrderId'; legal range is "
                               "'^[\\.A-Z\\:/a-z0-9_-]{1,36}$'.");
    }
    if (code == -4015) return reply_fail_text(r, -4015, "Client order id is not valid.");
    return order_find_open_id(x, c->client_id) ? reply_fail(r, -4116, NULL) : true;
}

static int64_t order_notional_e8(const struct market *m, const struct call *c) {
    ASSERT(m->last_e8 >= 0);
    int64_t price = c->type == ORDER_MARKET ? m->last_e8 : c->price_e8;
    return price == 0 ? 0 : dec_mul_round(c->quantity_e8, price);
}

static bool check_bracket(const struct exchange *x, const struct market *m, const struct call *c,
                          int64_t notional, struct reply *r) {
    ASSERT(notional >= 0);
    ASSERT(m->notional_max_e8 > 0);
    ASSERT(r->code == 0);
    uint8_t side = x->dual_side ? c->position_side : POSITION_BOTH;
    int64_t now = dec_mul_round(m->positions[side].amount_e8, market_mark_e8(m));
    int64_t then = c->side == SIDE_BUY ? now + m->open_notional_e8[SIDE_BUY] + notional
                                       : now - m->open_notional_e8[SIDE_SELL] - notional;
    bool beyond = num_abs(then) > num_abs(now) && num_abs(then) > m->notional_max_e8;
    return beyond ? reply_fail(r, -2027, NULL) : true;
}

// What the order adds to the margin in use, and its fee, must be available. Orders that add nothing are free.
static bool check_margin(const struct exchange *x, const struct market *m, const struct call *c,
                         int64_t notional, struct reply *r) {
    ASSERT(notional >= 0);
    ASSERT(m->leverage >= 1);
    ASSERT(r->code == 0);
    int64_t notionals[SIDE_COUNT] = { m->open_notional_e8[SIDE_BUY], m->open_notional_e8[SIDE_SELL] };
    int64_t before = order_margin_e8(m, notionals, x->dual_side);
    notionals[c->side == SIDE_SELL] += notional;
    int64_t more = order_margin_e8(m, notionals, x->dual_side) - before;
    if (more <= 0) return true;
    int64_t rate = c->type == ORDER_MARKET ? x->config.taker_e8 : x->config.maker_e8;
    more += dec_mul_round(notional, rate);
    return account_available_e8(x) >= more ? true : reply_fail(r, -2019, NULL);
}

static bool check_reduce(const struct exchange *x, const struct market *m, const struct call *c,
                         struct reply *r) {
    ASSERT(r->code == 0);
    if (!order_only_reduces(x, c)) return true;
    uint8_t side = x->dual_side ? c->position_side : POSITION_BOTH;
    int64_t most = reducible_e8(m, c->side, side);
    bool bad = most == 0 || (x->dual_side && c->quantity_e8 > most);
    return bad ? reply_fail(r, -2022, NULL) : true;
}

bool order_check(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!check_parameters(c, r)) return false;
    if (c->symbol < 0 || c->symbol >= x->symbol_count) {
        return call_given(c, P_SYMBOL) ? reply_fail(r, -1121, NULL) : reply_fail(r, -1102, "symbol");
    }
    const struct market *m = &x->markets[c->symbol];
    if (!market_trades(m, r) || !check_client_id(x, c, r)) return false;
    bool reducing = order_only_reduces(x, c);
    int32_t code =
        filter_order(m->s, c, market_mark_e8(m), m->last_e8, reducing, r->message, sizeof r->message);
    if (code != 0) return reply_fail_text(r, code, NULL);
    if (!check_good_till(x, c, r) || !position_side_check(x, c, r) || !check_reduce(x, m, c, r)) return false;
    if (c->type == ORDER_LIMIT && m->resting.count >= m->s->orders_max && m->s->orders_max > 0) {
        return reply_fail(r, -2025, NULL);
    }
    if (reducing) return true;
    int64_t notional = order_notional_e8(m, c);
    return check_bracket(x, m, c, notional, r) && check_margin(x, m, c, notional, r);
}

// Refusals the price of the moment decides, before anything is recorded.
static bool check_matching(const struct market *m, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (m->book) return book_check(m, c, r);
    if (c->type != ORDER_LIMIT || m->last_e8 == 0) return true;
    bool crossing = crosses(c->side, c->price_e8, m->last_e8);
    if (c->time_in_force == TIF_GTX && crossing) return reply_fail(r, -5022, NULL);
    if (c->time_in_force == TIF_FOK && !crossing && m->open) return reply_fail(r, -5021, NULL);
    return true;
}

// ---- placing, changing, cancelling ----

static struct order *order_make(struct exchange *x, const struct market *m, const struct call *c,
                                bool reducing) {
    ASSERT(c->quantity_e8 > 0);
    ASSERT(c->symbol == m->index);
    struct order *o = order_new(x);
    struct order_record *r = &o->r;
    r->symbol = m->index;
    r->side = c->side;
    r->type = r->orig_type = c->type;
    r->status = STATUS_NEW;
    r->time_in_force = c->type == ORDER_LIMIT ? c->time_in_force : TIF_GTC;
    r->position_side = x->dual_side ? c->position_side : POSITION_BOTH;
    r->stp_mode = call_given(c, P_STP_MODE) ? c->stp_mode : STP_EXPIRE_MAKER;
    r->reduce_only = x->dual_side ? reducing : c->reduce_only;
    r->price_e8 = c->type == ORDER_LIMIT ? c->price_e8 : 0;
    r->price_match = c->price_match;
    r->orig_qty_e8 = c->quantity_e8;
    r->good_till_us = r->time_in_force == TIF_GTD ? c->good_till_us - c->good_till_us % SECOND_US : 0;
    r->time_us = r->update_us = x->now_us;
    if (call_given(c, P_CLIENT_ID)) {
        memcpy(r->client_id, c->client_id, CLIENT_ID_MAX);
    } else {
        client_id_make(r->client_id, (uint64_t)r->order_id);
        o->generated = true;
    }
    o->open_notional_e8 = reducing ? 0 : order_notional_e8(m, c);
    x->totals.orders++;
    return o;
}

// Without an open bar: an order that would trade, or whose fill depends on the price, waits for the open.
static bool must_wait(const struct market *m, const struct order *o) {
    ASSERT(o->r.symbol == m->index);
    if (o->r.type == ORDER_MARKET || m->last_e8 == 0) return true;
    if (o->r.time_in_force == TIF_IOC || o->r.time_in_force == TIF_FOK) return true;
    return crosses(o->r.side, o->r.price_e8, m->last_e8);
}

// A price taken from the book at entry stands for one that was sent; NULL and the refusal when there is none.
static const struct call *price_matched(const struct exchange *x, const struct call *c, struct call *copy,
                                        struct reply *r) {
    ASSERT(r->code == 0);
    if (!call_given(c, P_PRICE_MATCH) || c->price_match == MATCH_NONE) return c;
    if (c->type != ORDER_LIMIT && call_given(c, P_TYPE)) return reply_fail(r, -5038, NULL), NULL;
    if (call_given(c, P_PRICE)) return reply_fail(r, -1106, "price"), NULL;
    if (c->symbol < 0 || c->symbol >= x->symbol_count) return c;
    static const int32_t places[MATCH_COUNT] = { 0, 0, 4, 9, 19, 0, 4, 9, 19 };
    const struct market *m = &x->markets[c->symbol];
    if (!market_trades(m, r)) return NULL;
    bool other = c->price_match < MATCH_QUEUE;
    int32_t side = (c->side == SIDE_BUY) == other ? SIDE_SELL : SIDE_BUY;
    const struct level_record *level = m->book ? book_level(m->book, side, places[c->price_match]) : NULL;
    int64_t price = level ? level->price_e8 : m->book ? 0 : m->last_e8;
    if (price == 0) return reply_fail(r, -5041, NULL), NULL;
    *copy = *c;
    copy->price_e8 = price;
    copy->given |= UINT64_C(1) << P_PRICE;
    return copy;
}

bool order_place(struct exchange *x, const struct call *c, uint64_t token, bool may_wait, struct reply *r,
                 struct order_record *out) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct call copy;
    c = price_matched(x, c, &copy, r);
    if (!c || !order_check(x, c, r)) return true;
    struct market *m = &x->markets[c->symbol];
    if (!check_matching(m, c, r)) return true;
    struct order *o = order_make(x, m, c, order_only_reduces(x, c));
    bool result = call_given(c, P_RESP_TYPE) && c->resp_type == RESP_RESULT;
    reply_rows(r, RECORD_ORDER, false, 1, out);
    if (m->open || m->book) {
        *out = o->r;
        enter(x, m, o);
        if (result) *out = o->r;
        return true;
    }
    if (!must_wait(m, o)) {
        order_announce(x, o);
        order_link(x, o, PLACE_RESTING);
        *out = o->r;
        return true;
    }
    bool decided_late = o->r.time_in_force == TIF_FOK || o->r.time_in_force == TIF_GTX;
    if (!decided_late) order_announce(x, o);
    order_link(x, o, PLACE_WAITING);
    o->token = token;
    o->answer_due = may_wait && (result || decided_late);
    *out = o->r;
    return !o->answer_due;
}

static struct order *order_meant(struct exchange *x, const struct call *c, int32_t unknown, struct reply *r) {
    ASSERT(unknown < 0);
    ASSERT(r->code == 0);
    if (c->symbol < 0 || c->symbol >= x->symbol_count) {
        reply_fail(r, call_given(c, P_SYMBOL) ? -1121 : -1102, "symbol");
        return NULL;
    }
    if (!call_given(c, P_ORDER_ID) && !call_given(c, P_ORIG_CLIENT_ID)) {
        reply_fail_text(r, -1102,
                        "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!");
        return NULL;
    }
    struct order *o = order_find(x, c->symbol, c->order_id, c->orig_client_id);
    if (!o || o->place == PLACE_NONE) {
        reply_fail(r, unknown, NULL);
        return NULL;
    }
    return o;
}

bool order_cancel(struct exchange *x, const struct call *c, struct reply *r, struct order_record *out) {
    ASSERT(r->code == 0);
    struct order *o = order_meant(x, c, -2011, r);
    if (!o) return false;
    order_end(x, o, STATUS_CANCELED, REASON_NONE);
    ASSERT(o->place == PLACE_NONE);
    *out = o->r;
    reply_rows(r, RECORD_ORDER, false, 1, out);
    return true;
}

static bool check_change(struct exchange *x, struct market *m, const struct order *o, const struct call *c,
                         struct reply *r) {
    ASSERT(o->place != PLACE_NONE);
    ASSERT(r->code == 0);
    struct call wanted = *c;
    wanted.type = ORDER_LIMIT;
    wanted.side = o->r.side;
    wanted.position_side = o->r.position_side;
    wanted.reduce_only = o->r.reduce_only;
    wanted.given |= UINT64_C(1) << P_TYPE | UINT64_C(1) << P_SIDE;
    bool reducing = order_closes(o);
    int32_t code =
        filter_order(m->s, &wanted, market_mark_e8(m), m->last_e8, reducing, r->message, sizeof r->message);
    if (code != 0) return reply_fail_text(r, code, NULL);
    if (reducing) return true;
    m->open_notional_e8[o->r.side] -= o->open_notional_e8;   // as if the old one were gone
    int64_t notional = order_notional_e8(m, &wanted);
    bool good = check_bracket(x, m, &wanted, notional, r) && check_margin(x, m, &wanted, notional, r);
    ASSERT(m->open_notional_e8[o->r.side] >= 0);
    m->open_notional_e8[o->r.side] += o->open_notional_e8;
    return good;
}

// Section 5.2: a modified order loses its place; not larger than what is executed, or GTX that would cross:
// cancelled.
bool order_modify(struct exchange *x, const struct call *c, struct reply *r, struct order_record *out) {
    ASSERT(r->code == 0);
    struct call copy;
    c = price_matched(x, c, &copy, r);
    if (!c) return false;
    if (!call_given(c, P_QUANTITY)) return reply_fail(r, -1102, "quantity");
    if (!call_given(c, P_PRICE)) return reply_fail(r, -1102, "price");
    struct order *o = order_meant(x, c, -2013, r);
    if (!o) return false;
    if (o->r.type != ORDER_LIMIT) return reply_fail(r, -5025, NULL);
    if (call_given(c, P_SIDE) && c->side != o->r.side) return reply_fail(r, -1117, NULL);
    if (call_given(c, P_REDUCE_ONLY) && c->reduce_only && !o->r.reduce_only)
        return reply_fail(r, -5047, NULL);
    if (c->price_e8 == o->r.price_e8 && c->quantity_e8 == o->r.orig_qty_e8) return reply_fail(r, -5027, NULL);
    struct market *m = &x->markets[c->symbol];
    if (!check_change(x, m, o, c, r)) return false;
    reply_rows(r, RECORD_ORDER_AMENDED, false, 1, out);
    o->r.modify_id = c->modify_id;
    bool crossing = m->book ? book_crossed(m, o->r.side, c->price_e8)
                            : m->last_e8 != 0 && crosses(o->r.side, c->price_e8, m->last_e8);
    if (c->quantity_e8 <= o->r.executed_qty_e8 || (crossing && o->r.time_in_force == TIF_GTX)) {
        order_end(x, o, STATUS_CANCELED, REASON_NONE);
        *out = o->r;
        return true;
    }
    order_unlink(x, o);
    o->r.price_e8 = c->price_e8;
    o->r.price_match = call_given(c, P_PRICE_MATCH) ? c->price_match : MATCH_NONE;
    o->r.orig_qty_e8 = c->quantity_e8;
    ASSERT(o->r.executed_qty_e8 < o->r.orig_qty_e8);
    o->r.update_us = x->now_us;
    o->open_notional_e8 = order_closes(o) ? 0 : dec_mul_round(c->quantity_e8, c->price_e8);
    emit_order(x, o, EXEC_AMENDMENT, REASON_NONE);
    if (m->open || m->book)
        enter(x, m, o);
    else
        order_link(x, o, must_wait(m, o) ? PLACE_WAITING : PLACE_RESTING);
    *out = o->r;
    return true;
}

void orders_cancel_all(struct exchange *x, struct market *m) {
    while (m->resting.first) order_end(x, m->resting.first, STATUS_CANCELED, REASON_NONE);
    while (m->waiting.first) order_end(x, m->waiting.first, STATUS_CANCELED, REASON_NONE);
    ASSERT(m->resting.count == 0 && m->waiting.count == 0);
}

void orders_expire_due(struct exchange *x, struct market *m) {
    ASSERT(m->resting.count >= 0);
    for (struct order *o = m->resting.first, *next; o; o = next) {
        next = o->next;
        if (o->r.good_till_us != 0 && o->r.good_till_us <= x->now_us)
            order_end(x, o, STATUS_EXPIRED, REASON_NONE);
    }
}

// The order a trigger makes: no filters again, only what the moment decides.
int32_t order_from_algo(struct exchange *x, struct algo *a) {
    ASSERT(!a->open);
    ASSERT(a->r.actual_order_id == 0);
    struct market *m = &x->markets[a->r.symbol];
    bool limit = a->r.type == ORDER_STOP || a->r.type == ORDER_TAKE_PROFIT;
    struct call c = { .symbol = a->r.symbol,
                      .side = a->r.side,
                      .position_side = a->r.position_side,
                      .type = limit ? ORDER_LIMIT : ORDER_MARKET,
                      .time_in_force = a->r.time_in_force,
                      .quantity_e8 = a->r.quantity_e8,
                      .price_e8 = a->r.price_e8,
                      .stp_mode = a->r.stp_mode,
                      .good_till_us = a->r.good_till_us,
                      .reduce_only = a->r.reduce_only || a->r.close_position };
    c.given = UINT64_C(1) << P_STP_MODE | UINT64_C(1) << P_CLIENT_ID;
    memcpy(c.client_id, a->r.client_id, CLIENT_ID_MAX);
    if (order_find_open_id(x, c.client_id)) c.given = UINT64_C(1) << P_STP_MODE;
    bool reducing = order_only_reduces(x, &c);
    struct reply refusal = { .status = 200 };
    if (a->r.price_match != MATCH_NONE) {
        struct call matched;
        c.price_match = a->r.price_match;
        c.given |= UINT64_C(1) << P_PRICE_MATCH;
        if (!price_matched(x, &c, &matched, &refusal)) return refusal.code;
        c = matched;
    }
    if (a->r.close_position) c.quantity_e8 = reducible_e8(m, c.side, c.position_side);
    if (reducing && reducible_e8(m, c.side, c.position_side) == 0) return -2022;
    int64_t notional = order_notional_e8(m, &c);
    if (!reducing &&
        !(check_bracket(x, m, &c, notional, &refusal) && check_margin(x, m, &c, notional, &refusal))) {
        return refusal.code;
    }
    struct order *o = order_make(x, m, &c, reducing);
    o->r.orig_type = a->r.type;
    o->r.stop_price_e8 = a->r.trigger_price_e8;
    o->r.working_type = a->r.working_type;
    o->r.close_position = a->r.close_position;
    o->r.activate_price_e8 = a->r.activate_price_e8;
    o->r.callback_rate_e8 = a->r.callback_rate_e8;
    o->algo = a;
    a->r.actual_order_id = o->r.order_id;
    algo_triggered(x, a);
    enter(x, m, o);
    return 0;
}

// account.c: bookings and sums. A position keeps its cost as a whole 128-bit product, so that realized and
// unrealized results always add up: what rounding a partial close drops stays in the cost of the rest.
#include "sim/account.h"

#include "base/array.h"
#include "base/assert.h"
#include "base/num.h"

#include <stdlib.h>

static void income_add(struct exchange *x, uint8_t type, int16_t symbol, int64_t income_e8,
                       int64_t trade_id) {
    ASSERT(x->income_count >= 0);
    ASSERT(symbol >= SYMBOL_NONE && symbol < x->symbol_count);
    ASSERT(income_e8 != 0);
    ARRAY_ROOM(x->incomes, x->income_size, x->income_count + 1);
    x->incomes[x->income_count++] = (struct income_row){
        .income_e8 = income_e8, .time_us = x->now_us, .trade_id = trade_id, .symbol = symbol, .type = type
    };
}

static void check_wallet(const struct exchange *x) {
    const struct exchange_totals *t = &x->totals;
    ASSERT(x->wallet_e8 ==
           x->config.wallet_e8 + t->realized_e8 - t->fees_e8 + t->funding_e8 + t->insurance_e8);
    ASSERT(x->isolated_e8 >= 0);
}

int64_t position_entry_e8(const struct position *p) {
    ASSERT((p->cost_e16 == 0) >= (p->amount_e8 == 0));
    if (p->amount_e8 == 0) return 0;
    wide_e16 a = p->amount_e8;
    wide_e16 half = (a < 0 ? -a : a) / 2;
    return (int64_t)((p->cost_e16 + ((p->cost_e16 < 0) == (a < 0) ? (p->cost_e16 < 0 ? -half : half) : 0)) /
                     a);
}

int64_t position_unrealized_e8(const struct position *p, int64_t mark_e8) {
    ASSERT(mark_e8 >= 0);
    ASSERT((p->cost_e16 == 0) >= (p->amount_e8 == 0));
    if (p->amount_e8 == 0 || mark_e8 == 0) return 0;
    return e16_round((wide_e16)p->amount_e8 * mark_e8 - p->cost_e16);
}

static int64_t notional_e8(const struct position *p, int64_t mark_e8) {
    ASSERT(mark_e8 >= 0);
    return num_abs(dec_mul_round(p->amount_e8, mark_e8));
}

static int64_t maintenance_of(const struct symbol *s, int64_t notional) {
    ASSERT(notional >= 0);
    ASSERT(s->bracket_count > 0);
    const struct bracket *b = symbol_bracket(s, notional);
    int64_t value = dec_mul_round(notional, b->maint_ratio_e8) - b->cum_e8;
    return num_max(value, 0);
}

int64_t position_maintenance_e8(const struct market *m, const struct position *p, int64_t mark_e8) {
    ASSERT(m->s->bracket_count > 0);
    return p->amount_e8 == 0 ? 0 : maintenance_of(m->s, notional_e8(p, mark_e8));
}

int64_t position_margin_e8(const struct market *m, const struct position *p, int64_t mark_e8) {
    ASSERT(m->leverage >= 1);
    ASSERT(m->leverage <= LEVERAGE_MAX);
    return p->amount_e8 == 0 ? 0 : notional_e8(p, mark_e8) / m->leverage;
}

// Break even: the entry moved by the fees and results of this position, against it.
int64_t position_break_even_e8(const struct position *p) {
    ASSERT(p->isolated_e8 >= 0);
    if (p->amount_e8 == 0) return 0;
    return position_entry_e8(p) + dec_div_round(p->costs_e8, p->amount_e8);
}

bool market_flat(const struct market *m) {
    return m->positions[0].amount_e8 == 0 && m->positions[1].amount_e8 == 0 && m->positions[2].amount_e8 == 0;
}

// One-way: the larger of what the position would be after all bids or all asks, less what it is (section 10).
int64_t order_margin_e8(const struct market *m, const int64_t open_notional_e8[SIDE_COUNT], bool dual_side) {
    ASSERT(open_notional_e8[SIDE_BUY] >= 0);
    ASSERT(open_notional_e8[SIDE_SELL] >= 0);
    ASSERT(m->leverage >= 1);
    if (open_notional_e8[SIDE_BUY] == 0 && open_notional_e8[SIDE_SELL] == 0) return 0;
    if (dual_side) return (open_notional_e8[SIDE_BUY] + open_notional_e8[SIDE_SELL]) / m->leverage;
    int64_t now = dec_mul_round(m->positions[POSITION_BOTH].amount_e8, market_mark_e8(m));
    int64_t bought = num_abs(now + open_notional_e8[SIDE_BUY]);
    int64_t sold = num_abs(now - open_notional_e8[SIDE_SELL]);
    int64_t largest = num_max(bought, sold);
    return largest > num_abs(now) ? (largest - num_abs(now)) / m->leverage : 0;
}

int64_t account_cross_wallet_e8(const struct exchange *x) {
    ASSERT(x->isolated_e8 >= 0);
    return x->wallet_e8 - x->isolated_e8;
}

static int64_t unrealized(const struct exchange *x, bool cross_only) {
    ASSERT(x->symbol_count > 0);
    int64_t sum = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *m = &x->markets[i];
        if (cross_only && m->margin_type == MARGIN_ISOLATED) continue;
        for (int k = 0; k < POSITION_SIDE_COUNT; k++)
            sum += position_unrealized_e8(&m->positions[k], market_mark_e8(m));
    }
    return sum;
}

int64_t account_cross_unrealized_e8(const struct exchange *x) { return unrealized(x, true); }
int64_t account_unrealized_e8(const struct exchange *x) { return unrealized(x, false); }

int64_t account_maintenance_e8(const struct exchange *x, bool cross_only) {
    int64_t sum = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *m = &x->markets[i];
        if (cross_only && m->margin_type == MARGIN_ISOLATED) continue;
        for (int k = 0; k < POSITION_SIDE_COUNT; k++)
            sum += position_maintenance_e8(m, &m->positions[k], market_mark_e8(m));
    }
    return sum;
}

int64_t account_position_margin_e8(const struct exchange *x) {
    ASSERT(x->symbol_count > 0);
    int64_t sum = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *m = &x->markets[i];
        for (int k = 0; k < POSITION_SIDE_COUNT; k++)
            sum += position_margin_e8(m, &m->positions[k], market_mark_e8(m));
    }
    return sum;
}

int64_t account_order_margin_e8(const struct exchange *x) {
    ASSERT(x->symbol_count > 0);
    int64_t sum = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        sum += order_margin_e8(&x->markets[i], x->markets[i].open_notional_e8, x->dual_side);
    }
    return sum;
}

int64_t account_available_e8(const struct exchange *x) {
    int64_t free_e8 = account_cross_wallet_e8(x);
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *m = &x->markets[i];
        free_e8 -= order_margin_e8(m, m->open_notional_e8, x->dual_side);
        if (m->margin_type == MARGIN_ISOLATED) continue;   // its margin has left the crossed wallet already
        for (int k = 0; k < POSITION_SIDE_COUNT; k++) {
            const struct position *p = &m->positions[k];
            if (p->amount_e8 == 0) continue;
            free_e8 +=
                position_unrealized_e8(p, market_mark_e8(m)) - position_margin_e8(m, p, market_mark_e8(m));
        }
    }
    return num_max(free_e8, 0);
}

bool account_exhausted(const struct exchange *x) {
    int64_t need = account_maintenance_e8(x, true);
    ASSERT(need >= 0);
    return need > 0 && need >= account_cross_wallet_e8(x) + account_cross_unrealized_e8(x);
}

// Solves maintenance(p) = balance(p) for the price of `m`, all other prices as they are. Balance and
// maintenance are straight lines inside a bracket; the bracket is that of the answer, so a few rounds find it
// (section 10).
static int64_t solve(const struct market *m, const struct position *const *p, int32_t count,
                     wide_e16 rest_e16, bool *falling, bool *whole) {
    ASSERT(count > 0);
    ASSERT(count <= POSITION_SIDE_COUNT);
    int64_t price = market_mark_e8(m);
    int64_t answer = 0;
    for (int round = 0; round < SYMBOL_BRACKETS_MAX; round++) {
        wide_e16 constant = rest_e16, slope = 0;
        for (int32_t i = 0; i < count; i++) {
            const struct bracket *b = symbol_bracket(m->s, notional_e8(p[i], price));
            constant += (wide_e16)b->cum_e8 * DEC_ONE - p[i]->cost_e16;
            slope +=
                (wide_e16)p[i]->amount_e8 * DEC_ONE - (wide_e16)num_abs(p[i]->amount_e8) * b->maint_ratio_e8;
        }
        if (slope == 0) return 0;
        *falling = slope > 0;
        wide_e16 level = -constant * DEC_ONE / slope;
        if (level <= 0 || level > DEC_MAX / 2) return 0;
        answer = (int64_t)level;
        *whole = -constant * DEC_ONE % slope == 0;
        ASSERT(answer >= 0);
        if (answer == price) break;
        price = answer;
    }
    return answer;
}

int64_t liquidation_price_e8(const struct exchange *x, const struct market *m, int32_t position_side,
                             bool *falling, bool *whole) {
    ASSERT(position_side >= 0 && position_side < POSITION_SIDE_COUNT);
    const struct position *list[POSITION_SIDE_COUNT];
    int32_t count = 0;
    wide_e16 rest;
    *falling = true;
    *whole = false;
    if (m->margin_type == MARGIN_ISOLATED) {
        const struct position *p = &m->positions[position_side];
        if (p->amount_e8 == 0) return 0;
        list[count++] = p;
        rest = (wide_e16)p->isolated_e8 * DEC_ONE;
        return solve(m, list, count, rest, falling, whole);
    }
    for (int k = 0; k < POSITION_SIDE_COUNT; k++) {
        if (m->positions[k].amount_e8 != 0) list[count++] = &m->positions[k];
    }
    if (count == 0) return 0;
    rest = (wide_e16)account_cross_wallet_e8(x) * DEC_ONE;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *o = &x->markets[i];
        if (o == m || o->margin_type == MARGIN_ISOLATED) continue;
        for (int k = 0; k < POSITION_SIDE_COUNT; k++) {
            const struct position *p = &o->positions[k];
            if (p->amount_e8 == 0) continue;
            rest += (wide_e16)(position_unrealized_e8(p, market_mark_e8(o)) -
                               position_maintenance_e8(o, p, market_mark_e8(o))) *
                    DEC_ONE;
        }
    }
    return solve(m, list, count, rest, falling, whole);
}

static void isolate(struct exchange *x, struct position *p, int64_t change_e8) {
    p->isolated_e8 += change_e8;
    x->isolated_e8 += change_e8;
    ASSERT(p->isolated_e8 >= 0);
    ASSERT(x->isolated_e8 >= p->isolated_e8);
}

// Takes `closing` (of the sign of the position) off and returns the result.
static int64_t reduce(struct exchange *x, struct position *p, int64_t closing_e8, int64_t price_e8) {
    ASSERT(price_e8 > 0);
    ASSERT((closing_e8 < 0) == (p->amount_e8 < 0));
    ASSERT(closing_e8 != 0 && num_abs(closing_e8) <= num_abs(p->amount_e8));
    wide_e16 share = p->cost_e16;
    wide_e16 value = (wide_e16)closing_e8 * price_e8;
    bool whole = closing_e8 == p->amount_e8;
    if (!whole) {   // quotient and remainder apart: the plain product would not fit 128 bits
        share =
            p->cost_e16 / p->amount_e8 * closing_e8 + p->cost_e16 % p->amount_e8 * closing_e8 / p->amount_e8;
    }
    int64_t realized = e16_round(value - share);
    int64_t released = whole ? p->isolated_e8 : dec_mul_div_round(p->isolated_e8, closing_e8, p->amount_e8);
    if (p->isolated_e8 != 0) isolate(x, p, -released);
    p->cost_e16 = whole ? 0 : p->cost_e16 - value + (wide_e16)realized * DEC_ONE;
    p->amount_e8 -= closing_e8;
    ASSERT(p->amount_e8 != 0 || p->cost_e16 == 0);
    ASSERT(p->amount_e8 != 0 || p->isolated_e8 == 0);
    if (p->amount_e8 == 0)
        p->costs_e8 = 0;
    else
        p->costs_e8 -= realized;
    return realized;
}

static void enlarge(struct exchange *x, struct market *m, struct position *p, int64_t qty_e8,
                    int64_t price_e8) {
    ASSERT((p->amount_e8 < 0) == (qty_e8 < 0) || p->amount_e8 == 0);
    ASSERT(m->leverage >= 1);
    p->amount_e8 += qty_e8;
    p->cost_e16 += (wide_e16)qty_e8 * price_e8;
    if (m->margin_type == MARGIN_ISOLATED) {
        isolate(x, p, num_abs(dec_mul_round(qty_e8, price_e8)) / m->leverage);
    }
}

int64_t account_fill(struct exchange *x, struct market *m, int32_t position_side, int64_t qty_e8,
                     int64_t price_e8, int64_t fee_e8, int64_t trade_id) {
    ASSERT(position_side >= 0 && position_side < POSITION_SIDE_COUNT);
    ASSERT(qty_e8 != 0);
    ASSERT(price_e8 > 0);
    struct position *p = &m->positions[position_side];
    int64_t realized = 0;
    bool opposing = p->amount_e8 != 0 && (p->amount_e8 < 0) != (qty_e8 < 0);
    int64_t rest = qty_e8;
    if (opposing) {   // a fill larger than the position closes it and opens the rest the other way
        int64_t closing = num_abs(qty_e8) < num_abs(p->amount_e8) ? -qty_e8 : p->amount_e8;
        realized = reduce(x, p, closing, price_e8);
        rest = qty_e8 + closing;
    }
    if (rest != 0) enlarge(x, m, p, rest, price_e8);
    ASSERT(position_side != POSITION_LONG || p->amount_e8 >= 0);
    ASSERT(position_side != POSITION_SHORT || p->amount_e8 <= 0);
    if (p->amount_e8 != 0) p->costs_e8 += fee_e8;
    p->realized_e8 += realized;
    p->update_us = x->now_us;

    x->wallet_e8 += realized - fee_e8;
    x->totals.realized_e8 += realized;
    x->totals.fees_e8 += fee_e8;
    if (realized != 0) income_add(x, INCOME_REALIZED_PNL, m->index, realized, trade_id);
    if (fee_e8 != 0) income_add(x, INCOME_COMMISSION, m->index, -fee_e8, trade_id);
    m->dirty = x->any_dirty = true;
    check_wallet(x);
    return realized;
}

void account_funding(struct exchange *x, struct market *m, const struct funding *f) {
    ASSERT(f->mark_e8 >= 0);
    ASSERT(f->time_us <= x->now_us);
    int64_t mark = f->mark_e8;
    if (mark == 0) return;
    for (int k = 0; k < POSITION_SIDE_COUNT; k++) {
        struct position *p = &m->positions[k];
        if (p->amount_e8 == 0) continue;
        int64_t paid = dec_mul_round(dec_mul_round(p->amount_e8, mark), f->rate_e8);
        if (paid == 0) continue;
        x->wallet_e8 -= paid;
        x->totals.funding_e8 -= paid;
        p->costs_e8 += paid;
        if (m->margin_type == MARGIN_ISOLATED) {
            int64_t change = p->isolated_e8 - paid < 0 ? -p->isolated_e8 : -paid;
            isolate(x, p, change);
        }
        income_add(x, INCOME_FUNDING_FEE, m->index, -paid, 0);
    }
    m->dirty = x->any_dirty = true;
    check_wallet(x);
}

bool account_transfer(struct exchange *x, int64_t amount_e8) {
    ASSERT(x->symbol_count > 0);
    if (amount_e8 == 0 || (amount_e8 < 0 && -amount_e8 > account_available_e8(x))) return false;
    x->wallet_e8 += amount_e8;
    x->config.wallet_e8 += amount_e8;   // what it began with: sums of results stay what they are
    income_add(x, INCOME_TRANSFER, SYMBOL_NONE, amount_e8, 0);
    check_wallet(x);
    return true;
}

void account_insurance(struct exchange *x, struct market *m, int64_t amount_e8) {
    ASSERT(m->index >= 0 && m->index < x->symbol_count);
    if (amount_e8 == 0) return;
    x->wallet_e8 += amount_e8;
    x->totals.insurance_e8 += amount_e8;
    income_add(x, INCOME_INSURANCE_CLEAR, m->index, amount_e8, 0);
    m->dirty = x->any_dirty = true;
    check_wallet(x);
}

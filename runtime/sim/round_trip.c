// round_trip.c: walks the fills and, beside them, the rows of income that no fill carries (funding, liquidation fees).
#include "sim/round_trip.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/dec.h"
#include "base/num.h"

#include <stdlib.h>

typedef __int128 wide_e16;

struct trip {
    struct round_trip r;
    int64_t amount_e8;   // held now, signed
    int64_t entry_e8, exit_e8;
    wide_e16 entry_e16, exit_e16;
};

struct round_trips {
    const struct exchange *x;
    int64_t fill, income;
    int64_t loose_at;   // the row of income that `loose` is; -1: none
    struct income_record loose;
    int32_t open_count;
    int64_t held_since_us, held_us;
    struct trip *open;   // [symbol][side]
    bool closed_waits;   // a trade is held back while what belongs to its end is read
    bool fee_taken;      // its liquidation fee has been
    struct round_trip closed;
    int64_t rest_e8, rest_fee_e8;   // of a fill that flips: what opens the next trade
    int32_t left;                   // of the open ones at the end, already told
};

struct round_trips *round_trips_new(const struct exchange *x) {
    struct round_trips *t = alloc_zeroed(1, sizeof *t);
    t->x = x;
    t->loose_at = -1;
    t->open = alloc_zeroed((size_t)(SYMBOLS_MAX * POSITION_SIDE_COUNT), sizeof *t->open);
    return t;
}

void round_trips_free(struct round_trips *t) {
    if (!t) return;
    free(t->open);
    free(t);
}

static struct trip *trip_of(struct round_trips *t, int16_t symbol, int32_t side) {
    ASSERT(symbol >= 0 && symbol < SYMBOLS_MAX);
    ASSERT(side >= 0 && side < POSITION_SIDE_COUNT);
    return &t->open[symbol * POSITION_SIDE_COUNT + side];
}

static uint8_t reason_of(const struct exchange *x, int64_t order_id) {
    const struct order_record *o = exchange_order(x, order_id);
    if (!o) return TRIP_SIGNAL;
    if (o->type == ORDER_LIQUIDATION) return TRIP_LIQUIDATION;
    switch (o->orig_type) {
    case ORDER_STOP:
    case ORDER_STOP_MARKET:
    case ORDER_TRAILING_STOP_MARKET: return TRIP_STOP;
    case ORDER_TAKE_PROFIT:
    case ORDER_TAKE_PROFIT_MARKET: return TRIP_TARGET;
    default: return TRIP_SIGNAL;
    }
}

static int64_t average_e8(wide_e16 value_e16, int64_t qty_e8) {
    ASSERT(value_e16 >= 0);
    ASSERT(qty_e8 >= 0);
    return qty_e8 == 0 ? 0 : (int64_t)((value_e16 + qty_e8 / 2) / qty_e8);
}

static void finish(const struct trip *p, struct round_trip *out) {
    ASSERT(p->entry_e8 > 0);
    *out = p->r;
    out->entry_price_e8 = average_e8(p->entry_e16, p->entry_e8);
    out->exit_price_e8 = average_e8(p->exit_e16, p->exit_e8);
    out->open_e8 = p->amount_e8;
    if (p->amount_e8 != 0) out->exit_reason = TRIP_END;
}

static void enter(struct round_trips *t, struct trip *p, const struct trade_record *f, int64_t qty_e8,
                  int64_t fee_e8) {
    ASSERT(qty_e8 != 0);
    ASSERT(p->amount_e8 == 0 || (p->amount_e8 > 0) == (qty_e8 > 0));
    if (p->amount_e8 == 0) {
        *p = (struct trip){ .r = { .entry_us = f->time_us,
                                   .symbol = f->symbol,
                                   .position_side = f->position_side,
                                   .is_long = qty_e8 > 0,
                                   .entry_reason = reason_of(t->x, f->order_id) } };
        if (t->open_count++ == 0) t->held_since_us = f->time_us;
    }
    p->amount_e8 += qty_e8;
    p->entry_e8 += num_abs(qty_e8);
    p->entry_e16 += (wide_e16)num_abs(qty_e8) * f->price_e8;
    p->r.quantity_e8 = num_max(p->r.quantity_e8, num_abs(p->amount_e8));
    p->r.commission_e8 += fee_e8;
    p->r.fills++;
}

// A trade that is closed is told of once what follows it is read.
static void leave(struct round_trips *t, struct trip *p, const struct trade_record *f, int64_t qty_e8,
                  int64_t fee_e8) {
    ASSERT(p->amount_e8 != 0 && (p->amount_e8 > 0) != (qty_e8 > 0));
    ASSERT(num_abs(qty_e8) <= num_abs(p->amount_e8));
    p->amount_e8 += qty_e8;
    p->exit_e8 += num_abs(qty_e8);
    p->exit_e16 += (wide_e16)num_abs(qty_e8) * f->price_e8;
    p->r.realized_e8 += f->realized_pnl_e8;
    p->r.commission_e8 += fee_e8;
    p->r.exit_us = f->time_us;
    p->r.exit_reason = reason_of(t->x, f->order_id);
    p->r.fills++;
    if (p->amount_e8 != 0) return;
    finish(p, &t->closed);
    if (--t->open_count == 0) t->held_us += f->time_us - t->held_since_us;
    t->closed_waits = true;
    t->fee_taken = false;
}

static void take_fill(struct round_trips *t, const struct trade_record *f) {
    ASSERT(f->qty_e8 > 0);
    ASSERT(!t->closed_waits);
    struct trip *p = trip_of(t, f->symbol, f->position_side);
    int64_t qty = f->side == SIDE_BUY ? f->qty_e8 : -f->qty_e8;
    if (p->amount_e8 == 0 || (p->amount_e8 > 0) == (qty > 0)) {
        enter(t, p, f, qty, f->commission_e8);
        return;
    }
    int64_t closing = num_min(num_abs(qty), num_abs(p->amount_e8));
    int64_t fee =
        closing == f->qty_e8 ? f->commission_e8 : dec_mul_div_round(f->commission_e8, closing, f->qty_e8);
    t->rest_e8 = qty > 0 ? qty - closing : qty + closing;
    t->rest_fee_e8 = f->commission_e8 - fee;
    leave(t, p, f, qty > 0 ? closing : -closing, fee);
    ASSERT(t->rest_e8 == 0 || t->closed_waits);
}

// Rows of income that belong to no fill, in the order of booking.
static const struct income_record *loose_income(struct round_trips *t) {
    int64_t count = exchange_income_count(t->x);
    for (; t->income < count; t->income++) {
        if (t->loose_at == t->income) return &t->loose;
        struct income_record n = exchange_income(t->x, t->income);
        if (n.symbol < 0 || (n.type != INCOME_FUNDING_FEE && n.type != INCOME_INSURANCE_CLEAR)) continue;
        t->loose = n;
        t->loose_at = t->income;
        return &t->loose;
    }
    return NULL;
}

// Which of a symbol's positions paid: the rows of one payment come by side, and a long and a short have opposite signs.
static struct trip *payer(struct round_trips *t, const struct income_record *n) {
    struct trip *one_way = trip_of(t, n->symbol, POSITION_BOTH);
    if (one_way->amount_e8 != 0) return one_way;
    struct trip *longs = trip_of(t, n->symbol, POSITION_LONG),
                *shorts = trip_of(t, n->symbol, POSITION_SHORT);
    if (longs->amount_e8 == 0) return shorts->amount_e8 != 0 ? shorts : NULL;
    if (shorts->amount_e8 == 0) return longs;
    if (t->income + 1 == exchange_income_count(t->x)) return shorts;
    struct income_record next = exchange_income(t->x, t->income + 1);
    bool first = next.type == INCOME_FUNDING_FEE && next.symbol == n->symbol && next.time_us == n->time_us;
    return first ? longs : shorts;
}

// Funding falls due before the fills of its instant, the cost of a liquidation after them.
static bool income_comes_first(const struct income_record *n, const struct trade_record *f) {
    if (!f) return true;
    return n->type == INCOME_FUNDING_FEE ? n->time_us <= f->time_us : n->time_us < f->time_us;
}

// A liquidation's fill is followed by its fee, and that, or the last of the account's, by what the fund bore.
static bool of_closed(const struct round_trips *t, const struct income_record *n) {
    if (!t->closed_waits || t->closed.exit_reason != TRIP_LIQUIDATION) return false;
    if (n->type != INCOME_INSURANCE_CLEAR || n->time_us != t->closed.exit_us) return false;
    return n->income_e8 > 0 || (n->symbol == t->closed.symbol && !t->fee_taken);
}

static bool tell_open(struct round_trips *t, struct round_trip *out) {
    for (; t->left < SYMBOLS_MAX * POSITION_SIDE_COUNT; t->left++) {
        if (t->open[t->left].amount_e8 == 0) continue;
        finish(&t->open[t->left++], out);
        return true;
    }
    return false;
}

static void open_rest(struct round_trips *t, const struct trade_record *f) {
    if (t->rest_e8 == 0) return;
    ASSERT(f != NULL);
    enter(t, trip_of(t, f->symbol, f->position_side), f, t->rest_e8, t->rest_fee_e8);
    t->rest_e8 = t->rest_fee_e8 = 0;
}

bool round_trips_next(struct round_trips *t, struct round_trip *out) {
    ASSERT(t->left == 0 || t->fill == exchange_fill_count(t->x));
    while (t->left == 0) {
        const struct income_record *n = loose_income(t);
        if (n && of_closed(t, n)) {
            t->closed.liquidation_e8 -= n->income_e8;
            t->fee_taken = t->fee_taken || n->income_e8 < 0;
            t->income++;
            continue;
        }
        if (t->closed_waits) {
            *out = t->closed;
            t->closed_waits = false;
            open_rest(t, exchange_fill(t->x, t->fill - 1));
            return true;
        }
        const struct trade_record *f =
            t->fill < exchange_fill_count(t->x) ? exchange_fill(t->x, t->fill) : NULL;
        if (n && income_comes_first(n, f)) {
            struct trip *p = n->type == INCOME_FUNDING_FEE ? payer(t, n) : NULL;
            if (p) p->r.funding_e8 += n->income_e8;
            t->income++;
            continue;
        }
        if (!f) break;
        t->fill++;
        take_fill(t, f);
    }
    return tell_open(t, out);
}

int64_t round_trips_held_us(const struct round_trips *t, int64_t end_us) {
    ASSERT(t->open_count >= 0);
    int64_t more = t->open_count > 0 && end_us > t->held_since_us ? end_us - t->held_since_us : 0;
    return t->held_us + more;
}

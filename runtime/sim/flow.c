// flow.c: the background traders of a market with a book.
#include "sim/flow.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/dec.h"
#include "base/rng.h"
#include "sim/bar_trades.h"
#include "trade/names.h"

#include <math.h>
#include <stdlib.h>

enum { SIDE_LEVELS = 600, NEAR_LEVELS = 8, SWEEP_LEVELS = 150, REFILL = 8 };

static const double day_us = 86400e6;
static const double LEVEL_NOTIONAL = 40000;   // USDT of a typical level near the touch
static const double TRADE_NOTIONAL = 4000;    // of a typical trade

struct traders {   // the traders of one symbol
    struct rng rng;
    int16_t index;
    const struct symbol *s;
    double fair;   // synthetic market: where it ought to trade
    double home;   // and what it returns to in the end
    double rate;   // orders a microsecond
    int64_t next_us, last_us;
    bool from_bars;
    struct bar_trades *bars;   // which the price goes by; NULL until the first
};

struct flow {
    struct flow_options o;
    struct exchange *x;
    int32_t count;
    struct traders *traders;
};

static int64_t size_e8(struct traders *c, double notional) {
    ASSERT(notional >= 0);
    double qty = notional / c->fair * (0.1 + rng_exponential(&c->rng)) * (0.5 + rng_double(&c->rng));
    int64_t e8 = dec_floor_to(dec_from_double(qty), c->s->step_e8);
    return e8 > c->s->qty_min_e8 ? e8 : c->s->qty_min_e8;
}

static int64_t on_tick(const struct traders *c, double price) {
    ASSERT(c->s->tick_e8 > 0);
    int64_t e8 = dec_round_to(dec_from_double(price), c->s->tick_e8);
    return e8 > 2 * c->s->tick_e8 ? e8 : 2 * c->s->tick_e8;   // a bid finds room below
}

// `ticks` away from `price`, to the worse side.
static int64_t behind(const struct traders *c, int32_t side, int64_t price, int64_t ticks) {
    ASSERT(side >= 0 && side < SIDE_COUNT);
    return side == SIDE_BUY ? price - ticks * c->s->tick_e8 : price + ticks * c->s->tick_e8;
}

// Near the touch some levels are thin; further out they grow.
static double level_notional(int64_t ticks) {
    ASSERT(ticks >= 0);
    return LEVEL_NOTIONAL * (0.4 + 0.1 * sqrt((double)ticks));
}

static void add(struct flow *f, struct traders *c, int32_t side, int64_t price, double notional,
                int64_t now_us) {
    if (price < c->s->tick_e8) return;   // below the last price that there can be
    int64_t best = book_best_e8(exchange_book_of(f->x, c->index), side_opposite(side));
    if (best != 0 && (side == SIDE_BUY ? price >= best : price <= best)) return;
    exchange_background_add(f->x, c->index, side, price, size_e8(c, notional), now_us);
}

// The book on both sides of a price, dense near it and with growing holes further out.
static void furnish(struct flow *f, struct traders *c, int64_t bid, int64_t ask, int32_t levels,
                    int64_t now_us) {
    for (int side = 0; side < SIDE_COUNT; side++) {
        int64_t ticks = 0;
        for (int32_t i = 0; i < levels; i++) {
            add(f, c, side, behind(c, side, side == SIDE_BUY ? bid : ask, ticks), level_notional(ticks),
                now_us);
            ticks += 1 + (i >= NEAR_LEVELS ? (int64_t)rng_below(&c->rng, 3) : 0);
        }
    }
}

// After trades the makers come back: levels next to the touch are filled, and the spread closed again.
static void requote(struct flow *f, struct traders *c, int64_t bid, int64_t ask, int64_t now_us) {
    ASSERT(ask > bid);
    const struct book *b = exchange_book_of(f->x, c->index);
    for (int side = 0; side < SIDE_COUNT; side++) {
        int64_t touch = side == SIDE_BUY ? bid : ask;
        for (int64_t i = 0; i < NEAR_LEVELS; i++) {
            int64_t price = behind(c, side, touch, i);
            if (price > 0 && book_qty_e8(b, side, price) == 0 && (i == 0 || rng_below(&c->rng, 4) > 0)) {
                add(f, c, side, price, level_notional(i), now_us);
            }
        }
    }
}

// The levels at a side's far end in which the account stands alone: an order far away is no part of the
// traders's book.
static int32_t own_far(const struct flow *f, const struct traders *c, const struct book *b, int32_t side) {
    int32_t n = 0;
    while (n < b->count[side] &&
           exchange_own_at_e8(f->x, c->index, side, b->levels[side][n].price_e8) >= b->levels[side][n].qty_e8)
        n++;
    return n;
}

// Where prices have gone, new levels are offered beyond the last of the others.
static void refill(struct flow *f, struct traders *c, int64_t now_us) {
    const struct book *b = exchange_book_of(f->x, c->index);
    for (int side = 0; side < SIDE_COUNT; side++) {
        int32_t far = own_far(f, c, b, side);
        for (int i = 0; i < REFILL && b->count[side] > far && b->count[side] - far < SIDE_LEVELS; i++) {
            int64_t price =
                behind(c, side, b->levels[side][far].price_e8, 1 + (int64_t)rng_below(&c->rng, 3));
            add(f, c, side, price, level_notional(SIDE_LEVELS), now_us);
        }
    }
}

// Makers far from the touch go, so that a side stays within bounds; the account's orders there stay.
static void trim(struct flow *f, struct traders *c, int64_t now_us) {
    const struct book *b = exchange_book_of(f->x, c->index);
    for (int side = 0; side < SIDE_COUNT; side++) {
        for (int32_t at = 0; b->count[side] > 2 * SIDE_LEVELS && at < b->count[side];) {
            struct level_record worst = b->levels[side][at];
            if (exchange_own_at_e8(f->x, c->index, side, worst.price_e8) > 0) at++;
            exchange_background_cancel(f->x, c->index, side, worst.price_e8, worst.qty_e8, now_us);
        }
    }
}

// Others leave every level of `side` that is better than `price`, or as good when `at` is set; orders of the
// account standing there are taken.
static void clear_to(struct flow *f, struct traders *c, int32_t side, int64_t price, bool at,
                     int64_t now_us) {
    const struct book *b = exchange_book_of(f->x, c->index);
    for (;;) {
        int64_t best = book_best_e8(b, side);
        if (best == 0) return;
        bool beyond = side == SIDE_BUY ? best > price : best < price;
        if (!beyond && !(at && best == price)) return;
        exchange_background_cancel(f->x, c->index, side, best, INT64_MAX, now_us);
        if (book_best_e8(b, side) == best)
            exchange_background_take(f->x, c->index, side_opposite(side), INT64_MAX / 2, best, now_us);
    }
}

// ---- the synthetic market ----

static void walk(const struct flow *f, struct traders *c, int64_t now_us) {
    ASSERT(now_us >= c->last_us);
    double step = f->o.volatility * sqrt((double)(now_us - c->last_us) / day_us);
    double pull = (c->home - c->fair) / (c->home + c->fair) * step * step;
    double change = pull + step * rng_normal(&c->rng);
    c->fair *= 1 + (change > 0.2 ? 0.2 : change < -0.2 ? -0.2 : change);
    c->last_us = now_us;
}

static void sweep(struct flow *f, struct traders *c, int32_t side, int64_t to, int64_t now_us) {
    const struct book *b = exchange_book_of(f->x, c->index);
    int64_t qty = book_available_e8(b, side, to, INT64_MAX / 2);
    int64_t last = book_qty_e8(b, side_opposite(side), to);
    if (last > 0)
        qty -= dec_floor_to((int64_t)((double)last * rng_double(&c->rng)), c->s->step_e8);   // a part stays
    if (qty > 0) exchange_background_take(f->x, c->index, side, qty, to, now_us);
}

static void made_step(struct flow *f, struct traders *c, int64_t now_us) {
    const struct book *b = exchange_book_of(f->x, c->index);
    walk(f, c, now_us);
    int64_t bid = book_best_e8(b, SIDE_BUY), ask = book_best_e8(b, SIDE_SELL);
    // A jump of the fair price is walked there in several sweeps, so that a book stands at each of its steps.
    int64_t fair = on_tick(c, c->fair);
    const struct level_record *far_ask = book_level(b, SIDE_SELL, SWEEP_LEVELS),
                              *far_bid = book_level(b, SIDE_BUY, SWEEP_LEVELS);
    if (far_ask && fair > far_ask->price_e8) fair = far_ask->price_e8;
    if (far_bid && fair < far_bid->price_e8) fair = far_bid->price_e8;
    if (ask != 0 && fair > ask)
        sweep(f, c, SIDE_BUY, fair - c->s->tick_e8 > ask ? fair - c->s->tick_e8 : ask, now_us);
    else if (bid != 0 && fair < bid)
        sweep(f, c, SIDE_SELL, fair + c->s->tick_e8 < bid ? fair + c->s->tick_e8 : bid, now_us);
    double luck = rng_double(&c->rng);
    int32_t side = (int32_t)rng_below(&c->rng, 2);
    const struct level_record *touch = book_level(b, side, 0);
    if (luck < 0.35) {
        int64_t best = book_best_e8(b, side_opposite(side));
        if (best) exchange_background_take(f->x, c->index, side, size_e8(c, TRADE_NOTIONAL), best, now_us);
    } else if (touch && luck < 0.75) {
        int64_t ticks = (int64_t)(rng_exponential(&c->rng) * 10);
        add(f, c, side, behind(c, side, touch->price_e8, ticks), level_notional(ticks) / 4, now_us);
    } else if (b->count[side] > SIDE_LEVELS) {
        const struct level_record *level = book_level(b, side, (int32_t)(rng_exponential(&c->rng) * 20));
        int64_t part =
            level ? dec_ceil_to(level->qty_e8 / 2, c->s->step_e8) : 0;   // fills are of whole steps only
        if (part > 0) exchange_background_cancel(f->x, c->index, side, level->price_e8, part, now_us);
    }
    int64_t spread = f->o.spread_ticks > 1 ? (int64_t)rng_below(&c->rng, (uint64_t)f->o.spread_ticks) : 0;
    bid = fair - c->s->tick_e8;
    ask = fair + spread * c->s->tick_e8;
    requote(f, c, bid, ask, now_us);
    refill(f, c, now_us);
    trim(f, c, now_us);
    c->next_us = now_us + 1 + (int64_t)(rng_exponential(&c->rng) / c->rate);
}

// ---- bars of data ----

static void print(struct flow *f, struct traders *c, int32_t side, int64_t price, int64_t qty,
                  int64_t now_us) {
    ASSERT(price > 0);
    int32_t maker = side_opposite(side);
    qty = dec_floor_to(
        qty, c->s->step_e8);   // data may be finer than the symbol's step; fills of the account may not
    if (qty == 0) return;
    clear_to(f, c, maker, price, false, now_us);
    clear_to(f, c, side, price, true, now_us);
    exchange_background_add(f->x, c->index, maker, price, qty, now_us);
    exchange_background_take(f->x, c->index, side, qty, price, now_us);
}

// The makers come back around a price that was printed.
static void settle_around(struct flow *f, struct traders *c, int64_t price, int64_t now_us) {
    int64_t half = (int64_t)(f->o.spread_ticks / 2);
    c->fair = dec_to_double(price);
    requote(f, c, price - c->s->tick_e8 * (half > 0 ? half : 1), price + c->s->tick_e8 * half, now_us);
    refill(f, c, now_us);
    trim(f, c, now_us);
}

static void followed_step(struct flow *f, struct traders *c, int64_t now_us) {
    ASSERT(c->bars != NULL);
    struct bar_trade t = bar_trades_take(c->bars);
    if (t.bought_e8 > 0) print(f, c, SIDE_BUY, t.price_e8, t.bought_e8, now_us);
    if (t.sold_e8 > 0) print(f, c, SIDE_SELL, t.price_e8, t.sold_e8, now_us);
    settle_around(f, c, t.price_e8, now_us);
    c->next_us = bar_trades_next_us(c->bars);
}

void flow_bar(struct flow *f, int16_t symbol, const struct kline_record *bar,
              const struct exchange_bar *around, int32_t count) {
    ASSERT(symbol >= 0 && symbol < f->count);
    struct traders *c = &f->traders[symbol];
    if (!c->bars) c->bars = bar_trades_new(c->s, f->o.seed * 1000033 + (uint64_t)symbol);
    bar_trades_begin(c->bars, bar, around, count);
    c->from_bars = true;
    c->next_us = bar_trades_next_us(c->bars);
}

void flow_print(struct flow *f, int16_t symbol, int32_t side, int64_t price, int64_t qty, int64_t now_us) {
    ASSERT(symbol >= 0 && symbol < f->count);
    struct traders *c = &f->traders[symbol];
    exchange_advance(f->x, now_us);
    price = dec_round_to(price, c->s->tick_e8);
    if (price < c->s->tick_e8) price = c->s->tick_e8;
    print(f, c, side, price, qty, now_us);
    settle_around(f, c, price, now_us);
}

void flow_still(struct flow *f, int16_t symbol) {
    ASSERT(symbol >= 0);
    f->traders[symbol].from_bars = true;
    f->traders[symbol].next_us = INT64_MAX;
}

// ---- all symbols ----

struct flow *flow_new(const struct flow_options *o, struct exchange *x, int32_t symbol_count,
                      int64_t now_us) {
    ASSERT(symbol_count > 0);
    struct flow *f = alloc_zeroed(1, sizeof *f);
    struct traders *traders = alloc_zeroed((size_t)symbol_count, sizeof *traders);
    *f = (struct flow){ *o, x, symbol_count, traders };
    for (int32_t i = 0; i < symbol_count; i++) {
        struct traders *c = &traders[i];
        rng_init(&c->rng, o->seed * 1000003 + (uint64_t)i);
        c->index = (int16_t)i;
        c->s = exchange_symbol(x, (int16_t)i);
        c->fair = c->home = dec_to_double(exchange_last_e8(x, (int16_t)i));
        c->rate = o->rate / (1 + 0.7 * i) / 1e6;
        c->last_us = now_us;
        c->next_us = now_us + 1 + (int64_t)(rng_exponential(&c->rng) / c->rate);
        int64_t fair = on_tick(c, c->fair);
        furnish(f, c, fair - c->s->tick_e8, fair, SIDE_LEVELS, now_us);
    }
    return f;
}

void flow_free(struct flow *f) {
    if (!f) return;
    for (int32_t i = 0; i < f->count; i++) bar_trades_free(f->traders[i].bars);
    free(f->traders);
    free(f);
}

int64_t flow_next_us(const struct flow *f) {
    ASSERT(f->traders != NULL);
    int64_t next = INT64_MAX;
    for (int32_t i = 0; i < f->count; i++) {
        if (f->traders[i].next_us < next) next = f->traders[i].next_us;
    }
    return next;
}

void flow_advance(struct flow *f, int64_t now_us) {
    for (;;) {
        struct traders *first = &f->traders[0];
        for (int32_t i = 1; i < f->count; i++) {
            if (f->traders[i].next_us < first->next_us) first = &f->traders[i];
        }
        if (first->next_us > now_us) break;
        exchange_advance(f->x, first->next_us);   // what is due before it may change the book
        if (first->from_bars)
            followed_step(f, first, first->next_us);
        else
            made_step(f, first, first->next_us);
    }
}

void flow_shock(struct flow *f, int16_t symbol, double factor) {
    ASSERT(symbol >= 0 && symbol < f->count);
    f->traders[symbol].fair *= factor;
    f->traders[symbol].home *= factor;
}

// mirror.c: a market that mirrors another exchange's.
#include "sim/mirror.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "base/num.h"
#include "sim/algo.h"
#include "sim/book_match.h"
#include "sim/match.h"
#include "trade/names.h"

#include <stdlib.h>

static int64_t remaining_e8(const struct order *o) {
    ASSERT(o->r.executed_qty_e8 >= 0);
    ASSERT(o->r.executed_qty_e8 <= o->r.orig_qty_e8);
    return o->r.orig_qty_e8 - o->r.executed_qty_e8;
}

static struct market *mirrored(struct exchange *x, int16_t symbol, int64_t now_us) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    ASSERT(x->markets[symbol].visible != NULL);
    exchange_advance(x, now_us);
    return &x->markets[symbol];
}

void mirror_open(struct exchange *x, int16_t symbol, int64_t last_e8, int64_t now_us) {
    ASSERT(x->markets[symbol].visible == NULL);
    ASSERT(last_e8 > 0);
    exchange_advance(x, now_us);
    exchange_open_book(x, symbol, now_us, last_e8);
    struct market *m = &x->markets[symbol];
    m->visible = alloc_zeroed(1, sizeof *m->visible);
    book_init(m->visible, 0);
}

// ---- places in the queue ----

static bool in_view(const struct market *m, int32_t side, int64_t price) {
    ASSERT(m->visible != NULL);
    return m->visible->count[side] > 0 && !book_better(side, m->visible->levels[side][0].price_e8, price);
}

// What of the account stands at a level before `end` (NULL: all).
static int64_t own_before_e8(const struct market *m, int32_t side, int64_t price, const struct order *end) {
    int64_t own = 0;
    for (const struct order *o = m->resting.first; o && o != end; o = o->next) {
        if (o->r.side == side && o->r.price_e8 == price) own += remaining_e8(o);
    }
    return own;
}

int64_t mirror_queue_e8(const struct market *m, const struct order *o) {
    ASSERT(o->r.price_e8 > 0);
    if (!in_view(m, o->r.side, o->r.price_e8)) return FOLLOW_FAR;
    return book_qty_e8(m->visible, o->r.side, o->r.price_e8) + own_before_e8(m, o->r.side, o->r.price_e8, o);
}

// Nobody stands before an order who is not there any more.
static void shorten_queues(struct market *m) {
    for (struct order *o = m->resting.first; o; o = o->next) {
        int64_t most = mirror_queue_e8(m, o);
        if (o->queue_ahead_e8 > most) o->queue_ahead_e8 = most;
    }
}

// ---- fills ----

static struct order *best_resting(const struct market *m, int32_t side) {
    struct order *best = NULL;
    for (struct order *o = m->resting.first; o; o = o->next) {
        if (o->r.side == side && (!best || book_better(side, o->r.price_e8, best->r.price_e8))) best = o;
    }
    return best;
}

static void fill_one(struct exchange *x, struct market *m, struct order *o, int64_t qty) {
    ASSERT(qty > 0);
    ASSERT(qty <= remaining_e8(o));
    book_set(m->book, o->r.side, o->r.price_e8, book_qty_e8(m->book, o->r.side, o->r.price_e8) - qty);
    book_fill_resting(x, m, o, qty);
}

// Quotes of the other side that have come to an order would have met it.
static void meet_quotes(struct exchange *x, struct market *m) {
    for (int side = 0; side < SIDE_COUNT; side++) {
        int32_t other = side_opposite(side);
        struct order *o;
        while ((o = best_resting(m, side)) != NULL) {
            int64_t price = book_best_e8(m->book, other);
            if (price == 0 || book_better(side, price, o->r.price_e8)) break;
            int64_t level = book_qty_e8(m->book, other, price), left = remaining_e8(o);
            int64_t qty = num_min(level, left);
            book_set(m->book, other, price, level - qty);
            fill_one(x, m, o, qty);
        }
    }
}

// What a trade at `price` brings to the orders of one side.
static void meet_trade(struct exchange *x, struct market *m, int32_t side, int64_t price, int64_t qty,
                       bool against) {
    ASSERT(qty > 0);
    ASSERT(price > 0);
    struct order *o;
    while (qty > 0 && (o = best_resting(m, side)) != NULL && book_better(side, o->r.price_e8, price)) {
        int64_t part = qty < remaining_e8(o) ? qty : remaining_e8(o);
        fill_one(x, m, o, part);
        qty -= part;
        ASSERT(qty >= 0);
    }
    if (qty == 0 || !against) return;
    int64_t own = book_share(m, side, price, qty);
    if (own == 0) return;
    book_set(m->book, side, price, book_qty_e8(m->book, side, price) - own);
    book_fill_shared(x, m, own);
}

// ---- what is handed in ----

static void set_visible(struct market *m, int32_t side, int64_t price, int64_t qty) {
    ASSERT(price > 0);
    ASSERT(qty >= 0);
    if (book_qty_e8(m->visible, side, price) == qty) return;   // what the account took of it stays taken
    book_set(m->visible, side, price, qty);
    book_set(m->book, side, price, qty + own_before_e8(m, side, price, NULL));
}

static bool listed(const struct level_record *levels, int32_t count, int64_t price) {
    ASSERT(count >= 0);
    for (int32_t i = 0; i < count; i++) {
        if (levels[i].price_e8 == price) return true;
    }
    return false;
}

static void show_side(struct market *m, int32_t side, const struct level_record *levels, int32_t count) {
    ASSERT(count >= 0);
    for (int32_t i = m->visible->count[side] - 1; i >= 0; i--) {
        int64_t price = m->visible->levels[side][i].price_e8;
        if (!listed(levels, count, price)) set_visible(m, side, price, 0);
    }
    for (int32_t i = 0; i < count; i++) {
        if (levels[i].price_e8 > 0 && levels[i].qty_e8 >= 0)
            set_visible(m, side, levels[i].price_e8, levels[i].qty_e8);
    }
}

static void shown_anew(struct exchange *x, struct market *m) {
    shorten_queues(m);
    meet_quotes(x, m);
    book_settle(x);
}

void mirror_depth(struct exchange *x, int16_t symbol, const struct level_record *bids, int32_t bid_count,
                  const struct level_record *asks, int32_t ask_count, int64_t now_us) {
    ASSERT(bid_count >= 0 && ask_count >= 0);
    struct market *m = mirrored(x, symbol, now_us);
    show_side(m, SIDE_BUY, bids, bid_count);
    show_side(m, SIDE_SELL, asks, ask_count);
    shown_anew(x, m);
}

void mirror_quote(struct exchange *x, int16_t symbol, const struct level_record *bid,
                  const struct level_record *ask, int64_t now_us) {
    struct market *m = mirrored(x, symbol, now_us);
    const struct level_record *best[SIDE_COUNT] = { [SIDE_BUY] = bid, [SIDE_SELL] = ask };
    for (int side = 0; side < SIDE_COUNT; side++) {
        int64_t price = best[side]->price_e8, at;
        if (price <= 0 || best[side]->qty_e8 <= 0) continue;
        while ((at = book_best_e8(m->visible, side)) != 0 && book_better(side, at, price))
            set_visible(m, side, at, 0);
        set_visible(m, side, price, best[side]->qty_e8);
    }
    shown_anew(x, m);
}

int32_t mirror_visible(const struct exchange *x, int16_t symbol, int32_t side) {
    ASSERT(x->markets[symbol].visible != NULL);
    return x->markets[symbol].visible->count[side];
}

void mirror_trade(struct exchange *x, int16_t symbol, int64_t price, int64_t qty, bool buyer_maker,
                  int64_t now_us) {
    struct market *m = mirrored(x, symbol, now_us);
    if (price <= 0 || qty <= 0) return;
    tape_trade(m->tape, ++m->trade_id, price, qty, buyer_maker, x->now_us);
    m->last_e8 = price;
    m->last_us = x->now_us;
    m->moved = x->any_moved = true;
    meet_trade(x, m, SIDE_BUY, price, qty, buyer_maker);
    meet_trade(x, m, SIDE_SELL, price, qty, !buyer_maker);
    book_settle(x);
}

// Funding that is still to come is set anew until its time; one that is put off takes the place of what was
// set.
static void plan_funding(struct exchange *x, struct market *m, int64_t time_us, int64_t rate_e8) {
    ASSERT(m->funding_done <= m->funding_count);
    if (time_us <= x->now_us) return;
    if (m->funding_done < m->funding_count) {
        m->funding[m->funding_count - 1] = (struct funding){ time_us, rate_e8, 0 };
    } else if (m->funding_count == 0 || time_us > m->funding[m->funding_count - 1].time_us) {
        ARRAY_ROOM(m->funding, m->funding_size, m->funding_count + 1);
        m->funding[m->funding_count++] = (struct funding){ time_us, rate_e8, 0 };
    }
}

void mirror_mark(struct exchange *x, int16_t symbol, int64_t mark_e8, int64_t funding_us, int64_t rate_e8,
                 int64_t now_us) {
    ASSERT(mark_e8 >= 0);
    struct market *m = mirrored(x, symbol, now_us);
    if (mark_e8 > 0) m->mark_e8 = mark_e8;
    plan_funding(x, m, funding_us, rate_e8);
    m->moved = x->any_moved = true;
    m->dirty = x->any_dirty = true;
    book_settle(x);
}

// book_match.c: orders of the account and of others in a market with a book.
#include "sim/book_match.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/num.h"
#include "sim/account.h"
#include "sim/algo.h"
#include "sim/match.h"
#include "sim/order_store.h"
#include "trade/names.h"

static int64_t remaining_e8(const struct order *o) {
    ASSERT(o->r.executed_qty_e8 >= 0);
    ASSERT(o->r.executed_qty_e8 <= o->r.orig_qty_e8);
    return o->r.orig_qty_e8 - o->r.executed_qty_e8;
}

static bool reaches(int32_t side, int64_t limit_e8, int64_t price_e8) {
    ASSERT(price_e8 >= 0);
    return price_e8 != 0 && (side == SIDE_BUY ? limit_e8 >= price_e8 : limit_e8 <= price_e8);
}

// The worst price a market order may pay (section 4.2, marketTakeBound).
static int64_t market_bound_e8(const struct market *m, int32_t side) {
    ASSERT(market_mark_e8(m) > 0);
    int64_t mark = market_mark_e8(m), room = dec_mul_round(mark, m->s->market_take_bound_e8);
    if (room == 0) return side == SIDE_BUY ? INT64_MAX : 0;
    return side == SIDE_BUY ? mark + room : mark - room;
}

bool book_crossed(const struct market *m, int32_t side, int64_t price_e8) {
    ASSERT(m->book != NULL);
    ASSERT(price_e8 > 0);
    return reaches(side, price_e8, book_best_e8(m->book, side_opposite(side)));
}

bool book_check(const struct market *m, const struct call *c, struct reply *r) {
    ASSERT(m->book != NULL);
    ASSERT(r->code == 0);
    if (c->type == ORDER_MARKET) {
        bool none = book_available_e8(m->book, c->side, market_bound_e8(m, c->side), 1) == 0;
        return none ? reply_fail(r, -4131, NULL) : true;
    }
    if (c->time_in_force == TIF_GTX && book_crossed(m, c->side, c->price_e8))
        return reply_fail(r, -5022, NULL);
    if (c->time_in_force == TIF_FOK &&
        book_available_e8(m->book, c->side, c->price_e8, c->quantity_e8) < c->quantity_e8) {
        return reply_fail(r, -5021, NULL);
    }
    return true;
}

static void print_trade(struct exchange *x, struct market *m, int64_t id, int64_t price, int64_t qty,
                        bool buyer_maker) {
    ASSERT(price > 0);
    ASSERT(qty > 0);
    ASSERT(id > 0);
    tape_trade(m->tape, id, price, qty, buyer_maker, x->now_us);
    m->last_e8 = price;
    m->last_us = x->now_us;
    m->moved = x->any_moved = true;
    if (!x->hooks.trade) return;
    struct trade_record t = { .id = id,
                              .price_e8 = price,
                              .qty_e8 = qty,
                              .quote_qty_e8 = dec_mul_round(price, qty),
                              .time_us = x->now_us,
                              .symbol = m->index,
                              .maker = buyer_maker };
    x->hooks.trade(x->hooks.ctx, &t, x->now_us);
}

static void fill(struct exchange *x, struct market *m, struct order *o, int64_t qty, int64_t price,
                 bool maker) {
    ASSERT(qty > 0);
    ASSERT(qty <= remaining_e8(o));
    order_announce(x, o);
    record_fill(x, m, o, qty, price, maker, maker ? x->config.maker_e8 : x->config.taker_e8);
    if (!m->visible) print_trade(x, m, m->trade_id, price, qty, maker == (o->r.side == SIDE_BUY));
    m->dirty = x->any_dirty = true;
}

// ---- the account's part of a level ----

void book_join(struct market *m, struct order *o) {
    ASSERT(remaining_e8(o) > 0);
    ASSERT(m->book != NULL);
    int64_t level = book_qty_e8(m->book, o->r.side, o->r.price_e8);
    o->queue_ahead_e8 = m->visible ? mirror_queue_e8(m, o) : level;
    o->taken_e8 = 0;
    book_set(m->book, o->r.side, o->r.price_e8, level + remaining_e8(o));
}

void book_leave(struct market *m, struct order *o) {
    ASSERT(o->taken_e8 >= 0);
    int64_t part = remaining_e8(o) - o->taken_e8;
    o->taken_e8 = 0;
    if (part <= 0) return;
    int64_t level = book_qty_e8(m->book, o->r.side, o->r.price_e8);
    ASSERT(level >= part);
    book_set(m->book, o->r.side, o->r.price_e8, level - part);
    for (struct order *k = m->resting.first; k; k = k->next) {
        if (k == o || k->r.side != o->r.side || k->r.price_e8 != o->r.price_e8) continue;
        if (k->queue_ahead_e8 > o->queue_ahead_e8) k->queue_ahead_e8 -= part;
    }
}

static struct order *first_own(const struct market *m, int32_t side, int64_t price) {
    if (m->resting.count == 0) return NULL;
    for (struct order *o = m->resting.first; o; o = o->next) {
        if (o->r.side == side && o->r.price_e8 == price) return o;
    }
    return NULL;
}

// ---- the account takes ----

static void advance_queue(struct market *m, int32_t side, int64_t price, int64_t qty) {
    ASSERT(qty > 0);
    for (struct order *o = m->resting.first; o; o = o->next) {
        if (o->r.side != side || o->r.price_e8 != price) continue;
        o->queue_ahead_e8 = o->queue_ahead_e8 > qty ? o->queue_ahead_e8 - qty : 0;
    }
}

static int64_t own_at_e8(const struct market *m, int32_t side, int64_t price) {
    int64_t own = 0;
    for (const struct order *o = m->resting.first; o; o = o->next) {
        if (o->r.side == side && o->r.price_e8 == price) own += remaining_e8(o);
    }
    return own;
}

// True: the taker has ended.
static bool prevent_self_trade(struct exchange *x, struct order *o, struct order *met) {
    ASSERT(o != met);
    ASSERT(o->r.side != met->r.side);
    ASSERT(met->place == PLACE_RESTING);
    bool takes = o->r.stp_mode == STP_EXPIRE_TAKER || o->r.stp_mode == STP_EXPIRE_BOTH;
    if (o->r.time_in_force == TIF_FOK) takes = false;
    if (o->r.stp_mode != STP_EXPIRE_TAKER || !takes) order_end(x, met, STATUS_EXPIRED_IN_MATCH, REASON_STP);
    if (!takes) return false;
    order_end(x, o, STATUS_EXPIRED_IN_MATCH, o->r.time_in_force == TIF_IOC ? REASON_IOC_STP : REASON_STP);
    return true;
}

// Takes what the limit lets it; false: the order has ended on the way.
static bool take(struct exchange *x, struct market *m, struct order *o, int64_t most, int64_t limit) {
    ASSERT(most >= 0);
    ASSERT(most <= remaining_e8(o));
    ASSERT(o->place == PLACE_NONE);
    int32_t side = side_opposite(o->r.side);
    while (most > 0) {
        int64_t price = book_best_e8(m->book, side);
        if (!reaches(o->r.side, limit, price)) break;
        int64_t level = book_qty_e8(m->book, side, price);
        struct order *own = first_own(m, side, price);
        int64_t before = own ? own->queue_ahead_e8 : level;
        if (own && m->visible && before > level - own_at_e8(m, side, price))
            before = level - own_at_e8(m, side, price);
        int64_t qty = num_min(most, before);
        ASSERT(level > 0);
        ASSERT(qty <= level);
        if (qty > 0) {
            book_set(m->book, side, price, level - qty);
            advance_queue(m, side, price, qty);
            fill(x, m, o, qty, price, false);
            most -= qty;
        }
        if (most > 0 && own && prevent_self_trade(x, o, own)) return false;
    }
    return true;
}

static void done(struct exchange *x, struct order *o) {
    ASSERT(o->r.status == STATUS_FILLED);
    ASSERT(o->r.executed_qty_e8 == o->r.orig_qty_e8);
    if (o->algo) algo_finished(x, o);
}

void book_enter(struct exchange *x, struct market *m, struct order *o) {
    ASSERT(o->place == PLACE_NONE);
    bool market_order = o->r.type == ORDER_MARKET;
    int64_t limit = market_order ? market_bound_e8(m, o->r.side) : o->r.price_e8;
    int64_t most = remaining_e8(o);
    bool cut = false;
    ASSERT(most > 0);
    if (order_closes(o)) {
        int64_t held = reducible_e8(m, o->r.side, o->r.position_side);
        cut = held < most;
        if (cut) most = held;
    }
    order_announce(x, o);
    bool crossing = reaches(o->r.side, limit, book_best_e8(m->book, side_opposite(o->r.side)));
    if (crossing && o->r.time_in_force == TIF_GTX) {   // an amended one: entry checks refuse new ones
        order_end(x, o, STATUS_CANCELED, REASON_NONE);
        return;
    }
    if (crossing) {
        if (!take(x, m, o, most, limit)) return;
        if (o->r.status == STATUS_FILLED)
            done(x, o);
        else if (market_order)
            order_end(x, o, STATUS_EXPIRED, cut ? REASON_REDUCE : REASON_MARKET);
        else if (cut && reducible_e8(m, o->r.side, o->r.position_side) == 0)
            order_end(x, o, STATUS_EXPIRED, REASON_REDUCE);
    } else if (market_order) {
        order_end(x, o, STATUS_EXPIRED, REASON_MARKET);
    }
    drop_reducers(x, m);
    if (o->r.status != STATUS_NEW && o->r.status != STATUS_PARTIALLY_FILLED) return;
    if (o->r.time_in_force == TIF_IOC || o->r.time_in_force == TIF_FOK) {
        order_end(x, o, STATUS_EXPIRED, REASON_IOC);
        return;
    }
    o->open_notional_e8 = order_closes(o) ? 0 : dec_mul_round(remaining_e8(o), o->r.price_e8);
    order_link(x, o, PLACE_RESTING);
}

// ---- other traders ----

void book_fill_resting(struct exchange *x, struct market *m, struct order *o, int64_t qty) {
    ASSERT(o->place == PLACE_RESTING);
    ASSERT(qty > 0);
    ASSERT(qty <= remaining_e8(o));
    o->taken_e8 = 0;   // the level has given it already
    int64_t held = order_closes(o) ? reducible_e8(m, o->r.side, o->r.position_side) : qty;
    int64_t good = num_min(qty, held);
    if (good > 0) fill(x, m, o, good, o->r.price_e8, true);
    if (o->r.status == STATUS_FILLED) {
        order_unlink(x, o);
        done(x, o);
    } else if (good < qty) {
        o->taken_e8 = qty - good;
        order_end(x, o, STATUS_EXPIRED, REASON_REDUCE);
    } else {
        int64_t notional = order_closes(o) ? 0 : dec_mul_round(remaining_e8(o), o->r.price_e8);
        m->open_notional_e8[o->r.side] += notional - o->open_notional_e8;
        o->open_notional_e8 = notional;
        ASSERT(notional >= 0);
        ASSERT(m->open_notional_e8[o->r.side] >= notional);
    }
    drop_reducers(x, m);
}

static struct order *next_taken(const struct market *m) {
    ASSERT(m->resting.count >= 0);
    for (struct order *o = m->resting.first; o; o = o->next) {
        if (o->taken_e8 > 0) return o;
    }
    return NULL;
}

int64_t book_share(struct market *m, int32_t side, int64_t price, int64_t qty) {
    ASSERT(qty > 0);
    ASSERT(price > 0);
    int64_t own = 0;
    for (struct order *o = m->resting.first; o; o = o->next) {
        if (o->r.side != side || o->r.price_e8 != price) continue;
        int64_t part = qty - o->queue_ahead_e8, left = remaining_e8(o);
        o->taken_e8 = part < 0 ? 0 : num_min(part, left);
        own += o->taken_e8;
        o->queue_ahead_e8 = o->queue_ahead_e8 > qty ? o->queue_ahead_e8 - qty : 0;
    }
    ASSERT(own <= qty);
    return own;
}

void book_fill_shared(struct exchange *x, struct market *m, int64_t own) {
    ASSERT(own >= 0);
    for (struct order *o; own > 0 && (o = next_taken(m)) != NULL;) book_fill_resting(x, m, o, o->taken_e8);
}

static void level_take(struct exchange *x, struct market *m, int32_t side, int64_t price, int64_t qty) {
    ASSERT(qty > 0);
    ASSERT(qty <= book_qty_e8(m->book, side, price));
    book_set(m->book, side, price, book_qty_e8(m->book, side, price) - qty);
    int64_t own = book_share(m, side, price, qty);
    if (qty > own) print_trade(x, m, ++m->trade_id, price, qty - own, side == SIDE_BUY);
    book_fill_shared(x, m, own);
}

static struct market *book_market(struct exchange *x, int16_t symbol, int64_t now_us) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    ASSERT(x->markets[symbol].book != NULL);
    exchange_advance(x, now_us);
    return &x->markets[symbol];
}

int64_t exchange_background_take(struct exchange *x, int16_t symbol, int32_t side, int64_t qty, int64_t limit,
                                 int64_t now_us) {
    ASSERT(qty >= 0);
    ASSERT(side >= 0 && side < SIDE_COUNT);
    struct market *m = book_market(x, symbol, now_us);
    int32_t other = side_opposite(side);
    int64_t left = qty;
    while (left > 0) {
        int64_t price = book_best_e8(m->book, other);
        if (!reaches(side, limit, price)) break;
        int64_t level = book_qty_e8(m->book, other, price);
        int64_t part = num_min(left, level);
        level_take(x, m, other, price, part);
        left -= part;
        ASSERT(left >= 0);
    }
    book_settle(x);
    return qty - left;
}

void exchange_background_add(struct exchange *x, int16_t symbol, int32_t side, int64_t price, int64_t qty,
                             int64_t now_us) {
    ASSERT(qty > 0);
    ASSERT(price > 0);
    struct market *m = book_market(x, symbol, now_us);
    ASSERT(!reaches(side, price, book_best_e8(m->book, side_opposite(side))));
    book_set(m->book, side, price, book_qty_e8(m->book, side, price) + qty);
}

int64_t exchange_own_at_e8(const struct exchange *x, int16_t symbol, int32_t side, int64_t price) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    return own_at_e8(&x->markets[symbol], side, price);
}

void exchange_background_cancel(struct exchange *x, int16_t symbol, int32_t side, int64_t price, int64_t qty,
                                int64_t now_us) {
    struct market *m = book_market(x, symbol, now_us);
    int64_t level = book_qty_e8(m->book, side, price);
    int64_t others = level - exchange_own_at_e8(x, symbol, side, price);
    ASSERT(others >= 0);
    if (qty > others) qty = others;
    if (qty <= 0) return;
    book_set(m->book, side, price, level - qty);
    // Who cancels stands anywhere in the level: of the others before an order leave as many as their share of
    // all others, in whole steps. Never may more be before it than there are: it would lose what its level
    // holds for it.
    int64_t own = 0;
    for (struct order *o = m->resting.first; o; o = o->next) {
        if (o->r.side != side || o->r.price_e8 != price) continue;
        int64_t before = o->queue_ahead_e8 > own ? o->queue_ahead_e8 - own : 0;
        int64_t gone = dec_round_to(dec_mul_div_round(qty, before, others), m->s->step_e8);
        int64_t left = before > gone ? before - gone : 0;
        o->queue_ahead_e8 = own + (left < others - qty ? left : others - qty);
        ASSERT(o->queue_ahead_e8 >= 0);
        ASSERT(o->queue_ahead_e8 <= own + others - qty);
        own += remaining_e8(o);
    }
}

void book_settle(struct exchange *x) {
    for (int rounds = 0; x->any_moved && rounds < 1000; rounds++) {
        x->any_moved = false;
        for (int32_t i = 0; i < x->symbol_count; i++) {
            struct market *m = &x->markets[i];
            if (!m->moved) continue;
            m->moved = false;
            match_triggered(x, m);
            algos_trail(x, m);
            liquidate_if_exhausted(x);
        }
        levels_refresh(x);
    }
    levels_refresh(x);
}

// ---- opening ----

void exchange_open_book(struct exchange *x, int16_t symbol, int64_t update_id, int64_t last_e8) {
    ASSERT(!x->markets[symbol].open);
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    ASSERT(last_e8 > 0);
    struct market *m = &x->markets[symbol];
    ASSERT(m->book == NULL && m->tape == NULL);
    m->book = alloc_zeroed(1, sizeof *m->book);
    m->tape = alloc_zeroed(1, sizeof *m->tape);
    book_init(m->book, update_id);
    tape_init(m->tape, symbol);
    m->last_e8 = last_e8;
    m->last_us = x->now_us;
    m->trade_id = update_id / 1000;
}

const struct book *exchange_book_of(const struct exchange *x, int16_t symbol) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    return x->markets[symbol].book;
}
struct tape *exchange_tape(struct exchange *x, int16_t symbol) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    return x->markets[symbol].tape;
}

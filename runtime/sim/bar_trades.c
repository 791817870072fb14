// bar_trades.c: a bar of data as trades along a random path.
#include "sim/bar_trades.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/dec.h"
#include "base/num.h"
#include "base/rng.h"
#include "sim/bar_variance.h"
#include "sim/random_path.h"
#include "trade/interval.h"

#include <stdlib.h>

enum {
    MOMENTS = 60,      // evenly through the bar, the open and the close among them
    PATH_SHARES = 8,   // a trade between two moments is this part of one at them
    WAITING_MAX = 3
};

// A bar's volume may be beyond what one trade holds.
typedef __int128 wide_qty;
static const int64_t TRADE_MOST_E8 = DEC_MAX / 4;

struct bar_trades {
    const struct symbol *s;
    struct rng rng;
    struct random_path path;
    struct kline_record bar;
    int32_t moment;            // the next one; MOMENTS: none is left
    int64_t low_e8, high_e8;   // traded so far
    wide_qty volume_left_e8, taker_left_e8;
    int64_t next_us;                   // of the next trade
    int64_t waiting_e8[WAITING_MAX];   // the prices of a stretch that goes beyond what has traded
    int32_t waiting, waiting_count;
};

struct bar_trades *bar_trades_new(const struct symbol *symbol, uint64_t seed) {
    ASSERT(symbol->tick_e8 > 0);
    ASSERT(symbol->step_e8 > 0);
    struct bar_trades *t = alloc_zeroed(1, sizeof *t);
    t->s = symbol;
    t->moment = MOMENTS;
    t->next_us = INT64_MAX;
    rng_init(&t->rng, seed);
    return t;
}

void bar_trades_free(struct bar_trades *t) { free(t); }

// ---- prices ----

static int64_t moment_us(const struct bar_trades *t) {
    ASSERT(t->moment >= 0 && t->moment <= MOMENTS);
    if (t->moment == MOMENTS) return INT64_MAX;
    if (t->moment == MOMENTS - 1) return t->bar.close_us;
    int64_t length = t->bar.close_us + BAR_CLOSE_US - t->bar.open_us;
    return t->bar.open_us + length * t->moment / MOMENTS;
}

static int64_t moment_price_e8(struct bar_trades *t, int64_t now_us) {
    if (t->moment == 0) return t->bar.open_e8;
    if (t->moment == MOMENTS - 1) return t->bar.close_e8;
    int64_t e8 = random_path_price_e8(&t->path, now_us);
    return num_max(t->bar.low_e8, num_min(t->bar.high_e8, e8));
}

// The multiple of the tick touched furthest out; the bar's own extreme as the data have it.
static int64_t furthest_low_e8(const struct bar_trades *t, int64_t touched_e8) {
    return touched_e8 <= t->bar.low_e8 ? t->bar.low_e8
                                       : num_max(t->bar.low_e8, dec_ceil_to(touched_e8, t->s->tick_e8));
}

static int64_t furthest_high_e8(const struct bar_trades *t, int64_t touched_e8) {
    return touched_e8 >= t->bar.high_e8 ? t->bar.high_e8
                                        : num_min(t->bar.high_e8, dec_floor_to(touched_e8, t->s->tick_e8));
}

// A stretch of the path that has just ended: its extremes in their order, as far as they are new, and its end.
static void await(struct bar_trades *t, const struct path_piece *piece) {
    int64_t low = furthest_low_e8(t, piece->low_e8), high = furthest_high_e8(t, piece->high_e8);
    t->waiting = t->waiting_count = 0;
    for (int i = 0; i < 2; i++) {
        bool is_low = piece->low_first == (i == 0);
        if (is_low ? low < t->low_e8 : high > t->high_e8)
            t->waiting_e8[t->waiting_count++] = is_low ? low : high;
    }
    ASSERT(t->waiting_count > 0);
    int64_t end = num_max(t->bar.low_e8, num_min(t->bar.high_e8, piece->end_e8));
    if (end != t->waiting_e8[t->waiting_count - 1]) t->waiting_e8[t->waiting_count++] = end;
}

// What comes first: a stretch that goes beyond what has traded, or the next moment.
static void plan(struct bar_trades *t, int64_t now_us) {
    ASSERT(t->waiting == t->waiting_count);
    int64_t tick = t->s->tick_e8;
    t->next_us = moment_us(t);
    if (t->moment == MOMENTS) return;
    struct path_watch watch = { .low_e8 = INT64_MIN, .high_e8 = INT64_MAX };
    if (t->low_e8 > t->bar.low_e8) watch.low_e8 = num_max(t->bar.low_e8, t->low_e8 - tick);
    if (t->high_e8 < t->bar.high_e8) watch.high_e8 = num_min(t->bar.high_e8, t->high_e8 + tick);
    if (watch.low_e8 == INT64_MIN && watch.high_e8 == INT64_MAX) return;
    struct path_piece piece;
    if (!random_path_next(&t->path, now_us, &watch, &piece) || piece.end_us > t->next_us) return;
    await(t, &piece);
    t->next_us = piece.end_us;
}

void bar_trades_begin(struct bar_trades *t, const struct kline_record *bar, const struct exchange_bar *around,
                      int32_t count) {
    ASSERT(bar->low_e8 <= bar->open_e8 && bar->open_e8 <= bar->high_e8);
    ASSERT(bar->low_e8 <= bar->close_e8 && bar->close_e8 <= bar->high_e8);
    const struct exchange_bar b = { .open_us = bar->open_us,
                                    .close_us = bar->close_us,
                                    .open_e8 = bar->open_e8,
                                    .high_e8 = bar->high_e8,
                                    .low_e8 = bar->low_e8,
                                    .close_e8 = bar->close_e8 };
    uint64_t key = rng_next(&t->rng);
    double draw = rng_double(&t->rng);
    random_path_begin(&t->path, &b, t->s->tick_e8, key, bar_variance(&b, around, count, t->s->tick_e8, draw));
    t->bar = *bar;
    t->moment = 0;
    t->low_e8 = t->high_e8 = bar->open_e8;
    t->volume_left_e8 = ((wide_qty)bar->volume_high << 62) + bar->volume_e8;
    t->taker_left_e8 = ((wide_qty)bar->taker_volume_high << 62) + bar->taker_volume_e8;
    if (t->taker_left_e8 > t->volume_left_e8)
        t->taker_left_e8 = t->volume_left_e8;   // of data that are not whole
    t->waiting = t->waiting_count = 0;
    t->next_us = bar->open_us;
}

// ---- quantities ----

// The open, and an extreme: without a trade there the bar would not be the data's.
static bool is_corner(const struct bar_trades *t, int64_t price_e8) {
    ASSERT(t->moment < MOMENTS);
    if (t->moment == 0) return true;
    return (price_e8 == t->bar.low_e8 && price_e8 < t->low_e8) ||
           (price_e8 == t->bar.high_e8 && price_e8 > t->high_e8);
}

// How many such trades are to come, the close among them, once a price has traded.
static int32_t corners_left(const struct bar_trades *t) {
    const struct kline_record *k = &t->bar;
    return 1 + (t->low_e8 > k->low_e8 && k->low_e8 != k->close_e8) +
           (t->high_e8 < k->high_e8 && k->high_e8 != k->close_e8);
}

// One of `parts` parts of what is left; where that is none, a step as long as that leaves the moments theirs. The
// corners to come keep theirs.
static int64_t part_e8(const struct bar_trades *t, int32_t parts, bool corner) {
    ASSERT(parts >= 1);
    int64_t step = t->s->step_e8;
    wide_qty even = t->volume_left_e8 / parts / step * step,
             room = t->volume_left_e8 - (wide_qty)corners_left(t) * step;
    if (even == 0 && (corner || room / step > MOMENTS - t->moment)) even = step;
    if (even > room) even = room > 0 ? room / step * step : 0;
    return even > TRADE_MOST_E8 ? TRADE_MOST_E8 : (int64_t)even;
}

static int64_t bought_e8(const struct bar_trades *t, int32_t parts, int64_t qty) {
    ASSERT(qty >= 0);
    wide_qty taken = t->taker_left_e8, sellable = t->volume_left_e8 - taken;
    wide_qty bought = taken / parts / t->s->step_e8 * t->s->step_e8;
    if (bought > qty) bought = qty;
    bool unsold = qty - bought > sellable;   // a single step that nobody sells any more
    return (int64_t)(unsold ? (qty < taken ? qty : taken) : bought);
}

static struct bar_trade last_trade(const struct bar_trades *t) {
    wide_qty left = t->volume_left_e8;
    int64_t qty = left > TRADE_MOST_E8 ? TRADE_MOST_E8 : (int64_t)left;
    int64_t bought = t->taker_left_e8 > qty ? qty : (int64_t)t->taker_left_e8;
    return (struct bar_trade){ t->bar.close_e8, bought, qty - bought };
}

// ---- one after the other ----

int64_t bar_trades_next_us(const struct bar_trades *t) {
    ASSERT(t->waiting <= t->waiting_count);
    return t->next_us;
}

static struct bar_trade traded(struct bar_trades *t, int64_t price_e8, int32_t parts) {
    bool corner = is_corner(t, price_e8);
    t->low_e8 = num_min(t->low_e8, price_e8);
    t->high_e8 = num_max(t->high_e8, price_e8);
    int64_t qty = part_e8(t, parts, corner), bought = bought_e8(t, parts, qty);
    return (struct bar_trade){ price_e8, bought, qty - bought };
}

struct bar_trade bar_trades_take(struct bar_trades *t) {
    ASSERT(t->next_us != INT64_MAX);
    int64_t now_us = t->next_us;
    int32_t left = MOMENTS - t->moment;
    struct bar_trade trade;
    bool between = t->waiting < t->waiting_count;
    if (between)
        trade = traded(t, t->waiting_e8[t->waiting], left * PATH_SHARES);
    else
        trade = left == 1 ? last_trade(t) : traded(t, moment_price_e8(t, now_us), left);
    t->volume_left_e8 -= trade.bought_e8 + trade.sold_e8;
    t->taker_left_e8 -= trade.bought_e8;
    ASSERT(t->volume_left_e8 >= t->taker_left_e8);
    if (between)
        t->waiting++;
    else if (left > 1 || t->volume_left_e8 == 0)
        t->moment++;
    if (t->waiting == t->waiting_count) plan(t, now_us);
    return trade;
}

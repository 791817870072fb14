// mark_bar.c: the mark price of a market of bars, by its klines.
#include "sim/mark_bar.h"

#include "base/assert.h"
#include "base/num.h"
#include "sim/algo.h"
#include "sim/match.h"

bool mark_bar_on(const struct market *m) {
    ASSERT(m->index >= 0);
    return m->mark_bar.close_us != 0;
}

static bool is_flat(const struct market *m) {
    ASSERT(m->bar.low_e8 <= m->bar.high_e8);
    return m->bar.low_e8 == m->bar.high_e8;
}

int64_t mark_bar_price_e8(const struct market *m, int64_t last_e8) {
    ASSERT(mark_bar_on(m));
    const struct exchange_bar *b = &m->bar, *k = &m->mark_bar;
    if (is_flat(m)) return k->close_e8;
    if (last_e8 <= b->low_e8) return k->low_e8;
    if (last_e8 >= b->high_e8) return k->high_e8;
    wide_e16 part = (wide_e16)(last_e8 - b->low_e8) * (k->high_e8 - k->low_e8);
    return k->low_e8 + (int64_t)(part / (b->high_e8 - b->low_e8));
}

int64_t mark_bar_low_e8(const struct market *m, int64_t last_e8) {
    ASSERT(mark_bar_on(m));
    return num_min(mark_bar_price_e8(m, last_e8), last_e8 + m->mark_bar.low_e8 - m->bar.low_e8);
}

int64_t mark_bar_high_e8(const struct market *m, int64_t last_e8) {
    ASSERT(mark_bar_on(m));
    return num_max(mark_bar_price_e8(m, last_e8), last_e8 + m->mark_bar.high_e8 - m->bar.high_e8);
}

int64_t mark_bar_level_e8(const struct market *m, int64_t mark_e8, bool falling) {
    ASSERT(mark_bar_on(m));
    const struct exchange_bar *b = &m->bar, *k = &m->mark_bar;
    int64_t tick = m->s->tick_e8;
    if (falling) {
        if (mark_e8 < (is_flat(m) ? k->close_e8 : k->low_e8)) return LEVEL_NONE_LOW;
        return is_flat(m) ? b->low_e8
                          : num_max(dec_floor_to(mark_e8 - k->low_e8 + b->low_e8, tick), b->low_e8);
    }
    if (mark_e8 > (is_flat(m) ? k->close_e8 : k->high_e8)) return LEVEL_NONE_HIGH;
    if (is_flat(m)) return b->high_e8;
    // The level may lie below zero where the mark price's high is far above the last one's.
    int64_t level = b->high_e8 - (k->high_e8 - mark_e8);
    return level <= 0 ? 1 : num_min(dec_ceil_to(level, tick), b->high_e8);
}

bool mark_bar_touched(const struct market *m, bool falling) {
    ASSERT(market_marked(m));
    int64_t level = falling ? m->mark_low_e8 : m->mark_high_e8;
    if (level == (falling ? LEVEL_NONE_LOW : LEVEL_NONE_HIGH)) return false;
    if (!mark_bar_on(m) || m->mark_fixed) return falling ? m->mark_e8 <= level : m->mark_e8 >= level;
    int64_t last = mark_bar_level_e8(m, level, falling);
    return falling ? m->last_e8 <= last : m->last_e8 >= last;
}

void mark_bar_reach(struct market *m) {
    m->reach_low_e8 = m->trigger_low_e8;
    m->reach_high_e8 = m->trigger_high_e8;
    if (!mark_bar_on(m)) return;
    if (m->mark_low_e8 != LEVEL_NONE_LOW)
        m->reach_low_e8 = num_max(m->reach_low_e8, mark_bar_level_e8(m, m->mark_low_e8, true));
    if (m->mark_high_e8 != LEVEL_NONE_HIGH)
        m->reach_high_e8 = num_min(m->reach_high_e8, mark_bar_level_e8(m, m->mark_high_e8, false));
}

void mark_bar_move(struct market *m, int64_t last_e8) {
    ASSERT(last_e8 > 0);
    m->last_e8 = last_e8;
    if (!mark_bar_on(m)) return;
    m->mark_e8 = mark_bar_price_e8(m, last_e8);
    m->mark_fixed = false;
}

void mark_bar_touch(struct market *m, int64_t last_e8) {
    mark_bar_move(m, last_e8);
    if (!mark_bar_on(m)) return;
    if (mark_bar_touched(m, true))
        m->mark_e8 = m->mark_low_e8;
    else if (mark_bar_touched(m, false))
        m->mark_e8 = m->mark_high_e8;
    ASSERT(m->mark_e8 > 0);
}

bool mark_bar_begin(struct market *m) {
    ASSERT(m->book == NULL);
    bool had = market_marked(m);
    bool has = m->mark_coming.close_us != 0 && m->mark_coming.open_us == m->bar.open_us;
    if (!had && !has) return false;
    m->mark_bar = has ? m->mark_coming : (struct exchange_bar){ 0 };
    m->mark_e8 = m->mark_bar.open_e8;
    m->mark_fixed = has;
    return had != has;
}

static void settle(struct exchange *x, struct market *m, int64_t mark_e8) {
    ASSERT(mark_e8 > 0);
    m->mark_e8 = mark_e8;
    m->mark_fixed = true;
    match_triggered(x, m);
    algos_trail(x, m);
    liquidate_if_exhausted(x);
}

void mark_bar_opened(struct exchange *x, struct market *m) {
    if (mark_bar_on(m) && is_flat(m)) {
        const struct exchange_bar *k = &m->mark_bar;
        bool low_first = k->open_e8 - k->low_e8 <= k->high_e8 - k->open_e8;
        settle(x, m, low_first ? k->low_e8 : k->high_e8);
        settle(x, m, low_first ? k->high_e8 : k->low_e8);
        settle(x, m, k->close_e8);
    }
    m->mark_fixed = false;
    mark_bar_reach(m);
}

void mark_bar_close(struct exchange *x, struct market *m) {
    ASSERT(m->last_e8 == m->bar.close_e8);
    if (!mark_bar_on(m)) return;
    settle(x, m, m->mark_bar.close_e8);
    levels_refresh(x);
}

void mark_bar_extremes(const struct market *m, int64_t *low_e8, int64_t *high_e8) {
    const struct exchange_bar *b = mark_bar_on(m) ? &m->mark_bar : &m->bar;
    *low_e8 = b->low_e8;
    *high_e8 = b->high_e8;
    ASSERT(*low_e8 <= *high_e8);
}

void exchange_mark_bar(struct exchange *x, int16_t symbol, const struct exchange_bar *mark) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    struct market *m = &x->markets[symbol];
    ASSERT(!mark || (mark->low_e8 > 0 && mark->low_e8 <= mark->high_e8 && mark->close_us > mark->open_us));
    m->mark_coming = mark ? *mark : (struct exchange_bar){ 0 };
}

bool exchange_mark_forming(const struct exchange *x, int16_t symbol, int64_t now_us,
                           struct exchange_bar *out) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    const struct market *m = &x->markets[symbol];
    struct exchange_bar last;
    if (!mark_bar_on(m) || !exchange_forming(x, symbol, now_us, &last)) return false;
    const struct exchange_bar *k = &m->mark_bar;
    *out = *k;
    out->close_e8 = m->mark_e8;
    out->low_e8 = out->high_e8 = k->open_e8;
    if (now_us > k->open_us) {
        out->close_e8 = mark_bar_price_e8(m, last.close_e8);
        out->low_e8 = num_min(k->open_e8, mark_bar_price_e8(m, last.low_e8));
        out->high_e8 = num_max(k->open_e8, mark_bar_price_e8(m, last.high_e8));
    }
    out->volume_e8 = 0;
    return true;
}

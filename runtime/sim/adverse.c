// adverse.c: what a bar leaves open, resolved against the account.
#include "sim/adverse.h"

#include "base/assert.h"
#include "sim/algo.h"
#include "sim/mark_bar.h"
#include "sim/match.h"

static bool is_stop_loss(const struct market *m, const struct algo *a) {
    ASSERT(a->r.symbol == m->index);
    return (a->r.type == ORDER_STOP || a->r.type == ORDER_STOP_MARKET) &&
           reducible_e8(m, a->r.side, a->r.position_side) > 0;
}

struct algo *adverse_stop(const struct exchange *x, const struct market *m, int64_t *level_e8) {
    ASSERT(m->open);
    if (x->config.path != PATH_ADVERSE) return NULL;
    for (struct algo *a = m->algos.first; a; a = a->next) {
        int64_t level = a->r.trigger_price_e8;
        bool marked = algo_marked(m, a);
        const struct exchange_bar *range = marked ? &m->mark_bar : &m->bar;
        if (!is_stop_loss(m, a) || level < range->low_e8 || level > range->high_e8) continue;
        if (algo_held_back(m, a)) continue;
        if (marked) level = mark_bar_level_e8(m, level, a->r.side == SIDE_SELL);
        if (level == LEVEL_NONE_LOW || level == LEVEL_NONE_HIGH) continue;   // at a bar's open only
        *level_e8 = level;
        return a;
    }
    return NULL;
}

bool adverse_holds(const struct exchange *x, const struct market *m, uint8_t side, uint8_t position_side) {
    ASSERT(side < SIDE_COUNT);
    return m->opened_inside && x->config.path == PATH_ADVERSE && reducible_e8(m, side, position_side) > 0;
}

void adverse_filled(struct exchange *x, struct market *m, uint8_t position_side, int64_t signed_qty) {
    ASSERT(signed_qty != 0);
    if (x->config.path != PATH_ADVERSE || !m->open || x->now_us <= m->bar.open_us) return;
    int64_t amount = m->positions[position_side].amount_e8;
    if (amount == 0 || (amount > 0) != (signed_qty > 0)) return;
    m->opened_inside = true;
    m->dirty = x->any_dirty = true;
}

void adverse_closed(struct exchange *x, struct market *m) {
    ASSERT(m->last_e8 == m->bar.close_e8);
    if (!m->opened_inside) return;
    m->opened_inside = false;
    m->dirty = x->any_dirty = true;
    match_triggered(x, m);   // targets that the close lies beyond
}

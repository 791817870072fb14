// fast_forward.c: bars that cannot touch anything of the account, and may be passed over.
#include "base/assert.h"
#include "base/num.h"
#include "sim/account.h"
#include "sim/engine.h"
#include "sim/mark_bar.h"
#include "sim/match.h"

// `mark`: the mark price's kline of the bar with these extremes; close_us 0: none.
static bool between(const struct market *m, int64_t low_e8, int64_t high_e8,
                    const struct exchange_bar *mark) {
    ASSERT(low_e8 <= high_e8);
    if (low_e8 <= m->trigger_low_e8 || high_e8 >= m->trigger_high_e8) return false;
    return mark->close_us == 0 || (mark->low_e8 > m->mark_low_e8 && mark->high_e8 < m->mark_high_e8);
}

// With several crossed positions a liquidation price holds only while the others stand still: the worst point
// of every open bar together decides.
bool crossed_safe(const struct exchange *x, int16_t symbol, int64_t low_e8, int64_t high_e8) {
    ASSERT(low_e8 <= high_e8);
    ASSERT(low_e8 > 0);
    int64_t balance = account_cross_wallet_e8(x), need = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *m = &x->markets[i];
        if (m->margin_type == MARGIN_ISOLATED || market_flat(m)) continue;
        int64_t low, high;
        mark_bar_extremes(m, &low, &high);
        if (i == symbol) {
            low = num_min(low, low_e8);
            high = num_max(high, high_e8);
        }
        for (int k = 0; k < POSITION_SIDE_COUNT; k++) {
            const struct position *p = &m->positions[k];
            balance += position_unrealized_e8(p, p->amount_e8 > 0 ? low : high);
            need += position_maintenance_e8(m, p, high);
        }
    }
    return need < balance;
}

bool exchange_can_fast_forward(const struct exchange *x, int16_t symbol, int64_t low_e8, int64_t high_e8,
                               int64_t close_us) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    const struct market *m = &x->markets[symbol];
    if (x->any_dirty || m->last_e8 == 0) return false;
    if (m->waiting.count > 0 || m->trailing_count > 0 || x->timer_us <= close_us) return false;
    const struct exchange_bar *mark = &m->mark_coming;
    if (market_marked(m) != (mark->close_us != 0) || !between(m, low_e8, high_e8, mark)) return false;
    for (int32_t i = 0; i < x->open_count; i++) {
        const struct market *o = &x->markets[x->open_list[i]];
        if (o->trailing_count > 0 || !between(o, o->bar.low_e8, o->bar.high_e8, &o->mark_bar)) return false;
    }
    if (x->held_count < 2) return true;
    bool own = mark->close_us != 0;
    return crossed_safe(x, symbol, own ? mark->low_e8 : low_e8, own ? mark->high_e8 : high_e8);
}

int64_t exchange_fast_forward_until(const struct exchange *x) {
    if (x->any_dirty || x->held_count > 0) return INT64_MIN;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *m = &x->markets[i];
        bool busy =
            m->waiting.count > 0 || m->resting.count > 0 || m->algos.count > 0 || m->trailing_count > 0;
        if (busy || m->last_e8 == 0 || !market_flat(m)) return INT64_MIN;
    }
    return x->timer_us;
}

void exchange_fast_forward(struct exchange *x, int16_t symbol, const struct exchange_bar *bar) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    struct market *m = &x->markets[symbol];
    if (m->open) {   // the bar before it, which triggered nothing
        m->segment = 2;
        m->open = false;
        for (int32_t i = 0; i < x->open_count; i++) {
            if (x->open_list[i] == symbol) {
                x->open_list[i] = x->open_list[--x->open_count];
                break;
            }
        }
    }
    m->bar = *bar;
    m->last_e8 = bar->close_e8;
    m->last_us = bar->close_us;
    if (mark_bar_begin(m)) m->dirty = x->any_dirty = true;
    if (mark_bar_on(m)) m->mark_e8 = m->mark_bar.close_e8;
    mark_bar_reach(m);
    if (x->held_count > 1) m->dirty = x->any_dirty = true;
    levels_refresh(x);
}

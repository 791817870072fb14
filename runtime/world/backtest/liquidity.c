// liquidity.c: volume and volatility of the day before a bar, for the models of market impact (sim/impact.h).
#include "base/dec.h"
#include "base/units.h"
#include "world/backtest/private.h"

#include <math.h>

// The square of the return from the close before a bar to its own; the first bar has none.
static double square(const struct series *s, int64_t i) {
    if (i == 0) return 0;
    double r = log((double)s->close_e8[i] / (double)s->close_e8[i - 1]);
    return r * r;
}

// Moves the window to the bars of the 24 hours before `bar`.
static void look_back(struct liquidity *l, const struct series *s, int64_t bar) {
    ASSERT(l->from <= l->to && l->to <= bar);
    for (; l->to < bar; l->to++) {
        l->volume_e8 += (double)s->volume_e8[l->to];
        l->squares += square(s, l->to);
    }
    for (; l->from < bar && s->open_us[l->from] < s->open_us[bar] - DAY_US; l->from++) {
        l->volume_e8 -= (double)s->volume_e8[l->from];
        l->squares -= square(s, l->from);
    }
    if (l->from == l->to || l->squares < 0) l->squares = 0;
    if (l->from == l->to || l->volume_e8 < 0) l->volume_e8 = 0;
}

static int64_t whole(double v) { return v >= 9e18 ? INT64_MAX : (int64_t)v; }

void liquidity_tell(struct backtest *b, struct market *m, int64_t bar) {
    const struct series *s = m->series;
    ASSERT(bar >= 0 && bar < s->count);
    look_back(&m->liquidity, s, bar);
    const struct liquidity *l = &m->liquidity;
    int64_t bars = l->to - l->from;
    double volume = (double)s->volume_e8[bar], volatility = 0;
    if (b->impact == IMPACT_SHARE) {
        if (volume == 0 && bars > 0)
            volume = l->volume_e8 / (double)bars;   // an idle bar is not an empty market
    } else if (l->squares > 0 && l->volume_e8 > 0) {
        volume = l->volume_e8;
        volatility = sqrt(l->squares);
    } else {   // nothing before it: the range of the bar itself (Parkinson)
        volatility = log((double)s->high_e8[bar] / (double)s->low_e8[bar]) / sqrt(4 * log(2));
    }
    exchange_liquidity(b->exchange, m->symbol, whole(volume), dec_from_double(volatility));
}

// bar_variance.h: how much a market moved inside a bar, judged by the bar and those around it.
//
// The rougher the inside of a bar is drawn, the more its moves take each other back; drawn too smooth, whoever follows
// a move earns. So the variance is drawn from what the bars say: the bars around give what to expect and how far it
// varies from bar to bar (Garman and Klass, "On the estimation of security price volatilities from historical data",
// Journal of Business 53, 1980), the bar's own extremes and close give each variance its likelihood (sim/bridge.h).
//
// Error    the extremes of a market that was looked at every dt seconds lie 0.58 sigma sqrt(dt) inside those of one
//          looked at always (Broadie, Glasserman, Kou 1997); that is not made up for. It takes 2.4 % off the variance
//          of bars of 3,600 prices, and 18 % off that of bars of 60.
// Pure     as sim/bridge.h.
#ifndef MT_SIM_BAR_VARIANCE_H
#define MT_SIM_BAR_VARIANCE_H

#include "sim/exchange.h"

enum { BARS_AROUND = 16 };   // on each side

// In e8 squared, over the whole bar. `around`: up to 2 * BARS_AROUND other bars near it in time, in any order; draw
// uniform in [0, 1).
double bar_variance(const struct exchange_bar *bar, const struct exchange_bar *around, int32_t count,
                    int64_t tick_e8, double draw);

#endif

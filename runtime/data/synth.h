// synth.h: a market made from a seed. Same options, same bars, on every machine.
//
// Model    returns with volatility that clusters, slow drifts that change sign, a day's rhythm in volume; the
//          open of a bar is the close before it, give or take a tick; prices lie on the tick. No function of
//          libm whose last digit could differ between machines is used on the way to a price.
#ifndef MT_DATA_SYNTH_H
#define MT_DATA_SYNTH_H

#include "data/series.h"

struct synth_options {
    char symbol[SERIES_SYMBOL_MAX];
    int32_t interval;   // enum interval
    int64_t start_us;   // of the first bar, on the grid
    int64_t count;
    int64_t price_e8;   // first open
    int64_t tick_e8, step_e8;
    double volatility;   // standard deviation of a day's return, 0.03
    uint64_t seed;
};

// Fills *out with bars it owns; ERR_INVALID, ERR_NO_MEMORY.
int synth_bars(const struct synth_options *o, struct series *out, struct errmsg *e);

#endif

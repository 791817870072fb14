// grid.c: times of bars, stepped along an interval.
#include "data/grid.h"

#include "base/units.h"
#include "trade/record.h"
#include "trade/interval.h"

int64_t grid_next(int32_t interval, int64_t t_us) {
    if (interval != INTERVAL_1MO) return t_us + interval_us(interval);
    return interval_floor(interval,
                          t_us + 31 * DAY_US);   // 31 days from a first always end in the next month
}

int64_t grid_missing(int32_t interval, int64_t a_us, int64_t b_us) {
    if (interval != INTERVAL_1MO) return (b_us - a_us) / interval_us(interval) - 1;
    int64_t missing = 0;
    for (int64_t t = grid_next(interval, a_us); t < b_us; t = grid_next(interval, t)) missing++;
    return missing;
}

int32_t grid_interval_of(int64_t spacing_us) {
    for (int32_t i = 0; i < INTERVAL_1MO; i++)
        if (interval_us(i) == spacing_us) return i;
    return spacing_us >= 28 * DAY_US && spacing_us <= 31 * DAY_US ? INTERVAL_1MO : -1;
}

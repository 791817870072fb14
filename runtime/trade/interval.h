// interval.h: the intervals of bars: names, lengths, and the grid they stand on (UTC).
//
// Units    microseconds since the epoch.
#ifndef MT_TRADE_INTERVAL_H
#define MT_TRADE_INTERVAL_H

#include <stdint.h>

// Bars: the exchange's interval names, in rising length.
enum interval {
    INTERVAL_1M,
    INTERVAL_3M,
    INTERVAL_5M,
    INTERVAL_15M,
    INTERVAL_30M,
    INTERVAL_1H,
    INTERVAL_2H,
    INTERVAL_4H,
    INTERVAL_6H,
    INTERVAL_8H,
    INTERVAL_12H,
    INTERVAL_1D,
    INTERVAL_3D,
    INTERVAL_1W,
    INTERVAL_1MO,
    INTERVAL_COUNT
};

// The close time of a bar lies so long before the next one opens.
enum { BAR_CLOSE_US = 1000 };

// Length of an interval in microseconds; INTERVAL_1MO gives 30 days, use interval_floor for its real bounds.
int64_t interval_us(int32_t interval);

// The interval named `name` ("1m", "4h", "1M", or "1mo" as in archive names), or -1.
int32_t interval_find(const char *name);

// The start of the bar of this interval that holds time t_us (weeks start on Monday, months on the first;
// UTC).
int64_t interval_floor(int32_t interval, int64_t t_us);

#endif

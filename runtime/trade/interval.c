// interval.c: bar lengths and bounds (contract in record.h). Civil calendar by arithmetic, so that no time
// zone of the machine can move a bar.
#include "base/units.h"
#include "trade/record.h"

#include "base/assert.h"
#include "trade/names.h"

#include <string.h>

enum { DAYS_PER_ERA = 146097 };   // 400 years of the Gregorian calendar

static const int32_t interval_seconds[INTERVAL_COUNT] = {
    [INTERVAL_1M] = 60,        [INTERVAL_3M] = 180,       [INTERVAL_5M] = 300,         [INTERVAL_15M] = 900,
    [INTERVAL_30M] = 1800,     [INTERVAL_1H] = 3600,      [INTERVAL_2H] = 7200,        [INTERVAL_4H] = 14400,
    [INTERVAL_6H] = 21600,     [INTERVAL_8H] = 28800,     [INTERVAL_12H] = 43200,      [INTERVAL_1D] = 86400,
    [INTERVAL_3D] = 3 * 86400, [INTERVAL_1W] = 7 * 86400, [INTERVAL_1MO] = 30 * 86400,
};

int64_t interval_us(int32_t interval) {
    ASSERT(interval >= 0);
    ASSERT(interval < INTERVAL_COUNT);
    return interval_seconds[interval] * SECOND_US;
}

int32_t interval_find(const char *name) {
    if (name == NULL) return -1;
    for (int32_t i = 0; i < INTERVAL_COUNT; i++) {
        if (strcmp(interval_names[i], name) == 0) return i;
    }
    return strcmp(name, "1mo") == 0 ? (int32_t)INTERVAL_1MO : -1;
}

static int64_t floor_div(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

// The day of its month, 0 for the first. Years are taken to start in March, so that the leap day comes last
// and the lengths of the months follow one formula.
static int64_t day_of_month(int64_t days) {
    int64_t shifted = days + 719468;   // from 0000-03-01
    int64_t day_of_era = shifted - floor_div(shifted, DAYS_PER_ERA) * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (DAYS_PER_ERA - 1)) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    return day_of_year - (153 * month + 2) / 5;
}

int64_t interval_floor(int32_t interval, int64_t t_us) {
    int64_t length_us = interval_us(interval);
    if (interval == INTERVAL_1MO) {
        int64_t days = floor_div(t_us, DAY_US);
        return (days - day_of_month(days)) * DAY_US;
    }
    // The epoch was a Thursday: weeks are counted from Monday, 1969-12-29.
    int64_t origin_us = interval == INTERVAL_1W ? -3 * DAY_US : 0;
    return origin_us + floor_div(t_us - origin_us, length_us) * length_us;
}

// grid.c: times of bars: read, written, and stepped along an interval.
#include "data/grid.h"

#include "base/err.h"
#include "base/units.h"
#include "trade/record.h"
#include "trade/interval.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int digits_read(const char *text, size_t count, int *out) {
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return ERR_SYNTAX;
        value = value * 10 + (text[i] - '0');
    }
    *out = value;
    return 0;
}

static int integer_parse(const char *text, size_t size, int64_t *out_us) {
    int64_t value = 0;
    if (size == 0 || size > 17) return ERR_SYNTAX;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return ERR_SYNTAX;
        value = value * 10 + (text[i] - '0');
    }
    // Seconds stay below 1e11 until the year 5138, milliseconds are above it since 1973.
    if (value < 100000000000LL)
        value *= SECOND_US;
    else if (value < 100000000000000LL)
        value *= 1000;
    *out_us = value;
    return 0;
}

// The time of day behind a date: [ T]HH:MM[:SS[.fff]], then Z, +00:00 or nothing.
static int clock_parse(const char *text, size_t size, struct tm *tm) {
    if (size < 6 || (text[0] != ' ' && text[0] != 'T') || text[3] != ':') return ERR_SYNTAX;
    if (digits_read(text + 1, 2, &tm->tm_hour) || digits_read(text + 4, 2, &tm->tm_min)) return ERR_SYNTAX;
    size_t i = 6;
    if (i + 3 <= size && text[i] == ':') {
        if (digits_read(text + i + 1, 2, &tm->tm_sec)) return ERR_SYNTAX;
        i += 3;
        // A fraction is only accepted when it is zero: no bar opens inside a second.
        if (i < size && text[i] == '.')
            for (i++; i < size && text[i] == '0'; i++) {
            }
    }
    bool zone = (size - i == 1 && text[i] == 'Z') || (size - i == 6 && memcmp(text + i, "+00:00", 6) == 0);
    if (i != size && !zone) return ERR_SYNTAX;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60 ? 0 : ERR_SYNTAX;
}

int stamp_parse(const char *text, size_t size, int64_t *out_us) {
    if (size < 10 || text[4] != '-') return integer_parse(text, size, out_us);
    struct tm tm = { 0 };
    if (text[7] != '-') return ERR_SYNTAX;
    if (digits_read(text, 4, &tm.tm_year) || digits_read(text + 5, 2, &tm.tm_mon)) return ERR_SYNTAX;
    if (digits_read(text + 8, 2, &tm.tm_mday)) return ERR_SYNTAX;
    if (size > 10 && clock_parse(text + 10, size - 10, &tm)) return ERR_SYNTAX;
    int day = tm.tm_mday;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_year < 70) return ERR_SYNTAX;
    int64_t seconds = timegm(&tm);
    if (tm.tm_mday != day) return ERR_SYNTAX;   // timegm carried 31 February over into March
    *out_us = seconds * SECOND_US;
    return 0;
}

const char *stamp_text(char out[STAMP_TEXT_MAX], int64_t t_us) {
    time_t seconds = (time_t)(t_us / SECOND_US);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm)) {
        snprintf(out, STAMP_TEXT_MAX, "%lld", (long long)t_us);
        return out;
    }
    strftime(out, STAMP_TEXT_MAX, tm.tm_sec ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
    return out;
}

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

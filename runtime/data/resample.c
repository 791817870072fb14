// resample.c: bars of a longer interval made of shorter ones.
#include "data/columns.h"
#include "data/grid.h"
#include "trade/record.h"

#include "base/assert.h"
#include "base/wide.h"
#include "trade/names.h"
#include "trade/interval.h"

#include <string.h>

// A longer grid fits when each of its bounds is one of the base's: weeks and months start on a midnight.
static bool grid_fits(int32_t base, int32_t interval) {
    if (interval < 0 || interval >= INTERVAL_COUNT || base < 0 || base >= INTERVAL_COUNT) return false;
    if (interval == base) return true;
    if (interval == INTERVAL_1MO || interval == INTERVAL_1W) return base <= INTERVAL_1D;
    return interval_us(interval) > interval_us(base) && interval_us(interval) % interval_us(base) == 0;
}

// The base bars of whole longer ones: what begins inside one, or ends inside one, is left out.
static void whole_part(const struct series *base, int32_t interval, int64_t *first, int64_t *end) {
    *first = 0;
    *end = base->count;
    if (base->count == 0 || interval == base->interval) return;
    int64_t open_us = base->open_us[0], floor_us = interval_floor(interval, open_us);
    if (floor_us < open_us) *first = series_at_or_after(base, grid_next(interval, floor_us));
    int64_t last_us = base->open_us[base->count - 1], last_floor_us = interval_floor(interval, last_us);
    if (grid_next(base->interval, last_us) < grid_next(interval, last_floor_us))
        *end = series_at_or_after(base, last_floor_us);
    if (*end < *first) *end = *first;
}

static int64_t bars_count(const struct series *base, int32_t interval, int64_t first, int64_t end) {
    int64_t count = 0;
    int64_t end_us = INT64_MIN;
    for (int64_t i = first; i < end; i++) {
        if (base->open_us[i] < end_us) continue;
        end_us = grid_next(interval, interval_floor(interval, base->open_us[i]));
        count++;
    }
    return count;
}

// Of a column that may not be there.
static int64_t value_at(const struct series *s, int column, int64_t i) {
    const int64_t *values = columns_get(s, column);
    return values ? values[i] : 0;
}

static void bar_start(int64_t *columns[COLUMN_COUNT], int64_t at, const struct series *base, int64_t i) {
    for (int c = COLUMN_OPEN; c < COLUMN_COUNT; c++) columns[c][at] = value_at(base, c, i);
}

static void bar_add(int64_t *columns[COLUMN_COUNT], int64_t at, const struct series *base, int64_t i) {
    if (base->high_e8[i] > columns[COLUMN_HIGH][at]) columns[COLUMN_HIGH][at] = base->high_e8[i];
    if (base->low_e8[i] < columns[COLUMN_LOW][at]) columns[COLUMN_LOW][at] = base->low_e8[i];
    columns[COLUMN_CLOSE][at] = base->close_e8[i];
    columns[COLUMN_TRADES][at] += base->trades[i];
    for (int c = COLUMN_VOLUME; c < COLUMN_VOLUME_HIGH; c++) {
        int high = columns_high(c);
        if (high >= 0)
            wide_add(&columns[c][at], &columns[high][at], columns_get(base, c)[i], value_at(base, high, i));
    }
}

int series_resample(const struct series *base, int32_t interval, struct series *out, struct errmsg *e) {
    memset(out, 0, sizeof *out);
    if (interval < 0 || interval >= INTERVAL_COUNT)
        return errmsg_set(e, ERR_INVALID, "%s: there is no interval number %d", base->symbol, interval);
    if (!grid_fits(base->interval, interval))
        return errmsg_set(e, ERR_INVALID, "%s: bars of %s cannot be made from bars of %s", base->symbol,
                          interval_names[interval], interval_names[base->interval]);
    memcpy(out->symbol, base->symbol, sizeof out->symbol);
    out->interval = interval;
    out->interval_us = interval_us(interval);
    int64_t *columns[COLUMN_COUNT];
    int64_t first, end;
    whole_part(base, interval, &first, &end);
    int64_t count = bars_count(base, interval, first, end);
    if (count == 0) return columns_finish(out);
    if (columns_alloc(out, count, columns)) return errmsg_set(e, ERR_NO_MEMORY, "no memory for the bars");

    int64_t at = -1;
    int64_t end_us = INT64_MIN;
    for (int64_t i = first; i < end; i++) {
        if (base->open_us[i] < end_us) {
            bar_add(columns, at, base, i);
            continue;
        }
        int64_t floor_us = interval_floor(interval, base->open_us[i]);
        if (at >= 0) out->gap_count += grid_missing(interval, columns[COLUMN_OPEN_US][at], floor_us);
        end_us = grid_next(interval, floor_us);
        columns[COLUMN_OPEN_US][++at] = floor_us;
        bar_start(columns, at, base, i);
    }
    ASSERT(at == count - 1);
    if (columns_finish(out) == 0) return 0;
    series_close(out);
    return errmsg_set(e, ERR_NO_MEMORY, "no memory to hash the bars");
}

// coverage.c: of what times a file of bars or funding rates holds rows.
#include "data/coverage.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "data/csv_rows.h"
#include "data/grid.h"
#include "trade/interval.h"

#include <stdlib.h>
#include <string.h>

static int by_time(const void *a, const void *b) {
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

int coverage_read(const char *path, bool signed_prices, struct coverage *out, struct errmsg *e) {
    struct rows rows;
    memset(out, 0, sizeof *out);
    int err = rows_read(path, 0, signed_prices, NULL, NULL, &rows, e);
    if (!err) {
        out->rows = rows.count;
        out->times_us = alloc_bytes(sizeof(int64_t) * (size_t)rows.count);
        for (int64_t i = 0; i < rows.count; i++) out->times_us[i] = rows.bars[i].values[COLUMN_OPEN_US];
        qsort(out->times_us, (size_t)rows.count, sizeof(int64_t), by_time);
        for (int64_t i = 0; i < rows.count; i++)
            if (i == 0 || out->times_us[i] != out->times_us[i - 1])
                out->times_us[out->count++] = out->times_us[i];
    }
    rows_free(&rows);
    return err;
}

void coverage_free(struct coverage *c) {
    free(c->times_us);
    *c = (struct coverage){ 0 };
}

int32_t coverage_spans(const struct coverage *c, int32_t interval, struct coverage_span *out, int32_t size) {
    int32_t count = 0;
    int64_t from_us = 0, next_us = 0;
    for (int64_t i = 0; i <= c->count; i++) {
        bool end = i == c->count;
        int64_t open_us = end ? 0 : interval_floor(interval, c->times_us[i]);
        if (!end && i > 0 && open_us <= next_us) {
            if (open_us == next_us) next_us = grid_next(interval, open_us);
            continue;
        }
        if (i > 0) {
            if (count < size) out[count] = (struct coverage_span){ from_us, next_us };
            count++;
        }
        if (end) break;
        from_us = open_us;
        next_us = grid_next(interval, open_us);
    }
    ASSERT(count >= 0 && (c->count == 0 || count > 0));
    return count;
}

// coverage.h: of what times a file of bars or funding rates holds rows.
//
// Owner    coverage_free releases the times, also after an error.
// Errors   as rows_read (data/csv_rows.h): a damaged file is told by file and line.
#ifndef MT_DATA_COVERAGE_H
#define MT_DATA_COVERAGE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct coverage {
    int64_t *times_us;   // rising, each once
    int64_t count;
    int64_t rows;   // as they stand in the file, doubles too
};

int coverage_read(const char *path, bool signed_prices, struct coverage *out, struct errmsg *e);
void coverage_free(struct coverage *c);

// Bars that follow each other without a gap: from the first open up to where the next one would open.
struct coverage_span {
    int64_t from_us, to_us;
};

// The spans of a file of bars. Returns how many there are; at most `size` are written.
int32_t coverage_spans(const struct coverage *c, int32_t interval, struct coverage_span *out, int32_t size);

#endif

// join.h: rows of several files as one series or one list of funding rates, with order, grid and gaps
// checked.
#ifndef MT_DATA_JOIN_H
#define MT_DATA_JOIN_H

#include "data/csv_rows.h"

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct join_part {
    const char *path;
    struct rows rows;
};

// Rows that stand twice and say the same are taken once and counted; those that differ are refused.
struct join_doubles {
    int64_t count;
    const char *path, *before_path;   // of the first one, and of the row it repeats; NULL: none
    int32_t line, before_line;
};

// Sorts the parts by first stamp, checks them and fills *out, whose symbol and interval are set. That the rows are of
// that interval is told by their distance and by close_time, whatever gaps are allowed. ERR_GAP, ERR_FORMAT.
int join_bars(struct join_part *parts, int32_t count, bool allow_gaps, struct series *out,
              struct join_doubles *doubles, struct errmsg *e);

// The same for funding: strictly rising, no grid.
int join_funding(struct join_part *parts, int32_t count, struct funding_series *out,
                 struct join_doubles *doubles, struct errmsg *e);

#endif

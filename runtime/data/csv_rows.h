// csv_rows.h: one file of bars or funding rates as typed rows, read through libcsv.
//
// Owner    rows_free releases what rows_read filled, also after an error.
// Columns  told by data/layout.h. Numbers may have a decimal comma where the delimiter is another; a separator
//          of thousands is refused. A price finer than 1e-8 is refused unless the rest is the noise of a
//          printed binary number.
// Checked  the shape of each row: field count, numbers, low <= open, close <= high, nothing negative.
//          Order, grid and gaps are the caller's affair: they need the interval and the neighbouring files.
#ifndef MT_DATA_CSV_ROWS_H
#define MT_DATA_CSV_ROWS_H

#include "data/columns.h"

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct bar_row {
    int64_t values[COLUMN_COUNT];   // of funding: time and rate, the rest 0
    int64_t close_us;               // as the file has it; 0: it has none
};

// A row that is none: what is wrong with it.
struct row_fault {
    int32_t line;
    char text[128];   // as the message of rows_read says it behind the file's name
};

struct rows {
    bool funding, signed_prices;
    uint32_t columns;   // bit 1 << enum column: those that the file has
    struct bar_row *bars;
    int32_t *lines;   // the line of the file each row stands on
    int64_t count, capacity;
    struct row_fault *faults;   // of rows_survey
    int64_t fault_count, fault_capacity;
};

// Told after each block how many bytes of the file are used up.
typedef void (*rows_progress)(void *ctx, int64_t used);

// Reads `path`; at most row_max rows when it is above 0 (dates that may be day or month first are then taken as
// they come). `signed_prices`: a premium, which has any sign. ERR_FORMAT also for a file without rows.
int rows_read(const char *path, int64_t row_max, bool signed_prices, rows_progress progress,
              void *progress_ctx, struct rows *out, struct errmsg *e);

// As rows_read of a whole file, but goes on behind a row that is none, and tells of each.
int rows_survey(const char *path, bool signed_prices, struct rows *out, struct errmsg *e);

void rows_free(struct rows *r);

#endif

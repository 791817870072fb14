// layout.h: what the columns of a CSV file are: its delimiter, its header, and what each column holds, told
// from its first lines.
//
// Known    archives of the exchange and what other exchanges, tools and platforms write: any order of columns by the
//          names of a header (the table in layout.c), lines of titles before it, headers of several lines
//          (yfinance), date and time in two columns (MetaTrader); delimiters , ; tab |. Without a header: the
//          12 columns of a kline archive, time open high low close [volume [trades]], and MetaTrader's.
#ifndef MT_DATA_LAYOUT_H
#define MT_DATA_LAYOUT_H

#include "base/err.h"
#include "data/columns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LAYOUT_FIELDS_MAX = 64 };

// What a column holds: enum column, or one of these.
enum {
    LAYOUT_NOTHING = -1,
    LAYOUT_CLOSE_TIME = COLUMN_COUNT,
    LAYOUT_CLOCK,   // the time of day beside a date
    LAYOUT_RATE     // funding
};

struct layout {
    unsigned char delimiter;
    bool funding;
    int32_t header_line;   // 0: none
    int32_t first_line;    // of the first row; lines are counted from 1
    int32_t field_count;   // of a row
    int8_t roles[LAYOUT_FIELDS_MAX];
};

// From the first bytes of a file. ERR_FORMAT with one line that names `path`, what was looked for and where.
int layout_find(const char *path, const char *text, size_t size, struct layout *out, struct errmsg *e);

#endif

// table.h: any CSV of an archive (.csv, .csv.gz, .zip) as columns of numbers, block by block: for what is looked through
// rather than stored.
//
// Owner    table_close releases all. The columns of a block stand until the next one.
// Units    as each column is asked for: integers as they are, decimals e8, stamps in microseconds.
// Errors   ERR_NOT_FOUND, ERR_IO, ERR_FORMAT with one line. A row that is none is no error: it is left out and told in
//          `faults` of the block.
#ifndef MT_DATA_TABLE_H
#define MT_DATA_TABLE_H

#include "data/csv_rows.h"

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { TABLE_COLUMNS_MAX = 16 };

enum table_type { TABLE_SKIP, TABLE_INTEGER, TABLE_DECIMAL, TABLE_STAMP, TABLE_BOOLEAN };

struct table;

struct table_block {
    int32_t columns;
    int64_t count;
    const int64_t *values[TABLE_COLUMNS_MAX];
    const int32_t *lines;
    const struct row_fault *faults;
    int64_t fault_count;
};

// `types` holds one enum table_type a column; rows have at least so many fields. A first line that begins with a letter is
// a header.
int table_open(const char *path, const uint8_t *types, int32_t columns, struct table **out, struct errmsg *e);

// The next rows: 1, 0 at the end, or an error.
int table_next(struct table *t, struct table_block *out, struct errmsg *e);

void table_close(struct table *t);

#endif

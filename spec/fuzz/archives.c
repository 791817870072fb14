// archives.c: files of history under libFuzzer: ZIP and gzip archives and CSV, as bars, funding rates and trades.
//
// The first byte of an input says what the rest is: 0 CSV, 1 ZIP, 2 gzip; with 4 added, that trades are looked for, with 8, that bars are of a
// premium, which has any sign; with 16, that rows are looked through one by one, as bars and as a table; with 32, that the rest is a
// page of a bucket's listing.
#include "data/csv_rows.h"
#include "data/listing.h"
#include "data/table.h"
#include "data/trade_file.h"
#include "fuzz.h"

static const char *const endings[] = { ".csv", ".zip", ".csv.gz" };

static void bars(const char *path, bool premium) {
    struct rows rows;
    struct errmsg e;
    if (rows_read(path, 0, premium, NULL, NULL, &rows, &e) == 0) {
        if (rows.count <= 0) abort();
        for (int64_t i = 0; i < rows.count && !rows.funding; i++) {
            const int64_t *v = rows.bars[i].values;
            if (v[COLUMN_LOW] > v[COLUMN_OPEN] || v[COLUMN_HIGH] < v[COLUMN_CLOSE] || v[COLUMN_VOLUME] < 0)
                abort();
        }
    }
    rows_free(&rows);
}

static void trades(const char *path) {
    struct trade_file *f;
    struct trade_row row;
    struct errmsg e;
    int64_t last_us = INT64_MIN;
    if (trade_file_open(&path, 1, &f, &e)) return;
    while (trade_file_next(f, &row, &e) == 1) {
        if (row.price_e8 <= 0 || row.qty_e8 <= 0 || row.time_us < last_us) abort();
        last_us = row.time_us;
    }
    trade_file_close(f);
}

// What looks through a file goes on behind a row that is none.
static void survey(const char *path, bool premium) {
    struct rows rows;
    struct errmsg e;
    struct table *t;
    struct table_block b;
    if (rows_survey(path, premium, &rows, &e) == 0 && rows.count <= 0) abort();
    rows_free(&rows);
    const uint8_t types[] = { TABLE_INTEGER, TABLE_DECIMAL, TABLE_STAMP, TABLE_BOOLEAN };
    if (table_open(path, types, 4, &t, &e)) return;
    int32_t line = 0;
    while (table_next(t, &b, &e) == 1) {
        if (b.count == 0 && b.fault_count == 0) abort();
        for (int64_t i = 0; i < b.count; i++) {
            if (b.lines[i] < line || b.values[3][i] < 0 || b.values[3][i] > 1) abort();
            line = b.lines[i];
        }
    }
    table_close(t);
}

static void listing(const char *text, size_t size) {
    struct bucket_listing l;
    struct errmsg e;
    if (listing_read(text, size, &l, &e) == 0)
        for (int32_t i = 0; i < l.count; i++)
            if (l.keys[i].key[0] == '\0' || l.keys[i].size < 0) abort();
    listing_free(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    if (data[0] & 32) {
        listing((const char *)data + 1, size - 1);
        return 0;
    }
    const char *path = fuzz_file(endings[(data[0] & 3) % 3], data + 1, size - 1);
    if (data[0] & 16)
        survey(path, (data[0] & 8) != 0);
    else if (data[0] & 4)
        trades(path);
    else
        bars(path, (data[0] & 8) != 0);
    return 0;
}

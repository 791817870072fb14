// import.h: turns files of bars into series, through a store of mapped files that later runs reuse.
//
// Sources  Binance kline archives (CSV with or without header; .csv, .csv.gz, .zip; ms or us stamps), any CSV
//          whose header names open_time (time, timestamp, date), open, high, low, close and, if it has it,
//          volume; Binance fundingRate archives (calc_time, funding_interval_hours, last_funding_rate).
//          Klines of the mark price, the index and the premium are told by markPriceKlines, indexPriceKlines and
//          premiumIndexKlines in a folder's or the file's name. They are no bars, and may have gaps.
// Store    one file for each (symbol, interval, set of sources), written under a temporary name and renamed;
//          it is reused while every source's path and bytes are what they were (data/sources.h).
// Errors   one line in `e` that says what, in which file and line, and how to mend it; nothing is left
//          half-written.
#ifndef MT_DATA_IMPORT_H
#define MT_DATA_IMPORT_H

#include "data/series.h"

#include <stdbool.h>
#include <stdint.h>

struct import_options {
    const char *const *paths;   // files and folders (searched in depth)
    int32_t path_count;
    const char *symbol;     // NULL: read off the file names. With one: only files of that symbol, and files
                            // whose name has no symbol are taken to be of it
    const char *interval;   // NULL: read off the names, else from the spacing of the first rows
    const char
        *store;   // folder of the store; NULL: MOONTIDE_STORE, XDG_CACHE_HOME/moontide, HOME/.cache/moontide
    bool allow_gaps;   // accept missing bars (never duplicates, disorder or malformed rows)
    // Told now and then while reading; NULL: nobody. `done` and `total` in bytes of source files.
    void (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx;
    // One line that is worth telling and no error (files skipped and why, gaps accepted); NULL: nobody.
    void (*notice)(void *ctx, const char *line);
    void *notice_ctx;
};

struct import_result {
    struct series *series;   // sorted by symbol, then interval; owned by the result
    int32_t series_count;
    struct series *others;   // mark price, index and premium klines, told by series.kind; sorted as `series`
    int32_t other_count;
    struct funding_series *funding;   // sorted by symbol
    int32_t funding_count;
    bool reused;   // every series came from the store as it was
};

// ERR_NOT_FOUND (no such file, or nothing importable in a folder), ERR_IO, ERR_FORMAT, ERR_GAP,
// ERR_NO_MEMORY.
int import_run(const struct import_options *options, struct import_result *out, struct errmsg *e);
void import_free(struct import_result *r);

// "AVAXUSDT-1m-2023-02.csv.gz" -> "AVAXUSDT" and an interval; *interval is -1 when the name tells none, and
// the result false when it has no symbol either.
bool import_name(const char *path, char symbol[SERIES_SYMBOL_MAX], int32_t *interval);

#endif

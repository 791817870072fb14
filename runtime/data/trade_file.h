// trade_file.h: trades of files, one after the other: Binance archives of aggTrades and trades (.csv,
// .csv.gz, .zip, with or without a header), read as far as they are asked for.
//
// Errors   ERR_NOT_FOUND, ERR_IO, ERR_FORMAT with one line that says which file and line.
#ifndef MT_DATA_TRADE_FILE_H
#define MT_DATA_TRADE_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct trade_row {
    int64_t time_us, price_e8, qty_e8;
    bool buyer_maker;   // the taker sold
};

struct trade_file;

// Files in the order of time; paths are copied.
int trade_file_open(const char *const *paths, int32_t count, struct trade_file **out, struct errmsg *e);

// The next trade: 1, 0 at the end, or an error. Times may not fall.
int trade_file_next(struct trade_file *f, struct trade_row *row, struct errmsg *e);

void trade_file_close(struct trade_file *f);

#endif

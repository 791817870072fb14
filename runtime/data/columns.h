// columns.h: the columns of a series as one block: how they lie, are allocated, bound and hashed.
//
// Layout   column after column, each padded to whole pages, so a store file maps onto the same shape.
// Owner    a block belongs to its series; series_close unmaps it, whether file or anonymous memory.
#ifndef MT_DATA_COLUMNS_H
#define MT_DATA_COLUMNS_H

#include "data/series.h"
#include "trade/record.h"

#include <stddef.h>
#include <stdint.h>

enum column {
    COLUMN_OPEN_US,
    COLUMN_OPEN,
    COLUMN_HIGH,
    COLUMN_LOW,
    COLUMN_CLOSE,
    COLUMN_VOLUME,
    COLUMN_QUOTE_VOLUME,
    COLUMN_TRADES,
    COLUMN_TAKER_VOLUME,
    COLUMN_TAKER_QUOTE_VOLUME,
    // What of a volume lies beyond 62 bits (base/dec.h, wide): 0 but for the largest markets.
    COLUMN_VOLUME_HIGH,
    COLUMN_QUOTE_VOLUME_HIGH,
    COLUMN_TAKER_VOLUME_HIGH,
    COLUMN_TAKER_QUOTE_VOLUME_HIGH,
    COLUMN_COUNT
};

// The column with the higher part of a volume's column; -1 for the others.
int columns_high(int column);

// Whether a column holds nothing but zeros, or is not there.
bool columns_all_zero(const struct series *s, int column);

enum { COLUMN_PAGE = 4096 };

// Bytes from one column to the next when each holds `count` values.
size_t column_stride(int64_t count);

// Gives `s` a block of its own for `count` bars (zeroed) and its writable columns; ERR_NO_MEMORY.
int columns_alloc(struct series *s, int64_t count, int64_t *columns[COLUMN_COUNT]);

// One more bar of a series from columns_alloc, which grows when its `capacity` is used up; its own address
// stays.
int columns_append(struct series *s, int64_t *capacity, const int64_t values[COLUMN_COUNT]);

// Points the columns of `s` into `base`; s->count must be set.
void columns_bind(struct series *s, const void *base);

// Column number `column` of `s`.
const int64_t *columns_get(const struct series *s, int column);

// A bar of a series as a record (its symbol is the caller's to set), and a record as the values of a row.
struct kline_record columns_kline(const struct series *s, int64_t i);
void columns_of_kline(const struct kline_record *k, int64_t values[COLUMN_COUNT]);

// Sets decimals and hash from what the columns hold. ERR_NO_MEMORY when OpenSSL cannot hash.
int columns_finish(struct series *s);

// SHA-256 of a few blocks one after the other, as 64 hexadecimal digits and a terminator.
int sha256_hex(const void *const blocks[], const size_t sizes[], int block_count, char out[65]);

#endif

// series.h: bars in columns, mapped from a store file or held in memory.
//
// Owner    series_close releases mapping or memory. Columns are read-only to everyone but the maker.
// Units    open_us: microseconds UTC; prices and volumes e8; trades a count.
// Invariant open_us strictly rises and lies on the interval's grid; low <= open, close <= high; volume >= 0.
#ifndef MT_DATA_SERIES_H
#define MT_DATA_SERIES_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { SERIES_SYMBOL_MAX = 32 };

// What prices a series is of: trades, or one of the archives beside them.
enum series_kind { SERIES_TRADES, SERIES_MARK, SERIES_INDEX, SERIES_PREMIUM, SERIES_KIND_COUNT };

struct series {
    char symbol[SERIES_SYMBOL_MAX];
    uint8_t kind;       // enum series_kind
    int32_t interval;   // enum interval (trade/call.h)
    int64_t interval_us;
    int64_t count;
    const int64_t *open_us;
    const int64_t *open_e8, *high_e8, *low_e8, *close_e8;
    const int64_t *volume_e8, *quote_volume_e8, *trades, *taker_volume_e8, *taker_quote_volume_e8;
    // Volumes beyond 62 bits (base/wide.h): their higher part; NULL in a series made by hand: 0.
    const int64_t *volume_high, *quote_volume_high, *taker_volume_high, *taker_quote_volume_high;
    int32_t price_decimals, quantity_decimals;   // the most seen in the data
    int64_t gap_count;                           // missing bars inside, when gaps were allowed
    char hash[65];                               // SHA-256 of the columns, hexadecimal
    void *owned;                                 // mapping or block; NULL for a view into another series
    int64_t owned_size;
};

extern const char *const series_kind_names[SERIES_KIND_COUNT];   // "", "mark price ", ...: before an interval

void series_close(struct series *s);

// The index of the first bar with open_us >= t_us (count when none).
int64_t series_at_or_after(const struct series *s, int64_t t_us);

// Narrows *s to the bars with from_us <= open_us < to_us; the mapping stays owned.
void series_clip(struct series *s, int64_t from_us, int64_t to_us);

// Bars of a longer interval made from a shorter series: open of the first, highest, lowest, close of the
// last, sums. A bar is made for each grid interval that holds at least one base bar; none of the first that the base
// begins inside of, nor of the last that it ends inside of. ERR_INVALID when `interval` is not a multiple of the base's.
// `out` owns its memory.
int series_resample(const struct series *base, int32_t interval, struct series *out, struct errmsg *e);

// Writes a series as an archive CSV with header (gzip when the name ends in .gz), under a temporary name
// renamed at the end; ERR_IO.
int series_write_csv(const struct series *s, const char *path, struct errmsg *e);

// Funding rates of a symbol, by time.
struct funding_series {
    char symbol[SERIES_SYMBOL_MAX];
    int64_t count;
    const int64_t *time_us;   // the nominal stamp (jitter of the archive rounded off to the minute)
    const int64_t *rate_e8;
    void *owned;
    int64_t owned_size;
};

void funding_close(struct funding_series *f);

#endif

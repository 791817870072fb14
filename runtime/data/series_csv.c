// series_csv.c: a series written as a CSV of the archive's form.
#include "data/series.h"

#include "base/dec.h"
#include "base/wide.h"
#include "data/archive_row.h"
#include "data/columns.h"
#include "data/grid.h"
#include "data/source.h"
#include "trade/interval.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static int put(void *file, bool zipped, const char *text, int size) {
    if (zipped) return gzwrite(file, text, (unsigned)size) == size ? 0 : ERR_IO;
    return fwrite(text, 1, (size_t)size, file) == (size_t)size ? 0 : ERR_IO;
}

static int row_text(const struct series *s, int64_t i, char *out, size_t size) {
    char d[4][DEC_TEXT_MAX], w[4][WIDE_TEXT_MAX];
    struct kline_record k = columns_kline(s, i);
    dec_print(d[0], k.open_e8, s->price_decimals);
    dec_print(d[1], k.high_e8, s->price_decimals);
    dec_print(d[2], k.low_e8, s->price_decimals);
    dec_print(d[3], k.close_e8, s->price_decimals);
    wide_print(w[0], k.volume_e8, k.volume_high, wide_decimals(k.volume_e8, k.volume_high));
    wide_print(w[1], k.quote_volume_e8, k.quote_volume_high,
               wide_decimals(k.quote_volume_e8, k.quote_volume_high));
    wide_print(w[2], k.taker_volume_e8, k.taker_volume_high,
               wide_decimals(k.taker_volume_e8, k.taker_volume_high));
    wide_print(w[3], k.taker_quote_volume_e8, k.taker_quote_volume_high,
               wide_decimals(k.taker_quote_volume_e8, k.taker_quote_volume_high));
    long long close_ms = (grid_next(s->interval, k.open_us) - BAR_CLOSE_US) / 1000;
    return snprintf(out, size, "%lld,%s,%s,%s,%s,%s,%lld,%s,%lld,%s,%s,0\n", (long long)(k.open_us / 1000),
                    d[0], d[1], d[2], d[3], w[0], close_ms, w[1], (long long)k.trades, w[2], w[3]);
}

int series_write_csv(const struct series *s, const char *path, struct errmsg *e) {
    char temporary[4200];
    snprintf(temporary, sizeof temporary, "%s.tmp-%d", path, (int)getpid());
    bool zipped = name_ends(path, ".gz");
    void *file = zipped ? (void *)gzopen(temporary, "wb6") : (void *)fopen(temporary, "wb");
    if (!file) return errmsg_set(e, ERR_IO, "cannot write %s: %s", path, strerror(errno));
    int status = put(file, zipped, archive_kline_header, (int)strlen(archive_kline_header));
    for (int64_t i = 0; i < s->count && status == 0; i++) {
        char line[512];
        status = put(file, zipped, line, row_text(s, i, line, sizeof line));
    }
    if ((zipped ? gzclose(file) : fclose(file)) != 0) status = ERR_IO;
    if (status == 0 && rename(temporary, path) != 0) status = ERR_IO;
    if (status != 0) {
        unlink(temporary);
        return errmsg_set(e, ERR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    return 0;
}

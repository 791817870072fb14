// series.c: bars in columns, mapped or in memory.
#include "data/series.h"

#include "base/assert.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

const char *const series_kind_names[SERIES_KIND_COUNT] = { "", "mark price ", "index price ",
                                                           "premium index " };

void series_close(struct series *s) {
    if (s->owned) munmap(s->owned, (size_t)s->owned_size);
    memset(s, 0, sizeof *s);
}

int64_t series_at_or_after(const struct series *s, int64_t t_us) {
    int64_t low = 0;
    int64_t high = s->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (s->open_us[middle] < t_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void series_clip(struct series *s, int64_t from_us, int64_t to_us) {
    int64_t from = series_at_or_after(s, from_us);
    int64_t to = series_at_or_after(s, to_us);
    if (to < from) to = from;
    const int64_t **const columns[] = { &s->open_us,           &s->open_e8,
                                        &s->high_e8,           &s->low_e8,
                                        &s->close_e8,          &s->volume_e8,
                                        &s->quote_volume_e8,   &s->trades,
                                        &s->taker_volume_e8,   &s->taker_quote_volume_e8,
                                        &s->volume_high,       &s->quote_volume_high,
                                        &s->taker_volume_high, &s->taker_quote_volume_high };
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (*columns[i]) *columns[i] += from;
    s->count = to - from;
    ASSERT(s->count >= 0);
}

void funding_close(struct funding_series *f) {
    if (f->owned) munmap(f->owned, (size_t)f->owned_size);
    memset(f, 0, sizeof *f);
}

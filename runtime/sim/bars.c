// bars.c: one-minute bars, added up to longer intervals when asked for.
#include "sim/bars.h"

#include "base/array.h"
#include "base/assert.h"
#include "base/units.h"
#include "trade/interval.h"
#include "trade/kline.h"

#include <stdlib.h>
#include <string.h>

enum { REPLY_MINUTES = 1500 };   // as many bars as a reply can hold

void bars_free(struct bars *b) {
    free(b->minutes);
    memset(b, 0, sizeof *b);
}

void bars_add(struct bars *b, const struct kline_record *minute) {
    ASSERT(minute->low_e8 <= minute->high_e8);
    ASSERT(minute->open_us < minute->close_us);
    ASSERT(b->count == 0 || minute->open_us > b->minutes[b->count - 1].open_us);
    ARRAY_ROOM(b->minutes, b->size, b->count + 1);
    b->minutes[b->count] = *minute;
    b->minutes[b->count++].symbol = b->symbol;
}

static void add_flat(struct bars *b, int64_t open_us, int64_t price) {
    ASSERT(open_us % MINUTE_US == 0);
    struct kline_record k = { .open_us = open_us,
                              .close_us = open_us + MINUTE_US - BAR_CLOSE_US,
                              .open_e8 = price,
                              .high_e8 = price,
                              .low_e8 = price,
                              .close_e8 = price };
    bars_add(b, &k);
}

void bars_fill(struct bars *b, int64_t now_us) {
    ASSERT(now_us >= 0);
    if (b->count == 0) return;
    int64_t floor_us = now_us - now_us % MINUTE_US;
    while (b->minutes[b->count - 1].open_us + MINUTE_US <= floor_us) {
        const struct kline_record *last = &b->minutes[b->count - 1];
        // After a leap of days the hole is left: as many flat bars as a reply can hold are enough.
        int64_t next = last->open_us + MINUTE_US;
        if (floor_us - next > REPLY_MINUTES * MINUTE_US) next = floor_us - REPLY_MINUTES * MINUTE_US;
        add_flat(b, next, last->close_e8);
    }
}

struct kline_record *bars_price(struct bars *b, int64_t price, int64_t time_us) {
    bars_fill(b, time_us);
    int64_t floor_us = time_us - time_us % MINUTE_US;
    if (b->count == 0 || b->minutes[b->count - 1].open_us < floor_us) add_flat(b, floor_us, price);
    struct kline_record *k = &b->minutes[b->count - 1];
    if (k->trades == 0) k->open_e8 = k->high_e8 = k->low_e8 = price;   // a flat bar gets its first one
    if (price > k->high_e8) k->high_e8 = price;
    if (price < k->low_e8) k->low_e8 = price;
    k->close_e8 = price;
    k->trades++;
    ASSERT(k->low_e8 <= price && price <= k->high_e8);
    return k;
}

static int64_t bar_end_us(int32_t interval, int64_t open_us) {
    ASSERT(interval >= 0 && interval < INTERVAL_COUNT);
    if (interval != INTERVAL_1MO) return open_us + interval_us(interval);
    return interval_floor(interval, open_us + 32 * DAY_US);
}

void bars_join(struct kline_record *bar, const struct kline_record *minute) {
    ASSERT(minute->open_us >= bar->open_us);
    if (minute->high_e8 > bar->high_e8) bar->high_e8 = minute->high_e8;
    if (minute->low_e8 < bar->low_e8) bar->low_e8 = minute->low_e8;
    bar->close_e8 = minute->close_e8;
    ASSERT(bar->low_e8 <= bar->close_e8 && bar->close_e8 <= bar->high_e8);
    kline_add_volumes(bar, minute);
}

int64_t bars_find(const struct bars *b, int64_t t_us) {
    int64_t low = 0, high = b->count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (b->minutes[middle].open_us < t_us)
            low = middle + 1;
        else
            high = middle;
    }
    ASSERT(low == b->count || b->minutes[low].open_us >= t_us);
    ASSERT(low == 0 || b->minutes[low - 1].open_us < t_us);
    return low;
}

struct kline_record bars_from(const struct bars *b, int32_t interval, int64_t *at) {
    ASSERT(*at >= 0 && *at < b->count);
    struct kline_record bar = b->minutes[*at];
    bar.open_us = interval_floor(interval, bar.open_us);
    int64_t end_us = bar_end_us(interval, bar.open_us);
    bar.close_us = end_us - BAR_CLOSE_US;
    for (++*at; *at < b->count && b->minutes[*at].open_us < end_us; ++*at) bars_join(&bar, &b->minutes[*at]);
    return bar;
}

int32_t bars_klines(const struct bars *b, int32_t interval, int64_t start_us, int64_t end_us, int32_t limit,
                    struct kline_record *rows) {
    ASSERT(limit >= 0);
    int32_t count = 0;
    if (start_us > 0) {
        int64_t first = interval_floor(interval, start_us);
        if (first < start_us) first = bar_end_us(interval, first);
        int64_t at = bars_find(b, first);
        while (at < b->count && count < limit && b->minutes[at].open_us <= end_us) {
            rows[count++] = bars_from(b, interval, &at);
        }
        return count;
    }
    int64_t end = end_us == INT64_MAX ? b->count : bars_find(b, end_us + 1);
    while (end > 0 && count < limit) {   // from the end backwards, then turned round
        int64_t open_us = interval_floor(interval, b->minutes[end - 1].open_us);
        int64_t at = bars_find(b, open_us);
        int64_t next = at;
        rows[count++] = bars_from(b, interval, &next);
        end = at;
    }
    for (int32_t i = 0, k = count - 1; i < k; i++, k--) {
        struct kline_record row = rows[i];
        rows[i] = rows[k];
        rows[k] = row;
    }
    return count;
}

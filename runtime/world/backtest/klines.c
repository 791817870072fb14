// klines.c: the bars that a backtest's exchange answers with, those closed and the one that forms.
#include "base/num.h"
#include "base/units.h"
#include "world/backtest/private.h"
#include "data/columns.h"
#include "trade/interval.h"
#include "trade/kline.h"

static void kline_add(struct kline_record *k, const struct series *s, int64_t i, bool first) {
    if (first) {
        k->open_e8 = s->open_e8[i];
        k->high_e8 = s->high_e8[i];
        k->low_e8 = s->low_e8[i];
    }
    if (s->high_e8[i] > k->high_e8) k->high_e8 = s->high_e8[i];
    if (s->low_e8[i] < k->low_e8) k->low_e8 = s->low_e8[i];
    k->close_e8 = s->close_e8[i];
    struct kline_record bar = columns_kline(s, i);
    kline_add_volumes(k, &bar);
}

static int64_t grid_end(int32_t interval, int64_t start_us) {
    if (interval == INTERVAL_1MO) return interval_floor(interval, start_us + 32 * DAY_US);
    return start_us + interval_us(interval);
}

// One bar of `interval` starting at start_us, from closed base bars and the forming one.
static bool make_kline(const struct kline_source *from, int32_t interval, int64_t start_us,
                       struct kline_record *k) {
    int64_t end_us = grid_end(interval, start_us);
    const struct series *s = from->series;
    *k = (struct kline_record){ .open_us = start_us,
                                .close_us = end_us - BAR_CLOSE_US,
                                .symbol = from->symbol };
    bool first = true;
    for (int64_t i = series_at_or_after(s, start_us); i < from->closed && s->open_us[i] < end_us; i++) {
        kline_add(k, s, i, first);
        first = false;
    }
    const struct exchange_bar *forming = &from->forming;
    if (from->is_forming && forming->open_us >= start_us && forming->open_us < end_us) {
        // Its volume is not known before it closes; prices only as far as the path has come.
        if (first) {
            k->open_e8 = forming->open_e8;
            k->high_e8 = forming->high_e8;
            k->low_e8 = forming->low_e8;
            first = false;
        }
        if (forming->high_e8 > k->high_e8) k->high_e8 = forming->high_e8;
        if (forming->low_e8 < k->low_e8) k->low_e8 = forming->low_e8;
        k->close_e8 = forming->close_e8;
    }
    return !first;
}

int32_t klines_fill(const struct kline_source *from, int32_t interval, int64_t start_us, int64_t end_us,
                    int32_t limit, int64_t now_us, struct kline_record *rows) {
    const struct series *s = from->series;
    if (interval < s->interval || (interval != INTERVAL_1MO && interval_us(interval) % s->interval_us != 0))
        return -1;
    if (s->count == 0 || limit <= 0) return 0;
    if (end_us > now_us || end_us == 0) end_us = now_us;
    int32_t count = 0;
    // A bar that the data begin inside of is none.
    int64_t whole_us = interval_floor(interval, s->open_us[0]);
    if (whole_us < s->open_us[0]) whole_us = grid_end(interval, whole_us);
    if (start_us != 0) {
        if (start_us < whole_us) start_us = whole_us;
        int64_t t = interval_floor(interval, start_us);
        if (t < start_us) t = grid_end(interval, t);
        for (; t <= end_us && count < limit; t = grid_end(interval, t)) {
            if (make_kline(from, interval, t, &rows[count])) count++;
        }
        return count;
    }
    for (int64_t t = interval_floor(interval, end_us); t >= whole_us && count < limit;
         t = interval_floor(interval, t - 1)) {
        if (make_kline(from, interval, t, &rows[count])) count++;
    }
    for (int32_t i = 0; i < count / 2; i++) {
        struct kline_record k = rows[i];
        rows[i] = rows[count - 1 - i];
        rows[count - 1 - i] = k;
    }
    return count;
}

int32_t backtest_klines(void *ctx, int16_t symbol, int32_t interval, int64_t start_us, int64_t end_us,
                        int32_t limit, int64_t now_us, struct kline_record *rows) {
    const struct backtest *b = ctx;
    const struct market *m = backtest_market_of(b, symbol);
    if (!m) return 0;
    bool open = m->open_close_us != NEVER;
    struct kline_source from = { .series = m->series,
                                 .closed = open ? m->next - 1 : m->next,
                                 .symbol = symbol };
    while (from.closed > 0 && backtest_bar_close_us(m->series, from.closed - 1) > now_us) from.closed--;
    from.is_forming = open && exchange_forming(b->exchange, symbol, now_us, &from.forming);
    return klines_fill(&from, interval, start_us, end_us, limit, now_us, rows);
}

int32_t backtest_bars_around(void *ctx, int16_t symbol, int64_t open_us, int32_t most,
                             struct exchange_bar *rows) {
    const struct backtest *b = ctx;
    const struct market *m = backtest_market_of(b, symbol);
    if (!m) return 0;
    int64_t at = series_at_or_after(m->series, open_us), end = num_min(at + most + 1, m->series->count);
    int32_t count = 0;
    for (int64_t i = at > most ? at - most : 0; i < end; i++) {
        if (i != at) rows[count++] = backtest_bar_at(m->series, i);
    }
    return count;
}

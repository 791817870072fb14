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

// One bar of `interval` starting at start_us, from closed base bars below `closed` and the forming one.
static bool make_kline(const struct backtest *b, const struct market *m, int32_t interval, int64_t start_us,
                       int64_t closed, int64_t now_us, struct kline_record *k) {
    int64_t end_us = grid_end(interval, start_us);
    *k = (struct kline_record){ .open_us = start_us, .close_us = end_us - BAR_CLOSE_US, .symbol = m->symbol };
    bool first = true;
    for (int64_t i = series_at_or_after(m->series, start_us); i < closed && m->series->open_us[i] < end_us;
         i++) {
        kline_add(k, m->series, i, first);
        first = false;
    }
    struct exchange_bar forming;
    if (m->open_close_us != NEVER && exchange_forming(b->exchange, m->symbol, now_us, &forming) &&
        forming.open_us >= start_us && forming.open_us < end_us) {
        // Its volume is not known before it closes; prices only as far as the path has come.
        if (first) {
            k->open_e8 = forming.open_e8;
            k->high_e8 = forming.high_e8;
            k->low_e8 = forming.low_e8;
            first = false;
        }
        if (forming.high_e8 > k->high_e8) k->high_e8 = forming.high_e8;
        if (forming.low_e8 < k->low_e8) k->low_e8 = forming.low_e8;
        k->close_e8 = forming.close_e8;
    }
    return !first;
}

int32_t backtest_klines(void *ctx, int16_t symbol, int32_t interval, int64_t start_us, int64_t end_us,
                        int32_t limit, int64_t now_us, struct kline_record *rows) {
    const struct backtest *b = ctx;
    const struct market *m = backtest_market_of(b, symbol);
    if (!m) return 0;
    if (interval < m->series->interval ||
        (interval != INTERVAL_1MO && interval_us(interval) % m->series->interval_us != 0))
        return -1;
    int64_t closed = m->open_close_us != NEVER ? m->next - 1 : m->next;   // base bars certainly over
    while (closed > 0 && backtest_bar_close_us(m->series, closed - 1) > now_us) closed--;
    if (m->series->count == 0 || limit <= 0) return 0;
    if (end_us > now_us || end_us == 0) end_us = now_us;
    int32_t count = 0;
    // A bar that the data begin inside of is none.
    int64_t whole_us = interval_floor(interval, m->series->open_us[0]);
    if (whole_us < m->series->open_us[0]) whole_us = grid_end(interval, whole_us);
    if (start_us != 0) {
        if (start_us < whole_us) start_us = whole_us;
        int64_t t = interval_floor(interval, start_us);
        if (t < start_us) t = grid_end(interval, t);
        for (; t <= end_us && count < limit; t = grid_end(interval, t)) {
            if (make_kline(b, m, interval, t, closed, now_us, &rows[count])) count++;
        }
        return count;
    }
    for (int64_t t = interval_floor(interval, end_us); t >= whole_us && count < limit;
         t = interval_floor(interval, t - 1)) {
        if (make_kline(b, m, interval, t, closed, now_us, &rows[count])) count++;
    }
    for (int32_t i = 0; i < count / 2; i++) {
        struct kline_record k = rows[i];
        rows[i] = rows[count - 1 - i];
        rows[count - 1 - i] = k;
    }
    return count;
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

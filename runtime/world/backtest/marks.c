// marks.c: klines of the mark price, the index and the premium beside the bars of a backtest.
#include "base/num.h"
#include "world/backtest/private.h"
#include "trade/interval.h"
#include "venue/binance/endpoint.h"

// The first kline that begins at t_us or later; t_us rises from call to call, but for a second look at one bar.
static int64_t seek(const struct series *s, int64_t from, int64_t t_us) {
    enum { STEPS = 16 };
    for (int k = 0; k < STEPS && from < s->count; k++, from++) {
        if (s->open_us[from] >= t_us) return from;
    }
    return series_at_or_after(s, t_us);
}

void marks_tell(struct backtest *b, struct market *m, int64_t bar) {
    const struct series *s = m->others[SERIES_MARK];
    if (!s || s->interval > m->series->interval) return;
    int64_t open_us = m->series->open_us[bar], close_us = backtest_bar_close_us(m->series, bar);
    int64_t i = m->mark_next = seek(s, m->mark_next, open_us);
    struct exchange_bar k = { .open_us = open_us, .close_us = close_us };
    for (int64_t first = i; i < s->count && s->open_us[i] <= close_us; i++) {
        if (i == first) {
            k.open_e8 = s->open_e8[i];
            k.high_e8 = s->high_e8[i];
            k.low_e8 = s->low_e8[i];
        }
        k.high_e8 = num_max(k.high_e8, s->high_e8[i]);
        k.low_e8 = num_min(k.low_e8, s->low_e8[i]);
        k.close_e8 = s->close_e8[i];
    }
    exchange_mark_bar(b->exchange, m->symbol, k.low_e8 > 0 ? &k : NULL);
}

int32_t marks_klines(void *ctx, int32_t endpoint, int16_t symbol, int32_t interval, int64_t start_us,
                     int64_t end_us, int32_t limit, int64_t now_us, struct kline_record *rows) {
    const struct backtest *b = ctx;
    const struct market *m = backtest_market_of(b, symbol);
    int kind = endpoint == EP_MARK_KLINES    ? SERIES_MARK
               : endpoint == EP_INDEX_KLINES ? SERIES_INDEX
                                             : SERIES_PREMIUM;
    if (!m || !m->others[kind]) return -2;
    // Inside an open bar shorter klines would tell how the price really went, which is drawn here: they are seen when
    // the bar has closed.
    bool open = m->open_close_us != NEVER;
    int64_t until_us = open ? m->series->open_us[m->next - 1] : now_us + BAR_CLOSE_US;
    struct kline_source from = { .series = m->others[kind], .symbol = symbol };
    from.closed = series_at_or_after(from.series, until_us);
    while (from.closed > 0 && backtest_bar_close_us(from.series, from.closed - 1) >= until_us) from.closed--;
    from.is_forming =
        open && kind == SERIES_MARK && exchange_mark_forming(b->exchange, symbol, now_us, &from.forming);
    return klines_fill(&from, interval, start_us, end_us, limit, now_us, rows);
}

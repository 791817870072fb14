// synthetic_market.c: the market of a world without data.
#include "world/backtest/synthetic_market.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/dec.h"
#include "base/units.h"
#include "data/columns.h"
#include "sim/flow.h"
#include "trade/interval.h"

#include <stdio.h>
#include <stdlib.h>

enum { BARS_MAX = 64 };

struct bar_list {
    struct series series;
    int64_t capacity;
    int16_t symbol;
    int32_t interval;
};

struct synthetic_market {
    struct exchange *x;
    struct flow *flow;
    int32_t symbol_count, bars_count;
    int64_t minute_us;   // the next full minute
    struct bar_list bars[BARS_MAX];
};

static void open_symbol(struct exchange *x, int16_t k, const struct series *s, int64_t now_us) {
    int64_t shift_us = now_us - (s->open_us[s->count - 1] + s->interval_us);
    exchange_open_book(x, k, now_us, s->close_e8[s->count - 1]);
    struct tape *t = exchange_tape(x, k);
    for (int64_t i = 0; i < s->count; i++) {
        struct kline_record bar = columns_kline(s, i);
        bar.open_us += shift_us;
        bar.close_us += shift_us;
        tape_history(t, &bar);
    }
}

struct synthetic_market *synthetic_market_new(const struct synthetic_options *o, struct exchange *x,
                                              int32_t symbol_count, int64_t now_us) {
    ASSERT(now_us % MINUTE_US == 0);
    struct synthetic_market *m = alloc_zeroed(1, sizeof *m);
    m->x = x;
    m->symbol_count = symbol_count;
    m->minute_us = now_us + MINUTE_US;
    for (int16_t k = 0; k < symbol_count; k++) open_symbol(x, k, o->history[k], now_us);
    struct flow_options flow = {
        .seed = o->seed, .volatility = o->volatility, .rate = o->rate, .spread_ticks = 2
    };
    m->flow = flow_new(&flow, x, symbol_count, now_us);
    for (int16_t k = 0; k < symbol_count; k++) exchange_make_mark(x, k, o->seed * 1000 + (uint64_t)k);
    return m;
}

void synthetic_market_free(struct synthetic_market *m) {
    if (!m) return;
    for (int32_t i = 0; i < m->bars_count; i++) series_close(&m->bars[i].series);
    flow_free(m->flow);
    free(m);
}

int64_t synthetic_market_next_us(const struct synthetic_market *m) {
    int64_t flow_us = flow_next_us(m->flow);
    return flow_us < m->minute_us ? flow_us : m->minute_us;
}

static void append(struct bar_list *b, const struct kline_record *k) {
    int64_t values[COLUMN_COUNT];
    columns_of_kline(k, values);
    MUST(columns_append(&b->series, &b->capacity, values) == ERR_OK);
}

static bool end_bars(struct synthetic_market *m, int64_t now_us) {
    bool ended = false;
    for (int32_t i = 0; i < m->bars_count; i++) {
        struct bar_list *b = &m->bars[i];
        if (interval_floor(b->interval, now_us) != now_us) continue;
        struct tape *t = exchange_tape(m->x, b->symbol);
        struct kline_record bar;
        tape_fill(t, now_us);
        if (tape_klines(t, b->interval, 0, now_us - 1, 1, &bar) != 1) continue;
        append(b, &bar);
        ended = true;
    }
    return ended;
}

bool synthetic_market_advance(struct synthetic_market *m, int64_t now_us) {
    flow_advance(m->flow, now_us);
    if (now_us < m->minute_us) return false;
    m->minute_us += MINUTE_US;
    return end_bars(m, now_us);
}

const struct series *synthetic_market_bars(struct synthetic_market *m, int16_t symbol, int32_t interval) {
    ASSERT(symbol >= 0 && symbol < m->symbol_count);
    for (int32_t i = 0; i < m->bars_count; i++) {
        if (m->bars[i].symbol == symbol && m->bars[i].interval == interval) return &m->bars[i].series;
    }
    if (m->bars_count == BARS_MAX) return NULL;
    struct bar_list *b = &m->bars[m->bars_count];
    *b = (struct bar_list){ .capacity = 1024, .symbol = symbol, .interval = interval };
    int64_t *columns[COLUMN_COUNT];
    if (columns_alloc(&b->series, b->capacity, columns)) return NULL;
    snprintf(b->series.symbol, sizeof b->series.symbol, "%s", exchange_symbol(m->x, symbol)->name);
    b->series.interval = interval;
    b->series.interval_us = interval_us(interval);
    b->series.count = 0;
    m->bars_count++;
    return &b->series;
}

// tape.c: the last trades of one symbol, aggregated ones, and bars.
#include "sim/tape.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "base/wide.h"
#include "base/dec.h"
#include "base/err.h"
#include "base/units.h"
#include "trade/interval.h"

#include <stdlib.h>
#include <string.h>

#define AGGREGATE_US INT64_C(100000)

void tape_init(struct tape *t, int16_t symbol) {
    memset(t, 0, sizeof *t);
    t->symbol = t->bars.symbol = symbol;
    t->trades = alloc_zeroed(TAPE_TRADES, sizeof *t->trades);
    t->aggregates = alloc_zeroed(TAPE_AGGREGATES, sizeof *t->aggregates);
}

void tape_free(struct tape *t) {
    free(t->trades);
    free(t->aggregates);
    bars_free(&t->bars);
    free(t->first_ids);
    memset(t, 0, sizeof *t);
}

// The first trades of the minutes there are by now.
static void index_minutes(struct tape *t) {
    ASSERT(t->ids_count <= t->bars.count);
    ARRAY_ROOM(t->first_ids, t->ids_size, t->bars.count);
    while (t->ids_count < t->bars.count) t->first_ids[t->ids_count++] = 0;
    ASSERT(t->ids_count == t->bars.count);
    ASSERT(t->ids_count <= t->ids_size);
}

void tape_history(struct tape *t, const struct kline_record *minute) {
    bars_add(&t->bars, minute);
    index_minutes(t);
}

void tape_fill(struct tape *t, int64_t now_us) {
    bars_fill(&t->bars, now_us);
    index_minutes(t);
}

static void aggregate(struct tape *t, int64_t id, int64_t price, int64_t qty, bool buyer_maker,
                      int64_t time_us) {
    ASSERT(price > 0);
    ASSERT(t->aggregate_count >= 0);
    if (t->aggregate_count > 0) {
        struct agg_trade_record *a = &t->aggregates[(t->aggregate_count - 1) % TAPE_AGGREGATES];
        bool same = a->price_e8 == price && a->buyer_maker == buyer_maker;
        if (same && time_us - a->time_us < AGGREGATE_US && a->qty_e8 <= DEC_MAX - qty) {
            a->qty_e8 += qty;
            a->last_id = id;
            return;
        }
    }
    int64_t number = t->aggregate_count++;
    t->aggregates[number % TAPE_AGGREGATES] = (struct agg_trade_record){ .id = number + 1,
                                                                         .price_e8 = price,
                                                                         .qty_e8 = qty,
                                                                         .first_id = id,
                                                                         .last_id = id,
                                                                         .time_us = time_us,
                                                                         .symbol = t->symbol,
                                                                         .buyer_maker = buyer_maker };
}

void tape_trade(struct tape *t, int64_t id, int64_t price, int64_t qty, bool buyer_maker, int64_t time_us) {
    ASSERT(price > 0);
    ASSERT(qty > 0);
    ASSERT(id > 0);
    int64_t quote = dec_mul_round(price, qty);
    t->trades[t->trade_count++ % TAPE_TRADES] = (struct trade_record){ .id = id,
                                                                       .price_e8 = price,
                                                                       .qty_e8 = qty,
                                                                       .quote_qty_e8 = quote,
                                                                       .time_us = time_us,
                                                                       .symbol = t->symbol,
                                                                       .maker = buyer_maker };
    aggregate(t, id, price, qty, buyer_maker, time_us);
    t->last_qty_e8 = qty;

    struct kline_record *k = bars_price(&t->bars, price, time_us);
    index_minutes(t);
    if (k->trades == 1) t->first_ids[t->bars.count - 1] = id;
    wide_add(&k->volume_e8, &k->volume_high, qty, 0);
    wide_add_product(&k->quote_volume_e8, &k->quote_volume_high, price, qty);
    if (buyer_maker) return;
    wide_add(&k->taker_volume_e8, &k->taker_volume_high, qty, 0);
    wide_add_product(&k->taker_quote_volume_e8, &k->taker_quote_volume_high, price, qty);
}

// ---- bars ----

int32_t tape_klines(const struct tape *t, int32_t interval, int64_t start_us, int64_t end_us, int32_t limit,
                    struct kline_record *rows) {
    ASSERT(limit >= 0);
    return bars_klines(&t->bars, interval, start_us, end_us, limit, rows);
}

bool tape_bar(const struct tape *t, int32_t interval, int64_t now_us, struct kline_record *bar,
              int64_t *first_id, int64_t *last_id) {
    ASSERT(t->ids_count == t->bars.count);
    int64_t at = bars_find(&t->bars, interval_floor(interval, now_us));
    if (at >= t->bars.count) return false;
    *first_id = 0;
    for (int64_t i = at; i < t->bars.count && *first_id == 0; i++) *first_id = t->first_ids[i];
    *bar = bars_from(&t->bars, interval, &at);
    int64_t next = 0;
    for (; at < t->bars.count && next == 0; at++) next = t->first_ids[at];
    *last_id = next != 0            ? next - 1
               : t->trade_count > 0 ? t->trades[(t->trade_count - 1) % TAPE_TRADES].id
                                    : 0;
    return true;
}

void tape_day(const struct tape *t, int64_t now_us, struct ticker_record *out) {
    int64_t first = bars_find(&t->bars, now_us - now_us % MINUTE_US - DAY_US);
    if (first >= t->bars.count) return;
    struct kline_record sum = t->bars.minutes[first];
    for (int64_t i = first + 1; i < t->bars.count; i++) bars_join(&sum, &t->bars.minutes[i]);
    out->open_us = sum.open_us;
    out->close_us = now_us;
    out->open_e8 = sum.open_e8;
    out->high_e8 = sum.high_e8;
    out->low_e8 = sum.low_e8;
    out->last_e8 = sum.close_e8;
    out->volume_e8 = sum.volume_e8;
    out->quote_volume_e8 = sum.quote_volume_e8;
    out->volume_high = sum.volume_high;
    out->quote_volume_high = sum.quote_volume_high;
    out->count = sum.trades;
    out->last_qty_e8 = t->last_qty_e8;
    out->change_e8 = sum.close_e8 - sum.open_e8;
    if (sum.open_e8 != 0) {
        out->change_percent_e8 = dec_round_to(
            dec_mul_div_round(out->change_e8, INT64_C(100) * DEC_ONE, sum.open_e8), DEC_ONE / 1000);
    }
    bool traded = sum.volume_e8 != 0 || sum.volume_high != 0;
    out->weighted_avg_e8 =
        traded ? wide_ratio_e8(sum.quote_volume_e8, sum.quote_volume_high, sum.volume_e8, sum.volume_high)
               : sum.close_e8;
    out->last_id = t->trade_count > 0 ? t->trades[(t->trade_count - 1) % TAPE_TRADES].id : 0;
    out->first_id = out->last_id > 0 ? out->last_id - out->count + 1 : 0;   // ids have no holes
}

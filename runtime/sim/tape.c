#include "sim/tape.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE_US INT64_C(60000000)
#define DAY_US INT64_C(86400000000)
#define AGGREGATE_US INT64_C(100000)

int tape_init(struct tape *t, int16_t symbol) {
    memset(t, 0, sizeof *t);
    t->symbol = symbol;
    t->trades = calloc(TAPE_TRADES, sizeof *t->trades);
    t->aggregates = calloc(TAPE_AGGREGATES, sizeof *t->aggregates);
    if (t->trades && t->aggregates) return ERR_OK;
    tape_free(t);
    return ERR_NO_MEMORY;
}

void tape_free(struct tape *t) {
    free(t->trades);
    free(t->aggregates);
    free(t->minutes);
    free(t->first_ids);
    memset(t, 0, sizeof *t);
}

static void minute_add(struct tape *t, const struct kline_record *k) {
    if (t->minute_count == t->minute_size) {
        t->minute_size = t->minute_size ? t->minute_size * 2 : 4096;
        t->minutes = realloc(t->minutes, (size_t)t->minute_size * sizeof *t->minutes);
        t->first_ids = realloc(t->first_ids, (size_t)t->minute_size * sizeof *t->first_ids);
        ASSERT(t->minutes && t->first_ids);
    }
    t->first_ids[t->minute_count] = 0;
    t->minutes[t->minute_count++] = *k;
}

void tape_history(struct tape *t, const struct kline_record *minute) {
    ASSERT(t->minute_count == 0 || minute->open_us > t->minutes[t->minute_count - 1].open_us);
    minute_add(t, minute);
    t->minutes[t->minute_count - 1].symbol = t->symbol;
}

static struct kline_record flat(const struct tape *t, int64_t open_us, int64_t price) {
    return (struct kline_record){ .open_us = open_us, .close_us = open_us + MINUTE_US - 1000, .open_e8 = price,
                                  .high_e8 = price, .low_e8 = price, .close_e8 = price, .symbol = t->symbol };
}

void tape_fill(struct tape *t, int64_t now_us) {
    if (t->minute_count == 0) return;
    int64_t floor_us = now_us - now_us % MINUTE_US;
    while (t->minutes[t->minute_count - 1].open_us + MINUTE_US <= floor_us) {
        const struct kline_record *last = &t->minutes[t->minute_count - 1];
        // After a leap of days the hole is left: as many flat bars as a reply can hold are enough.
        int64_t next = last->open_us + MINUTE_US;
        if (floor_us - next > 1500 * MINUTE_US) next = floor_us - 1500 * MINUTE_US;
        struct kline_record k = flat(t, next, last->close_e8);
        minute_add(t, &k);
    }
}

static void aggregate(struct tape *t, int64_t id, int64_t price, int64_t qty, bool buyer_maker, int64_t time_us) {
    if (t->aggregate_count > 0) {
        struct agg_trade_record *a = &t->aggregates[(t->aggregate_count - 1) % TAPE_AGGREGATES];
        if (a->price_e8 == price && a->buyer_maker == buyer_maker && time_us - a->time_us < AGGREGATE_US) {
            a->qty_e8 += qty;
            a->last_id = id;
            return;
        }
    }
    int64_t number = t->aggregate_count++;
    t->aggregates[number % TAPE_AGGREGATES] = (struct agg_trade_record){
        .id = number + 1, .price_e8 = price, .qty_e8 = qty, .first_id = id, .last_id = id, .time_us = time_us,
        .symbol = t->symbol, .buyer_maker = buyer_maker };
}

void tape_trade(struct tape *t, int64_t id, int64_t price, int64_t qty, bool buyer_maker, int64_t time_us) {
    int64_t quote = dec_mul_round(price, qty);
    t->trades[t->trade_count++ % TAPE_TRADES] = (struct trade_record){
        .id = id, .price_e8 = price, .qty_e8 = qty, .quote_qty_e8 = quote, .time_us = time_us, .symbol = t->symbol,
        .maker = buyer_maker };
    aggregate(t, id, price, qty, buyer_maker, time_us);
    t->last_qty_e8 = qty;

    tape_fill(t, time_us);
    int64_t floor_us = time_us - time_us % MINUTE_US;
    if (t->minute_count == 0 || t->minutes[t->minute_count - 1].open_us < floor_us) {
        struct kline_record k = flat(t, floor_us, price);
        minute_add(t, &k);
    }
    struct kline_record *k = &t->minutes[t->minute_count - 1];
    if (k->trades == 0) {   // a flat bar gets its first trade
        k->open_e8 = k->high_e8 = k->low_e8 = price;
        t->first_ids[t->minute_count - 1] = id;
    }
    if (price > k->high_e8) k->high_e8 = price;
    if (price < k->low_e8) k->low_e8 = price;
    k->close_e8 = price;
    k->trades++;
    k->volume_e8 += qty;
    k->quote_volume_e8 += quote;
    if (buyer_maker) return;
    k->taker_volume_e8 += qty;
    k->taker_quote_volume_e8 += quote;
}

// ---- bars -------------------------------------------------------------------------------------------------------

static int64_t bar_end_us(int32_t interval, int64_t open_us) {
    if (interval != INTERVAL_1MO) return open_us + interval_us(interval);
    return interval_floor(interval, open_us + 32 * DAY_US);
}

static void bar_add(struct kline_record *bar, const struct kline_record *minute) {
    if (minute->high_e8 > bar->high_e8) bar->high_e8 = minute->high_e8;
    if (minute->low_e8 < bar->low_e8) bar->low_e8 = minute->low_e8;
    bar->close_e8 = minute->close_e8;
    bar->volume_e8 += minute->volume_e8;
    bar->quote_volume_e8 += minute->quote_volume_e8;
    bar->trades += minute->trades;
    bar->taker_volume_e8 += minute->taker_volume_e8;
    bar->taker_quote_volume_e8 += minute->taker_quote_volume_e8;
}

// The index of the first minute that opens at or after t_us.
static int64_t minute_at(const struct tape *t, int64_t t_us) {
    int64_t low = 0, high = t->minute_count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (t->minutes[middle].open_us < t_us) low = middle + 1; else high = middle;
    }
    return low;
}

// The bar that begins with minute *at; *at moves past it.
static struct kline_record bar_from(const struct tape *t, int32_t interval, int64_t *at) {
    struct kline_record bar = t->minutes[*at];
    bar.open_us = interval_floor(interval, bar.open_us);
    int64_t end_us = bar_end_us(interval, bar.open_us);
    bar.close_us = end_us - 1000;
    for (++*at; *at < t->minute_count && t->minutes[*at].open_us < end_us; ++*at) bar_add(&bar, &t->minutes[*at]);
    return bar;
}

int32_t tape_klines(const struct tape *t, int32_t interval, int64_t start_us, int64_t end_us, int32_t limit,
                    struct kline_record *rows) {
    int32_t count = 0;
    if (start_us > 0) {
        int64_t first = interval_floor(interval, start_us);
        if (first < start_us) first = bar_end_us(interval, first);
        int64_t at = minute_at(t, first);
        while (at < t->minute_count && count < limit && t->minutes[at].open_us <= end_us) {
            rows[count++] = bar_from(t, interval, &at);
        }
        return count;
    }
    int64_t end = end_us == INT64_MAX ? t->minute_count : minute_at(t, end_us + 1);
    while (end > 0 && count < limit) {   // from the end backwards, then turned round
        int64_t open_us = interval_floor(interval, t->minutes[end - 1].open_us);
        int64_t at = minute_at(t, open_us);
        int64_t next = at;
        rows[count++] = bar_from(t, interval, &next);
        end = at;
    }
    for (int32_t i = 0, k = count - 1; i < k; i++, k--) {
        struct kline_record row = rows[i];
        rows[i] = rows[k];
        rows[k] = row;
    }
    return count;
}

bool tape_bar(const struct tape *t, int32_t interval, int64_t now_us, struct kline_record *bar, int64_t *first_id,
              int64_t *last_id) {
    int64_t at = minute_at(t, interval_floor(interval, now_us));
    if (at >= t->minute_count) return false;
    *first_id = 0;
    for (int64_t i = at; i < t->minute_count && *first_id == 0; i++) *first_id = t->first_ids[i];
    *bar = bar_from(t, interval, &at);
    int64_t next = 0;
    for (; at < t->minute_count && next == 0; at++) next = t->first_ids[at];
    *last_id = next != 0 ? next - 1 : t->trade_count > 0 ? t->trades[(t->trade_count - 1) % TAPE_TRADES].id : 0;
    return true;
}

void tape_day(const struct tape *t, int64_t now_us, struct ticker_record *out) {
    int64_t first = minute_at(t, now_us - now_us % MINUTE_US - DAY_US + MINUTE_US);
    if (first >= t->minute_count) return;
    struct kline_record sum = t->minutes[first];
    for (int64_t i = first + 1; i < t->minute_count; i++) bar_add(&sum, &t->minutes[i]);
    out->open_us = sum.open_us;
    out->close_us = now_us;
    out->open_e8 = sum.open_e8;
    out->high_e8 = sum.high_e8;
    out->low_e8 = sum.low_e8;
    out->last_e8 = sum.close_e8;
    out->volume_e8 = sum.volume_e8;
    out->quote_volume_e8 = sum.quote_volume_e8;
    out->count = sum.trades;
    out->last_qty_e8 = t->last_qty_e8;
    out->change_e8 = sum.close_e8 - sum.open_e8;
    if (sum.open_e8 != 0) {
        out->change_percent_e8 = dec_round_to(dec_mul_div_round(out->change_e8, INT64_C(100) * DEC_ONE, sum.open_e8), DEC_ONE / 1000);
    }
    out->weighted_avg_e8 = sum.volume_e8 ? dec_div_round(sum.quote_volume_e8, sum.volume_e8) : sum.close_e8;
    out->last_id = t->trade_count > 0 ? t->trades[(t->trade_count - 1) % TAPE_TRADES].id : 0;
    out->first_id = out->last_id > 0 ? out->last_id - out->count + 1 : 0;   // ids have no holes
}

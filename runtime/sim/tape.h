// tape.h: what has traded in one symbol: the last trades, the aggregated ones, and bars of every interval.
// Pure.
//
// Owner    tape_free releases it. Rows are copied out.
// Units    e8, microseconds.
#ifndef MT_SIM_TAPE_H
#define MT_SIM_TAPE_H

#include "sim/bars.h"

#include <stdbool.h>
#include <stdint.h>

enum { TAPE_TRADES = 2048, TAPE_AGGREGATES = 2048 };

struct tape {
    int16_t symbol;
    struct trade_record
        *trades;   // a ring: trade number n at [n % TAPE_TRADES]; `maker` says the buyer was maker
    struct agg_trade_record *aggregates;   // a ring likewise; the newest may still grow
    int64_t trade_count, aggregate_count;
    struct bars bars;
    int64_t *first_ids;   // of each minute's first trade; 0: none
    int64_t ids_count, ids_size;
    int64_t last_qty_e8;
};

void tape_init(struct tape *t, int16_t symbol);
void tape_free(struct tape *t);

// A finished minute of the past, older than any trade; minutes come in their order.
void tape_history(struct tape *t, const struct kline_record *minute);

// A trade; times do not fall. `buyer_maker`: the taker sold. A change of price, side or 100 ms begins a new
// aggregate.
void tape_trade(struct tape *t, int64_t id, int64_t price_e8, int64_t qty_e8, bool buyer_maker,
                int64_t time_us);

// Minutes without a trade up to now become flat bars at the last price.
void tape_fill(struct tape *t, int64_t now_us);

// As struct exchange_hooks.klines.
int32_t tape_klines(const struct tape *t, int32_t interval, int64_t start_us, int64_t end_us, int32_t limit,
                    struct kline_record *rows);

// The bar of `interval` that holds now_us, with the ids of its first and last trade; false: nothing traded in
// it.
bool tape_bar(const struct tape *t, int32_t interval, int64_t now_us, struct kline_record *bar,
              int64_t *first_id, int64_t *last_id);

// The last 24 hours: all of *out but best prices, last price and symbol's own fields.
void tape_day(const struct tape *t, int64_t now_us, struct ticker_record *out);

#endif

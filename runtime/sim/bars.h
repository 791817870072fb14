// bars.h: one-minute bars of one price, added up to every longer interval when asked for. Pure.
//
// Owner    bars_free releases it. Rows are copied out; a minute that is handed out holds until the next
//          function.
// Units    e8, microseconds. A bar that a price has not touched has no trades and stands at the close before
//          it.
#ifndef MT_SIM_BARS_H
#define MT_SIM_BARS_H

#include "trade/record.h"

#include <stdint.h>

struct bars {
    int16_t symbol;
    struct kline_record *minutes;
    int64_t count, size;
};

void bars_free(struct bars *b);

// A finished minute of the past; minutes come in their order.
void bars_add(struct bars *b, const struct kline_record *minute);

// A price at time_us (times do not fall): minutes without one before it become flat bars. The minute it is
// counted in.
struct kline_record *bars_price(struct bars *b, int64_t price_e8, int64_t time_us);

// Minutes without a price up to now become flat bars at the last one.
void bars_fill(struct bars *b, int64_t now_us);

// The index of the first minute that opens at or after t_us.
int64_t bars_find(const struct bars *b, int64_t t_us);

// The bar that begins with minute *at; *at moves past it.
struct kline_record bars_from(const struct bars *b, int32_t interval, int64_t *at);
void bars_join(struct kline_record *bar, const struct kline_record *minute);

// As struct exchange_hooks.klines.
int32_t bars_klines(const struct bars *b, int32_t interval, int64_t start_us, int64_t end_us, int32_t limit,
                    struct kline_record *rows);

#endif

// synthetic_market.h: the market of a world without data: other traders (sim/flow.h) with a past on the tape, mark
// price and funding of its own (sim/mark.h), and bars for the script as they end. Pure: time is handed in.
//
// Owner    synthetic_market_free; the exchange is borrowed, and so are the series of the past while
//          synthetic_market_new runs.
#ifndef MT_WORLD_BACKTEST_SYNTHETIC_MARKET_H
#define MT_WORLD_BACKTEST_SYNTHETIC_MARKET_H

#include "data/series.h"
#include "sim/exchange.h"

#include <stdbool.h>
#include <stdint.h>

struct synthetic_options {
    uint64_t seed;
    double volatility, rate;               // a day's, and orders a second in the first symbol
    const struct series *const *history;   // one-minute bars of each symbol; moved so that they end now
};

struct synthetic_market;

// Opens a book of every symbol of x, which stands at now_us, a full minute. NULL when memory is short.
struct synthetic_market *synthetic_market_new(const struct synthetic_options *o, struct exchange *x,
                                              int32_t symbol_count, int64_t now_us);
void synthetic_market_free(struct synthetic_market *m);

int64_t synthetic_market_next_us(const struct synthetic_market *m);

// Lets the others trade until now_us, which is at most synthetic_market_next_us; true when a bar has ended.
bool synthetic_market_advance(struct synthetic_market *m, int64_t now_us);

// The bars of a symbol that end from now on: a series that grows, at an address that stays. NULL: too many,
// or no memory.
const struct series *synthetic_market_bars(struct synthetic_market *m, int16_t symbol, int32_t interval);

#endif

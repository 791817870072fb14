// bar_trades.h: the trades that a bar of data is replayed in, one after the other.
//
// The price takes a random path through the bar (sim/random_path.h). It trades at the open, at the close and at
// moments evenly between, and wherever the path goes beyond what has traded in the bar so far. All that a trade tells
// is where the path has been: the trade at the bar's low is the last of those that went lower, and nothing else marks
// it, so no one who watches the trades can foresee the next.
//
// The volume and its takers' share are divided among the trades to the last unit. A bar made of the trades is the bar
// of data.
//
// Error    a bar with a volume of less than a few hundred steps has not one for every trade; what is left then trades
//          at the open, the extremes and the close alone, and shows the extremes as what they are.
// Owner    bar_trades_new to bar_trades_free; the bar is copied.
// Units    prices and quantities e8, times microseconds.
// Pure     the same seed and bars, the same trades.
#ifndef MT_SIM_BAR_TRADES_H
#define MT_SIM_BAR_TRADES_H

#include "sim/exchange.h"

struct bar_trades;

struct bar_trade {
    int64_t price_e8;
    int64_t bought_e8, sold_e8;   // by takers; both zero where the price moves and nothing is left to trade
};

struct bar_trades *bar_trades_new(const struct symbol *symbol, uint64_t seed);
void bar_trades_free(struct bar_trades *t);

// Begins a bar; what is left of the one before is dropped. `around`: up to 2 * BARS_AROUND bars near it in time, in any
// order, by which its roughness is judged (sim/bar_variance.h).
void bar_trades_begin(struct bar_trades *t, const struct kline_record *bar, const struct exchange_bar *around,
                      int32_t count);

// When the next trade is; INT64_MAX: none is left of the bar.
int64_t bar_trades_next_us(const struct bar_trades *t);

// That trade, which is done with.
struct bar_trade bar_trades_take(struct bar_trades *t);

#endif

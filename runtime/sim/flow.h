// flow.h: the other traders of a market with a book: seeded order flow that makes prices of its own, or
// goes by bars of data. Pure: steps happen at times it names (flow_next_us), through exchange_background_*.
//
// Made market   a fair price walks at random; orders come at Poisson times: most add or cancel near the best
// prices,
//               some take a little; when the fair price has left the spread, a taker sweeps the book to it.
// Followed bars the trades of a random path through each bar (sim/bar_trades.h), so that bars made from the trades are
//               the bars of data, but for what the account trades itself.
// Determinism   one seed, the same market, as long as the account does not trade.
#ifndef MT_SIM_FLOW_H
#define MT_SIM_FLOW_H

#include "sim/exchange.h"

struct flow_options {
    uint64_t seed;
    double volatility;   // standard deviation of a day's return, of the synthetic market
    double rate;   // of orders, a second, in the first symbol, 8/7 of it in truth; later symbols have less
    double spread_ticks;   // typical, of the market of data and the synthetic one
};

struct flow;

// `symbols` of x with an open book take part; prices begin at their last price.
struct flow *flow_new(const struct flow_options *o, struct exchange *x, int32_t symbol_count, int64_t now_us);
void flow_free(struct flow *f);

// From now on the symbol goes by bars handed over by flow_bar, each at its open time, with bars around it
// (bar_trades_begin).
void flow_bar(struct flow *f, int16_t symbol, const struct kline_record *bar,
              const struct exchange_bar *around, int32_t count);

// The others make one trade at this price, `side` the taker's; the book stands around it before and after. A
// symbol that is fed so makes no market of its own.
void flow_print(struct flow *f, int16_t symbol, int32_t side, int64_t price_e8, int64_t qty_e8,
                int64_t now_us);
void flow_still(struct flow *f, int16_t symbol);

int64_t flow_next_us(const struct flow *f);

// Does all that is due until now_us.
void flow_advance(struct flow *f, int64_t now_us);

// For specs and scenes: moves the fair price of a synthetic market by a factor at once.
void flow_shock(struct flow *f, int16_t symbol, double factor);

#endif

// mark.h: index price, mark price, premium and funding rate of a market with a book (wire contract, section
// 10). Pure.
//
// Index    no other venue is simulated: it is the smoothed middle of the book, moved by a basis of a few
//          hundredths of a percent that comes and goes within hours.
// Mark     the median of index * (1 + rate * time to funding / interval), index + average of (middle -
//          index), last price.
// Rate     average premium of the interval (the newest sample the heaviest) + clamp(interest - premium,
//          +-0.05 %), for 8 hours; shorter intervals have their part of it.
// Owner    mark_free releases it. Units: e8, microseconds.
#ifndef MT_SIM_MARK_H
#define MT_SIM_MARK_H

#include "base/rng.h"
#include "base/units.h"
#include "sim/bars.h"
#include "sim/book.h"

#include <stdbool.h>
#include <stdint.h>

#define MARK_STEP_US SECOND_US   // a new mark price every second

struct mark {
    struct rng rng;
    double basis;                 // of the index over the middle, a ratio
    double middle, gap;           // smoothed: the middle, and the middle less the index
    double premium_sum, weight;   // of this interval's samples
    int64_t samples, sampled_us;
    int64_t interval_us, stepped_us;   // stepped_us 0: never
    int64_t impact_e8;                 // notional at which the premium looks into the book
    int64_t index_e8, mark_e8, premium_e8, rate_e8, interest_e8;
    int64_t next_us;   // the coming payment
    struct bars index_bars, mark_bars, premium_bars;
};

// Payments every `interval_h` hours from midnight UTC on.
void mark_init(struct mark *m, const struct symbol *s, int16_t symbol, uint64_t seed, int64_t now_us);
void mark_free(struct mark *m);

// A finished minute of the past, in their order. True: a payment falls on its end; *paid but for its symbol.
bool mark_past(struct mark *m, const struct kline_record *minute, struct funding_record *paid);

// The next price; called every MARK_STEP_US. A book without two sides leaves the index where it is.
void mark_step(struct mark *m, const struct book *b, int64_t last_e8, int64_t now_us);

// A payment has been made at now_us: the next interval begins.
void mark_paid(struct mark *m, int64_t now_us);

#endif

// safety.h: limits on orders that a script cannot lift, checked before anything is sent. Pure: time and account are handed in.
//
// Reducing orders (reduceOnly, closePosition) pass the limits on size, position and loss: they make things smaller.
// Units    e8; a limit of 0 is none. Ratios e8 (0.05 = 5000000).
#ifndef MT_HOST_SAFETY_H
#define MT_HOST_SAFETY_H

#include "venue/call.h"

#include <stdbool.h>
#include <stdint.h>

struct safety_limits {
    int64_t order_notional_e8;     // of one order
    int64_t position_notional_e8;  // of a symbol's position, were the order filled
    int64_t collar_e8;             // a limit or trigger price may be so far from the mark price (else the last), as a ratio
    int64_t daily_loss_e8;         // equity may fall so far below that at the start of the UTC day
    int32_t orders_per_minute;     // new and amended ones, over any 60 seconds' bucket
};

// What is known when an order is about to be sent.
struct safety_view {
    int64_t now_us;
    int64_t last_e8;               // of the symbol: its mark price, else the last one; 0: no price known
    int64_t position_e8;           // signed amount held of the symbol
    int64_t equity_e8;
};

struct safety {
    struct safety_limits limits;
    int64_t minute_us, day_us, day_equity_e8;
    int32_t orders;                // in the minute
    int64_t refused;
    bool halted;                   // nothing but reducing orders passes any more
};

void safety_init(struct safety *s, const struct safety_limits *limits);

void safety_halt(struct safety *s);

// Whether one order or amendment may be sent; it is counted when it may. `why` says what and how to mend it.
bool safety_allows(struct safety *s, const struct call *c, const struct safety_view *v, char why[160]);

#endif

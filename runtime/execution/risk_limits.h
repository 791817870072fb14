// risk_limits.h: limits on orders that a script cannot lift, checked before anything is sent. Pure: time and
// account are handed in.
//
// Reducing orders (reduceOnly, a conditional closePosition, in hedge mode what closes its side) pass the
//          limits on size, position, number and loss: they make things smaller. Of an amendment the caller
//          says whether its order reduces.
// Worst    an order counts at its own price or the last one, whichever is higher; a position with all open
//          orders of its direction filled; an amendment as buying and as selling.
// Units    e8; a limit of 0 is none. Ratios e8 (0.05 = 5000000).
#ifndef MT_EXECUTION_RISK_LIMITS_H
#define MT_EXECUTION_RISK_LIMITS_H

#include "trade/call.h"

#include <stdbool.h>
#include <stdint.h>

enum { RISK_LIMITS_SYMBOLS_MAX = 64 };

struct risk_limits_symbol {
    int64_t order_notional_e8, position_notional_e8;
};

struct risk_limits_config {
    int64_t order_notional_e8;      // of one order
    int64_t position_notional_e8;   // of a symbol's position
    int64_t
        collar_e8;   // a limit or trigger price may be so far from the mark price (else the last), as a ratio
    int64_t daily_loss_e8;       // equity may fall so far below that at the start of the UTC day
    int32_t orders_per_minute;   // new and amended ones, over any 60 seconds' bucket
    int32_t open_orders;         // of the run
    bool halt_on_breach;
    struct risk_limits_symbol symbols[RISK_LIMITS_SYMBOLS_MAX];   // by the run's index, beside those of all
};

// What is known when an order is about to be sent.
struct risk_limits_view {
    int64_t now_us;
    int64_t last_e8;       // of the symbol; 0: no price known
    int64_t position_e8;   // signed amount held of the symbol; in hedge mode long less short, see gross_e8
    int64_t equity_e8;
    int64_t open_buy_e8,
        open_sell_e8;   // what may still be filled, reducing orders and the one amended left out
    int64_t gross_e8;   // in hedge mode: both sides' amounts together, unsigned; else 0
    int32_t open_orders;
    bool reduces;   // of an amendment: its order is known to reduce only
};

struct risk_limits {
    struct risk_limits_config limits;
    int64_t minute_us, day_us, day_equity_e8;
    int32_t orders;   // in the minute
    int64_t refused;
    bool halted;     // nothing but reducing orders passes any more
    bool breached;   // the last refusal was one of the limits' (not a price that is not known, nor the halt)
};

void risk_limits_init(struct risk_limits *s, const struct risk_limits_config *limits);
void risk_limits_halt(struct risk_limits *s);

// The account's equity, as often as it is known: true when a UTC day begins with it (to be kept, for a
// restart within the day).
bool risk_limits_equity(struct risk_limits *s, int64_t now_us, int64_t equity_e8);
// As kept: the day's start (its first microsecond) and equity. Of another day than now it is of no use.
void risk_limits_resume(struct risk_limits *s, int64_t now_us, int64_t day_us, int64_t equity_e8);

// Whether one order or amendment may be sent; it is counted when it may. `why` says what and how to mend it.
bool risk_limits_allow(struct risk_limits *s, const struct call *c, const struct risk_limits_view *v,
                       char why[160]);

#endif

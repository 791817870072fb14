// risk_limits.h: limits on orders that a script cannot lift, checked before anything is sent. Pure: time and
// account are handed in.
//
// Reducing orders (reduceOnly, a conditional closePosition, in hedge mode what closes its side) pass the
//          limits on size, position, number and loss: they make things smaller. Of an amendment the caller
//          says whether its order reduces.
// Worst    an order counts at its own price (limit, trigger, activation, what priceMatch would take) or the last one, whichever
//          is higher; a position with all open orders of its direction filled; an amendment as buying and as selling.
// Loss     counts with what orders under way may cost: RISK_LIMITS_COST_E8 of their notional for commission and slippage, and
//          what their limit prices allow to be lost. What a price does to a position held is seen at the next order only.
// Minute   an order counts from before it is sent until a minute after its outcome is known: whenever it arrives, no
//          minute sees more. A minute begins at any time.
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
    int32_t orders_per_minute;   // new and amended ones, within any 60 seconds
    int32_t open_orders;         // of the run
    bool halt_on_breach;
    struct risk_limits_symbol symbols[RISK_LIMITS_SYMBOLS_MAX];   // by the run's index, beside those of all
};

// What is known when an order is about to be sent.
struct risk_limits_view {
    int64_t now_us;
    int64_t last_e8;                       // of the symbol; 0: no price known
    int64_t match_low_e8, match_high_e8;   // of an order with priceMatch: what it may take; 0: not known
    int64_t position_e8;                   // signed amount held of the symbol, but for hedge mode
    int64_t gross_e8;                      // in hedge mode: both sides' amounts together, unsigned; else 0
    int64_t equity_e8;
    bool equity_known;   // false: the worth of a position is not known
    // What may still be filled, reducing orders and the one amended left out; and by how much it is worth more at its own
    // prices than at last_e8.
    int64_t open_buy_e8, open_sell_e8, open_hedge_e8;
    int64_t premium_buy_e8, premium_sell_e8, premium_hedge_e8;
    int64_t open_cost_e8;   // what all that is open, of all symbols, may cost
    int32_t open_orders;
    bool reduces;   // of an amendment: its order is known to reduce only
};

#define RISK_LIMITS_COST_E8 INT64_C(100000)   // 0.1 %: a taker's commission, and as much for slippage

struct risk_limits {
    struct risk_limits_config limits;
    int64_t day_us, day_equity_e8;
    int64_t *minute;   // a ring of orders_per_minute: when the last ones were known
    int32_t minute_at, minute_count;
    int32_t under_way;   // orders whose outcome is not known yet
    int64_t refused;
    bool halted;     // nothing but reducing orders passes any more
    bool breached;   // the last refusal was one of the limits' (not a price that is not known, nor the halt)
};

void risk_limits_init(struct risk_limits *s, const struct risk_limits_config *limits);
void risk_limits_close(struct risk_limits *s);
void risk_limits_halt(struct risk_limits *s);

// The account's equity, as often as it is known: true when a UTC day begins with it (to be kept, for a
// restart within the day).
bool risk_limits_equity(struct risk_limits *s, int64_t now_us, int64_t equity_e8);
// As kept: the day's start (its first microsecond) and equity. Of another day than now it is of no use.
void risk_limits_resume(struct risk_limits *s, int64_t now_us, int64_t day_us, int64_t equity_e8);

// The outcome of an order that was allowed is known, or it was not sent after all.
void risk_limits_settled(struct risk_limits *s, int64_t now_us);
// Orders of the last minute, those under way included.
int32_t risk_limits_minute(const struct risk_limits *s, int64_t now_us);
// The times of the last orders, the latest first, to be kept for a restart: at most `max`; of those under way, the negative of now.
int32_t risk_limits_times(const struct risk_limits *s, int64_t now_us, int64_t *times, int32_t max);
// As kept by the process before.
void risk_limits_resume_times(struct risk_limits *s, int64_t now_us, const int64_t *times, int32_t count);

// Whether one order or amendment may be sent; it is counted when it may. `why` says what and how to mend it.
bool risk_limits_allow(struct risk_limits *s, const struct call *c, const struct risk_limits_view *v,
                       char why[160]);

#endif

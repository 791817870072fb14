// round_trip.h: the fills of an account folded into round trips: a trade opens when a position leaves zero and closes
// when it returns to zero or flips. A flip closes one trade and opens the next, its commission split by quantity.
//
// Sums     exact: over all trades, those still open included, realized, commission, funding and liquidation cost add
//          up to the account's own. Funding goes to the position that paid it; what a liquidation cost beyond its
//          result (the fee, less what the insurance fund bore) to the position that was closed.
// Owner    round_trips_new borrows the exchange, which must not change until round_trips_free.
// Pure     one pass, one trade at a time: memory does not grow with their number.
#ifndef MT_SIM_ROUND_TRIP_H
#define MT_SIM_ROUND_TRIP_H

#include "sim/exchange.h"

#include <stdbool.h>
#include <stdint.h>

// Why a trade began or ended, by the order that did it: a plain one, a stop (trailing ones too), a take profit, the
// exchange's own; END: the run ended before.
enum trip_reason { TRIP_SIGNAL, TRIP_STOP, TRIP_TARGET, TRIP_LIQUIDATION, TRIP_END };

struct round_trip {
    int64_t entry_us, exit_us;   // the first fill, the last one; exit_us 0: none has reduced it yet
    int64_t quantity_e8;         // the most that was held
    int64_t entry_price_e8, exit_price_e8;   // averages by quantity; exit 0: none
    int64_t realized_e8, commission_e8, funding_e8;
    int64_t liquidation_e8;   // paid beyond the result; negative: the fund bore more than the fee
    int64_t open_e8;          // still held at the end, signed; 0: the trade is closed
    int32_t fills;
    int16_t symbol;
    uint8_t position_side;               // enum position_side
    uint8_t entry_reason, exit_reason;   // enum trip_reason
    bool is_long;
};

struct round_trips;

struct round_trips *round_trips_new(const struct exchange *x);
void round_trips_free(struct round_trips *t);

// The next trade in the order of closing; after them those still open, by symbol and side. False: there is none.
bool round_trips_next(struct round_trips *t, struct round_trip *out);

// After the last one: how long any position was open, until `end_us` those that still are.
int64_t round_trips_held_us(const struct round_trips *t, int64_t end_us);

#endif

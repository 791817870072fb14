// adverse.h: what a bar leaves open, resolved against the account (PATH_ADVERSE).
//
// The price takes a random path, on which nothing earns, and two rules can only cost:
// - a stop loss whose trigger lies within the open bar's range is hit, and at once: before any target, and also where
//   the path met its price only before the position was opened;
// - a position opened or enlarged inside a bar takes no profit by a resting order in that bar, unless the bar closes
//   beyond the target.
// Trailing stops follow the path, and market orders are filled at its price, as on any random path.
#ifndef MT_SIM_ADVERSE_H
#define MT_SIM_ADVERSE_H

#include "sim/engine.h"

// The stop loss that is hit now, and its trigger; NULL: none, or another rule is in force.
struct algo *adverse_stop(const struct exchange *x, const struct market *m, int64_t *level_e8);

// Whether an order of this side would take a profit that the bar does not vouch for.
bool adverse_holds(const struct exchange *x, const struct market *m, uint8_t side, uint8_t position_side);

// A fill of `signed_qty` has just been booked; the open bar has closed.
void adverse_filled(struct exchange *x, struct market *m, uint8_t position_side, int64_t signed_qty_e8);
void adverse_closed(struct exchange *x, struct market *m);

#endif

// price_path.h: the price of a symbol inside its open bar: straight lines through open, the two extremes and
// the
// close.
#ifndef MT_SIM_PRICE_PATH_H
#define MT_SIM_PRICE_PATH_H

#include "sim/engine.h"

// Lays the path of m->bar; `low_first` says which extreme comes first.
void price_path_begin(struct market *m, bool low_first);

// The rule of the configuration, given what the account holds and what rests.
bool price_path_low_first(const struct exchange *x, const struct market *m);

// The price at now_us, between the open and the close of the open bar.
int64_t price_path_price_e8(const struct market *m, int64_t now_us);

// When the running segment touches a level (>= from_us), and which price that is; false when it does not.
bool price_path_reach(const struct market *m, int64_t from_us, int64_t low_e8, int64_t high_e8,
                      int64_t *trigger_us, int64_t *touch_e8);

#endif

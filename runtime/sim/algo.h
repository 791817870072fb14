// algo.h: conditional orders (section 5.4): entry, trigger levels, triggering, calls.
#ifndef MT_SIM_ALGO_H
#define MT_SIM_ALGO_H

#include "sim/engine.h"

bool algo_place(struct exchange *x, const struct call *c, struct reply *r, struct algo_record *out);
bool algo_cancel(struct exchange *x, const struct call *c, struct reply *r, struct algo_cancel_record *out);

// The price that triggers it and the direction it is reached from; false while nothing can (trailing, not
// active).
bool algo_level(const struct algo *a, int64_t *level_e8, bool *falling);

// Whether the mark price decides, where it is one of its own; and whether price protection keeps it from
// triggering just now.
bool algo_marked(const struct market *m, const struct algo *a);
bool algo_held_back(const struct market *m, const struct algo *a);

// A trigger's order, once it is made and before it meets the market: algo_triggered, and at its end
// algo_finished.
void algo_trigger(struct exchange *x, struct algo *a);
void algo_triggered(struct exchange *x, struct algo *a);
void algo_end(struct exchange *x, struct algo *a, uint8_t status);
void algo_finished(struct exchange *x, struct order *o);
void algos_cancel_all(struct exchange *x, struct market *m);

// Lets the trailing orders of a symbol see the price they watch.
void algos_trail(struct exchange *x, struct market *m);

// Whether one of them may trigger on a piece of the path with these extremes, whichever comes first.
bool algos_trail_reach(const struct market *m, int64_t low_e8, int64_t high_e8);

// Drops close-position orders whose position is gone.
void algos_drop(struct exchange *x, struct market *m);

#endif

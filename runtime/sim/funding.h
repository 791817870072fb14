// funding.h: the mark price of a market, and the payments that fall due on it.
//
// A market of bars has no mark price of its own: it is the last one, and payments come with the data
// (exchange_funding). A market with a book may make one (exchange_make_mark): then rates are its own too, and
// the next payment is always known. A market that follows another exchange's has all of it handed in
// (sim/mirror.h).
#ifndef MT_SIM_FUNDING_H
#define MT_SIM_FUNDING_H

#include "sim/engine.h"

// When the market next has something to do here; INT64_MAX: never.
int64_t funding_next_us(const struct market *m);

// Does what is due: a new mark price, payments.
void funding_run(struct exchange *x, struct market *m);

#endif

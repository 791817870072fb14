// calls_market.h: the calls that only look, and the account settings.
#ifndef MT_SIM_CALLS_MARKET_H
#define MT_SIM_CALLS_MARKET_H

#include "sim/engine.h"

// Answers a market data call (reads.c), an account query (queries.c), or a setting (settings.c); false: not
// its kind.
bool calls_market(struct exchange *x, const struct call *c, struct reply *r);
bool calls_account(struct exchange *x, const struct call *c, struct reply *r);
bool calls_settings(struct exchange *x, const struct call *c, struct reply *r);

// The market of a call that needs one, or NULL and the refusal (-1121, -1102).
struct market *market_of(struct exchange *x, const struct call *c, struct reply *r);

#endif

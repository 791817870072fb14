// market.h: the market as the streams tell it: bars, trades, prices, and what was missed of them.
#ifndef MT_WORLD_LIVE_MARKET_H
#define MT_WORLD_LIVE_MARKET_H

#include "world/live/core.h"

int live_market_open(struct live *l, struct errmsg *e);
void live_market_close(struct live *l);

void live_market_start(struct live *l);
bool live_market_running(const struct live *l);   // its connections, and what is to be known at the start
void live_market_wanted(struct live *l);          // what the script's handlers need has changed
const struct series *live_market_series(const struct live *l, int32_t feed);
// The mark price and when it came by our clock; 0: none yet.
int64_t live_market_mark_e8(const struct live *l, int16_t symbol, int64_t *at_us);
// Nothing of a symbol's trades is missing, as far as can be known.
bool live_market_current(const struct live *l, int16_t symbol);

#endif

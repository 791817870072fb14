// paper.h: paper trading: a live world (world/live/live.h) whose account lives in a simulated exchange of this process.
// Plugs into it by struct live_simulation; the live world knows nothing of this.
#ifndef MT_WORLD_PAPER_PAPER_H
#define MT_WORLD_PAPER_PAPER_H

#include "world/live/live.h"

const struct live_simulation *paper_simulation(void);   // for live_options

// Of a run made with it: its simulated exchange (NULL before the market is known), that one's clock, and its account;
// whether that goes on from before.
struct exchange *paper_exchange(struct live *l);
int64_t paper_now(struct live *l);
struct paper_account paper_account(const struct live *l, bool *resumed);

#endif

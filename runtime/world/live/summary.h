// summary.h: when a run is due to say how it stands: every so often, and once as a UTC day ends.
#ifndef MT_WORLD_LIVE_SUMMARY_H
#define MT_WORLD_LIVE_SUMMARY_H

#include "world/live/core.h"

int live_summary_open(struct live *l, struct errmsg *e);
void live_summary_close(struct live *l);
int64_t live_summary_next_us(const struct live *l);
void live_summary_pump(struct live *l, int64_t now_us);

bool live_summary_waits(const struct live *l);   // something is due, and not yet told

#endif

// stop.h: how a live run ends.
#ifndef MT_WORLD_LIVE_STOP_H
#define MT_WORLD_LIVE_STOP_H

#include "world/live/core.h"

int live_stop_open(struct live *l, struct errmsg *e);   // listens to signals
void live_stop_stop(struct live *l);
void live_stop_close(struct live *l);
int64_t live_stop_next_us(
    const struct live *l);   // when the run's time is over, or that of what is under way
void live_stop_pump(struct live *l, int64_t now_us);

void live_stop_counted(struct live *l);   // the last order to be counted has ended
bool live_overdue(const struct live *l);

#endif

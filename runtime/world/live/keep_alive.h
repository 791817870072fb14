// keep_alive.h: connections kept open before they are needed.
#ifndef MT_WORLD_LIVE_KEEP_ALIVE_H
#define MT_WORLD_LIVE_KEEP_ALIVE_H

#include "world/live/core.h"

int keep_alive_open(struct live *l, struct errmsg *e);
void keep_alive_close(struct live *l);
int64_t keep_alive_next_us(const struct live *l);
void keep_alive_pump(struct live *l, int64_t now_us);

#endif

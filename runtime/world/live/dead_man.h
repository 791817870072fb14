// dead_man.h: the exchange's countdown, kept from running out.
#ifndef MT_WORLD_LIVE_DEAD_MAN_H
#define MT_WORLD_LIVE_DEAD_MAN_H

#include "world/live/core.h"

int live_dead_man_open(struct live *l, struct errmsg *e);
void live_dead_man_close(struct live *l);
int64_t live_dead_man_next_us(const struct live *l);
void live_dead_man_pump(struct live *l, int64_t now_us);

void live_dead_man_use(struct live *l, int16_t symbol);   // an order of it is about to be sent
bool live_dead_man_kept(const struct live *l);            // by the run: the script may not set or end it
bool live_dead_man_has_failed(const struct live *l);      // not yet told

#endif

// halt.h: the halt that an operator asks for: by a signal, a file, the supervisor, or a limit that was broken.
#ifndef MT_WORLD_LIVE_HALT_H
#define MT_WORLD_LIVE_HALT_H

#include "world/live/core.h"

int live_halt_open(struct live *l, struct errmsg *e);
void live_halt_close(struct live *l);
int64_t live_halt_next_us(const struct live *l);
void live_halt_pump(struct live *l, int64_t now_us);

void live_ask_halt(struct live *l);
void live_halt_done(struct live *l);          // it is carried out: not asked for again
bool live_halt_waits(const struct live *l);   // asked for, and not yet told

#endif

// rules.h: the symbols' rules kept as the exchange has them: exchangeInfo is read again every hour, and soon after an order was
// refused for a filter. Changed filters apply from then on; of a symbol that stops trading no new order leaves.
#ifndef MT_WORLD_LIVE_RULES_H
#define MT_WORLD_LIVE_RULES_H

#include "world/live/core.h"

int live_rules_open(struct live *l, struct errmsg *e);
void live_rules_close(struct live *l);
int64_t live_rules_next_us(const struct live *l);
void live_rules_pump(struct live *l, int64_t now_us);

// The body of an exchangeInfo reply.
void live_rules_read(struct live *l, const char *body, size_t size);

// An order was refused with this code: when it is a filter's, the rules are asked for.
void live_rules_refused(struct live *l, int32_t code);

// Whether a call that places or amends orders may leave; else why not.
bool live_rules_allow(const struct live *l, const struct api_call *call, char why[160]);

#endif

// budgets.h: limits shared with other processes of this machine (process/shared_budget.h).
#ifndef MT_WORLD_LIVE_BUDGETS_H
#define MT_WORLD_LIVE_BUDGETS_H

#include "world/live/core.h"

int live_budgets_open(struct live *l, struct errmsg *e);
void live_budgets_use(struct live *l);    // the dispatcher is there
void live_budgets_tell(struct live *l);   // a line, once, for each that is no longer shared
void live_budgets_close(struct live *l);

#endif

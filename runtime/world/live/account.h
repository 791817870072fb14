// account.h: the account's events: the user data stream, and what was missed while it was silent (execution/reconcile.h).
#ifndef MT_WORLD_LIVE_ACCOUNT_H
#define MT_WORLD_LIVE_ACCOUNT_H

#include "world/live/core.h"

int live_account_open(struct live *l, struct errmsg *e);
void live_account_close(struct live *l);
int64_t live_account_next_us(const struct live *l);
void live_account_pump(struct live *l, int64_t now_us);

void live_account_start(struct live *l);   // gets a listen key, then the stream
bool live_account_ready(
    const struct live *l);   // its stream runs, and what was before is known; or there is no key
bool live_account_known(const struct live *l);     // what was before the run has been learned
bool live_account_limited(const struct live *l);   // the last question failed for want of budget
// The run is to end: what the stream may have left out is asked for, once. True: it has been, or there is nothing to ask.
bool live_account_last_round(struct live *l);
// An order's reply: the stream must tell the same.
// What the account tells does not go together: it is asked.
void live_account_doubt(struct live *l);
void live_account_settled(struct live *l, const struct api_call *call, enum settle settle);

#endif

// risk.h: the gate that every order of the script passes, whichever call it came by.
#ifndef MT_WORLD_LIVE_RISK_H
#define MT_WORLD_LIVE_RISK_H

#include "world/live/core.h"

int live_risk_open(struct live *l, struct errmsg *e);
void live_risk_close(struct live *l);
int64_t live_risk_next_us(const struct live *l);
void live_risk_pump(struct live *l, int64_t now_us);

bool live_risk_gate(struct live *l, struct api_call *call, char why[160]);   // whether the limits let it pass
void live_risk_settled(struct live *l, struct api_call *call, enum settle settle);
void live_risk_resolved(struct live *l, struct api_call *call,
                        enum outcome outcome);   // that nobody waited for any more
void live_risk_on_event(struct live *l, const struct stream_event *e);
// All open orders are about to be listed; a listing of some; all have been, since from_us (our time).
void live_risk_listing(struct live *l);
void live_risk_listed(struct live *l, const struct api_call *call);
void live_risk_all_listed(struct live *l, int64_t from_us);
void live_risk_account_known(struct live *l);   // what was before the run has been learned: a day can begin

#endif

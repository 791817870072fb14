// journal.h: the journal of a live run: intents before orders leave, outcomes, and what the last run left open.
#ifndef MT_WORLD_LIVE_JOURNAL_H
#define MT_WORLD_LIVE_JOURNAL_H

#include "world/live/core.h"

int live_journal_new(struct live *l, struct errmsg *e);
void live_journal_stop(struct live *l);   // all is written; closed as the loop turns
void live_journal_close(struct live *l);

// The gateway found out about a call that nobody waits for.
void live_journal_resolved(struct live *l, struct api_call *call, enum outcome outcome);
// The script is told of an order's event now, or wants none.
void live_journal_told(struct live *l, const struct stream_event *e);
void live_journal_reopen(struct live *l);          // asks about what the last run left open
int32_t live_journal_left(const struct live *l);   // of those, still of unknown outcome

#endif

// journal.h: the journal of a live run: the functions that the gateway writes intents and outcomes by, and what the
// last run left open.
//
// Owner    struct live embeds it; live_journal_free frees what it holds.
#ifndef MT_WORLD_LIVE_JOURNAL_H
#define MT_WORLD_LIVE_JOURNAL_H

#include "base/outcome.h"
#include "execution/api_call.h"

struct journal;
struct live;
struct live_restart;   // world/live/live.h

struct live_journal {
    struct journal *file;            // NULL: none is kept
    int64_t failures;                // commits failed in a row
    struct live_restart *restarts;   // orders the last run left open
    int32_t restart_count, restarts_left;
    bool cancels_restarts;   // those found open
};

void live_journal_resolved(struct live *l, struct api_call *op,
                           enum outcome outcome);   // nobody waits for op
void live_journal_reopen(struct live *l);           // asks about what the last run left open
void live_journal_finish(struct live *l);           // all is written; closed as the loop turns
void live_journal_free(struct live *l);

#endif

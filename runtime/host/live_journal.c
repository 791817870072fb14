// live_journal.c: the journal of a live run, written from its loop (store/journal.h).
#include "host/live_private.h"

#include "base/assert.h"
#include "store/journal.h"

int live_journal_open(struct live *l, const char *path, bool full, struct errmsg *e) {
    ASSERT(l->journal == NULL);
    return journal_open(&l->loop, path, full ? JOURNAL_FULL : JOURNAL_NORMAL, NULL, l, &l->journal, e);
}

struct journal *live_journal(struct live *l) { return l->journal; }

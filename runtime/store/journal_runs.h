// journal_runs.h: the runs of a journal (store/journal.h) as seen by those who outlive them: how each ended,
// and the end of one that was killed, written by who knows of it (its supervisor, else the next start).
//
// File     opened for the call and closed again; waits up to five seconds for a writer. Never to be called
//          for a run that still writes, but to read.
// Errors   ERR_NOT_FOUND: there is no such file; ERR_FORMAT: no journal of this version; ERR_IO, with one
//          line.
#ifndef MT_STORE_JOURNAL_RUNS_H
#define MT_STORE_JOURNAL_RUNS_H

#include "base/err.h"

#include <stdint.h>

enum { JOURNAL_HOW_MAX = 240 };

// Times in microseconds since the epoch.
struct journal_run_row {
    int64_t run, started_us, orders;
    int64_t ended_us;   // 0: not ended, or nobody knows when
    char script[256], symbols[256];
    char how[JOURNAL_HOW_MAX];   // "": it goes on, or was killed and nobody has said so yet
};

// The last `limit` runs (0: all), the oldest first. Malloc'ed: journal_release.
int journal_runs(const char *path, int64_t limit, struct journal_run_row **rows, int64_t *count,
                 struct errmsg *e);

// Ends the runs begun at `since_us` or later that do not say how they ended. `at_us` 0: it is not known when.
int journal_runs_end(const char *path, const char *how, int64_t at_us, int64_t since_us, struct errmsg *e);

#endif

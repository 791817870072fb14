// paper.h: paper trading: a live world (world/live/live.h) whose account lives in a simulated exchange of this process.
// Plugs into it by struct live_simulation; the live world knows nothing of this.
#ifndef MT_WORLD_PAPER_PAPER_H
#define MT_WORLD_PAPER_PAPER_H

#include "world/live/live.h"

const struct live_simulation *paper_simulation(void);   // for live_options

// Of a run made with it: its simulated exchange (NULL before the market is known), that one's clock, and its account;
// whether that goes on from before.
struct exchange *paper_exchange(struct live *l);
int64_t paper_now(struct live *l);
struct paper_account paper_account(const struct live *l, bool *resumed);

// The self.state of the script of the run of that name: it is saved with the account, as of the same moment, so that neither
// knows of what the other has lost in a kill. Copied.
void paper_keep(struct live *l, const char *run, const char *state, size_t size);
int64_t paper_told(
    const struct live *l);   // the id of the last fill that the script was told of; -1: of none

// What the account in a file was saved with. Texts are malloc'ed in one block, `run`; NULL: the file has none, or there is none.
struct paper_kept {
    char *run, *state;
    size_t state_size;
    int64_t told_id;
};
int paper_kept(const char *path, struct paper_kept *kept, struct errmsg *e);
void paper_kept_free(struct paper_kept *kept);

#endif

// replay.h: a world made of a recording: used by its script as any other (world/world.h), each call
// answered as it was recorded and compared with what was recorded. As soon as the script does something else,
// the replay is over.
//
// Owner    replay_free.
#ifndef MT_RECORD_REPLAY_H
#define MT_RECORD_REPLAY_H

#include "record/run_record.h"
#include "api/metrics.h"
#include "world/world.h"

enum replay_state {
    REPLAY_RUNNING,
    REPLAY_SAME,      // to the script's end
    REPLAY_CUT,       // the same as far as the recording goes
    REPLAY_DAMAGED,   // the same up to bytes that are no recording's
    REPLAY_NOTED,     // the same up to something from outside: replay_report.recorded says what
    REPLAY_DIVERGED
};

struct replay_report {
    int32_t state;           // enum replay_state
    int64_t events, calls;   // what the script was told; what it asked for
    int64_t now_us;
    int64_t offset;               // in the file, where it ends
    const char *recorded, *did;   // REPLAY_DIVERGED: in one line each
};

struct replay;

int replay_open(const char *path, struct replay **out, struct errmsg *e);
void replay_free(struct replay *r);

// What stands before the first call; valid for the replay's life.
const char *replay_about(const struct replay *r, size_t *size);   // JSON
const struct symbol *replay_rules(const struct replay *r, int32_t *count);
const struct api_config *replay_config(const struct replay *r);
int32_t replay_state(const struct replay *r);   // enum replay_state
struct replay_report replay_report(const struct replay *r);

// What the script's side does with it. Once the state is another than REPLAY_RUNNING, its functions do nothing (`next` and
// `wait` return -1; `metrics` NULL).
const struct world_functions *replay_functions(void);
int32_t replay_feed(struct replay *r, int16_t symbol, int32_t interval);
void replay_begin(struct replay *r);
void replay_over(struct replay *r, const char *failure);   // the script has ended; "": in order

#endif

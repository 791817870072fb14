// summary.c: when a run is due to say how it stands. What it says is the runtime's Lua's to write, which hears of it
// as of all its own news (WORLD_CONTROL): no call of the script, so a recording knows nothing of it.
#include "world/live/summary.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/num.h"

#include <stdlib.h>

struct live_summary {
    int64_t every_us, next_us;   // 0: never
    int64_t day_us;              // the beginning of the day that goes on
    uint8_t due;
    bool begun;
};

static int64_t day_of(int64_t us) { return us - us % DAY_US; }

void live_summary_begin(struct live *l, int64_t every_us) {
    ASSERT(every_us >= 0);
    int64_t now = live_now(l);
    *l->summary = (struct live_summary){
        .every_us = every_us, .next_us = now + every_us, .day_us = day_of(now), .begun = true
    };
}

bool live_summary_waits(const struct live *l) { return l->summary->due != 0; }

int32_t live_summary_due(struct live *l) {
    int32_t due = l->summary->due;
    l->summary->due = 0;
    return due;
}

void live_summary_pump(struct live *l, int64_t now_us) {
    struct live_summary *s = l->summary;
    if (!s->begun) return;
    if (s->every_us > 0 && now_us >= s->next_us) {
        s->due |= LIVE_HEARTBEAT_DUE;
        // What was missed, by a machine that slept, is not made up for.
        s->next_us += ((now_us - s->next_us) / s->every_us + 1) * s->every_us;
    }
    if (now_us >= s->day_us + DAY_US) {
        s->due |= LIVE_DAY_ENDED;
        s->day_us = day_of(now_us);
    }
}

int64_t live_summary_next_us(const struct live *l) {
    const struct live_summary *s = l->summary;
    if (!s->begun) return INT64_MAX;
    int64_t day = s->day_us + DAY_US;
    return s->every_us > 0 ? num_min(s->next_us, day) : day;
}

int live_summary_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->summary = alloc_zeroed(1, sizeof *l->summary);
    return ERR_OK;
}

void live_summary_close(struct live *l) { free(l->summary); }

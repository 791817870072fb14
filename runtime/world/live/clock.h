// clock.h: what time it is in a live world, and how it waits. Handed in by live_options, so that a spec runs
// hours of a live world in milliseconds and always the same way; all that world/live and world/paper know of
// time comes from here.
//
// Units    microseconds. `now_us` is monotonic, of any beginning; `wall_us` is since the epoch and is read
// once, at
//          the start of a run.
// Owner    the table is copied, its ctx borrowed for the life of the run.
#ifndef MT_WORLD_LIVE_CLOCK_H
#define MT_WORLD_LIVE_CLOCK_H

#include <stdint.h>

struct uv_loop_s;

struct live_clock {
    void *ctx;
    int64_t (*now_us)(void *ctx);
    int64_t (*wall_us)(void *ctx);
    // Lets the loop turn at least once, and returns when something has happened on it (wake) or when
    // now_us has reached `until_us`; INT64_MAX: no bound. It may return early. NULL: the loop sleeps by the
    // system's clock.
    void (*wait)(void *ctx, struct uv_loop_s *loop, int64_t until_us);
    // Something has happened that the world must look at before it sleeps; NULL with `wait`: uv_stop.
    void (*wake)(void *ctx);
};

// The system's clocks.
struct live_clock live_clock_system(void);
int64_t live_clock_us(void);   // the system's wall clock, microseconds since the epoch
int64_t live_clock_wall_us(const struct live_clock *c);   // a clock's; NULL: the system's

#endif

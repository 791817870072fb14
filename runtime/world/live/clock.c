// clock.c: the system's clocks as the table that a live world reads time from.
#include "world/live/clock.h"

#include <time.h>
#include <uv.h>

int64_t live_clock_us(void) {
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000;
}

int64_t live_clock_wall_us(const struct live_clock *c) { return c ? c->wall_us(c->ctx) : live_clock_us(); }

static int64_t system_now(void *ctx) {
    (void)ctx;
    return (int64_t)(uv_hrtime() / 1000);
}

static int64_t system_wall(void *ctx) {
    (void)ctx;
    return live_clock_us();
}

struct live_clock live_clock_system(void) {
    return (struct live_clock){ .now_us = system_now, .wall_us = system_wall };
}

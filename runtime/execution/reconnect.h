// reconnect.h: when a connection that ended is to be opened again: one that worked at once, then later and
// later. Pure; the caller owns it.
//
// Rate     a venue counts connections (300 in five minutes and an address): one that opens and ends at once,
//          over and over, must not use them up. Only one that has lasted REOPEN_LASTED_US makes the next wait
//          short again.
#ifndef MT_EXECUTION_RECONNECT_H
#define MT_EXECUTION_RECONNECT_H

#include <stdint.h>

#define REOPEN_LASTED_US INT64_C(3000000)

struct reconnect {
    int64_t pause_us, opened_us;
};   // zeroed: nothing has happened yet

void reconnect_opened(struct reconnect *r, int64_t now_us);

// It ended, or could not be opened: microseconds to wait.
int64_t reconnect_closed(struct reconnect *r, int64_t now_us);

#endif

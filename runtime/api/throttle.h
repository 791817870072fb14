// throttle.h: a factor in (0, 1] that falls by a share when too little succeeds and rises by steps when
// enough does. Below 1 it spaces the sends, so that they take `factor` of the full rate. CRITICAL requests
// are not held up.
//
// Headers come first: in a window in which the venue told what is used, the limiter knows better than a
// success rate how much may be sent (it leaves the others what they take), so only an outright "slow down"
// lowers the factor; and not the first in a while that says when to come back, for the gate keeps to that.
#ifndef MT_API_THROTTLE_H
#define MT_API_THROTTLE_H

#include "api/config.h"

struct throttle {
    bool enabled;
    double target, decrease, increase, factor_min;
    int64_t window_us, latency_us;
    int32_t min_count;

    double factor;
    int64_t spacing_us;   // of one unit of cost at the full rate; given by the owner
    int64_t window_end_us;
    int64_t next_send_us;
    int32_t total, succeeded;
    bool slowed;         // told to slow down in this window already
    int64_t slowed_us;   // when last; INT64_MIN: never
    bool headers_seen;   // used-weight headers came in this window
};

void throttle_init(struct throttle *t, const struct api_config *config, int64_t now_us);
void throttle_configure(struct throttle *t, const struct api_config *config);   // keeps factor and counts

// 0: send now.
int64_t throttle_wait_us(const struct throttle *t, int64_t now_us);

// `cost` units leave now.
void throttle_take(struct throttle *t, int32_t cost, int64_t now_us);

struct throttle_attempt {
    bool success;        // answered, be it with a refusal
    bool slow_down;      // the venue said that we are over a limit
    bool until_told;     // and when it ends
    bool headers_seen;   // its reply told what is used
    int64_t latency_us;
};

void throttle_report(struct throttle *t, const struct throttle_attempt *a, int64_t now_us);

#endif

// backoff.h: how long to wait before retry n, and whether a retry may be made at all. Pure; the caller owns
// it all.
//
// Quota    all requests draw their retries from one purse which successes refill, so that retries can never
//          multiply an outage.
#ifndef MT_API_BACKOFF_H
#define MT_API_BACKOFF_H

#include "api/config.h"
#include "base/rng.h"

struct backoff {
    int32_t kind;   // enum backoff_kind
    int64_t initial_us, max_us;
    double jitter;
    double quota, quota_max, refill;   // quota_max 0: no quota
    double pressure;                   // recent share of failures, for BACKOFF_ADAPTIVE
    struct rng rng;
};

void backoff_init(struct backoff *b, const struct api_config *config);

// Takes new settings and keeps quota, pressure and random state.
void backoff_configure(struct backoff *b, const struct api_config *config);

// The wait before retry `attempt` (1 is the first), without jitter, at most max_us.
int64_t backoff_base_us(const struct backoff *b, int32_t attempt);

// The wait with jitter; never less than retry_after_us, which may exceed max_us.
int64_t backoff_delay_us(struct backoff *b, int32_t attempt, int64_t retry_after_us);

// Takes one retry out of the quota; false: none left.
bool backoff_take(struct backoff *b);

// How an attempt ended: refills the quota and moves the pressure.
void backoff_report(struct backoff *b, bool success);

#endif

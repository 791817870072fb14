// throttle.c: the factor of the adaptive throttle and the spacing it means.
#include "api/throttle.h"

#include "base/assert.h"
#include "base/num.h"

#include <string.h>

// Of two slow-downs closer than this the second shows that keeping to the gate was not enough.
static const int64_t SLOWED_LATELY_US = 180000000;

void throttle_init(struct throttle *t, const struct api_config *config, int64_t now_us) {
    memset(t, 0, sizeof *t);
    t->factor = 1;
    t->slowed_us = INT64_MIN;
    t->next_send_us = now_us;
    throttle_configure(t, config);
    t->window_end_us = now_us + t->window_us;
}

void throttle_configure(struct throttle *t, const struct api_config *config) {
    t->enabled = config->enable_adaptive_throttling;
    t->target = config->target_success_rate;
    t->decrease = config->throttle_decrease;
    t->increase = config->throttle_increase;
    t->factor_min = config->throttle_min;
    t->window_us = config->monitoring_window_us;
    t->min_count = config->throttle_min_count;
    t->latency_us = config->throttle_latency_us;
    if (!t->enabled) t->factor = 1;
    ASSERT(t->window_us > 0);
}

int64_t throttle_wait_us(const struct throttle *t, int64_t now_us) {
    ASSERT(t->factor > 0 && t->factor <= 1);
    if (t->factor >= 1 || t->next_send_us <= now_us) return 0;
    return t->next_send_us - now_us;
}

void throttle_take(struct throttle *t, int32_t cost, int64_t now_us) {
    ASSERT(cost >= 0);
    ASSERT(t->factor > 0 && t->factor <= 1);
    if (t->factor >= 1) return;
    int64_t from_us = num_max(t->next_send_us, now_us);
    t->next_send_us = from_us + (int64_t)((double)t->spacing_us * ((cost > 1 ? cost : 1)) / t->factor);
}

static void slow(struct throttle *t) {
    t->factor *= t->decrease;
    if (t->factor < t->factor_min) t->factor = t->factor_min;
    ASSERT(t->factor >= t->factor_min);
}

static bool judged_bad(const struct throttle *t) {
    ASSERT(t->succeeded <= t->total);
    return !t->headers_seen && t->total >= t->min_count && t->succeeded < t->target * t->total;
}

static bool judged_good(const struct throttle *t) {
    ASSERT(t->succeeded <= t->total);
    if (t->headers_seen || t->total < t->min_count)
        return t->headers_seen || t->total == t->succeeded;   // a quiet window lets the factor recover
    return t->succeeded >= t->target * t->total;
}

static void end_window(struct throttle *t, int64_t now_us) {
    ASSERT(now_us >= t->window_end_us);
    if (judged_bad(t) && !t->slowed)
        slow(t);
    else if (judged_good(t) && !t->slowed)
        t->factor += t->increase;
    if (t->factor > 1) t->factor = 1;
    t->total = t->succeeded = 0;
    t->slowed = t->headers_seen = false;
    t->window_end_us = now_us + t->window_us;
}

void throttle_report(struct throttle *t, const struct throttle_attempt *a, int64_t now_us) {
    ASSERT(a->latency_us >= 0);
    if (!t->enabled) return;
    if (now_us >= t->window_end_us) end_window(t, now_us);
    t->total++;
    t->succeeded += a->success && (t->latency_us == 0 || a->latency_us <= t->latency_us);
    t->headers_seen |= a->headers_seen;
    if (!a->slow_down || t->slowed) return;
    bool again = t->slowed_us > now_us - SLOWED_LATELY_US;
    t->slowed = true;
    t->slowed_us = now_us;
    if (again || !a->until_told) slow(t);
}

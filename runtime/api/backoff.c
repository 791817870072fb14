// backoff.c: the four ways of waiting before a retry.
#include "api/backoff.h"

#include "base/assert.h"
#include "base/num.h"

#include <string.h>

void backoff_init(struct backoff *b, const struct api_config *config) {
    memset(b, 0, sizeof *b);
    backoff_configure(b, config);
    b->quota = b->quota_max;
    rng_init(&b->rng, config->seed);
    ASSERT(b->quota == b->quota_max);
}

void backoff_configure(struct backoff *b, const struct api_config *config) {
    ASSERT(config->max_backoff_us >= 0);
    ASSERT(config->backoff_jitter >= 0 && config->backoff_jitter <= 1);
    ASSERT(config->initial_backoff_us > 0);
    b->kind = config->backoff;
    b->initial_us = config->initial_backoff_us;
    b->max_us = config->max_backoff_us;
    b->jitter = config->backoff_jitter;
    b->quota_max = config->retry_quota;
    b->refill = config->retry_refill;
    if (b->quota > b->quota_max) b->quota = b->quota_max;
}

static double fibonacci(int32_t n) {
    ASSERT(n >= 1);
    double a = 0, b = 1;
    for (int32_t i = 1; i < n; i++) {
        double sum = a + b;
        a = b;
        b = sum;
    }
    return b;
}

static double factor(const struct backoff *b, int32_t attempt) {
    ASSERT(attempt >= 1);
    double doubled = (double)(UINT64_C(1) << (attempt < 40 ? attempt - 1 : 39));
    switch (b->kind) {
    case BACKOFF_LINEAR: return attempt;
    case BACKOFF_FIBONACCI: return fibonacci(attempt < 60 ? attempt : 60);
    case BACKOFF_ADAPTIVE: return doubled * (1 + 3 * b->pressure);
    default: return doubled;
    }
}

int64_t backoff_base_us(const struct backoff *b, int32_t attempt) {
    ASSERT(attempt >= 1);
    double base = (double)b->initial_us * factor(b, attempt);
    return base < (double)b->max_us ? (int64_t)base : b->max_us;
}

int64_t backoff_delay_us(struct backoff *b, int32_t attempt, int64_t retry_after_us) {
    ASSERT(attempt >= 1);
    ASSERT(retry_after_us >= 0);
    double base = (double)backoff_base_us(b, attempt);
    int64_t delay = (int64_t)(base * (1 - b->jitter) + base * b->jitter * rng_double(&b->rng));
    return num_max(delay, retry_after_us);
}

bool backoff_take(struct backoff *b) {
    ASSERT(b->quota <= b->quota_max || b->quota_max <= 0);
    if (b->quota_max <= 0) return true;
    if (b->quota < 1) return false;
    b->quota -= 1;
    return true;
}

void backoff_report(struct backoff *b, bool success) {
    b->pressure += ((success ? 0 : 1) - b->pressure) * 0.05;
    ASSERT(b->pressure >= 0 && b->pressure <= 1);
    if (!success) return;
    b->quota += b->refill;
    if (b->quota > b->quota_max) b->quota = b->quota_max;
}

// breaker.c: the circuit breaker of one class of requests.
//
//             failures in a row, or a rate over the window
//   CLOSED ---------------------------------------------------> OPEN <---------------+
//     ^                                                          |                   |
//     |                          recovery time is over, or       |                   | a probe fails:
//     |                          a CRITICAL early probe succeeds |                   | open twice as long
//     |                                                          v                   |
//     +------------------------------------------------------ HALF-OPEN -------------+
//            `half_open_probes` probes have succeeded
//
// While open, one CRITICAL request at a time may go as an early probe: a cancel is worth the try. Its failure
// leaves the open time as it is. Shadow mode runs the same machine and refuses nothing.
#include "api/breaker.h"

#include "base/assert.h"
#include "base/num.h"

#include <string.h>

void breaker_init(struct breaker *b, const struct api_config *config, int64_t now_us) {
    memset(b, 0, sizeof *b);
    breaker_configure(b, config);
    b->bucket_end_us = now_us + b->bucket_us;
    ASSERT(b->state == BREAKER_CLOSED);
    ASSERT(b->probes_out == 0);
}

void breaker_configure(struct breaker *b, const struct api_config *config) {
    b->failure_threshold = config->failure_threshold;
    b->min_count = config->failure_min_count;
    b->probes = config->half_open_probes;
    b->recovery_us = config->recovery_timeout_us;
    b->recovery_max_us = num_max(config->recovery_max_us, b->recovery_us);
    b->bucket_us = config->failure_window_us / BREAKER_BUCKETS;
    b->slow_us = config->slow_call_us;
    b->failure_rate = config->failure_rate;
    b->slow_rate = config->slow_call_rate;
    b->shadow = config->breaker_shadow;
    ASSERT(b->bucket_us > 0);
    ASSERT(b->probes > 0);
}

static void forget_window(struct breaker *b) {
    memset(b->buckets, 0, sizeof b->buckets);
    b->consecutive = 0;
}

static void open_breaker(struct breaker *b, int64_t now_us) {
    ASSERT(b->state != BREAKER_OPEN);
    int64_t open_us = b->reopenings > 0 ? b->open_us * 2 : b->recovery_us;
    b->open_us = num_min(open_us, b->recovery_max_us);
    b->open_until_us = now_us + b->open_us;
    b->state = BREAKER_OPEN;
    b->reopenings++;
    b->opened_count++;
    ASSERT(b->open_us > 0 && b->open_us <= b->recovery_max_us);
    forget_window(b);
}

static void half_open(struct breaker *b) {
    ASSERT(b->state == BREAKER_OPEN);
    b->state = BREAKER_HALF_OPEN;
    b->probes_done = 0;
}

static int32_t ask(struct breaker *b, bool critical, int64_t now_us) {
    ASSERT(b->state == BREAKER_OPEN || b->state == BREAKER_HALF_OPEN);
    ASSERT(b->probes_out >= 0);
    if (b->state == BREAKER_OPEN && now_us >= b->open_until_us) half_open(b);
    if (b->state == BREAKER_OPEN) {
        if (!critical) return BREAKER_REFUSE;
        return b->probes_out == 0 ? BREAKER_PROBE : BREAKER_WAIT;
    }
    return b->probes_out + b->probes_done < b->probes ? BREAKER_PROBE : BREAKER_WAIT;
}

int32_t breaker_ask(struct breaker *b, bool critical, int64_t now_us) {
    ASSERT(b->state >= 0 && b->state < BREAKER_STATE_COUNT);
    if (b->state == BREAKER_CLOSED) return BREAKER_PASS;
    int32_t answer = ask(b, critical, now_us);
    if (!b->shadow || answer == BREAKER_PROBE) return answer;
    b->shadow_count++;
    return BREAKER_PASS;
}

void breaker_enter(struct breaker *b, bool is_probe) {
    ASSERT(b->probes_out >= 0);
    b->probes_out += is_probe;
}

static struct breaker_bucket *present_bucket(struct breaker *b, int64_t now_us) {
    if (now_us >= b->bucket_end_us + b->bucket_us * BREAKER_BUCKETS) {
        memset(b->buckets, 0, sizeof b->buckets);
        b->bucket_end_us = now_us + b->bucket_us;
    }
    while (now_us >= b->bucket_end_us) {
        b->bucket = (b->bucket + 1) % BREAKER_BUCKETS;
        b->buckets[b->bucket] = (struct breaker_bucket){ 0 };
        b->bucket_end_us += b->bucket_us;
    }
    ASSERT(b->bucket >= 0 && b->bucket < BREAKER_BUCKETS);
    ASSERT(now_us < b->bucket_end_us);
    return &b->buckets[b->bucket];
}

static bool rate_trips(const struct breaker *b) {
    if (b->failure_rate <= 0 && b->slow_rate <= 0) return false;
    struct breaker_bucket sum = { 0 };
    for (int32_t i = 0; i < BREAKER_BUCKETS; i++) {
        sum.total += b->buckets[i].total;
        sum.failed += b->buckets[i].failed;
        sum.slow += b->buckets[i].slow;
    }
    if (sum.total < b->min_count) return false;
    ASSERT(sum.failed <= sum.total);
    ASSERT(sum.slow <= sum.total);
    return (b->failure_rate > 0 && sum.failed >= b->failure_rate * sum.total) ||
           (b->slow_rate > 0 && sum.slow >= b->slow_rate * sum.total);
}

static void report_closed(struct breaker *b, bool failed, bool slow, int64_t now_us) {
    ASSERT(b->state == BREAKER_CLOSED);
    struct breaker_bucket *bucket = present_bucket(b, now_us);
    bucket->total++;
    bucket->failed += failed;
    bucket->slow += slow;
    b->consecutive = failed ? b->consecutive + 1 : 0;
    if (!failed && !slow) return;   // good news opens nothing; this keeps the sum out of the ordinary path
    if ((b->failure_threshold > 0 && b->consecutive >= b->failure_threshold) || rate_trips(b))
        open_breaker(b, now_us);
}

static void report_probe(struct breaker *b, bool failed, int64_t now_us) {
    ASSERT(b->state != BREAKER_CLOSED);
    if (failed) {
        if (b->state == BREAKER_HALF_OPEN) open_breaker(b, now_us);
        return;
    }
    if (b->state == BREAKER_OPEN) half_open(b);
    if (++b->probes_done < b->probes) return;
    ASSERT(b->probes_done == b->probes || b->probes_done > b->probes);
    b->state = BREAKER_CLOSED;
    b->reopenings = 0;
    forget_window(b);
}

void breaker_report(struct breaker *b, bool is_probe, int32_t result, int64_t latency_us, int64_t now_us) {
    ASSERT(result >= BREAKER_SUCCESS && result <= BREAKER_NEUTRAL);
    if (is_probe) {
        ASSERT(b->probes_out > 0);
        b->probes_out--;
    }
    if (result == BREAKER_NEUTRAL) return;
    bool failed = result == BREAKER_FAILURE;
    if (b->state == BREAKER_CLOSED)
        report_closed(b, failed, latency_us > b->slow_us, now_us);
    else if (is_probe)
        report_probe(b, failed, now_us);
    // What was sent before the opening says nothing new.
}

// breaker.h: stops sending when sending only fails. Closed, open, half-open; see the drawing in breaker.c.
//
// Owner    the caller owns the struct; no allocation, no clock.
// Protocol breaker_ask says what may be done; breaker_enter when it is done; breaker_report when it ended,
//          with whether it was entered as a probe.
#ifndef MT_API_BREAKER_H
#define MT_API_BREAKER_H

#include "api/config.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_STATE_COUNT };

enum breaker_answer {
    BREAKER_PASS,
    BREAKER_PROBE,   // may go, as a probe
    BREAKER_WAIT,    // probes are out; their answer decides
    BREAKER_REFUSE
};

enum breaker_result {
    BREAKER_SUCCESS,   // answered, be it with a business refusal
    BREAKER_FAILURE,   // transport error, 5xx, timeout
    BREAKER_NEUTRAL    // says nothing: cancelled, slowed down, clock skew
};

enum { BREAKER_BUCKETS = 8 };

struct breaker_bucket {
    int32_t total, failed, slow;
};

struct breaker {
    int32_t failure_threshold, min_count, probes;
    int64_t recovery_us, recovery_max_us, bucket_us, slow_us;
    double failure_rate, slow_rate;
    bool shadow;

    int32_t state;         // enum breaker_state
    int32_t consecutive;   // failures in a row while closed
    int32_t probes_out, probes_done;
    int32_t reopenings;               // since it was last closed
    int64_t open_until_us, open_us;   // open_us: length of the present opening
    int64_t opened_count;             // ever
    int64_t shadow_count;             // what would have been refused
    int64_t bucket_end_us;
    int32_t bucket;
    struct breaker_bucket buckets[BREAKER_BUCKETS];
};

void breaker_init(struct breaker *b, const struct api_config *config, int64_t now_us);
void breaker_configure(struct breaker *b, const struct api_config *config);   // keeps state and counts
int32_t breaker_ask(struct breaker *b, bool critical, int64_t now_us);        // enum breaker_answer
void breaker_enter(struct breaker *b, bool is_probe);
void breaker_report(struct breaker *b, bool is_probe, int32_t result, int64_t latency_us, int64_t now_us);

#endif

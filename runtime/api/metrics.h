// metrics.h: what the API manager counts, in fixed memory: outcomes, classes, endpoints, a latency histogram
// with a relative error of at most 1/32, and a history by minute.
//
// Owner    the dispatcher owns struct metrics; the host reads struct metrics_snapshot from
//          dispatcher_metrics.
#ifndef MT_API_METRICS_H
#define MT_API_METRICS_H

#include "api/histogram.h"
#include "api/limiter.h"
#include "api/notice.h"
#include "api/request.h"

#include <stdint.h>

enum {
    METRICS_ENDPOINTS_MAX = 64,   // higher indexes count in the last one
    METRICS_WINDOWS_MAX = 2 * LIMITER_WINDOWS_MAX,
    METRICS_MINUTES = 180
};

struct metrics_endpoint {
    int64_t count, failed;   // attempts answered; of them failures
    int64_t latency_sum_us, latency_max_us;
};

struct metrics_minute {
    int64_t minute;   // now_us / 60e6; -1: empty
    int64_t latency_sum_us, latency_max_us;
    int32_t sent, answered, failed, settled, succeeded, slowed;
};

struct metrics {
    int64_t submitted, sent, answered, attempts_failed, retries, refused_full;
    int64_t latency_sum_us, latency_max_us;
    int64_t settled[SETTLE_COUNT];
    int64_t class_sent[REQUEST_CLASSES_MAX], class_failed[REQUEST_CLASSES_MAX];
    int64_t waited_sum_us;
    int64_t minute_end_us;
    int32_t minute_index;
    struct metrics_endpoint endpoints[METRICS_ENDPOINTS_MAX];
    struct metrics_minute minutes[METRICS_MINUTES];
    uint32_t histogram[HISTOGRAM_BUCKETS];
    uint32_t recent[2]
                   [HISTOGRAM_BUCKETS];   // of the present minute and the one before, by the minute's parity
    struct metrics_span {
        int32_t first, end;
    } spans[2];   // which buckets of `recent` may differ from 0: all of them are much to clear each minute
};

struct metrics_window {
    int64_t interval_us;
    int64_t resets_us;              // from now
    int32_t used, limit, reserve;   // used: by us and others
    int32_t others;                 // of that by others, as headers told
    int32_t kind;                   // enum limit_kind
};

struct metrics_snapshot {
    int64_t now_us;
    double success_rate;   // executed or properly refused, of all settled; 1 when nothing has settled
    double average_response_us;
    int64_t p50_us, p95_us, p99_us, max_us;
    int64_t submitted, sent, answered, retries, refused_full;
    int64_t settled[SETTLE_COUNT];
    int64_t requests_this_minute;
    double average_wait_us;   // held back by limits, throttle and breaker, a sent request

    double throttle_factor;   // the lower of what success allows and what others of the address leave
    double retry_quota;
    int64_t gate_us;   // how long the venue's slow-down still holds; 0: open
    int64_t clock_offset_us, clock_uncertainty_us;
    int32_t window_count;
    struct metrics_window windows[METRICS_WINDOWS_MAX];

    int32_t queue_total, queue[PRIORITY_COUNT], backoff_total, in_flight, in_doubt, workers;
    int64_t oldest_wait_us;

    int64_t notices_lost;   // nobody fetched them in time
    bool alert_raised[ALERT_RULE_COUNT];
    int32_t circuit_state[REQUEST_CLASSES_MAX];   // enum breaker_state
    int64_t circuit_opened[REQUEST_CLASSES_MAX];
    int64_t circuit_open_for_us[REQUEST_CLASSES_MAX];
    int64_t circuit_shadowed[REQUEST_CLASSES_MAX];
    int64_t class_sent[REQUEST_CLASSES_MAX], class_failed[REQUEST_CLASSES_MAX];

    struct metrics_endpoint endpoints[METRICS_ENDPOINTS_MAX];
    int32_t minute_count;   // oldest first, the last is the present minute
    struct metrics_minute minutes[METRICS_MINUTES];
};

void metrics_init(struct metrics *m, int64_t now_us);
void metrics_sent(struct metrics *m, const struct request *r, int64_t now_us);
void metrics_answered(struct metrics *m, const struct request *r, bool failed, bool slowed,
                      int64_t latency_us, int64_t now_us);
void metrics_settled(struct metrics *m, int32_t settle, int64_t now_us);

// Of the present minute and the one before: what alerts judge by.
struct metrics_recent {
    int64_t settled, succeeded, answered;
    int64_t p95_us;
};
struct metrics_recent metrics_recent(struct metrics *m, int64_t now_us);

// Fills what metrics knows; the dispatcher adds the rest.
void metrics_snapshot_fill(struct metrics *m, struct metrics_snapshot *s, int64_t now_us);

#endif

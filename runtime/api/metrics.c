// metrics.c: what the manager counts.
#include "api/metrics.h"

#include "base/assert.h"
#include "base/num.h"
#include "base/units.h"

#include <string.h>

static struct metrics_minute *start_minute(struct metrics *m, int64_t now_us) {
    int64_t minute = now_us / MINUTE_US;
    m->minute_end_us = (minute + 1) * MINUTE_US;
    m->minute_index = (int32_t)(minute % METRICS_MINUTES);
    struct metrics_minute *present = &m->minutes[m->minute_index];
    *present = (struct metrics_minute){ .minute = minute };
    struct metrics_span *span = &m->spans[minute & 1];
    for (int32_t i = span->first; i < span->end; i++) m->recent[minute & 1][i] = 0;
    *span = (struct metrics_span){ 0, 0 };
    return present;
}

void metrics_init(struct metrics *m, int64_t now_us) {
    ASSERT(now_us >= 0);
    memset(m, 0, sizeof *m);
    for (int32_t i = 0; i < METRICS_MINUTES; i++) m->minutes[i].minute = -1;
    start_minute(m, now_us);
}

static struct metrics_minute *present_minute(struct metrics *m, int64_t now_us) {
    return now_us < m->minute_end_us ? &m->minutes[m->minute_index] : start_minute(m, now_us);
}

static struct metrics_endpoint *endpoint_of(struct metrics *m, const struct request *r) {
    return &m->endpoints[r->endpoint < METRICS_ENDPOINTS_MAX ? r->endpoint : METRICS_ENDPOINTS_MAX - 1];
}

void metrics_sent(struct metrics *m, const struct request *r, int64_t now_us) {
    ASSERT(r->request_class < REQUEST_CLASSES_MAX);
    m->sent++;
    m->retries += r->attempts > 1;
    m->class_sent[r->request_class]++;
    present_minute(m, now_us)->sent++;
}

void metrics_answered(struct metrics *m, const struct request *r, bool failed, bool slowed,
                      int64_t latency_us, int64_t now_us) {
    ASSERT(latency_us >= 0);
    m->answered++;
    m->attempts_failed += failed;
    m->class_failed[r->request_class] += failed;
    m->latency_sum_us += latency_us;
    if (latency_us > m->latency_max_us) m->latency_max_us = latency_us;
    int32_t bucket = histogram_bucket(latency_us);
    m->histogram[bucket]++;

    struct metrics_endpoint *endpoint = endpoint_of(m, r);
    endpoint->count++;
    endpoint->failed += failed;
    endpoint->latency_sum_us += latency_us;
    if (latency_us > endpoint->latency_max_us) endpoint->latency_max_us = latency_us;

    struct metrics_minute *minute = present_minute(m, now_us);
    struct metrics_span *span = &m->spans[minute->minute & 1];
    bool empty = span->first == span->end;
    span->first = empty || bucket < span->first ? bucket : span->first;
    span->end = empty || bucket >= span->end ? bucket + 1 : span->end;
    m->recent[minute->minute & 1][bucket]++;
    minute->answered++;
    minute->failed += failed;
    minute->slowed += slowed;
    minute->latency_sum_us += latency_us;
    if (latency_us > minute->latency_max_us) minute->latency_max_us = latency_us;
}

static bool is_success(int32_t settle) { return settle == SETTLE_DONE || settle == SETTLE_REFUSED; }

void metrics_settled(struct metrics *m, int32_t settle, int64_t now_us) {
    ASSERT(settle >= 0);
    ASSERT(settle < SETTLE_COUNT);
    m->settled[settle]++;
    ASSERT(m->settled[settle] > 0);
    struct metrics_minute *minute = present_minute(m, now_us);
    minute->settled++;
    minute->succeeded += is_success(settle);
}

// The latency below which `share` of the answers lie; 0 when there are none.
static int64_t quantile_us(const struct metrics *m, double share) {
    ASSERT(share >= 0 && share <= 1);
    int64_t us = histogram_quantile_us(m->histogram, m->answered, share);
    return num_min(us, m->latency_max_us);
}

struct metrics_recent metrics_recent(struct metrics *m, int64_t now_us) {
    const struct metrics_minute *present = present_minute(m, now_us);
    const struct metrics_minute *before =
        &m->minutes[(m->minute_index + METRICS_MINUTES - 1) % METRICS_MINUTES];
    struct metrics_recent r = { present->settled, present->succeeded, present->answered, 0 };
    bool adjacent = before->minute == present->minute - 1;
    if (adjacent) {
        r.settled += before->settled;
        r.succeeded += before->succeeded;
        r.answered += before->answered;
    }
    const uint32_t *now = m->recent[present->minute & 1], *then = m->recent[~present->minute & 1];
    double seen = 0;
    for (int32_t i = 0; i < HISTOGRAM_BUCKETS && r.answered > 0; i++) {
        seen += now[i] + (adjacent ? then[i] : 0);
        if (seen >= 0.95 * (double)r.answered) {
            r.p95_us = histogram_middle_us(i);
            break;
        }
    }
    return r;
}

static void fill_minutes(const struct metrics *m, struct metrics_snapshot *s) {
    int64_t newest = m->minutes[m->minute_index].minute;
    s->minute_count = 0;
    for (int32_t i = 1; i <= METRICS_MINUTES; i++) {
        const struct metrics_minute *minute = &m->minutes[(m->minute_index + i) % METRICS_MINUTES];
        if (minute->minute > newest - METRICS_MINUTES)   // minutes without traffic leave old rows behind
            if (minute->minute >= 0) s->minutes[s->minute_count++] = *minute;
    }
}

void metrics_snapshot_fill(struct metrics *m, struct metrics_snapshot *s, int64_t now_us) {
    const struct metrics_minute *minute = present_minute(m, now_us);
    int64_t settled = 0;
    for (int32_t i = 0; i < SETTLE_COUNT; i++) settled += s->settled[i] = m->settled[i];
    int64_t good = m->settled[SETTLE_DONE] + m->settled[SETTLE_REFUSED];
    s->now_us = now_us;
    s->success_rate = settled > 0 ? (double)good / (double)settled : 1;
    s->average_response_us = m->answered > 0 ? (double)m->latency_sum_us / (double)m->answered : 0;
    s->p50_us = quantile_us(m, 0.50);
    s->p95_us = quantile_us(m, 0.95);
    s->p99_us = quantile_us(m, 0.99);
    s->max_us = m->latency_max_us;
    s->submitted = m->submitted;
    s->sent = m->sent;
    s->answered = m->answered;
    s->retries = m->retries;
    s->refused_full = m->refused_full;
    s->requests_this_minute = minute->sent;
    s->average_wait_us = m->sent > 0 ? (double)m->waited_sum_us / (double)m->sent : 0;
    memcpy(s->class_sent, m->class_sent, sizeof s->class_sent);
    memcpy(s->class_failed, m->class_failed, sizeof s->class_failed);
    memcpy(s->endpoints, m->endpoints, sizeof s->endpoints);
    fill_minutes(m, s);
}

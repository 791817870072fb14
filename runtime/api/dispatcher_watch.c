// dispatcher_watch.c: what a dispatcher shows, and what it tells of its own accord.
//
// What the dispatcher shows (metrics) and tells of its own accord (breaker changes, alerts).
#include "api/dispatcher_private.h"
#include "base/assert.h"

#include <string.h>

static void tell(struct dispatcher *d, const struct notice *n) {
    if (d->notice_count == NOTICES_MAX) {   // nobody listens: the oldest makes way
        d->notice_head = (d->notice_head + 1) % NOTICES_MAX;
        d->notice_count--;
        d->notices_lost++;
    }
    d->notices[(d->notice_head + d->notice_count++) % NOTICES_MAX] = *n;
}

void dispatcher_alert(struct dispatcher *d, int32_t rule, bool raised, double value, int64_t now_us) {
    ASSERT(rule >= 0 && rule < ALERT_RULE_COUNT);
    if (d->alerts.raised[rule] == raised) return;
    d->alerts.raised[rule] = raised;
    struct notice n = {
        .time_us = now_us, .kind = NOTICE_ALERT, .rule = (uint8_t)rule, .raised = raised, .value = value
    };
    tell(d, &n);
}

int32_t dispatcher_notice_count(const struct dispatcher *d) { return d->notice_count; }

bool dispatcher_notice(struct dispatcher *d, struct notice *out) {
    if (d->notice_count == 0) return false;
    *out = d->notices[d->notice_head];
    d->notice_head = (d->notice_head + 1) % NOTICES_MAX;
    d->notice_count--;
    return true;
}

void watch_circuit(struct dispatcher *d, int32_t request_class, int32_t before, int64_t now_us) {
    ASSERT(request_class >= 0 && request_class < REQUEST_CLASSES_MAX);
    const struct breaker *b = &d->breakers[request_class];
    if (b->state == before) return;
    struct notice n = { .time_us = now_us,
                        .kind = NOTICE_CIRCUIT,
                        .request_class = (uint8_t)request_class,
                        .from = (uint8_t)before,
                        .to = (uint8_t)b->state,
                        .shadow = b->shadow };
    tell(d, &n);
    if (d->alerts.next_us != INT64_MAX && b->state == BREAKER_OPEN)
        d->alerts.next_us = now_us;   // an opening is told at once, not at the next look
}

static void gather(struct dispatcher *d, struct alert_values *v, int64_t now_us) {
    const struct metrics_snapshot *s = dispatcher_metrics(d, now_us);
    struct metrics_recent recent = metrics_recent(&d->metrics, now_us);
    double fullest = 0;
    int32_t open = 0;
    for (int32_t i = 0; i < s->window_count; i++) {
        double share = (double)s->windows[i].used / s->windows[i].limit;
        fullest = share > fullest ? share : fullest;
    }
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++) open += s->circuit_state[i] == BREAKER_OPEN;
    int64_t skew_us = s->clock_offset_us < 0 ? -s->clock_offset_us : s->clock_offset_us;
    v->settled = recent.settled;
    v->answered = recent.answered;
    v->value[ALERT_SUCCESS_RATE] = recent.settled > 0 ? (double)recent.succeeded / (double)recent.settled : 1;
    v->value[ALERT_LATENCY] = (double)recent.p95_us / 1e6;
    v->value[ALERT_QUEUE] = s->queue_total;
    v->value[ALERT_CIRCUIT] = open;
    v->value[ALERT_LIMIT_USAGE] = fullest;
    v->value[ALERT_CLOCK_SKEW] = (double)skew_us / 1e6;
}

void watch_alerts(struct dispatcher *d, int64_t now_us) {
    struct alert_values values;
    struct notice changed[ALERT_RULE_COUNT];
    gather(d, &values, now_us);
    int32_t count = alerts_check(&d->alerts, &values, now_us, changed);
    for (int32_t i = 0; i < count; i++) tell(d, &changed[i]);
}

static void show_breakers(const struct dispatcher *d, struct metrics_snapshot *s, int64_t now_us) {
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++) {
        const struct breaker *b = &d->breakers[i];
        bool waits = b->state == BREAKER_OPEN && b->open_until_us > now_us;
        s->circuit_state[i] = b->state;
        s->circuit_opened[i] = b->opened_count;
        s->circuit_open_for_us[i] = waits ? b->open_until_us - now_us : 0;
        s->circuit_shadowed[i] = b->shadow_count;
    }
}

const struct metrics_snapshot *dispatcher_metrics(struct dispatcher *d, int64_t now_us) {
    ASSERT(d->held >= d->waiting);
    struct metrics_snapshot *s = &d->snapshot;
    metrics_snapshot_fill(&d->metrics, s, now_us);
    limits_show(d, s, now_us);
    show_breakers(d, s, now_us);
    s->retry_quota = d->backoff.quota;
    s->queue_total = d->held;
    memcpy(s->queue, d->by_priority, sizeof s->queue);
    s->backoff_total = d->held - d->waiting;
    s->in_flight = d->in_flight;
    s->in_doubt = d->in_doubt;
    s->workers = d->config.workers;
    int64_t oldest_us = queue_oldest_us(&d->queue);
    s->oldest_wait_us = oldest_us < now_us ? now_us - oldest_us : 0;
    s->notices_lost = d->notices_lost;
    memcpy(s->alert_raised, d->alerts.raised, sizeof s->alert_raised);
    return s;
}

int32_t dispatcher_queued(const struct dispatcher *d, int32_t priority) {
    ASSERT(priority >= 0 && priority < PRIORITY_COUNT);
    return d->by_priority[priority];
}

int32_t dispatcher_in_flight(const struct dispatcher *d) {
    ASSERT(d->in_flight >= 0);
    ASSERT(d->in_flight <= DISPATCHER_WORKERS_MAX);
    return d->in_flight;
}

int32_t dispatcher_in_doubt(const struct dispatcher *d) {
    ASSERT(d->in_doubt >= 0);
    return d->in_doubt;
}

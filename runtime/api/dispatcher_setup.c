// Making, configuring and showing a dispatcher; a request's life is in dispatcher.c.
#include "api/dispatcher_private.h"
#include "base/assert.h"
#include "base/err.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIGURED_ROWS = 9 };
_Static_assert(CONFIGURED_ROWS + API_LIMITS_MAX <= LIMITER_WINDOWS_MAX, "every row finds a window");

static void set_limit(struct dispatcher *d, int32_t kind, int64_t interval_us, int32_t limit, int64_t now_us) {
    int err = limiter_set(&d->limiter, kind, interval_us, limit, d->config.critical_reserve, now_us);
    ASSERT(err == ERR_OK);   // the rows are never more than LIMITER_WINDOWS_MAX
}

static int32_t find_row(const struct api_limit *rows, int32_t count, int32_t kind, int64_t interval_us) {
    int32_t i = 0;
    while (i < count && (rows[i].kind != kind || rows[i].interval_us != interval_us))
        i++;
    return i;
}

// Windows that no row speaks of any more.
static void drop_limits(struct dispatcher *d, const struct api_limit *rows, int32_t count, int64_t now_us) {
    for (int32_t i = d->limiter.count - 1; i >= 0; i--) {
        const struct limiter_window w = d->limiter.windows[i];
        int32_t row = find_row(rows, count, w.kind, w.interval_us);
        if (row == count || rows[row].limit == 0)
            set_limit(d, w.kind, w.interval_us, 0, now_us);
    }
}

static void set_limits(struct dispatcher *d, int64_t now_us) {
    const int64_t second = 1000000, minute = 60 * second, day = 1440 * minute;
    const struct api_config *c = &d->config;
    struct api_limit rows[CONFIGURED_ROWS + API_LIMITS_MAX] = {
        { second, c->requests_per_second, LIMIT_REQUESTS }, { minute, c->requests_per_minute, LIMIT_REQUESTS },
        { day, c->requests_per_day, LIMIT_REQUESTS },       { second, c->weight_per_second, LIMIT_WEIGHT },
        { minute, c->weight_per_minute, LIMIT_WEIGHT },     { second, c->orders_per_second, LIMIT_ORDERS },
        { 10 * second, c->orders_per_10s, LIMIT_ORDERS },   { minute, c->orders_per_minute, LIMIT_ORDERS },
        { day, c->orders_per_day, LIMIT_ORDERS },
    };
    int32_t count = CONFIGURED_ROWS;
    for (int32_t i = 0; i < c->limit_count; i++) {
        int32_t at = find_row(rows, count, c->limits[i].kind, c->limits[i].interval_us);
        rows[at] = c->limits[i];
        count += at == count;
    }
    drop_limits(d, rows, count, now_us);
    for (int32_t i = 0; i < count; i++)
        if (rows[i].limit > 0)
            set_limit(d, rows[i].kind, rows[i].interval_us, rows[i].limit, now_us);
    d->throttle.spacing_us = limiter_spacing_us(&d->limiter);
}

struct dispatcher *dispatcher_new(const struct api_config *config, const struct transport *transport,
                                  dispatcher_settled settled, void *settled_ctx, int64_t now_us) {
    ASSERT(config);
    ASSERT(transport && transport->send);
    ASSERT(settled);
    ASSERT(config->workers >= 1 && config->workers <= DISPATCHER_WORKERS_MAX);
    struct dispatcher *d = calloc(1, sizeof *d);
    int32_t capacity = config->max_queue_size + DISPATCHER_WORKERS_MAX;
    struct heap_slot *slots = d ? malloc((size_t)capacity * sizeof *slots) : NULL;
    if (!slots) {
        free(d);
        return NULL;
    }
    d->config = *config;
    d->transport = *transport;
    d->settled = settled;
    d->settled_ctx = settled_ctx;
    d->wake_us = INT64_MAX;
    heap_init(&d->timers, slots, capacity, (uint32_t)offsetof(struct request, heap_index));
    limiter_init(&d->limiter, config->edge_guard_us);
    backoff_init(&d->backoff, config);
    throttle_init(&d->throttle, config, now_us);
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++)
        breaker_init(&d->breakers[i], config, now_us);
    metrics_init(&d->metrics, now_us);
    set_limits(d, now_us);
    return d;
}

void dispatcher_free(struct dispatcher *d) {
    if (!d)
        return;
    free(d->timers.slots);
    free(d);
}

void dispatcher_apply(struct dispatcher *d, const struct api_config *config, int64_t now_us) {
    ASSERT(config->workers >= 1 && config->workers <= DISPATCHER_WORKERS_MAX);
    int32_t capacity = config->max_queue_size + DISPATCHER_WORKERS_MAX;
    d->config = *config;
    if (capacity > d->timers.capacity) {
        struct heap_slot *slots = realloc(d->timers.slots, (size_t)capacity * sizeof *slots);
        if (slots) {
            d->timers.slots = slots;
            d->timers.capacity = capacity;
        } else {   // short of memory: the old bound stays
            d->config.max_queue_size = d->timers.capacity - DISPATCHER_WORKERS_MAX;
        }
    }
    d->limiter.guard_us = config->edge_guard_us;
    if (d->limiter.uncertainty_us < config->edge_guard_us)
        d->limiter.uncertainty_us = config->edge_guard_us;
    backoff_configure(&d->backoff, config);
    throttle_configure(&d->throttle, config);
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++)
        breaker_configure(&d->breakers[i], config);
    set_limits(d, now_us);
}

void dispatcher_clock(struct dispatcher *d, int64_t offset_us, int64_t uncertainty_us) {
    limiter_clock(&d->limiter, offset_us, uncertainty_us);
    d->wake_us = d->waiting > 0 ? INT64_MIN : INT64_MAX;   // a window may turn at another time now
}

int32_t dispatcher_queued(const struct dispatcher *d, int32_t priority) {
    ASSERT(priority >= 0 && priority < PRIORITY_COUNT);
    return d->by_priority[priority];
}

int32_t dispatcher_in_flight(const struct dispatcher *d) {
    return d->in_flight;
}

static void show_windows(struct dispatcher *d, struct metrics_snapshot *s, int64_t now_us) {
    const int32_t nothing[LIMIT_KIND_COUNT] = { 0 };
    (void)limiter_wait_us(&d->limiter, nothing, PRIORITY_CRITICAL, now_us, NULL);   // turns what is over
    const struct limiter *l = &d->limiter;
    s->gate_us = l->gate_us > now_us ? l->gate_us - now_us : 0;
    s->clock_offset_us = l->offset_us;
    s->clock_uncertainty_us = l->uncertainty_us;
    s->window_count = l->count;
    for (int32_t i = 0; i < l->count; i++) {
        const struct limiter_window *w = &l->windows[i];
        s->windows[i] = (struct metrics_window){ .interval_us = w->interval_us, .used = w->used, .limit = w->limit,
                                                 .reserve = w->reserve, .kind = w->kind,
                                                 .resets_us = w->end_us - l->offset_us - now_us };
    }
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
    struct metrics_snapshot *s = &d->snapshot;
    metrics_snapshot_fill(&d->metrics, s, now_us);
    show_windows(d, s, now_us);
    show_breakers(d, s, now_us);
    s->throttle_factor = d->throttle.factor;
    s->retry_quota = d->backoff.quota;
    s->queue_total = d->held;
    memcpy(s->queue, d->by_priority, sizeof s->queue);
    s->backoff_total = d->held - d->waiting;
    s->in_flight = d->in_flight;
    s->workers = d->config.workers;
    int64_t oldest_us = queue_oldest_us(&d->queue);
    s->oldest_wait_us = oldest_us < now_us ? now_us - oldest_us : 0;
    return s;
}

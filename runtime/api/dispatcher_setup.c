// dispatcher_setup.c: how a dispatcher is made and configured.
//
// Making and configuring a dispatcher; a request's life is in dispatcher.c.
#include "base/alloc.h"
#include "api/dispatcher_private.h"
#include "base/assert.h"
#include "base/err.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct dispatcher *dispatcher_new(const struct api_config *config, const struct transport *transport,
                                  dispatcher_settled settled, void *settled_ctx, int64_t now_us) {
    ASSERT(config);
    ASSERT(transport && transport->send);
    ASSERT(settled);
    ASSERT(!transport->doubt || transport->cancel);
    ASSERT(config->workers >= 1 && config->workers + config->critical_workers <= DISPATCHER_WORKERS_MAX);
    struct dispatcher *d = alloc_zeroed(1, sizeof *d);
    int32_t capacity = config->max_queue_size + DISPATCHER_WORKERS_MAX;
    struct heap_slot *slots = alloc_bytes((size_t)capacity * sizeof *slots);
    d->config = *config;
    d->transport = *transport;
    d->settled = settled;
    d->settled_ctx = settled_ctx;
    d->wake_us = INT64_MAX;
    heap_init(&d->timers, slots, capacity, (uint32_t)offsetof(struct request, heap_index));
    backoff_init(&d->backoff, config);
    throttle_init(&d->throttle, config, now_us);
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++) breaker_init(&d->breakers[i], config, now_us);
    metrics_init(&d->metrics, now_us);
    alerts_init(&d->alerts, config, now_us);
    limits_init(d, now_us);
    return d;
}

void dispatcher_free(struct dispatcher *d) {
    if (!d) return;
    ASSERT(d->timers.count >= 0);
    free(d->timers.slots);
    free(d);
}

// Each request held, in flight or in doubt has at most one timer.
void dispatcher_room(struct dispatcher *d, int32_t in_doubt) {
    ASSERT(in_doubt >= 0);
    int32_t capacity = d->config.max_queue_size + DISPATCHER_WORKERS_MAX + in_doubt;
    if (capacity <= d->timers.capacity) return;
    capacity += in_doubt;   // not one by one
    d->timers.slots = alloc_resize(d->timers.slots, (size_t)capacity * sizeof *d->timers.slots);
    d->timers.capacity = capacity;
    ASSERT(d->timers.count <= capacity);
}

void dispatcher_apply(struct dispatcher *d, const struct api_config *config, int64_t now_us) {
    ASSERT(config->workers >= 1 && config->workers + config->critical_workers <= DISPATCHER_WORKERS_MAX);
    d->config = *config;
    dispatcher_room(d, d->in_doubt);
    backoff_configure(&d->backoff, config);
    throttle_configure(&d->throttle, config);
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++) breaker_configure(&d->breakers[i], config);
    alerts_configure(&d->alerts, config, now_us);
    limits_configure(d, now_us);
}

// dispatcher_private.h: what dispatcher.c (a request's life) and dispatcher_setup.c (making, configuring, showing)
// share. Nobody else includes it.
#ifndef MT_API_DISPATCHER_PRIVATE_H
#define MT_API_DISPATCHER_PRIVATE_H

#include "api/backoff.h"
#include "api/breaker.h"
#include "api/dispatcher.h"
#include "api/queue.h"
#include "api/throttle.h"
#include "base/heap.h"

enum { DISPATCHER_WORKERS_MAX = 256 };

struct dispatcher {
    struct api_config config;
    struct transport transport;
    dispatcher_settled settled;
    void *settled_ctx;

    struct limiter limiter;
    struct backoff backoff;
    struct throttle throttle;
    struct breaker breakers[REQUEST_CLASSES_MAX];
    struct heap timers;
    struct queue queue;

    uint64_t last_id;
    int64_t wake_us;
    int32_t waiting;                       // in the queue's lanes
    int32_t held;                          // waiting or in backoff: what max_queue_size bounds
    int32_t by_priority[PRIORITY_COUNT];   // held
    int32_t in_flight;
    bool stopped;

    struct metrics metrics;
    struct metrics_snapshot snapshot;
};

// Takes over `config`: limits, breakers, throttle, backoff, bounds.
void dispatcher_apply(struct dispatcher *d, const struct api_config *config, int64_t now_us);

#endif

// dispatcher_private.h: what dispatcher.c (a request's life), dispatcher_limits.c (its budgets),
// dispatcher_watch.c (what it shows and tells) and dispatcher_setup.c (making, configuring) share. Nobody
// else includes it.
#ifndef MT_API_DISPATCHER_PRIVATE_H
#define MT_API_DISPATCHER_PRIVATE_H

#include "api/alerts.h"
#include "api/backoff.h"
#include "api/breaker.h"
#include "api/dispatcher.h"
#include "api/queue.h"
#include "api/throttle.h"
#include "base/heap.h"

// In flight at once: workers and critical_workers at their most.
enum { DISPATCHER_WORKERS_MAX = 256 + 64 };

// A budget in use: one's own, or a shared one under its lock.
struct share {
    struct budget own;
    struct budget *budget;
    const struct budget_lock *lock;   // NULL: nobody else uses it
    int32_t member;
};

struct dispatcher {
    struct api_config config;
    struct transport transport;
    dispatcher_settled settled;
    void *settled_ctx;

    struct share shares[BUDGET_SCOPE_COUNT];
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
    int32_t in_flight, in_doubt;
    bool stopped;

    struct metrics metrics;
    struct metrics_snapshot snapshot;

    struct alerts alerts;
    struct notice notices[NOTICES_MAX];
    int32_t notice_head, notice_count;
    int64_t notices_lost;
};

// dispatcher_limits.c: the budgets of both scopes as one. `blocked` has 32 bits a scope.
void limits_init(struct dispatcher *d, int64_t now_us);
void limits_configure(struct dispatcher *d, int64_t now_us);
int64_t limits_wait_us(struct dispatcher *d, const struct request *r, int64_t now_us);
bool limits_touch(const struct dispatcher *d, const struct request *r, uint64_t blocked);
// Takes r's cost when it may leave (0), else tells how long it must wait.
int64_t limits_take(struct dispatcher *d, const struct request *r, int64_t now_us, uint64_t *blocked);
enum limits_end { LIMITS_DONE, LIMITS_ABANDON, LIMITS_RETURN };
void limits_end(struct dispatcher *d, const struct request *r, enum limits_end how, int64_t now_us);
void limits_correct(struct dispatcher *d, const struct dispatch_reply *reply, int64_t sent_us,
                    int64_t now_us);
void limits_gate(struct dispatcher *d, int64_t until_us);
void limits_show(struct dispatcher *d, struct metrics_snapshot *s, int64_t now_us);

// dispatcher_watch.c
void watch_circuit(struct dispatcher *d, int32_t request_class, int32_t before, int64_t now_us);
void watch_alerts(struct dispatcher *d, int64_t now_us);

// Room for the timers of so many in doubt beside what is held and in flight.
void dispatcher_room(struct dispatcher *d, int32_t in_doubt);

// Takes over `config`: limits, breakers, throttle, backoff, bounds.
void dispatcher_apply(struct dispatcher *d, const struct api_config *config, int64_t now_us);

#endif

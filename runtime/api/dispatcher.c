// dispatcher.c: the life of a request from submission to settlement.
//
//                    limits, breaker or a full queue refuse
//   IDLE --submit--> QUEUED -------------------------------------------+
//                    ^    |  breaker, throttle, limits, a free worker  |
//     not before ... |    v                                            v
//               BACKOFF  IN_FLIGHT --answer, time-out, cancel-----> settled (IDLE again)
//                    ^    |
//                    +----+ certainly not executed, a retry and time are left
//                    ^    | it changes state, and may have been executed
//                    |    v
//                    +-- IN_DOUBT --found, found absent, deadline-----> settled (IDLE again)
//
// Each held request stands in `timers` once, under the time when something must happen to it:
//   QUEUED     its expiry, or before that the moment ageing lifts it a level
//   BACKOFF    not_before_us
//   IN_FLIGHT  the time-out of the attempt, when the transport can cancel
//   IN_DOUBT   its deadline, when it has one
// What a blocked head waits for (a window, the gate, the throttle) is in `wake_us`.
#include "api/dispatcher.h"

#include "base/num.h"
#include "base/units.h"
#include "api/dispatcher_private.h"
#include "base/assert.h"
#include "base/err.h"

#include <stddef.h>

enum {
    SENDS_PER_RUN = 4096,      // a transport that answers at once must not keep us in one run for ever
    SLOW_DOWN_US = SECOND_US   // the gate's time when the venue does not say
};

enum admission { ADMISSION_SENT, ADMISSION_HELD, ADMISSION_ENDED };

// First moment at which r may no longer be sent.
static int64_t expiry_us(const struct dispatcher *d, const struct request *r) {
    ASSERT(r->priority < PRIORITY_COUNT);
    int64_t timeout_us = r->queue_timeout_us > 0 ? r->queue_timeout_us : d->config.queue_timeout_us;
    int64_t expiry = timeout_us < INT64_MAX - r->submitted_us ? r->submitted_us + timeout_us : INT64_MAX;
    return r->deadline_us > 0 ? num_min(expiry, r->deadline_us) : expiry;
}

static int64_t queued_key_us(const struct dispatcher *d, const struct request *r) {
    ASSERT(r->level <= r->priority);
    int64_t expiry = expiry_us(d, r);
    if (r->level <= PRIORITY_HIGH || d->config.aging_interval_us == 0) return expiry;
    return num_min(expiry, r->submitted_us + d->config.aging_interval_us * (r->priority - r->level + 1));
}

static void set_timer(struct dispatcher *d, struct request *r, int64_t key_us) {
    ASSERT(r->heap_index >= -1);
    ASSERT(d->timers.count <= d->timers.capacity);
    r->heap_key_us = key_us;
    if (r->heap_index < 0)
        heap_push(&d->timers, r, key_us, r->id);
    else
        heap_update(&d->timers, r->heap_index, key_us);
    ASSERT(r->heap_index >= 0);
}

static void clear_timer(struct dispatcher *d, struct request *r) {
    if (r->heap_index >= 0) heap_remove(&d->timers, r->heap_index);
    ASSERT(r->heap_index == -1);
}

static void count_held(struct dispatcher *d, const struct request *r, int32_t change) {
    ASSERT(change == 1 || change == -1);
    d->held += change;
    d->by_priority[r->priority] += change;
    ASSERT(d->by_priority[r->priority] >= 0);
    ASSERT(d->held >= 0);
}

// Takes r out of the queue or the backoff, whichever holds it.
static void detach(struct dispatcher *d, struct request *r) {
    ASSERT(r->state == REQUEST_QUEUED || r->state == REQUEST_BACKOFF);
    if (r->state == REQUEST_QUEUED) {
        queue_remove(&d->queue, r);
        d->waiting--;
        ASSERT(d->waiting >= 0);
        ASSERT(d->waiting <= d->held);
    }
    count_held(d, r, -1);
}

// The end of a request that is in no queue any more. Last thing done with it: it is the caller's again.
static void settle(struct dispatcher *d, struct request *r, enum settle how, int64_t now_us) {
    ASSERT(how < SETTLE_COUNT);
    ASSERT(r->next == NULL && r->prev == NULL);
    clear_timer(d, r);
    r->state = REQUEST_IDLE;
    ASSERT(r->heap_index == -1);
    metrics_settled(&d->metrics, (int32_t)how, now_us);
    d->settled(d->settled_ctx, r, how, now_us);
}

static void settle_held(struct dispatcher *d, struct request *r, enum settle how, int64_t now_us) {
    ASSERT(r->state == REQUEST_QUEUED || r->state == REQUEST_BACKOFF);
    detach(d, r);
    settle(d, r, how, now_us);
}

static void enqueue(struct dispatcher *d, struct request *r, int64_t now_us) {
    r->state = REQUEST_QUEUED;
    d->waiting++;
    set_timer(d, r, queued_key_us(d, r));
    ASSERT(d->waiting <= d->held);
    d->wake_us = now_us;
}

// Whether the wait for the limits is certain to outlast r.
static bool is_hopeless(const struct dispatcher *d, const struct request *r, int64_t wait_us,
                        int64_t now_us) {
    ASSERT(wait_us >= 0);
    if (wait_us == LIMITER_NEVER) return true;
    return wait_us != LIMITER_ON_ANSWER && wait_us >= expiry_us(d, r) - now_us;
}

// How a request that has just come would end at once; SETTLE_COUNT: it has a chance.
static enum settle foreseen(struct dispatcher *d, const struct request *r, int64_t now_us) {
    ASSERT(r->state == REQUEST_IDLE);
    const struct breaker *b = &d->breakers[r->request_class];
    if (now_us >= expiry_us(d, r)) return SETTLE_QUEUE_TIMEOUT;
    if (b->state == BREAKER_OPEN && now_us < b->open_until_us && !b->shadow &&
        r->priority != PRIORITY_CRITICAL)
        return SETTLE_CIRCUIT_OPEN;
    int64_t wait_us = limits_wait_us(d, r, now_us);
    return is_hopeless(d, r, wait_us, now_us) ? SETTLE_RATE_LIMITED : SETTLE_COUNT;
}

static void reset_request(struct dispatcher *d, struct request *r, int64_t now_us) {
    ASSERT(r->cost[LIMIT_WEIGHT] >= 0);
    ASSERT(r->cost[LIMIT_ORDERS] >= 0);
    r->id = ++d->last_id;
    r->state = REQUEST_IDLE;
    r->attempts = 0;
    r->wait_reason = WAIT_NONE;
    r->waits = 0;
    r->level = r->priority;
    r->is_probe = r->clock_retried = false;
    r->submitted_us = r->not_before_us = now_us;
    r->sent_us = r->waited_us = 0;
    r->next = r->prev = NULL;
    r->heap_index = -1;
    r->heap_key_us = 0;
    r->blocked_since_us = -1;
    if (r->cost[LIMIT_ORDERS_LONG] == 0) r->cost[LIMIT_ORDERS_LONG] = r->cost[LIMIT_ORDERS];
    for (int32_t i = 0; i < REQUEST_CLASSES_MAX; i++)
        r->cost[LIMIT_CLASS_WEIGHT + i] = i == r->request_class ? r->cost[LIMIT_WEIGHT] : 0;
}

int dispatcher_submit(struct dispatcher *d, struct request *r, int64_t now_us) {
    ASSERT(r->state == REQUEST_IDLE);
    ASSERT(r->priority < PRIORITY_COUNT);
    ASSERT(r->request_class < REQUEST_CLASSES_MAX);
    if (d->stopped) return ERR_STOPPED;
    struct request *displaced = NULL;
    if (d->held >= d->config.max_queue_size) {
        displaced = r->priority == PRIORITY_CRITICAL ? queue_newest(&d->queue, PRIORITY_LOW) : NULL;
        if (!displaced) {
            d->metrics.refused_full++;
            return ERR_FULL;
        }
    }
    reset_request(d, r, now_us);
    d->metrics.submitted++;
    enum settle end = foreseen(d, r, now_us);
    if (end != SETTLE_COUNT) {
        settle(d, r, end, now_us);
        return ERR_OK;
    }
    if (displaced) {   // leaves before and is told after, so that its owner's next submit finds the queue
                       // full
        detach(d, displaced);
        clear_timer(d, displaced);
    }
    queue_push(&d->queue, r);
    count_held(d, r, 1);
    ASSERT(d->held <= d->config.max_queue_size || d->waiting <= d->held);
    enqueue(d, r, now_us);
    if (displaced) settle(d, displaced, SETTLE_QUEUE_FULL, now_us);
    return ERR_OK;
}

static enum admission defer(struct dispatcher *d, struct request *r, enum wait_reason reason,
                            int64_t until_us, int64_t now_us) {
    ASSERT(reason > WAIT_NONE && reason < WAIT_REASON_COUNT);
    ASSERT(r->state == REQUEST_QUEUED);
    r->wait_reason = (uint8_t)reason;
    r->waits |= (uint8_t)(1u << reason);
    if (r->blocked_since_us < 0) r->blocked_since_us = now_us;
    d->wake_us = num_min(d->wake_us, until_us);
    return ADMISSION_HELD;
}

// How many may be in flight before r's turn has to wait.
static int32_t slots_for(const struct dispatcher *d, int32_t level) {
    ASSERT(d->config.workers >= 1);
    ASSERT(level >= 0 && level < PRIORITY_COUNT);
    return d->config.workers + (level == PRIORITY_CRITICAL ? d->config.critical_workers : 0);
}

// Its budget has been taken.
static enum admission send_now(struct dispatcher *d, struct request *r, bool is_probe, int64_t now_us) {
    ASSERT(r->state == REQUEST_QUEUED);
    ASSERT(now_us < expiry_us(d, r));
    ASSERT(d->in_flight < slots_for(d, r->level));
    queue_turn(&d->queue, r);
    detach(d, r);
    if (r->blocked_since_us >= 0) {
        r->waited_us += now_us - r->blocked_since_us;
        d->metrics.waited_sum_us += now_us - r->blocked_since_us;
        r->blocked_since_us = -1;
    }
    r->is_probe = is_probe;
    breaker_enter(&d->breakers[r->request_class], is_probe);
    if (r->priority != PRIORITY_CRITICAL) throttle_take(&d->throttle, r->cost[LIMIT_WEIGHT], now_us);
    r->state = REQUEST_IN_FLIGHT;
    r->attempts++;
    r->sent_us = now_us;
    d->in_flight++;
    ASSERT(d->in_flight <= DISPATCHER_WORKERS_MAX);
    ASSERT(r->attempts > 0);
    metrics_sent(&d->metrics, r, now_us);
    if (d->transport.cancel) {
        int64_t end_us = now_us + d->config.request_timeout_us;
        set_timer(d, r, r->deadline_us > 0 ? num_min(end_us, r->deadline_us) : end_us);
    } else {
        clear_timer(d, r);
    }
    d->transport.send(d->transport.ctx, r, now_us);   // may answer, so r is out of reach from here
    return ADMISSION_SENT;
}

// Looks at the head of a lane. `blocked` gathers the windows that a head before it waits for: whoever touches
// one of those must not take the budget it is waiting for.
static enum admission admit(struct dispatcher *d, struct request *r, uint64_t *blocked, int64_t now_us) {
    ASSERT(r->state == REQUEST_QUEUED);
    bool critical = r->priority == PRIORITY_CRITICAL;
    struct breaker *breaker = &d->breakers[r->request_class];
    int32_t before = breaker->state;
    int32_t answer = breaker_ask(breaker, critical, now_us);
    watch_circuit(d, r->request_class, before, now_us);
    if (answer == BREAKER_REFUSE) {
        settle_held(d, r, SETTLE_CIRCUIT_OPEN, now_us);
        return ADMISSION_ENDED;
    }
    if (answer == BREAKER_WAIT) return defer(d, r, WAIT_BREAKER, INT64_MAX, now_us);
    int64_t wait_us = critical ? 0 : throttle_wait_us(&d->throttle, now_us);
    if (wait_us > 0) return defer(d, r, WAIT_THROTTLE, now_us + wait_us, now_us);
    if (*blocked && limits_touch(d, r, *blocked)) return defer(d, r, WAIT_LIMIT, INT64_MAX, now_us);
    uint64_t windows = 0;
    wait_us = limits_take(d, r, now_us, &windows);
    if (wait_us == 0) return send_now(d, r, answer == BREAKER_PROBE, now_us);
    if (is_hopeless(d, r, wait_us, now_us)) {
        settle_held(d, r, SETTLE_RATE_LIMITED, now_us);
        return ADMISSION_ENDED;
    }
    *blocked |= windows;
    enum wait_reason reason = windows == UINT64_MAX ? WAIT_GATE : WAIT_LIMIT;
    return defer(d, r, reason, wait_us == LIMITER_ON_ANSWER ? INT64_MAX : now_us + wait_us, now_us);
}

static void admit_all(struct dispatcher *d, int64_t now_us) {
    ASSERT(d->waiting >= 0);
    uint64_t blocked = 0;
    int32_t sends = 0;
    d->wake_us = INT64_MAX;
    for (int32_t level = 0; level < PRIORITY_COUNT && d->waiting > 0; level++) {
        struct queue_skip skip = { 0 };
        struct request *r;
        while ((r = queue_head(&d->queue, level, &skip)) != NULL) {
            if (d->in_flight >= slots_for(d, level)) {   // and so for the levels below; an answer wakes us
                r->wait_reason = WAIT_WORKER;
                r->waits |= 1u << WAIT_WORKER;
                d->wake_us = INT64_MAX;
                return;
            }
            enum admission a = admit(d, r, &blocked, now_us);
            if (a == ADMISSION_HELD) queue_skip_lane(&skip, r);
            sends += a != ADMISSION_HELD;
            if (sends >= SENDS_PER_RUN) {
                d->wake_us = now_us;
                return;
            }
        }
    }
}

static void end_attempt(struct dispatcher *d, struct request *r, bool headers_seen, enum outcome outcome,
                        int64_t retry_after_us, int64_t now_us);

static void leave_doubt(struct dispatcher *d, struct request *r) {
    ASSERT(r->state == REQUEST_UNRESOLVED);
    ASSERT(d->in_doubt > 0);
    d->in_doubt--;
}

static void come_back(struct dispatcher *d, struct request *r, int64_t now_us) {
    int64_t aging_us = d->config.aging_interval_us;
    int64_t steps = aging_us > 0 ? (now_us - r->submitted_us) / aging_us : 0;
    int32_t room = r->priority > PRIORITY_HIGH ? r->priority - PRIORITY_HIGH : 0;
    r->level = (uint8_t)(r->priority - (steps < room ? steps : room));
    ASSERT(r->level <= r->priority);
    queue_push_back_in_order(&d->queue, r);
    enqueue(d, r, now_us);
}

static void timer_fires(struct dispatcher *d, struct request *r, int64_t now_us) {
    ASSERT(r->state != REQUEST_IDLE);
    ASSERT(r->heap_key_us <= now_us);
    if (r->state == REQUEST_IN_FLIGHT) {
        d->transport.cancel(d->transport.ctx, r);
        limits_end(d, r, LIMITS_ABANDON, now_us);
        end_attempt(d, r, false, r->mutating ? OUTCOME_UNKNOWN : OUTCOME_TIMEOUT, 0, now_us);
    } else if (r->state == REQUEST_UNRESOLVED) {
        d->transport.cancel(d->transport.ctx, r);
        leave_doubt(d, r);
        settle(d, r, SETTLE_UNKNOWN, now_us);
    } else if (now_us >= expiry_us(d, r)) {
        settle_held(d, r, SETTLE_QUEUE_TIMEOUT, now_us);
    } else if (r->state == REQUEST_BACKOFF) {
        come_back(d, r, now_us);
    } else {
        queue_promote(&d->queue, r);
        set_timer(d, r, queued_key_us(d, r));
        d->wake_us = now_us;
    }
}

void dispatcher_run(struct dispatcher *d, int64_t now_us) {
    ASSERT(d->in_flight >= 0);
    ASSERT(d->in_doubt >= 0);
    while (d->timers.count > 0 && d->timers.slots[0].key <= now_us)
        timer_fires(d, d->timers.slots[0].item, now_us);
    if (d->wake_us <= now_us) admit_all(d, now_us);
    if (now_us >= d->alerts.next_us) watch_alerts(d, now_us);
}

int64_t dispatcher_next_us(const struct dispatcher *d) {
    ASSERT(d->waiting <= d->held);
    int64_t timer_us = d->timers.count > 0 ? d->timers.slots[0].key : INT64_MAX;
    int64_t next_us = num_min(d->wake_us, timer_us);
    // Alert rules look at a dispatcher at work only: one at rest lets time jump.
    return d->held > 0 || d->in_flight > 0 ? num_min(next_us, d->alerts.next_us) : next_us;
}

static bool may_retry(struct dispatcher *d, struct request *r, enum outcome outcome, int64_t not_before_us) {
    ASSERT(r->attempts >= 1);
    if (d->stopped || not_before_us >= expiry_us(d, r)) return false;
    if (outcome == OUTCOME_CLOCK_SKEW) return !r->clock_retried;
    int32_t retries_max = r->retries_max < d->config.max_retries ? r->retries_max : d->config.max_retries;
    return r->attempts - r->clock_retried <= retries_max && backoff_take(&d->backoff);
}

static void retry_or_settle(struct dispatcher *d, struct request *r, enum outcome outcome,
                            int64_t retry_after_us, enum settle otherwise, int64_t now_us) {
    ASSERT(outcome == OUTCOME_NOT_EXECUTED || outcome == OUTCOME_CLOCK_SKEW || outcome == OUTCOME_SLOW_DOWN ||
           !r->mutating);
    ASSERT(retry_after_us >= 0);
    int64_t delay_us = 0;
    if (outcome != OUTCOME_CLOCK_SKEW)
        delay_us = backoff_delay_us(&d->backoff, r->attempts - r->clock_retried, retry_after_us);
    if (!may_retry(d, r, outcome, now_us + delay_us)) {
        settle(d, r, otherwise, now_us);
        return;
    }
    r->clock_retried |= outcome == OUTCOME_CLOCK_SKEW;
    r->not_before_us = now_us + delay_us;
    count_held(d, r, 1);
    if (delay_us == 0) {
        come_back(d, r, now_us);
        return;
    }
    r->state = REQUEST_BACKOFF;
    r->wait_reason = WAIT_BACKOFF;
    r->waits |= 1u << WAIT_BACKOFF;
    set_timer(d, r, r->not_before_us);
}

// `headers_seen`: the reply told what is used of the limits.
static void report(struct dispatcher *d, const struct request *r, bool headers_seen, enum outcome outcome,
                   int64_t retry_after_us, int64_t now_us) {
    ASSERT(outcome < OUTCOME_COUNT);
    ASSERT(now_us >= r->sent_us);
    ASSERT(d->metrics.answered < d->metrics.sent);
    static const int8_t results[OUTCOME_COUNT] = {
        [OUTCOME_DONE] = BREAKER_SUCCESS,         [OUTCOME_REFUSED] = BREAKER_SUCCESS,
        [OUTCOME_NOT_EXECUTED] = BREAKER_FAILURE, [OUTCOME_UNKNOWN] = BREAKER_FAILURE,
        [OUTCOME_TIMEOUT] = BREAKER_FAILURE,      [OUTCOME_SLOW_DOWN] = BREAKER_NEUTRAL,
        [OUTCOME_CLOCK_SKEW] = BREAKER_NEUTRAL,
    };
    int32_t result = results[outcome];
    bool slow_down = outcome == OUTCOME_SLOW_DOWN;
    int64_t latency_us = now_us - r->sent_us;
    struct breaker *breaker = &d->breakers[r->request_class];
    int32_t before = breaker->state;
    breaker_report(breaker, r->is_probe, result, latency_us, now_us);
    watch_circuit(d, r->request_class, before, now_us);
    struct throttle_attempt attempt = { result == BREAKER_SUCCESS, slow_down, retry_after_us > 0,
                                        headers_seen, latency_us };
    throttle_report(&d->throttle, &attempt, now_us);
    backoff_report(&d->backoff, result == BREAKER_SUCCESS);
    metrics_answered(&d->metrics, r, result == BREAKER_FAILURE, slow_down, latency_us, now_us);
}

// Frees the worker; the limiter has been told before.
static void leave_flight(struct dispatcher *d, struct request *r, int64_t now_us) {
    ASSERT(r->state == REQUEST_IN_FLIGHT);
    ASSERT(d->in_flight > 0);
    d->in_flight--;
    ASSERT(r->heap_index >= -1);
    if (d->waiting > 0) d->wake_us = now_us;
}

static bool find_out(struct dispatcher *d, struct request *r, int64_t now_us) {
    return r->mutating && d->transport.doubt && d->transport.doubt(d->transport.ctx, r, now_us);
}

static void doubt_or_settle(struct dispatcher *d, struct request *r, int64_t now_us) {
    ASSERT(r->mutating);
    dispatcher_room(d, d->in_doubt + 1);
    bool asked = find_out(d, r, now_us);
    if (!asked) {
        settle(d, r, SETTLE_UNKNOWN, now_us);
        return;
    }
    r->state = REQUEST_UNRESOLVED;
    d->in_doubt++;
    ASSERT(d->in_doubt <= d->timers.capacity);
    if (r->deadline_us > 0)
        set_timer(d, r, r->deadline_us);
    else
        clear_timer(d, r);
}

static void end_attempt(struct dispatcher *d, struct request *r, bool headers_seen, enum outcome outcome,
                        int64_t retry_after_us, int64_t now_us) {
    leave_flight(d, r, now_us);
    if (outcome == OUTCOME_UNKNOWN && !r->mutating)
        outcome = OUTCOME_TIMEOUT;   // nothing can have changed
    else if (outcome == OUTCOME_TIMEOUT && r->mutating)
        outcome = OUTCOME_UNKNOWN;
    report(d, r, headers_seen, outcome, retry_after_us, now_us);
    r->is_probe = false;
    switch (outcome) {
    case OUTCOME_DONE: settle(d, r, SETTLE_DONE, now_us); break;
    case OUTCOME_REFUSED: settle(d, r, SETTLE_REFUSED, now_us); break;
    case OUTCOME_UNKNOWN: doubt_or_settle(d, r, now_us); break;
    case OUTCOME_NOT_EXECUTED: retry_or_settle(d, r, outcome, retry_after_us, SETTLE_NETWORK, now_us); break;
    case OUTCOME_TIMEOUT: retry_or_settle(d, r, outcome, retry_after_us, SETTLE_TIMEOUT, now_us); break;
    case OUTCOME_CLOCK_SKEW: retry_or_settle(d, r, outcome, 0, SETTLE_REFUSED, now_us); break;
    case OUTCOME_SLOW_DOWN:
        if (retry_after_us <= 0) retry_after_us = SLOW_DOWN_US;
        limits_gate(d, now_us + retry_after_us);
        retry_or_settle(d, r, outcome, retry_after_us, SETTLE_RATE_LIMITED, now_us);
        break;
    default: ASSERT(outcome < OUTCOME_COUNT);
    }
}

void dispatcher_reply(struct dispatcher *d, struct request *r, const struct dispatch_reply *reply,
                      int64_t now_us) {
    ASSERT(r->state == REQUEST_IN_FLIGHT);
    ASSERT(reply->outcome < OUTCOME_COUNT);
    ASSERT(!reply->unsent || reply->outcome == OUTCOME_NOT_EXECUTED);
    limits_correct(d, reply, r->sent_us, now_us);
    if (reply->outcome == OUTCOME_UNKNOWN || reply->outcome == OUTCOME_TIMEOUT)
        limits_end(d, r, LIMITS_ABANDON, now_us);   // no answer: it may still be under way
    else
        limits_end(d, r, reply->unsent ? LIMITS_RETURN : LIMITS_DONE, now_us);
    end_attempt(d, r, reply->used_count > 0, reply->outcome, reply->retry_after_us, now_us);
}

void dispatcher_resolve(struct dispatcher *d, struct request *r, enum outcome outcome, int64_t now_us) {
    leave_doubt(d, r);
    ASSERT(r->mutating);
    switch (outcome) {
    case OUTCOME_DONE: settle(d, r, SETTLE_DONE, now_us); break;
    case OUTCOME_REFUSED: settle(d, r, SETTLE_REFUSED, now_us); break;
    case OUTCOME_UNKNOWN: settle(d, r, SETTLE_UNKNOWN, now_us); break;
    case OUTCOME_NOT_EXECUTED: retry_or_settle(d, r, outcome, 0, SETTLE_NETWORK, now_us); break;
    default: ASSERT(outcome == OUTCOME_DONE);
    }
}

void dispatcher_cancel(struct dispatcher *d, struct request *r, int64_t now_us) {
    ASSERT(r->heap_index >= -1);
    if (r->state == REQUEST_IDLE) return;
    if (r->state == REQUEST_UNRESOLVED) {
        d->transport.cancel(d->transport.ctx, r);
        leave_doubt(d, r);
        settle(d, r, SETTLE_UNKNOWN, now_us);
        return;
    }
    if (r->state != REQUEST_IN_FLIGHT) {
        d->wake_us = now_us;   // what stood behind it may go
        settle_held(d, r, SETTLE_CANCELLED, now_us);
        return;
    }
    if (d->transport.cancel) d->transport.cancel(d->transport.ctx, r);
    limits_end(d, r, LIMITS_ABANDON, now_us);
    leave_flight(d, r, now_us);
    breaker_report(&d->breakers[r->request_class], r->is_probe, BREAKER_NEUTRAL, 0, now_us);
    r->is_probe = false;
    if (find_out(d, r, now_us))   // for its journal's sake: nobody else waits for the answer
        d->transport.cancel(d->transport.ctx, r);
    settle(d, r, r->mutating ? SETTLE_UNKNOWN : SETTLE_CANCELLED, now_us);
}

void dispatcher_stop(struct dispatcher *d, int64_t now_us) {
    d->stopped = true;
    struct request *r;
    for (int32_t level = 0; level < PRIORITY_COUNT; level++)
        while ((r = queue_head(&d->queue, level, &(struct queue_skip){ { 0 } })) != NULL)
            settle_held(d, r, SETTLE_STOPPED, now_us);
    while (d->held > 0)   // in backoff; a removal may move one behind us, hence again
        for (int32_t i = 0; i < d->timers.count;) {
            r = d->timers.slots[i].item;
            if (r->state == REQUEST_BACKOFF)
                settle_held(d, r, SETTLE_STOPPED, now_us);
            else
                i++;
        }
    ASSERT(d->waiting == 0);
    d->wake_us = INT64_MAX;
    ASSERT(d->held == 0);
}

void dispatcher_start(struct dispatcher *d) { d->stopped = false; }

// Time-outs and ageing may have become shorter than what the timers were set to.
static void reset_timers(struct dispatcher *d) {
    ASSERT(d->timers.count <= d->timers.capacity);
    for (int32_t i = 0; i < d->timers.count; i++) {
        struct heap_slot *slot = &d->timers.slots[i];
        struct request *r = slot->item;
        if (r->state == REQUEST_QUEUED)
            slot->key = queued_key_us(d, r);
        else if (r->state == REQUEST_BACKOFF)
            slot->key = num_min(r->not_before_us, expiry_us(d, r));
        r->heap_key_us = slot->key;
    }
    heap_rebuild(&d->timers);
}

void dispatcher_configure(struct dispatcher *d, const struct api_config *config, int64_t now_us) {
    ASSERT(config->max_queue_size >= 0);
    dispatcher_apply(d, config, now_us);
    reset_timers(d);
    d->wake_us = now_us;
}

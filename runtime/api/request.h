// request.h: what the API manager knows of one request. It never looks at the payload.
//
// Owner    the caller owns the struct and embeds or points to its payload through `user`; from a successful
//          dispatcher_submit until `settled` is called the dispatcher holds it (intrusive links).
// Units    microseconds on the dispatcher's clock.
#ifndef MT_API_REQUEST_H
#define MT_API_REQUEST_H

#include "trade/request_kind.h"

#include <stdbool.h>
#include <stdint.h>

// What held a request back when it was last looked at.
enum wait_reason {
    WAIT_NONE,
    WAIT_BREAKER,
    WAIT_THROTTLE,
    WAIT_LIMIT,
    WAIT_GATE,   // the venue said slow down
    WAIT_WORKER,
    WAIT_BACKOFF,
    WAIT_REASON_COUNT
};

enum request_state {
    REQUEST_IDLE,   // not with the dispatcher
    REQUEST_QUEUED,
    REQUEST_BACKOFF,   // queued again, not before `not_before_us`
    REQUEST_IN_FLIGHT,
    REQUEST_UNRESOLVED   // sent; whether it was executed is being found out
};

// How a request ended, from the dispatcher's point of view.
enum settle {
    SETTLE_DONE,            // answered: executed
    SETTLE_REFUSED,         // answered: the venue said no
    SETTLE_RATE_LIMITED,    // the limits cannot admit it within its time
    SETTLE_QUEUE_TIMEOUT,   // waited too long
    SETTLE_TIMEOUT,         // sent, not answered in time, changes nothing
    SETTLE_CIRCUIT_OPEN,
    SETTLE_QUEUE_FULL,   // made way for a CRITICAL request
    SETTLE_NETWORK,      // not executed, and no retry is left
    SETTLE_UNKNOWN,      // may have been executed; the caller must find out
    SETTLE_CANCELLED,
    SETTLE_STOPPED,   // the dispatcher was stopped
    SETTLE_COUNT
};

struct request {
    // Set by the caller before dispatcher_submit.
    void *user;
    int32_t cost[LIMIT_KIND_COUNT];   // what it takes from the windows of each kind; 0 when none. ORDERS_LONG
                                      // 0 means as ORDERS; the dispatcher fills in the weight of the class
    uint16_t endpoint;                // index for metrics, below the dispatcher's endpoint count
    uint16_t strategy;                // fairness group
    uint8_t priority;                 // enum priority
    uint8_t request_class;            // below REQUEST_CLASSES_MAX
    bool mutating;                    // changes state: an unknown outcome is never repeated
    uint8_t retries_max;
    int64_t queue_timeout_us;   // from submission; 0: the dispatcher's default
    int64_t deadline_us;        // absolute end of all attempts and waits; 0: none

    // Kept by the dispatcher; readable by anyone, written by nobody else.
    uint64_t id;           // rising from 1
    uint8_t state;         // enum request_state
    uint8_t attempts;      // sends so far
    uint8_t wait_reason;   // enum wait_reason of the last refusal to admit
    uint8_t waits;         // every reason so far, as bits 1 << enum wait_reason
    uint8_t level;         // the queue level it stands in: its priority, raised by ageing
    bool is_probe, clock_retried;
    int64_t submitted_us, not_before_us, sent_us;
    int64_t waited_us;             // total time held back by limits, throttle and breaker
    struct request *next, *prev;   // queue links
    int32_t heap_index;
    int64_t heap_key_us;
    int64_t blocked_since_us;
};

const char *priority_name(int32_t priority);
const char *wait_reason_name(int32_t reason);
const char *settle_name(int32_t settle);   // "done", "rejected", "rate_limited", "timeout", "circuit_open"...

#endif

// request.c: what a request must hold before it is submitted.
#include "api/request.h"

const char *priority_name(int32_t priority) {
    static const char *const names[PRIORITY_COUNT] = { "CRITICAL", "HIGH", "NORMAL", "LOW" };
    return priority >= 0 && priority < PRIORITY_COUNT ? names[priority] : "unknown";
}

const char *settle_name(int32_t settle) {
    static const char *const names[SETTLE_COUNT] = {
        [SETTLE_DONE] = "done",
        [SETTLE_REFUSED] = "rejected",
        [SETTLE_RATE_LIMITED] = "rate_limited",
        [SETTLE_QUEUE_TIMEOUT] = "queue_timeout",
        [SETTLE_TIMEOUT] = "timeout",
        [SETTLE_CIRCUIT_OPEN] = "circuit_open",
        [SETTLE_QUEUE_FULL] = "queue_full",
        [SETTLE_NETWORK] = "network",
        [SETTLE_UNKNOWN] = "unknown_outcome",
        [SETTLE_CANCELLED] = "cancelled",
        [SETTLE_STOPPED] = "stopped",
    };
    return settle >= 0 && settle < SETTLE_COUNT ? names[settle] : "unknown";
}

const char *wait_reason_name(int32_t reason) {
    static const char *const names[WAIT_REASON_COUNT] = {
        "none", "breaker", "throttle", "limit", "gate", "worker", "backoff",
    };
    return reason >= 0 && reason < WAIT_REASON_COUNT ? names[reason] : "unknown";
}

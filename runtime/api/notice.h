// notice.h: what the API manager has to tell besides answers: a breaker changed, an alert rose or fell.
#ifndef MT_API_NOTICE_H
#define MT_API_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

enum notice_kind { NOTICE_CIRCUIT, NOTICE_ALERT };

// The rules of alerts.h.
enum alert_rule {
    ALERT_SUCCESS_RATE,   // value: share
    ALERT_LATENCY,        // seconds, 95th percentile
    ALERT_QUEUE,          // requests waiting
    ALERT_CIRCUIT,        // breakers open
    ALERT_LIMIT_USAGE,    // share of the fullest window
    ALERT_CLOCK_SKEW,     // seconds
    ALERT_JOURNAL,        // commits failed in a row; raised from outside (dispatcher_alert)
    ALERT_RULE_COUNT
};

struct notice {
    int64_t time_us;
    uint8_t kind;   // enum notice_kind
    // NOTICE_CIRCUIT
    uint8_t request_class;
    uint8_t from, to;   // enum breaker_state
    bool shadow;        // the breaker only reports
    // NOTICE_ALERT
    uint8_t rule;   // enum alert_rule
    bool raised;    // false: all is well again
    double value, threshold;
};

const char *alert_rule_name(int32_t rule);   // "success_rate", "latency"...

#endif

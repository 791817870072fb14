// alerts.c: rules over the manager's figures, each raised and cleared once.
#include "api/alerts.h"

#include "base/assert.h"

#include <string.h>

const char *alert_rule_name(int32_t rule) {
    static const char *const names[ALERT_RULE_COUNT] = { "success_rate", "latency",    "queue",  "circuit",
                                                         "limit_usage",  "clock_skew", "journal" };
    return rule >= 0 && rule < ALERT_RULE_COUNT ? names[rule] : "unknown";
}

void alerts_init(struct alerts *a, const struct api_config *config, int64_t now_us) {
    ASSERT(config->alert_interval_us > 0);
    memset(a, 0, sizeof *a);
    alerts_configure(a, config, now_us);
}

void alerts_configure(struct alerts *a, const struct api_config *config, int64_t now_us) {
    ASSERT(config->alert_min_count >= 0);
    a->threshold[ALERT_SUCCESS_RATE] = config->alert_success_rate;
    a->threshold[ALERT_LATENCY] = (double)config->alert_latency_us / 1e6;
    a->threshold[ALERT_QUEUE] = config->alert_queue;
    a->threshold[ALERT_CIRCUIT] = config->alert_circuit ? 0.5 : 0;   // one open breaker is above it
    a->threshold[ALERT_LIMIT_USAGE] = config->alert_limit_usage;
    a->threshold[ALERT_CLOCK_SKEW] = (double)config->alert_clock_skew_us / 1e6;
    a->min_count = config->alert_min_count;
    a->interval_us = config->alert_interval_us;
    a->next_us = INT64_MAX;
    for (int32_t i = 0; i < ALERT_RULE_COUNT; i++) {
        if (a->threshold[i] > 0)
            a->next_us = now_us + a->interval_us;
        else if (i != ALERT_JOURNAL)
            a->raised[i] = false;
    }
}

static bool crossed(const struct alerts *a, const struct alert_values *v, int32_t rule) {
    ASSERT(rule >= 0 && rule < ALERT_RULE_COUNT);
    if (rule == ALERT_SUCCESS_RATE) return v->settled >= a->min_count && v->value[rule] < a->threshold[rule];
    if (rule == ALERT_LATENCY && v->answered < a->min_count) return false;
    return v->value[rule] > a->threshold[rule];
}

int32_t alerts_check(struct alerts *a, const struct alert_values *v, int64_t now_us,
                     struct notice out[ALERT_RULE_COUNT]) {
    ASSERT(a->interval_us > 0);
    int32_t count = 0;
    for (int32_t rule = 0; rule < ALERT_RULE_COUNT; rule++) {
        if (a->threshold[rule] <= 0) continue;
        bool now_crossed = crossed(a, v, rule);
        if (now_crossed == a->raised[rule]) continue;
        a->raised[rule] = now_crossed;
        out[count++] = (struct notice){ .time_us = now_us,
                                        .kind = NOTICE_ALERT,
                                        .rule = (uint8_t)rule,
                                        .raised = now_crossed,
                                        .value = v->value[rule],
                                        .threshold = a->threshold[rule] };
    }
    a->next_us = now_us + a->interval_us;
    ASSERT(count <= ALERT_RULE_COUNT);
    return count;
}

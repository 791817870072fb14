// alerts.h: rules that watch the API manager's figures; each rises once when its threshold is crossed and
// falls once when all is well again. Pure; allocates nothing.
#ifndef MT_API_ALERTS_H
#define MT_API_ALERTS_H

#include "api/config.h"
#include "api/notice.h"

struct alerts {
    double threshold[ALERT_RULE_COUNT];   // 0: the rule is off
    bool raised[ALERT_RULE_COUNT];
    int32_t min_count;
    int64_t interval_us, next_us;   // next_us INT64_MAX: every rule is off
};

// What the rules look at, gathered by the dispatcher.
struct alert_values {
    double value[ALERT_RULE_COUNT];
    int64_t settled, answered;   // behind the success rate and the latency
};

void alerts_init(struct alerts *a, const struct api_config *config, int64_t now_us);
void alerts_configure(struct alerts *a, const struct api_config *config,
                      int64_t now_us);   // keeps what is raised

// Judges and sets next_us. Fills `out` with what changed and returns how many.
int32_t alerts_check(struct alerts *a, const struct alert_values *v, int64_t now_us,
                     struct notice out[ALERT_RULE_COUNT]);

#endif

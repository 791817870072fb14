// config.c: the table of the manager's settings: names, bounds and defaults, read and checked.
#include "api/config.h"

#include "base/num.h"
#include "api/request.h"
#include "base/assert.h"

#include <stddef.h>
#include <string.h>

#define AT(field) (uint32_t) offsetof(struct api_config, field)
#define WHOLE(name, min, max, preset, unit, doc)                                                             \
    { #name, API_CONFIG_INT, AT(name), min, max, preset, NULL, unit, doc }
#define NUMBER(name, min, max, preset, unit, doc)                                                            \
    { #name, API_CONFIG_NUMBER, AT(name), min, max, preset, NULL, unit, doc }
#define SECONDS(name, min, max, preset, doc)                                                                 \
    { #name, API_CONFIG_SECONDS, AT(name##_us), min, max, preset, NULL, "s", doc }
#define FLAG(name, preset, doc)                                                                              \
    { #name, API_CONFIG_BOOL, AT(name), 0, 1, preset, NULL, "bool", doc }

static const struct api_config_key keys[] = {
    WHOLE(workers, 1, 256, 10, "slots", "requests in flight at once"),
    WHOLE(critical_workers, 0, 64, 2, "slots", "further slots that only CRITICAL requests may use"),
    WHOLE(requests_per_second, 0, 1e6, 0, "requests", "raw requests a second; 0: off"),
    WHOLE(requests_per_minute, 0, 1e7, 1200, "requests", "raw requests a minute; 0: off"),
    WHOLE(requests_per_day, 0, 1e9, 0, "requests", "raw requests a day (UTC); 0: off"),
    WHOLE(weight_per_second, 0, 1e6, 0, "weight", "request weight a second; 0: off"),
    WHOLE(weight_per_minute, 0, 1e7, 1200, "weight", "request weight a minute; 0: off"),
    WHOLE(order_weight_per_minute, 0, 1e7, 0, "weight",
          "of that, what calls about orders may use; 0: no bound of their own"),
    WHOLE(market_weight_per_minute, 0, 1e7, 0, "weight",
          "of that, what market data may use; 0: no bound of its own"),
    WHOLE(account_weight_per_minute, 0, 1e7, 0, "weight",
          "of that, what account calls may use; 0: no bound of their own"),
    WHOLE(orders_per_second, 0, 1e5, 10, "orders", "orders a second; 0: off"),
    WHOLE(orders_per_10s, 0, 1e6, 0, "orders", "orders in ten seconds; 0: off"),
    WHOLE(orders_per_minute, 0, 1e6, 0, "orders", "orders a minute; 0: off"),
    WHOLE(orders_per_day, 0, 1e8, 0, "orders", "orders a day (UTC); 0: off"),
    NUMBER(critical_reserve, 0, 0.9, 0.05, "share",
           "share of every budget that only CRITICAL requests may use"),
    SECONDS(edge_guard, 0, 10, 0.005, "least uncertainty assumed of the exchange's clock at a window's edge"),

    WHOLE(max_queue_size, 1, 4e6, 10000, "requests", "requests that may wait; more are refused"),
    SECONDS(queue_timeout, 0.001, 86400, 30,
            "longest wait from submission, unless the request says otherwise"),
    SECONDS(request_timeout, 0.001, 600, 10, "longest wait for an answer once sent"),
    SECONDS(aging_interval, 0, 86400, 5,
            "wait after which a request counts one level higher, never CRITICAL; 0: off"),

    WHOLE(max_retries, 0, 20, 3, "retries", "retries of a request that certainly changed nothing"),
    { "backoff", API_CONFIG_CHOICE, AT(backoff), 0, BACKOFF_KIND_COUNT - 1, BACKOFF_EXPONENTIAL,
      "exponential|linear|fibonacci|adaptive", "kind", "how the wait between retries grows" },
    SECONDS(initial_backoff, 0.001, 600, 0.5, "wait before the first retry"),
    SECONDS(max_backoff, 0.001, 3600, 30, "longest wait between retries, unless Retry-After asks for more"),
    NUMBER(backoff_jitter, 0, 1, 1, "share", "part of the wait that is drawn at random; 1: full jitter"),
    WHOLE(retry_quota, 0, 1e6, 100, "retries", "retries in hand for all requests together; 0: no quota"),
    NUMBER(retry_refill, 0, 10, 0.1, "retries", "what each success gives back to retry_quota"),

    WHOLE(failure_threshold, 0, 1e5, 5, "failures", "consecutive failures that open the breaker; 0: off"),
    WHOLE(half_open_probes, 1, 100, 1, "probes", "successes asked for before the breaker closes again"),
    SECONDS(recovery_timeout, 0.001, 3600, 30, "how long the breaker stays open the first time"),
    SECONDS(recovery_max, 0.001, 86400, 300, "longest open time; it doubles at each re-opening"),
    NUMBER(failure_rate, 0, 1, 0.5, "share", "share of failures over failure_window that opens; 0: off"),
    NUMBER(slow_call_rate, 0, 1, 0, "share", "share of slow answers over failure_window that opens; 0: off"),
    WHOLE(failure_min_count, 1, 1e6, 20, "answers", "answers needed before a rate counts"),
    SECONDS(failure_window, 0.01, 3600, 30, "window of failure_rate and slow_call_rate"),
    { "slow_call", API_CONFIG_SECONDS, AT(slow_call_us), 0.001, 600, 5, NULL, "s",
      "an answer later than this is slow" },
    FLAG(breaker_shadow, 0, "the breaker only reports what it would refuse"),

    FLAG(enable_adaptive_throttling, 1,
         "leave others of the address what headers show they use; where headers are silent, "
         "slow down when too little succeeds"),
    NUMBER(target_success_rate, 0.01, 1, 0.95, "share", "success rate the throttle steers towards"),
    NUMBER(throttle_decrease, 0.05, 0.99, 0.5, "factor",
           "what the factor is multiplied with when below target"),
    NUMBER(throttle_increase, 0.001, 1, 0.1, "factor", "what is added to the factor when on target"),
    NUMBER(throttle_min, 0.01, 1, 0.1, "factor", "the factor never falls below this"),
    SECONDS(monitoring_window, 0.01, 3600, 10, "window over which the success rate is measured"),
    WHOLE(throttle_min_count, 1, 1e6, 10, "answers", "answers a window needs before it counts"),
    SECONDS(throttle_latency, 0, 600, 2,
            "an answer later than this counts as no success for the throttle; 0: off"),

    NUMBER(alert_success_rate, 0, 1, 0, "share", "alert when less succeeds over the last minutes; 0: off"),
    SECONDS(alert_latency, 0, 600, 0, "alert when the 95th percentile of answers exceeds this; 0: off"),
    WHOLE(alert_queue, 0, 4e6, 0, "requests", "alert when more requests wait; 0: off"),
    FLAG(alert_circuit, 0, "alert when a breaker opens"),
    NUMBER(alert_limit_usage, 0, 1, 0, "share", "alert when more of a window is used; 0: off"),
    SECONDS(alert_clock_skew, 0, 3600, 0, "alert when the exchange's clock is further off; 0: off"),
    SECONDS(alert_interval, 0.1, 3600, 10, "time between two looks at the alert rules"),
    WHOLE(alert_min_count, 1, 1e6, 10, "answers", "answers needed before success rate and latency can alert"),

    { "seed", API_CONFIG_SEED, AT(seed), 0, 9007199254740991.0, 1, NULL, "number",
      "seed of the backoff's jitter" },
};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };
_Static_assert(KEY_COUNT <= 64, "api_config.given has a bit for each key");

const struct api_config_key *api_config_keys(int32_t *count) {
    ASSERT(count);
    *count = KEY_COUNT;
    return keys;
}

// Levenshtein distance; names longer than the row are cut, which is far beyond any typing error.
static int32_t distance(const char *a, const char *b) {
    enum { ROW = 48 };
    int32_t row[ROW + 1];
    int32_t size = (int32_t)strlen(b);   // our own names; api_config_keys is checked by the spec
    ASSERT(size <= ROW);
    for (int32_t j = 0; j <= size; j++) row[j] = j;
    for (int32_t i = 0; a[i] && i < ROW; i++) {
        int32_t diagonal = row[0];
        row[0] = i + 1;
        for (int32_t j = 0; j < size; j++) {
            int32_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = (int32_t)num_min(replaced, num_min(diagonal, row[j]) + 1);
        }
    }
    return row[size];
}

static const struct api_config_key *find(const char *name, struct errmsg *e) {
    const struct api_config_key *nearest = keys;
    int32_t nearest_distance = INT32_MAX;
    for (int32_t i = 0; i < KEY_COUNT; i++) {
        int32_t d = distance(name, keys[i].name);
        if (d == 0) return &keys[i];
        if (d < nearest_distance) {
            nearest = &keys[i];
            nearest_distance = d;
        }
    }
    errmsg_set(e, ERR_NOT_FOUND, "unknown setting '%s'; did you mean '%s'?", name, nearest->name);
    return NULL;
}

static void store(struct api_config *c, const struct api_config_key *k, double value) {
    void *field = (char *)c + k->offset;
    c->given |= UINT64_C(1) << (k - keys);
    switch (k->type) {
    case API_CONFIG_INT:
    case API_CONFIG_CHOICE: *(int32_t *)field = (int32_t)value; break;
    case API_CONFIG_NUMBER: *(double *)field = value; break;
    case API_CONFIG_SECONDS: *(int64_t *)field = (int64_t)(value * 1e6 + 0.5); break;
    case API_CONFIG_BOOL: *(bool *)field = value != 0; break;
    case API_CONFIG_SEED: *(uint64_t *)field = (uint64_t)value; break;
    default: ASSERT(k->type <= API_CONFIG_SEED);
    }
}

void api_config_defaults(struct api_config *c) {
    ASSERT(c);
    memset(c, 0, sizeof *c);
    for (int32_t i = 0; i < KEY_COUNT; i++) store(c, &keys[i], keys[i].preset);
    c->given = 0;
}

bool api_config_is_given(const struct api_config *c, const char *key) {
    int32_t i = 0;
    while (i < KEY_COUNT && strcmp(keys[i].name, key) != 0) i++;
    ASSERT(i < KEY_COUNT);
    return c->given >> i & 1;
}

static bool is_whole(double value) { return value == (double)(int64_t)value; }

int api_config_set_number(struct api_config *c, const char *key, double value, struct errmsg *e) {
    ASSERT(c);
    ASSERT(key);
    const struct api_config_key *k = find(key, e);
    if (!k) return ERR_NOT_FOUND;
    if (k->type == API_CONFIG_CHOICE) return errmsg_set(e, ERR_INVALID, "%s is one of %s", key, k->choices);
    if (!(value >= k->min && value <= k->max))
        return errmsg_set(e, ERR_INVALID, "%s = %g is out of range: %g to %g %s", key, value, k->min, k->max,
                          k->unit);
    if (k->type != API_CONFIG_NUMBER && k->type != API_CONFIG_SECONDS && !is_whole(value))
        return errmsg_set(e, ERR_INVALID, "%s = %g must be a whole number", key, value);
    store(c, k, value);
    return ERR_OK;
}

int api_config_set_text(struct api_config *c, const char *key, const char *value, struct errmsg *e) {
    ASSERT(c);
    ASSERT(key);
    ASSERT(value);
    const struct api_config_key *k = find(key, e);
    if (!k) return ERR_NOT_FOUND;
    if (k->type != API_CONFIG_CHOICE)
        return errmsg_set(e, ERR_INVALID, "%s takes a number (%s)", key, k->unit);
    size_t size = strlen(value);
    int32_t index = 0;
    for (const char *at = k->choices; at; index++) {
        const char *end = strchr(at, '|');
        size_t choice_size = end ? (size_t)(end - at) : strlen(at);
        if (choice_size == size && memcmp(at, value, size) == 0) {
            store(c, k, index);
            return ERR_OK;
        }
        at = end ? end + 1 : NULL;
    }
    return errmsg_set(e, ERR_INVALID, "%s = '%s' is not one of %s", key, value, k->choices);
}

int api_config_get_number(const struct api_config *c, const char *key, double *value, struct errmsg *e) {
    ASSERT(c);
    ASSERT(value);
    const struct api_config_key *k = find(key, e);
    if (!k) return ERR_NOT_FOUND;
    const void *field = (const char *)c + k->offset;
    switch (k->type) {
    case API_CONFIG_INT:
    case API_CONFIG_CHOICE: *value = *(const int32_t *)field; break;
    case API_CONFIG_NUMBER: *value = *(const double *)field; break;
    case API_CONFIG_SECONDS: *value = (double)*(const int64_t *)field / 1e6; break;
    case API_CONFIG_BOOL: *value = *(const bool *)field; break;
    default: *value = (double)*(const uint64_t *)field; break;
    }
    return ERR_OK;
}

struct preset_line {
    const char *preset, *key;
    double value;
};

// A preset is a list of keys, so that `help config` can show what it changes.
static const struct preset_line preset_lines[] = {
    { "conservative", "workers", 4 },
    { "conservative", "weight_per_minute", 1200 },
    { "conservative", "orders_per_10s", 50 },
    { "conservative", "orders_per_minute", 200 },
    { "conservative", "critical_reserve", 0.1 },
    { "conservative", "initial_backoff", 1 },
    { "conservative", "max_backoff", 60 },
    { "conservative", "failure_threshold", 3 },
    { "conservative", "recovery_timeout", 60 },
    { "conservative", "target_success_rate", 0.99 },
    { "conservative", "alert_success_rate", 0.9 },
    { "conservative", "alert_limit_usage", 0.9 },
    { "conservative", "alert_circuit", 1 },
    { "high_frequency", "workers", 64 },
    { "high_frequency", "critical_workers", 8 },
    { "high_frequency", "throttle_latency", 0.5 },
    { "high_frequency", "queue_timeout", 2 },
    { "high_frequency", "request_timeout", 3 },
    { "high_frequency", "aging_interval", 0.5 },
    { "high_frequency", "max_retries", 1 },
    { "high_frequency", "initial_backoff", 0.05 },
    { "high_frequency", "max_backoff", 1 },
    { "high_frequency", "failure_threshold", 10 },
    { "high_frequency", "recovery_timeout", 5 },
    { "high_frequency", "slow_call", 1 },
    { "high_frequency", "critical_reserve", 0.1 },
    { "data_collection", "workers", 16 },
    { "data_collection", "max_queue_size", 1000000 },
    { "data_collection", "queue_timeout", 3600 },
    { "data_collection", "request_timeout", 30 },
    { "data_collection", "aging_interval", 60 },
    { "data_collection", "max_retries", 8 },
    { "data_collection", "max_backoff", 120 },
    { "data_collection", "critical_reserve", 0.02 },
    { "data_collection", "retry_quota", 1000 },
};

enum { PRESET_LINES = sizeof preset_lines / sizeof preset_lines[0] };

bool api_config_preset_line(int32_t index, const char **preset, const char **key, double *value) {
    if (index < 0 || index >= PRESET_LINES) return false;
    *preset = preset_lines[index].preset;
    *key = preset_lines[index].key;
    *value = preset_lines[index].value;
    return true;
}

int api_config_preset(struct api_config *c, const char *name, struct errmsg *e) {
    ASSERT(c);
    ASSERT(name);
    bool found = false;
    const char *nearest = NULL;
    int32_t nearest_distance = INT32_MAX;
    for (int32_t i = 0; i < PRESET_LINES; i++) {
        const struct preset_line *line = &preset_lines[i];
        int32_t d = distance(name, line->preset);
        if (d < nearest_distance) {
            nearest = line->preset;
            nearest_distance = d;
        }
        if (d != 0) continue;
        found = true;
        int err = api_config_set_number(c, line->key, line->value, e);
        ASSERT(err == ERR_OK);
    }
    if (found) return ERR_OK;
    return errmsg_set(e, ERR_NOT_FOUND, "unknown preset '%s'; did you mean '%s'?", name, nearest);
}

int api_config_limit(struct api_config *c, int32_t kind, int64_t interval_us, int32_t limit) {
    ASSERT(c);
    if (kind < 0 || kind >= LIMIT_KIND_COUNT || interval_us <= 0 || limit <= 0) return ERR_INVALID;
    int32_t i = 0;
    while (i < c->limit_count && (c->limits[i].kind != kind || c->limits[i].interval_us != interval_us)) i++;
    if (i == API_LIMITS_MAX) return ERR_FULL;
    if (i == c->limit_count) c->limit_count++;
    c->limits[i] = (struct api_limit){ interval_us, limit, (uint8_t)kind };
    return ERR_OK;
}

// config.h: every setting of the API manager, and the one table that names, bounds and explains them.
//
// Owner    a plain struct; fill it with api_config_defaults, then set keys. Nothing is allocated.
// Units    keys speak seconds; fields hold microseconds (`_us`). Counts: 0 switches a limit off where said.
// Errors   ERR_NOT_FOUND unknown key or preset (the nearest valid name is in the message), ERR_INVALID value.
#ifndef MT_API_CONFIG_H
#define MT_API_CONFIG_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { API_LIMITS_MAX = 8 };

enum api_config_type {
    API_CONFIG_INT,       // int32_t
    API_CONFIG_NUMBER,    // double
    API_CONFIG_SECONDS,   // key in seconds, field int64_t microseconds
    API_CONFIG_BOOL,      // bool; numbers 0 and 1
    API_CONFIG_CHOICE,    // int32_t index into `choices`
    API_CONFIG_SEED       // uint64_t; whole numbers below 2^53
};

enum backoff_kind {
    BACKOFF_EXPONENTIAL,
    BACKOFF_LINEAR,
    BACKOFF_FIBONACCI,
    BACKOFF_ADAPTIVE,
    BACKOFF_KIND_COUNT
};

// A row the venue itself told. Once one is known, limits that are mere defaults no longer count; those that
// were set stay, and of two for the same window the tighter holds.
struct api_limit {
    int64_t interval_us;
    int32_t limit;
    uint8_t kind;   // enum limit_kind
};

struct api_config {
    int32_t workers, critical_workers;
    int32_t requests_per_second, requests_per_minute, requests_per_day;
    int32_t weight_per_second, weight_per_minute;
    int32_t orders_per_second, orders_per_10s, orders_per_minute, orders_per_day;
    int32_t order_weight_per_minute, market_weight_per_minute, account_weight_per_minute;
    double critical_reserve;
    int64_t edge_guard_us;

    int32_t max_queue_size;
    int64_t queue_timeout_us, request_timeout_us, aging_interval_us;

    int32_t max_retries;
    int32_t backoff;   // enum backoff_kind
    int64_t initial_backoff_us, max_backoff_us;
    double backoff_jitter;
    int32_t retry_quota;
    double retry_refill;

    int32_t failure_threshold, half_open_probes;
    int64_t recovery_timeout_us, recovery_max_us;
    double failure_rate, slow_call_rate;
    int32_t failure_min_count;
    int64_t failure_window_us, slow_call_us;
    bool breaker_shadow;

    bool enable_adaptive_throttling;
    double target_success_rate, throttle_decrease, throttle_increase, throttle_min;
    int64_t monitoring_window_us, throttle_latency_us;
    int32_t throttle_min_count;

    double alert_success_rate, alert_limit_usage;
    int64_t alert_latency_us, alert_clock_skew_us, alert_interval_us;
    int32_t alert_queue, alert_min_count;
    bool alert_circuit;

    uint64_t seed;
    uint64_t given;        // a bit for each key, by its place in the table, that was set since defaults
    int32_t limit_count;   // rows set by api_config_limit
    struct api_limit limits[API_LIMITS_MAX];
};

// One line of `moontide help config`.
struct api_config_key {
    const char *name;
    uint8_t type;              // enum api_config_type
    uint32_t offset;           // of the field in struct api_config
    double min, max, preset;   // `preset` is the default, in the key's unit
    const char *choices;       // "a|b|c" for API_CONFIG_CHOICE, else NULL
    const char *unit;
    const char *doc;
};

void api_config_defaults(struct api_config *c);

// The table; static, never NULL.
const struct api_config_key *api_config_keys(int32_t *count);

int api_config_set_number(struct api_config *c, const char *key, double value, struct errmsg *e);

// For enumerated keys, such as backoff = "fibonacci".
int api_config_set_text(struct api_config *c, const char *key, const char *value, struct errmsg *e);

// The value of a key in its own unit; a choice as its index.
int api_config_get_number(const struct api_config *c, const char *key, double *value, struct errmsg *e);

// Whether the key was set, be it by a preset, since api_config_defaults.
bool api_config_is_given(const struct api_config *c, const char *key);

// The i-th line of the presets, for help: which preset sets which key to what; false past the last.
bool api_config_preset_line(int32_t index, const char **preset, const char **key, double *value);

// Sets the keys of "conservative", "high_frequency" or "data_collection"; other keys stay as they are.
int api_config_preset(struct api_config *c, const char *name, struct errmsg *e);

// Adds or replaces a venue row. ERR_FULL, ERR_INVALID.
int api_config_limit(struct api_config *c, int32_t kind, int64_t interval_us, int32_t limit);

#endif

// record_forms.c: tables and names of what recordings hold beside records.
#include "record/record_forms.h"

#include "api/breaker.h"
#include "base/assert.h"
#include "base/saved_macros.h"
#include "trade/record.h"
#include "trade/saved_record.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/field.h"

#include <stdio.h>
#include <string.h>

// clang-format off
#define OF notice
static const struct saved_field notice_fields[] = {
    S_INT64(1, time_us),
    S_ENUM(2, kind, NOTICE_ALERT + 1),
    S_ENUM(3, request_class, REQUEST_CLASSES_MAX),
    S_ENUM(4, from, BREAKER_STATE_COUNT),
    S_ENUM(5, to, BREAKER_STATE_COUNT),
    S_BOOL(6, shadow),
    S_ENUM(7, rule, ALERT_RULE_COUNT),
    S_BOOL(8, raised),
    S_DOUBLE(9, value),
    S_DOUBLE(10, threshold),
};
const struct saved_table record_forms_notice = S_TABLE(notice, notice_fields);
#undef OF

#define OF metrics_endpoint
static const struct saved_field endpoint_fields[] = {
    S_INT64(1, count),
    S_INT64(2, failed),
    S_INT64(3, latency_sum_us),
    S_INT64(4, latency_max_us),
};
static const struct saved_table endpoint_table = S_TABLE(metrics_endpoint, endpoint_fields);
#undef OF

#define OF metrics_minute
static const struct saved_field minute_fields[] = {
    S_INT64(1, minute),
    S_INT64(2, latency_sum_us),
    S_INT64(3, latency_max_us),
    S_INT32(4, sent),
    S_INT32(5, answered),
    S_INT32(6, failed),
    S_INT32(7, settled),
    S_INT32(8, succeeded),
    S_INT32(9, slowed),
};
static const struct saved_table minute_table = S_TABLE(metrics_minute, minute_fields);
#undef OF

#define OF metrics_window
static const struct saved_field window_fields[] = {
    S_INT64(1, interval_us),
    S_INT64(2, resets_us),
    S_INT32(3, used),
    S_INT32(4, limit),
    S_INT32(5, reserve),
    S_INT32(6, others),
    S_WITHIN(7, SAVED_INT32, kind, 0, LIMIT_KIND_COUNT - 1),
};
static const struct saved_table window_table = S_TABLE(metrics_window, window_fields);
#undef OF

#define OF metrics_snapshot
static const struct saved_field metrics_fields[] = {
    S_INT64(1, now_us),
    S_DOUBLE(2, success_rate),
    S_DOUBLE(3, average_response_us),
    S_INT64(4, p50_us),
    S_INT64(5, p95_us),
    S_INT64(6, p99_us),
    S_INT64(7, max_us),
    S_INT64(8, submitted),
    S_INT64(9, sent),
    S_INT64(10, answered),
    S_INT64(11, retries),
    S_INT64(12, refused_full),
    S_ARRAY(13, SAVED_INT64S, settled),
    S_INT64(14, requests_this_minute),
    S_DOUBLE(15, average_wait_us),
    S_DOUBLE(16, throttle_factor),
    S_DOUBLE(17, retry_quota),
    S_INT64(18, gate_us),
    S_INT64(19, clock_offset_us),
    S_INT64(20, clock_uncertainty_us),
    S_WITHIN(21, SAVED_INT32, window_count, 0, METRICS_WINDOWS_MAX),
    S_PARTS(22, windows, &window_table),
    S_INT32(23, queue_total),
    S_ARRAY(24, SAVED_INT32S, queue),
    S_INT32(25, backoff_total),
    S_INT32(26, in_flight),
    S_INT32(27, in_doubt),
    S_INT32(28, workers),
    S_INT64(29, oldest_wait_us),
    S_INT64(30, notices_lost),
    S_ARRAY(31, SAVED_BOOLS, alert_raised),
    S_ARRAY_WITHIN(32, SAVED_INT32S, circuit_state, 0, BREAKER_STATE_COUNT - 1),
    S_ARRAY(33, SAVED_INT64S, circuit_opened),
    S_ARRAY(34, SAVED_INT64S, circuit_open_for_us),
    S_ARRAY(35, SAVED_INT64S, circuit_shadowed),
    S_ARRAY(36, SAVED_INT64S, class_sent),
    S_ARRAY(37, SAVED_INT64S, class_failed),
    S_PARTS(38, endpoints, &endpoint_table),
    S_WITHIN(39, SAVED_INT32, minute_count, 0, METRICS_MINUTES),
    S_PARTS(40, minutes, &minute_table),
};
static const struct saved_table metrics_table = S_TABLE(metrics_snapshot, metrics_fields);
#undef OF

// One setting; of a number or a fraction by its key's type.
struct setting {
    char name[64];
    int64_t number;
    double fraction;
    bool given;
};

#define OF setting
static const struct saved_field setting_fields[] = {
    S_TEXT(1, name),
    S_INT64(2, number),
    S_DOUBLE(3, fraction),
    S_BOOL(4, given),
};
static const struct saved_table setting_table = S_TABLE(setting, setting_fields);
#undef OF

#define OF api_limit
static const struct saved_field limit_fields[] = {
    S_INT64(1, interval_us),
    S_INT32(2, limit),
    S_ENUM(3, kind, LIMIT_KIND_COUNT),
};
static const struct saved_table limit_table = S_TABLE(api_limit, limit_fields);
#undef OF
// clang-format on

// ---- settings ----

#define DURATION_MOST_US INT64_C(4000000000000000)

enum { TAG_SETTING = 1, TAG_LIMIT };

void record_forms_put_config(struct saved_out *o, const struct api_config *c) {
    int32_t count;
    const struct api_config_key *keys = api_config_keys(&count);
    for (int32_t i = 0; i < count; i++) {
        const char *at = (const char *)c + keys[i].offset;
        struct setting s = { .given = (c->given >> i & 1) != 0 };
        ASSERT(strlen(keys[i].name) < sizeof s.name);
        memcpy(s.name, keys[i].name, strlen(keys[i].name));
        int32_t v32;
        switch (keys[i].type) {
        case API_CONFIG_NUMBER: memcpy(&s.fraction, at, sizeof s.fraction); break;
        case API_CONFIG_SECONDS:
        case API_CONFIG_SEED: memcpy(&s.number, at, sizeof s.number); break;
        case API_CONFIG_BOOL: s.number = *(const uint8_t *)at; break;
        default: memcpy(&v32, at, sizeof v32); s.number = v32;
        }
        saved_put_field(o, TAG_SETTING, &setting_table, &s);
    }
    for (int32_t i = 0; i < c->limit_count; i++) saved_put_field(o, TAG_LIMIT, &limit_table, &c->limits[i]);
}

static int32_t choices(const char *text) {
    int32_t count = 1;
    for (; *text; text++) count += *text == '|';
    return count;
}

// Takes a setting whose value is within its key's bounds.
static bool take_setting(struct api_config *c, const struct api_config_key *key, const struct setting *s) {
    char *at = (char *)c + key->offset;
    double number = (double)s->number;
    int32_t v32 = (int32_t)s->number;
    switch (key->type) {
    case API_CONFIG_NUMBER:
        if (!(s->fraction >= key->min && s->fraction <= key->max)) return false;
        memcpy(at, &s->fraction, sizeof s->fraction);
        return true;
    case API_CONFIG_SECONDS:
        // A world gives some of them values that no user could: a backtest waits ten years for an answer.
        if (s->number < 0 || s->number > DURATION_MOST_US) return false;
        memcpy(at, &s->number, sizeof s->number);
        return true;
    case API_CONFIG_SEED: memcpy(at, &s->number, sizeof s->number); return true;
    case API_CONFIG_BOOL:
        if (s->number != 0 && s->number != 1) return false;
        *(uint8_t *)at = (uint8_t)s->number;
        return true;
    case API_CONFIG_CHOICE:
        if (s->number < 0 || s->number >= choices(key->choices)) return false;
        memcpy(at, &v32, sizeof v32);
        return true;
    default:
        if (number < key->min || number > key->max) return false;
        memcpy(at, &v32, sizeof v32);
        return true;
    }
}

static bool get_setting(struct saved_in *in, struct api_config *c) {
    struct setting s;
    int32_t count;
    const struct api_config_key *keys = api_config_keys(&count);
    saved_get(in, &setting_table, &s);
    for (int32_t i = 0; i < count && !in->bad; i++) {
        if (strcmp(keys[i].name, s.name) != 0) continue;
        if (s.given) c->given |= UINT64_C(1) << i;
        return take_setting(c, &keys[i], &s);
    }
    return !in->bad;
}

void record_forms_get_config(struct saved_in *in, struct api_config *c) {
    memset(c, 0, sizeof *c);
    api_config_defaults(c);
    struct saved_in part;
    uint16_t tag;
    while (saved_next(in, &tag, &part)) {
        bool good = true;
        if (tag == TAG_SETTING) {
            good = get_setting(&part, c);
        } else if (tag == TAG_LIMIT) {
            good = c->limit_count < API_LIMITS_MAX;
            if (good) saved_get(&part, &limit_table, &c->limits[c->limit_count++]);
        }
        if (!good || part.bad) in->bad = true;
    }
}

// ---- names ----

enum { TAG_ENDPOINT = 1, TAG_KIND };

static const char *endpoint_name(int32_t i, char *to, size_t size) {
    const struct endpoint_info *info = endpoint_info(i);
    snprintf(to, size, "%s %s", http_method_name(info->method), info->path);
    return to;
}

// "" where a number is no record of its own.
static const char *kind_name(int32_t i, char *to, size_t size) {
    const struct record_table *t = record_table(i);
    snprintf(to, size, "%s", t ? t->name : "");
    return to;
}

typedef const char *(*name_fn)(int32_t i, char *to, size_t size);

static void put_names(struct saved_out *o, uint16_t tag, name_fn name, int32_t count) {
    char text[128];
    for (int32_t i = 0; i < count; i++) {
        size_t begun = saved_put_begin(o, tag);
        saved_put_bytes(o, text, strlen(name(i, text, sizeof text)));
        saved_put_end(o, begun);
    }
}

// The number here of what has this name and that number there: most often the same.
static int16_t number_of(const struct saved_in *in, int32_t there, name_fn name, int32_t count) {
    char text[128];
    size_t size = (size_t)(in->end - in->at);
    for (int32_t k = 0; k <= count; k++) {
        int32_t i = k == 0 ? there : k - 1;
        if (i >= count) continue;
        name(i, text, sizeof text);
        if (strlen(text) == size && memcmp(text, in->at, size) == 0) return (int16_t)i;
        if (size == 0) break;
    }
    return -1;
}

static void get_name(struct saved_in *in, struct record_forms_numbers *n, name_fn name, int32_t count) {
    if (n->count == RECORD_FORMS_NUMBERS_MAX) {
        in->bad = true;
        return;
    }
    n->ours[n->count] = number_of(in, n->count, name, count);
    n->count++;
}

void record_forms_put_names(struct saved_out *o) {
    put_names(o, TAG_ENDPOINT, endpoint_name, EP_COUNT);
    put_names(o, TAG_KIND, kind_name, RECORD_COUNT);
}

void record_forms_get_names(struct saved_in *in, struct record_forms_names *names) {
    struct saved_in part;
    uint16_t tag;
    names->endpoints.count = names->kinds.count = 0;
    while (saved_next(in, &tag, &part)) {
        if (tag == TAG_ENDPOINT) get_name(&part, &names->endpoints, endpoint_name, EP_COUNT);
        if (tag == TAG_KIND) get_name(&part, &names->kinds, kind_name, RECORD_COUNT);
        if (part.bad) in->bad = true;
    }
}

// ---- figures ----

void record_forms_put_metrics(struct saved_out *o, const struct metrics_snapshot *s) {
    saved_put(o, &metrics_table, s);
}

// Figures of endpoints move to where this version has them.
void record_forms_get_metrics(struct saved_in *in, const struct record_forms_names *names,
                              struct metrics_snapshot *s) {
    struct metrics_endpoint there[METRICS_ENDPOINTS_MAX];
    saved_get(in, &metrics_table, s);
    memcpy(there, s->endpoints, sizeof there);
    memset(s->endpoints, 0, sizeof s->endpoints);
    for (int32_t i = 0; i < METRICS_ENDPOINTS_MAX && i < names->endpoints.count; i++) {
        int32_t here = names->endpoints.ours[i];
        if (here < 0) continue;
        s->endpoints[here < METRICS_ENDPOINTS_MAX ? here : METRICS_ENDPOINTS_MAX - 1] = there[i];
    }
}

// ---- rules ----

enum { TAG_SYMBOL = 1 };

void record_forms_put_rules(struct saved_out *o, const struct symbol *symbols, int32_t count) {
    for (int32_t i = 0; i < count; i++) saved_put_field(o, TAG_SYMBOL, &saved_record_symbol, &symbols[i]);
}

static bool rules_good(const struct symbol *s) {
    return s->name[0] && s->tick_e8 > 0 && s->step_e8 > 0 && s->bracket_count > 0;
}

int32_t record_forms_get_rules(struct saved_in *in, struct symbol *symbols) {
    struct saved_in part;
    uint16_t tag;
    int32_t count = 0;
    while (saved_next(in, &tag, &part)) {
        if (tag != TAG_SYMBOL) continue;
        bool room = count < SYMBOLS_MAX;
        if (room) saved_get(&part, &saved_record_symbol, &symbols[count]);
        if (!room || part.bad || !rules_good(&symbols[count++])) in->bad = true;
    }
    return in->bad ? 0 : count;
}

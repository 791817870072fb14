// faults.c: which rule strikes which request, by a seed.
#include "sim/faults.h"

#include "base/assert.h"
#include "base/err.h"
#include "venue/binance/endpoint.h"

#include <string.h>

void faults_init(struct faults *f, uint64_t seed) {
    memset(f, 0, sizeof *f);
    rng_init(&f->rng, seed);
}

int faults_add(struct faults *f, const struct fault_rule *rule) {
    ASSERT(f->count >= 0);
    bool is_error = rule->kind == FAULT_ERROR || rule->kind == FAULT_ERROR_AFTER;
    if (f->count == FAULT_RULES_MAX) return ERR_FULL;
    if (rule->kind == FAULT_NONE || rule->kind >= FAULT_KIND_COUNT ||
        !(rule->share > 0 && rule->share <= 1) || rule->most < 0)
        return ERR_INVALID;
    if (is_error && (rule->status < 200 || rule->status > 599)) return ERR_INVALID;
    bool waits = rule->kind == FAULT_DELAY || rule->kind == FAULT_LATE || rule->kind == FAULT_SLOW_BODY ||
                 rule->kind == FAULT_STREAM_LATE;
    if (waits && rule->delay_us + rule->jitter_us <= 0) return ERR_INVALID;
    if ((rule->delay_us < 0 && rule->kind != FAULT_SKEW) || rule->jitter_us < 0) return ERR_INVALID;
    f->rules[f->count] = *rule;
    f->rules[f->count++].struck = 0;
    return ERR_OK;
}

static bool in_force(const struct fault_rule *r, int64_t now_us) {
    return now_us >= r->from_us && (r->to_us == 0 || now_us < r->to_us);
}

static bool strikes(struct faults *f, struct fault_rule *r, int64_t now_us) {
    if (!in_force(r, now_us - f->ahead_us) || (r->most > 0 && r->struck >= r->most)) return false;
    if (r->share < 1 && rng_double(&f->rng) >= r->share) return false;
    r->struck++;
    return true;
}

const struct fault_rule *faults_judge(struct faults *f, int32_t endpoint, int32_t request_class,
                                      int64_t now_us) {
    ASSERT(f->count >= 0);
    for (int32_t i = 0; i < f->count; i++) {
        struct fault_rule *r = &f->rules[i];
        if (r->kind > FAULT_REQUEST_LAST || (r->endpoint >= 0 && r->endpoint != endpoint)) continue;
        if (r->request_class >= 0 && r->request_class != request_class) continue;
        if (strikes(f, r, now_us)) return r;
    }
    return NULL;
}

const struct fault_rule *faults_judge_stream(struct faults *f, bool user_data, int64_t now_us) {
    ASSERT(f->count >= 0);
    for (int32_t i = 0; i < f->count; i++) {
        struct fault_rule *r = &f->rules[i];
        if (r->kind < FAULT_STREAM_FIRST || (r->kind == FAULT_LISTEN_KEY_LOSS && !user_data)) continue;
        if (r->request_class >= 0 &&
            r->request_class != (user_data ? REQUEST_CLASS_ACCOUNT : REQUEST_CLASS_MARKET))
            continue;
        if (strikes(f, r, now_us)) return r;
    }
    return NULL;
}

int64_t faults_delay_us(struct faults *f, const struct fault_rule *r) {
    double sum = r->jitter_us > 0 ? rng_exponential(&f->rng) : 0;
    return r->delay_us + (int64_t)(sum * (double)r->jitter_us);
}

int64_t faults_skew_us(const struct faults *f, int64_t now_us) {
    int64_t skew = 0;
    for (int32_t i = 0; i < f->count; i++) {
        if (f->rules[i].kind == FAULT_SKEW && in_force(&f->rules[i], now_us)) skew += f->rules[i].delay_us;
    }
    return skew;
}

const char *fault_kind_name(int32_t kind) {
    static const char *const names[FAULT_KIND_COUNT] = {
        "none",  "no_connection", "lose_request", "lose_reply",   "error",           "error_after",
        "delay", "late",          "reset",        "slow_body",    "malformed",       "wrong_body",
        "skew",  "stream_drop",   "stream_gap",   "stream_twice", "listen_key_loss", "stream_late",
    };
    return kind >= 0 && kind < FAULT_KIND_COUNT ? names[kind] : NULL;
}

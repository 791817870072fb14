#include "sim/faults.h"

#include "base/err.h"

#include <string.h>

void faults_init(struct faults *f, uint64_t seed) {
    memset(f, 0, sizeof *f);
    rng_init(&f->rng, seed);
}

int faults_add(struct faults *f, const struct fault_rule *rule) {
    bool is_error = rule->kind == FAULT_ERROR || rule->kind == FAULT_ERROR_AFTER;
    if (f->count == FAULT_RULES_MAX) return ERR_FULL;
    if (rule->kind == FAULT_NONE || rule->kind >= FAULT_KIND_COUNT || !(rule->share > 0 && rule->share <= 1) || rule->most < 0)
        return ERR_INVALID;
    if (is_error && (rule->status < 400 || rule->status > 599)) return ERR_INVALID;
    if (rule->kind == FAULT_DELAY && rule->delay_us <= 0) return ERR_INVALID;
    f->rules[f->count] = *rule;
    f->rules[f->count++].struck = 0;
    return ERR_OK;
}

const struct fault_rule *faults_judge(struct faults *f, int32_t endpoint, int32_t request_class, int64_t now_us) {
    for (int32_t i = 0; i < f->count; i++) {
        struct fault_rule *r = &f->rules[i];
        if ((r->endpoint >= 0 && r->endpoint != endpoint) || (r->request_class >= 0 && r->request_class != request_class)) continue;
        if (now_us < r->from_us || (r->to_us != 0 && now_us >= r->to_us)) continue;
        if (r->most > 0 && r->struck >= r->most) continue;
        if (r->share < 1 && rng_double(&f->rng) >= r->share) continue;
        r->struck++;
        return r;
    }
    return NULL;
}

const char *fault_kind_name(int32_t kind) {
    static const char *const names[FAULT_KIND_COUNT] = {
        "none", "no_connection", "lose_request", "lose_reply", "error", "error_after", "delay",
    };
    return kind >= 0 && kind < FAULT_KIND_COUNT ? names[kind] : NULL;
}

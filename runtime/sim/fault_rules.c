// fault_rules.c: fault rules read from JSON and written to it.
#include "sim/fault_rules.h"

#include "base/assert.h"
#include "venue/binance/endpoint.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static const char *const class_names[REQUEST_CLASS_COUNT] = { "orders", "market", "account" };

struct rule_place {
    int32_t number;
    struct errmsg *e;
};

static int wrong(const struct rule_place *at, const char *what, const char *value) {
    return errmsg_set(at->e, ERR_INVALID, "rule %d: %s%s%.60s%s", at->number, what, value ? " '" : "",
                      value ? value : "", value ? "'" : "");
}

static bool number_of(struct json_object *item, double *out) {
    if (!json_object_is_type(item, json_type_double) && !json_object_is_type(item, json_type_int))
        return false;
    *out = json_object_get_double(item);
    return *out > -1e12 && *out < 1e12;
}

static int set_kind(struct fault_rule *r, const char *name, bool server, const struct rule_place *at) {
    ASSERT(name != NULL);
    for (int32_t k = 1; k < FAULT_KIND_COUNT; k++) {
        if (strcmp(fault_kind_name(k), name) != 0) continue;
        if (!server && k > FAULT_DELAY) return wrong(at, "only a server (moontide exchange) knows", name);
        r->kind = (uint8_t)k;
        return 0;
    }
    char known[256];
    size_t used = 0;
    for (int32_t k = 1; k < (server ? (int)FAULT_KIND_COUNT : FAULT_DELAY + 1); k++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", k > 1 ? ", " : "",
                                 fault_kind_name(k));
    }
    return errmsg_set(at->e, ERR_INVALID, "rule %d: fault = '%.40s'; expected one of %s", at->number, name,
                      known);
}

static int set_call(struct fault_rule *r, const char *text, const struct rule_place *at) {
    ASSERT(text != NULL);
    char method[8] = "";
    const char *space = strchr(text, ' ');
    if (space && (size_t)(space - text) < sizeof method) memcpy(method, text, (size_t)(space - text));
    r->endpoint = space ? endpoint_find(method, space + 1) : -1;
    if (r->endpoint >= 0) return 0;
    return errmsg_set(at->e, ERR_INVALID, "rule %d: no call '%.60s'; as \"POST %s\"", at->number, text,
                      endpoint_info(EP_ORDER_NEW)->path);
}

static int set_class(struct fault_rule *r, const char *text, const struct rule_place *at) {
    ASSERT(text != NULL);
    for (int32_t k = 0; k < REQUEST_CLASS_COUNT; k++) {
        if (strcmp(class_names[k], text) == 0) r->request_class = k;
    }
    return r->request_class >= 0 ? 0 : wrong(at, "class is orders, market or account, not", text);
}

static int set_field(struct fault_rule *r, const char *name, struct json_object *item, int64_t start_us,
                     bool server, const struct rule_place *at) {
    bool text = json_object_is_type(item, json_type_string);
    const char *value = text ? json_object_get_string(item) : "";
    bool is_name =
        !strcmp(name, "fault") || !strcmp(name, "call") || !strcmp(name, "class") || !strcmp(name, "message");
    if (is_name && !text)
        return errmsg_set(at->e, ERR_INVALID, "rule %d: %s must be a string", at->number, name);
    if (!strcmp(name, "fault")) return set_kind(r, value, server, at);
    if (!strcmp(name, "call")) return set_call(r, value, at);
    if (!strcmp(name, "class")) return set_class(r, value, at);
    if (!strcmp(name, "message")) return snprintf(r->message, sizeof r->message, "%s", value), 0;
    struct {
        const char *name;
        double *number;
        int64_t *us;
        int32_t *integer;
        int64_t base;
    } fields[] = {
        { "share", &r->share, NULL, NULL, 0 },
        { "from", NULL, &r->from_us, NULL, start_us },
        { "to", NULL, &r->to_us, NULL, start_us },
        { "delay", NULL, &r->delay_us, NULL, 0 },
        { "jitter", NULL, &r->jitter_us, NULL, 0 },
        { "most", NULL, NULL, &r->most, 0 },
        { "status", NULL, NULL, &r->status, 0 },
        { "code", NULL, NULL, &r->code, 0 },
        { "retry_after", NULL, NULL, &r->retry_after_s, 0 },
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].name, name) != 0) continue;
        double v;
        if (!number_of(item, &v))
            return errmsg_set(at->e, ERR_INVALID, "rule %d: %s must be a number", at->number, name);
        if (fields[i].number) *fields[i].number = v;
        if (fields[i].us) *fields[i].us = fields[i].base + (int64_t)(v * 1e6 + (v < 0 ? -0.5 : 0.5));
        if (fields[i].integer)
            *fields[i].integer = v > 1e9 ? 1000000000 : v < -1e9 ? -1000000000 : (int32_t)v;
        return 0;
    }
    return wrong(at, "no field", name);
}

static int read_rule(struct json_object *o, int64_t start_us, bool server, struct faults *f,
                     const struct rule_place *at) {
    ASSERT(f->count >= 0);
    if (!json_object_is_type(o, json_type_object)) return wrong(at, "expected a table", NULL);
    struct fault_rule r = { .share = 1, .endpoint = -1, .request_class = -1, .status = 503 };
    json_object_object_foreach(o, name, item) {
        int err = set_field(&r, name, item, start_us, server, at);
        if (err) return err;
    }
    if (r.kind == FAULT_NONE) return set_kind(&r, "nil", server, at);
    int err = faults_add(f, &r);
    if (err == ERR_FULL) return wrong(at, "too many rules", NULL);
    return err == 0 ? 0 : wrong(at, "share is above 0 and at most 1, status 200 to 599, delay above 0", NULL);
}

static int read_all(struct json_object *root, int64_t start_us, bool server, struct faults *out,
                    struct errmsg *e) {
    struct json_object *rules = root, *seed = NULL;
    if (json_object_is_type(root, json_type_object)) {
        json_object_object_get_ex(root, "seed", &seed);
        if (!json_object_object_get_ex(root, "rules", &rules)) rules = NULL;
    }
    if (!json_object_is_type(rules, json_type_array)) {
        return errmsg_set(e, ERR_SYNTAX, "expected a list of rules, or {\"seed\": N, \"rules\": [...]}");
    }
    faults_init(out, seed ? (uint64_t)json_object_get_int64(seed) : 1);
    for (size_t i = 0; i < json_object_array_length(rules); i++) {
        struct rule_place at = { (int32_t)i + 1, e };
        int err = read_rule(json_object_array_get_idx(rules, i), start_us, server, out, &at);
        if (err) return err;
    }
    return 0;
}

int fault_rules_read(const char *json, int64_t start_us, bool server, struct faults *f, struct errmsg *e) {
    ASSERT(json != NULL);
    ASSERT(f != NULL);
    enum json_tokener_error problem;
    struct json_object *root = json_tokener_parse_verbose(json, &problem);
    if (!root) return errmsg_set(e, ERR_SYNTAX, "not JSON: %s", json_tokener_error_desc(problem));
    struct faults read;
    int err = read_all(root, start_us, server, &read, e);
    json_object_put(root);
    if (err == 0) *f = read;
    return err;
}

size_t fault_rules_print(const struct faults *f, char *out, size_t size) {
    ASSERT(f->count >= 0);
    struct json_object *list = json_object_new_array();
    for (int32_t i = 0; i < f->count; i++) {
        const struct fault_rule *r = &f->rules[i];
        struct json_object *o = json_object_new_object();
        json_object_object_add(o, "fault", json_object_new_string(fault_kind_name(r->kind)));
        if (r->endpoint >= 0) {
            char call[80];
            const struct endpoint_info *info = endpoint_info(r->endpoint);
            snprintf(call, sizeof call, "%s %s", http_method_name(info->method), info->path);
            json_object_object_add(o, "call", json_object_new_string(call));
        }
        if (r->request_class >= 0)
            json_object_object_add(o, "class", json_object_new_string(class_names[r->request_class]));
        json_object_object_add(o, "share", json_object_new_double(r->share));
        json_object_object_add(o, "struck", json_object_new_int(r->struck));
        json_object_array_add(list, o);
    }
    size_t length =
        (size_t)snprintf(out, size, "%s", json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN));
    json_object_put(list);
    return length;
}

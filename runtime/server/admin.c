// admin.c: the pages that are no part of the exchange that is played: the audit, the fault rules, a
// shock to the price.
#include "base/alloc.h"
#include "base/array.h"
#include "base/dec.h"
#include "server/exchange_server_private.h"

#include "sim/fault_rules.h"
#include "trade/symbol.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer_json(struct conn *c, int status, const char *text) {
    conn_answer(c, status, "", text, strlen(text));
}

static void answer_problem(struct conn *c, int status, const char *text) {
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "error", json_object_new_string(text));
    answer_json(c, status,
                json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

static int64_t query_number(const struct wire_params *p, const char *name, int64_t otherwise) {
    const char *value = decode_find(p, name);
    return value ? strtoll(value, NULL, 10) : otherwise;
}

static void page_audit(struct exchange_server *l, struct conn *c, const struct wire_params *p) {
    int64_t from = query_number(p, "from", 0), limit = query_number(p, "limit", 1000);
    const char *id = decode_find(p, "clientOrderId");
    if (from < 0 || limit < 0 || limit > 100000) {
        answer_problem(c, 400, "from is 0 or more, limit 0 to 100000");
        return;
    }
    for (;;) {
        size_t size = audit_print(l->audit, l->x, from, limit, id ? id : "", l->print, l->print_room);
        if (size < l->print_room) {
            conn_answer(c, 200, "", l->print, size);
            return;
        }
        ARRAY_ROOM(l->print, l->print_room, size + 1);
    }
}

static void page_faults(struct exchange_server *l, struct conn *c, const struct http_request *r) {
    if (r->verb == VERB_DELETE) faults_init(&l->o.faults, l->o.seed);
    if (r->verb == VERB_POST || r->verb == VERB_PUT) {
        struct errmsg e;
        char *text = alloc_checked(strndup(r->body, r->body_size));
        int err = fault_rules_read(text, l->true_us, true, &l->o.faults, &e);
        free(text);
        if (err) {
            answer_problem(c, 400, e.text);
            return;
        }
    }
    fault_rules_print(&l->o.faults, l->print, l->print_room);
    answer_json(c, 200, l->print);
}

static void page_shock(struct exchange_server *l, struct conn *c, const struct wire_params *p) {
    const char *name = decode_find(p, "symbol"), *factor = decode_find(p, "factor");
    int32_t k = name ? symbol_find(l->symbols, l->o.symbol_count, name) : -1;
    double by = factor ? atof(factor) : 0;
    if (k < 0 || by < 0.5 || by > 2) {
        answer_problem(c, 400, "expected a symbol of this exchange and a factor from 0.5 to 2");
        return;
    }
    flow_shock(l->flow, (int16_t)k, by);
    answer_json(c, 200, "{}");
}

static bool set_decimal(const struct wire_params *p, const char *name, int64_t *value) {
    const char *text = decode_find(p, name);
    int64_t given = 0;
    if (!text) return true;
    if (dec_parse_round(text, strlen(text), &given) != 0 || given <= 0) return false;
    *value = given;
    return true;
}

// What the exchange does to a contract: its status, its filters.
static void page_symbol(struct exchange_server *l, struct conn *c, const struct wire_params *p) {
    const char *name = decode_find(p, "symbol"), *status = decode_find(p, "status");
    int32_t k = name ? symbol_find(l->symbols, l->o.symbol_count, name) : -1;
    struct symbol s;
    bool good = k >= 0;
    if (good) {
        s = l->symbols[k];
        good = set_decimal(p, "tickSize", &s.tick_e8) && set_decimal(p, "stepSize", &s.step_e8) &&
               set_decimal(p, "minQty", &s.qty_min_e8) && set_decimal(p, "notional", &s.notional_min_e8) &&
               (!status || strlen(status) < sizeof s.status);
    }
    if (!good) {
        answer_problem(
            c, 400, "expected a symbol of this exchange and status, tickSize, stepSize, minQty or notional");
        return;
    }
    if (status) snprintf(s.status, sizeof s.status, "%s", status);
    l->symbols[k] = s;
    exchange_rules(l->x, (int16_t)k, &s);
    handlers_rules_changed(l->handlers, l->now_us);
    answer_json(c, 200, "{}");
}

// The coin in which fees are paid.
static void page_fees(struct exchange_server *l, struct conn *c, const struct wire_params *p) {
    const char *name = decode_find(p, "symbol");
    int32_t k = name ? symbol_find(l->symbols, l->o.symbol_count, name) : SYMBOL_NONE;
    if (name && k < 0) {
        answer_problem(c, 400, "expected a symbol of this exchange, whose coin pays fees, or none");
        return;
    }
    exchange_fee_coin(l->x, (int16_t)k);
    answer_json(c, 200, "{}");
}

// Money that comes from outside, or goes there.
static void page_transfer(struct exchange_server *l, struct conn *c, const struct wire_params *p) {
    const char *text = decode_find(p, "amount");
    bool minus = text && *text == '-';
    int64_t amount = 0;
    if (!text || dec_parse_round(text + minus, strlen(text + minus), &amount) != 0 ||
        !exchange_transfer(l->x, minus ? -amount : amount, l->now_us)) {
        answer_problem(c, 400, "expected an amount of USDT; what goes away must be free");
        return;
    }
    answer_json(c, 200, "{}");
}

void exchange_server_page(struct exchange_server *l, struct conn *c, const struct http_request *r) {
    struct wire_params *p = &l->request.params;
    p->count = 0;
    p->used = 0;
    if (!decode_add_query(p, r->query, r->query_size, &l->request.refusal))
        answer_problem(c, 400, l->request.refusal.text);
    else if (strcmp(r->path, "/moontide/audit") == 0)
        page_audit(l, c, p);
    else if (strcmp(r->path, "/moontide/faults") == 0)
        page_faults(l, c, r);
    else if (strcmp(r->path, "/moontide/shock") == 0 && r->verb == VERB_POST)
        page_shock(l, c, p);
    else if (strcmp(r->path, "/moontide/symbol") == 0 && r->verb == VERB_POST)
        page_symbol(l, c, p);
    else if (strcmp(r->path, "/moontide/transfer") == 0 && r->verb == VERB_POST)
        page_transfer(l, c, p);
    else if (strcmp(r->path, "/moontide/fees") == 0 && r->verb == VERB_POST)
        page_fees(l, c, p);
    else
        answer_problem(c, 404,
                       "there are GET /moontide/audit, GET POST DELETE /moontide/faults, POST "
                       "/moontide/shock, symbol and "
                       "transfer");
}

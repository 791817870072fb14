// handlers.c: what is asked: a request that was let in is put to the exchange, its reply written as JSON.
#include "server/handlers.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "base/text.h"
#include "venue/binance/header_name.h"
#include "base/units.h"
#include "venue/binance/error_code.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/exchange_info.h"
#include "venue/binance/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct handlers {
    struct exchange *x;
    const struct symbol *symbols;
    int32_t symbol_count;
    struct auth *auth;
    struct limit_record limits[8];
    int32_t limit_count;
    int64_t start_us;
    char *info;   // exchangeInfo
    size_t info_size;
    char *body;
    size_t body_room, body_size;
    char head[256];
    struct answer *serving;   // where handlers_reply puts the answer
};

struct handlers *handlers_new(struct exchange *x, const struct symbol *symbols, int32_t symbol_count,
                              const struct limit_record *limits, int32_t limit_count, int64_t now_us) {
    struct handlers *d = alloc_zeroed(1, sizeof *d);
    d->x = x;
    d->symbols = symbols;
    d->symbol_count = symbol_count;
    d->auth = auth_new(symbols, symbol_count);
    d->start_us = now_us;
    for (int32_t i = 0; i < limit_count && i < 8; i++) d->limits[d->limit_count++] = limits[i];
    d->info_size = exchange_info_json(NULL, 0, symbols, symbol_count, d->limits, d->limit_count, now_us);
    d->info = alloc_bytes(d->info_size + 1);
    d->body_room = 4096;
    d->body = alloc_bytes(d->body_room);
    exchange_info_json(d->info, d->info_size + 1, symbols, symbol_count, d->limits, d->limit_count, now_us);
    return d;
}

void handlers_rules_changed(struct handlers *d, int64_t now_us) {
    free(d->info);
    d->info_size =
        exchange_info_json(NULL, 0, d->symbols, d->symbol_count, d->limits, d->limit_count, now_us);
    d->info = alloc_bytes(d->info_size + 1);
    exchange_info_json(d->info, d->info_size + 1, d->symbols, d->symbol_count, d->limits, d->limit_count,
                       now_us);
}

void handlers_free(struct handlers *d) {
    if (!d) return;
    auth_free(d->auth);
    free(d->info);
    free(d->body);
    free(d);
}

struct auth *handlers_auth(struct handlers *d) {
    return d->auth;
}

// ---- answers ----

static void body_text(struct handlers *d, const char *text, size_t size) {
    ARRAY_ROOM(d->body, d->body_room, size + 1);
    memcpy(d->body, text, size);
    d->body[size] = 0;
    d->body_size = size;
}

static void body_error(struct handlers *d, int32_t code, const char *text) {
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "code", json_object_new_int(code));
    json_object_object_add(o, "msg", json_object_new_string(text));
    const char *json =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    body_text(d, json, strlen(json));
    json_object_put(o);
}

static char *body_room(struct handlers *d, size_t size) {
    ARRAY_ROOM(d->body, d->body_room, size);
    return d->body;
}

static void body_rows(struct handlers *d, const struct reply *r) {
    for (;;) {
        size_t size = r->list
                          ? record_json_list(d->body, d->body_room, r->kind, r->rows, r->count, d->symbols)
                          : record_json(d->body, d->body_room, r->kind, r->rows, d->symbols);
        d->body_size = size;
        if (size < d->body_room) return;
        body_room(d, size + 1);
    }
}

static void body_batch(struct handlers *d, const struct reply *r, struct answer *a) {
    const struct order_record *rows = r->rows;
    size_t at = 0;
    body_room(d, 65536)[at++] = '[';
    a->batch_count = r->count;
    for (int32_t i = 0; i < r->count; i++) {
        if (i) d->body[at++] = ',';
        a->batch_code[i] = r->batch_code[i];
        a->batch_order_id[i] = rows[i].order_id;
        if (r->batch_code[i] == 0) {
            at += record_json(d->body + at, d->body_room - at, r->kind, &rows[i], d->symbols);
            continue;
        }
        struct json_object *text = json_object_new_string(r->batch_message[i]);
        at += (size_t)snprintf(
            d->body + at, d->body_room - at, "{\"code\":%d,\"msg\":%s}", r->batch_code[i],
            json_object_to_json_string_ext(text, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(text);
    }
    d->body[at++] = ']';
    d->body[at] = 0;
    d->body_size = at;
}

static void head_lines(struct handlers *d, int32_t weight, int32_t orders_10s, int32_t orders_1m,
                       int32_t retry_after_s) {
    int length = 0;
    d->head[0] = 0;
    if (weight >= 0) length += snprintf(d->head, sizeof d->head, HEADER_USED_WEIGHT_1M ": %d\r\n", weight);
    if (orders_10s >= 0) {
        length += snprintf(d->head + length, sizeof d->head - (size_t)length,
                           HEADER_ORDER_COUNT_10S ": %d\r\n" HEADER_ORDER_COUNT_1M ": %d\r\n", orders_10s,
                           orders_1m);
    }
    if (retry_after_s > 0)
        snprintf(d->head + length, sizeof d->head - (size_t)length, "Retry-After: %d\r\n", retry_after_s);
}

static void answer_body(struct handlers *d, struct answer *a, int32_t status, int32_t code) {
    a->status = status;
    a->code = code;
    a->head = d->head;
    a->body = d->body;
    a->size = d->body_size;
}

void handlers_reply(struct handlers *d, const struct reply *r) {
    struct answer *a = d->serving;
    bool is_order = r->kind == RECORD_ORDER || r->kind == RECORD_ORDER_AMENDED;
    ASSERT(a != NULL);
    if (r->code != 0)
        body_error(d, r->code, r->message);
    else if (r->kind == RECORD_EXCHANGE_INFO)
        body_text(d, d->info, d->info_size);
    else if (r->list && is_order)
        body_batch(d, r, a);
    else
        body_rows(d, r);
    if (r->code == 0 && !r->list && (is_order || r->kind == RECORD_ORDER_QUERY)) {
        a->order_id = ((const struct order_record *)r->rows)->order_id;
    }
    head_lines(d, r->used_weight_1m, r->code == 0 ? r->order_count_10s : -1, r->order_count_1m,
               r->retry_after_s);
    answer_body(d, a, r->status, r->code);
}

void handlers_error(struct handlers *d, int32_t status, int32_t code, const char *text, struct answer *a,
                    int64_t now_us) {
    memset(a, 0, sizeof *a);
    body_error(d, code, text);
    head_lines(d, exchange_windows(d->x, now_us).weight_1m, -1, -1, 0);
    answer_body(d, a, status, code);
}

static void answer_rights(struct handlers *d, const struct client_request *v, struct answer *a) {
    int size = snprintf(
        body_room(d, 1024), 1024,
        "{\"ipRestrict\":false,\"createTime\":%lld,\"enableReading\":true,\"enableFutures\":%s,"
        "\"enableWithdrawals\":%s,\"enableInternalTransfer\":false,\"permitsUniversalTransfer\":false,"
        "\"enableMargin\":false,\"enableSpotAndMarginTrading\":false,\"enableVanillaOptions\":false,"
        "\"enablePortfolioMarginTrading\":false}",
        (long long)(d->start_us / 1000), v->may_trade ? "true" : "false", v->may_withdraw ? "true" : "false");
    d->body_size = (size_t)size;
    d->head[0] = 0;   // another address, with limits of its own
    answer_body(d, a, 200, 0);
}

void handlers_serve(struct handlers *d, const struct client_request *v, struct answer *a, int64_t now_us) {
    memset(a, 0, sizeof *a);
    if (v->refusal.code != 0) {
        handlers_error(d, v->refusal.status, v->refusal.code, v->refusal.text, a, now_us);
        return;
    }
    if (v->asks_rights) {
        answer_rights(d, v, a);
        return;
    }
    d->serving = a;
    exchange_call(d->x, &v->wire.call, 0, now_us);
    d->serving = NULL;
    ASSERT(a->status != 0);   // markets with a book answer at once
    if (a->code != 0) return;
    if (v->endpoint == EP_FUNDING_RATE || v->endpoint == EP_FUNDING_INFO) d->head[0] = 0;
}

size_t handlers_rate_limits(struct handlers *d, bool orders, char *out, size_t size, int64_t now_us) {
    struct exchange_windows w = exchange_windows(d->x, now_us);
    size_t at = (size_t)snprintf(out, size, "[");
    bool first = true;
    for (int32_t i = 0; i < d->limit_count; i++) {
        const struct limit_record *l = &d->limits[i];
        if (l->kind == LIMIT_ORDERS && !orders) continue;
        int32_t count = l->kind == LIMIT_WEIGHT      ? w.weight_1m
                        : l->interval == RATE_SECOND ? w.orders_10s
                                                     : w.orders_1m;
        at += (size_t)snprintf(out + at, size - at,
                               "%s{\"rateLimitType\":\"%s\",\"interval\":\"%s\",\"intervalNum\":%d,"
                               "\"limit\":%d,\"count\":%d}",
                               first ? "" : ",", rate_kind_names[l->kind], rate_interval_names[l->interval],
                               l->interval_num, l->limit, count);
        first = false;
    }
    at += (size_t)snprintf(out + at, size - at, "]");
    return at;
}

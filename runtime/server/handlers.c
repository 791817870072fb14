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

#define RECV_WINDOW_DEFAULT_US INT64_C(5000000)
#define AHEAD_MAX_US SECOND_US

static const char rights_path[] = "/sapi/v1/account/apiRestrictions";

struct access {
    char id[API_KEY_SIZE + 1];
    struct signing_key *key;
    bool trades, withdraws;
};

struct handlers {
    struct exchange *x;
    const struct symbol *symbols;
    int32_t symbol_count;
    struct access keys[HANDLERS_KEYS_MAX];
    int32_t key_count;
    struct limit_record limits[8];
    int32_t limit_count;
    int64_t skew_us, start_us;
    char *info;   // exchangeInfo
    size_t info_size;
    char *payload;   // what a request signed
    size_t payload_room;
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
    d->start_us = now_us;
    for (int32_t i = 0; i < limit_count && i < 8; i++) d->limits[d->limit_count++] = limits[i];
    d->info_size = exchange_info_json(NULL, 0, symbols, symbol_count, d->limits, d->limit_count, now_us);
    d->info = alloc_bytes(d->info_size + 1);
    d->body_room = 4096;
    d->body = alloc_bytes(d->body_room);
    exchange_info_json(d->info, d->info_size + 1, symbols, symbol_count, d->limits, d->limit_count, now_us);
    return d;
}

void handlers_free(struct handlers *d) {
    if (!d) return;
    for (int32_t i = 0; i < d->key_count; i++) signing_key_free(d->keys[i].key);
    free(d->info);
    free(d->payload);
    free(d->body);
    free(d);
}

int handlers_add_key(struct handlers *d, const char *id, struct signing_key *key, bool trades,
                     bool withdraws) {
    if (strlen(id) != API_KEY_SIZE) return ERR_INVALID;
    if (d->key_count == HANDLERS_KEYS_MAX) return ERR_FULL;
    struct access *k = &d->keys[d->key_count++];
    memcpy(k->id, id, API_KEY_SIZE + 1);
    k->key = key;
    k->trades = trades;
    k->withdraws = withdraws;
    return ERR_OK;
}

void handlers_set_skew(struct handlers *d, int64_t skew_us) { d->skew_us = skew_us; }

// ---- who asks ----

static const struct access *access_of(const struct handlers *d, const char *id) {
    for (int32_t i = 0; i < d->key_count; i++) {
        if (strcmp(d->keys[i].id, id) == 0) return &d->keys[i];
    }
    return NULL;
}

static bool unknown_key(struct refusal *r) {
    return refuse_text(r, 401, -2015,
                       "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1");
}

static const struct access *known_key(const struct handlers *d, const char *id, struct refusal *r) {
    if (strlen(id) != API_KEY_SIZE) {
        refuse_with(r, 401, -2014, NULL);
        return NULL;
    }
    const struct access *k = access_of(d, id);
    if (!k) unknown_key(r);
    return k;
}

static bool in_time(int64_t stamp_us, int64_t window_us, int64_t now_us, struct refusal *r) {
    if (stamp_us >= now_us + AHEAD_MAX_US) {
        return refuse_text(r, 400, -1021,
                           "Timestamp for this request was 1000ms ahead of the server's time.");
    }
    return now_us - stamp_us <= window_us ? true : refuse_with(r, 400, -1021, NULL);
}

static bool check_clock(const struct handlers *d, const struct wire_params *p, int64_t now_us,
                        int64_t wall_us, struct refusal *r) {
    const char *stamp = decode_find(p, "timestamp"), *window = decode_find(p, "recvWindow");
    int64_t stamp_ms, window_ms = RECV_WINDOW_DEFAULT_US / 1000;
    if (!stamp || id_parse(stamp, strlen(stamp), &stamp_ms) || stamp_ms < 0 || stamp_ms > INT64_MAX / 1000) {
        return refuse_with(r, 400, -1102, "timestamp");
    }
    if (window &&
        (id_parse(window, strlen(window), &window_ms) || window_ms < 0 || window_ms > INT64_MAX / 2000)) {
        return refuse_with(r, 400, -1102, "recvWindow");
    }
    if (wall_us != 0) {
        struct refusal unused;
        if (in_time(stamp_ms * 1000, window_ms * 1000, wall_us + d->skew_us, &unused)) return true;
    }
    return in_time(stamp_ms * 1000, window_ms * 1000, now_us + d->skew_us, r);
}

// Key, clock and signature of a signed request; `payload` is what was signed.
static const struct access *check_signed(const struct handlers *d, const char *id,
                                         const struct wire_params *p, const char *payload, size_t size,
                                         int64_t now_us, int64_t wall_us, struct refusal *r) {
    if (strlen(id) != API_KEY_SIZE) {
        refuse_with(r, 401, -2014, NULL);
        return NULL;
    }
    const char *signature = decode_find(p, "signature");
    if (!signature || !*signature) {
        refuse_with(r, 400, -1102, decode_find(p, "timestamp") ? "signature" : "timestamp");
        return NULL;
    }
    if (!check_clock(d, p, now_us, wall_us, r)) return NULL;
    const struct access *k = known_key(d, id, r);
    if (k && !signature_holds(k->key, payload, size, signature)) {
        refuse_with(r, 400, -1022, NULL);
        return NULL;
    }
    return k;
}

static bool permitted(const struct access *k, int32_t endpoint, struct refusal *r) {
    return k->trades || endpoint < 0 || !endpoint_info(endpoint)->mutating ? true : unknown_key(r);
}

// Appends a query or body without its signature pair.
static size_t append_signed(char *out, const char *text, size_t size) {
    size_t length = 0;
    bool first = true;
    for (size_t at = 0; at <= size && size > 0;) {
        const char *end = memchr(text + at, '&', size - at);
        size_t part = end ? (size_t)(end - text) - at : size - at;
        if (part < 10 || memcmp(text + at, "signature=", 10) != 0) {
            if (!first) out[length++] = '&';
            memcpy(out + length, text + at, part);
            length += part;
            first = false;
        }
        at += part + 1;
    }
    return length;
}

static char *payload_room(struct handlers *d, size_t size) {
    ARRAY_ROOM(d->payload, d->payload_room, size);
    return d->payload;
}

static const char *verb_name(enum http_verb verb) {
    static const char *const names[] = {
        "GET", "POST", "PUT", "DELETE", "GET", "OTHER"
    };   // HEAD is asked as GET
    return names[verb];
}

static void visit_begin(struct client_request *v, int32_t endpoint, bool over_websocket) {
    v->endpoint = endpoint;
    v->over_websocket = over_websocket;
    v->asks_rights = v->may_trade = v->may_withdraw = false;
    v->refusal.code = 0;
    v->params.count = 0;
    v->params.used = 0;
}

void handlers_open(struct handlers *d, const struct http_request *r, struct client_request *v, int64_t now_us,
                   int64_t wall_us) {
    visit_begin(v, endpoint_find(verb_name(r->verb), r->path), false);
    v->asks_rights = r->verb == VERB_GET && strcmp(r->path, rights_path) == 0;
    if (v->endpoint < 0 && !v->asks_rights) {
        snprintf(v->refusal.text, sizeof v->refusal.text, "Path %.100s, Method %s is invalid", r->path,
                 verb_name(r->verb));
        v->refusal.status = 404;
        v->refusal.code = -5000;
        return;
    }
    int32_t security = v->asks_rights ? SEC_SIGNED : endpoint_info(v->endpoint)->security;
    if (!decode_add_query(&v->params, r->query, r->query_size, &v->refusal)) return;
    if (r->verb != VERB_GET && !decode_add_query(&v->params, r->body, r->body_size, &v->refusal)) return;
    const struct access *k = NULL;
    if (security == SEC_KEY && !(k = known_key(d, r->api_key, &v->refusal))) return;
    if (security == SEC_SIGNED) {
        char *payload = payload_room(d, r->query_size + r->body_size + 2);
        size_t size = append_signed(payload, r->query, r->query_size);
        size += append_signed(payload + size, r->body, r->body_size);
        k = check_signed(d, r->api_key, &v->params, payload, size, now_us, wall_us, &v->refusal);
        if (!k) return;
    }
    if (k && !permitted(k, v->endpoint, &v->refusal)) return;
    v->may_trade = k && k->trades;
    v->may_withdraw = k && k->withdraws;
    if (!v->asks_rights)
        decode_decode(&v->params, v->endpoint, d->symbols, d->symbol_count, &v->wire, &v->refusal);
}

// ---- the WebSocket API ----

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Members as parameters, and what was signed: all but the signature, sorted by name, values as they stand.
static bool read_members(struct handlers *d, struct json_object *params, struct wire_params *p, size_t *size,
                         struct refusal *r) {
    const char *names[WIRE_PAIRS_MAX];
    int32_t count = 0;
    size_t length = 0;
    json_object_object_foreach(params, name, item) {
        const char *value = item ? json_object_get_string(item) : "";
        if (json_object_is_type(item, json_type_object)) return refuse_with(r, 400, -1102, "params");
        if (!decode_add(p, name, value, r)) return false;
        if (strcmp(name, "signature") != 0 && count < WIRE_PAIRS_MAX) names[count++] = name;
        length += strlen(name) + strlen(value) + 2;
    }
    qsort(names, (size_t)count, sizeof *names, by_name);
    char *out = payload_room(d, length + 1);
    *size = 0;
    for (int32_t i = 0; i < count; i++) {
        struct json_object *value = json_object_object_get(params, names[i]);
        *size += (size_t)sprintf(out + *size, "%s%s=%s", i ? "&" : "", names[i],
                                 value ? json_object_get_string(value) : "");
    }
    return true;
}

static const char *member(const struct wire_params *p, const char *name) {
    const char *value = decode_find(p, name);
    return value ? value : "";
}

void handlers_open_ws(struct handlers *d, int32_t endpoint, struct json_object *params, const char *session,
                      struct client_request *v, int64_t now_us, int64_t wall_us) {
    visit_begin(v, endpoint, true);
    size_t size = 0;
    if (params && !read_members(d, params, &v->params, &size, &v->refusal)) return;
    const struct endpoint_info *info = endpoint_info(endpoint);
    const struct access *k = NULL;
    bool in_session = *session && !*member(&v->params, "signature");
    if (info->security == SEC_KEY &&
        !(k = known_key(d,
                        *session && !*member(&v->params, "apiKey") ? session : member(&v->params, "apiKey"),
                        &v->refusal)))
        return;
    if (info->security == SEC_SIGNED && in_session) {
        if (!check_clock(d, &v->params, now_us, wall_us, &v->refusal)) return;
        if (!(k = known_key(d, session, &v->refusal))) return;
    } else if (info->security == SEC_SIGNED) {
        k = check_signed(d, member(&v->params, "apiKey"), &v->params, d->payload ? d->payload : "", size,
                         now_us, wall_us, &v->refusal);
        if (!k) return;
    }
    if (k && !permitted(k, endpoint, &v->refusal)) return;
    v->may_trade = k && k->trades;
    decode_decode(&v->params, endpoint, d->symbols, d->symbol_count, &v->wire, &v->refusal);
}

bool handlers_logon(struct handlers *d, struct json_object *params, struct client_request *v, int64_t now_us,
                    int64_t wall_us) {
    visit_begin(v, EP_TIME, true);
    size_t size = 0;
    if (!params) return refuse_with(&v->refusal, 400, -1102, "apiKey");
    if (!read_members(d, params, &v->params, &size, &v->refusal)) return false;
    const struct access *k = check_signed(d, member(&v->params, "apiKey"), &v->params, d->payload, size,
                                          now_us, wall_us, &v->refusal);
    if (!k) return false;
    bool good = signing_key_kind(k->key) == KEY_ED25519;
    return good ? true : refuse_with(&v->refusal, 400, -4056, NULL);
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
    if (v->endpoint == EP_TIME && d->skew_us != 0) {
        struct value_record now = { .time_us = now_us + d->skew_us, .symbol = SYMBOL_NONE };
        d->body_size = record_json(d->body, d->body_room, RECORD_SERVER_TIME, &now, d->symbols);
        answer_body(d, a, 200, 0);
    }
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

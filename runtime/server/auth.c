// auth.c: who asks: keys, stamps, signatures and rights of a request.
#include "server/auth.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/err.h"
#include "base/text.h"
#include "base/units.h"
#include "trade/request_kind.h"
#include "venue/binance/endpoint.h"

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

struct auth {
    const struct symbol *symbols;
    int32_t symbol_count;
    struct access keys[AUTH_KEYS_MAX];
    int32_t key_count;
    char *payload;   // what a request signed
    size_t payload_room;
};

struct auth *auth_new(const struct symbol *symbols, int32_t symbol_count) {
    struct auth *a = alloc_zeroed(1, sizeof *a);
    a->symbols = symbols;
    a->symbol_count = symbol_count;
    return a;
}

void auth_free(struct auth *a) {
    if (!a) return;
    for (int32_t i = 0; i < a->key_count; i++) signing_key_free(a->keys[i].key);
    free(a->payload);
    free(a);
}

int auth_add_key(struct auth *a, const char *id, struct signing_key *key, bool trades, bool withdraws) {
    if (strlen(id) != API_KEY_SIZE) return ERR_INVALID;
    if (a->key_count == AUTH_KEYS_MAX) return ERR_FULL;
    struct access *k = &a->keys[a->key_count++];
    memcpy(k->id, id, API_KEY_SIZE + 1);
    k->key = key;
    k->trades = trades;
    k->withdraws = withdraws;
    return ERR_OK;
}

// ---- who asks ----

static const struct access *access_of(const struct auth *a, const char *id) {
    for (int32_t i = 0; i < a->key_count; i++) {
        if (strcmp(a->keys[i].id, id) == 0) return &a->keys[i];
    }
    return NULL;
}

static bool unknown_key(struct refusal *r) {
    return refuse_text(r, 401, -2015,
                       "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1");
}

static const struct access *known_key(const struct auth *a, const char *id, struct refusal *r) {
    if (strlen(id) != API_KEY_SIZE) {
        refuse_with(r, 401, -2014, NULL);
        return NULL;
    }
    const struct access *k = access_of(a, id);
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

static bool check_clock(const struct wire_params *p, int64_t now_us, int64_t wall_us, struct refusal *r) {
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
        if (in_time(stamp_ms * 1000, window_ms * 1000, wall_us, &unused)) return true;
    }
    return in_time(stamp_ms * 1000, window_ms * 1000, now_us, r);
}

// Key, clock and signature of a signed request; `payload` is what was signed.
static const struct access *check_signed(const struct auth *a, const char *id, const struct wire_params *p,
                                         const char *payload, size_t size, int64_t now_us, int64_t wall_us,
                                         struct refusal *r) {
    if (strlen(id) != API_KEY_SIZE) {
        refuse_with(r, 401, -2014, NULL);
        return NULL;
    }
    const char *signature = decode_find(p, "signature");
    if (!signature || !*signature) {
        refuse_with(r, 400, -1102, decode_find(p, "timestamp") ? "signature" : "timestamp");
        return NULL;
    }
    if (!check_clock(p, now_us, wall_us, r)) return NULL;
    const struct access *k = known_key(a, id, r);
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

static char *payload_room(struct auth *a, size_t size) {
    ARRAY_ROOM(a->payload, a->payload_room, size);
    return a->payload;
}

static const char *verb_name(enum http_verb verb) {
    static const char *const names[] = {
        "GET", "POST", "PUT", "DELETE", "GET", "OTHER"
    };   // HEAD is asked as GET
    return names[verb];
}

static void request_begin(struct client_request *v, int32_t endpoint, bool over_websocket) {
    v->endpoint = endpoint;
    v->over_websocket = over_websocket;
    v->asks_rights = v->may_trade = v->may_withdraw = false;
    v->refusal.code = 0;
    v->params.count = 0;
    v->params.used = 0;
}

void auth_open(struct auth *a, const struct http_request *r, struct client_request *v, int64_t now_us,
               int64_t wall_us) {
    request_begin(v, endpoint_find(verb_name(r->verb), r->path), false);
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
    if (security == SEC_KEY && !(k = known_key(a, r->api_key, &v->refusal))) return;
    if (security == SEC_SIGNED) {
        char *payload = payload_room(a, r->query_size + r->body_size + 2);
        size_t size = append_signed(payload, r->query, r->query_size);
        size += append_signed(payload + size, r->body, r->body_size);
        k = check_signed(a, r->api_key, &v->params, payload, size, now_us, wall_us, &v->refusal);
        if (!k) return;
    }
    if (k && !permitted(k, v->endpoint, &v->refusal)) return;
    v->may_trade = k && k->trades;
    v->may_withdraw = k && k->withdraws;
    if (!v->asks_rights)
        decode_decode(&v->params, v->endpoint, a->symbols, a->symbol_count, &v->wire, &v->refusal);
}

// ---- the WebSocket API ----

static int by_name(const void *one, const void *other) {
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

// Members as parameters, and what was signed: all but the signature, sorted by name, values as they stand.
static bool read_members(struct auth *a, struct json_object *params, struct wire_params *p, size_t *size,
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
    char *out = payload_room(a, length + 1);
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

void auth_open_ws(struct auth *a, int32_t endpoint, struct json_object *params, const char *session,
                  struct client_request *v, int64_t now_us, int64_t wall_us) {
    request_begin(v, endpoint, true);
    size_t size = 0;
    if (params && !read_members(a, params, &v->params, &size, &v->refusal)) return;
    const struct endpoint_info *info = endpoint_info(endpoint);
    const struct access *k = NULL;
    bool in_session = *session && !*member(&v->params, "signature");
    if (info->security == SEC_KEY &&
        !(k = known_key(a,
                        *session && !*member(&v->params, "apiKey") ? session : member(&v->params, "apiKey"),
                        &v->refusal)))
        return;
    if (info->security == SEC_SIGNED && in_session) {
        if (!check_clock(&v->params, now_us, wall_us, &v->refusal)) return;
        if (!(k = known_key(a, session, &v->refusal))) return;
    } else if (info->security == SEC_SIGNED) {
        k = check_signed(a, member(&v->params, "apiKey"), &v->params, a->payload ? a->payload : "", size,
                         now_us, wall_us, &v->refusal);
        if (!k) return;
    }
    if (k && !permitted(k, endpoint, &v->refusal)) return;
    v->may_trade = k && k->trades;
    decode_decode(&v->params, endpoint, a->symbols, a->symbol_count, &v->wire, &v->refusal);
}

bool auth_logon(struct auth *a, struct json_object *params, struct client_request *v, int64_t now_us,
                int64_t wall_us) {
    request_begin(v, EP_TIME, true);
    size_t size = 0;
    if (!params) return refuse_with(&v->refusal, 400, -1102, "apiKey");
    if (!read_members(a, params, &v->params, &size, &v->refusal)) return false;
    const struct access *k = check_signed(a, member(&v->params, "apiKey"), &v->params, a->payload, size,
                                          now_us, wall_us, &v->refusal);
    if (!k) return false;
    bool good = signing_key_kind(k->key) == KEY_ED25519;
    return good ? true : refuse_with(&v->refusal, 400, -4056, NULL);
}

// ws_api.c: one JSON object a message in, one out.
#include "server/ws_api.h"

#include "base/alloc.h"
#include "venue/binance/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *method;
    int32_t endpoint;
} methods[] = {
    { "order.place", EP_ORDER_NEW },
    { "order.modify", EP_ORDER_MODIFY },
    { "order.cancel", EP_ORDER_CANCEL },
    { "order.status", EP_ORDER_GET },
    { "algoOrder.place", EP_ALGO_NEW },
    { "algoOrder.cancel", EP_ALGO_CANCEL },
    { "account.position", EP_POSITION_RISK_V2 },
    { "v2/account.position", EP_POSITION_RISK },
    { "account.balance", EP_BALANCE_V2 },
    { "v2/account.balance", EP_BALANCE },
    { "account.status", EP_ACCOUNT_V2 },
    { "v2/account.status", EP_ACCOUNT },
    { "depth", EP_DEPTH },
    { "ticker.price", EP_TICKER_PRICE },
    { "ticker.book", EP_BOOK_TICKER },
    { "userDataStream.start", EP_LISTEN_KEY_NEW },
    { "userDataStream.ping", EP_LISTEN_KEY_KEEP },
    { "userDataStream.stop", EP_LISTEN_KEY_CLOSE },
    { "ping", EP_PING },
    { "time", EP_TIME },
    { "exchangeInfo", EP_EXCHANGE_INFO },
};

void ws_session_open(struct ws_session *s, const char *query, int64_t now_us) {
    memset(s, 0, sizeof *s);
    s->connected_us = now_us;
    s->rate_limits = strstr(query, "returnRateLimits=false") == NULL;
}

static char *text_of(struct json_object *o) {
    return alloc_text(
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static const char *id_text(const struct ws_request *q) {
    return q->id ? json_object_to_json_string_ext(q->id,
                                                  JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
                 : "null";
}

char *ws_api_reply(struct handlers *d, const struct ws_request *q, const struct answer *a, int64_t now_us) {
    char limits[640] = "";
    if (q->rate_limits) {
        int length = snprintf(limits, sizeof limits, ",\"rateLimits\":");
        handlers_rate_limits(d, q->orders, limits + length, sizeof limits - (size_t)length, now_us);
    }
    const char *id = id_text(q);
    size_t size = strlen(id) + a->size + sizeof limits + 64;
    char *text = alloc_bytes(size);
    snprintf(text, size, "{\"id\":%s,\"status\":%d,\"%s\":%.*s%s}", id, a->status,
             a->status == 200 ? "result" : "error", (int)a->size, a->body, limits);
    return text;
}

static struct json_object *stamp(int64_t us) { return us ? json_object_new_int64(us / 1000) : NULL; }

static void answer_session(const struct ws_session *s, struct ws_request *q, int64_t now_us) {
    struct json_object *o = json_object_new_object(), *result = json_object_new_object();
    json_object_object_add(result, "apiKey", s->key[0] ? json_object_new_string(s->key) : NULL);
    json_object_object_add(result, "authorizedSince", stamp(s->authorized_us));
    json_object_object_add(result, "connectedSince", stamp(s->connected_us));
    json_object_object_add(result, "returnRateLimits", json_object_new_boolean(s->rate_limits));
    json_object_object_add(result, "serverTime", stamp(now_us));
    json_object_object_add(o, "id", json_object_get(q->id));
    json_object_object_add(o, "status", json_object_new_int(200));
    json_object_object_add(o, "result", result);
    q->text = text_of(o);
    q->answered = true;
    json_object_put(o);
}

static bool session_call(struct handlers *d, struct ws_session *s, const char *method,
                         struct json_object *params, struct ws_request *q, struct client_request *v,
                         int64_t now_us, int64_t wall_us) {
    if (strcmp(method, "session.logon") == 0) {
        if (!auth_logon(handlers_auth(d), params, v, now_us, wall_us))
            return true;   // the refusal is the request's
        snprintf(s->key, sizeof s->key, "%s", decode_find(&v->params, "apiKey"));
        s->authorized_us = now_us;
    } else if (strcmp(method, "session.logout") == 0) {
        s->key[0] = 0;
        s->authorized_us = 0;
    } else if (strcmp(method, "session.status") != 0) {
        return false;
    }
    answer_session(s, q, now_us);
    return true;
}

static int32_t endpoint_of(const char *method) {
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(methods[i].method, method) == 0) return methods[i].endpoint;
    }
    return -1;
}

bool ws_api_read(struct handlers *d, struct ws_session *s, const char *text, size_t size,
                 struct ws_request *q, struct client_request *v, int64_t now_us, int64_t wall_us) {
    memset(q, 0, sizeof *q);
    q->root = decode_json(text, size);
    if (!json_object_is_type(q->root, json_type_object)) return false;
    struct json_object *method = NULL, *params = NULL, *wanted = NULL;
    json_object_object_get_ex(q->root, "id", &q->id);
    json_object_object_get_ex(q->root, "method", &method);
    if (!json_object_object_get_ex(q->root, "params", &params) ||
        !json_object_is_type(params, json_type_object))
        params = NULL;
    q->rate_limits = s->rate_limits;
    bool asked = json_object_object_get_ex(q->root, "returnRateLimits", &wanted) ||
                 (params && json_object_object_get_ex(params, "returnRateLimits", &wanted));
    if (asked) q->rate_limits = json_object_get_boolean(wanted);
    v->refusal.code = 0;
    v->endpoint = -1;
    if (!json_object_is_type(method, json_type_string)) {
        refuse_with(&v->refusal, 400, -1102, "method");
        return true;
    }
    const char *name = json_object_get_string(method);
    if (session_call(d, s, name, params, q, v, now_us, wall_us)) return true;
    int32_t endpoint = endpoint_of(name);
    if (endpoint < 0) {
        snprintf(v->refusal.text, sizeof v->refusal.text, "Unknown method %.60s.", name);
        v->refusal.status = 400;
        v->refusal.code = -1000;
        return true;
    }
    q->orders = endpoint_info(endpoint)->request_class == REQUEST_CLASS_ORDER;
    auth_open_ws(handlers_auth(d), endpoint, params, s->key, v, now_us, wall_us);
    return true;
}

void ws_request_free(struct ws_request *q) {
    json_object_put(q->root);
    free(q->text);
    memset(q, 0, sizeof *q);
}

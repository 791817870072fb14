// ws_orders.c: orders by the exchange's WebSocket API (wire contract, section 9), over one kept
// connection.
//
//              due: none is ready, or it is old
//     NONE ------------------------------------> OPENING --opened--> LOGGING_ON --accepted--> READY
//      ^                                            |                    |  (no log-on: at once) |
//      |   closed: calls under way are of unknown   |                    |                       | a younger one
//      |   outcome; again later, by reconnect.h     |                    |                       | is ready
//      +--------------------------------------------+--------------------+-----------------------+
//      +--nothing under way, or closed-- DRAINING (answers what it was asked, takes nothing new) <--+
//
// Same     a request is signed when it leaves, its reply is handled as one of REST, its client id is what
//          finds it again. One whose connection breaks or that is not answered in time may have arrived:
//          unknown, and looked up as any other.
// REST     takes over while no connection is ready: nothing has been sent then, so nothing can be sent twice.
// Session  an Ed25519 key logs on once and signs no more; other keys sign each request.
#include "world/live/ws_orders.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "execution/reconnect.h"
#include "net/http_client.h"
#include "net/signature.h"
#include "venue/binance/encode.h"
#include "world/live/log_lines.h"
#include "world/live/wire.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS_MAX = 64, TEXT_MAX = 8192, LOGON_ID = 1 };
#define RETRY_US INT64_C(30000000)
#define CONNECT_MS 10000

// Connections of the WebSocket API: the one in use, the one that replaces it, one that still answers.
enum { WS_CHANNELS = 3 };
enum channel_state { CHANNEL_NONE, CHANNEL_OPENING, CHANNEL_LOGGING_ON, CHANNEL_READY, CHANNEL_DRAINING };
struct ws_channel {
    struct ws_client *socket;
    uint8_t state;
    bool logged_on;
    int64_t renew_us;
};
struct ws_flight {
    int64_t id;
    struct api_call *op;
    struct ws_client *socket;
    int64_t deadline_us;
};
struct ws_orders {
    struct ws_channel channels[WS_CHANNELS];
    struct ws_flight *flying;
    int32_t flying_count, flying_size;
    int64_t last_id, retry_us;
    struct reconnect reopen;
    bool failed;        // since a connection was last of use
    struct json json;   // of the answer being read
};

struct pair {
    const char *name;
    char *value;
};

static const struct {
    int32_t endpoint;
    const char *method;
} methods[] = {
    { EP_ORDER_NEW, "order.place" },        { EP_ORDER_MODIFY, "order.modify" },
    { EP_ORDER_CANCEL, "order.cancel" },    { EP_ALGO_NEW, "algoOrder.place" },
    { EP_ALGO_CANCEL, "algoOrder.cancel" },
};

static const char *method_of(int32_t endpoint) {
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (methods[i].endpoint == endpoint) return methods[i].method;
    }
    return NULL;
}

// ---- requests ----

static int digit(char c) { return c >= 'a' ? c - 'a' + 10 : c >= 'A' ? c - 'A' + 10 : c - '0'; }

static void unescape(char *text) {
    char *to = text;
    for (const char *c = text; *c; c++) {
        if (*c == '%' && c[1] && c[2]) {
            *to++ = (char)(digit(c[1]) * 16 + digit(c[2]));
            c += 2;
        } else {
            *to++ = *c;
        }
    }
    *to = 0;
}

// "a=1&b=2" in place.
static int32_t split(char *text, struct pair *pairs) {
    int32_t count = 0;
    while (text && *text) {
        char *next = strchr(text, '&'), *value = strchr(text, '=');
        if (next) *next++ = 0;
        ASSERT(value != NULL && count < PAIRS_MAX - 4);
        *value++ = 0;
        unescape(value);
        pairs[count++] = (struct pair){ text, value };
        text = next;
    }
    return count;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static bool is_whole(const char *name) {
    static const char *const names[] = { "orderId", "algoId", "timestamp", "recvWindow", "goodTillDate" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) return true;
    }
    return false;
}

// What is signed: sorted by name, values as they are.
static void sign_pairs(struct live *l, struct pair *pairs, int32_t count,
                       char signature[SIGNATURE_TEXT_MAX]) {
    static char text[TEXT_MAX];
    size_t at = 0;
    qsort(pairs, (size_t)count, sizeof *pairs, by_name);
    for (int32_t i = 0; i < count; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s=%s", i ? "&" : "", pairs[i].name,
                               pairs[i].value);
        ASSERT(at < sizeof text);
    }
    signature_make(live_wire_key(l), text, at, signature);
}

static void send_call(struct live *l, struct ws_client *w, int64_t id, const char *method,
                      const struct pair *pairs, int32_t count, const char *signature) {
    struct json_object *o = json_object_new_object(), *params = json_object_new_object();
    for (int32_t i = 0; i < count; i++) {
        bool whole = is_whole(pairs[i].name);
        json_object_object_add(params, pairs[i].name,
                               whole ? json_object_new_int64(strtoll(pairs[i].value, NULL, 10))
                                     : json_object_new_string(pairs[i].value));
    }
    if (signature) json_object_object_add(params, "signature", json_object_new_string(signature));
    json_object_object_add(o, "id", json_object_new_int64(id));
    json_object_object_add(o, "method", json_object_new_string(method));
    json_object_object_add(o, "params", params);
    const char *text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    l->network.ws_send(w, text, strlen(text));
    json_object_put(o);
}

static char *api_key(const struct live *l) { return strchr(live_wire_key_header(l), ' ') + 1; }

static struct ws_channel *ready_channel(struct live *l) {
    for (int i = 0; i < WS_CHANNELS; i++) {
        if (l->ws_orders->channels[i].state == CHANNEL_READY) return &l->ws_orders->channels[i];
    }
    return NULL;
}

bool live_ws_orders_send(struct live *l, struct api_call *op, int64_t stamp_us) {
    struct ws_orders *o = l->ws_orders;
    const char *method = l->o.orders_by_websocket && live_wire_key(l) ? method_of(op->call.endpoint) : NULL;
    struct ws_channel *c = method ? ready_channel(l) : NULL;
    if (!c || !l->network.ws_is_open(c->socket)) return false;
    static char text[TEXT_MAX];
    char window[24], stamp[24], signature[SIGNATURE_TEXT_MAX];
    struct pair pairs[PAIRS_MAX];
    size_t size = call_encode(&op->call, l->symbols, text, sizeof text);
    ASSERT(size < sizeof text);
    int32_t count = split(text, pairs);
    snprintf(window, sizeof window, "%lld", (long long)(l->o.recv_window_us / 1000));
    snprintf(stamp, sizeof stamp, "%lld", (long long)(stamp_us / 1000));
    pairs[count++] = (struct pair){ "recvWindow", window };
    pairs[count++] = (struct pair){ "timestamp", stamp };
    if (!c->logged_on) pairs[count++] = (struct pair){ "apiKey", api_key(l) };
    if (!c->logged_on) sign_pairs(l, pairs, count, signature);
    if (o->flying_count == o->flying_size) {
        o->flying_size = o->flying_size ? o->flying_size * 2 : 32;
        o->flying = realloc(o->flying, sizeof *o->flying * (size_t)o->flying_size);
        ASSERT(o->flying != NULL);
    }
    o->flying[o->flying_count++] =
        (struct ws_flight){ ++o->last_id + LOGON_ID, op, c->socket, live_now(l) + l->o.http_timeout_us };
    l->figures.sent_by_websocket++;
    send_call(l, c->socket, o->last_id + LOGON_ID, method, pairs, count, c->logged_on ? NULL : signature);
    return true;
}

// ---- answers ----

static struct api_call *land(struct ws_orders *o, int32_t i) {
    struct api_call *op = o->flying[i].op;
    o->flying[i] = o->flying[--o->flying_count];
    return op;
}

void live_ws_orders_cancel(struct live *l, const struct api_call *op) {
    struct ws_orders *o = l->ws_orders;
    for (int32_t i = o->flying_count - 1; i >= 0; i--) {
        if (o->flying[i].op == op) land(o, i);
    }
}

static void lose(struct live *l, int32_t i, const char *problem) {
    struct http_answer a = { .fate = HTTP_LOST,
                             .problem = problem,
                             .used_weight_1m = -1,
                             .order_count_10s = -1,
                             .order_count_1m = -1 };
    live_wire_done(l, land(l->ws_orders, i), &a);
}

static int64_t whole(const struct json *j, int32_t object, const char *name) {
    return json_integer(j, json_get(j, object, name, NULL), 0);
}

static void read_limits(const struct json *j, struct http_answer *a) {
    int32_t list = json_get(j, 0, "rateLimits", NULL);
    for (int32_t row = json_first(j, list); row != JSON_NONE; row = json_next(j, list, row)) {
        int32_t used = (int32_t)whole(j, row, "count"), kind = json_get(j, row, "rateLimitType", NULL);
        bool orders = json_is(j, kind, "ORDERS"),
             minute = json_is(j, json_get(j, row, "interval", NULL), "MINUTE");
        if (json_is(j, kind, "REQUEST_WEIGHT") && minute) a->used_weight_1m = used;
        if (orders && minute) a->order_count_1m = used;
        if (orders && !minute && whole(j, row, "intervalNum") == 10) a->order_count_10s = used;
    }
}

// When the exchange names a time from which it listens again, that is milliseconds since the epoch.
static int32_t retry_after_s(struct live *l, const struct json *j, int32_t error) {
    int64_t until_us = whole(j, json_get(j, error, "data", NULL), "retryAfter") * 1000,
            now_us = live_exchange_now(l);
    return until_us > now_us ? (int32_t)((until_us - now_us) / 1000000 + 1) : 0;
}

static void ready(struct live *l, struct ws_channel *c, bool good) {
    c->logged_on = good;   // refused: each request is signed, as with other keys
    c->state = CHANNEL_READY;
    if (l->ws_orders->failed) live_log_info(l, "WebSocket API: connected again");
    l->ws_orders->failed = false;
    reconnect_opened(&l->ws_orders->reopen, live_now(l));
}

static struct ws_channel *channel_of(struct live *l, const struct ws_client *w) {
    struct ws_channel *c = l->ws_orders->channels;
    while (c->socket != w) c++;
    return c;
}

static void on_closed(void *ctx, struct ws_client *w, const char *why);

static void on_message(void *ctx, struct ws_client *w, const char *text, size_t size) {
    struct live *l = ctx;
    struct ws_orders *o = l->ws_orders;
    live_now(l);
    live_wake(l);
    struct json *j = &o->json;
    if (json_parse(j, text, size) !=
        ERR_OK) {   // whose answer this was is not known: all that wait are looked up
        live_log_malformed(l, "WebSocket API", text, size);
        on_closed(l, w, "a message that is not JSON");
        return;
    }
    int64_t id = whole(j, 0, "id"), status = whole(j, 0, "status");
    bool known = status >= 100 && status <= 599;
    struct http_answer a = { .fate = HTTP_ANSWERED,
                             .status = known ? (int32_t)status : 0,
                             .used_weight_1m = -1,
                             .order_count_10s = -1,
                             .order_count_1m = -1 };
    int32_t body = json_get(j, 0, a.status == 200 ? "result" : "error", NULL), i = 0;
    struct ws_channel *c = channel_of(l, w);
    if (id == LOGON_ID && c->state == CHANNEL_LOGGING_ON) ready(l, c, a.status == 200);
    while (i < o->flying_count && (o->flying[i].id != id || o->flying[i].socket != w)) i++;
    if (i == o->flying_count) return;
    if (!known || body == JSON_NONE) {   // it says that something came of it, not what
        lose(l, i, "the WebSocket API's answer has no status or no result");
        return;
    }
    read_limits(j, &a);
    if (a.status != 200) a.retry_after_s = retry_after_s(l, j, body);
    char error[512];
    a.body = json_bytes(j, body, &a.size);
    if (a.status != 200) {   // read as a text that ends
        snprintf(error, sizeof error, "%.*s", (int)a.size, a.body);
        a.body = error;
    }
    live_wire_done(l, land(o, i), &a);
}

// ---- the connection ----

static void on_opened(void *ctx, struct ws_client *w) {
    struct live *l = ctx;
    struct ws_channel *c = channel_of(l, w);
    live_wake(l);
    c->renew_us = live_now(l) + l->o.stream_age_us;
    if (signing_key_kind(live_wire_key(l)) != KEY_ED25519) {
        ready(l, c, false);
        return;
    }
    char stamp[24], signature[SIGNATURE_TEXT_MAX];
    snprintf(stamp, sizeof stamp, "%lld", (long long)(live_exchange_now(l) / 1000));
    struct pair pairs[] = { { "apiKey", api_key(l) }, { "timestamp", stamp } };
    sign_pairs(l, pairs, 2, signature);
    c->state = CHANNEL_LOGGING_ON;
    send_call(l, w, LOGON_ID, "session.logon", pairs, 2, signature);
}

static void retry_later(struct live *l, const char *why) {
    struct ws_orders *o = l->ws_orders;
    int64_t now = live_now(l), wait_us = reconnect_closed(&o->reopen, now);
    o->failed = true;
    o->retry_us = now + wait_us;
    live_log_warn(l, "WebSocket API: %s; again in %.1f s%s", why, (double)wait_us / 1e6,
                  ready_channel(l) ? "" : ", orders go by REST until then");
}

static void on_closed(void *ctx, struct ws_client *w, const char *why) {
    struct live *l = ctx;
    struct ws_orders *o = l->ws_orders;
    live_wake(l);
    bool draining = channel_of(l, w)->state == CHANNEL_DRAINING;
    *channel_of(l, w) = (struct ws_channel){ 0 };
    l->network.ws_close(w);
    if (!draining) retry_later(l, why);
    for (int32_t i = o->flying_count - 1; i >= 0; i--) {
        if (i < o->flying_count && o->flying[i].socket == w)
            lose(l, i, "the connection of the WebSocket API broke");
    }
}

static void open_channel(struct live *l, int64_t now_us) {
    struct ws_orders *o = l->ws_orders;
    struct ws_channel *c = o->channels;
    while (c < o->channels + WS_CHANNELS && c->state != CHANNEL_NONE) c++;
    o->retry_us = now_us + RETRY_US;
    if (c == o->channels + WS_CHANNELS) return;   // the old ones are still answering
    struct ws_options options = { .url = l->o.ws_api_url,
                                  .proxy = l->o.proxy,
                                  .ca_file = l->o.ca_file,
                                  .connect_timeout_ms = CONNECT_MS,
                                  .silence_ms = l->o.stream_silence_us / 1000 };
    struct ws_hooks hooks = { l, on_opened, on_message, on_closed };
    struct errmsg e;
    if (l->network.ws_open(l->network.ctx, &options, &hooks, &c->socket, &e) == ERR_OK)
        c->state = CHANNEL_OPENING;
    else
        retry_later(l, e.text);
}

static bool answering(const struct ws_orders *o, const struct ws_channel *c) {
    for (int32_t i = 0; i < o->flying_count; i++) {
        if (o->flying[i].socket == c->socket) return true;
    }
    return false;
}

void live_ws_orders_pump(struct live *l, int64_t now_us) {
    struct ws_orders *o = l->ws_orders;
    if (!l->o.orders_by_websocket || !live_wire_key(l) || l->ended || !l->started) return;
    for (int32_t i = o->flying_count - 1; i >= 0; i--) {
        if (i < o->flying_count && now_us >= o->flying[i].deadline_us)
            lose(l, i, "no answer of the WebSocket API in time");
    }
    struct ws_channel *used = NULL;
    bool coming = false, due = false;
    for (int k = 0; k < WS_CHANNELS; k++) {
        struct ws_channel *c = &o->channels[k];
        coming = coming || c->state == CHANNEL_OPENING || c->state == CHANNEL_LOGGING_ON;
        if (c->state == CHANNEL_READY) {
            // Of two that are ready the younger takes over; the older one answers what it was asked.
            if (used) (used->renew_us < c->renew_us ? used : c)->state = CHANNEL_DRAINING;
            if (!used || used->state == CHANNEL_DRAINING) used = c;
        }
        if (c->state == CHANNEL_DRAINING && !answering(o, c)) {
            l->network.ws_close(c->socket);
            *c = (struct ws_channel){ 0 };
        }
    }
    due = !used ? now_us >= o->retry_us : now_us >= used->renew_us && now_us >= o->retry_us;
    if (due && !coming) open_channel(l, now_us);
}

int64_t live_ws_orders_next_us(const struct live *l) {
    const struct ws_orders *o = l->ws_orders;
    if (!l->o.orders_by_websocket || !live_wire_key(l) || l->ended || !l->started) return INT64_MAX;
    int64_t due = INT64_MAX;
    for (int32_t i = 0; i < o->flying_count; i++) {
        if (o->flying[i].deadline_us < due) due = o->flying[i].deadline_us;
    }
    bool coming = false;
    int64_t open_us = o->retry_us;
    for (int k = 0; k < WS_CHANNELS; k++) {
        const struct ws_channel *c = &o->channels[k];
        coming = coming || c->state == CHANNEL_OPENING || c->state == CHANNEL_LOGGING_ON;
        if (c->state == CHANNEL_READY && c->renew_us > open_us) open_us = c->renew_us;
    }
    return !coming && open_us < due ? open_us : due;
}

bool live_ws_orders_running(const struct live *l) {
    if (!l->o.orders_by_websocket || !live_wire_key(l) || l->ws_orders->failed)
        return true;   // one that failed: REST serves
    for (int k = 0; k < WS_CHANNELS; k++) {
        if (l->ws_orders->channels[k].state == CHANNEL_READY) return true;
    }
    return false;
}

int live_ws_orders_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->ws_orders = alloc_zeroed(1, sizeof *l->ws_orders);
    return ERR_OK;
}

void live_ws_orders_stop(struct live *l) {
    for (int k = 0; k < WS_CHANNELS; k++) {
        struct ws_channel *c = &l->ws_orders->channels[k];
        if (c->socket) l->network.ws_close(c->socket);
        *c = (struct ws_channel){ 0 };
    }
    l->ws_orders->flying_count = 0;
}

void live_ws_orders_close(struct live *l) {
    if (!l->ws_orders) return;
    free(l->ws_orders->flying);
    json_free(&l->ws_orders->json);
    free(l->ws_orders);
}

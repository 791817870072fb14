// exchange_server.c: the local exchange without its sockets: what is served, in which order, at which time.
#include "base/alloc.h"
#include "base/units.h"
#include "server/exchange_server_private.h"
#include "server/request_origin.h"

#include "sim/snapshot.h"

#include "base/rng.h"
#include "venue/binance/header_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Twelve digits, as on the exchange's larger symbols.
#define ORDER_ID_LEAST INT64_C(100000000000)
#define ORDER_ID_SPAN UINT64_C(800000000000)

enum { HANDSHAKE_WEIGHT = 5, SESSION_WEIGHT = 2, SLOW_CLOCK = 4 };

// What a WebSocket connection is for.
struct connection {
    struct subscriber
        *sub;   // its streams; of the WebSocket API none, only the pings and the life of a connection
    struct ws_session *api;   // of the WebSocket API
};

// ---- hooks of the simulated exchange ----

static void on_reply(void *ctx, uint64_t token, const struct reply *r, int64_t now_us) {
    (void)token;
    (void)now_us;
    handlers_reply(((struct exchange_server *)ctx)->handlers, r);
}

static void on_event(void *ctx, int32_t kind, const void *record, int64_t now_us) {
    struct exchange_server *l = ctx;
    if (l->streams) stream_hub_user_event(l->streams, kind, record, now_us);
}

static void on_trade(void *ctx, const struct trade_record *t, int64_t now_us) {
    struct exchange_server *l = ctx;
    if (l->streams) stream_hub_trade(l->streams, t, now_us);
}

// ---- audit ----

static bool concerns_orders(int32_t endpoint) {
    const struct endpoint_info *info = endpoint_info(endpoint);
    return info->request_class == REQUEST_CLASS_ORDER && info->mutating;
}

static void audit_one(struct exchange_server *l, const struct call *c, int32_t code, int64_t order_id,
                      const struct fault_rule *fault, bool executed, bool answered) {
    struct audit_entry e = { .time_us = l->now_us,
                             .order_id = order_id,
                             .quantity_e8 = c->quantity_e8,
                             .price_e8 = c->price_e8,
                             .code = code,
                             .endpoint = (uint16_t)l->request.endpoint,
                             .symbol = c->symbol,
                             .side = c->side,
                             .type = c->type,
                             .fault = fault ? fault->kind : FAULT_NONE,
                             .executed = executed && code == 0,
                             .answered = answered,
                             .channel = l->request.over_websocket };
    const struct order_record *o = order_id ? exchange_order(l->x, order_id) : NULL;
    const char *id = o ? o->client_id : c->client_id[0] ? c->client_id : c->orig_client_id;
    if (client_id_check(id) == 0)
        snprintf(e.client_id, sizeof e.client_id, "%s", id);   // else no id, and no JSON
    audit_add(l->audit, &e);
}

// Of a call that was refused before it was read, the client id at least.
static void name_refused(const struct wire_params *p, struct call *c) {
    static const char *const names[] = { "newClientOrderId", "clientAlgoId", "origClientOrderId" };
    for (size_t i = 0; i < sizeof names / sizeof *names && !c->client_id[0]; i++) {
        const char *id = decode_find(p, names[i]);
        if (id) snprintf(c->client_id, sizeof c->client_id, "%s", id);
    }
}

static void audit_request(struct exchange_server *l, const struct answer *a, const struct fault_rule *fault,
                          bool executed, bool answered) {
    struct exchange_windows w = exchange_windows(l->x, l->now_us);
    audit_windows(l->audit, &w, a && (a->status == 429 || a->status == 418), l->now_us);
    if (!concerns_orders(l->request.endpoint)) return;
    const struct wire_call *wire = &l->request.wire;
    bool batch = l->request.refusal.code == 0 && wire->call.batch && wire->call.batch_count <= CALL_BATCH_MAX;
    if (!batch) {
        struct call refused = { .symbol = SYMBOL_NONE };
        if (l->request.refusal.code != 0) name_refused(&l->request.params, &refused);
        audit_one(l, l->request.refusal.code == 0 ? &wire->call : &refused, a ? a->code : 0,
                  a ? a->order_id : 0, fault, executed, answered);
        return;
    }
    for (int32_t i = 0; i < wire->call.batch_count; i++) {
        bool known = a && a->code == 0 && i < a->batch_count;
        audit_one(l, &wire->batch[i],
                  known ? a->batch_code[i]
                  : a   ? a->code
                        : 0,
                  known ? a->batch_order_id[i] : 0, fault, executed, answered);
    }
}

// ---- serving ----

static bool never_arrives(const struct fault_rule *fault) {
    return fault && (fault->kind == FAULT_NO_CONNECTION || fault->kind == FAULT_LOSE_REQUEST);
}

static bool answer_reaches(const struct fault_rule *fault) {
    return !fault || fault->kind == FAULT_DELAY || fault->kind == FAULT_LATE ||
           fault->kind == FAULT_SLOW_BODY || fault->kind == FAULT_ERROR;
}

// Serves the request under its fault; *a is what the client is to be told, if it is still there (`waits`).
static void serve(struct exchange_server *l, const struct fault_rule *fault, bool waits, struct answer *a) {
    struct answer truth;
    bool arrives = !never_arrives(fault) && !(fault && fault->kind == FAULT_ERROR);
    if (arrives) handlers_serve(l->handlers, &l->request, &truth, l->now_us);
    if (l->request.endpoint >= 0)
        audit_request(l, arrives ? &truth : NULL, fault, arrives, waits && answer_reaches(fault));
    if (fault && (fault->kind == FAULT_ERROR || fault->kind == FAULT_ERROR_AFTER))
        exchange_server_error_answer(l, fault, a);
    else if (arrives)
        *a = truth;
}

// Each request has one fault: one that was late has had its.
static const struct fault_rule *fault_of(struct exchange_server *l, bool arrived) {
    static const struct fault_rule was_late = { .kind = FAULT_LATE };
    if (arrived) return &was_late;
    if (l->o.faults.count == 0 || l->request.endpoint < 0) return NULL;
    return faults_judge(&l->o.faults, l->request.endpoint, endpoint_info(l->request.endpoint)->request_class,
                        l->now_us);
}

// ---- connections ----

// The exchange's clock, with the skew of fault rules on it: everything that is stamped, limited or judged by
// time follows it. Ahead it jumps. Back it cannot go, because markets do not run backwards: it goes slowly
// until it is as far back as it should be.
static void set_clock(struct exchange_server *l, int64_t true_us, int64_t wall_us) {
    int64_t skew_us = l->o.faults.count ? faults_skew_us(&l->o.faults, true_us) : 0;
    int64_t passed_us = true_us > l->true_us ? true_us - l->true_us : 0, wanted_us = true_us + skew_us;
    l->now_us = wanted_us >= l->now_us ? wanted_us : l->now_us + passed_us / SLOW_CLOCK;
    l->true_us = true_us;
    l->wall_us = wall_us == 0 ? 0 : wall_us + l->now_us - true_us;
    l->o.faults.ahead_us = l->now_us - true_us;
    exchange_server_market_advance(l, l->now_us);
}

static void to_now(struct exchange_server *l) {
    int64_t true_us, wall_us;
    l->clock.read(l->clock.ctx, &true_us, &wall_us);
    set_clock(l, true_us, wall_us);
}

static int64_t time_now(void *ctx) { return ((struct exchange_server *)ctx)->now_us; }

static bool kept_back(const struct fault_rule *fault, bool arrived) {
    return fault && fault->kind == FAULT_LATE && !arrived;
}

void exchange_server_take_http(struct exchange_server *l, struct conn *c, const struct http_request *r,
                               bool arrived) {
    auth_open(handlers_auth(l->handlers), r, &l->request, l->now_us, l->wall_us);
    const struct fault_rule *fault = fault_of(l, arrived);
    if (kept_back(fault, arrived)) {
        exchange_server_keep_http(l, c, fault, r);
        return;
    }
    struct answer a = { .head = "", .body = "" };
    serve(l, fault, c != NULL, &a);
    if (c) exchange_server_answer_http(l, c, fault, &a);
}

static void refuse_request(struct conn *c, int status, const char *why) {
    char body[256];
    int size = snprintf(body, sizeof body, "{\"code\":-1002,\"msg\":\"%s\"}", why);
    conn_answer(c, status, "", body, (size_t)size);
}

static void on_request(void *ctx, struct conn *c, const struct http_request *r) {
    struct exchange_server *l = ctx;
    to_now(l);
    l->requests++;
    const char *problem = request_origin_problem(r, l->o.host_names, l->o.host_count);
    bool page = strncmp(r->path, "/moontide/", 10) == 0;
    if (problem)
        refuse_request(c, 403, problem);
    else if (page && !request_origin_token(r, l->o.admin_token))
        refuse_request(c, 401,
                       "Send the header 'X-Moontide-Token: TOKEN' with the token that the exchange printed "
                       "at its start; "
                       "start it with MOONTIDE_EXCHANGE_TOKEN=TOKEN in its environment to choose it.");
    else if (page)
        exchange_server_page(l, c, r);
    else
        exchange_server_take_http(l, c, r, false);
}

static int on_upgrade(void *ctx, struct conn *c, const struct http_request *r) {
    struct exchange_server *l = ctx;
    to_now(l);
    if (request_origin_problem(r, l->o.host_names, l->o.host_count)) return 403;
    bool api = strcmp(r->path, "/ws-fapi/v1") == 0;
    int status = api ? 0 : stream_hub_address(r->path, r->query);
    if (status != 0) return status;
    struct connection *client = alloc_zeroed(1, sizeof *client);
    conn_set_data(c, client);
    if (api) {
        client->api = alloc_bytes(sizeof *client->api);
        ws_session_open(client->api, r->query, l->now_us);
        exchange_charge(l->x, HANDSHAKE_WEIGHT, l->now_us);
    }
    client->sub = api ? stream_hub_open(l->streams, c, "/ws", "", l->now_us)
                      : stream_hub_open(l->streams, c, r->path, r->query, l->now_us);
    return 0;
}

static void on_opened(void *ctx, struct conn *c) {
    (void)ctx;
    (void)c;
}

void exchange_server_take_ws(struct exchange_server *l, struct conn *c, struct ws_session *session,
                             const char *text, size_t size, bool arrived) {
    struct ws_request q;
    if (!ws_api_read(l->handlers, session, text, size, &q, &l->request, l->now_us, l->wall_us)) {
        static const char sorry[] =
            "{\"id\":null,\"status\":400,\"error\":{\"code\":-1000,\"msg\":\"Invalid JSON.\"}}";
        conn_send(c, sorry, sizeof sorry - 1);
        conn_close_websocket(c, 1008, "Invalid JSON");
    } else if (q.answered) {   // session.*
        exchange_charge(l->x, SESSION_WEIGHT, l->now_us);
        conn_send(c, q.text, strlen(q.text));
    } else {
        const struct fault_rule *fault = fault_of(l, arrived);
        if (kept_back(fault, arrived)) {
            exchange_server_keep_ws(l, c, fault, session, text, size);
        } else {
            struct answer a = { .head = "", .body = "{}", .size = 2, .status = 200 };
            serve(l, fault, c != NULL, &a);
            char *reply = ws_api_reply(l->handlers, &q, &a, l->now_us);
            if (c) exchange_server_answer_ws(l, c, fault, reply);
            free(reply);
        }
    }
    ws_request_free(&q);
}

static void on_message(void *ctx, struct conn *c, const char *text, size_t size) {
    struct exchange_server *l = ctx;
    struct connection *client = conn_data(c);
    to_now(l);
    l->requests++;
    if (client->api)
        exchange_server_take_ws(l, c, client->api, text, size, false);
    else
        stream_hub_message(l->streams, client->sub, text, size, l->now_us);
}

static void on_frame(void *ctx, struct conn *c) {
    struct exchange_server *l = ctx;
    struct connection *client = conn_data(c);
    if (!client->api)
        stream_hub_frame(l->streams, client->sub, l->now_us);   // requests are counted by weight
}

static void on_pong(void *ctx, struct conn *c, const char *payload, size_t size) {
    struct exchange_server *l = ctx;
    struct connection *client = conn_data(c);
    stream_hub_pong(l->streams, client->sub, payload, size, l->now_us);
}

void exchange_server_closed(struct exchange_server *l, struct conn *c) {
    struct connection *client = conn_data(c);
    if (client) stream_hub_close(l->streams, client->sub);
    if (client) free(client->api);
    free(client);
    exchange_server_lates_drop(l, c);
}

// Bodies of answers to what is no request of the exchange.
static const char *refusal_body(enum conn_refusal why) {
    switch (why) {
    case CONN_HEAD_TOO_LONG:
        return "{\"code\":-1101,\"msg\":\"Too many parameters; the head of the request is too long.\"}";
    case CONN_BODY_TOO_LONG:
        return "{\"code\":-1101,\"msg\":\"Too many parameters; the body of the request is too long.\"}";
    case CONN_NO_HANDSHAKE:
        return "{\"code\":-1100,\"msg\":\"Not a WebSocket handshake: Sec-WebSocket-Key is missing or "
               "malformed.\"}";
    case CONN_NO_STREAM: return "{\"code\":-1000,\"msg\":\"No stream is served at this address.\"}";
    case CONN_NOT_HTTP: break;
    }
    return "{\"code\":-1100,\"msg\":\"Not an HTTP request.\"}";
}

void exchange_server_serve(struct exchange_server *l, const struct exchange_server_clock *clock,
                           struct conn_hooks *hooks) {
    l->clock = *clock;
    *hooks = (struct conn_hooks){ .ctx = l,
                                  .key_header = HEADER_API_KEY,
                                  .token_header = "X-Moontide-Token",
                                  .refusal = refusal_body,
                                  .now_us = time_now,
                                  .request = on_request,
                                  .upgrade = on_upgrade,
                                  .opened = on_opened,
                                  .message = on_message,
                                  .frame = on_frame,
                                  .pong = on_pong };
}

// ---- life ----

void exchange_server_advance(struct exchange_server *l, int64_t now_us, int64_t wall_us) {
    set_clock(l, now_us, wall_us);
    stream_hub_pump(l->streams, l->now_us);
    if (l->lates) exchange_server_lates_run(l, l->true_us);
}

static int add_keys(struct exchange_server *l, struct errmsg *e) {
    for (int32_t i = 0; i < l->o.key_count; i++) {
        const struct exchange_server_key *k = &l->o.keys[i];
        struct signing_key *key;
        int err = signing_key_new((enum key_kind)k->kind, k->text, &key, e);
        if (err) return err;
        if (auth_add_key(handlers_auth(l->handlers), k->id, key, k->trades, k->withdraws)) {
            signing_key_free(key);
            return errmsg_set(e, ERR_INVALID, "an API key has %d letters and digits", API_KEY_SIZE);
        }
    }
    return ERR_OK;
}

static int build(struct exchange_server *l, struct errmsg *e) {
    const struct exchange_server_options *o = &l->o;
    int err = o->state ? snapshot_read(o->state, o->state_size, l->symbols, o->symbol_count, &l->snapshot, e)
                       : ERR_OK;
    if (err) return err;
    l->o.exchange.event_mask = UINT64_MAX;
    struct rng chance;
    rng_init(&chance, o->seed);
    l->o.exchange.order_id_first = ORDER_ID_LEAST + (int64_t)rng_below(&chance, ORDER_ID_SPAN);
    struct exchange_hooks hooks = { .ctx = l, .reply = on_reply, .event = on_event, .trade = on_trade };
    l->x = exchange_new(&l->o.exchange, l->symbols, o->symbol_count, &hooks, l->now_us);
    l->audit = audit_new();
    for (int16_t k = 0; k < o->symbol_count; k++) {
        if ((err = exchange_server_market_open(l, k, e))) return err;
    }
    struct flow_options flow = {
        .seed = o->seed, .volatility = o->volatility, .rate = o->rate, .spread_ticks = 2
    };
    l->flow = flow_new(&flow, l->x, o->symbol_count, l->now_us);
    struct limit_record limits[] = {
        { LIMIT_WEIGHT, RATE_MINUTE, 1, o->exchange.weight_1m },
        { LIMIT_ORDERS, RATE_MINUTE, 1, o->exchange.orders_1m },
        { LIMIT_ORDERS, RATE_SECOND, 10, o->exchange.orders_10s },
    };
    l->handlers = handlers_new(l->x, l->symbols, o->symbol_count, limits, 3, l->now_us);
    struct stream_hub_options streams = { .legacy_all = o->legacy_streams,
                                          .life_us = o->stream_life_us,
                                          .ping_us = o->ping_us,
                                          .messages_per_second = 10 };
    l->streams = stream_hub_new(&streams, l->x, l->symbols, o->symbol_count, &l->o.faults);
    for (int16_t k = 0; k < o->symbol_count; k++) {
        if (o->trade_path_counts) flow_still(l->flow, k);
        exchange_make_mark(l->x, k, o->seed * 1000 + (uint64_t)k);
    }
    if (l->snapshot) snapshot_restore(l->x, l->snapshot);
    snapshot_free(l->snapshot);
    l->snapshot = NULL;
    l->o.state = NULL;
    return add_keys(l, e);
}

int exchange_server_new(const struct exchange_server_options *o, int64_t now_us, struct exchange_server **out,
                        struct errmsg *e) {
    struct exchange_server *l = alloc_zeroed(1, sizeof *l);
    l->o = *o;
    // The world begins with the bar that now is in, so that this bar is a whole one: the first
    // exchange_server_advance catches up.
    int64_t longest_us = MINUTE_US;
    for (int32_t k = 0; k < o->symbol_count && !o->trade_path_counts; k++) {
        if (o->series[k].interval_us > longest_us) longest_us = o->series[k].interval_us;
    }
    l->now_us = l->true_us = now_us - now_us % longest_us;
    for (int32_t i = 0; i < l->o.faults.count; i++) {   // a file's times count from the start
        struct fault_rule *r = &l->o.faults.rules[i];
        r->from_us += now_us;
        if (r->to_us != 0) r->to_us += now_us;
    }
    l->print_room = 65536;
    l->print = alloc_bytes(l->print_room);
    l->symbols = alloc_bytes((size_t)o->symbol_count * sizeof *l->symbols);
    l->replays = alloc_zeroed((size_t)o->symbol_count, sizeof *l->replays);
    memcpy(l->symbols, o->symbols, (size_t)o->symbol_count * sizeof *l->symbols);
    int err = build(l, e);
    if (err) {
        exchange_server_free(l);
        return err;
    }
    exchange_server_advance(l, now_us, 0);
    *out = l;
    return ERR_OK;
}

void exchange_server_free(struct exchange_server *l) {
    if (!l) return;
    exchange_server_lates_drop(l, NULL);
    for (int32_t k = 0; k < l->o.symbol_count; k++) trade_file_close(l->replays[k].file);
    stream_hub_free(l->streams);
    handlers_free(l->handlers);
    flow_free(l->flow);
    exchange_free(l->x);
    audit_free(l->audit);
    snapshot_free(l->snapshot);
    free(l->symbols);
    free(l->replays);
    free(l->print);
    free(l);
}

struct exchange_server_figures exchange_server_figures(const struct exchange_server *l) {
    const struct exchange_totals *t = exchange_totals(l->x);
    return (struct exchange_server_figures){ l->requests, stream_hub_messages(l->streams), t->orders,
                                             t->fills,    audit_count(l->audit),           l->data_ended };
}

void *exchange_server_save(const struct exchange_server *l, size_t *size) {
    return snapshot_save(l->x, size);
}

#include "host/local_exchange.h"

#include "host/audit.h"
#include "host/desk.h"
#include "host/streams.h"
#include "host/ws_api.h"
#include "data/trade_file.h"
#include "sim/fault_rules.h"
#include "sim/flow.h"
#include "sim/state.h"
#include "venue/code.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Twelve digits, as on the exchange's larger symbols.
#define ORDER_ID_LEAST INT64_C(100000000000)
#define ORDER_ID_SPAN UINT64_C(800000000000)

enum { SLOW_PIECES = 20, HANDSHAKE_WEIGHT = 5 };

enum late_kind { LATE_ANSWER, LATE_MESSAGE, LATE_END, LATE_PIECE };

// Something a fault keeps back.
struct late {
    struct conn *conn;
    int64_t due_us, step_us;
    enum late_kind kind;
    int32_t status;
    char *head, *body;
    size_t size, piece;
    struct late *next;
};

// What a WebSocket connection is for.
struct client {
    struct subscriber *sub;        // streams
    struct ws_session *api;        // or the WebSocket API
};

// What is to come of a symbol: bar `next`, or the trade `row` of a file; and what their times are moved by.
struct replay {
    int64_t next, shift_us;
    struct trade_file *file;
    struct trade_row row;
    bool ended;
};

struct local_exchange {
    struct local_options o;
    struct local_clock clock;
    struct symbol *symbols;
    struct exchange *x;
    struct flow *flow;
    struct desk *desk;
    struct streams *streams;
    struct audit *audit;
    struct replay *replays;
    struct late *lates;
    int64_t now_us, wall_us, requests;
    bool data_ended;
    struct visit visit;            // of the request being served
    char *print;                   // for the exchange's own pages
    size_t print_room;
};

// ---- hooks of the simulated exchange ------------------------------------------------------------------------------

static void on_reply(void *ctx, uint64_t token, const struct reply *r, int64_t now_us) {
    (void)token;
    (void)now_us;
    desk_reply(((struct local_exchange *)ctx)->desk, r);
}

static void on_event(void *ctx, int32_t kind, const void *record, int64_t now_us) {
    struct local_exchange *l = ctx;
    if (l->streams) streams_user_event(l->streams, kind, record, now_us);
}

static void on_trade(void *ctx, const struct trade_record *t, int64_t now_us) {
    struct local_exchange *l = ctx;
    if (l->streams) streams_trade(l->streams, t, now_us);
}

// ---- the market ---------------------------------------------------------------------------------------------------

static struct kline_record bar_of(const struct series *s, int64_t i, int64_t shift_us) {
    return (struct kline_record){
        .open_us = s->open_us[i] + shift_us, .close_us = s->open_us[i] + shift_us + s->interval_us - 1000,
        .open_e8 = s->open_e8[i], .high_e8 = s->high_e8[i], .low_e8 = s->low_e8[i], .close_e8 = s->close_e8[i],
        .volume_e8 = s->volume_e8[i], .quote_volume_e8 = s->quote_volume_e8[i], .trades = s->trades[i],
        .taker_volume_e8 = s->taker_volume_e8[i], .taker_quote_volume_e8 = s->taker_quote_volume_e8[i] };
}

static void scale_bar(struct kline_record *k, int64_t to, int64_t from, int64_t tick) {
    int64_t *prices[] = { &k->open_e8, &k->high_e8, &k->low_e8, &k->close_e8 };
    for (int i = 0; i < 4; i++) *prices[i] = dec_round_to(dec_mul_div_round(*prices[i], to, from), tick);
}

// Puts the past on the tape; the replay, or the made market, begins now.
static int open_market(struct local_exchange *l, int16_t k) {
    const struct series *s = &l->o.series[k];
    int64_t from = l->o.replay_from[k];
    int64_t begins_us = from < s->count ? s->open_us[from] : s->open_us[s->count - 1] + s->interval_us;
    struct replay *r = &l->replays[k];
    *r = (struct replay){ .next = from, .shift_us = l->now_us - begins_us };
    int64_t last = from > 0 ? s->close_e8[from - 1] : s->open_e8[0];
    int64_t kept = l->o.state && from == s->count ? state_price(l->o.state, l->symbols[k].name) : 0;
    int64_t was = last;
    if (kept > 0) last = kept;   // a made market goes on at the price it had, its past moved there
    if (exchange_open_book(l->x, k, l->now_us, last)) return ERR_NO_MEMORY;
    struct tape *t = exchange_tape(l->x, k);
    for (int64_t i = 0; i < from; i++) {
        struct kline_record bar = bar_of(s, i, r->shift_us);
        if (last != was) scale_bar(&bar, last, was, l->symbols[k].tick_e8);
        tape_history(t, &bar);
    }
    return ERR_OK;
}

// ---- replayed trades ----------------------------------------------------------------------------------------------

static int open_trades(struct local_exchange *l, int16_t k, struct errmsg *e) {
    struct replay *r = &l->replays[k];
    trade_file_close(r->file);
    r->file = NULL;
    int err = trade_file_open(l->o.trade_paths[k], l->o.trade_path_counts[k], &r->file, e);
    if (err) return err;
    int got = trade_file_next(r->file, &r->row, e);
    if (got == 0) return errmsg_set(e, ERR_FORMAT, "%s: holds no trades", l->o.trade_paths[k][0]);
    return got < 0 ? got : ERR_OK;
}

// The trades of the past go on the tape alone; the replay begins with the minute of now.
static int open_traded_market(struct local_exchange *l, int16_t k, struct errmsg *e) {
    struct replay *r = &l->replays[k];
    int err = open_trades(l, k, e);
    if (err) return err;
    int64_t first_us = r->row.time_us - r->row.time_us % 60000000, begins_us = first_us + l->o.trade_history_us;
    r->shift_us = l->now_us - begins_us;
    if (exchange_open_book(l->x, k, l->now_us, dec_round_to(r->row.price_e8, l->symbols[k].tick_e8))) {
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for a market");
    }
    struct tape *t = exchange_tape(l->x, k);
    int64_t id = l->now_us / 1000 - 1000000000, last = 0;
    while (r->row.time_us < begins_us) {
        last = dec_round_to(r->row.price_e8, l->symbols[k].tick_e8);
        tape_trade(t, id++, last, r->row.qty_e8, r->row.buyer_maker, r->row.time_us + r->shift_us);
        int got = trade_file_next(r->file, &r->row, e);
        if (got < 0) return got;
        if (got == 0) return errmsg_set(e, ERR_FORMAT, "%s: all of its trades lie in the past; a smaller --history leaves some to replay",
                                        l->o.trade_paths[k][0]);
    }
    return ERR_OK;
}

static void next_trade(struct local_exchange *l, int16_t k) {
    struct replay *r = &l->replays[k];
    struct errmsg e;
    int64_t last_us = r->row.time_us;
    int got = trade_file_next(r->file, &r->row, &e);
    if (got == 1) return;
    if (got == 0 && l->o.loop && open_trades(l, k, &e) == ERR_OK) {
        r->shift_us += last_us + 1000 - r->row.time_us;
        return;
    }
    if (got < 0) fprintf(stderr, "moontide exchange: %s; the market of %s stands still\n", e.text, l->symbols[k].name);
    r->ended = l->data_ended = true;
}

// ---- what comes next ------------------------------------------------------------------------------------------------

static int64_t replay_next_us(const struct local_exchange *l, int16_t k) {
    const struct replay *r = &l->replays[k];
    if (r->file) return r->ended ? INT64_MAX : r->row.time_us + r->shift_us;
    const struct series *s = &l->o.series[k];
    return r->next < s->count ? s->open_us[r->next] + r->shift_us : INT64_MAX;
}

static void follow_bar(struct local_exchange *l, int16_t k) {
    const struct series *s = &l->o.series[k];
    struct replay *r = &l->replays[k];
    struct kline_record bar = bar_of(s, r->next, r->shift_us);
    flow_bar(l->flow, k, &bar);
    if (++r->next < s->count) return;
    if (l->o.loop) {
        r->next = l->o.replay_from[k];
        r->shift_us += s->open_us[s->count - 1] + s->interval_us - s->open_us[r->next];
    } else {
        l->data_ended = true;
    }
}

static void replay_step(struct local_exchange *l, int16_t k) {
    struct replay *r = &l->replays[k];
    if (!r->file) {
        follow_bar(l, k);
        return;
    }
    flow_print(l->flow, k, r->row.buyer_maker ? SIDE_SELL : SIDE_BUY, r->row.price_e8, r->row.qty_e8, r->row.time_us + r->shift_us);
    next_trade(l, k);
}

// Other traders until now; bars and trades handed over at their time.
static void advance_market(struct local_exchange *l, int64_t now_us) {
    for (;;) {
        int16_t first = 0;
        for (int16_t k = 1; k < l->o.symbol_count; k++) {
            if (replay_next_us(l, k) < replay_next_us(l, first)) first = k;
        }
        int64_t next_us = replay_next_us(l, first);
        if (next_us > now_us) break;
        flow_advance(l->flow, next_us - 1);
        replay_step(l, first);
    }
    flow_advance(l->flow, now_us);
    exchange_advance(l->x, now_us);
}

// ---- what faults keep back ----------------------------------------------------------------------------------------

static void late_add(struct local_exchange *l, const struct late *what) {
    struct late *n = malloc(sizeof *n);
    ASSERT(n != NULL);
    *n = *what;
    n->next = l->lates;
    l->lates = n;
}

static void late_free(struct late *n) {
    free(n->head);
    free(n->body);
    free(n);
}

// True: it is done with.
static bool late_run(struct late *n, int64_t now_us) {
    switch (n->kind) {
    case LATE_ANSWER: conn_answer(n->conn, n->status, n->head, n->body, n->size); return true;
    case LATE_MESSAGE: conn_send(n->conn, n->body, n->size); return true;
    case LATE_END: conn_end(n->conn); return true;
    default: break;
    }
    n->due_us = now_us + n->step_us;
    return conn_release(n->conn, n->piece) == 0;
}

static void lates_run(struct local_exchange *l, int64_t now_us) {
    for (struct late **at = &l->lates; *at;) {
        struct late *n = *at;
        if (n->due_us > now_us) {
            at = &n->next;
            continue;
        }
        *at = n->next;         // a freed connection's answer may bring another request, and another late one
        if (late_run(n, now_us)) {
            late_free(n);
        } else {
            n->next = l->lates;
            l->lates = n;
        }
        at = &l->lates;
    }
}

static char *copy_of(const char *text, size_t size) {
    char *copy = malloc(size + 1);
    ASSERT(copy != NULL);
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

// ---- audit --------------------------------------------------------------------------------------------------------

static bool concerns_orders(int32_t endpoint) {
    const struct endpoint_info *info = endpoint_info(endpoint);
    return info->request_class == CLASS_ORDER && info->mutating;
}

static void audit_one(struct local_exchange *l, const struct call *c, int32_t code, int64_t order_id,
                      const struct fault_rule *fate, bool executed, bool told) {
    struct audit_entry e = { .time_us = l->now_us, .order_id = order_id, .quantity_e8 = c->quantity_e8, .price_e8 = c->price_e8,
                             .code = code, .endpoint = (uint16_t)l->visit.endpoint, .symbol = c->symbol, .side = c->side,
                             .type = c->type, .fault = fate ? fate->kind : FAULT_NONE, .executed = executed && code == 0,
                             .told = told, .channel = l->visit.over_websocket };
    const struct order_record *o = order_id ? exchange_order(l->x, order_id) : NULL;
    const char *id = o ? o->client_id : c->client_id[0] ? c->client_id : c->orig_client_id;
    memcpy(e.client_id, id, CLIENT_ID_MAX);
    audit_add(l->audit, &e);
}

static void audit_visit(struct local_exchange *l, const struct answer *a, const struct fault_rule *fate, bool executed, bool told) {
    struct exchange_windows w = exchange_windows(l->x, l->now_us);
    audit_windows(l->audit, &w, a && (a->status == 429 || a->status == 418), l->now_us);
    if (!concerns_orders(l->visit.endpoint)) return;
    const struct wire_call *wire = &l->visit.wire;
    bool batch = l->visit.refusal.code == 0 && wire->call.batch && wire->call.batch_count <= CALL_BATCH_MAX;
    if (!batch) {
        struct call none = { .symbol = SYMBOL_NONE };
        const struct call *c = l->visit.refusal.code == 0 ? &wire->call : &none;
        audit_one(l, c, a ? a->code : 0, a ? a->order_id : 0, fate, executed, told);
        return;
    }
    for (int32_t i = 0; i < wire->call.batch_count; i++) {
        bool known = a && a->code == 0 && i < a->batch_count;
        audit_one(l, &wire->batch[i], known ? a->batch_code[i] : a ? a->code : 0, known ? a->batch_order_id[i] : 0, fate,
                  executed, told);
    }
}

// ---- faults -------------------------------------------------------------------------------------------------------

static const char gateway_page[] = "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<center><h1>%d %s</h1></center>\r\n"
                                   "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

// The body the exchange gives with a status when the rule says nothing else (wire contract, section 3.4).
static void error_answer(struct local_exchange *l, const struct fault_rule *fate, struct answer *a) {
    static const struct { int32_t status, code; const char *text; } usual[] = {
        { 408, -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown." },
        { 418, -1003, "Way too many requests; IP banned. Please use the websocket for live updates to avoid bans." },
        { 429, -1003, "Too many requests; current limit is 2400 requests per minute. Please use the websocket for live updates to "
                      "avoid polling the API." },
        { 500, -1000, "An unknown error occured while processing the request." },
        { 503, -1000, "Unknown error, please check your request or try again later." },
    };
    const char *text = fate->message[0] ? fate->message : fate->code ? code_text(fate->code) : "";
    int32_t code = fate->code;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !*text; i++) {
        if (usual[i].status == fate->status) text = usual[i].text, code = usual[i].code;
    }
    desk_error(l->desk, fate->status, code, text, a, l->now_us);
    bool page = !*text && (fate->status == 403 || fate->status == 502 || fate->status == 504);
    if (page) {
        static char html[256];
        const char *title = fate->status == 403 ? "Forbidden" : fate->status == 502 ? "Bad Gateway" : "Gateway Time-out";
        a->size = (size_t)snprintf(html, sizeof html, gateway_page, fate->status, title, fate->status, title);
        a->body = html;
    }
    if (fate->retry_after_s > 0) {
        static char head[128];
        snprintf(head, sizeof head, "%sRetry-After: %d\r\n", a->head, fate->retry_after_s);
        a->head = head;
    }
}

static bool never_arrives(const struct fault_rule *fate) {
    return fate && (fate->kind == FAULT_NO_CONNECTION || fate->kind == FAULT_LOSE_REQUEST);
}

static bool answer_reaches(const struct fault_rule *fate) {
    return !fate || fate->kind == FAULT_DELAY || fate->kind == FAULT_SLOW_BODY || fate->kind == FAULT_ERROR;
}

// Serves the visit under its fate; *a is what the client is to be told. True: the exchange has seen the request.
static bool serve(struct local_exchange *l, const struct fault_rule *fate, struct answer *a) {
    struct answer truth;
    bool arrives = !never_arrives(fate) && !(fate && fate->kind == FAULT_ERROR);
    if (arrives) desk_serve(l->desk, &l->visit, &truth, l->now_us);
    if (l->visit.endpoint >= 0) audit_visit(l, arrives ? &truth : NULL, fate, arrives, answer_reaches(fate));
    if (fate && (fate->kind == FAULT_ERROR || fate->kind == FAULT_ERROR_AFTER)) error_answer(l, fate, a);
    else if (arrives) *a = truth;
    return arrives;
}

static const struct fault_rule *fate_of(struct local_exchange *l) {
    if (l->o.faults.count == 0 || l->visit.endpoint < 0) return NULL;
    return faults_judge(&l->o.faults, l->visit.endpoint, endpoint_info(l->visit.endpoint)->request_class, l->now_us);
}

static void end_after(struct local_exchange *l, struct conn *c, const struct fault_rule *fate) {
    struct late end = { .conn = c, .due_us = l->now_us + faults_delay_us(&l->o.faults, fate), .kind = LATE_END };
    if (end.due_us == l->now_us) conn_end(c); else late_add(l, &end);
}

static void answer_http(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const struct answer *a) {
    struct late n = { .conn = c, .status = a->status };
    switch (fate ? fate->kind : FAULT_NONE) {
    case FAULT_NO_CONNECTION: conn_reset(c); return;
    case FAULT_LOSE_REQUEST:
    case FAULT_LOSE_REPLY: end_after(l, c, fate); return;
    case FAULT_DELAY:
        n.kind = LATE_ANSWER;
        n.due_us = l->now_us + faults_delay_us(&l->o.faults, fate);
        n.head = copy_of(a->head, strlen(a->head));
        n.body = copy_of(a->body, a->size);
        n.size = a->size;
        late_add(l, &n);
        return;
    case FAULT_RESET:
        conn_answer_held(c, a->status, a->head, a->body, a->size, a->size / 2 + 1);
        conn_reset(c);
        return;
    case FAULT_SLOW_BODY:
        conn_answer_held(c, a->status, a->head, a->body, a->size, a->size);
        n.kind = LATE_PIECE;
        n.step_us = faults_delay_us(&l->o.faults, fate) / SLOW_PIECES + 1;
        n.due_us = l->now_us + n.step_us;
        n.piece = a->size / SLOW_PIECES + 1;
        late_add(l, &n);
        return;
    case FAULT_MALFORMED: conn_answer(c, a->status, a->head, a->body, a->size / 2); return;
    default: conn_answer(c, a->status, a->head, a->body, a->size);
    }
}

static void answer_ws(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, char *text) {
    struct late n = { .conn = c, .kind = LATE_MESSAGE };
    switch (fate ? fate->kind : FAULT_NONE) {
    case FAULT_NO_CONNECTION:
    case FAULT_RESET: conn_reset(c); break;
    case FAULT_LOSE_REQUEST:
    case FAULT_LOSE_REPLY: break;
    case FAULT_SLOW_BODY:
    case FAULT_DELAY:
        n.due_us = l->now_us + faults_delay_us(&l->o.faults, fate);
        n.size = strlen(text);
        n.body = copy_of(text, n.size);
        late_add(l, &n);
        break;
    case FAULT_MALFORMED: conn_send(c, text, strlen(text) / 2); break;
    default: conn_send(c, text, strlen(text));
    }
}

// ---- the exchange's own pages: /moontide/... ------------------------------------------------------------------------

static void answer_json(struct conn *c, int status, const char *text) { conn_answer(c, status, "", text, strlen(text)); }

static void answer_problem(struct conn *c, int status, const char *text) {
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "error", json_object_new_string(text));
    answer_json(c, status, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

static int64_t query_number(const struct wire_params *p, const char *name, int64_t otherwise) {
    const char *value = wire_find(p, name);
    return value ? strtoll(value, NULL, 10) : otherwise;
}

static void page_audit(struct local_exchange *l, struct conn *c, const struct wire_params *p) {
    int64_t from = query_number(p, "from", 0), limit = query_number(p, "limit", 1000);
    const char *id = wire_find(p, "clientOrderId");
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
        l->print_room = size * 2;
        l->print = realloc(l->print, l->print_room);
        ASSERT(l->print != NULL);
    }
}

static void page_faults(struct local_exchange *l, struct conn *c, const struct http_request *r) {
    if (r->verb == VERB_DELETE) faults_init(&l->o.faults, l->o.seed);
    if (r->verb == VERB_POST || r->verb == VERB_PUT) {
        struct errmsg e;
        char *text = copy_of(r->body, r->body_size);
        int err = fault_rules_read(text, l->now_us, true, &l->o.faults, &e);
        free(text);
        if (err) {
            answer_problem(c, 400, e.text);
            return;
        }
    }
    fault_rules_print(&l->o.faults, l->print, l->print_room);
    answer_json(c, 200, l->print);
}

static void page_shock(struct local_exchange *l, struct conn *c, const struct wire_params *p) {
    const char *name = wire_find(p, "symbol"), *factor = wire_find(p, "factor");
    int32_t k = name ? symbol_find(l->symbols, l->o.symbol_count, name) : -1;
    double by = factor ? atof(factor) : 0;
    if (k < 0 || by < 0.5 || by > 2) {
        answer_problem(c, 400, "a symbol of this exchange and a factor from 0.5 to 2 are wanted");
        return;
    }
    flow_shock(l->flow, (int16_t)k, by);
    answer_json(c, 200, "{}");
}

static void own_page(struct local_exchange *l, struct conn *c, const struct http_request *r) {
    struct wire_params *p = &l->visit.params;
    p->count = 0;
    p->used = 0;
    if (!wire_add_query(p, r->query, r->query_size, &l->visit.refusal)) answer_problem(c, 400, l->visit.refusal.text);
    else if (strcmp(r->path, "/moontide/audit") == 0) page_audit(l, c, p);
    else if (strcmp(r->path, "/moontide/faults") == 0) page_faults(l, c, r);
    else if (strcmp(r->path, "/moontide/shock") == 0 && r->verb == VERB_POST) page_shock(l, c, p);
    else answer_problem(c, 404, "there are GET /moontide/audit, GET POST DELETE /moontide/faults, POST /moontide/shock");
}

// ---- connections --------------------------------------------------------------------------------------------------

static void to_now(struct local_exchange *l) {
    int64_t now_us, wall_us;
    l->clock.read(l->clock.ctx, &now_us, &wall_us);
    if (now_us < l->now_us) now_us = l->now_us;
    l->now_us = now_us;
    l->wall_us = wall_us;
    advance_market(l, now_us);
    desk_set_skew(l->desk, l->o.faults.count ? faults_skew_us(&l->o.faults, now_us) : 0);
}

static void on_request(void *ctx, struct conn *c, const struct http_request *r) {
    struct local_exchange *l = ctx;
    to_now(l);
    l->requests++;
    if (strncmp(r->path, "/moontide/", 10) == 0) {
        own_page(l, c, r);
        return;
    }
    desk_open(l->desk, r, &l->visit, l->now_us, l->wall_us);
    const struct fault_rule *fate = fate_of(l);
    struct answer a = { .head = "", .body = "" };
    serve(l, fate, &a);
    answer_http(l, c, fate, &a);
}

static int on_upgrade(void *ctx, struct conn *c, const struct http_request *r) {
    struct local_exchange *l = ctx;
    to_now(l);
    bool api = strcmp(r->path, "/ws-fapi/v1") == 0;
    int status = api ? 0 : streams_address(r->path, r->query);
    if (status != 0) return status;
    struct client *client = calloc(1, sizeof *client);
    ASSERT(client != NULL);
    conn_set_data(c, client);
    if (api) {
        client->api = malloc(sizeof *client->api);
        ASSERT(client->api != NULL);
        ws_session_open(client->api, r->query, l->now_us);
        exchange_charge(l->x, HANDSHAKE_WEIGHT, l->now_us);
    } else {
        client->sub = streams_open(l->streams, c, r->path, r->query, l->now_us);
    }
    return 0;
}

static void on_opened(void *ctx, struct conn *c) {
    (void)ctx;
    (void)c;
}

static void api_message(struct local_exchange *l, struct conn *c, struct ws_session *session, const char *text, size_t size) {
    struct ws_request q;
    if (!ws_api_read(l->desk, session, text, size, &q, &l->visit, l->now_us, l->wall_us)) {
        static const char sorry[] = "{\"id\":null,\"status\":400,\"error\":{\"code\":-1000,\"msg\":\"Invalid JSON.\"}}";
        conn_send(c, sorry, sizeof sorry - 1);
        conn_close_websocket(c, 1008, "Invalid JSON");
    } else if (q.answered) {
        conn_send(c, q.text, strlen(q.text));
    } else {
        const struct fault_rule *fate = fate_of(l);
        struct answer a = { .head = "", .body = "{}", .size = 2, .status = 200 };
        serve(l, fate, &a);
        char *reply = ws_api_reply(l->desk, &q, &a, l->now_us);
        answer_ws(l, c, fate, reply);
        free(reply);
    }
    ws_request_free(&q);
}

static void on_message(void *ctx, struct conn *c, const char *text, size_t size) {
    struct local_exchange *l = ctx;
    struct client *client = conn_data(c);
    to_now(l);
    l->requests++;
    if (client->sub) streams_message(l->streams, client->sub, text, size, l->now_us);
    else api_message(l, c, client->api, text, size);
}

static void on_frame(void *ctx, struct conn *c) {
    struct local_exchange *l = ctx;
    struct client *client = conn_data(c);
    if (client->sub) streams_frame(l->streams, client->sub, l->now_us);
}

static void on_pong(void *ctx, struct conn *c, const char *payload, size_t size) {
    struct local_exchange *l = ctx;
    struct client *client = conn_data(c);
    if (client->sub) streams_pong(l->streams, client->sub, payload, size, l->now_us);
}

void local_closed(struct local_exchange *l, struct conn *c) {
    struct client *client = conn_data(c);
    if (client && client->sub) streams_close(l->streams, client->sub);
    if (client) free(client->api);
    free(client);
    for (struct late **at = &l->lates; *at;) {
        struct late *n = *at;
        if (n->conn != c) {
            at = &n->next;
            continue;
        }
        *at = n->next;
        late_free(n);
    }
}

void local_serve(struct local_exchange *l, const struct local_clock *clock, struct conn_hooks *hooks) {
    l->clock = *clock;
    *hooks = (struct conn_hooks){ .ctx = l, .request = on_request, .upgrade = on_upgrade, .opened = on_opened,
                                  .message = on_message, .frame = on_frame, .pong = on_pong };
}

// ---- life ---------------------------------------------------------------------------------------------------------

void local_advance(struct local_exchange *l, int64_t now_us, int64_t wall_us) {
    if (now_us < l->now_us) now_us = l->now_us;
    l->now_us = now_us;
    l->wall_us = wall_us;
    advance_market(l, now_us);
    streams_pump(l->streams, now_us);
    if (l->lates) lates_run(l, now_us);
}

static int add_keys(struct local_exchange *l, struct errmsg *e) {
    for (int32_t i = 0; i < l->o.key_count; i++) {
        const struct local_key *k = &l->o.keys[i];
        struct signing_key *key;
        int err = signing_key_new((enum key_kind)k->kind, k->text, &key, e);
        if (err) return err;
        if (desk_add_key(l->desk, k->id, key, k->trades)) {
            signing_key_free(key);
            return errmsg_set(e, ERR_INVALID, "an API key has %d letters and digits", API_KEY_SIZE);
        }
    }
    return ERR_OK;
}

static int build(struct local_exchange *l, struct errmsg *e) {
    const struct local_options *o = &l->o;
    int err = o->state ? state_check(o->state, o->state_size, l->symbols, o->symbol_count, e) : ERR_OK;
    if (err) return err;
    l->o.exchange.event_mask = UINT64_MAX;
    struct rng chance;
    rng_init(&chance, o->seed);
    l->o.exchange.order_id_first = ORDER_ID_LEAST + (int64_t)rng_below(&chance, ORDER_ID_SPAN);
    struct exchange_hooks hooks = { .ctx = l, .reply = on_reply, .event = on_event, .trade = on_trade };
    l->x = exchange_new(&l->o.exchange, l->symbols, o->symbol_count, &hooks, l->now_us);
    l->audit = audit_new();
    if (!l->x || !l->audit) return errmsg_set(e, ERR_NO_MEMORY, "no memory for an exchange");
    for (int16_t k = 0; k < o->symbol_count; k++) {
        err = o->trade_path_counts ? open_traded_market(l, k, e) : open_market(l, k);
        if (err == ERR_NO_MEMORY) return errmsg_set(e, err, "no memory for a market");
        if (err) return err;
    }
    struct flow_options flow = { .seed = o->seed, .volatility = o->volatility, .rate = o->rate, .spread_ticks = 2 };
    l->flow = flow_new(&flow, l->x, o->symbol_count, l->now_us);
    struct limit_record limits[] = {
        { RATE_REQUEST_WEIGHT, RATE_MINUTE, 1, o->exchange.weight_1m }, { RATE_ORDERS, RATE_MINUTE, 1, o->exchange.orders_1m },
        { RATE_ORDERS, RATE_SECOND, 10, o->exchange.orders_10s },
    };
    l->desk = desk_new(l->x, l->symbols, o->symbol_count, limits, 3, l->now_us);
    struct streams_options streams = { .legacy_all = o->legacy_streams, .life_us = o->stream_life_us, .ping_us = o->ping_us,
                                       .messages_per_second = 10 };
    l->streams = streams_new(&streams, l->x, l->symbols, o->symbol_count, &l->o.faults);
    if (!l->flow || !l->desk || !l->streams) return errmsg_set(e, ERR_NO_MEMORY, "no memory for an exchange");
    for (int16_t k = 0; k < o->symbol_count; k++) {
        if (o->trade_path_counts) flow_still(l->flow, k);
        if (exchange_follow_mark(l->x, k, o->seed * 1000 + (uint64_t)k)) return errmsg_set(e, ERR_NO_MEMORY, "no memory for a market");
    }
    if (o->state) exchange_restore(l->x, o->state);
    l->o.state = NULL;
    return add_keys(l, e);
}

int local_new(const struct local_options *o, int64_t now_us, struct local_exchange **out, struct errmsg *e) {
    struct local_exchange *l = calloc(1, sizeof *l);
    if (!l) return errmsg_set(e, ERR_NO_MEMORY, "no memory for an exchange");
    l->o = *o;
    // The world begins with the bar that now is in, so that this bar is a whole one: the first local_advance catches up.
    int64_t longest_us = 60000000;
    for (int32_t k = 0; k < o->symbol_count && !o->trade_path_counts; k++) {
        if (o->series[k].interval_us > longest_us) longest_us = o->series[k].interval_us;
    }
    l->now_us = now_us - now_us % longest_us;
    for (int32_t i = 0; i < l->o.faults.count; i++) {   // a file's times count from the start
        struct fault_rule *r = &l->o.faults.rules[i];
        r->from_us += now_us;
        if (r->to_us != 0) r->to_us += now_us;
    }
    l->print_room = 65536;
    l->print = malloc(l->print_room);
    l->symbols = malloc((size_t)o->symbol_count * sizeof *l->symbols);
    l->replays = calloc((size_t)o->symbol_count, sizeof *l->replays);
    ASSERT(l->print && l->symbols && l->replays);
    memcpy(l->symbols, o->symbols, (size_t)o->symbol_count * sizeof *l->symbols);
    int err = build(l, e);
    if (err) {
        local_free(l);
        return err;
    }
    local_advance(l, now_us, 0);
    *out = l;
    return ERR_OK;
}

void local_free(struct local_exchange *l) {
    if (!l) return;
    while (l->lates) {
        struct late *n = l->lates;
        l->lates = n->next;
        late_free(n);
    }
    for (int32_t k = 0; k < l->o.symbol_count; k++) trade_file_close(l->replays[k].file);
    streams_free(l->streams);
    desk_free(l->desk);
    flow_free(l->flow);
    exchange_free(l->x);
    audit_free(l->audit);
    free(l->symbols);
    free(l->replays);
    free(l->print);
    free(l);
}

struct local_figures local_figures(const struct local_exchange *l) {
    const struct exchange_totals *t = exchange_totals(l->x);
    return (struct local_figures){ l->requests, streams_messages(l->streams), t->orders, t->fills, audit_count(l->audit),
                                   l->data_ended };
}

void *local_save(const struct local_exchange *l, size_t *size) { return exchange_save(l->x, size); }

struct exchange *local_sim(struct local_exchange *l) { return l->x; }

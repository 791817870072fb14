// wire.c: how a live request leaves (signed, over HTTP) and how its answer is read; the measured clock.
#include "world/live/wire.h"

#include "api/clock.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/text.h"
#include "execution/answer_check.h"
#include "venue/binance/error_code.h"
#include "venue/binance/encode.h"
#include "venue/binance/header_name.h"
#include "net/foreign_page.h"
#include "net/signature.h"
#include "venue/binance/record_read.h"
#include "world/live/coins.h"
#include "world/live/journal.h"
#include "world/live/risk.h"
#include "world/live/refusals.h"
#include "world/live/rules.h"
#include "world/live/ws_orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_MAX = 16384 };
#define STAMP_OFF_US INT64_C(60000000)
#define CLOCK_EVERY_US INT64_C(60000000)
#define SERVER_MS_MAX INT64_C(10000000000000)   // the year 2286

struct live_wire {
    struct http_client *http;
    struct signing_key *key;
    char *key_header;
    struct http_transfer **transfers;   // of each call's slot, while it is in flight
    int32_t transfer_size;
    struct arena arena;   // of the answer being read
    struct server_clock clock;
    int64_t clock_due_us, clock_sent_us;
};

// ---- answers ----

// {"code":-1121,"msg":"..."}; any other body is somebody else's: code 0, and what it seems to be.
static int32_t error_code(struct live *l, const struct http_answer *a, char text[FOREIGN_PAGE_TEXT]) {
    struct json *j = &l->wire->arena.scratch;
    text[0] = 0;
    if (json_parse(j, a->body, a->size) == ERR_OK && json_kind(j, 0) == JSON_OBJECT) {
        json_copy(j, json_get(j, 0, "msg", NULL), text, FOREIGN_PAGE_TEXT);
        int64_t code = json_integer(j, json_get(j, 0, "code", NULL), 0);
        if (text[0] || code != 0) return code < INT32_MIN || code > INT32_MAX ? 0 : (int32_t)code;
    }
    foreign_page_describe(a->status, a->body, a->size, text);
    return 0;
}

// A batch: each entry is an order or a refusal of its own.
static int read_batch(struct live *l, const char *body, struct reply *r, char texts[][160],
                      struct errmsg *e) {
    struct json *j = &l->wire->arena.scratch;
    if (json_parse(j, body, strlen(body)) != ERR_OK || json_kind(j, 0) != JSON_LIST)
        return errmsg_set(e, ERR_FORMAT, "not a list: %.60s", body);
    int32_t count = json_length(j, 0), i = 0;
    struct order_record *rows = count <= CALL_CANCEL_BATCH_MAX
                                    ? arena_take(&l->wire->arena, sizeof *rows * (size_t)(count + 1))
                                    : NULL;
    int err = rows ? ERR_OK : errmsg_set(e, ERR_FORMAT, "a batch of %d answers", count);
    for (int32_t item = json_first(j, 0); item != JSON_NONE && !err; item = json_next(j, 0, item), i++) {
        int64_t code = json_integer(j, json_get(j, item, "code", NULL), 0);
        if (code < 0) {
            json_copy(j, json_get(j, item, "msg", NULL), texts[i], 160);
            r->batch_code[i] = (int32_t)code;
            r->batch_message[i] = texts[i];
        } else {
            err = record_from(RECORD_ORDER, j, item, &l->list, &l->wire->arena, &rows[i], e);
        }
    }
    r->list = true;
    r->rows = rows;
    r->count = count;
    return err;
}

static int read_rows(struct live *l, struct api_call *op, const struct http_answer *a, struct errmsg *e) {
    int32_t endpoint = op->call.endpoint;
    char texts[CALL_CANCEL_BATCH_MAX][160];
    struct reply r = { .status = 200,
                       .kind = endpoint_info(endpoint)->record,
                       .used_weight_1m = a->used_weight_1m,
                       .order_count_10s = a->order_count_10s,
                       .order_count_1m = a->order_count_1m };
    arena_reset(&l->wire->arena);
    int err;
    if (endpoint == EP_EXCHANGE_INFO) {   // no rows: taken over as it comes
        live_rules_read(l, a->body, a->size);
        r.kind = RECORD_NONE;
        err = ERR_OK;
    } else if (endpoint == EP_BATCH_NEW || endpoint == EP_BATCH_MODIFY || endpoint == EP_BATCH_CANCEL) {
        err = read_batch(l, a->body, &r, texts, e);
    } else {
        void *rows = NULL;
        err = record_read_text(r.kind, a->body, a->size, &l->list, &l->wire->arena, &rows, &r.count, &r.list,
                               e);
        r.rows = rows;
    }
    bool kept = err || api_call_keep_reply(op, &r);
    ASSERT(kept);
    return err;
}

// ---- the clock ----

// Whoever is asked to be silent is so with all requests.
static void clock_refused(struct live *l, const struct http_answer *a, int64_t now_us) {
    char text[FOREIGN_PAGE_TEXT];
    int32_t code = error_code(l, a, text);
    live_refusals_answer(l, EP_TIME, a->status, code, text);
    if (error_code_outcome(a->status, code, text, true, false) != OUTCOME_SLOW_DOWN) return;
    int64_t pause_us = gateway_slow_down_us(l->gateway, a->status, code, text, a->retry_after_s);
    live_refusals_pause(l, a->status, code, text, pause_us);
    dispatcher_gate(l->pump.dispatcher, now_us + pause_us);
}

static void clock_answered(struct live *l, const struct http_answer *a) {
    int64_t now = live_now(l);
    struct json *j = &l->wire->arena.scratch;
    bool parsed = a->fate == HTTP_ANSWERED && a->status == 200 && json_parse(j, a->body, a->size) == ERR_OK;
    int64_t server_ms = parsed ? json_integer(j, json_get(j, 0, "serverTime", NULL), 0) : 0;
    bool good = server_ms > 0 && server_ms < SERVER_MS_MAX;
    if (good) {
        clock_sample(&l->wire->clock, l->wire->clock_sent_us, now, server_ms * 1000, 1000);
        dispatcher_clock(l->pump.dispatcher, clock_offset_us(&l->wire->clock),
                         clock_uncertainty_us(&l->wire->clock, now));
    }
    // A few close together sharpen the first estimate.
    l->wire->clock_due_us = now + (good && l->wire->clock.samples >= 4 ? CLOCK_EVERY_US
                                   : good                              ? 200000
                                                                       : 1000000);
    if (a->fate == HTTP_ANSWERED && a->status != 200) clock_refused(l, a, now);
    gateway_clock_answered(l->gateway);
}

bool live_wire_ask(struct live *l, const char *path, void *user) {
    char url[512];
    ASSERT(user != NULL);
    snprintf(url, sizeof url, "%s%s", l->o.rest_url, path);
    struct http_call call = { .method = "GET", .url = url };
    return l->network.http_send(l->wire->http, &call, user) != NULL;
}

static bool ask_clock(void *ctx) {
    struct live *l = ctx;
    char url[512];
    snprintf(url, sizeof url, "%s%s", l->o.rest_url, endpoint_info(EP_TIME)->path);
    struct http_call call = { .method = "GET", .url = url };
    l->wire->clock_sent_us = live_now(l);
    return l->network.http_send(l->wire->http, &call, NULL) != NULL;
}

static int64_t time_now_us(void *ctx) { return live_now(ctx); }

static int64_t time_exchange_us(void *ctx) { return live_exchange_now(ctx); }

static int64_t time_uncertainty_us(void *ctx) {
    struct live *l = ctx;
    return clock_known(&l->wire->clock) ? clock_uncertainty_us(&l->wire->clock, live_now(l))
                                        : GATEWAY_CLOCK_UNKNOWN;
}

static void forget_exchange_us(void *ctx) { clock_init(&((struct live *)ctx)->wire->clock); }

// ---- sending ----

// Of the op's slot: what carries it while it is in flight.
static struct http_transfer **transfer_of(struct live *l, const struct api_call *op) {
    int32_t size = l->wire->transfer_size ? l->wire->transfer_size : 64;
    while (size <= op->slot) size *= 2;
    if (size == l->wire->transfer_size) return &l->wire->transfers[op->slot];
    l->wire->transfers = realloc(l->wire->transfers, sizeof *l->wire->transfers * (size_t)size);
    ASSERT(l->wire->transfers != NULL);
    memset(l->wire->transfers + l->wire->transfer_size, 0,
           sizeof *l->wire->transfers * (size_t)(size - l->wire->transfer_size));
    l->wire->transfer_size = size;
    return &l->wire->transfers[op->slot];
}

static void add(struct text_out *o, const char *text) { text_add(o, text, strlen(text)); }

static void add_number(struct text_out *o, int64_t value) {
    char digits[24];
    text_add(o, digits, (size_t)id_print(digits, value));
}

// Adds stamp and signature to the parameters, which are `o` from `begin` on.
static void sign(struct live *l, int64_t stamp_us, struct text_out *o, size_t begin) {
    char signature[SIGNATURE_TEXT_MAX];
    add(o, o->length > begin ? "&recvWindow=" : "recvWindow=");
    add_number(o, l->o.recv_window_us / 1000);
    add(o, "&timestamp=");
    add_number(o, stamp_us / 1000);
    signature_make(l->wire->key, o->at + begin, o->length - begin, signature);
    add(o, "&signature=");
    encode_value(o, signature);
}

static void by_rest(struct live *l, struct api_call *op, int64_t stamp_us) {
    const struct endpoint_info *info = endpoint_info(op->call.endpoint);
    // The address, and behind it the parameters: its query, or the body.
    static char text[QUERY_MAX + 4608];
    struct text_out o = { text, sizeof text, 0 };
    bool body = info->method == HTTP_POST || info->method == HTTP_PUT;
    add(&o, l->o.rest_url);
    add(&o, info->path);
    text_add(&o, body ? "" : "?", 1);   // of a body's address it is the end
    size_t begin = o.length, size = call_encode(&op->call, l->symbols, text + begin, QUERY_MAX);
    ASSERT(size < QUERY_MAX);
    o.length += size;
    if (info->security == SEC_SIGNED) sign(l, stamp_us, &o, begin);
    size = o.length - begin;
    ASSERT(o.length < sizeof text);
    if (size == 0) text[begin - 1] = 0;
    struct http_call call = { .method = http_method_name(info->method),
                              .url = text,
                              .body = body ? text + begin : NULL,
                              .body_size = size,
                              .long_answer = info->list };
    int32_t headers = 0;
    if (l->wire->key_header && info->security != SEC_NONE) call.headers[headers++] = l->wire->key_header;
    if (body) call.headers[headers++] = "Content-Type: application/x-www-form-urlencoded";
    struct http_transfer *transfer = l->network.http_send(l->wire->http, &call, op);
    *transfer_of(l, op) = transfer;
    if (!transfer) gateway_unsent(l->gateway, op, "the request could not be begun");
}

static void wire_send(void *ctx, struct api_call *op, int64_t stamp_us) {
    struct live *l = ctx;
    if (endpoint_info(op->call.endpoint)->security != SEC_NONE && !l->wire->key) {
        gateway_refuse(l->gateway, op, -2014, "no API key: this run can read market data only");
        return;
    }
    live_reacted(l, op);
    if (!live_ws_orders_send(l, op, stamp_us)) by_rest(l, op, stamp_us);
}

static void wire_cancel(void *ctx, struct api_call *op) {
    struct live *l = ctx;
    struct http_transfer **transfer = transfer_of(l, op);
    if (*transfer) l->network.http_cancel(l->wire->http, *transfer);
    *transfer = NULL;
    live_ws_orders_cancel(l, op);
}

// A new order bears the exchange's time of its making: as good a look at its clock as asking for it.
static void look_at_stamp(struct live *l, const struct api_call *op) {
    if (op->call.endpoint != EP_ORDER_NEW || op->kind != RECORD_ORDER || op->count != 1 ||
        op->request.attempts != 1)
        return;
    int64_t now = live_now(l);
    int64_t stamp_us = ((const struct order_record *)op->rows)->update_us,
            off_us = stamp_us - live_exchange_now(l);
    if (off_us > STAMP_OFF_US || off_us < -STAMP_OFF_US) return;   // no time of this order's making
    clock_sample(&l->wire->clock, op->request.sent_us, now, stamp_us, 1000);
    dispatcher_clock(l->pump.dispatcher, clock_offset_us(&l->wire->clock),
                     clock_uncertainty_us(&l->wire->clock, now));
}

static void keep_used(struct api_call *op, const struct http_answer *a) {
    op->retry_after_s = a->retry_after_s;
    op->used_weight_1m = a->used_weight_1m;
    op->order_count_10s = a->order_count_10s;
    op->order_count_1m = a->order_count_1m;
}

static void answered(struct live *l, struct api_call *op, const struct http_answer *a) {
    struct errmsg e;
    keep_used(op, a);
    if (a->status != 200) {
        char text[FOREIGN_PAGE_TEXT];
        int32_t code = error_code(l, a, text);
        api_call_fail(op, a->status, code, text);
        live_refusals_answer(l, op->call.endpoint, a->status, code, text);
        live_rules_refused(l, code);
    } else if (read_rows(l, op, a, &e) == ERR_OK) {
        if (answer_check_fits(op)) look_at_stamp(l, op);
        for (int32_t i = 0; op->call.batch && i < op->call.batch_count; i++)
            live_rules_refused(l, op->batch_code[i]);
    } else {
        char text[FOREIGN_PAGE_TEXT];
        if (a->size == 0 || a->body[0] == '<') foreign_page_describe(a->status, a->body, a->size, text);
        gateway_unreadable(l->gateway, op, a->size == 0 || a->body[0] == '<' ? text : e.text);
        return;
    }
    gateway_answered(l->gateway, op);
}

void live_wire_done(struct live *l, struct api_call *op, const struct http_answer *a) {
    if (a->fate == HTTP_ANSWERED)
        answered(l, op, a);
    else if (a->fate == HTTP_UNSENT)
        gateway_unsent(l->gateway, op, a->problem);
    else
        gateway_lost(l->gateway, op, a->problem);
}

static void on_done(void *ctx, void *user, const struct http_answer *a) {
    struct live *l = ctx;
    struct api_call *op = user;
    live_wake(l);
    if (!op) {
        clock_answered(l, a);
        return;
    }
    if (live_coins_answered(l, user, a)) return;
    *transfer_of(l, op) = NULL;
    live_wire_done(l, op, a);
}

// ---- time ----

void live_wire_pump(struct live *l, int64_t now_us) {
    if (l->wire->clock_due_us != 0 && now_us >= l->wire->clock_due_us) {
        int64_t gate_us = dispatcher_gate_us(l->pump.dispatcher);
        if (gate_us > now_us)
            l->wire->clock_due_us = gate_us;   // who is banned makes it longer with each request
        else
            gateway_ask_clock(l->gateway);
    }
    gateway_pump(l->gateway, now_us);
}

int64_t live_wire_next_us(const struct live *l) {
    bool asked = gateway_clock_asked(l->gateway) || l->wire->clock_due_us == 0;
    int64_t due = asked ? INT64_MAX : l->wire->clock_due_us, next = gateway_next_us(l->gateway);
    return next < due ? next : due;
}

// ---- the gateway ----

static void on_looked_up(void *ctx, struct api_call *query, int64_t number) {
    (void)number;
    struct live *l = ctx;
    gateway_settled(l->gateway, query, query->settle, live_now(l));
    live_wake(l);
}

static void look_up(void *ctx, struct api_call *query) { internal_call_submit(ctx, query, on_looked_up, 0); }

static void resolved(void *ctx, struct api_call *op, enum outcome outcome) {
    live_risk_resolved(ctx, op, outcome);
    live_journal_resolved(ctx, op, outcome);
}

static void slowed(void *ctx, const struct api_call *op, int64_t pause_us) {
    live_refusals_pause(ctx, op->status, op->code, op->message, pause_us);
}

struct gateway_link live_wire_link(struct live *l) {
    return (struct gateway_link){ l, wire_send, wire_cancel, ask_clock };
}

struct gateway *live_wire_gateway(struct live *l, const struct gateway_link *link) {
    struct gateway_options o = { .link = *link,
                                 .time = { l, time_now_us, time_exchange_us, time_uncertainty_us,
                                           forget_exchange_us },
                                 .world = { l, look_up, resolved, slowed },
                                 .calls = l->pump.calls,
                                 .recv_window_us = l->o.recv_window_us };
    struct gateway *g = gateway_new(&o);
    ASSERT(g != NULL);
    return g;
}

// ---- life ----

int live_wire_open(struct live *l, struct errmsg *e) {
    l->wire = alloc_zeroed(1, sizeof *l->wire);
    clock_init(&l->wire->clock);
    struct http_client_options http = { .proxy = l->o.proxy,
                                        .ca_file = l->o.ca_file,
                                        .connect_timeout_ms = 5000,
                                        .timeout_ms = l->o.http_timeout_us / 1000,
                                        .used = { HEADER_USED_WEIGHT_1M, HEADER_ORDER_COUNT_10S,
                                                  HEADER_ORDER_COUNT_1M } };
    int err = l->network.http_new(l->network.ctx, &http, on_done, l, &l->wire->http, e);
    if (err || !l->o.api_key[0]) return err;
    size_t size = strlen(l->o.api_key) + 20;
    l->wire->key_header = malloc(size);
    ASSERT(l->wire->key_header != NULL);
    snprintf(l->wire->key_header, size, HEADER_API_KEY ": %s", l->o.api_key);
    return signing_key_new((enum key_kind)l->o.key_kind, l->o.secret, &l->wire->key, e);
}

void live_wire_stop(struct live *l) {
    if (l->wire->http) l->network.http_close(l->wire->http);
}

void live_wire_close(struct live *l) {
    struct live_wire *w = l->wire;
    if (!w) return;
    if (w->http) l->network.http_free(w->http);
    signing_key_free(w->key);
    arena_free(&w->arena);
    free(w->transfers);
    free(w->key_header);
    free(w);
}

const struct server_clock *live_wire_clock(const struct live *l) { return &l->wire->clock; }
struct signing_key *live_wire_key(const struct live *l) {
    return l->wire->key;
}
const char *live_wire_key_header(const struct live *l) { return l->wire->key_header; }

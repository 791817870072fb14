#include "world/live/private.h"

#include "base/assert.h"
#include "base/text.h"
#include "venue/binance/error_code.h"
#include "venue/binance/encode.h"
#include "venue/binance/header_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_MAX = 16384 };
#define STAMP_OFF_US INT64_C(60000000)
#define SERVER_MS_MAX INT64_C(10000000000000)   // the year 2286

// ---- answers ----

static void add_used(struct dispatch_reply *reply, uint8_t kind, int64_t interval_us, int32_t used) {
    if (used < 0) return;
    reply->used[reply->used_count].kind = kind;
    reply->used[reply->used_count].interval_us = interval_us;
    reply->used[reply->used_count++].used = used;
}

static void tell(struct live *l, struct api_call *op, const struct dispatch_reply *reply) {
    if (op->request.state == REQUEST_IN_FLIGHT)
        dispatcher_reply(l->dispatcher, &op->request, reply, live_now(l));
}

static void tell_outcome(struct live *l, struct api_call *op, enum outcome outcome) {
    struct dispatch_reply reply = { .outcome = outcome };
    tell(l, op, &reply);
}

static void keep_error(struct api_call *op, int32_t status, int32_t code, const char *text) {
    op->status = status;
    op->code = code;
    op->count = 0;
    op->list = false;
    op->kind = RECORD_ERROR;
    snprintf(op->message, sizeof op->message, "%.150s", text);
}

// {"code":-1121,"msg":"..."}; other bodies (a gateway's page) give code 0.
static int32_t error_code(struct live *l, const char *body, char text[160]) {
    struct json *j = &l->arena.scratch;
    text[0] = 0;
    if (json_parse(j, body, strlen(body)) != ERR_OK) return 0;
    json_copy(j, json_get(j, 0, "msg", NULL), text, 160);
    return (int32_t)json_integer(j, json_get(j, 0, "code", NULL), 0);
}

// A batch: each entry is an order or a refusal of its own.
static int read_batch(struct live *l, const char *body, struct reply *r, char texts[][160],
                      struct errmsg *e) {
    struct json *j = &l->arena.scratch;
    if (json_parse(j, body, strlen(body)) != ERR_OK || json_kind(j, 0) != JSON_LIST)
        return errmsg_set(e, ERR_FORMAT, "not a list: %.60s", body);
    int32_t count = json_length(j, 0), i = 0;
    struct order_record *rows =
        count <= CALL_CANCEL_BATCH_MAX ? arena_take(&l->arena, sizeof *rows * (size_t)(count + 1)) : NULL;
    int err = rows ? ERR_OK : errmsg_set(e, ERR_FORMAT, "a batch of %d answers", count);
    for (int32_t item = json_first(j, 0); item != JSON_NONE && !err; item = json_next(j, 0, item), i++) {
        int64_t code = json_integer(j, json_get(j, item, "code", NULL), 0);
        if (code < 0) {
            json_copy(j, json_get(j, item, "msg", NULL), texts[i], 160);
            r->batch_code[i] = (int32_t)code;
            r->batch_message[i] = texts[i];
        } else {
            err = record_from(RECORD_ORDER, j, item, &l->list, &l->arena, &rows[i], e);
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
    arena_reset(&l->arena);
    int err;
    if (endpoint == EP_BATCH_NEW || endpoint == EP_BATCH_MODIFY || endpoint == EP_BATCH_CANCEL) {
        err = read_batch(l, a->body, &r, texts, e);
    } else {
        void *rows = NULL;
        err = record_read_text(r.kind, a->body, a->size, &l->list, &l->arena, &rows, &r.count, &r.list, e);
        r.rows = rows;
    }
    if (!err) ASSERT(api_call_keep_reply(op, &r));
    return err;
}

// ---- unknown outcomes ----

static struct api_call *resolver_op(void *ctx) { return live_op(ctx); }

static void on_lookup(struct live *l, struct internal_call *i) {
    outcome_tracker_answered(l->resolver, i->op->lookup, i->op, live_now(l));
    i->op->lookup = 0;
    live_wake(l);
}

static void resolver_ask(void *ctx, struct api_call *query, uint64_t number) {
    query->lookup = number;
    query->request.retries_max = 0;   // the resolver asks again by itself
    internal_call_submit(ctx, query, on_lookup, NULL);
}

static void resolver_known(void *ctx, struct api_call *op, enum outcome outcome) {
    struct live *l = ctx;
    if (op->request.state == REQUEST_UNRESOLVED)
        dispatcher_resolve(l->dispatcher, &op->request, outcome, live_now(l));
    else {
        live_journal_resolved(l, op, outcome);
        live_op_free(l, op);   // its caller went on without it
    }
}

static int64_t resolver_clock(void *ctx) {
    struct live *l = ctx;
    return clock_known(&l->clock) ? live_exchange_now(l) - clock_uncertainty_us(&l->clock, l->view.now_us)
                                  : INT64_MIN;
}

static bool wire_doubt(void *ctx, struct request *r, int64_t now_us) {
    struct live *l = ctx;
    return outcome_tracker_unknown(l->resolver, r->user, now_us);
}

// ---- the clock ----

static void release_skewed(struct live *l) {
    while (l->skewed.count > 0) tell_outcome(l, l->skewed.items[--l->skewed.count], OUTCOME_CLOCK_SKEW);
}

static void hold_until_measured(struct op_list *list, struct api_call *op) {
    if (list->count == list->size) {
        list->size = list->size ? list->size * 2 : 16;
        list->items = realloc(list->items, sizeof *list->items * (size_t)list->size);
        ASSERT(list->items != NULL);
    }
    list->items[list->count++] = op;
}

static void let_go(struct op_list *list, const struct api_call *op) {
    for (int32_t i = 0; i < list->count; i++) {
        if (list->items[i] == op) list->items[i--] = list->items[--list->count];
    }
}

static void clock_answered(struct live *l, const struct http_answer *a) {
    l->clock_asked = false;
    int64_t now = live_now(l);
    struct json *j = &l->arena.scratch;
    bool parsed = a->fate == HTTP_ANSWERED && a->status == 200 && json_parse(j, a->body, a->size) == ERR_OK;
    int64_t server_ms = parsed ? json_integer(j, json_get(j, 0, "serverTime", NULL), 0) : 0;
    bool good = server_ms > 0 && server_ms < SERVER_MS_MAX;
    if (good) {
        clock_sample(&l->clock, l->clock_sent_us, now, server_ms * 1000, 1000);
        dispatcher_clock(l->dispatcher, clock_offset_us(&l->clock), clock_uncertainty_us(&l->clock, now));
    }
    // A few close together sharpen the first estimate.
    l->clock_due_us = now + (good && l->clock.samples >= 4 ? CLOCK_EVERY_US : good ? 200000 : 1000000);
    release_skewed(l);
    while (clock_known(&l->clock) && l->unstamped.count > 0)
        live_wire_leave(l, l->unstamped.items[--l->unstamped.count]);
}

void live_wire_measure(struct live *l) {
    if (l->clock_asked) return;
    char url[512];
    snprintf(url, sizeof url, "%s%s", l->rest_url, endpoint_info(EP_TIME)->path);
    struct http_call call = { .method = "GET", .url = url };
    l->clock_sent_us = live_now(l);
    l->clock_asked = l->network.http_send(l->http, &call, NULL) != NULL;
}

// ---- sending ----

static void slots_for(struct live *l, int32_t slot) {
    if (slot < l->transfer_size) return;
    int32_t size = l->transfer_size ? l->transfer_size : 64;
    while (size <= slot) size *= 2;
    l->transfers = realloc(l->transfers, sizeof *l->transfers * (size_t)size);
    ASSERT(l->transfers != NULL);
    memset(l->transfers + l->transfer_size, 0, sizeof *l->transfers * (size_t)(size - l->transfer_size));
    l->transfer_size = size;
}

static void add(struct text_out *o, const char *text) { text_add(o, text, strlen(text)); }

static void add_number(struct text_out *o, int64_t value) {
    char digits[24];
    text_add(o, digits, (size_t)id_print(digits, value));
}

int64_t live_wire_stamp(struct live *l, struct api_call *op) {
    int64_t stamp_us = live_exchange_now(l);
    if (op->request.mutating) outcome_tracker_sent(l->resolver, op, stamp_us, l->o.recv_window_us);
    return stamp_us;
}

// Adds stamp and signature to the parameters, which are `o` from `begin` on.
static void sign(struct live *l, struct api_call *op, struct text_out *o, size_t begin) {
    char signature[SIGNATURE_TEXT_MAX];
    int64_t stamp_us = live_wire_stamp(l, op);
    add(o, o->length > begin ? "&recvWindow=" : "recvWindow=");
    add_number(o, l->o.recv_window_us / 1000);
    add(o, "&timestamp=");
    add_number(o, stamp_us / 1000);
    signature_make(l->key, o->at + begin, o->length - begin, signature);
    add(o, "&signature=");
    encode_value(o, signature);
}

void live_wire_refuse(struct live *l, struct api_call *op, int32_t code, const char *text) {
    keep_error(op, 0, code, text);
    tell_outcome(l, op, OUTCOME_REFUSED);
}

static void wire_send(void *ctx, struct request *r, int64_t now_us) {
    (void)now_us;
    struct live *l = ctx;
    struct api_call *op = r->user;
    op->attempt++;
    slots_for(l, op->slot);
    if (endpoint_info(op->call.endpoint)->security != SEC_NONE && !l->key) {
        live_wire_refuse(l, op, -2014, "no API key: this run can read market data only");
        return;
    }
    if (l->intents && intent_log_hold(l->intents, op, live_exchange_now(l)))
        return;   // leaves when its intent is down
    live_wire_leave(l, op);
}

static void count_reaction(struct live *l, const struct api_call *op) {
    bool places = op->call.endpoint == EP_ORDER_NEW || op->call.endpoint == EP_ALGO_NEW ||
                  op->call.endpoint == EP_BATCH_NEW;
    if (!places || op->request.attempts > 1 || l->cause_us == 0 || op->request.submitted_us < l->cause_us)
        return;
    l->reactions[histogram_bucket(live_now(l) - l->cause_us)]++;
    l->figures.reactions++;
}

void live_wire_leave(struct live *l, struct api_call *op) {
    // The stamp of a clock that is not measured may be good for later than is thought: its absence could not
    // be proven.
    if (op->request.mutating && endpoint_info(op->call.endpoint)->security == SEC_SIGNED &&
        !clock_known(&l->clock)) {
        hold_until_measured(&l->unstamped, op);
        return;
    }
    count_reaction(l, op);
    if (live_ws_orders_send(l, op)) return;
    const struct endpoint_info *info = endpoint_info(op->call.endpoint);
    // The address, and behind it the parameters: its query, or the body.
    static char text[QUERY_MAX + 4608];
    struct text_out o = { text, sizeof text, 0 };
    bool body = info->method == HTTP_POST || info->method == HTTP_PUT;
    add(&o, l->rest_url);
    add(&o, info->path);
    text_add(&o, body ? "" : "?", 1);   // of a body's address it is the end
    size_t begin = o.length, size = call_encode(&op->call, l->symbols, text + begin, QUERY_MAX);
    ASSERT(size < QUERY_MAX);
    o.length += size;
    if (info->security == SEC_SIGNED) sign(l, op, &o, begin);
    size = o.length - begin;
    ASSERT(o.length < sizeof text);
    if (size == 0) text[begin - 1] = 0;
    struct http_call call = { .method = http_method_name(info->method),
                              .url = text,
                              .body = body ? text + begin : NULL,
                              .body_size = size,
                              .long_answer = info->list };
    int32_t headers = 0;
    if (l->key_header && info->security != SEC_NONE) call.headers[headers++] = l->key_header;
    if (body) call.headers[headers++] = "Content-Type: application/x-www-form-urlencoded";
    l->figures.sent++;
    l->transfers[op->slot] = l->network.http_send(l->http, &call, op);
    if (l->transfers[op->slot]) return;
    struct dispatch_reply reply = { .outcome = OUTCOME_NOT_EXECUTED, .unsent = true };
    tell(l, op, &reply);
}

static void wire_cancel(void *ctx, struct request *r) {
    struct live *l = ctx;
    struct api_call *op = r->user;
    if (l->transfers[op->slot]) l->network.http_cancel(l->http, l->transfers[op->slot]);
    l->transfers[op->slot] = NULL;
    live_ws_orders_cancel(l, op);
    outcome_tracker_abandon(l->resolver, op);
    let_go(&l->skewed, op);
    let_go(&l->unstamped, op);
    op->attempt++;
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
    clock_sample(&l->clock, op->request.sent_us, now, stamp_us, 1000);
    dispatcher_clock(l->dispatcher, clock_offset_us(&l->clock), clock_uncertainty_us(&l->clock, now));
}

static void answered(struct live *l, struct api_call *op, const struct http_answer *a) {
    struct errmsg e;
    op->retry_after_s = a->retry_after_s;
    if (a->status == 200) {
        bool read = read_rows(l, op, a, &e) == ERR_OK;
        if (read && !outcome_tracker_fits(op))
            read = errmsg_set(&e, ERR_FORMAT, "an answer about another order") == ERR_OK;
        if (read) {
            look_at_stamp(l, op);
            struct dispatch_reply reply = { .outcome = OUTCOME_DONE };
            add_used(&reply, LIMIT_WEIGHT, 60000000, a->used_weight_1m);
            add_used(&reply, LIMIT_ORDERS, 10000000, a->order_count_10s);
            add_used(&reply, LIMIT_ORDERS, 60000000, a->order_count_1m);
            tell(l, op, &reply);
            return;
        }
        keep_error(op, 200, 0, e.text);
        tell_outcome(l, op,
                     op->request.mutating
                         ? OUTCOME_UNKNOWN
                         : OUTCOME_TIMEOUT);   // it did something; what, the answer does not tell
        return;
    }
    char text[160];
    int32_t code = error_code(l, a->body, text);
    keep_error(op, a->status, code, text[0] ? text : "(no text)");
    struct dispatch_reply reply = { .outcome = outcome_tracker_outcome(op),
                                    .retry_after_us = (int64_t)a->retry_after_s * 1000000 };
    add_used(&reply, LIMIT_WEIGHT, 60000000, a->used_weight_1m);
    if (reply.outcome == OUTCOME_CLOCK_SKEW) {
        hold_until_measured(&l->skewed, op);
        if (!l->clock_asked)
            clock_init(&l->clock);   // what was measured before no longer holds: a clock was set
        live_wire_measure(l);
        if (!l->clock_asked) release_skewed(l);
    } else {
        tell(l, op, &reply);
    }
}

static void on_done(void *ctx, void *user, const struct http_answer *a) {
    struct live *l = ctx;
    struct api_call *op = user;
    live_wake(l);
    if (!op) {
        clock_answered(l, a);
        return;
    }
    l->transfers[op->slot] = NULL;
    live_wire_done(l, op, a);
}

void live_wire_done(struct live *l, struct api_call *op, const struct http_answer *a) {
    if (a->fate == HTTP_ANSWERED) {
        l->figures.answered++;
        answered(l, op, a);
        return;
    }
    keep_error(op, 0, 0, a->problem);
    if (a->fate == HTTP_UNSENT) {
        l->figures.unsent++;
        struct dispatch_reply reply = { .outcome = OUTCOME_NOT_EXECUTED, .unsent = true };
        tell(l, op, &reply);
        return;
    }
    l->figures.lost++;
    tell_outcome(l, op, op->request.mutating ? OUTCOME_UNKNOWN : OUTCOME_TIMEOUT);
}

struct transport live_wire_transport(struct live *l) {
    return (struct transport){ l, wire_send, wire_cancel, wire_doubt };
}

// ---- time ----

void live_wire_pump(struct live *l, int64_t now_us) {
    if (!l->clock_asked && l->clock_due_us != 0 && now_us >= l->clock_due_us) live_wire_measure(l);
    outcome_tracker_pump(l->resolver, now_us);
}

int64_t live_wire_next_us(const struct live *l) {
    int64_t due = l->clock_asked || l->clock_due_us == 0 ? INT64_MAX : l->clock_due_us;
    int64_t doubt = outcome_tracker_next_us(l->resolver);
    return doubt < due ? doubt : due;
}

// ---- life ----

int live_wire_open(struct live *l, struct errmsg *e) {
    struct outcome_tracker_hooks hooks = { l, resolver_op, resolver_ask, resolver_known, resolver_clock };
    l->resolver = outcome_tracker_new(&hooks);
    ASSERT(l->resolver != NULL);
    struct http_client_options http = { .proxy = l->proxy,
                                        .ca_file = l->ca_file,
                                        .connect_timeout_ms = 5000,
                                        .timeout_ms = l->o.http_timeout_us / 1000,
                                        .used = { HEADER_USED_WEIGHT_1M, HEADER_ORDER_COUNT_10S,
                                                  HEADER_ORDER_COUNT_1M } };
    int err = l->network.http_new(l->network.ctx, &http, on_done, l, &l->http, e);
    if (err || !l->o.api_key[0]) return err;
    size_t size = strlen(l->o.api_key) + 20;
    l->key_header = malloc(size);
    ASSERT(l->key_header != NULL);
    snprintf(l->key_header, size, HEADER_API_KEY ": %s", l->o.api_key);
    return signing_key_new((enum key_kind)l->o.key_kind, l->o.secret, &l->key, e);
}

void live_wire_close(struct live *l) {
    if (l->http) l->network.http_close(l->http);
}

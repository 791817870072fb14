#include "host/live_private.h"

#include "base/assert.h"
#include "venue/code.h"
#include "venue/encode.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_MAX = 16384 };
#define ABSENCE_GRACE_US INT64_C(2000000)
#define LOOKUP_FIRST_US INT64_C(100000)
#define LOOKUP_LONGEST_US INT64_C(2000000)

// ---- answers ----------------------------------------------------------------------------------------------------

static void add_used(struct dispatch_reply *reply, uint8_t kind, int64_t interval_us, int32_t used) {
    if (used < 0) return;
    reply->used[reply->used_count].kind = kind;
    reply->used[reply->used_count].interval_us = interval_us;
    reply->used[reply->used_count++].used = used;
}

static void tell(struct live *l, struct op *op, const struct dispatch_reply *reply) {
    if (op->request.state == REQUEST_IN_FLIGHT) dispatcher_reply(l->dispatcher, &op->request, reply, live_now(l));
}

static void tell_outcome(struct live *l, struct op *op, enum outcome outcome) {
    struct dispatch_reply reply = { .outcome = outcome };
    tell(l, op, &reply);
}

static void keep_error(struct op *op, int32_t status, int32_t code, const char *text) {
    op->status = status;
    op->code = code;
    op->count = 0;
    op->list = false;
    op->kind = RECORD_ERROR;
    snprintf(op->message, sizeof op->message, "%.150s", text);
}

// {"code":-1121,"msg":"..."}; other bodies (a gateway's page) give code 0.
static int32_t error_code(const char *body, char text[160]) {
    struct json_object *o = json_tokener_parse(body), *code = NULL, *message = NULL;
    int32_t value = 0;
    text[0] = 0;
    if (json_object_is_type(o, json_type_object)) {
        if (json_object_object_get_ex(o, "code", &code)) value = json_object_get_int(code);
        if (json_object_object_get_ex(o, "msg", &message)) snprintf(text, 160, "%s", json_object_get_string(message));
    }
    json_object_put(o);
    return value;
}

// A batch: each entry is an order or a refusal of its own.
static int read_batch(struct live *l, const char *body, struct reply *r, char texts[][160], struct errmsg *e) {
    struct json_object *list = json_tokener_parse(body);
    if (!json_object_is_type(list, json_type_array)) {
        json_object_put(list);
        return errmsg_set(e, ERR_FORMAT, "not a list: %.60s", body);
    }
    int32_t count = (int32_t)json_object_array_length(list);
    struct order_record *rows = count <= CALL_CANCEL_BATCH_MAX ? arena_take(&l->arena, sizeof *rows * (size_t)(count + 1)) : NULL;
    int err = rows ? ERR_OK : errmsg_set(e, ERR_FORMAT, "a batch of %d answers", count);
    for (int32_t i = 0; i < count && !err; i++) {
        struct json_object *o = json_object_array_get_idx(list, (size_t)i), *code = NULL, *message = NULL;
        if (json_object_object_get_ex(o, "code", &code) && json_object_get_int(code) < 0) {
            json_object_object_get_ex(o, "msg", &message);
            snprintf(texts[i], 160, "%s", message ? json_object_get_string(message) : "");
            r->batch_code[i] = json_object_get_int(code);
            r->batch_message[i] = texts[i];
        } else {
            err = record_read(RECORD_ORDER, o, &l->list, &l->arena, &rows[i], e);
        }
    }
    json_object_put(list);
    r->list = true;
    r->rows = rows;
    r->count = count;
    return err;
}

static int read_rows(struct live *l, struct op *op, const struct http_answer *a, struct errmsg *e) {
    int32_t endpoint = op->call.endpoint;
    char texts[CALL_CANCEL_BATCH_MAX][160];
    struct reply r = { .status = 200, .kind = endpoint_info(endpoint)->record, .used_weight_1m = a->used_weight_1m,
                       .order_count_10s = a->order_count_10s, .order_count_1m = a->order_count_1m };
    arena_reset(&l->arena);
    int err;
    if (endpoint == EP_BATCH_NEW || endpoint == EP_BATCH_MODIFY || endpoint == EP_BATCH_CANCEL) {
        err = read_batch(l, a->body, &r, texts, e);
    } else {
        void *rows = NULL;
        err = record_read_text(r.kind, a->body, a->size, &l->list, &l->arena, &rows, &r.count, &r.list, e);
        r.rows = rows;
    }
    if (!err) ASSERT(ops_keep_reply(op, &r));
    return err;
}

// ---- unknown outcomes ---------------------------------------------------------------------------------------------

static void lookup_ask(struct live *l, struct lookup *u);

static struct lookup *lookup_of(const struct live *l, const struct op *order) {
    struct lookup *u = l->lookups;
    while (u && u->order != order) u = u->next;
    return u;
}

static void lookup_drop(struct live *l, struct lookup *u) {
    for (struct lookup **at = &l->lookups; *at; at = &(*at)->next) {
        if (*at != u) continue;
        *at = u->next;
        free(u);
        return;
    }
}

static bool can_be_looked_up(const struct op *op) {
    int32_t e = op->call.endpoint;
    if (e == EP_ORDER_NEW || e == EP_ALGO_NEW) return op->call.client_id[0] != 0;
    return e == EP_ORDER_CANCEL || e == EP_ORDER_MODIFY || e == EP_ALGO_CANCEL;
}

static void lookup_begin(struct live *l, struct op *op) {
    struct lookup *u = calloc(1, sizeof *u);
    ASSERT(u != NULL);
    *u = (struct lookup){ .order = op, .attempt = op->attempt, .pause_us = LOOKUP_FIRST_US, .next = l->lookups };
    u->absent_after_us = l->stamps_us[op->slot] + l->o.recv_window_us + ABSENCE_GRACE_US;
    l->lookups = u;
    lookup_ask(l, u);
}

static void lookup_later(struct live *l, struct lookup *u) {
    u->asking = false;
    u->next_us = live_now(l) + u->pause_us;
    u->pause_us = u->pause_us * 2 < LOOKUP_LONGEST_US ? u->pause_us * 2 : LOOKUP_LONGEST_US;
}

// What the order as it stands now says about the request: it was carried out, it was not yet, or it can be told.
static bool carried_out(const struct call *c, const struct op *query) {
    if (c->endpoint == EP_ALGO_NEW || c->endpoint == EP_ORDER_NEW) return true;
    if (c->endpoint == EP_ALGO_CANCEL) {
        const struct algo_record *a = query->rows;
        return a->algo_status != ALGO_NEW;
    }
    const struct order_record *o = query->rows;
    bool open = o->status == STATUS_NEW || o->status == STATUS_PARTIALLY_FILLED;
    if (c->endpoint == EP_ORDER_CANCEL) return !open;
    return !open || (o->orig_qty_e8 == c->quantity_e8 && o->price_e8 == c->price_e8);
}

static void judge(struct live *l, struct op *op, enum outcome outcome) {
    ASSERT(l->verdict_count < 64);
    l->verdicts[l->verdict_count++] = (struct verdict){ op, op->attempt, (uint8_t)outcome };
}

static void adopt(struct live *l, struct op *order, const struct op *query) {
    struct algo_cancel_record cancelled = { 0 };
    struct reply r = { .status = 200, .kind = endpoint_info(order->call.endpoint)->record, .count = 1, .rows = query->rows,
                       .used_weight_1m = -1, .order_count_10s = -1, .order_count_1m = -1 };
    if (order->call.endpoint == EP_ALGO_CANCEL) {
        const struct algo_record *a = query->rows;
        cancelled.algo_id = a->algo_id;
        memcpy(cancelled.client_id, a->client_id, CLIENT_ID_MAX);
        r.rows = &cancelled;
    }
    ASSERT(ops_keep_reply(order, &r));
    l->figures.resolved_found++;
    judge(l, order, OUTCOME_DONE);
}

static void lookup_answered(struct live *l, struct inner *i) {
    struct op *query = i->op, *order = i->ctx;
    struct lookup *u = lookup_of(l, order);
    if (!u) return;
    if (order->attempt != u->attempt || order->request.state != REQUEST_IN_FLIGHT) {
        lookup_drop(l, u);
        return;
    }
    bool found = query->settle == SETTLE_DONE && query->count == 1;
    bool no_such = query->settle == SETTLE_REFUSED && query->code == -2013;
    bool final = exchange_now(l) > u->absent_after_us, full = l->verdict_count == 64;
    if (full) {
        lookup_later(l, u);
    } else if (found && carried_out(&order->call, query)) {
        lookup_drop(l, u);
        adopt(l, order, query);
    } else if ((found || no_such) && final) {   // it can no longer be carried out
        lookup_drop(l, u);
        l->figures.resolved_absent++;
        judge(l, order, OUTCOME_NOT_EXECUTED);
    } else {
        lookup_later(l, u);
    }
}

static void lookup_ask(struct live *l, struct lookup *u) {
    const struct call *c = &u->order->call;
    bool algo = c->endpoint == EP_ALGO_NEW || c->endpoint == EP_ALGO_CANCEL;
    bool is_new = c->endpoint == EP_ORDER_NEW || c->endpoint == EP_ALGO_NEW;
    struct op *q = inner_op(l, algo ? EP_ALGO_GET : EP_ORDER_GET, PRIORITY_CRITICAL);
    q->call.symbol = c->symbol;
    q->call.given = UINT64_C(1) << P_SYMBOL;
    const char *id = is_new ? c->client_id : c->orig_client_id;
    if (!is_new && (algo ? c->algo_id : c->order_id) != 0) {
        q->call.order_id = c->order_id;
        q->call.algo_id = c->algo_id;
        q->call.given |= UINT64_C(1) << (algo ? P_ALGO_ID : P_ORDER_ID);
    } else {
        memcpy(q->call.orig_client_id, id, CLIENT_ID_MAX);
        q->call.given |= UINT64_C(1) << (algo ? P_CLIENT_ALGO_ID : P_ORIG_CLIENT_ID);
    }
    u->asking = true;
    inner_submit(l, q, lookup_answered, u->order);
}

static void outcome_unknown(struct live *l, struct op *op) {
    if (can_be_looked_up(op)) lookup_begin(l, op);
    else tell_outcome(l, op, OUTCOME_UNKNOWN);
}

// ---- the clock ----------------------------------------------------------------------------------------------------

static void release_skewed(struct live *l) {
    int32_t count = l->skewed_count;
    l->skewed_count = 0;
    for (int32_t i = 0; i < count; i++) tell_outcome(l, l->skewed[i], OUTCOME_CLOCK_SKEW);
}

static void clock_answered(struct live *l, const struct http_answer *a) {
    l->clock_asked = false;
    int64_t now = live_now(l);
    struct json_object *o = a->fate == HTTP_ANSWERED && a->status == 200 ? json_tokener_parse(a->body) : NULL, *time = NULL;
    bool good = json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, "serverTime", &time);
    if (good) {
        clock_sample(&l->clock, l->clock_sent_us, now, json_object_get_int64(time) * 1000, 1000);
        dispatcher_clock(l->dispatcher, clock_offset_us(&l->clock), clock_uncertainty_us(&l->clock, now));
    }
    json_object_put(o);
    // A few close together sharpen the first estimate.
    l->clock_due_us = now + (good && l->clock.samples >= 4 ? CLOCK_EVERY_US : good ? 200000 : 1000000);
    release_skewed(l);
}

void wire_measure(struct live *l) {
    if (l->clock_asked) return;
    char url[512];
    snprintf(url, sizeof url, "%s/fapi/v1/time", l->rest_url);
    struct http_call call = { .method = "GET", .url = url };
    l->clock_sent_us = live_now(l);
    l->clock_asked = http_send(l->http, &call, NULL) != NULL;
}

// ---- sending ------------------------------------------------------------------------------------------------------

static void slots_for(struct live *l, int32_t slot) {
    if (slot < l->transfer_size) return;
    int32_t size = l->transfer_size ? l->transfer_size : 64;
    while (size <= slot) size *= 2;
    l->transfers = realloc(l->transfers, sizeof *l->transfers * (size_t)size);
    l->stamps_us = realloc(l->stamps_us, sizeof *l->stamps_us * (size_t)size);
    ASSERT(l->transfers && l->stamps_us);
    memset(l->transfers + l->transfer_size, 0, sizeof *l->transfers * (size_t)(size - l->transfer_size));
    l->transfer_size = size;
}

// The percent-encoded form of a base64 signature.
static size_t put_signature(char *out, const char *text) {
    size_t at = 0;
    for (; *text; text++) {
        if (*text == '+' || *text == '/' || *text == '=') at += (size_t)sprintf(out + at, "%%%02X", (unsigned char)*text);
        else out[at++] = *text;
    }
    out[at] = 0;
    return at;
}

static size_t sign(struct live *l, struct op *op, char *text, size_t size) {
    char signature[SIGNATURE_TEXT_MAX];
    l->stamps_us[op->slot] = exchange_now(l);
    size += (size_t)sprintf(text + size, "%srecvWindow=%lld&timestamp=%lld", size ? "&" : "", (long long)(l->o.recv_window_us / 1000),
                            (long long)(l->stamps_us[op->slot] / 1000));
    signature_make(l->key, text, size, signature);
    size += (size_t)sprintf(text + size, "&signature=");
    return size + put_signature(text + size, signature);
}

static void refuse_locally(struct live *l, struct op *op, const char *text) {
    keep_error(op, 0, -2014, text);
    tell_outcome(l, op, OUTCOME_REFUSED);
}

static void wire_send(void *ctx, struct request *r, int64_t now_us) {
    (void)now_us;
    struct live *l = ctx;
    struct op *op = r->user;
    const struct endpoint_info *info = endpoint_info(op->call.endpoint);
    static char text[QUERY_MAX + 4096], url[QUERY_MAX + 4608];
    op->attempt++;
    slots_for(l, op->slot);
    size_t size = call_encode(&op->call, l->symbols, text, QUERY_MAX);
    ASSERT(size < QUERY_MAX);
    if (info->security != SEC_NONE && !l->key) {
        refuse_locally(l, op, "no API key: this run can read market data only");
        return;
    }
    if (info->security == SEC_SIGNED) size = sign(l, op, text, size);
    bool body = info->method == HTTP_POST || info->method == HTTP_PUT;
    snprintf(url, sizeof url, "%s%s%s%s", l->rest_url, info->path, !body && size ? "?" : "", !body ? text : "");
    struct http_call call = { .method = http_method_name(info->method), .url = url, .body = body ? text : NULL, .body_size = size };
    int32_t headers = 0;
    if (l->key_header) call.headers[headers++] = l->key_header;
    if (body) call.headers[headers++] = "Content-Type: application/x-www-form-urlencoded";
    l->figures.sent++;
    l->transfers[op->slot] = http_send(l->http, &call, op);
    if (l->transfers[op->slot]) return;
    struct dispatch_reply reply = { .outcome = OUTCOME_NOT_EXECUTED, .unsent = true };
    tell(l, op, &reply);
}

static void wire_cancel(void *ctx, struct request *r) {
    struct live *l = ctx;
    struct op *op = r->user;
    if (l->transfers[op->slot]) http_cancel(l->http, l->transfers[op->slot]);
    l->transfers[op->slot] = NULL;
    struct lookup *u = lookup_of(l, op);
    if (u) lookup_drop(l, u);
    for (int32_t i = 0; i < l->skewed_count; i++) {
        if (l->skewed[i] == op) l->skewed[i--] = l->skewed[--l->skewed_count];
    }
    op->attempt++;
}

static void answered(struct live *l, struct op *op, const struct http_answer *a) {
    struct errmsg e;
    op->retry_after_s = a->retry_after_s;
    if (a->status == 200) {
        if (read_rows(l, op, a, &e) == ERR_OK) {
            struct dispatch_reply reply = { .outcome = OUTCOME_DONE };
            add_used(&reply, LIMIT_WEIGHT, 60000000, a->used_weight_1m);
            add_used(&reply, LIMIT_ORDERS, 10000000, a->order_count_10s);
            add_used(&reply, LIMIT_ORDERS, 60000000, a->order_count_1m);
            tell(l, op, &reply);
            return;
        }
        keep_error(op, 200, 0, e.text);
        if (op->request.mutating) outcome_unknown(l, op);   // it did something; what, the answer does not tell
        else tell_outcome(l, op, OUTCOME_TIMEOUT);
        return;
    }
    char text[160];
    int32_t code = error_code(a->body, text);
    keep_error(op, a->status, code, text[0] ? text : "(no text)");
    struct dispatch_reply reply = { .outcome = code_outcome(a->status, code, text, true, op->request.mutating),
                                    .retry_after_us = (int64_t)a->retry_after_s * 1000000 };
    add_used(&reply, LIMIT_WEIGHT, 60000000, a->used_weight_1m);
    if (reply.outcome == OUTCOME_UNKNOWN) {
        outcome_unknown(l, op);
    } else if (reply.outcome == OUTCOME_CLOCK_SKEW && l->skewed_count < 64) {
        l->skewed[l->skewed_count++] = op;
        if (!l->clock_asked) clock_init(&l->clock);   // what was measured before no longer holds: a clock was set
        wire_measure(l);
        if (!l->clock_asked) release_skewed(l);
    } else {
        tell(l, op, &reply);
    }
}

static void on_done(void *ctx, void *user, const struct http_answer *a) {
    struct live *l = ctx;
    struct op *op = user;
    live_stir(l);
    if (!op) {
        clock_answered(l, a);
        return;
    }
    l->transfers[op->slot] = NULL;
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
    if (op->request.mutating) outcome_unknown(l, op);
    else tell_outcome(l, op, OUTCOME_TIMEOUT);
}

struct transport wire_transport(struct live *l) { return (struct transport){ l, wire_send, wire_cancel }; }

// ---- time ---------------------------------------------------------------------------------------------------------

void wire_pump(struct live *l, int64_t now_us) {
    while (l->verdict_count > 0) {
        struct verdict v = l->verdicts[--l->verdict_count];
        if (v.op->attempt == v.attempt) tell_outcome(l, v.op, v.outcome);
    }
    if (!l->clock_asked && l->clock_due_us != 0 && now_us >= l->clock_due_us) wire_measure(l);
    for (struct lookup *u = l->lookups; u; u = u->next) {
        if (u->asking || now_us < u->next_us) continue;
        lookup_ask(l, u);
        break;   // the list may have changed; the rest in the next turn
    }
}

int64_t wire_next_us(const struct live *l) {
    if (l->verdict_count > 0) return 0;
    int64_t due = l->clock_asked || l->clock_due_us == 0 ? INT64_MAX : l->clock_due_us;
    for (const struct lookup *u = l->lookups; u; u = u->next) {
        if (!u->asking && u->next_us < due) due = u->next_us;
    }
    return due;
}

// ---- life ---------------------------------------------------------------------------------------------------------

int wire_open(struct live *l, struct errmsg *e) {
    struct http_client_options http = { .proxy = l->o.proxy, .ca_file = l->o.ca_file, .connect_timeout_ms = 5000,
                                        .timeout_ms = l->o.http_timeout_us / 1000 };
    int err = http_client_new(&l->loop, &http, on_done, l, &l->http, e);
    if (err || !l->o.api_key[0]) return err;
    size_t size = strlen(l->o.api_key) + 20;
    l->key_header = malloc(size);
    ASSERT(l->key_header != NULL);
    snprintf(l->key_header, size, "X-MBX-APIKEY: %s", l->o.api_key);
    return signing_key_new((enum key_kind)l->o.key_kind, l->o.secret, &l->key, e);
}

void wire_close(struct live *l) {
    if (l->http) http_client_close(l->http);
}

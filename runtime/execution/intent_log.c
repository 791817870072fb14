// intent_log.c: intents before orders leave, and what became of them.
#include "execution/intent_log.h"

#include "base/assert.h"
#include "venue/binance/encode.h"
#include "venue/binance/endpoint.h"
#include "trade/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_TEXT_MAX = 2048, SLOT_BITS = 32 };

struct intent_log {
    struct intent_log_hooks hooks;
    const struct api_call_pool *ops;
    struct symbol_list list;
};

struct intent_log *intent_log_new(const struct intent_log_hooks *hooks, const struct api_call_pool *ops,
                                  const struct symbol_list *symbols) {
    ASSERT(hooks->intend != NULL && hooks->settle != NULL);
    ASSERT(ops != NULL && symbols->count >= 0);
    struct intent_log *in = malloc(sizeof *in);
    if (in) *in = (struct intent_log){ *hooks, ops, *symbols };
    return in;
}

void intent_log_free(struct intent_log *in) { free(in); }

// ---- before ----

bool intent_log_makes(const struct api_call *op) {
    ASSERT(op->call.endpoint < EP_COUNT);
    int32_t e = op->call.endpoint;
    if (e == EP_ORDER_NEW || e == EP_ALGO_NEW)
        return op->call.symbol >= 0;   // without a symbol no order comes of it
    return e == EP_BATCH_NEW && op->call.batch && op->call.batch_count > 0;
}

static int32_t order_count(const struct api_call *op) {
    ASSERT(op->call.batch_count <= CALL_CANCEL_BATCH_MAX);
    return op->call.endpoint == EP_BATCH_NEW ? op->call.batch_count : 1;
}

static const struct call *order_call(const struct api_call *op, int32_t i) {
    ASSERT(i >= 0 && i < order_count(op));
    ASSERT(op->call.endpoint != EP_BATCH_NEW || op->call.batch != NULL);
    return op->call.endpoint == EP_BATCH_NEW ? &op->call.batch[i] : &op->call;
}

static void intend(struct intent_log *in, const struct api_call *op, int32_t index, int64_t exchange_us,
                   uint64_t tag) {
    const struct call *c = order_call(op, index);
    ASSERT(c->symbol >= 0 && c->client_id[0] != 0);
    ASSERT(c->side < SIDE_COUNT && c->type < ORDER_TYPE_COUNT);
    ASSERT(c->symbol < in->list.count);
    const struct endpoint_info *info = endpoint_info(op->call.endpoint);
    char text[CALL_TEXT_MAX], endpoint[sizeof((struct journal_order *)0)->endpoint];
    size_t size = call_encode(c, in->list.symbols, text, sizeof text);
    ASSERT(size < sizeof text);
    snprintf(endpoint, sizeof endpoint, "%s %s", http_method_name(info->method), info->path);
    struct journal_intent i = { .client_id = c->client_id,
                                .symbol = in->list.symbols[c->symbol].name,
                                .side = side_names[c->side],
                                .type = order_type_names[c->type],
                                .call = text,
                                .endpoint = endpoint,
                                .quantity_e8 = c->quantity_e8,
                                .price_e8 = c->price_e8,
                                .made_us = exchange_us };
    in->hooks.intend(in->hooks.ctx, &i, tag);
}

bool intent_log_hold(struct intent_log *in, struct api_call *op, int64_t exchange_us) {
    ASSERT(op->request.state == REQUEST_IN_FLIGHT);
    if (!intent_log_makes(op) || op->intent == INTENT_DOWN) return false;
    ASSERT(op->intent == INTENT_NONE);
    op->intent = INTENT_WAITS;
    int32_t count = order_count(op);
    ASSERT(count > 0 && count <= CALL_BATCH_MAX);
    // All of a batch are down once the last is.
    for (int32_t i = 0; i < count; i++) {
        intend(in, op, i, exchange_us,
               i == count - 1 ? (uint64_t)op->attempt << SLOT_BITS | (uint64_t)(op->slot + 1) : 0);
    }
    return true;
}

struct api_call *intent_log_down(struct intent_log *in, uint64_t tag, int err) {
    if (tag == 0) return NULL;
    struct api_call *op = api_call_at(in->ops, (int32_t)(tag & UINT32_MAX) - 1);
    ASSERT(op != NULL);
    if (op->attempt != tag >> SLOT_BITS || op->intent != INTENT_WAITS) return NULL;   // given up meanwhile
    ASSERT(op->request.state == REQUEST_IN_FLIGHT);
    op->intent = err ? INTENT_NONE : INTENT_DOWN;
    return op;
}

// ---- after ----

static void settle(struct intent_log *in, const char *client_id, enum journal_state state, int32_t code,
                   int64_t exchange_us) {
    ASSERT(client_id[0] != '\0');
    ASSERT(state != JOURNAL_ACCEPTED && state != JOURNAL_INTENT);   // what is taken says more
    struct journal_outcome o = {
        .client_id = client_id, .state = (uint8_t)state, .status = "", .code = code, .at_us = exchange_us
    };
    in->hooks.settle(in->hooks.ctx, &o);
}

static void settle_all(struct intent_log *in, const struct api_call *op, enum journal_state state,
                       int32_t code, int64_t exchange_us) {
    ASSERT(state != JOURNAL_ACCEPTED);
    for (int32_t i = 0; i < order_count(op); i++)
        settle(in, order_call(op, i)->client_id, state, code, exchange_us);
}

static void accept_order(struct intent_log *in, const char *client_id, const struct order_record *r,
                         int64_t exchange_us) {
    ASSERT(r->status < STATUS_COUNT);
    struct journal_outcome o = { .client_id = client_id,
                                 .state = JOURNAL_ACCEPTED,
                                 .order_id = r->order_id,
                                 .status = order_status_names[r->status],
                                 .executed_e8 = r->executed_qty_e8,
                                 .avg_price_e8 = r->avg_price_e8,
                                 .at_us = exchange_us };
    in->hooks.settle(in->hooks.ctx, &o);
}

static void accept_algo(struct intent_log *in, const char *client_id, const struct algo_record *r,
                        int64_t exchange_us) {
    ASSERT(r->algo_status < ALGO_STATUS_COUNT);
    struct journal_outcome o = { .client_id = client_id,
                                 .state = JOURNAL_ACCEPTED,
                                 .order_id = r->algo_id,
                                 .status = algo_status_names[r->algo_status],
                                 .at_us = exchange_us };
    in->hooks.settle(in->hooks.ctx, &o);
}

static void write_answer(struct intent_log *in, const struct api_call *op, int64_t exchange_us) {
    const struct order_record *orders = op->rows;
    ASSERT(op->count == order_count(op));   // an answer that fits shows each order that was asked for
    ASSERT(op->rows != NULL && op->count > 0);
    for (int32_t i = 0; i < order_count(op); i++) {
        const char *client_id = order_call(op, i)->client_id;
        bool refused = op->call.endpoint == EP_BATCH_NEW && op->batch_code[i] != 0;
        if (refused)
            settle(in, client_id, JOURNAL_REFUSED, op->batch_code[i], exchange_us);
        else if (op->kind == RECORD_ALGO || op->kind == RECORD_ALGO_QUERY)
            accept_algo(in, client_id, op->rows, exchange_us);
        else
            accept_order(in, client_id, &orders[i], exchange_us);
    }
}

void intent_log_absent(struct api_call *op) {
    ASSERT(op->intent != INTENT_TAKEN);
    if (op->intent == INTENT_DOWN) op->intent = INTENT_ABSENT;
    ASSERT(op->intent != INTENT_DOWN);
}

void intent_log_settled(struct intent_log *in, struct api_call *op, enum settle how, int64_t exchange_us) {
    if (op->intent == INTENT_NONE) return;
    ASSERT(how < SETTLE_COUNT && op->intent != INTENT_TAKEN);
    ASSERT(op->request.state == REQUEST_IDLE);
    bool waited = op->intent == INTENT_WAITS, absent = op->intent == INTENT_ABSENT;
    op->intent = INTENT_NONE;
    switch (how) {
    case SETTLE_DONE: write_answer(in, op, exchange_us); break;
    case SETTLE_REFUSED: settle_all(in, op, JOURNAL_REFUSED, op->code, exchange_us); break;
    case SETTLE_UNKNOWN:
        // Open, and found out for a stand-in or at the next start; unless nothing of it is under way.
        if (waited || absent) settle_all(in, op, waited ? JOURNAL_UNSENT : JOURNAL_ABSENT, 0, exchange_us);
        break;
    default: settle_all(in, op, waited ? JOURNAL_UNSENT : JOURNAL_ABSENT, 0, exchange_us);
    }
}

void intent_log_shown(struct intent_log *in, const struct api_call *op, int64_t exchange_us) {
    const struct order_record *orders = op->rows;
    bool shows = op->kind == RECORD_ORDER || op->kind == RECORD_ORDER_AMENDED;
    ASSERT(!intent_log_makes(op));
    for (int32_t i = 0; shows && i < op->count; i++) {
        bool refused = op->call.batch_count > 0 && i < CALL_CANCEL_BATCH_MAX && op->batch_code[i] != 0;
        if (refused || orders[i].order_id == 0 || orders[i].client_id[0] == '\0') continue;
        accept_order(in, orders[i].client_id, &orders[i], exchange_us);
    }
    const struct algo_cancel_record *algo = op->rows;
    if (op->kind != RECORD_ALGO_CANCEL || op->count != 1 || algo->client_id[0] == '\0') return;
    struct journal_outcome o = { .client_id = algo->client_id,
                                 .state = JOURNAL_ACCEPTED,
                                 .order_id = algo->algo_id,
                                 .status = algo_status_names[ALGO_CANCELED],
                                 .at_us = exchange_us };
    in->hooks.settle(in->hooks.ctx, &o);
}

void intent_log_known(struct intent_log *in, struct api_call *op, enum outcome outcome, int64_t exchange_us) {
    ASSERT(outcome < OUTCOME_COUNT);
    if (op->intent == INTENT_NONE) return;
    bool taken = op->intent == INTENT_TAKEN;
    op->intent = INTENT_NONE;
    if (taken && outcome == OUTCOME_NOT_EXECUTED) {
        // The exchange forgets orders that ended without a fill, after days.
        struct journal_outcome o = { .client_id = op->call.client_id,
                                     .state = JOURNAL_ACCEPTED,
                                     .status = "EXPIRED",
                                     .at_us = exchange_us };
        in->hooks.settle(in->hooks.ctx, &o);
        return;
    }
    if (outcome == OUTCOME_DONE)
        write_answer(in, op, exchange_us);
    else if (outcome == OUTCOME_REFUSED)
        settle_all(in, op, JOURNAL_REFUSED, op->code, exchange_us);
    else
        settle_all(in, op, JOURNAL_ABSENT, 0, exchange_us);
}

void intent_log_on_order(struct intent_log *in, const struct order_update_record *u) {
    ASSERT(u != NULL);
    accept_order(in, u->order.client_id, &u->order, u->transaction_us);
}

void intent_log_on_algo(struct intent_log *in, const struct algo_update_record *u) {
    ASSERT(u != NULL);
    accept_algo(in, u->order.client_id, &u->order, u->transaction_us);
}

// ---- at a start ----

int intent_log_reopen(struct intent_log *in, const struct journal_order *o, struct api_call *op) {
    const struct symbol_list *list = &in->list;
    int16_t symbol = 0;
    ASSERT(op->intent == INTENT_NONE && op->request.state == REQUEST_IDLE);
    while (symbol < list->count && strcmp(list->symbols[symbol].name, o->symbol) != 0) symbol++;
    if (symbol == list->count) return ERR_NOT_FOUND;
    bool algo = strstr(o->endpoint, endpoint_info(EP_ALGO_NEW)->path) != NULL;
    ASSERT(symbol >= 0 && symbol < list->count);
    op->call.endpoint = algo ? EP_ALGO_NEW : EP_ORDER_NEW;
    op->call.symbol = symbol;
    op->call.given = UINT64_C(1) << P_SYMBOL | UINT64_C(1) << P_CLIENT_ID;
    for (uint8_t type = 0; type < ORDER_TYPE_COUNT; type++) {
        if (strcmp(order_type_names[type], o->type) == 0) op->call.type = type;
    }
    op->call.quantity_e8 = o->quantity_e8;
    op->call.price_e8 = o->price_e8;
    snprintf(op->call.client_id, CLIENT_ID_MAX, "%.36s", o->client_id);
    op->intent = o->state == JOURNAL_ACCEPTED ? INTENT_TAKEN : INTENT_DOWN;
    // The row of a conditional order may bear the id of the order that it became.
    if (op->intent == INTENT_TAKEN && !algo) op->call.order_id = o->order_id;
    return ERR_OK;
}

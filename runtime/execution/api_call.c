// api_call.c: the pool of calls, and how a call keeps its answer.
#include "execution/api_call.h"

#include "base/assert.h"
#include "trade/record.h"
#include "venue/binance/endpoint.h"
#include "trade/symbol.h"
#include "venue/binance/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_call_pool {
    struct api_call **all;   // by slot
    struct api_call **idle;
    int32_t count, idle_count;
};

struct api_call_pool *api_call_pool_new(void) {
    return calloc(1, sizeof(struct api_call_pool));
}

void api_call_pool_free(struct api_call_pool *o) {
    if (!o) return;
    ASSERT(o->idle_count <= o->count);
    for (int32_t i = 0; i < o->count; i++) {
        free(o->all[i]->batch);
        free(o->all[i]->rows);
        free(o->all[i]);
    }
    free(o->all);
    free(o->idle);
    free(o);
}

static struct api_call *make(struct api_call_pool *o) {
    ASSERT(o->idle_count == 0);
    size_t size = sizeof *o->all * (size_t)(o->count + 1);
    struct api_call **all = realloc(o->all, size);
    if (!all) return NULL;
    o->all = all;
    struct api_call **idle = realloc(o->idle, size);
    if (!idle) return NULL;
    o->idle = idle;
    struct api_call *op = calloc(1, sizeof *op);
    if (!op) return NULL;
    op->slot = o->count;
    ASSERT(op->slot == o->count && op->request.state == REQUEST_IDLE);
    o->all[o->count++] = op;
    return op;
}

struct api_call *api_call_take(struct api_call_pool *o) {
    struct api_call *op;
    if (o->idle_count > 0) {
        op = o->idle[--o->idle_count];
        ASSERT(op->request.state == REQUEST_IDLE && !op->shared && !op->followers);
        memset(&op->call, 0, sizeof op->call);
        memset(&op->request, 0, sizeof op->request);
        op->done = op->no_share = false;
        op->intent = INTENT_NONE;
        memset(op->exposure, 0, sizeof op->exposure);
        op->code = 0;
        op->leader = op->lookup = 0;
        op->message[0] = '\0';
    } else {
        op = make(o);
        if (!op) return NULL;
    }
    ASSERT(op->slot < o->count && o->all[op->slot] == op);
    ASSERT(op->lookup == 0 && op->intent == INTENT_NONE);
    op->call.symbol = SYMBOL_NONE;
    op->used_weight_1m = op->order_count_10s = op->order_count_1m = -1;
    return op;
}

void api_call_give(struct api_call_pool *o, struct api_call *op) {
    ASSERT(op->slot < o->count && o->all[op->slot] == op);
    ASSERT(o->idle_count < o->count && !op->followers && !op->shared);
    ASSERT(op->request.state == REQUEST_IDLE);   // no dispatcher holds it
    o->idle[o->idle_count++] = op;
}

struct api_call *api_call_at(const struct api_call_pool *o, int32_t slot) {
    ASSERT(slot >= 0 && slot < o->count);
    ASSERT(o->all[slot]->slot == slot);
    return o->all[slot];
}

struct call *api_call_batch_item(struct api_call *op, int32_t index) {
    ASSERT(index >= 0 && index < CALL_BATCH_MAX);
    if (!op->batch && !(op->batch = calloc(CALL_BATCH_MAX, sizeof *op->batch))) return NULL;
    ASSERT(op->call.batch == NULL || op->call.batch == op->batch);
    memset(&op->batch[index], 0, sizeof op->batch[index]);
    op->batch[index].symbol = SYMBOL_NONE;
    op->call.batch = op->batch;
    return &op->batch[index];
}

static bool make_room(struct api_call *op, size_t size) {
    ASSERT(size > 0);
    if (op->rows_size >= (int64_t)size) return true;
    void *rows = realloc(op->rows, size);
    if (!rows) return false;
    op->rows = rows;
    op->rows_size = (int64_t)size;
    ASSERT(op->rows_size >= (int64_t)size);
    return true;
}

static size_t align(size_t size) {
    ASSERT(size <= SIZE_MAX - 15);
    return (size + 15) / 16 * 16;
}

// The bytes of a list inside a row.
static size_t list_size(const struct field *f, const char *row) {
    ASSERT(f->type == FIELD_LIST);
    int32_t count;
    memcpy(&count, row + f->count_offset, sizeof count);
    ASSERT(count >= 0);
    return count > 0 ? (size_t)count * record_table(f->kind)->size : 0;
}

static bool holds_lists(const struct record_table *table) {
    for (int32_t k = 0; k < table->field_count; k++)
        if (table->fields[k].type == FIELD_LIST) return true;
    return false;
}

// Rows, and behind them the lists inside them.
static bool copy_rows(struct api_call *op, const void *rows) {
    const struct record_table *table = record_table(op->kind);
    ASSERT(op->kind < RECORD_COUNT);
    if (!table || op->count <= 0 || !rows) return true;
    size_t size = (size_t)table->size * (size_t)op->count, room = align(size);
    if (!holds_lists(table)) {
        if (!make_room(op, room)) return false;
        memcpy(op->rows, rows, size);
        return true;
    }
    for (int32_t k = 0; k < table->field_count; k++) {
        const struct field *f = &table->fields[k];
        for (int32_t i = 0; f->type == FIELD_LIST && i < op->count; i++)
            room += align(list_size(f, (const char *)rows + i * table->size));
    }
    if (!make_room(op, room)) return false;
    char *kept = op->rows, *at = kept + align(size);
    memcpy(kept, rows, size);
    for (int32_t k = 0; k < table->field_count; k++) {
        const struct field *f = &table->fields[k];
        for (int32_t i = 0; f->type == FIELD_LIST && i < op->count; i++) {
            char *row = kept + i * table->size;
            size_t bytes = list_size(f, row);
            const void *list;
            memcpy(&list, row + f->offset, sizeof list);
            if (bytes) memcpy(at, list, bytes);
            list = at;
            memcpy(row + f->offset, &list, sizeof list);
            at += align(bytes);
        }
    }
    return true;
}

void api_call_fail(struct api_call *op, int32_t status, int32_t code, const char *message) {
    ASSERT(message != NULL);
    ASSERT(status >= 0);
    op->status = status;
    op->code = code;
    op->count = 0;
    op->list = false;
    op->kind = RECORD_ERROR;
    snprintf(op->message, sizeof op->message, "%.150s", message);
}

bool api_call_keep_reply(struct api_call *op, const struct reply *reply) {
    ASSERT(op->call.batch_count <= CALL_CANCEL_BATCH_MAX);
    ASSERT(reply->count >= 0);
    op->status = reply->status;
    op->code = reply->code;
    op->kind = reply->kind;
    op->list = reply->list;
    op->count = reply->count;
    op->retry_after_s = reply->retry_after_s;
    op->used_weight_1m = reply->used_weight_1m;
    op->order_count_10s = reply->order_count_10s;
    op->order_count_1m = reply->order_count_1m;
    if (reply->code != 0) memcpy(op->message, reply->message, sizeof op->message);
    if (op->call.batch_count) {
        memcpy(op->batch_code, reply->batch_code, sizeof op->batch_code);
        for (int i = 0; i < op->call.batch_count; i++) {
            const char *text = reply->batch_message[i] ? reply->batch_message[i] : "";
            strncpy(op->batch_message[i], text, sizeof op->batch_message[i] - 1);
        }
    }
    return copy_rows(op, reply->rows);
}

bool api_call_copy_answer(struct api_call *op, const struct api_call *from) {
    ASSERT(from->count >= 0 && from->status >= 0);
    ASSERT(op->call.endpoint == from->call.endpoint);   // the same question
    ASSERT(op != from);
    op->status = from->status;
    op->code = from->code;
    op->kind = from->kind;
    op->list = from->list;
    op->count = from->count;
    op->leader = from->request.id;
    memcpy(op->message, from->message, sizeof op->message);
    return copy_rows(op, from->rows);
}

void api_call_price(struct api_call *op) {
    ASSERT(op->call.endpoint < EP_COUNT);
    struct call_cost cost = endpoint_cost(&op->call);
    ASSERT(cost.weight >= 0 && cost.orders_10s >= 0 && cost.orders_1m >= 0);
    op->request.cost[LIMIT_WEIGHT] = cost.weight;
    op->request.cost[LIMIT_REQUESTS] = 1;
    op->request.cost[LIMIT_ORDERS] = cost.orders_10s;
    op->request.cost[LIMIT_ORDERS_LONG] = cost.orders_1m;
}

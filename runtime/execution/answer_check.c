// answer_check.c: whether an answer is about what was asked.
#include "execution/answer_check.h"

#include "base/assert.h"
#include "trade/symbol.h"
#include "venue/binance/endpoint.h"

#include <string.h>

static bool is_order(const struct order_record *o, int16_t symbol, int64_t id, const char *client_id) {
    ASSERT(client_id != NULL && symbol >= SYMBOL_NONE);
    bool possible = o->order_id > 0 && o->orig_qty_e8 >= 0 && o->executed_qty_e8 >= 0 &&
                    o->avg_price_e8 >= 0 && o->price_e8 >= 0 &&
                    (o->orig_qty_e8 == 0 || o->executed_qty_e8 <= o->orig_qty_e8);
    bool named = id != 0 ? o->order_id == id : strcmp(o->client_id, client_id) == 0;
    return possible && named && (symbol == SYMBOL_NONE || o->symbol == symbol);
}

static bool is_algo(int64_t algo_id, const char *algo_client_id, int64_t id, const char *client_id) {
    ASSERT(algo_client_id != NULL && client_id != NULL);
    return algo_id > 0 && (id != 0 ? algo_id == id : strcmp(algo_client_id, client_id) == 0);
}

static bool batch_fits(const struct api_call *op) {
    ASSERT(op->call.batch_count <= CALL_CANCEL_BATCH_MAX);
    const struct call *c = &op->call;
    const struct order_record *rows = op->rows;
    if (op->count != c->batch_count) return false;
    ASSERT(op->count == 0 || rows != NULL);
    ASSERT(c->batch != NULL || c->ids != NULL || c->client_ids != NULL || op->count == 0);
    for (int32_t i = 0; i < op->count; i++) {
        const struct call *one = c->batch ? &c->batch[i] : NULL;
        const char *name = !one                          ? (c->client_ids ? c->client_ids[i] : "")
                           : c->endpoint == EP_BATCH_NEW ? one->client_id
                                                         : one->orig_client_id;
        int64_t id = one ? (c->endpoint == EP_BATCH_NEW ? 0 : one->order_id) : c->ids ? c->ids[i] : 0;
        bool shown = op->batch_code[i] == 0 && (id != 0 || name[0]);
        if (shown && !is_order(&rows[i], one ? one->symbol : c->symbol, id, name)) return false;
    }
    return true;
}

// What is told of one symbol's market is of the symbol that was asked for.
static bool market_fits(const struct api_call *op) {
    for (int32_t i = 0; op->call.symbol != SYMBOL_NONE && i < op->count; i++) {
        int16_t symbol = op->call.symbol;
        if (op->kind == RECORD_MARK)
            symbol = ((const struct mark_record *)op->rows)[i].symbol;
        else if (op->kind == RECORD_FUNDING)
            symbol = ((const struct funding_record *)op->rows)[i].symbol;
        else if (op->kind == RECORD_TICKER_24H || op->kind == RECORD_TICKER_PRICE ||
                 op->kind == RECORD_BOOK_TICKER)
            symbol = ((const struct ticker_record *)op->rows)[i].symbol;
        if (symbol != op->call.symbol) return false;
    }
    return true;
}

bool answer_check_fits(const struct api_call *op) {
    ASSERT(op->count >= 0);
    ASSERT(op->call.endpoint < EP_COUNT);
    const struct call *c = &op->call;
    const struct algo_cancel_record *cancelled = op->rows;
    const struct algo_record *algo = op->rows;
    switch (c->endpoint) {
    case EP_ORDER_NEW:
        return op->count == 1 && (c->client_id[0] == 0 || is_order(op->rows, c->symbol, 0, c->client_id));
    case EP_ORDER_MODIFY:
    case EP_ORDER_CANCEL:
    case EP_ORDER_GET:
    case EP_OPEN_ORDER:
        return op->count == 1 && is_order(op->rows, c->symbol, c->order_id, c->orig_client_id);
    case EP_ALGO_NEW:
        return op->count == 1 &&
               (c->client_id[0] == 0 ||
                (is_algo(algo->algo_id, algo->client_id, 0, c->client_id) && algo->symbol == c->symbol));
    case EP_ALGO_GET:
        return op->count == 1 && is_algo(algo->algo_id, algo->client_id, c->algo_id, c->orig_client_id);
    case EP_ALGO_CANCEL:
        return op->count == 1 &&
               is_algo(cancelled->algo_id, cancelled->client_id, c->algo_id, c->orig_client_id);
    case EP_BATCH_NEW:
    case EP_BATCH_MODIFY:
    case EP_BATCH_CANCEL: return batch_fits(op);
    default: return market_fits(op);
    }
}

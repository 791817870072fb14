// replies.c: answers of the exchange over REST, under libFuzzer: read as records, kept by a call, checked against what was
// asked, and written again.
//
// The first byte of an input picks the endpoint, the second what the call named; the rest is the body.
#include "execution/answer_check.h"
#include "execution/exposure.h"
#include "execution/reconcile.h"
#include "fuzz.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/error_code.h"
#include "venue/binance/field.h"
#include "venue/binance/record_read.h"

static void tell(struct reconciliation *r, struct exposure *x, const struct api_call *op) {
    for (int32_t i = 0; i < op->count; i++) {
        const struct order_record *orders = op->rows;
        switch (op->kind) {
        case RECORD_ORDER:
        case RECORD_ORDER_AMENDED:
        case RECORD_ORDER_QUERY:
            reconcile_order(r, &orders[i]);
            exposure_reply(x, 0, &orders[i], 1);
            exposure_order(x, &orders[i], 1);
            break;
        case RECORD_ALGO:
        case RECORD_ALGO_QUERY:
            reconcile_algo(r, (const struct algo_record *)op->rows + i);
            exposure_algo(x, (const struct algo_record *)op->rows + i, 1);
            exposure_algo_reply(x, 0, (const struct algo_record *)op->rows + i, 1);
            break;
        case RECORD_TRADE: reconcile_trade(r, (const struct trade_record *)op->rows + i); break;
        case RECORD_INCOME: reconcile_income(r, (const struct income_record *)op->rows + i); break;
        case RECORD_POSITION: reconcile_position(r, (const struct position_record *)op->rows + i); break;
        default: return;
        }
    }
}

static void reconcile(const struct api_call *op) {
    struct reconciliation *r = reconcile_new();
    struct exposure *x = exposure_new();
    struct position_view positions[SYMBOLS_MAX][POSITION_SIDE_COUNT] = { 0 };
    const struct stream_event *events;
    struct reconcile_missing missing[16];
    int32_t count;
    if (!r || !x) abort();
    for (int round = 0; round < 2; round++) {
        reconcile_begin(r, round ? 0 : INT64_C(1700000000000000));
        tell(r, x, op);
        reconcile_missing(r, missing, 16);
        if (reconcile_finish(r, round ? RECONCILE_TELL : RECONCILE_LEARN, positions[0], 0, 1, true, &events,
                             &count))
            abort();
        for (int32_t i = 0; i < count; i++) {   // each is of a symbol of this run, or of none
            int16_t symbol = events[i].kind == RECORD_ORDER_UPDATE  ? events[i].u.order.order.symbol
                             : events[i].kind == RECORD_ALGO_UPDATE ? events[i].u.algo.order.symbol
                                                                    : 0;
            if (symbol < 0 || symbol >= FUZZ_SYMBOLS) abort();
        }
    }
    exposure_free(x);
    reconcile_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    static char written[1 << 16];
    if (size < 2) return 0;
    int32_t endpoint = data[0] % EP_COUNT;
    struct symbol_list list = { fuzz_symbols(), FUZZ_SYMBOLS };
    char *body = fuzz_text(data + 2, size - 2);
    struct api_call_pool *pool = api_call_pool_new();
    struct api_call *op = api_call_take(pool);
    struct reply reply = { .status = 200, .kind = endpoint_info(endpoint)->record };
    struct errmsg e;
    void *rows;
    op->call.endpoint = (uint16_t)endpoint;
    op->call.symbol = (int16_t)(data[1] % 3 - 1);
    op->call.order_id = data[1] & 4 ? 1 : 0;
    snprintf(op->call.client_id, CLIENT_ID_MAX, "a");
    snprintf(op->call.orig_client_id, CLIENT_ID_MAX, "a");
    arena_reset(&arena);
    if (reply.kind < RECORD_COUNT && record_table(reply.kind) &&
        record_read_text(reply.kind, body, size - 2, &list, &arena, &rows, &reply.count, &reply.list, &e) ==
            ERR_OK) {
        reply.rows = rows;
        if (!api_call_keep_reply(op, &reply)) abort();
        answer_check_fits(op);
        if (op->count > 0)
            record_json_list(written, sizeof written, op->kind, op->rows, op->count, list.symbols);
        reconcile(op);
    }
    error_code_outcome(data[1] * 2, -(int32_t)data[0], body, true, (data[1] & 1) != 0);
    api_call_give(pool, op);
    api_call_pool_free(pool);
    free(body);
    return 0;
}

// streams.c: messages of the exchange's streams under libFuzzer, from their text to what is told of them: events of the
// account are taken once, orders counted, a book kept.
//
// An input is messages, with a byte 0xff between them.
#include "execution/exposure.h"
#include "execution/reconcile.h"
#include "fuzz.h"
#include "venue/binance/account_event.h"
#include "venue/binance/book_sync.h"
#include "venue/binance/event_shape.h"
#include "venue/binance/record_read.h"

struct listener {
    struct json json;
    struct arena arena;
    struct symbol_list list;
    struct reconciliation *known;
    struct exposure *orders;
    struct book_sync *book;
};

static void in_run(const struct listener *w, int16_t symbol) {
    if (symbol < 0 || symbol >= w->list.count) abort();
}

static void take(struct listener *w, const struct stream_event *e) {
    reconcile_follows(w->known, e);
    if (!reconcile_take(w->known, e)) return;
    if (reconcile_take(w->known, e) && e->kind != RECORD_ALGO_UPDATE && e->kind != RECORD_ORDER_UPDATE)
        abort();   // the same once more is no news
    if (e->kind == RECORD_ORDER_UPDATE) exposure_order(w->orders, &e->u.order.order, 1);
    if (e->kind == RECORD_ALGO_UPDATE) exposure_algo(w->orders, &e->u.algo.order, 1);
}

static void account(struct listener *w) {
    struct live_account_event found;
    account_event_read(&w->json, &w->list, &w->arena, &found);
    for (int32_t i = 0; i < found.count; i++) {
        struct stream_event e = { .kind = RECORD_ACCOUNT_UPDATE,
                                  .time_us = found.rows[i].transaction_us,
                                  .u.account = found.rows[i] };
        if (e.u.account.symbol != SYMBOL_NONE) in_run(w, e.u.account.symbol);
        take(w, &e);
    }
}

static void order(struct listener *w, int32_t kind) {
    struct stream_event e = { .kind = (uint8_t)kind };
    struct errmsg problem;
    if (record_from(kind, &w->json, 0, &w->list, &w->arena, &e.u, &problem) != ERR_OK) return;
    in_run(w, kind == RECORD_ORDER_UPDATE ? e.u.order.order.symbol : e.u.algo.order.symbol);
    take(w, &e);
}

static void market(struct listener *w, int32_t kind) {
    union {
        struct depth_event depth;
        struct kline_event bar;
        struct agg_trade_event trade;
        struct mark_event mark;
        struct ticker_event best;
    } u;
    struct errmsg problem;
    if (record_from(kind, &w->json, 0, &w->list, &w->arena, &u, &problem) != ERR_OK) return;
    switch (kind) {
    case RECORD_KLINE_EVENT: in_run(w, u.bar.bar.symbol); break;
    case RECORD_AGG_TRADE_EVENT: in_run(w, u.trade.trade.symbol); break;
    case RECORD_MARK_EVENT: in_run(w, u.mark.mark.symbol); break;
    case RECORD_BOOK_TICKER_EVENT: in_run(w, u.best.ticker.symbol); break;
    default: book_sync_event(w->book, &u.depth);
    }
}

static void hear(struct listener *w, const char *text, size_t size) {
    static const struct {
        const char *name;
        int32_t kind;
    } kinds[] = { { "kline", RECORD_KLINE_EVENT },
                  { "aggTrade", RECORD_AGG_TRADE_EVENT },
                  { "markPriceUpdate", RECORD_MARK_EVENT },
                  { "bookTicker", RECORD_BOOK_TICKER_EVENT },
                  { "depthUpdate", RECORD_DEPTH_EVENT } };
    char *copy = fuzz_text(text, size);   // as long as it is, for the sanitizer to see who reads beyond it
    if (json_parse(&w->json, copy, size) == ERR_OK) {
        int32_t name = json_get(&w->json, 0, "e", NULL);
        arena_reset(&w->arena);
        account_event_key_expired(&w->json);
        if (event_whole(&w->json, 0)) {
            if (json_is(&w->json, name, "ORDER_TRADE_UPDATE")) order(w, RECORD_ORDER_UPDATE);
            if (json_is(&w->json, name, "ALGO_UPDATE")) order(w, RECORD_ALGO_UPDATE);
            if (json_is(&w->json, name, "ACCOUNT_UPDATE")) account(w);
            for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                if (json_is(&w->json, name, kinds[i].name)) market(w, kinds[i].kind);
            }
        } else if (json_kind(&w->json, 0) == JSON_OBJECT &&
                   json_get(&w->json, 0, "lastUpdateId", NULL) != JSON_NONE) {
            struct depth_record d;
            struct errmsg problem;
            if (record_from(RECORD_DEPTH, &w->json, 0, &w->list, &w->arena, &d, &problem) == ERR_OK)
                book_sync_snapshot(w->book, &d, 1000);
        }
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct listener w;
    struct fuzz_in in = { data, data + size };
    w.list = (struct symbol_list){ fuzz_symbols(), FUZZ_SYMBOLS };
    w.known = reconcile_new();
    w.orders = exposure_new();
    w.book = book_sync_new();
    if (!w.known || !w.orders || !w.book) abort();
    for (int i = 0; i < 64 && in.at < in.end; i++) {
        size_t piece;
        const char *text = fuzz_piece(&in, &piece);
        hear(&w, text, piece);
    }
    int32_t count;
    if (book_sync_state(w.book) == BOOK_GOOD) book_sync_side(w.book, 0, &count);
    exposure_open(w.orders, 0, POSITION_BOTH, SIDE_BUY, NULL, INT64_C(100000000));
    exposure_cost_e8(w.orders, 0, INT64_C(100000000), 5000000);
    reconcile_free(w.known);
    exposure_free(w.orders);
    book_sync_free(w.book);
    return 0;
}

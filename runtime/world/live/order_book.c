#include "world/live/private.h"

#include "base/assert.h"

#include <string.h>

enum { BOOK_LEVELS = 1000 };
#define AGAIN_US INT64_C(250000)

static void ask_snapshot(struct live *l, int16_t symbol);

static void on_snapshot(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    struct book_feed *f = &l->books[call->call.symbol];
    f->asking = false;
    if (l->ended) return;
    f->retry_us = live_now(l) + AGAIN_US;   // should it be needed
    if (call->settle != SETTLE_DONE || call->count != 1) return;
    book_sync_snapshot(f->book, call->rows, BOOK_LEVELS);
    live_wake(l);
}

static void ask_snapshot(struct live *l, int16_t symbol) {
    struct api_call *op = internal_call_take(l, EP_DEPTH, PRIORITY_NORMAL);
    op->call.symbol = symbol;
    op->call.limit = BOOK_LEVELS;
    op->call.given = UINT64_C(1) << P_SYMBOL | UINT64_C(1) << P_LIMIT;
    l->books[symbol].asking = true;
    internal_call_submit(l, op, on_snapshot, 0);
}

static bool wants_snapshot(const struct book_feed *f) {
    return f->book && !f->asking && book_sync_state(f->book) == BOOK_WAITS && book_sync_has_events(f->book);
}

void live_book_event(struct live *l, const struct depth_event *e) {
    struct book_feed *f = &l->books[e->symbol];
    if (!f->book) return;
    book_sync_event(f->book, e);
    if (wants_snapshot(f) && l->pump.view.now_us >= f->retry_us) ask_snapshot(l, e->symbol);
}

void live_books_lost(struct live *l) {
    for (int16_t k = 0; k < l->list.count; k++) {
        if (l->books[k].book) book_sync_lost(l->books[k].book);
    }
}

void live_books_close(struct live *l) {
    for (int16_t k = 0; k < SYMBOLS_MAX; k++) {
        book_sync_free(l->books[k].book);
        l->books[k] = (struct book_feed){ 0 };
    }
}

bool live_book(struct live *l, int16_t symbol, struct live_book *out) {
    struct book_feed *f = &l->books[symbol];
    *out = (struct live_book){ 0 };
    if (l->ended) return false;
    if (!f->book) {
        f->book = book_sync_new();
        ASSERT(f->book != NULL);
        live_market_subscribe(l, STREAM_PUBLIC, symbol, "depth@100ms");
    }
    out->repairs = book_sync_repairs(f->book);
    if (book_sync_state(f->book) != BOOK_GOOD) return false;
    out->bids = book_sync_side(f->book, SIDE_BUY, &out->bid_count);
    out->asks = book_sync_side(f->book, SIDE_SELL, &out->ask_count);
    out->last_update_id = book_sync_id(f->book);
    out->time_us = book_sync_time_us(f->book);
    return true;
}

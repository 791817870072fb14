// order_book.c: local order books: a snapshot and the events after it.
#include "world/live/order_book.h"

#include "base/alloc.h"
#include "venue/binance/book_sync.h"
#include "world/live/sockets.h"

#include "base/assert.h"

#include <stdlib.h>

enum { BOOK_LEVELS = 1000 };
#define AGAIN_US INT64_C(250000)

struct book_feed {
    struct book_sync *book;
    bool asking;
    int64_t retry_us;
};   // book NULL: nobody wants it

struct live_books {
    struct book_feed of[SYMBOLS_MAX];
};

static void ask_snapshot(struct live *l, int16_t symbol);

static void on_snapshot(void *ctx, struct api_call *call, int64_t number) {
    (void)number;
    struct live *l = ctx;
    struct book_feed *f = &l->books->of[call->call.symbol];
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
    l->books->of[symbol].asking = true;
    internal_call_submit(l, op, on_snapshot, 0);
}

static bool wants_snapshot(const struct book_feed *f) {
    return f->book && !f->asking && book_sync_state(f->book) == BOOK_WAITS && book_sync_has_events(f->book);
}

void live_books_event(struct live *l, const struct depth_event *e) {
    struct book_feed *f = &l->books->of[e->symbol];
    if (!f->book) return;
    book_sync_event(f->book, e);
    if (wants_snapshot(f) && l->pump.view.now_us >= f->retry_us) ask_snapshot(l, e->symbol);
}

void live_books_lost(struct live *l) {
    for (int16_t k = 0; k < l->list.count; k++) {
        if (l->books->of[k].book) book_sync_lost(l->books->of[k].book);
    }
}

int live_books_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->books = alloc_zeroed(1, sizeof *l->books);
    return ERR_OK;
}

void live_books_close(struct live *l) {
    for (int16_t k = 0; l->books && k < SYMBOLS_MAX; k++) book_sync_free(l->books->of[k].book);
    free(l->books);
}

bool live_book(struct live *l, int16_t symbol, struct live_book *out) {
    struct book_feed *f = &l->books->of[symbol];
    *out = (struct live_book){ 0 };
    if (l->ended) return false;
    if (!f->book) {
        f->book = book_sync_new();
        ASSERT(f->book != NULL);
        live_sockets_subscribe_symbol(l, STREAM_PUBLIC, symbol, "depth@100ms");
    }
    out->repairs = book_sync_repairs(f->book);
    if (book_sync_state(f->book) != BOOK_GOOD) return false;
    out->bids = book_sync_side(f->book, SIDE_BUY, &out->bid_count);
    out->asks = book_sync_side(f->book, SIDE_SELL, &out->ask_count);
    out->last_update_id = book_sync_id(f->book);
    out->time_us = book_sync_time_us(f->book);
    return true;
}

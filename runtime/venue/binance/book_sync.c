// book_sync.c: a copy of the exchange's book by a snapshot and the differential stream.
#include "venue/binance/book_sync.h"

#include "base/alloc.h"
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 4096, THIN = 20 };   // fewer levels than THIN left of a cut snapshot: a new one is due

struct levels {
    struct level_record *items;
    int32_t count, size;
    int64_t edge_e8;
};   // edge 0: all levels are known

struct waiting {
    struct depth_event e;
    struct level_record *levels;
};

struct book_sync {
    struct levels sides[SIDE_COUNT];
    struct waiting *waiting;
    int32_t waiting_count, waiting_size;
    int64_t last_id, time_us, repairs;
    bool good, first;   // first: the next event is the one after the snapshot
};

struct book_sync *book_sync_new(void) {
    return alloc_zeroed(1, sizeof(struct book_sync));
}

static void drop_waiting(struct book_sync *b) {
    for (int32_t i = 0; i < b->waiting_count; i++) free(b->waiting[i].levels);
    b->waiting_count = 0;
}

void book_sync_free(struct book_sync *b) {
    if (!b) return;
    drop_waiting(b);
    free(b->waiting);
    for (int side = 0; side < SIDE_COUNT; side++) free(b->sides[side].items);
    free(b);
}

void book_sync_lost(struct book_sync *b) {
    if (b->good) b->repairs++;
    b->good = false;
    drop_waiting(b);
}

enum book_state book_sync_state(const struct book_sync *b) { return b->good ? BOOK_GOOD : BOOK_WAITS; }
bool book_sync_has_events(const struct book_sync *b) { return b->waiting_count > 0; }
int64_t book_sync_id(const struct book_sync *b) { return b->last_id; }
int64_t book_sync_time_us(const struct book_sync *b) { return b->time_us; }
int64_t book_sync_repairs(const struct book_sync *b) { return b->repairs; }

const struct level_record *book_sync_side(const struct book_sync *b, int32_t side, int32_t *count) {
    *count = b->good ? b->sides[side].count : 0;
    return b->sides[side].items;
}

// ---- levels ----

static bool better(int side, int64_t a, int64_t b) { return side == SIDE_BUY ? a > b : a < b; }

static void set_level(struct book_sync *b, int side, const struct level_record *level) {
    struct levels *s = &b->sides[side];
    if (s->edge_e8 != 0 && better(side, s->edge_e8, level->price_e8)) return;
    int32_t low = 0, high = s->count;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (better(side, s->items[middle].price_e8, level->price_e8))
            low = middle + 1;
        else
            high = middle;
    }
    bool there = low < s->count && s->items[low].price_e8 == level->price_e8;
    if (level->qty_e8 == 0) {   // one that was not there: usual
        if (!there) return;
        memmove(&s->items[low], &s->items[low + 1], sizeof *s->items * (size_t)(s->count - low - 1));
        s->count--;
    } else if (there) {
        s->items[low] = *level;
    } else {
        ARRAY_ROOM(s->items, s->size, s->count + 1);
        memmove(&s->items[low + 1], &s->items[low], sizeof *s->items * (size_t)(s->count - low));
        s->items[low] = *level;
        s->count++;
    }
}

static bool sound(const struct book_sync *b) {
    const struct levels *bids = &b->sides[SIDE_BUY], *asks = &b->sides[SIDE_SELL];
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (b->sides[side].edge_e8 != 0 && b->sides[side].count < THIN) return false;
    }
    return bids->count == 0 || asks->count == 0 || bids->items[0].price_e8 < asks->items[0].price_e8;
}

// False: the book is not what the exchange has.
static bool apply(struct book_sync *b, const struct depth_event *e) {
    if (b->first ? e->last_id < b->last_id : e->last_id <= b->last_id) return true;   // known already
    if (b->first ? e->previous_id > b->last_id : e->previous_id != b->last_id) return false;
    b->first = false;
    b->last_id = e->last_id;
    b->time_us = e->transaction_us;
    for (int32_t i = 0; i < e->bid_count; i++) set_level(b, SIDE_BUY, &e->bids[i]);
    for (int32_t i = 0; i < e->ask_count; i++) set_level(b, SIDE_SELL, &e->asks[i]);
    return sound(b);
}

// ---- what comes in ----

static void wait_for_snapshot(struct book_sync *b, const struct depth_event *e) {
    int32_t last = b->waiting_count - 1;
    if (last >= 0 && e->last_id <= b->waiting[last].e.last_id) return;
    // What waits must be a chain; and it need not be long: a snapshot younger than all of it does as well.
    bool broken = last >= 0 && e->previous_id != b->waiting[last].e.last_id;
    if (broken || b->waiting_count == WAITING_MAX) drop_waiting(b);
    ARRAY_ROOM(b->waiting, b->waiting_size, b->waiting_count + 1);
    struct waiting *w = &b->waiting[b->waiting_count++];
    size_t bids = (size_t)e->bid_count, asks = (size_t)e->ask_count;
    w->e = *e;
    w->levels = alloc_bytes(sizeof *w->levels * (bids + asks + 1));
    if (bids) memcpy(w->levels, e->bids, sizeof *w->levels * bids);
    if (asks) memcpy(w->levels + bids, e->asks, sizeof *w->levels * asks);
    w->e.bids = w->levels;
    w->e.asks = w->levels + bids;
}

enum book_state book_sync_event(struct book_sync *b, const struct depth_event *e) {
    if (b->good && apply(b, e)) return BOOK_GOOD;
    if (b->good) book_sync_lost(b);
    wait_for_snapshot(b, e);
    return BOOK_WAITS;
}

enum book_state book_sync_snapshot(struct book_sync *b, const struct depth_record *d, int32_t limit) {
    if (b->good) return BOOK_GOOD;
    const struct level_record *rows[SIDE_COUNT] = { [SIDE_BUY] = d->bids, [SIDE_SELL] = d->asks };
    int32_t counts[SIDE_COUNT] = { [SIDE_BUY] = d->bid_count, [SIDE_SELL] = d->ask_count };
    for (int side = 0; side < SIDE_COUNT; side++) {
        b->sides[side].count = 0;
        b->sides[side].edge_e8 = 0;
        for (int32_t i = 0; i < counts[side]; i++) set_level(b, side, &rows[side][i]);
        if (counts[side] >= limit) b->sides[side].edge_e8 = rows[side][counts[side] - 1].price_e8;
    }
    b->last_id = d->last_update_id;
    b->time_us = d->transaction_us;
    b->first = true;
    bool follows = true;
    for (int32_t i = 0; i < b->waiting_count && follows; i++) follows = apply(b, &b->waiting[i].e);
    if (!follows || !sound(b)) return BOOK_WAITS;
    drop_waiting(b);
    b->good = true;
    return BOOK_GOOD;
}

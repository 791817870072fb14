// book.c: one symbol's order book by price level.
#include "sim/book.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/num.h"
#include "trade/names.h"

#include <stdlib.h>
#include <string.h>

void book_init(struct book *b, int64_t update_id) {
    memset(b, 0, sizeof *b);
    b->update_id = b->first_id = update_id;
    b->changes = alloc_zeroed(BOOK_CHANGES_MAX, sizeof *b->changes);
    for (int i = 0; i < SIDE_COUNT; i++) {
        b->room[i] = BOOK_LEVELS_FIRST;
        b->levels[i] = alloc_zeroed(BOOK_LEVELS_FIRST, sizeof *b->levels[i]);
    }
}

void book_free(struct book *b) {
    ASSERT(b->count[SIDE_BUY] <= b->room[SIDE_BUY]);
    ASSERT(b->count[SIDE_SELL] <= b->room[SIDE_SELL]);
    for (int i = 0; i < SIDE_COUNT; i++) free(b->levels[i]);
    free(b->changes);
    memset(b, 0, sizeof *b);
}

bool book_better(int32_t side, int64_t a, int64_t b) {
    ASSERT(side >= 0 && side < SIDE_COUNT);
    return side == SIDE_BUY ? a > b : a < b;
}

// The first place, counted from the worst, whose price is not worse than `price`.
static int32_t place_of(const struct book *b, int32_t side, int64_t price) {
    int32_t low = 0, high = b->count[side];
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (book_better(side, price, b->levels[side][middle].price_e8))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void changed(struct book *b, int32_t side, int64_t price) {
    ASSERT(side >= 0 && side < SIDE_COUNT);
    ASSERT(b->update_id >= b->first_id);
    b->update_id++;
    b->changes[b->update_id % BOOK_CHANGES_MAX] = (struct book_change){ price, (uint8_t)side };
}

static void take_out(struct book *b, int32_t side, int32_t at) {
    ASSERT(at >= 0 && at < b->count[side]);
    struct level_record *rows = b->levels[side];
    b->count[side]--;
    memmove(rows + at, rows + at + 1, (size_t)(b->count[side] - at) * sizeof *rows);
}

void book_set(struct book *b, int32_t side, int64_t price, int64_t qty) {
    ASSERT(side == SIDE_BUY || side == SIDE_SELL);
    ASSERT(price > 0 && qty >= 0);
    struct level_record *rows = b->levels[side];
    int32_t at = place_of(b, side, price);
    bool there = at < b->count[side] && rows[at].price_e8 == price;
    if (there && rows[at].qty_e8 == qty) return;
    if (!there && qty == 0) return;
    if (there) {
        if (qty == 0)
            take_out(b, side, at);
        else
            rows[at].qty_e8 = qty;
        changed(b, side, price);
        return;
    }
    ARRAY_ROOM(b->levels[side], b->room[side], b->count[side] + 1);
    rows = b->levels[side];
    memmove(rows + at + 1, rows + at, (size_t)(b->count[side] - at) * sizeof *rows);
    rows[at] = (struct level_record){ price, qty };
    b->count[side]++;
    ASSERT(b->count[side] <= b->room[side]);
    ASSERT(at == 0 || book_better(side, price, rows[at - 1].price_e8));
    changed(b, side, price);
}

const struct level_record *book_level(const struct book *b, int32_t side, int32_t depth) {
    ASSERT(side >= 0 && side < SIDE_COUNT);
    return depth >= 0 && depth < b->count[side] ? &b->levels[side][b->count[side] - 1 - depth] : NULL;
}

int64_t book_best_e8(const struct book *b, int32_t side) {
    ASSERT(b->count[side] >= 0);
    return b->count[side] ? b->levels[side][b->count[side] - 1].price_e8 : 0;
}

int64_t book_qty_e8(const struct book *b, int32_t side, int64_t price) {
    ASSERT(price > 0);
    int32_t at = place_of(b, side, price);
    bool there = at < b->count[side] && b->levels[side][at].price_e8 == price;
    return there ? b->levels[side][at].qty_e8 : 0;
}

int64_t book_available_e8(const struct book *b, int32_t side, int64_t limit, int64_t wanted) {
    ASSERT(wanted >= 0);
    int32_t other = side_opposite(side);
    int64_t sum = 0;
    const struct level_record *level;
    for (int32_t i = 0; sum < wanted && (level = book_level(b, other, i)) != NULL; i++) {
        if (book_better(other, limit, level->price_e8)) break;
        sum += level->qty_e8;
    }
    return num_min(sum, wanted);
}

int32_t book_changes(const struct book *b, int64_t since, struct book_diff *rows, int32_t max) {
    ASSERT(max >= 0);
    if (since < b->first_id) since = b->first_id;
    if (b->update_id - since > BOOK_CHANGES_MAX) return -1;
    int32_t count = 0;
    // From the newest back, so that a price already met stands for its older changes.
    for (int64_t id = b->update_id; id > since && count < max; id--) {
        struct book_change c = b->changes[id % BOOK_CHANGES_MAX];
        bool met = false;
        for (int32_t i = 0; i < count && !met; i++)
            met = rows[i].price_e8 == c.price_e8 && rows[i].side == c.side;
        if (!met)
            rows[count++] = (struct book_diff){ c.price_e8, book_qty_e8(b, c.side, c.price_e8), c.side };
    }
    for (int32_t i = 0, k = count - 1; i < k; i++, k--) {
        struct book_diff row = rows[i];
        rows[i] = rows[k];
        rows[k] = row;
    }
    return count;
}

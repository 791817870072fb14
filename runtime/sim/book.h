// book.h: one symbol's limit order book by price level: displayed quantities, an update id, and which levels
// changed. Pure: no clock, no orders; who owns which part of a level is book_match.c's business.
//
// Owner    book_free releases the levels. Pointers into the book hold until the next book_set.
// Units    e8. A level's quantity is above zero; a level of zero does not exist.
// Ids      each change of a level raises update_id by one: REST snapshots and streams count on the same line.
#ifndef MT_SIM_BOOK_H
#define MT_SIM_BOOK_H

#include "trade/record.h"

#include <stdbool.h>
#include <stdint.h>

enum { BOOK_LEVELS_FIRST = 2048 };   // room of a side at the start
enum { BOOK_CHANGES_MAX = 16384 };   // remembered for book_changes

struct book_change {
    int64_t price_e8;
    uint8_t side;
};

struct book {
    struct level_record *levels[SIDE_COUNT];   // the best last: bids rise, asks fall
    int32_t count[SIDE_COUNT], room[SIDE_COUNT];
    int64_t update_id;
    int64_t first_id;              // update_id at the start
    struct book_change *changes;   // of update id i at [i % BOOK_CHANGES_MAX]
};

void book_init(struct book *b, int64_t update_id);
void book_free(struct book *b);

// Whether price a of `side` stands nearer the other side than price b.
bool book_better(int32_t side, int64_t a, int64_t b);

// Sets the quantity of a level; 0 removes it. A side grows as it must: a level dropped could be where an
// order of the account stands.
void book_set(struct book *b, int32_t side, int64_t price_e8, int64_t qty_e8);

// The level `depth` places from the best (0), or NULL.
const struct level_record *book_level(const struct book *b, int32_t side, int32_t depth);
int64_t book_best_e8(const struct book *b, int32_t side);   // 0: none
int64_t book_qty_e8(const struct book *b, int32_t side, int64_t price_e8);

// What an order of `side` could take at `limit_e8` or better, as far as `wanted_e8`.
int64_t book_available_e8(const struct book *b, int32_t side, int64_t limit_e8, int64_t wanted_e8);

// The levels changed after update id `since`, each once, in the order of their last change; rows[0..max-1] of
// quantities as they are now (0: gone). Returns how many, or -1 when the memory does not reach back so far.
struct book_diff {
    int64_t price_e8, qty_e8;
    uint8_t side;
};
int32_t book_changes(const struct book *b, int64_t since, struct book_diff *rows, int32_t max);

#endif

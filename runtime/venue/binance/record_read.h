// record_read.h: the exchange's JSON into records, by the field tables that write them: what record_json
// writes, this reads.
//
// Owner    lists inside a record live in the arena until arena_reset or arena_free.
// Lenient  fields that are missing stay zero; unknown fields are passed over; decimals may be strings or
//          numbers. An unknown word where nothing hangs on it (time in force, price match...) is read as the
//          first one. Sides, statuses and symbols must be there and known, and no list is longer than any answer has:
//          ERR_FORMAT names the field.
#ifndef MT_VENUE_BINANCE_RECORD_READ_H
#define MT_VENUE_BINANCE_RECORD_READ_H

#include "base/err.h"
#include "base/json.h"
#include "trade/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// `scratch` holds the nodes of the text being read.
struct arena {
    char **blocks;
    int32_t count, size;
    size_t used, room, first_room;
    struct json scratch;
};

void *arena_take(struct arena *a, size_t size);   // zeroed; NULL when memory is short
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

struct symbol_list {
    const struct symbol *symbols;
    int32_t count;
};

// The coin that they are settled in.
const char *symbol_list_coin(const struct symbol_list *l);

// One record of `kind` into *record (record_table(kind)->size bytes, zeroed here).
int record_from(int32_t kind, const struct json *j, int32_t node, const struct symbol_list *symbols,
                struct arena *arena, void *record, struct errmsg *e);

// From text: an object gives one row, a list its rows; `list` tells which it was; rows whose
// symbol is not in the list are left out. RECORD_EMPTY gives none.
int record_read_text(int32_t kind, const char *text, size_t size, const struct symbol_list *symbols,
                     struct arena *arena, void **rows, int32_t *count, bool *list, struct errmsg *e);

#endif

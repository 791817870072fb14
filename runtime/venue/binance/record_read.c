// record_read.c: the exchange's JSON as records, by the field tables.
#include "venue/binance/record_read.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "base/dec.h"
#include "base/wide.h"
#include "base/text.h"
#include "venue/binance/field.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BLOCK = 65536,
    ROWS_MAX =
        100000   // far more than any answer has: what is a few bytes on the wire is hundreds as a record
};

// ---- memory ----

void *arena_take(struct arena *a, size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (a->count == 0 || a->used + size > a->room) {
        ARRAY_ROOM(a->blocks, a->size, a->count + 1);
        size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        char *block = alloc_bytes(room);
        a->blocks[a->count++] = block;
        a->room = room;
        if (a->count == 1) a->first_room = room;
        a->used = 0;
    }
    char *at = a->blocks[a->count - 1] + a->used;
    a->used += size;
    memset(at, 0, size);
    return at;
}

void arena_reset(struct arena *a) {
    while (a->count > 1) free(a->blocks[--a->count]);
    if (a->count == 1 && a->first_room > ARENA_BLOCK)
        free(a->blocks[--a->count]);   // one long answer, long ago
    a->used = 0;
    a->room = a->count ? a->first_room : 0;
}

void arena_free(struct arena *a) {
    while (a->count > 0) free(a->blocks[--a->count]);
    free(a->blocks);
    json_free(&a->scratch);
    memset(a, 0, sizeof *a);
}

// ---- values ----

struct reading {
    const struct json *j;
    const struct symbol_list *symbols;
    struct arena *arena;
    struct errmsg *e;
};

static int wrong(const struct reading *r, const struct field *f, int32_t o) {
    size_t size;
    const char *text = json_bytes(r->j, o, &size);
    return errmsg_set(r->e, ERR_FORMAT, "field %s: '%.*s' cannot be read", f->name,
                      size < 40 ? (int)size : 40, text);
}

static void put(char *at, const void *value, size_t size) { memcpy(at, value, size); }

static int read_decimal(const struct reading *r, const struct field *f, int32_t o, char *at) {
    size_t size;
    const char *text = json_bytes(r->j, o, &size);
    int64_t value = 0;
    if (size > 0 && dec_parse_round(text, size, &value)) return wrong(r, f, o);
    put(at, &value, sizeof value);
    return 0;
}

static int read_wide(const struct reading *r, const struct field *f, int32_t o, char *record) {
    size_t size;
    const char *text = json_bytes(r->j, o, &size);
    int64_t low = 0, high = 0;
    if (size > 0 && (wide_parse_round(text, size, &low, &high) || low < 0)) return wrong(r, f, o);
    put(record + f->offset, &low, sizeof low);
    put(record + f->high_offset, &high, sizeof high);
    return 0;
}

static int read_integer(const struct reading *r, const struct field *f, int32_t o, char *at, int64_t scale) {
    size_t size;
    const char *text = json_bytes(r->j, o, &size);
    int64_t value = 0;
    if (size > 0 && id_parse(text, size, &value)) return wrong(r, f, o);
    if (value > INT64_MAX / scale || value < INT64_MIN / scale) return wrong(r, f, o);
    value *= scale;
    put(at, &value, sizeof value);
    return 0;
}

static int read_int32(const struct reading *r, const struct field *f, int32_t o, char *at) {
    int64_t wide;
    int err = read_integer(r, f, o, (char *)&wide, 1);
    if (err || wide > INT32_MAX || wide < INT32_MIN) return err ? err : wrong(r, f, o);
    int32_t value = (int32_t)wide;
    put(at, &value, sizeof value);
    return 0;
}

// Words on which money hangs.
static bool strict(const char *const *names) {
    return names == side_names || names == order_status_names || names == execution_names ||
           names == algo_status_names || names == position_side_names;
}

static int read_enum(const struct reading *r, const struct field *f, int32_t o, char *at) {
    for (uint8_t i = 0; i < f->name_count; i++) {
        if (json_is(r->j, o, f->names[i])) {
            *at = (char)i;
            return 0;
        }
    }
    return strict(f->names) ? wrong(r, f, o) : 0;
}

static int missing(const struct reading *r, const struct field *f) {
    return errmsg_set(r->e, ERR_FORMAT, "field %s is missing", f->name);
}

// Whether it may name no symbol: bookings of the account are of none, and of a pair only some speak.
static bool may_be_none(const struct field *f) {
    return f->zero == ZERO_ABSENT || f->zero == ZERO_EMPTY ||
           (strcmp(f->name, "symbol") != 0 && strcmp(f->name, "s") != 0);
}

static int read_symbol(const struct reading *r, const struct field *f, int32_t o, char *record) {
    char name[64];
    json_copy(r->j, o, name, sizeof name);
    int16_t index = (int16_t)symbol_find(r->symbols->symbols, r->symbols->count, name);
    put(record + f->offset, &index, sizeof index);
    if (index >= 0) return 0;
    if (*name == 0) return may_be_none(f) ? 0 : missing(r, f);
    if (f->other_offset && strlen(name) < SYMBOL_NAME_MAX) {
        memcpy(record + f->other_offset, name, strlen(name) + 1);
        return 0;
    }
    return errmsg_set(r->e, ERR_NOT_FOUND, "field %s: no symbol '%.40s' here", f->name, name);
}

const char *symbol_list_coin(const struct symbol_list *l) {
    ASSERT(l != NULL);
    return symbol_coin(l->count > 0 ? l->symbols : NULL);
}

static int read_into(const struct reading *r, int32_t kind, int32_t o, char *record);

static int read_rows(const struct reading *r, int32_t kind, int32_t list, char **rows, int32_t *count) {
    size_t size = record_table(kind)->size, length = (size_t)json_length(r->j, list);
    *count = 0;
    if (length > ROWS_MAX)
        return errmsg_set(r->e, ERR_FORMAT, "%s: a list of %zu", record_table(kind)->name, length);
    *rows = arena_take(r->arena, size * (length ? length : 1));
    if (!*rows) return errmsg_set(r->e, ERR_NO_MEMORY, "no memory for an answer");
    for (int32_t item = json_first(r->j, list); item != JSON_NONE; item = json_next(r->j, list, item)) {
        char *row = *rows + (size_t)*count * size;
        memset(row, 0, size);
        int err = read_into(r, kind, item, row);
        if (err == ERR_NOT_FOUND) continue;   // of a symbol that this run does not know
        if (err) return err;
        ++*count;
    }
    return 0;
}

// The row that says what the table's constants say (the coin of the contracts among all assets), as far as it says anything of
// that.
static int32_t meant_row(const struct reading *r, int32_t kind, int32_t list) {
    const struct record_table *t = record_table(kind);
    for (int32_t row = json_first(r->j, list); row != JSON_NONE; row = json_next(r->j, list, row)) {
        bool meant = true;
        for (int i = 0; i < t->field_count && meant; i++) {
            const struct field *f = &t->fields[i];
            const char *text = f->type == FIELD_CONST  ? f->text
                               : f->type == FIELD_COIN ? symbol_list_coin(r->symbols)
                                                       : NULL;
            int32_t value = text ? json_get(r->j, row, f->name, NULL) : JSON_NONE;
            meant = value == JSON_NONE || json_is(r->j, value, text);
        }
        if (meant) return row;
    }
    return JSON_NONE;
}

static int read_list(const struct reading *r, const struct field *f, int32_t o, char *record) {
    if (json_kind(r->j, o) != JSON_LIST) return wrong(r, f, o);
    if (f->type == FIELD_LIST) {
        char *rows;
        int32_t count;
        int err = read_rows(r, f->kind, o, &rows, &count);
        if (err) return err;
        put(record + f->offset, &rows, sizeof rows);
        put(record + f->count_offset, &count, sizeof count);
        return 0;
    }
    if (json_length(r->j, o) == 0) {
        int16_t none = SYMBOL_NONE;
        if (f->type == FIELD_ONE_IF) put(record + f->symbol_offset, &none, sizeof none);
        return 0;
    }
    int32_t row = meant_row(r, f->kind, o);
    return row == JSON_NONE ? 0 : read_into(r, f->kind, row, record + f->offset);
}

static int read_value(const struct reading *r, const struct field *f, int32_t o, char *record) {
    char *at = record + f->offset;
    switch (f->type) {
    case FIELD_INT32:
    case FIELD_INT32_TEXT: return read_int32(r, f, o, at);
    case FIELD_INT64:
    case FIELD_INT_TEXT:
    case FIELD_ID:
    case FIELD_ID_TEXT: return read_integer(r, f, o, at, 1);
    case FIELD_MS: return read_integer(r, f, o, at, 1000);
    case FIELD_BOOL:
        *at = (char)json_is(r->j, o, "true");   // some are in quotes
        return 0;
    case FIELD_QTY:
    case FIELD_DEC: return f->high_offset ? read_wide(r, f, o, record) : read_decimal(r, f, o, at);
    case FIELD_PRICE:
    case FIELD_DEC8:
    case FIELD_NUMBER: return read_decimal(r, f, o, at);
    case FIELD_ENUM: return read_enum(r, f, o, at);
    case FIELD_TEXT: json_copy(r->j, o, at, f->text_size); return 0;
    case FIELD_COIN_TEXT:
        json_copy(r->j, o, at, f->text_size);
        if (strcmp(at, symbol_list_coin(r->symbols)) == 0) at[0] = 0;
        return 0;
    case FIELD_SYMBOL: return read_symbol(r, f, o, record);
    case FIELD_CONST:
    case FIELD_CONST_BOOL:
    case FIELD_CONST_INT:
    case FIELD_COIN: return 0;
    case FIELD_OBJECT: return read_into(r, f->kind, o, at);
    default: return read_list(r, f, o, record);
    }
}

// What an absent field leaves: zero, or no symbol; without the symbol and the words on which money hangs nothing is known.
static int read_absent(const struct reading *r, const struct field *f, char *record) {
    static const int16_t no_symbol = SYMBOL_NONE;
    bool one_way = f->names == position_side_names;   // not told where an account knows no other
    if (f->type == FIELD_ENUM && strict(f->names) && !one_way) return missing(r, f);
    if (f->type != FIELD_SYMBOL) return 0;
    if (f->zero == ZERO_ABSENT || f->zero == ZERO_EMPTY)
        put(record + f->offset, &no_symbol, sizeof no_symbol);
    return may_be_none(f) ? 0 : missing(r, f);
}

static int read_into(const struct reading *r, int32_t kind, int32_t o, char *record) {
    const struct record_table *table = record_table(kind);
    ASSERT(table != NULL);
    if (json_kind(r->j, o) != (table->array ? JSON_LIST : JSON_OBJECT)) {
        return errmsg_set(r->e, ERR_FORMAT, "%s: not %s", table->name, table->array ? "a list" : "an object");
    }
    int32_t item = table->array ? json_first(r->j, o) : JSON_NONE, hint = 0;
    for (uint8_t i = 0; i < table->field_count; i++) {
        const struct field *f = &table->fields[i];
        if (f->written_only) continue;   // of objects only
        if (!table->array) item = json_get(r->j, o, f->name, &hint);
        enum json_kind type = json_kind(r->j, item);
        bool absent = type == JSON_MISSING || type == JSON_NULL;
        int err = absent ? read_absent(r, f, record) : read_value(r, f, item, record);
        if (err) return err;
        if (table->array) item = json_next(r->j, o, item);
    }
    return 0;
}

int record_from(int32_t kind, const struct json *j, int32_t node, const struct symbol_list *symbols,
                struct arena *arena, void *record, struct errmsg *e) {
    struct reading r = { j, symbols, arena, e };
    memset(record, 0, record_table(kind)->size);
    return read_into(&r, kind, node, record);
}

int record_read_text(int32_t kind, const char *text, size_t size, const struct symbol_list *symbols,
                     struct arena *arena, void **rows, int32_t *count, bool *list, struct errmsg *e) {
    struct json *j = &arena->scratch;
    struct reading r = { j, symbols, arena, e };
    *count = 0;
    *rows = NULL;
    int err = json_parse(j, text, size);
    *list = json_kind(j, 0) == JSON_LIST;
    if (err)
        return errmsg_set(e, err == ERR_SYNTAX ? ERR_FORMAT : err, "not JSON: %.*s",
                          size < 60 ? (int)size : 60, text);
    if (kind == RECORD_EMPTY) return ERR_OK;
    if (*list) {
        char *first;
        err = read_rows(&r, kind, 0, &first, count);
        *rows = first;
        return err;
    }
    *rows = arena_take(arena, record_table(kind)->size);
    *count = 1;
    return *rows ? read_into(&r, kind, 0, *rows) : errmsg_set(e, ERR_NO_MEMORY, "no memory for an answer");
}

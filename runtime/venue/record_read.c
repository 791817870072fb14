#include "venue/record_read.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/text.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 65536 };

// ---- memory -----------------------------------------------------------------------------------------------------

void *arena_take(struct arena *a, size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (a->count == 0 || a->used + size > a->room) {
        if (a->count == a->size) {
            int32_t wanted = a->size ? a->size * 2 : 8;
            char **blocks = realloc(a->blocks, (size_t)wanted * sizeof *blocks);
            if (!blocks) return NULL;
            a->blocks = blocks;
            a->size = wanted;
        }
        size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        char *block = malloc(room);
        if (!block) return NULL;
        a->blocks[a->count++] = block;
        a->room = room;
        a->used = 0;
    }
    char *at = a->blocks[a->count - 1] + a->used;
    a->used += size;
    memset(at, 0, size);
    return at;
}

void arena_reset(struct arena *a) {
    while (a->count > 0) free(a->blocks[--a->count]);
    a->used = a->room = 0;
}

void arena_free(struct arena *a) {
    arena_reset(a);
    free(a->blocks);
    memset(a, 0, sizeof *a);
}

// ---- values -----------------------------------------------------------------------------------------------------

struct reading { const struct symbol_list *symbols; struct arena *arena; struct errmsg *e; };

static int wrong(const struct reading *r, const struct field *f, struct json_object *o) {
    return errmsg_set(r->e, ERR_FORMAT, "field %s: '%.40s' cannot be read", f->name, o ? json_object_get_string(o) : "null");
}

static void put(char *at, const void *value, size_t size) { memcpy(at, value, size); }

static int read_decimal(const struct reading *r, const struct field *f, struct json_object *o, char *at) {
    const char *text = json_object_get_string(o);
    int64_t value = 0;
    if (*text && dec_parse_round(text, strlen(text), &value)) return wrong(r, f, o);
    put(at, &value, sizeof value);
    return 0;
}

static int read_integer(const struct reading *r, const struct field *f, struct json_object *o, char *at, int64_t scale) {
    const char *text = json_object_get_string(o);
    int64_t value = 0;
    if (*text && id_parse(text, strlen(text), &value)) return wrong(r, f, o);
    if (value > INT64_MAX / scale || value < INT64_MIN / scale) return wrong(r, f, o);
    value *= scale;
    put(at, &value, sizeof value);
    return 0;
}

static int read_int32(const struct reading *r, const struct field *f, struct json_object *o, char *at) {
    int64_t wide;
    int err = read_integer(r, f, o, (char *)&wide, 1);
    if (err || wide > INT32_MAX || wide < INT32_MIN) return err ? err : wrong(r, f, o);
    int32_t value = (int32_t)wide;
    put(at, &value, sizeof value);
    return 0;
}

// Words on which money hangs.
static bool strict(const char *const *names) {
    return names == side_names || names == order_status_names || names == execution_names || names == algo_status_names ||
           names == position_side_names;
}

static int read_enum(const struct reading *r, const struct field *f, struct json_object *o, char *at) {
    const char *text = json_object_get_string(o);
    for (uint8_t i = 0; i < f->count_offset; i++) {
        if (strcmp(f->names[i], text) == 0) {
            *at = (char)i;
            return 0;
        }
    }
    return strict(f->names) ? wrong(r, f, o) : 0;
}

static void read_text(const struct field *f, struct json_object *o, char *at) {
    const char *text = json_object_get_string(o);
    size_t size = strlen(text), room = (size_t)f->count_offset - 1;
    memcpy(at, text, size < room ? size : room);
}

static int read_symbol(const struct reading *r, const struct field *f, struct json_object *o, char *at) {
    const char *name = json_object_get_string(o);
    int16_t index = (int16_t)symbol_find(r->symbols->symbols, r->symbols->count, name);
    put(at, &index, sizeof index);
    return index >= 0 || *name == 0 ? 0 : errmsg_set(r->e, ERR_NOT_FOUND, "field %s: no symbol '%.40s' here", f->name, name);
}

static int read_into(const struct reading *r, int32_t kind, struct json_object *o, char *record);

static int read_rows(const struct reading *r, int32_t kind, struct json_object *list, char **rows, int32_t *count) {
    size_t size = record_table(kind)->size, length = json_object_array_length(list);
    *count = 0;
    *rows = arena_take(r->arena, size * (length ? length : 1));
    if (!*rows) return errmsg_set(r->e, ERR_NO_MEMORY, "no memory for an answer");
    for (size_t i = 0; i < length; i++) {
        char *row = *rows + (size_t)*count * size;
        memset(row, 0, size);
        int err = read_into(r, kind, json_object_array_get_idx(list, i), row);
        if (err == ERR_NOT_FOUND) continue;   // of a symbol that this run does not know
        if (err) return err;
        ++*count;
    }
    return 0;
}

static int read_list(const struct reading *r, const struct field *f, struct json_object *o, char *record) {
    if (!json_object_is_type(o, json_type_array)) return wrong(r, f, o);
    if (f->type == FIELD_LIST) {
        char *rows;
        int32_t count;
        int err = read_rows(r, f->kind, o, &rows, &count);
        if (err) return err;
        put(record + f->offset, &rows, sizeof rows);
        put(record + f->count_offset, &count, sizeof count);
        return 0;
    }
    if (json_object_array_length(o) == 0) {
        int16_t none = SYMBOL_NONE;
        if (f->type == FIELD_ONE_IF) put(record + f->count_offset, &none, sizeof none);
        return 0;
    }
    return read_into(r, f->kind, json_object_array_get_idx(o, 0), record + f->offset);
}

static int read_value(const struct reading *r, const struct field *f, struct json_object *o, char *record) {
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
        *at = (char)(json_object_is_type(o, json_type_string) ? strcmp(json_object_get_string(o), "true") == 0
                                                              : json_object_get_boolean(o));
        return 0;
    case FIELD_PRICE:
    case FIELD_QTY:
    case FIELD_DEC8:
    case FIELD_DEC:
    case FIELD_NUMBER: return read_decimal(r, f, o, at);
    case FIELD_ENUM: return read_enum(r, f, o, at);
    case FIELD_TEXT: read_text(f, o, at); return 0;
    case FIELD_SYMBOL: return read_symbol(r, f, o, at);
    case FIELD_CONST:
    case FIELD_CONST_BOOL:
    case FIELD_CONST_INT: return 0;
    case FIELD_OBJECT: return read_into(r, f->kind, o, at);
    default: return read_list(r, f, o, record);
    }
}

static int read_into(const struct reading *r, int32_t kind, struct json_object *o, char *record) {
    const struct record_table *table = record_table(kind);
    ASSERT(table != NULL);
    if (!json_object_is_type(o, table->array ? json_type_array : json_type_object)) {
        return errmsg_set(r->e, ERR_FORMAT, "%s: not %s", table->name, table->array ? "a list" : "an object");
    }
    for (uint8_t i = 0; i < table->field_count; i++) {
        const struct field *f = &table->fields[i];
        struct json_object *item = NULL;
        if (table->array) item = json_object_array_get_idx(o, i);
        else if (!json_object_object_get_ex(o, f->name, &item)) continue;
        if (!item) continue;   // null
        int err = read_value(r, f, item, record);
        if (err) return err;
    }
    return 0;
}

int record_read(int32_t kind, struct json_object *o, const struct symbol_list *symbols, struct arena *arena, void *record,
                struct errmsg *e) {
    struct reading r = { symbols, arena, e };
    memset(record, 0, record_table(kind)->size);
    return read_into(&r, kind, o, record);
}

int record_read_list(int32_t kind, struct json_object *list, const struct symbol_list *symbols, struct arena *arena,
                     void **rows, int32_t *count, struct errmsg *e) {
    struct reading r = { symbols, arena, e };
    if (!json_object_is_type(list, json_type_array)) return errmsg_set(e, ERR_FORMAT, "%s: not a list", record_table(kind)->name);
    char *first;
    int err = read_rows(&r, kind, list, &first, count);
    *rows = first;
    return err;
}

int record_read_text(int32_t kind, const char *text, size_t size, const struct symbol_list *symbols, struct arena *arena,
                     void **rows, int32_t *count, bool *list, struct errmsg *e) {
    struct json_tokener *reader = json_tokener_new_ex(32);
    if (!reader) return errmsg_set(e, ERR_NO_MEMORY, "no memory for an answer");
    struct json_object *o = json_tokener_parse_ex(reader, text, (int)size);
    enum json_tokener_error problem = json_tokener_get_error(reader);
    json_tokener_free(reader);
    *count = 0;
    *rows = NULL;
    *list = json_object_is_type(o, json_type_array);
    int err = problem == json_tokener_success && o ? ERR_OK : errmsg_set(e, ERR_FORMAT, "not JSON: %.60s", text);
    if (!err && kind != RECORD_EMPTY && *list) err = record_read_list(kind, o, symbols, arena, rows, count, e);
    if (!err && kind != RECORD_EMPTY && !*list) {
        *rows = arena_take(arena, record_table(kind)->size);
        *count = 1;
        err = *rows ? record_read(kind, o, symbols, arena, *rows, e) : errmsg_set(e, ERR_NO_MEMORY, "no memory for an answer");
    }
    json_object_put(o);
    return err;
}

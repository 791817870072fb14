// table.c: any CSV of an archive as columns of numbers, block by block.
#include "data/table.h"

#include "base/array.h"
#include "base/assert.h"
#include "base/dec.h"
#include "base/text.h"
#include "data/source.h"
#include "data/stamp.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIELD_SIZE_MAX = 1 << 16 };

struct table {
    char *path;   // a copy
    uint8_t types[TABLE_COLUMNS_MAX];
    int32_t columns;
    struct source *source;
    struct csv_parser parser;
    bool ended;
    int32_t line, field;
    int64_t row[TABLE_COLUMNS_MAX];
    char fault[128];   // of the row being read; empty: none
    bool heading;      // the row being read is a header
    int64_t *values[TABLE_COLUMNS_MAX];
    int64_t room[TABLE_COLUMNS_MAX], line_room, count;
    int32_t *lines;
    struct row_fault *faults;
    int64_t fault_count, fault_room;
};

static int boolean(const char *text, size_t size, int64_t *out) {
    if (size == 4 && strncasecmp(text, "true", 4) == 0)
        *out = 1;
    else if (size == 5 && strncasecmp(text, "false", 5) == 0)
        *out = 0;
    else
        return ERR_SYNTAX;
    return 0;
}

static int integer(const char *text, size_t size, int64_t *out) {
    char digits[24];
    if (size == 0 || size >= sizeof digits) return ERR_SYNTAX;
    memcpy(digits, text, size);
    digits[size] = '\0';
    return id_parse(digits, size, out);
}

static int read_field(uint8_t type, const char *text, size_t size, int64_t *out) {
    switch (type) {
    case TABLE_INTEGER: return integer(text, size, out);
    case TABLE_DECIMAL: return dec_parse_round(text, size, out);
    case TABLE_STAMP: return stamp_parse(text, size, out);
    case TABLE_BOOLEAN: return boolean(text, size, out);
    default: return 0;
    }
}

static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static void on_field(void *data, size_t size, void *ctx) {
    struct table *t = ctx;
    const char *text = size ? data : "";
    int32_t index = t->field++;
    if (index == 0 && t->line == 1) t->heading = size > 0 && letter(text[0]);
    if (index >= t->columns || t->heading || t->fault[0]) return;
    t->row[index] = 0;
    if (read_field(t->types[index], text, size, &t->row[index]) == 0) return;
    char shown[24];
    size_t length = size < 20 ? size : 20;
    for (size_t i = 0; i < length; i++) shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    shown[length] = '\0';
    snprintf(t->fault, sizeof t->fault, "column %d: '%s' is not what belongs there", index + 1, shown);
}

static void keep_row(struct table *t) {
    for (int32_t i = 0; i < t->columns; i++) {
        ARRAY_ROOM(t->values[i], t->room[i], t->count + 1);
        t->values[i][t->count] = t->row[i];
    }
    ARRAY_ROOM(t->lines, t->line_room, t->count + 1);
    t->lines[t->count++] = t->line;
}

static void keep_fault(struct table *t) {
    ARRAY_ROOM(t->faults, t->fault_room, t->fault_count + 1);
    struct row_fault *f = &t->faults[t->fault_count++];
    f->line = t->line;
    memcpy(f->text, t->fault, sizeof f->text);
}

static void on_row(int end, void *ctx) {
    struct table *t = ctx;
    if (t->field > 0 && !t->heading) {
        if (t->field < t->columns && !t->fault[0])
            snprintf(t->fault, sizeof t->fault, "%d fields where %d belong", t->field, t->columns);
        if (t->fault[0])
            keep_fault(t);
        else
            keep_row(t);
    }
    t->field = 0;
    t->fault[0] = '\0';
    if (end == '\n') t->line++;
    if (t->line > 1) t->heading = false;
}

int table_open(const char *path, const uint8_t *types, int32_t columns, struct table **out,
               struct errmsg *e) {
    ASSERT(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    struct table *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t || csv_init(&t->parser, CSV_REPALL_NL) != 0) {
        free(t);
        return errmsg_set(e, ERR_NO_MEMORY, "%s: no memory to read it", path);
    }
    t->path = strdup(path);
    t->columns = columns;
    t->line = 1;
    memcpy(t->types, types, (size_t)columns);
    int err = t->path ? source_open(t->path, &t->source, e) : ERR_NO_MEMORY;
    if (err) {
        table_close(t);
        return err;
    }
    *out = t;
    return 0;
}

static void hand_over(const struct table *t, struct table_block *out) {
    out->columns = t->columns;
    out->count = t->count;
    for (int32_t i = 0; i < t->columns; i++) out->values[i] = t->values[i];
    out->lines = t->lines;
    out->faults = t->faults;
    out->fault_count = t->fault_count;
}

int table_next(struct table *t, struct table_block *out, struct errmsg *e) {
    memset(out, 0, sizeof *out);
    t->count = t->fault_count = 0;
    while (!t->ended && t->count == 0 && t->fault_count == 0) {
        const void *block;
        size_t size;
        int err = source_read(t->source, &block, &size, e);
        if (err) return err;
        t->ended = size == 0;
        if (t->ended)
            csv_fini(&t->parser, on_field, on_row, t);
        else if (csv_parse(&t->parser, block, size, on_field, on_row, t) != size ||
                 csv_get_buffer_size(&t->parser) > FIELD_SIZE_MAX)
            return errmsg_set(e, ERR_FORMAT, "%s: line %d: no rows of a CSV", t->path, t->line);
    }
    hand_over(t, out);
    return t->count > 0 || t->fault_count > 0;
}

void table_close(struct table *t) {
    if (!t) return;
    source_close(t->source);
    csv_free(&t->parser);
    for (int32_t i = 0; i < t->columns; i++) free(t->values[i]);
    free(t->lines);
    free(t->faults);
    free(t->path);
    free(t);
}

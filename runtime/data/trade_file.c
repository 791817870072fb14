// trade_file.c: trades of CSV files, one file after the other.
#include "data/trade_file.h"

#include "base/array.h"
#include "base/dec.h"
#include "base/text.h"
#include "data/stamp.h"
#include "data/source.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIELDS_MAX = 16, FIELD_SIZE_MAX = 4096 };
enum role { ROLE_NONE, ROLE_PRICE, ROLE_QTY, ROLE_TIME, ROLE_MAKER, ROLE_ID };

struct trade_file {
    char **paths;
    int32_t count, at;   // the file being read
    struct source *source;
    struct csv_parser parser;
    bool parsing;   // a parser is open
    uint8_t roles[FIELDS_MAX];
    int32_t field_count;          // of the file; 0: not known yet
    char first[FIELDS_MAX][32];   // fields of its first row
    int32_t field, line;
    struct trade_row row;
    struct trade_row *rows;   // read and not yet asked for
    int64_t row_count, row_next, row_size;
    int64_t last_us, last_id, id;   // the ids of trades rise
    int err;
    struct errmsg *e;
};

static void fail(struct trade_file *f, const char *what) {
    if (f->err == 0) f->err = errmsg_set(f->e, ERR_FORMAT, "%s: line %d: %s", f->paths[f->at], f->line, what);
}

static void store(struct trade_file *f, uint8_t role, const char *text, size_t size) {
    int err = 0;
    if (role == ROLE_PRICE) err = dec_parse_round(text, size, &f->row.price_e8);
    if (role == ROLE_QTY) err = dec_parse_round(text, size, &f->row.qty_e8);
    if (role == ROLE_ID && id_parse(text, size, &f->id)) f->id = 0;
    if (role == ROLE_TIME) err = stamp_parse(text, size, &f->row.time_us);
    if (role == ROLE_MAKER) {
        bool yes = size == 4 && strncasecmp(text, "true", 4) == 0,
             no = size == 5 && strncasecmp(text, "false", 5) == 0;
        f->row.buyer_maker = yes;
        if (!yes && !no) fail(f, "is_buyer_maker is neither true nor false");
    }
    if (err) fail(f, role == ROLE_TIME ? "not a time" : "a price or quantity that is not a number");
}

static void on_field(void *text, size_t size, void *ctx) {
    struct trade_file *f = ctx;
    int32_t index = f->field++;
    if (f->err || index >= FIELDS_MAX) return;
    const char *value = size ? text : "";
    if (f->field_count > 0) {
        store(f, f->roles[index], value, size);
        return;
    }
    size_t length = size < sizeof f->first[0] - 1 ? size : sizeof f->first[0] - 1;
    memcpy(f->first[index], value, length);
    f->first[index][length] = 0;
}

static void keep_row(struct trade_file *f) {
    if (f->field != f->field_count) fail(f, "not as many fields as the first line has");
    if (f->row.price_e8 <= 0 || f->row.qty_e8 < 0) fail(f, "a price of zero or a negative quantity");
    if (f->id > 0 && f->id == f->last_id) fail(f, "the trade before it once more");
    if (f->id > 0 && f->id < f->last_id)
        fail(f, "its id is below that of the trade before it: twice, or out of order");
    f->last_id = f->id;
    f->id = 0;   // the next file may have none
    if (f->row.time_us < f->last_us) fail(f, "earlier than the trade before it");
    if (f->err || f->row.qty_e8 == 0) return;
    f->last_us = f->row.time_us;
    ARRAY_ROOM(f->rows, f->row_size, f->row_count + 1);
    f->rows[f->row_count++] = f->row;
}

static uint8_t role_named(const char *name) {
    static const struct {
        const char *name;
        uint8_t role;
    } names[] = {
        { "price", ROLE_PRICE },          { "quantity", ROLE_QTY },    { "qty", ROLE_QTY },
        { "transact_time", ROLE_TIME },   { "time", ROLE_TIME },       { "timestamp", ROLE_TIME },
        { "is_buyer_maker", ROLE_MAKER }, { "agg_trade_id", ROLE_ID }, { "id", ROLE_ID },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasecmp(names[i].name, name) == 0) return names[i].role;
    }
    return ROLE_NONE;
}

// The first row is a header, or tells by its length which archive this is (wire contract, section 11).
static void first_row(struct trade_file *f) {
    static const uint8_t sums[7] = { ROLE_ID, ROLE_PRICE, ROLE_QTY, 0, 0, ROLE_TIME, ROLE_MAKER };
    static const uint8_t singles[6] = { ROLE_ID, ROLE_PRICE, ROLE_QTY, 0, ROLE_TIME, ROLE_MAKER };
    bool header = f->first[0][0] < '0' || f->first[0][0] > '9';
    memset(f->roles, ROLE_NONE, sizeof f->roles);
    f->field_count = f->field;
    unsigned found = 0;
    if (f->field == 7 && !header)
        memcpy(f->roles, sums, sizeof sums);
    else if (f->field == 6 && !header)
        memcpy(f->roles, singles, sizeof singles);
    for (int32_t i = 0; i < f->field && i < FIELDS_MAX; i++) {
        if (header) f->roles[i] = role_named(f->first[i]);
        found |= 1U << f->roles[i];
    }
    if (f->field > FIELDS_MAX || (found & 30U) != 30U) {
        fail(f, "no trades: expected columns price, quantity, time and is_buyer_maker");
        return;
    }
    if (header) return;
    for (int32_t i = 0; i < f->field; i++) store(f, f->roles[i], f->first[i], strlen(f->first[i]));
    if (!f->err) keep_row(f);
}

static void on_row(int end, void *ctx) {
    struct trade_file *f = ctx;
    if (!f->err && f->field > 0) {
        if (f->field_count == 0)
            first_row(f);
        else
            keep_row(f);
    }
    f->field = 0;
    if (end == '\n') f->line++;
}

static void close_one(struct trade_file *f) {
    if (f->parsing) csv_free(&f->parser);
    source_close(f->source);
    f->source = NULL;
    f->parsing = false;
}

static int open_one(struct trade_file *f, struct errmsg *e) {
    f->field = f->field_count = 0;
    f->line = 1;
    if (csv_init(&f->parser, CSV_REPALL_NL) != 0) return errmsg_set(e, ERR_NO_MEMORY, "no memory for trades");
    f->parsing = true;
    return source_open(f->paths[f->at], &f->source, e);
}

// Reads on until there are rows, or no more files.
static int fill(struct trade_file *f, struct errmsg *e) {
    f->row_count = f->row_next = 0;
    f->e = e;
    while (f->row_count == 0) {
        if (!f->source) {
            if (f->at == f->count) return 0;
            int err = open_one(f, e);
            if (err) return err;
        }
        const void *block;
        size_t size;
        int err = source_read(f->source, &block, &size, e);
        if (err) return err;
        if (size == 0)
            csv_fini(&f->parser, on_field, on_row, f);
        else if (csv_parse(&f->parser, block, size, on_field, on_row, f) != size)
            return errmsg_set(e, ERR_NO_MEMORY, "no memory for trades");
        if (csv_get_buffer_size(&f->parser) > FIELD_SIZE_MAX) fail(f, "a field too long for trades");
        if (f->err) return f->err;
        if (size == 0) {
            close_one(f);
            f->at++;
        }
    }
    return 1;
}

int trade_file_next(struct trade_file *f, struct trade_row *row, struct errmsg *e) {
    if (f->err) return f->err;
    if (f->row_next == f->row_count) {
        int got = fill(f, e);
        if (got != 1) return got;
    }
    *row = f->rows[f->row_next++];
    return 1;
}

int trade_file_open(const char *const *paths, int32_t count, struct trade_file **out, struct errmsg *e) {
    struct trade_file *f = calloc(1, sizeof *f);
    char **copies = calloc((size_t)count + 1, sizeof *copies);
    if (!f || !copies) {
        free(f);
        free(copies);
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for trades");
    }
    f->paths = copies;
    f->count = count;
    for (int32_t i = 0; i < count; i++) copies[i] = strdup(paths[i]);
    int err = count > 0 && copies[0] ? open_one(f, e) : 0;   // what is missing is told at once
    if (err)
        trade_file_close(f);
    else
        *out = f;
    return err;
}

void trade_file_close(struct trade_file *f) {
    if (!f) return;
    close_one(f);
    for (int32_t i = 0; i < f->count; i++) free(f->paths[i]);
    free(f->paths);
    free(f->rows);
    free(f);
}

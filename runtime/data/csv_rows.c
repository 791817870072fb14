// csv_rows.c: bars and funding rates of one CSV file as typed rows.
#include "data/csv_rows.h"

#include "base/array.h"
#include "data/grid.h"
#include "data/source.h"

#include "base/dec.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIELDS_MAX = 64, NAME_MAX_SIZE = 40, FIELD_SIZE_MAX = 1 << 16, ARCHIVE_FIELDS = 12 };
enum { ROLE_NONE = -1, ROLE_RATE = COLUMN_OPEN };

struct reader {
    const char *path;
    struct rows *rows;
    struct errmsg *e;
    int64_t row_max;
    int err;        // the first one; later fields are ignored
    bool done;      // row_max reached
    bool started;   // roles are known
    int32_t line;
    int field;         // index in the row being read
    int field_count;   // of the header, or of the first row
    int8_t roles[FIELDS_MAX];
    char names[FIELDS_MAX][NAME_MAX_SIZE];   // fields of the first row
    struct bar_row row;
};

// Names a column goes by, the archive's own first.
static const struct {
    const char *name;
    int8_t role;
} column_names[] = {
    { "open_time", COLUMN_OPEN_US },
    { "time", COLUMN_OPEN_US },
    { "timestamp", COLUMN_OPEN_US },
    { "date", COLUMN_OPEN_US },
    { "open", COLUMN_OPEN },
    { "high", COLUMN_HIGH },
    { "low", COLUMN_LOW },
    { "close", COLUMN_CLOSE },
    { "volume", COLUMN_VOLUME },
    { "quote_volume", COLUMN_QUOTE_VOLUME },
    { "quote_asset_volume", COLUMN_QUOTE_VOLUME },
    { "count", COLUMN_TRADES },
    { "trades", COLUMN_TRADES },
    { "number_of_trades", COLUMN_TRADES },
    { "taker_buy_volume", COLUMN_TAKER_VOLUME },
    { "taker_buy_base_asset_volume", COLUMN_TAKER_VOLUME },
    { "taker_buy_quote_volume", COLUMN_TAKER_QUOTE_VOLUME },
    { "taker_buy_quote_asset_volume", COLUMN_TAKER_QUOTE_VOLUME },
};

static const char *const role_names[COLUMN_COUNT] = { "open_time",
                                                      "open",
                                                      "high",
                                                      "low",
                                                      "close",
                                                      "volume",
                                                      "quote_volume",
                                                      "count",
                                                      "taker_buy_volume",
                                                      "taker_buy_quote_volume" };

// The archive's order, for files without a header; close_time and ignore carry nothing that is needed.
static const int8_t archive_roles[ARCHIVE_FIELDS] = { COLUMN_OPEN_US,
                                                      COLUMN_OPEN,
                                                      COLUMN_HIGH,
                                                      COLUMN_LOW,
                                                      COLUMN_CLOSE,
                                                      COLUMN_VOLUME,
                                                      ROLE_NONE,
                                                      COLUMN_QUOTE_VOLUME,
                                                      COLUMN_TRADES,
                                                      COLUMN_TAKER_VOLUME,
                                                      COLUMN_TAKER_QUOTE_VOLUME,
                                                      ROLE_NONE };

static void fail_row(struct reader *r, const char *what) {
    if (r->err == 0) r->err = errmsg_set(r->e, ERR_FORMAT, "%s: line %d: %s", r->path, r->line, what);
}

// Text of a field fit for an error line: short, and nothing that a terminal would obey.
static const char *printable(const char *text, size_t size, char out[24]) {
    size_t length = size < 20 ? size : 20;
    for (size_t i = 0; i < length; i++) out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[length] = '\0';
    return out;
}

static void fail_field(struct reader *r, int role, const char *text, size_t size) {
    char shown[24];
    const char *name = r->rows->funding && role == ROLE_RATE ? "last_funding_rate" : role_names[role];
    if (r->err) return;
    r->err = errmsg_set(r->e, ERR_FORMAT, "%s: line %d: '%s' is no %s of %s", r->path, r->line,
                        printable(text, size, shown), role == COLUMN_OPEN_US ? "time" : "number", name);
}

static void field_store(struct reader *r, int role, const char *text, size_t size) {
    int64_t *value = &r->row.values[role];
    int err;
    if (role == COLUMN_OPEN_US) {
        err = stamp_parse(text, size, value);
    } else if (role <= COLUMN_CLOSE) {
        err = dec_parse(text, size, value);
        if (err == ERR_OVERFLOW) err = dec_parse_round(text, size, value);
    } else {
        err = dec_parse_round(text, size, value);
        // A month of a large market's quote volume is beyond 92 billion; the largest number stands for it.
        if (err == ERR_OVERFLOW && text[0] != '-') {
            *value = DEC_MAX;
            err = 0;
        }
        if (role == COLUMN_TRADES) *value /= DEC_ONE;
    }
    if (err) fail_field(r, role, text, size);
}

static void on_field(void *text, size_t size, void *ctx) {
    struct reader *r = ctx;
    int index = r->field++;
    if (r->err || r->done) return;
    if (r->started) {
        if (index < r->field_count && r->roles[index] != ROLE_NONE)
            field_store(r, r->roles[index], size ? text : "", size);
        return;
    }
    if (index >= FIELDS_MAX) return;
    const char *name = size ? text : "";
    if (index == 0 && size >= 3 &&
        memcmp(name, "\xef\xbb\xbf", 3) == 0) {   // the byte order mark of spreadsheets
        name += 3;
        size -= 3;
    }
    size_t length = size < NAME_MAX_SIZE - 1 ? size : NAME_MAX_SIZE - 1;
    if (length) memcpy(r->names[index], name, length);
    r->names[index][length] = '\0';
}

static void make_room(struct rows *rows) {
    if (rows->count < rows->capacity) return;
    int64_t lines = rows->capacity;
    ARRAY_ROOM(rows->lines, lines, rows->count + 1);
    ARRAY_ROOM(rows->bars, rows->capacity, rows->count + 1);
}

static void check_bar(struct reader *r) {
    const int64_t *v = r->row.values;
    if (v[COLUMN_LOW] <= 0)
        fail_row(r, v[COLUMN_LOW] < 0 ? "low is negative" : "low is zero");
    else if (v[COLUMN_LOW] > v[COLUMN_OPEN])
        fail_row(r, "low is above open");
    else if (v[COLUMN_LOW] > v[COLUMN_CLOSE])
        fail_row(r, "low is above close");
    else if (v[COLUMN_HIGH] < v[COLUMN_OPEN])
        fail_row(r, "high is below open");
    else if (v[COLUMN_HIGH] < v[COLUMN_CLOSE])
        fail_row(r, "high is below close");
    for (int i = COLUMN_VOLUME; i < COLUMN_COUNT; i++) {
        char what[64] = "negative ";
        if (v[i] < 0) fail_row(r, strcat(what, role_names[i]));
    }
}

static void row_store(struct reader *r) {
    if (r->field != r->field_count) {
        if (!r->err)
            r->err = errmsg_set(r->e, ERR_FORMAT, "%s: line %d: %d fields where the first line has %d",
                                r->path, r->line, r->field, r->field_count);
        return;
    }
    if (!r->rows->funding) check_bar(r);
    if (r->err) return;
    struct rows *rows = r->rows;
    make_room(rows);
    rows->lines[rows->count] = r->line;
    rows->bars[rows->count++] = r->row;
    r->done = r->row_max > 0 && rows->count >= r->row_max;
}

static bool role_taken(const struct reader *r, int role, int before) {
    for (int i = 0; i < before; i++)
        if (r->roles[i] == role) return true;
    return false;
}

static void roles_from_names(struct reader *r) {
    for (int i = 0; i < r->field_count; i++) {
        r->roles[i] = ROLE_NONE;
        for (size_t n = 0; n < sizeof column_names / sizeof column_names[0]; n++)
            if (strcasecmp(r->names[i], column_names[n].name) == 0 && !role_taken(r, column_names[n].role, i))
                r->roles[i] = column_names[n].role;
    }
    // Tables written with an unnamed index (pandas) carry the time in it.
    if (r->names[0][0] == '\0' && !role_taken(r, COLUMN_OPEN_US, r->field_count))
        r->roles[0] = COLUMN_OPEN_US;
    for (int role = COLUMN_OPEN_US; role <= COLUMN_CLOSE && !r->err; role++) {
        if (role_taken(r, role, r->field_count)) continue;
        r->err = errmsg_set(r->e, ERR_FORMAT,
                            "%s: line %d: no column named '%s' (need open_time, open, high, low, "
                            "close)",
                            r->path, r->line, role_names[role]);
    }
}

static bool funding_roles(struct reader *r) {
    int time = -1;
    int rate = -1;
    for (int i = 0; i < r->field_count; i++) {
        if (strcasecmp(r->names[i], "calc_time") == 0) time = i;
        if (strcasecmp(r->names[i], "last_funding_rate") == 0) rate = i;
    }
    if (time < 0 || rate < 0) return false;
    memset(r->roles, ROLE_NONE, sizeof r->roles);
    r->roles[time] = COLUMN_OPEN_US;
    r->roles[rate] = ROLE_RATE;
    r->rows->funding = true;
    return true;
}

// Decides from the first row what the columns are; a first row of numbers is itself a bar.
static void start(struct reader *r) {
    int64_t stamp;
    r->field_count = r->field;
    if (r->field_count > FIELDS_MAX) {
        fail_row(r, "too many columns for a file of bars");
        return;
    }
    r->started = true;
    if (stamp_parse(r->names[0], strlen(r->names[0]), &stamp) != 0) {
        if (!funding_roles(r)) roles_from_names(r);
        return;
    }
    if (r->field_count != ARCHIVE_FIELDS) {
        fail_row(r, "no header, and not the 12 columns of a kline archive");
        return;
    }
    memcpy(r->roles, archive_roles, sizeof archive_roles);
    for (int i = 0; i < r->field_count && !r->err; i++)
        if (r->roles[i] != ROLE_NONE) field_store(r, r->roles[i], r->names[i], strlen(r->names[i]));
    if (!r->err) row_store(r);
}

static void on_row(int end, void *ctx) {
    struct reader *r = ctx;
    if (!r->err && !r->done && r->field > 0) {
        if (r->started)
            row_store(r);
        else
            start(r);
    }
    r->field = 0;
    if (end == '\n') r->line++;
}

static int parse_blocks(struct reader *r, struct csv_parser *parser, struct source *source,
                        rows_progress progress, void *progress_ctx) {
    for (;;) {
        const void *block;
        size_t size;
        int err = source_read(source, &block, &size, r->e);
        if (err) return err;
        if (size == 0) break;
        if (csv_parse(parser, block, size, on_field, on_row, r) != size)
            return errmsg_set(r->e, ERR_NO_MEMORY, "%s: line %d: %s", r->path, r->line,
                              csv_strerror(csv_error(parser)));
        // Garbage without line ends would otherwise collect as one field without bound.
        if (csv_get_buffer_size(parser) > FIELD_SIZE_MAX) fail_row(r, "a field too long for a file of bars");
        if (r->err || r->done) return r->err;
        if (progress) progress(progress_ctx, source_used(source));
    }
    csv_fini(parser, on_field, on_row, r);
    return r->err;
}

int rows_read(const char *path, int64_t row_max, rows_progress progress, void *progress_ctx, struct rows *out,
              struct errmsg *e) {
    struct source *source = NULL;
    struct csv_parser parser;
    struct reader *r = calloc(1, sizeof *r);
    memset(out, 0, sizeof *out);
    if (!r || csv_init(&parser, CSV_REPALL_NL) != 0) {   // all newlines reported: they number the lines
        free(r);
        return errmsg_set(e, ERR_NO_MEMORY, "%s: no memory to read it", path);
    }
    r->path = path;
    r->rows = out;
    r->e = e;
    r->row_max = row_max;
    r->line = 1;
    int err = source_open(path, &source, e);
    if (!err) err = parse_blocks(r, &parser, source, progress, progress_ctx);
    if (!err && out->count == 0)
        err = errmsg_set(e, ERR_FORMAT, r->started ? "%s: holds a header and no rows" : "%s: is empty", path);
    source_close(source);
    csv_free(&parser);
    free(r);
    return err;
}

void rows_free(struct rows *r) {
    free(r->bars);
    free(r->lines);
    *r = (struct rows){ 0 };
}

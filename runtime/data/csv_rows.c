// csv_rows.c: bars and funding rates of one CSV file as typed rows.
#include "data/csv_rows.h"

#include "base/array.h"
#include "base/dec.h"
#include "base/wide.h"
#include "data/layout.h"
#include "data/source.h"
#include "data/stamp.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAMP_SIZE = 64, FIELD_SIZE_MAX = 1 << 16, NOISE_DIGITS = 15 };

struct reader {
    const char *path;
    struct rows *rows;
    struct errmsg *e;
    int64_t row_max;
    bool survey;   // goes on behind a row that is none
    int err;       // the first one; later fields are ignored
    bool done;     // row_max reached
    struct layout layout;
    int32_t line;
    int field;   // index in the row being read
    struct bar_row row;
    char stamp[STAMP_SIZE];   // date, then the time of day of a column of its own
    size_t stamp_size;
    // Dates of which either number may be the day: one a row, settled when the file is read.
    struct stamp_two_ways *dates;
    int64_t date_count, date_size;
    bool two_ways, first_is_day, second_is_day;
    // Decimal commas: the first that might as well be a separator of thousands, until one shows which it is.
    int32_t comma_line;
    bool comma_shown;
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

static void fail_field(struct reader *r, int role, const char *text, size_t size, const char *why) {
    char shown[24];
    const char *name = role == LAYOUT_RATE         ? "last_funding_rate"
                       : role == LAYOUT_CLOSE_TIME ? "close_time"
                                                   : role_names[role];
    bool time = role == COLUMN_OPEN_US || role == LAYOUT_CLOSE_TIME;
    if (r->err) return;
    r->err = errmsg_set(r->e, ERR_FORMAT, "%s: line %d: '%s' is no %s of %s%s", r->path, r->line,
                        printable(text, size, shown), time ? "time" : "number", name, why);
}

// ---- numbers ----

// A number with a comma as one with a point: 0, or ERR_SYNTAX when the comma parts thousands.
static int plain_number(struct reader *r, const char *text, size_t size, char out[40], size_t *out_size) {
    const char *comma = memchr(text, ',', size);
    size_t before = (size_t)(comma - text), after = size - before - 1;
    bool again = memchr(comma + 1, ',', after) != NULL, point = memchr(text, '.', size) != NULL;
    if (r->layout.delimiter == ',' || again || point || size >= 40) return ERR_SYNTAX;
    size_t digits = before - (text[0] == '-' || text[0] == '+');
    if (after == 3 && digits >= 1 && digits <= 3 && text[before - digits] != '0') {
        if (r->comma_line == 0) r->comma_line = r->line;   // 94,000
    } else {
        r->comma_shown = true;
    }
    memcpy(out, text, size);
    out[before] = '.';
    *out_size = size;
    return 0;
}

// Digits that count of a decimal.
static int significant(const char *text, size_t size) {
    int count = 0;
    for (size_t i = 0; i < size && text[i] != 'e' && text[i] != 'E'; i++)
        if (text[i] >= '0' && text[i] <= '9' && (count > 0 || text[i] != '0')) count++;
    return count;
}

// A price exactly; what a program printed of a binary number, to the nearest 1e-8.
static int price_parse(const char *text, size_t size, int64_t *value) {
    int err = dec_parse(text, size, value);
    if (err != ERR_OVERFLOW) return err;
    if (significant(text, size) < NOISE_DIGITS) return err;
    err = dec_parse_round(text, size, value);
    return err == 0 && *value < 10 && *value > -10 ? ERR_OVERFLOW : err;
}

static void number_store(struct reader *r, int role, const char *text, size_t size) {
    char plain[40];
    int64_t *values = r->row.values;
    int err = 0;
    if (memchr(text, ',', size) && plain_number(r, text, size, plain, &size)) {
        fail_field(r, role, text, size, ": a separator of thousands? export numbers without");
        return;
    }
    if (memchr(text, ',', size)) text = plain;
    if (role == LAYOUT_RATE)
        err = dec_parse_round(text, size, &values[COLUMN_OPEN]);
    else if (role <= COLUMN_CLOSE)
        err = price_parse(text, size, &values[role]);
    else if (columns_high(role) >= 0)
        err = wide_parse_round(text, size, &values[role], &values[columns_high(role)]);
    else
        err = dec_parse_round(text, size, &values[role]);
    if (role == COLUMN_TRADES) values[role] /= DEC_ONE;
    if (err)
        fail_field(r, role, text, size,
                   err == ERR_OVERFLOW ? ": beyond what is kept (8 decimals, 92 billion)" : "");
}

// ---- times ----

static void time_store(struct reader *r, int role, const char *text, size_t size) {
    if (role == LAYOUT_CLOSE_TIME) {
        int64_t close_us = 0;   // what cannot be read says nothing
        r->row.close_us = size > 1 && stamp_parse(text, size, &close_us) == 0 ? close_us : 0;
        return;
    }
    size_t at = role == LAYOUT_CLOCK ? STAMP_SIZE / 2 : 0;
    if (size >= STAMP_SIZE / 2) {
        fail_field(r, COLUMN_OPEN_US, text, size, "");
        return;
    }
    memcpy(r->stamp + at, text, size);
    r->stamp[at + size] = '\0';
}

static void keep_date(struct reader *r, const struct stamp_two_ways *date) {
    ARRAY_ROOM(r->dates, r->date_size, r->rows->count + 1);
    r->dates[r->rows->count] = *date;
    r->date_count = r->rows->count + 1;
    r->first_is_day = r->first_is_day || date->first > 12;
    r->second_is_day = r->second_is_day || date->second > 12;
    if (stamp_settle(date, date->first > 12, &r->row.values[COLUMN_OPEN_US]))
        fail_field(r, COLUMN_OPEN_US, r->stamp, strlen(r->stamp), "");
}

static void stamp_finish(struct reader *r) {
    bool two_ways;
    struct stamp_two_ways date;
    size_t size = strlen(r->stamp), half = STAMP_SIZE / 2;
    if (r->stamp[half]) {   // "2025.01.01" and "00:01"
        r->stamp[size++] = ' ';
        memmove(r->stamp + size, r->stamp + half, strlen(r->stamp + half) + 1);
        size = strlen(r->stamp);
    }
    int err = stamp_read(r->stamp, size, &r->row.values[COLUMN_OPEN_US], &two_ways, &date);
    if (err) {
        fail_field(r, COLUMN_OPEN_US, r->stamp, size, "");
        return;
    }
    if (r->rows->count > 0 && two_ways != r->two_ways)
        fail_row(r, "a date of another form than those before");
    r->two_ways = two_ways;
    if (two_ways) keep_date(r, &date);
}

// The whole file tells whether days or months stand first.
static int settle_dates(struct reader *r) {
    if (!r->two_ways || (r->row_max > 0 && !r->first_is_day)) return 0;
    const struct stamp_two_ways *d = r->dates;
    if (r->first_is_day && r->second_is_day)
        return errmsg_set(r->e, ERR_FORMAT,
                          "%s: its dates have the day first in some lines and second in others", r->path);
    if (!r->first_is_day && !r->second_is_day)
        return errmsg_set(
            r->e, ERR_FORMAT,
            "%s: line %d: the date %02d/%02d/%d may be day/month or month/day, and no line of the "
            "file tells; write %d-%02d-%02d",
            r->path, r->rows->lines[0], d->first, d->second, d->year, d->year, d->first, d->second);
    for (int64_t i = 0; i < r->rows->count; i++) {
        if (stamp_settle(&r->dates[i], r->first_is_day, &r->rows->bars[i].values[COLUMN_OPEN_US]))
            return errmsg_set(r->e, ERR_FORMAT, "%s: line %d: there is no such day", r->path,
                              r->rows->lines[i]);
    }
    return 0;
}

// ---- rows ----

static void on_field(void *text, size_t size, void *ctx) {
    struct reader *r = ctx;
    int index = r->field++;
    if (r->err || r->done || r->line < r->layout.first_line || index >= r->layout.field_count) return;
    int role = r->layout.roles[index];
    if (role == LAYOUT_NOTHING) return;
    const char *value = size ? text : "";
    if (role == COLUMN_OPEN_US || role == LAYOUT_CLOCK || role == LAYOUT_CLOSE_TIME)
        time_store(r, role, value, size);
    else
        number_store(r, role, value, size);
}

static void make_room(struct rows *rows) {
    if (rows->count < rows->capacity) return;
    int64_t lines = rows->capacity;
    ARRAY_ROOM(rows->lines, lines, rows->count + 1);
    ARRAY_ROOM(rows->bars, rows->capacity, rows->count + 1);
}

static void check_bar(struct reader *r) {
    const int64_t *v = r->row.values;
    if (v[COLUMN_LOW] <= 0 && !r->rows->signed_prices)
        fail_row(r, v[COLUMN_LOW] < 0 ? "low is negative" : "low is zero");
    else if (v[COLUMN_LOW] > v[COLUMN_OPEN])
        fail_row(r, "low is above open");
    else if (v[COLUMN_LOW] > v[COLUMN_CLOSE])
        fail_row(r, "low is above close");
    else if (v[COLUMN_HIGH] < v[COLUMN_OPEN])
        fail_row(r, "high is below open");
    else if (v[COLUMN_HIGH] < v[COLUMN_CLOSE])
        fail_row(r, "high is below close");
    for (int i = COLUMN_VOLUME; i < COLUMN_VOLUME_HIGH; i++) {
        char what[64] = "negative ";
        if (v[i] < 0) fail_row(r, strcat(what, role_names[i]));
    }
}

static void row_store(struct reader *r) {
    if (r->field != r->layout.field_count) {
        if (!r->err)
            r->err = errmsg_set(r->e, ERR_FORMAT, "%s: line %d: %d fields where the first line has %d",
                                r->path, r->line, r->field, r->layout.field_count);
        return;
    }
    if (!r->err) stamp_finish(r);
    if (!r->err && !r->rows->funding) check_bar(r);
    if (r->err) return;
    struct rows *rows = r->rows;
    make_room(rows);
    rows->lines[rows->count] = r->line;
    rows->bars[rows->count++] = r->row;
    r->done = r->row_max > 0 && rows->count >= r->row_max;
}

// The message says "path: line N: what is wrong".
static void note_fault(struct reader *r) {
    struct rows *rows = r->rows;
    const char *what = strstr(r->e->text, ": line ");
    what = what ? strchr(what + 7, ':') : NULL;
    ARRAY_ROOM(rows->faults, rows->fault_capacity, rows->fault_count + 1);
    struct row_fault *f = &rows->faults[rows->fault_count++];
    f->line = r->line;
    snprintf(f->text, sizeof f->text, "%.127s", what ? what + 2 : r->e->text);
    r->err = 0;
}

static void on_row(int end, void *ctx) {
    struct reader *r = ctx;
    if (!r->err && !r->done && r->field > 0 && r->line >= r->layout.first_line) row_store(r);
    if (r->err && r->survey) note_fault(r);
    r->field = 0;
    r->stamp[0] = r->stamp[STAMP_SIZE / 2] = '\0';
    memset(&r->row, 0, sizeof r->row);
    if (end == '\n') r->line++;
}

// Newest first, as some write it, is turned round; another disorder is told by the join.
static void turn_round(struct rows *rows) {
    for (int64_t i = 1; i < rows->count; i++)
        if (rows->bars[i].values[0] > rows->bars[i - 1].values[0]) return;
    if (rows->count < 2 || rows->bars[0].values[0] == rows->bars[rows->count - 1].values[0]) return;
    for (int64_t i = 0, k = rows->count - 1; i < k; i++, k--) {
        struct bar_row bar = rows->bars[i];
        int32_t line = rows->lines[i];
        rows->bars[i] = rows->bars[k];
        rows->lines[i] = rows->lines[k];
        rows->bars[k] = bar;
        rows->lines[k] = line;
    }
}

static int parse_blocks(struct reader *r, struct csv_parser *parser, struct source *source,
                        rows_progress progress, void *progress_ctx) {
    bool known = false;
    for (;;) {
        const void *block;
        size_t size;
        int err = source_read(source, &block, &size, r->e);
        if (err) return err;
        if (size == 0) break;
        if (!known) err = layout_find(r->path, block, size, &r->layout, r->e);
        if (err) return err;
        if (!known) csv_set_delim(parser, r->layout.delimiter);
        known = true;
        r->rows->funding = r->layout.funding;
        if (csv_parse(parser, block, size, on_field, on_row, r) != size)
            return errmsg_set(r->e, ERR_NO_MEMORY, "%s: line %d: %s", r->path, r->line,
                              csv_strerror(csv_error(parser)));
        // Garbage without line ends would otherwise collect as one field without bound.
        if (csv_get_buffer_size(parser) > FIELD_SIZE_MAX) fail_row(r, "a field too long for a file of bars");
        if ((r->err && !r->survey) || r->done) return r->err;
        if (progress) progress(progress_ctx, source_used(source));
    }
    if (!known) return errmsg_set(r->e, ERR_FORMAT, "%s: is empty", r->path);
    csv_fini(parser, on_field, on_row, r);
    return r->err;
}

static int finish(struct reader *r) {
    struct rows *rows = r->rows;
    if (rows->count == 0) return errmsg_set(r->e, ERR_FORMAT, "%s: holds a header and no rows", r->path);
    if (r->comma_line && !r->comma_shown && r->row_max == 0)
        return errmsg_set(
            r->e, ERR_FORMAT,
            "%s: line %d: its commas may be of decimals or of thousands; write numbers with a point", r->path,
            r->comma_line);
    int err = settle_dates(r);
    for (int32_t i = 0; i < r->layout.field_count; i++)
        if (r->layout.roles[i] >= 0 && r->layout.roles[i] < COLUMN_COUNT)
            rows->columns |= 1U << r->layout.roles[i];
    turn_round(rows);
    return err;
}

static int read_file(const char *path, int64_t row_max, bool survey, bool signed_prices,
                     rows_progress progress, void *progress_ctx, struct rows *out, struct errmsg *e) {
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
    r->survey = survey;
    r->line = 1;
    out->signed_prices = signed_prices;
    int err = source_open(path, &source, e);
    if (!err) err = parse_blocks(r, &parser, source, progress, progress_ctx);
    if (!err) err = finish(r);
    source_close(source);
    csv_free(&parser);
    free(r->dates);
    free(r);
    return err;
}

int rows_read(const char *path, int64_t row_max, bool signed_prices, rows_progress progress,
              void *progress_ctx, struct rows *out, struct errmsg *e) {
    return read_file(path, row_max, false, signed_prices, progress, progress_ctx, out, e);
}

int rows_survey(const char *path, bool signed_prices, struct rows *out, struct errmsg *e) {
    return read_file(path, 0, true, signed_prices, NULL, NULL, out, e);
}

void rows_free(struct rows *r) {
    free(r->bars);
    free(r->lines);
    free(r->faults);
    *r = (struct rows){ 0 };
}

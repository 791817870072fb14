// join.c: rows of several files as one series without gaps or disorder.
#include "data/join.h"

#include "data/grid.h"
#include "data/stamp.h"
#include "trade/record.h"

#include "base/assert.h"
#include "base/units.h"
#include "trade/names.h"
#include "trade/interval.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// A row by its file and place in it.
struct place {
    int64_t t_us;
    int32_t part;
    int64_t row;
};

static int by_first(const void *a, const void *b) {
    const struct join_part *x = a;
    const struct join_part *y = b;
    int64_t p = x->rows.bars[0].values[COLUMN_OPEN_US];
    int64_t q = y->rows.bars[0].values[COLUMN_OPEN_US];
    return p != q ? (p > q) - (p < q) : strcmp(x->path, y->path);
}

static int by_time(const void *a, const void *b) {
    const struct place *x = a;
    const struct place *y = b;
    if (x->t_us != y->t_us) return x->t_us < y->t_us ? -1 : 1;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int64_t first_us(const struct join_part *p) { return p->rows.bars[0].values[COLUMN_OPEN_US]; }
static int64_t last_us(const struct join_part *p) {
    return p->rows.bars[p->rows.count - 1].values[COLUMN_OPEN_US];
}

// ---- one file ----

static int check_order(const struct join_part *p, struct errmsg *e) {
    char now[STAMP_TEXT_MAX];
    char before[STAMP_TEXT_MAX];
    for (int64_t i = 1; i < p->rows.count; i++) {
        int64_t a_us = p->rows.bars[i - 1].values[COLUMN_OPEN_US];
        int64_t b_us = p->rows.bars[i].values[COLUMN_OPEN_US];
        if (a_us <= b_us) continue;
        return errmsg_set(e, ERR_GAP, "%s: line %d: out of order: %s UTC after %s UTC", p->path,
                          p->rows.lines[i], stamp_text(now, b_us), stamp_text(before, a_us));
    }
    return 0;
}

static int64_t greatest_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// Rows of a longer interval under the name of a shorter one are no rows with gaps: each would be told before its
// time. Their distances give them away where there are enough of them.
static int check_distance(const struct join_part *p, int32_t interval, struct errmsg *e) {
    int64_t step_us = interval_us(interval), common_us = 0, alike = 0, steps = 0;
    if (interval >= INTERVAL_1W) return 0;
    for (int64_t i = 1; i < p->rows.count; i++) {
        int64_t apart_us = p->rows.bars[i].values[0] - p->rows.bars[i - 1].values[0];
        if (apart_us == 0) continue;
        common_us = greatest_divisor(apart_us, common_us);
        steps++;
        if (common_us <= step_us) return 0;
    }
    for (int64_t i = 1; i < p->rows.count; i++)
        alike += p->rows.bars[i].values[0] - p->rows.bars[i - 1].values[0] == common_us;
    if (steps < 2 || (steps < 10 && alike * 2 <= steps)) return 0;
    return errmsg_set(e, ERR_FORMAT, "%s: line %d: its rows lie %lld s apart and are no bars of %s", p->path,
                      p->rows.lines[1], (long long)(common_us / SECOND_US), interval_names[interval]);
}

// close_time is the bar's last millisecond, or where the next one begins. The exchange ends a bar early when it stops
// trading for a while, so that an earlier one is a fault only where it is the rule.
static int check_close(const struct join_part *p, int32_t interval, struct errmsg *e) {
    int64_t early = 0, at = -1;
    for (int64_t i = 0; i < p->rows.count; i++) {
        const struct bar_row *row = &p->rows.bars[i];
        int64_t end_us = grid_next(interval, row->values[COLUMN_OPEN_US]);
        if (row->close_us == 0 || (row->close_us <= end_us && row->close_us >= end_us - SECOND_US)) continue;
        if (at < 0) at = i;
        if (row->close_us < end_us && ++early * 2 <= p->rows.count) continue;
        if (row->close_us > end_us) at = i;
        int64_t span_us = p->rows.bars[at].close_us - p->rows.bars[at].values[COLUMN_OPEN_US];
        return errmsg_set(e, ERR_FORMAT, "%s: line %d: close_time is %lld s after open_time, in bars of %s",
                          p->path, p->rows.lines[at], (long long)((span_us + SECOND_US / 2) / SECOND_US),
                          interval_names[interval]);
    }
    return 0;
}

// ---- doubles ----

// Whether two rows say the same, in the columns that both files have.
static bool same_row(const struct join_part *a, int64_t i, const struct join_part *b, int64_t k) {
    uint32_t both = a->rows.columns & b->rows.columns;
    for (int c = 0; c < COLUMN_VOLUME_HIGH; c++) {
        if ((both >> c & 1) == 0) continue;
        int high = columns_high(c);
        if (a->rows.bars[i].values[c] != b->rows.bars[k].values[c]) return false;
        if (high >= 0 && a->rows.bars[i].values[high] != b->rows.bars[k].values[high]) return false;
    }
    return true;
}

static int64_t columns_told(const struct join_part *p) { return __builtin_popcount(p->rows.columns); }

static int fail_double(const struct join_part *p, int64_t i, const struct join_part *q, int64_t k,
                       int64_t t_us, struct errmsg *e) {
    char now[STAMP_TEXT_MAX];
    return errmsg_set(e, ERR_GAP, "%s: line %d: %s UTC comes twice and differs from %s: line %d", p->path,
                      p->rows.lines[i], stamp_text(now, t_us), q->path, q->rows.lines[k]);
}

// All rows in the order of time; of those that stand twice the one that tells more. NULL and the error.
static struct place *places_of(struct join_part *parts, int32_t count, int64_t minute_us, int64_t *kept,
                               struct join_doubles *doubles, struct errmsg *e) {
    int64_t total = 0, at = 0, last = -1;
    bool sorted = true;
    for (int32_t p = 0; p < count; p++) total += parts[p].rows.count;
    struct place *places = malloc((size_t)total * sizeof *places);
    if (!places) {
        errmsg_set(e, ERR_NO_MEMORY, "no memory for %lld rows", (long long)total);
        return NULL;
    }
    for (int32_t p = 0; p < count; p++) {
        for (int64_t i = 0; i < parts[p].rows.count; i++) {
            int64_t t_us = parts[p].rows.bars[i].values[0];
            if (minute_us > 0) t_us = (t_us + minute_us / 2) / minute_us * minute_us;
            places[at++] = (struct place){ t_us, p, i };
        }
        sorted = sorted && (p == 0 || first_us(&parts[p]) >= last_us(&parts[p - 1]));
    }
    if (!sorted) qsort(places, (size_t)total, sizeof *places, by_time);
    for (int64_t i = 0; i < total; i++) {
        struct place now = places[i], *before = last >= 0 ? &places[last] : NULL;
        if (!before || before->t_us != now.t_us) {
            places[++last] = now;
            continue;
        }
        const struct join_part *p = &parts[now.part], *q = &parts[before->part];
        if (!same_row(p, now.row, q, before->row)) {
            fail_double(p, now.row, q, before->row, now.t_us, e);
            free(places);
            return NULL;
        }
        if (doubles->count++ == 0)
            *doubles = (struct join_doubles){ 1, p->path, q->path, p->rows.lines[now.row],
                                              q->rows.lines[before->row] };
        if (columns_told(p) > columns_told(q)) *before = now;
    }
    *kept = last + 1;
    return places;
}

// ---- gaps ----

static int check_grid(const struct join_part *parts, const struct place *places, int64_t count,
                      bool allow_gaps, struct series *out, struct errmsg *e) {
    char text[STAMP_TEXT_MAX];
    int64_t next_us = INT64_MIN;
    for (int64_t i = 0; i < count; i++) {
        int64_t t_us = places[i].t_us;
        if (t_us != next_us) {
            const struct join_part *p = &parts[places[i].part];
            int32_t line = p->rows.lines[places[i].row];
            if (interval_floor(out->interval, t_us) != t_us)
                return errmsg_set(e, ERR_FORMAT, "%s: line %d: %s UTC is not the start of a bar of %s",
                                  p->path, line, stamp_text(text, t_us), interval_names[out->interval]);
            int64_t missing = i > 0 ? grid_missing(out->interval, places[i - 1].t_us, t_us) : 0;
            out->gap_count += missing;
            if (missing > 0 && !allow_gaps)
                return errmsg_set(
                    e, ERR_GAP, "%s: line %d: %lld bar%s missing after %s UTC (allow gaps to go on without)",
                    p->path, line, (long long)missing, missing == 1 ? " is" : "s are",
                    stamp_text(text, places[i - 1].t_us));
        }
        next_us = grid_next(out->interval, t_us);
    }
    return 0;
}

static int fill_bars(const struct join_part *parts, const struct place *places, int64_t count,
                     struct series *out, struct errmsg *e) {
    int64_t *columns[COLUMN_COUNT];
    if (columns_alloc(out, count, columns))
        return errmsg_set(e, ERR_NO_MEMORY, "%s: no memory for its bars", out->symbol);
    for (int64_t i = 0; i < count; i++) {
        const int64_t *values = parts[places[i].part].rows.bars[places[i].row].values;
        for (int c = 0; c < COLUMN_VOLUME_HIGH; c++) columns[c][i] = values[c];
        for (int c = COLUMN_VOLUME_HIGH; c < COLUMN_COUNT; c++)
            if (values[c] != 0) columns[c][i] = values[c];   // pages of zeros are never touched
    }
    if (columns_finish(out) == 0) return 0;
    series_close(out);
    return errmsg_set(e, ERR_NO_MEMORY, "no memory to hash the bars");
}

int join_bars(struct join_part *parts, int32_t count, bool allow_gaps, struct series *out,
              struct join_doubles *doubles, struct errmsg *e) {
    int64_t kept = 0;
    *doubles = (struct join_doubles){ 0 };
    qsort(parts, (size_t)count, sizeof *parts, by_first);
    for (int32_t i = 0; i < count; i++) {
        ASSERT(parts[i].rows.count > 0);
        int err = check_order(&parts[i], e);
        if (!err) err = check_distance(&parts[i], out->interval, e);
        if (!err) err = check_close(&parts[i], out->interval, e);
        if (err) return err;
    }
    out->gap_count = 0;
    struct place *places = places_of(parts, count, 0, &kept, doubles, e);
    if (!places) return ERR_GAP;
    int err = check_grid(parts, places, kept, allow_gaps, out, e);
    if (!err) err = fill_bars(parts, places, kept, out, e);
    free(places);
    return err;
}

int join_funding(struct join_part *parts, int32_t count, struct funding_series *out,
                 struct join_doubles *doubles, struct errmsg *e) {
    int64_t kept = 0;
    *doubles = (struct join_doubles){ 0 };
    qsort(parts, (size_t)count, sizeof *parts, by_first);
    for (int32_t i = 0; i < count; i++) {
        int err = check_order(&parts[i], e);
        if (err) return err;
    }
    // Settlement happens on the minute; archives stamp it some milliseconds later, and each in its own way.
    for (int32_t i = 0; i < count; i++) parts[i].rows.columns = 1U << COLUMN_OPEN;
    struct place *places = places_of(parts, count, MINUTE_US, &kept, doubles, e);
    if (!places) return ERR_GAP;
    size_t size = (size_t)kept * sizeof(int64_t) * 2;
    int64_t *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
        free(places);
        return errmsg_set(e, ERR_NO_MEMORY, "%s: no memory for its funding", out->symbol);
    }
    for (int64_t i = 0; i < kept; i++) {
        block[i] = places[i].t_us;
        block[kept + i] = parts[places[i].part].rows.bars[places[i].row].values[COLUMN_OPEN];
    }
    free(places);
    out->count = kept;
    out->time_us = block;
    out->rate_e8 = block + kept;
    out->owned = block;
    out->owned_size = (int64_t)size;
    return 0;
}

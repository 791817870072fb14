// join.c: rows of several files as one series without gaps or disorder.
#include "data/join.h"

#include "data/grid.h"
#include "trade/record.h"

#include "base/assert.h"
#include "trade/names.h"
#include "trade/interval.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int by_first(const void *a, const void *b) {
    const struct join_part *x = a;
    const struct join_part *y = b;
    int64_t p = x->rows.bars[0].values[COLUMN_OPEN_US];
    int64_t q = y->rows.bars[0].values[COLUMN_OPEN_US];
    return p != q ? (p > q) - (p < q) : strcmp(x->path, y->path);
}

struct checker {
    int32_t interval;
    bool allow_gaps;
    int64_t previous_us;   // INT64_MIN: none yet
    int64_t next_us;
    int64_t gap_count;
    const char *previous_path;
};

static int fail_order(const struct checker *c, const struct join_part *p, int64_t i, int64_t t_us,
                      struct errmsg *e) {
    char now[STAMP_TEXT_MAX];
    char before[STAMP_TEXT_MAX];
    bool other = c->previous_path != p->path;
    stamp_text(now, t_us);
    stamp_text(before, c->previous_us);
    if (t_us == c->previous_us)
        return errmsg_set(e, ERR_GAP, "%s: line %d: %s UTC comes twice%s%s", p->path, p->rows.lines[i], now,
                          other ? ", before in " : "", other ? c->previous_path : "");
    return errmsg_set(e, ERR_GAP, "%s: line %d: out of order: %s UTC after %s UTC%s%s", p->path,
                      p->rows.lines[i], now, before, other ? " of " : "", other ? c->previous_path : "");
}

// Everything that is not "the very next bar".
static int check_jump(struct checker *c, const struct join_part *p, int64_t i, int64_t t_us,
                      struct errmsg *e) {
    char text[STAMP_TEXT_MAX];
    bool first = c->previous_us == INT64_MIN;
    if (!first && t_us <= c->previous_us) return fail_order(c, p, i, t_us, e);
    if (interval_floor(c->interval, t_us) != t_us)
        return errmsg_set(e, ERR_FORMAT, "%s: line %d: %s UTC is not the start of a bar of %s", p->path,
                          p->rows.lines[i], stamp_text(text, t_us), interval_names[c->interval]);
    if (first) return 0;
    int64_t missing = grid_missing(c->interval, c->previous_us, t_us);
    c->gap_count += missing;
    if (c->allow_gaps) return 0;
    return errmsg_set(e, ERR_GAP,
                      "%s: line %d: %lld bar%s missing after %s UTC (allow gaps to go on without)", p->path,
                      p->rows.lines[i], (long long)missing, missing == 1 ? " is" : "s are",
                      stamp_text(text, c->previous_us));
}

static int check_part(struct checker *c, const struct join_part *p, struct errmsg *e) {
    for (int64_t i = 0; i < p->rows.count; i++) {
        int64_t t_us = p->rows.bars[i].values[COLUMN_OPEN_US];
        if (c->previous_us == INT64_MIN || t_us != c->next_us) {
            int err = check_jump(c, p, i, t_us, e);
            if (err) return err;
        }
        c->previous_us = t_us;
        c->previous_path = p->path;
        c->next_us = grid_next(c->interval, t_us);
    }
    return 0;
}

static void copy_part(const struct rows *rows, int64_t *columns[COLUMN_COUNT], int64_t at) {
    for (int64_t i = 0; i < rows->count; i++)
        for (int c = 0; c < COLUMN_COUNT; c++) columns[c][at + i] = rows->bars[i].values[c];
}

int join_bars(struct join_part *parts, int32_t count, bool allow_gaps, struct series *out, struct errmsg *e) {
    struct checker check = { .interval = out->interval, .allow_gaps = allow_gaps, .previous_us = INT64_MIN };
    int64_t total = 0;
    qsort(parts, (size_t)count, sizeof *parts, by_first);
    for (int32_t i = 0; i < count; i++) {
        ASSERT(parts[i].rows.count > 0);
        int err = check_part(&check, &parts[i], e);
        if (err) return err;
        total += parts[i].rows.count;
    }
    int64_t *columns[COLUMN_COUNT];
    if (columns_alloc(out, total, columns))
        return errmsg_set(e, ERR_NO_MEMORY, "%s: no memory for its bars", out->symbol);
    int64_t at = 0;
    for (int32_t i = 0; i < count; i++) {
        copy_part(&parts[i].rows, columns, at);
        at += parts[i].rows.count;
        rows_free(&parts[i].rows);
    }
    ASSERT(at == total);
    out->gap_count = check.gap_count;
    if (columns_finish(out) == 0) return 0;
    series_close(out);
    return errmsg_set(e, ERR_NO_MEMORY, "no memory to hash the bars");
}

// Settlement happens on the minute; archives stamp it some milliseconds later.
static int64_t to_minute(int64_t t_us) {
    const int64_t minute_us = 60 * 1000000LL;
    return (t_us + minute_us / 2) / minute_us * minute_us;
}

int join_funding(struct join_part *parts, int32_t count, struct funding_series *out, struct errmsg *e) {
    int64_t total = 0;
    struct checker check = { .previous_us = INT64_MIN };
    qsort(parts, (size_t)count, sizeof *parts, by_first);
    for (int32_t i = 0; i < count; i++) total += parts[i].rows.count;
    size_t size = (size_t)total * sizeof(int64_t) * 2;
    int64_t *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return errmsg_set(e, ERR_NO_MEMORY, "%s: no memory for its funding", out->symbol);

    int64_t at = 0;
    for (int32_t p = 0; p < count; p++) {
        for (int64_t i = 0; i < parts[p].rows.count; i++, at++) {
            int64_t t_us = to_minute(parts[p].rows.bars[i].values[0]);
            if (t_us <= check.previous_us) {
                int err = fail_order(&check, &parts[p], i, t_us, e);
                munmap(block, size);
                return err;
            }
            block[at] = check.previous_us = t_us;
            check.previous_path = parts[p].path;
            block[total + at] = parts[p].rows.bars[i].values[1];
        }
    }
    out->count = total;
    out->time_us = block;
    out->rate_e8 = block + total;
    out->owned = block;
    out->owned_size = (int64_t)size;
    return 0;
}

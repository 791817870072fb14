// import.c: from files to series.
//
// From files to series. Per run: collect the files; read the first rows of those whose names do not tell the
// interval; sort; then for each group of one symbol and interval, map the store file or make it:
//
//     files -> rows (csv_rows) -> one checked series (join) -> store file -> mapping
#include "data/import.h"

#include "base/units.h"
#include "data/collect.h"
#include "data/grid.h"
#include "data/stamp.h"
#include "data/join.h"
#include "data/sources.h"
#include "data/store.h"
#include "trade/record.h"

#include "base/assert.h"
#include "trade/names.h"
#include "trade/interval.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEEK_ROWS = 1000 };

struct import {
    const struct import_options *options;
    struct import_result *out;
    struct source_list list;
    char folder[PATH_MAX];   // of the store; empty: none to be had
    int64_t done, total;     // bytes of source files
    int32_t reused_count;
};

// 0 or ERR_NOT_FOUND.
static int default_folder(char *out, size_t size) {
    static const struct {
        const char *variable, *below;
    } places[] = { { "MOONTIDE_STORE", "" },
                   { "XDG_CACHE_HOME", "/moontide" },
                   { "HOME", "/.cache/moontide" } };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *value = getenv(places[i].variable);
        if (!value || !value[0]) continue;
        return (size_t)snprintf(out, size, "%s%s", value, places[i].below) < size ? 0 : ERR_NOT_FOUND;
    }
    return ERR_NOT_FOUND;
}

// The smallest step between neighbours and the line it leads to; rows out of order are told later, by the
// join.
static int64_t smallest_spacing(const struct rows *rows, int32_t *line) {
    int64_t least = INT64_MAX;
    *line = 0;
    for (int64_t i = 1; i < rows->count; i++) {
        int64_t spacing = rows->bars[i].values[0] - rows->bars[i - 1].values[0];
        if (spacing <= 0 || spacing >= least) continue;
        least = spacing;
        *line = rows->lines[i];
    }
    return least;
}

static int infer_interval(const struct import_options *o, struct source_file *f, const struct rows *rows,
                          struct errmsg *e) {
    int32_t line;
    int64_t spacing = smallest_spacing(rows, &line);
    f->interval = spacing == INT64_MAX ? -1 : grid_interval_of(spacing);
    if (f->interval >= 0) return 0;
    if (spacing == INT64_MAX && o->interval) {
        f->interval = interval_find(o->interval);
        return 0;
    }
    if (spacing == INT64_MAX)
        return errmsg_set(e, ERR_FORMAT, "%s: too few rows to tell the interval; say which one", f->path);
    return errmsg_set(e, ERR_FORMAT,
                      "%s: line %d: %lld s after the row before, which is no interval the exchange has",
                      f->path, line, (long long)(spacing / SECOND_US));
}

// Reads the first rows of a file whose name does not tell what it is; *keep is false when the options exclude
// it.
static int peek(const struct import_options *o, struct source_file *f, bool *keep, struct errmsg *e) {
    struct rows rows;
    *keep = true;
    int err = rows_read(f->path, PEEK_ROWS, f->kind == SERIES_PREMIUM, NULL, NULL, &rows, e);
    if (!err) {
        f->funding = rows.funding;
        if (!f->funding) err = infer_interval(o, f, &rows, e);
    }
    rows_free(&rows);
    if (err || f->funding || !o->interval || f->interval == interval_find(o->interval)) return err;
    if (f->named)
        return errmsg_set(e, ERR_INVALID, "%s: holds bars of %s, and %s was asked for", f->path,
                          interval_names[f->interval], o->interval);
    import_notice(o, "%s: skipped: bars of %s, and %s was asked for", f->path, interval_names[f->interval],
                  o->interval);
    *keep = false;
    return 0;
}

static int peek_all(struct import *im, struct errmsg *e) {
    struct source_list *l = &im->list;
    int32_t kept = 0;
    for (int32_t i = 0; i < l->count; i++) {
        bool keep = true;
        int err = l->files[i].interval < 0 ? peek(im->options, &l->files[i], &keep, e) : 0;
        if (err) return err;
        struct source_file file = l->files[i];   // swapped, so that collect_free still finds every file
        l->files[i] = l->files[kept];
        l->files[kept] = file;
        if (keep) kept++;
    }
    for (int32_t i = kept; i < l->count; i++) {
        free(l->files[i].path);
        free(l->files[i].real);
    }
    l->count = kept;
    return 0;
}

static int by_group(const void *a, const void *b) {
    const struct source_file *x = a;
    const struct source_file *y = b;
    int order = strcmp(x->symbol, y->symbol);
    if (order == 0) order = (int)x->funding - (int)y->funding;
    if (order == 0) order = (int)x->kind - (int)y->kind;
    if (order == 0) order = (x->interval > y->interval) - (x->interval < y->interval);
    return order ? order : strcmp(x->real, y->real);
}

static bool same_group(const struct source_file *a, const struct source_file *b) {
    return strcmp(a->symbol, b->symbol) == 0 && a->funding == b->funding && a->kind == b->kind &&
           a->interval == b->interval;
}

static void on_progress(void *ctx, int64_t used) {
    struct import *im = ctx;
    int64_t done = im->done + used;
    if (im->options->progress)
        im->options->progress(im->options->progress_ctx, done < im->total ? done : im->total, im->total);
}

// A file that changes under the reader would be stored as something it never was.
static int check_unchanged(const struct source_file *f, struct errmsg *e) {
    struct file_stamp now;
    if (collect_stat(f->path, &now) == 0 && file_stamp_same(&now, &f->stamp)) return 0;
    return errmsg_set(e, ERR_IO, "%s: changed while it was read; try again", f->path);
}

static int read_parts(struct import *im, const struct source_file *files, int32_t count,
                      struct join_part *parts, struct errmsg *e) {
    for (int32_t i = 0; i < count; i++) {
        parts[i].path = files[i].path;
        int err =
            rows_read(files[i].path, 0, files[i].kind == SERIES_PREMIUM, on_progress, im, &parts[i].rows, e);
        if (!err) err = check_unchanged(&files[i], e);
        if (err) return err;
        if (parts[i].rows.funding != files[i].funding)
            return errmsg_set(e, ERR_FORMAT, "%s: holds funding rates under the name of a file of bars",
                              files[i].path);
        im->done += files[i].stamp.size;
        on_progress(im, 0);
    }
    return 0;
}

// Rows that stand in two files, or twice in one, and are the same: archives of a month and of its days.
static void tell_doubles(const struct import *im, const char *symbol, const char *what,
                         const struct join_doubles *d) {
    if (d->count == 0) return;
    import_notice(im->options,
                  "%s %s: %lld row%s stand%s twice and say%s the same, each is taken once (first: %s: "
                  "line %d and %s: line %d)",
                  symbol, what, (long long)d->count, d->count == 1 ? "" : "s", d->count == 1 ? "s" : "",
                  d->count == 1 ? "s" : "", d->path, d->line, d->before_path, d->before_line);
}

static struct join_part *parts_new(int32_t count) { return calloc((size_t)count, sizeof(struct join_part)); }

static void parts_free(struct join_part *parts, int32_t count) {
    for (int32_t i = 0; i < count; i++) rows_free(&parts[i].rows);
    free(parts);
}

// "<folder>/<symbol>-<interval>-<key>.mtb", with what it is of before the interval when that is not trades; the key tells sets of paths apart, not their contents.
static int store_path(const struct import *im, const struct source_file *files, int32_t count,
                      char out[PATH_MAX]) {
    char *text = NULL;
    size_t size = 0;
    char hash[65];
    FILE *paths = open_memstream(&text, &size);
    if (!paths) return ERR_NO_MEMORY;
    for (int32_t i = 0; i < count; i++) fprintf(paths, "%s\n", files[i].real);
    fprintf(paths, "%d\n", im->options->allow_gaps);
    int err = fclose(paths) == 0 ? 0 : ERR_NO_MEMORY;
    if (!err) err = sha256_hex((const void *[]){ text }, (size_t[]){ size }, 1, hash);
    free(text);
    if (err) return err;
    // "1mo", because 1M and 1m are one name where the file system ignores case.
    const char *interval = files->interval == INTERVAL_1MO ? "1mo" : interval_names[files->interval];
    static const char *const kinds[SERIES_KIND_COUNT] = { "", "mark-", "index-", "premium-" };
    int length = snprintf(out, PATH_MAX, "%s/%s-%s%s-%.16s.mtb", im->folder, files->symbol,
                          kinds[files->kind], interval, hash);
    return length < PATH_MAX ? 0 : ERR_IO;
}

// Puts a series read into memory into the store and maps it from there; without a store it stays in memory.
static void keep_in_store(struct import *im, const char *path, const char *sources, struct series *s) {
    struct series mapped = *s;
    struct errmsg why;
    if (!im->folder[0]) return;
    if (store_folder(im->folder) != 0)
        errmsg_set(&why, ERR_IO, "%s: cannot be made", im->folder);
    else if (store_write(path, sources, s, &why) == 0) {
        if (store_open(path, sources, &mapped) != 0) return;
        series_close(s);
        *s = mapped;
        return;
    }
    import_notice(im->options, "store not written, bars kept in memory: %s", why.text);
    im->folder[0] = '\0';   // told once; further series stay in memory too
}

// Klines beside the bars are used where they are there, and may have holes.
static bool gaps_allowed(const struct import *im, const struct source_file *f) {
    return im->options->allow_gaps || f->kind != SERIES_TRADES;
}

static int make_series(struct import *im, const struct source_file *files, int32_t count, struct series *s,
                       struct errmsg *e) {
    struct join_part *parts = parts_new(count);
    if (!parts) return errmsg_set(e, ERR_NO_MEMORY, "no memory for %d files", count);
    int err = read_parts(im, files, count, parts, e);
    struct join_doubles doubles;
    if (!err) err = join_bars(parts, count, gaps_allowed(im, files), s, &doubles, e);
    if (!err) tell_doubles(im, s->symbol, interval_names[s->interval], &doubles);
    parts_free(parts, count);
    return err;
}

// Maps the store file at `path` when it was made of these very files.
static bool reuse(const struct import *im, const char *path, const struct source_file *files, int32_t count,
                  struct series *s) {
    int64_t written_ns;
    char *stored = store_sources(path, &written_ns);
    bool good = stored && sources_same(stored, written_ns, files, count, gaps_allowed(im, files)) &&
                store_open(path, stored, s) == 0;
    free(stored);
    return good;
}

static int import_bars(struct import *im, const struct source_file *files, int32_t count, struct errmsg *e) {
    struct series s = { .kind = files->kind,
                        .interval = files->interval,
                        .interval_us = interval_us(files->interval) };
    char path[PATH_MAX];
    int err = 0;
    memcpy(s.symbol, files->symbol, sizeof s.symbol);
    if (im->folder[0] && store_path(im, files, count, path) != 0) im->folder[0] = '\0';
    if (im->folder[0] && reuse(im, path, files, count, &s)) {
        im->reused_count++;
        for (int32_t i = 0; i < count; i++) im->done += files[i].stamp.size;
        on_progress(im, 0);
    } else {
        // The digests come first: a file that changes after them is told by its stamp once it has been read.
        char *sources = im->folder[0] ? sources_text(files, count, gaps_allowed(im, files), e) : NULL;
        if (im->folder[0] && !sources) return ERR_IO;
        err = make_series(im, files, count, &s, e);
        if (!err && sources) keep_in_store(im, path, sources, &s);
        free(sources);
    }
    if (err) return err;
    if (s.gap_count > 0)
        import_notice(im->options, "%s %s%s: %lld bar%s missing, accepted", s.symbol,
                      series_kind_names[s.kind], interval_names[s.interval], (long long)s.gap_count,
                      s.gap_count == 1 ? " is" : "s are");
    if (s.kind == SERIES_TRADES)
        im->out->series[im->out->series_count++] = s;
    else
        im->out->others[im->out->other_count++] = s;
    return 0;
}

static int import_funding(struct import *im, const struct source_file *files, int32_t count,
                          struct errmsg *e) {
    struct funding_series f = { 0 };
    memcpy(f.symbol, files->symbol, sizeof f.symbol);
    struct join_part *parts = parts_new(count);
    if (!parts) return errmsg_set(e, ERR_NO_MEMORY, "no memory for %d files", count);
    int err = read_parts(im, files, count, parts, e);
    struct join_doubles doubles;
    if (!err) err = join_funding(parts, count, &f, &doubles, e);
    if (!err) tell_doubles(im, f.symbol, "funding rates", &doubles);
    parts_free(parts, count);
    if (!err) im->out->funding[im->out->funding_count++] = f;
    return err;
}

static int import_groups(struct import *im, struct errmsg *e) {
    struct source_file *files = im->list.files;
    int32_t count = im->list.count;
    qsort(files, (size_t)count, sizeof *files, by_group);
    im->out->series = calloc((size_t)count, sizeof *im->out->series);
    im->out->others = calloc((size_t)count, sizeof *im->out->others);
    im->out->funding = calloc((size_t)count, sizeof *im->out->funding);
    if (!im->out->series || !im->out->others || !im->out->funding)
        return errmsg_set(e, ERR_NO_MEMORY, "no memory for %d files", count);
    for (int32_t i = 0; i < count; i++) im->total += files[i].stamp.size;
    for (int32_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && same_group(&files[first], &files[end]);) end++;
        int err = files[first].funding ? import_funding(im, files + first, end - first, e)
                                       : import_bars(im, files + first, end - first, e);
        if (err) return err;
    }
    return 0;
}

// A symbol becomes part of a file's name in the store: no separators, nothing hidden.
static int check_options(const struct import_options *o, struct errmsg *e) {
    const char *s = o->symbol;
    if (s && (!s[0] || strlen(s) >= SERIES_SYMBOL_MAX || strchr(s, '/') || s[0] == '.'))
        return errmsg_set(e, ERR_INVALID, "'%.40s' is not a symbol", s);
    if (o->interval && interval_find(o->interval) < 0)
        return errmsg_set(e, ERR_INVALID, "'%.40s' is not an interval (1m, 5m, 1h, 1d...)", o->interval);
    return 0;
}

static void choose_store(struct import *im) {
    const char *store = im->options->store;
    int err = store && (size_t)snprintf(im->folder, sizeof im->folder, "%s", store) >= sizeof im->folder;
    if (!store) err = default_folder(im->folder, sizeof im->folder);
    if (!err) return;
    im->folder[0] = '\0';
    import_notice(im->options, "no folder for the store (MOONTIDE_STORE, HOME): bars kept in memory");
}

int import_run(const struct import_options *options, struct import_result *out, struct errmsg *e) {
    struct import im = { .options = options, .out = out };
    memset(out, 0, sizeof *out);
    ASSERT(options->path_count >= 0);
    int err = check_options(options, e);
    if (err) return err;
    choose_store(&im);
    err = collect_sources(options, &im.list, e);
    if (!err) err = peek_all(&im, e);
    if (!err && im.list.count == 0)
        err = errmsg_set(e, ERR_NOT_FOUND, "%s: no bars of %s there", options->paths[0], options->interval);
    if (!err) err = import_groups(&im, e);
    out->reused = !err && im.reused_count > 0 && im.reused_count == out->series_count + out->other_count;
    if (err) import_free(out);
    collect_free(&im.list);
    return err;
}

void import_free(struct import_result *r) {
    for (int32_t i = 0; i < r->series_count; i++) series_close(&r->series[i]);
    for (int32_t i = 0; i < r->funding_count; i++) funding_close(&r->funding[i]);
    for (int32_t i = 0; i < r->other_count; i++) series_close(&r->others[i]);
    free(r->series);
    free(r->others);
    free(r->funding);
    memset(r, 0, sizeof *r);
}

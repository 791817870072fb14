// import.c: finds the files, groups them by symbol and interval, and makes of each group one series, from the store or
// anew. What one file holds is csv_rows.c's affair; what a store file is, store.c's.
#include "data/import.h"

#include "data/columns.h"
#include "data/csv_rows.h"
#include "data/grid.h"
#include "data/source.h"
#include "data/store.h"

#include "venue/record.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    char path[PATH_MAX];
    char symbol[SERIES_SYMBOL_MAX];
    int32_t interval;             // -1: not known
    bool named, funding;          // given by name, not found in a folder
    int64_t size, mtime_ns, first_us;
};

struct job {
    const struct import_options *o;
    struct file *files;
    int32_t count, capacity;
    int64_t bytes_total, bytes_done;
    struct import_result *out;
    bool rebuilt;
};

static void notice(const struct job *j, const char *line) {
    if (j->o->notice) j->o->notice(j->o->notice_ctx, line);
}

int import_store_default(char *out, size_t size) {
    const char *store = getenv("MOONTIDE_STORE");
    if (store && *store) return snprintf(out, size, "%s", store) < (int)size ? 0 : ERR_NOT_FOUND;
    const char *cache = getenv("XDG_CACHE_HOME");
    if (cache && *cache) return snprintf(out, size, "%s/moontide", cache) < (int)size ? 0 : ERR_NOT_FOUND;
    const char *home = getenv("HOME");
    if (!home || !*home) return ERR_NOT_FOUND;
    return snprintf(out, size, "%s/.cache/moontide", home) < (int)size ? 0 : ERR_NOT_FOUND;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// The next word of an archive name, which hyphens and the first dot part; returns what follows, NULL at the end.
static const char *name_word(const char *at, char *out, size_t size) {
    size_t length = strcspn(at, "-.");
    size_t kept = length < size ? length : size - 1;
    memcpy(out, at, kept);
    out[kept] = '\0';
    return at[length] == '-' ? at + length + 1 : NULL;
}

static bool is_symbol(const char *word) {
    size_t length = strlen(word);
    if (length < 4 || length >= SERIES_SYMBOL_MAX) return false;
    bool letter = false;
    for (const char *c = word; *c; c++) {
        if (islower((unsigned char)*c) || !(isalnum((unsigned char)*c) || *c == '_' || (unsigned char)*c >= 128)) return false;
        letter = letter || !isdigit((unsigned char)*c);
    }
    return letter;
}

bool import_name(const char *path, char symbol[SERIES_SYMBOL_MAX], int32_t *interval) {
    char word[64];
    *interval = -1;
    const char *rest = name_word(base_name(path), word, sizeof word);
    if (!rest || !is_symbol(word)) return false;
    memcpy(symbol, word, strlen(word) + 1);
    name_word(rest, word, sizeof word);
    *interval = interval_find(word);
    return true;
}

// Files of other kinds of data, told by name or folder; NULL when it may hold bars.
static const char *other_kind(const char *path) {
    static const char *const kinds[] = { "markPriceKlines", "indexPriceKlines", "premiumIndexKlines", "aggTrades", "trades",
                                         "bookTicker", "bookDepth", "metrics", "liquidationSnapshot" };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *found = strstr(path, kinds[i]);
        if (!found || found == path) continue;
        char before = found[-1], after = found[strlen(kinds[i])];
        if ((before == '/' || before == '-') && (after == '/' || after == '-' || after == '.')) return kinds[i];
    }
    return NULL;
}

static int add_file(struct job *j, const char *path, bool named, struct errmsg *e) {
    struct stat s;
    if (stat(path, &s) != 0) return errmsg_set(e, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    struct file f = { .interval = -1, .named = named, .size = s.st_size,
                      .mtime_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec };
    if (!realpath(path, f.path)) return errmsg_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    bool known = import_name(path, f.symbol, &f.interval);
    f.funding = strstr(base_name(path), "-fundingRate") != NULL;
    const char *kind = named ? NULL : other_kind(path);
    if (kind) {
        char line[PATH_MAX + 128];
        snprintf(line, sizeof line, "%s: skipped, it holds %s, not bars", path, kind);
        notice(j, line);
        return 0;
    }
    if (j->o->symbol) {
        if (known && strcmp(f.symbol, j->o->symbol) != 0 && !named) return 0;
        // A file given by name that tells another symbol stays what it is; the caller will miss its own.
        if (!known) snprintf(f.symbol, sizeof f.symbol, "%s", j->o->symbol);
    } else if (!known) {
        if (named) {
            return errmsg_set(e, ERR_INVALID, "%s: the name tells no symbol; give --symbol (archive names are like "
                              "BTCUSDT-1m-2023-01.csv)", path);
        }
        return 0;
    }
    if (j->o->interval && !f.funding) {
        int32_t wanted = interval_find(j->o->interval);
        if (f.interval < 0) f.interval = wanted;
        else if (f.interval != wanted && !named) return 0;
    }
    if (j->count == j->capacity) {
        j->capacity = j->capacity ? 2 * j->capacity : 32;
        struct file *files = realloc(j->files, sizeof *files * (size_t)j->capacity);
        if (!files) return errmsg_set(e, ERR_NO_MEMORY, "not enough memory");
        j->files = files;
    }
    for (int32_t i = 0; i < j->count; i++) {
        if (strcmp(j->files[i].path, f.path) == 0) return 0;   // named twice
    }
    j->files[j->count++] = f;
    j->bytes_total += f.size;
    return 0;
}

static int add_folder(struct job *j, const char *folder, struct errmsg *e) {
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0) return errmsg_set(e, ERR_IO, "%s: %s", folder, strerror(errno));
    int status = 0;
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct stat s;
        bool fits = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) < (int)sizeof path;
        if (status == 0 && entries[i]->d_name[0] != '.' && fits && stat(path, &s) == 0) {
            if (S_ISDIR(s.st_mode)) status = add_folder(j, path, e);
            else if (source_name_fits(path)) status = add_file(j, path, false, e);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int find_files(struct job *j, struct errmsg *e) {
    for (int32_t i = 0; i < j->o->path_count; i++) {
        struct stat s;
        const char *path = j->o->paths[i];
        if (stat(path, &s) != 0) return errmsg_set(e, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
        int status = S_ISDIR(s.st_mode) ? add_folder(j, path, e) : add_file(j, path, true, e);
        if (status) return status;
    }
    if (j->count == 0) {
        return errmsg_set(e, ERR_NOT_FOUND, "%s: no bars found%s%s (looked for .csv, .csv.gz and .zip)", j->o->paths[0],
                          j->o->symbol ? " of " : "", j->o->symbol ? j->o->symbol : "");
    }
    return 0;
}

// The first rows tell what a name does not: funding or bars, the interval, and the order of the files.
static int look_into(struct file *f, struct errmsg *e) {
    struct rows rows;
    int status = rows_read(f->path, 8, NULL, NULL, &rows, e);
    if (status == 0) {
        f->funding = rows.funding;
        f->first_us = rows.bars[0].values[COLUMN_OPEN_US];
        if (!f->funding && f->interval < 0) {
            int64_t least = INT64_MAX;
            for (int64_t i = 1; i < rows.count; i++) {
                int64_t gap = rows.bars[i].values[COLUMN_OPEN_US] - rows.bars[i - 1].values[COLUMN_OPEN_US];
                if (gap > 0 && gap < least) least = gap;
            }
            f->interval = least == INT64_MAX ? -1 : grid_interval_of(least);
            if (f->interval < 0) {
                status = errmsg_set(e, ERR_FORMAT, "%s: the rows tell no interval; give --interval", f->path);
            }
        }
    }
    rows_free(&rows);
    return status;
}

static int by_group(const void *a, const void *b) {
    const struct file *x = a, *y = b;
    int order = strcmp(x->symbol, y->symbol);
    if (order) return order;
    if (x->funding != y->funding) return x->funding ? 1 : -1;
    if (x->interval != y->interval) return x->interval < y->interval ? -1 : 1;
    if (x->first_us != y->first_us) return x->first_us < y->first_us ? -1 : 1;
    return strcmp(x->path, y->path);
}

static void told(void *ctx, int64_t used) {
    struct job *j = ctx;
    if (j->o->progress) j->o->progress(j->o->progress_ctx, j->bytes_done + used, j->bytes_total);
}

struct growing {
    int64_t *columns[COLUMN_COUNT];
    int64_t count, capacity, gaps;
};

static void growing_free(struct growing *g) {
    for (int c = 0; c < COLUMN_COUNT; c++) free(g->columns[c]);
}

static int growing_reserve(struct growing *g, int64_t more) {
    if (g->count + more <= g->capacity) return 0;
    int64_t capacity = g->capacity ? g->capacity : 4096;
    while (capacity < g->count + more) capacity *= 2;
    for (int c = 0; c < COLUMN_COUNT; c++) {
        int64_t *column = realloc(g->columns[c], sizeof *column * (size_t)capacity);
        if (!column) return ERR_NO_MEMORY;
        g->columns[c] = column;
    }
    g->capacity = capacity;
    return 0;
}

// One row in its place: on the grid, after the one before it, without a hole unless holes are allowed.
static int check_time(const struct job *j, const struct file *f, struct growing *g, int64_t t, int32_t line, struct errmsg *e) {
    char a[STAMP_TEXT_MAX], b[STAMP_TEXT_MAX];
    if (interval_floor(f->interval, t) != t) {
        return errmsg_set(e, ERR_FORMAT, "%s: line %d: %s is not on the grid of %s bars", f->path, line, stamp_text(a, t),
                          interval_names[f->interval]);
    }
    if (g->count == 0) return 0;
    int64_t last = g->columns[COLUMN_OPEN_US][g->count - 1];
    if (t == last) return errmsg_set(e, ERR_GAP, "%s: line %d: the bar of %s comes twice", f->path, line, stamp_text(a, t));
    if (t < last) {
        return errmsg_set(e, ERR_GAP, "%s: line %d: the bar of %s comes after the one of %s; rows must rise in time", f->path,
                          line, stamp_text(a, t), stamp_text(b, last));
    }
    if (t == grid_next(f->interval, last)) return 0;
    int64_t missing = grid_missing(f->interval, last, t);
    if (!j->o->allow_gaps) {
        return errmsg_set(e, ERR_GAP, "%s: line %d: %lld bars are missing after %s; --allow-gaps accepts that", f->path, line,
                          (long long)missing, stamp_text(a, last));
    }
    g->gaps += missing;
    return 0;
}

static int append_file(struct job *j, const struct file *f, struct growing *g, struct errmsg *e) {
    struct rows rows;
    int status = rows_read(f->path, 0, told, j, &rows, e);
    if (status == 0 && rows.funding) status = errmsg_set(e, ERR_FORMAT, "%s: funding rates, not bars", f->path);
    if (status == 0 && growing_reserve(g, rows.count)) status = errmsg_set(e, ERR_NO_MEMORY, "not enough memory for the bars");
    for (int64_t i = 0; i < rows.count && status == 0; i++) {
        status = check_time(j, f, g, rows.bars[i].values[COLUMN_OPEN_US], rows.lines[i], e);
        if (status) break;
        for (int c = 0; c < COLUMN_COUNT; c++) g->columns[c][g->count] = rows.bars[i].values[c];
        g->count++;
    }
    rows_free(&rows);
    j->bytes_done += f->size;
    return status;
}

static int build_series(struct job *j, const struct file *files, int32_t count, struct series *s, struct errmsg *e) {
    struct growing g = { .count = 0 };
    int status = 0;
    for (int32_t i = 0; i < count && status == 0; i++) status = append_file(j, &files[i], &g, e);
    int64_t *columns[COLUMN_COUNT];
    if (status == 0 && columns_alloc(s, g.count, columns)) status = errmsg_set(e, ERR_NO_MEMORY, "not enough memory for the bars");
    if (status == 0) {
        for (int c = 0; c < COLUMN_COUNT; c++) memcpy(columns[c], g.columns[c], sizeof(int64_t) * (size_t)g.count);
        s->gap_count = g.gaps;
        if (columns_finish(s)) status = errmsg_set(e, ERR_NO_MEMORY, "the bars could not be hashed");
    }
    if (status == 0 && g.gaps > 0) {
        char line[256];
        snprintf(line, sizeof line, "%s %s: %lld bars are missing, accepted", s->symbol, interval_names[s->interval], (long long)g.gaps);
        notice(j, line);
    }
    growing_free(&g);
    return status;
}

// The sources of a group as text: what the store file must have been made from.
static char *sources_text(const struct job *j, const struct file *files, int32_t count) {
    size_t size = 64 + (size_t)count * (PATH_MAX + 64), used = 0;
    char *text = malloc(size);
    if (!text) return NULL;
    used += (size_t)snprintf(text, size, "gaps %d\n", j->o->allow_gaps);
    for (int32_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, size - used, "%lld %lld %s\n", (long long)files[i].size, (long long)files[i].mtime_ns, files[i].path);
    }
    return text;
}

static bool store_path(const struct job *j, const struct file *files, int32_t count, char out[PATH_MAX]) {
    char folder[PATH_MAX - 128];
    if (j->o->store) snprintf(folder, sizeof folder, "%s", j->o->store);
    else if (import_store_default(folder, sizeof folder)) return false;
    if (store_folder(folder)) return false;
    const void *blocks[64];
    size_t sizes[64];
    char key[65] = "";
    for (int32_t i = 0; i < count; i += 63) {   // chained, so that any number of sources gives one key
        int used = 0;
        blocks[used] = key;
        sizes[used++] = strlen(key);
        for (int32_t k = i; k < count && used < 64; k++) {
            blocks[used] = files[k].path;
            sizes[used++] = strlen(files[k].path) + 1;
        }
        char next[65];
        if (sha256_hex(blocks, sizes, used, next)) return false;
        memcpy(key, next, sizeof key);
    }
    snprintf(out, PATH_MAX, "%s/%s-%s-%.16s%s.mtb", folder, files[0].symbol, interval_names[files[0].interval], key,
             j->o->allow_gaps ? "g" : "");
    return true;
}

static int make_series(struct job *j, const struct file *files, int32_t count, struct series *s, struct errmsg *e) {
    memset(s, 0, sizeof *s);
    memcpy(s->symbol, files[0].symbol, sizeof s->symbol);
    s->interval = files[0].interval;
    s->interval_us = interval_us(s->interval);
    char path[PATH_MAX];
    char *sources = sources_text(j, files, count);
    if (!sources) return errmsg_set(e, ERR_NO_MEMORY, "not enough memory");
    bool stored = store_path(j, files, count, path);
    if (stored && store_open(path, sources, s) == 0) {
        for (int32_t i = 0; i < count; i++) j->bytes_done += files[i].size;
        free(sources);
        return 0;
    }
    j->rebuilt = true;
    int status = build_series(j, files, count, s, e);
    struct errmsg trouble = { "" };
    if (status == 0 && (!stored || store_write(path, sources, s, &trouble))) {
        char line[640];
        snprintf(line, sizeof line, "the store cannot be written, so the next run reads the files again%s%s",
                 trouble.text[0] ? ": " : "", trouble.text);
        notice(j, line);
    }
    free(sources);
    if (status) series_close(s);
    return status;
}

static int make_funding(struct job *j, const struct file *files, int32_t count, struct funding_series *f, struct errmsg *e) {
    memset(f, 0, sizeof *f);
    memcpy(f->symbol, files[0].symbol, sizeof f->symbol);
    int64_t *time = NULL, *rate = NULL, total = 0;
    int status = 0;
    for (int32_t k = 0; k < count && status == 0; k++) {
        struct rows rows;
        status = rows_read(files[k].path, 0, told, j, &rows, e);
        if (status == 0) {
            int64_t *more_time = realloc(time, sizeof *time * (size_t)(total + rows.count));
            if (more_time) time = more_time;
            int64_t *more_rate = realloc(rate, sizeof *rate * (size_t)(total + rows.count));
            if (more_rate) rate = more_rate;
            if (!more_time || !more_rate) status = errmsg_set(e, ERR_NO_MEMORY, "not enough memory");
        }
        for (int64_t i = 0; status == 0 && i < rows.count; i++) {
            // The archive's stamps jitter by some milliseconds around the nominal time.
            int64_t t = (rows.bars[i].values[0] + 30000000) / 60000000 * 60000000;
            if (total > 0 && t <= time[total - 1]) {
                status = errmsg_set(e, ERR_GAP, "%s: line %d: funding times must rise", files[k].path, rows.lines[i]);
                break;
            }
            time[total] = t;
            rate[total++] = rows.bars[i].values[1];
        }
        rows_free(&rows);
        j->bytes_done += files[k].size;
    }
    if (status == 0) {
        int64_t *owned = malloc(2 * sizeof *owned * (size_t)total);
        if (!owned) {
            status = errmsg_set(e, ERR_NO_MEMORY, "not enough memory");
        } else {
            memcpy(owned, time, sizeof *owned * (size_t)total);
            memcpy(owned + total, rate, sizeof *owned * (size_t)total);
            f->count = total;
            f->time_us = owned;
            f->rate_e8 = owned + total;
            f->owned = owned;
            f->owned_size = 2 * (int64_t)sizeof *owned * total;
        }
    }
    free(time);
    free(rate);
    return status;
}

static int make_groups(struct job *j, struct errmsg *e) {
    struct import_result *out = j->out;
    out->series = calloc((size_t)j->count, sizeof *out->series);
    out->funding = calloc((size_t)j->count, sizeof *out->funding);
    if (!out->series || !out->funding) return errmsg_set(e, ERR_NO_MEMORY, "not enough memory");
    for (int32_t from = 0, to; from < j->count; from = to) {
        const struct file *f = &j->files[from];
        for (to = from + 1; to < j->count; to++) {
            const struct file *g = &j->files[to];
            if (strcmp(f->symbol, g->symbol) || f->funding != g->funding || (!f->funding && f->interval != g->interval)) break;
        }
        int status = f->funding ? make_funding(j, f, to - from, &out->funding[out->funding_count], e)
                                : make_series(j, f, to - from, &out->series[out->series_count], e);
        if (status) return status;
        if (f->funding) out->funding_count++;
        else out->series_count++;
    }
    return 0;
}

int import_run(const struct import_options *options, struct import_result *out, struct errmsg *e) {
    struct job j = { .o = options, .out = out };
    memset(out, 0, sizeof *out);
    int status = find_files(&j, e);
    for (int32_t i = 0; i < j.count && status == 0; i++) status = look_into(&j.files[i], e);
    if (status == 0) {
        qsort(j.files, (size_t)j.count, sizeof *j.files, by_group);
        status = make_groups(&j, e);
    }
    out->reused = !j.rebuilt;
    free(j.files);
    if (status) import_free(out);
    return status;
}

void import_free(struct import_result *r) {
    for (int32_t i = 0; i < r->series_count; i++) series_close(&r->series[i]);
    for (int32_t i = 0; i < r->funding_count; i++) funding_close(&r->funding[i]);
    free(r->series);
    free(r->funding);
    memset(r, 0, sizeof *r);
}

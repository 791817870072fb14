// collect.c: which files an import reads, found on disk and told by their names.
#include "data/collect.h"

#include "base/array.h"
#include "data/source.h"
#include "trade/record.h"
#include "trade/names.h"
#include "trade/interval.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

// Klines that are not of trades: they have the columns of bars and would pass as such.
static const char *const kline_kinds[SERIES_KIND_COUNT] = { [SERIES_MARK] = "markPriceKlines",
                                                            [SERIES_INDEX] = "indexPriceKlines",
                                                            [SERIES_PREMIUM] = "premiumIndexKlines" };

// Archives that are no klines at all.
static const char *const other_kinds[] = {
    "aggTrades", "trades",    "bookTicker", "bookDepth", "liquidationSnapshot",
    "metrics",   "BVOLIndex", "EOHSummary", "mark",      "depth"
};

void import_notice(const struct import_options *o, const char *format, ...) {
    char line[600];
    if (!o->notice) return;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    o->notice(o->notice_ctx, line);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool symbol_letter(unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

// The file's name without folder and known ending.
static void stem_of(const char *path, char out[NAME_MAX + 1]) {
    static const char *const endings[] = { ".csv.gz", ".csv", ".zip", ".gz" };
    snprintf(out, NAME_MAX + 1, "%s", base_name(path));
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (!name_ends(out, endings[i])) continue;
        out[strlen(out) - strlen(endings[i])] = '\0';
        return;
    }
}

bool import_name(const char *path, char symbol[SERIES_SYMBOL_MAX], int32_t *interval) {
    char stem[NAME_MAX + 1];
    stem_of(path, stem);
    symbol[0] = '\0';
    *interval = -1;
    char *second = strchr(stem, '-');
    if (second) {
        *second++ = '\0';
        second[strcspn(second, "-")] = '\0';
        *interval = interval_find(second);
    }
    size_t length = strlen(stem);
    bool letter = false;
    if (length < 2 || length >= SERIES_SYMBOL_MAX) return false;
    for (size_t i = 0; i < length; i++) {
        if (!symbol_letter((unsigned char)stem[i])) return false;
        letter = letter || (stem[i] >= 'A' && stem[i] <= 'Z') || (unsigned char)stem[i] >= 0x80;
    }
    if (!letter) return false;
    memcpy(symbol, stem, length + 1);
    return true;
}

static const char *other_kind(const char *text, size_t size) {
    for (size_t i = 0; i < sizeof other_kinds / sizeof other_kinds[0]; i++)
        if (strlen(other_kinds[i]) == size && strncasecmp(text, other_kinds[i], size) == 0)
            return other_kinds[i];
    return NULL;
}

// What the file's own name says it is, when that is no bars: BTCUSDT-aggTrades-2023-01.zip.
static const char *other_kind_of_name(const char *path) {
    char stem[NAME_MAX + 1];
    stem_of(path, stem);
    for (char *part = stem; part; part = strchr(part, '-')) {
        if (*part == '-') part++;
        const char *kind = other_kind(part, strcspn(part, "-"));
        if (kind) return kind;
    }
    return NULL;
}

// Told by a folder above the file or by a part of its name: BTCUSDT-markPriceKlines-1m-2023-01.zip.
static uint8_t kline_kind(const char *real) {
    for (const char *part = real; *part;
         part += strcspn(part, "/-.") + (part[strcspn(part, "/-.")] != '\0')) {
        size_t size = strcspn(part, "/-.");
        for (uint8_t k = SERIES_MARK; k < SERIES_KIND_COUNT; k++)
            if (strlen(kline_kinds[k]) == size && strncasecmp(part, kline_kinds[k], size) == 0) return k;
    }
    return SERIES_TRADES;
}

static int64_t to_ns(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec; }

int collect_stat(const char *path, struct file_stamp *out) {
    struct stat st;
    if (stat(path, &st) != 0) return ERR_NOT_FOUND;
    *out =
        (struct file_stamp){ (int64_t)st.st_size, to_ns(st.st_mtim), to_ns(st.st_ctim), (uint64_t)st.st_ino };
    return 0;
}

bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b) {
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
           a->inode == b->inode;
}

static int list_add(struct source_list *l, const struct source_file *file) {
    for (int32_t i = 0; i < l->count; i++)
        if (strcmp(l->files[i].real, file->real) == 0) return ERR_FULL;
    ARRAY_ROOM(l->files, l->capacity, l->count + 1);
    l->files[l->count++] = *file;
    return 0;
}

static int add_file(struct source_list *l, struct source_file *file, const char *path, struct errmsg *e) {
    file->path = strdup(path);
    file->real = realpath(path, NULL);
    int err = ERR_NO_MEMORY;
    if (!file->real || collect_stat(path, &file->stamp))
        err = errmsg_set(e, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    else if (file->path) {
        file->kind = kline_kind(file->real);
        err = list_add(l, file);
    }
    if (err == 0) return 0;
    free(file->path);
    free(file->real);
    if (err == ERR_NO_MEMORY) return errmsg_set(e, err, "no memory for the list of files");
    return err == ERR_FULL ? 0 : err;   // the same file twice is read once
}

static int add_named(const struct import_options *o, const char *path, struct source_list *l,
                     struct errmsg *e) {
    struct source_file file = { .named = true, .interval = -1 };
    if (!source_name_fits(path))
        return errmsg_set(e, ERR_FORMAT, "%s: not a .csv, .csv.gz or .zip file", path);
    const char *kind = other_kind_of_name(path);
    if (kind) return errmsg_set(e, ERR_FORMAT, "%s: holds %s, not bars of trades", path, kind);
    bool named = import_name(path, file.symbol, &file.interval);
    bool bare = !strchr(base_name(path), '-');   // GOOG.csv: a title rather than an archive's name
    if (o->symbol && named && !bare && strcmp(file.symbol, o->symbol) != 0)
        return errmsg_set(e, ERR_INVALID, "%s: holds %s, and %s was asked for", path, file.symbol, o->symbol);
    if (o->interval && file.interval >= 0 && file.interval != interval_find(o->interval))
        return errmsg_set(e, ERR_INVALID, "%s: holds bars of %s, and %s was asked for", path,
                          interval_names[file.interval], o->interval);
    if (!named && !o->symbol)
        return errmsg_set(e, ERR_INVALID, "%s: the file name has no symbol; use --symbol", path);
    if (o->symbol) snprintf(file.symbol, sizeof file.symbol, "%s", o->symbol);
    return add_file(l, &file, path, e);
}

struct skipped {
    int32_t other_count, nameless_count;
    const char *other;
    char *other_path, *nameless_path;   // the first of each
};

static int add_found(const struct import_options *o, const char *path, struct source_list *l,
                     struct skipped *skip, struct errmsg *e) {
    struct source_file file = { .interval = -1 };
    const char *kind = other_kind_of_name(path);
    if (kind) {
        if (skip->other_count++ == 0) {
            skip->other = kind;
            skip->other_path = strdup(path);
        }
        return 0;
    }
    bool named = import_name(path, file.symbol, &file.interval);
    if (o->symbol && named && strcmp(file.symbol, o->symbol) != 0) return 0;
    if (o->interval && file.interval >= 0 && file.interval != interval_find(o->interval)) return 0;
    if (!named && !o->symbol) {
        if (skip->nameless_count++ == 0) skip->nameless_path = strdup(path);
        return 0;
    }
    if (!named) snprintf(file.symbol, sizeof file.symbol, "%s", o->symbol);
    return add_file(l, &file, path, e);
}

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

static int add_entry(const struct import_options *o, FTS *fts, FTSENT *entry, struct source_list *l,
                     struct skipped *skip, struct errmsg *e) {
    const char *path = entry->fts_path;
    bool hidden = entry->fts_name[0] == '.' && entry->fts_level > 0;
    if (entry->fts_info == FTS_D) {
        // The top folder's name may be "." or end in a slash, which is no kind.
        const char *kind = other_kind(entry->fts_name, strlen(entry->fts_name));
        if (kind) import_notice(o, "%s: folder skipped: %s, not bars of trades", path, kind);
        if (kind || hidden) fts_set(fts, entry, FTS_SKIP);
        return 0;
    }
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
        return errmsg_set(e, ERR_IO, "%s: cannot be read: %s", path, strerror(entry->fts_errno));
    if (entry->fts_info != FTS_F || hidden || !source_name_fits(entry->fts_name)) return 0;
    return add_found(o, path, l, skip, e);
}

static int add_folder(const struct import_options *o, const char *path, struct source_list *l,
                      struct errmsg *e) {
    char *top = strdup(path);
    if (!top) return errmsg_set(e, ERR_NO_MEMORY, "no memory for the list of files");
    for (size_t size = strlen(top); size > 1 && top[size - 1] == '/'; size--) top[size - 1] = '\0';
    struct skipped skip = { 0 };
    char *const roots[] = { top, NULL };
    FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    int err = fts ? 0 : errmsg_set(e, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    FTSENT *entry;
    while (!err && (entry = fts_read(fts)) != NULL) err = add_entry(o, fts, entry, l, &skip, e);
    if (skip.other_count)
        import_notice(o, "%s: %d file(s) skipped: their names say %s and the like, not bars (first: %s)",
                      path, skip.other_count, skip.other, skip.other_path ? skip.other_path : "?");
    if (skip.nameless_count)
        import_notice(o, "%s: %d file(s) skipped: their names have no symbol (first: %s)", path,
                      skip.nameless_count, skip.nameless_path ? skip.nameless_path : "?");
    free(skip.other_path);
    free(skip.nameless_path);
    if (fts) fts_close(fts);
    free(top);
    return err;
}

int collect_sources(const struct import_options *o, struct source_list *out, struct errmsg *e) {
    memset(out, 0, sizeof *out);
    for (int32_t i = 0; i < o->path_count; i++) {
        struct stat st;
        const char *path = o->paths[i];
        if (stat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
            return errmsg_set(e, ERR_NOT_FOUND, "%s: no such file or folder", path);
        if (stat(path, &st) != 0)
            return errmsg_set(e, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
        int err = S_ISDIR(st.st_mode) ? add_folder(o, path, out, e) : add_named(o, path, out, e);
        if (err) return err;
    }
    if (out->count > 0) return 0;
    return errmsg_set(e, ERR_NOT_FOUND, "%s%s: no bars%s%s%s%s there (.csv, .csv.gz, .zip)",
                      o->path_count ? o->paths[0] : "data", o->path_count > 1 ? " and others" : "",
                      o->symbol ? " of " : "", o->symbol ? o->symbol : "", o->interval ? " of " : "",
                      o->interval ? o->interval : "");
}

void collect_free(struct source_list *l) {
    for (int32_t i = 0; i < l->count; i++) {
        free(l->files[i].path);
        free(l->files[i].real);
    }
    free(l->files);
    *l = (struct source_list){ 0 };
}

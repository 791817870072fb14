// journal.c: a run's intents and their outcomes, written on libuv's pool in one transaction a turn.
#include "store/journal.h"

#include "base/alloc.h"
#include "base/array.h"
#include "base/assert.h"
#include "store/journal_file.h"
#include "store/journal_rows.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

//     loop thread:  writes -> waiting ---(prepare: before the loop sleeps)---> carried ---> done(tag)
//                            (a write nobody waits for: with the next one that somebody does, or LAZY_MS
//                            later)
//     pool thread:                                one transaction of all of `carried`
//
// One batch is under way at most; what is written meanwhile waits for the next.

enum { LAZY_MS = 20, SEEN_NS = 50000000 };

#define OPEN "(state = 0 OR state = 1 AND status NOT IN " JOURNAL_ENDED ")"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    RUN,
    RUN_END,
    PUT,
    NOTE,
    STATEMENT_COUNT,
    INTENT,
    SETTLE
};   // the last two: store/journal_rows

static const char *const statements[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [RUN] = "INSERT INTO runs (run, script, symbols, started_us) VALUES (?1, ?2, ?3, ?4)",
    [RUN_END] = "UPDATE runs SET ended_us = ?2, how = ?3 WHERE run = ?1",
    [PUT] = "INSERT INTO vault (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = "
            "excluded.value",
    [NOTE] = "INSERT INTO notes (run, at_us, text) VALUES (?1, ?2, ?3)",
};

struct journal_write {
    uint64_t tag;
    enum statement what;
    union {
        struct journal_intent intent;
        struct journal_outcome outcome;
        struct {
            int64_t at_us;
            const char *text[2];
            size_t value_size;
        } row;   // of PUT text[1] is a blob
    };
    char *texts;   // all texts of these
};

struct batch {
    struct journal_write *items;
    int64_t count, size;
};

struct journal {
    uv_loop_t *loop;
    uv_prepare_t prepare;
    uv_timer_t lazy;   // until when writes nobody waits for may lie
    uv_work_t work;
    uv_mutex_t lock;   // of `busy`, and of the database while it is held by the pool
    uv_cond_t finished;
    bool busy;     // the pool has `carried`
    bool queued;   // and its callback on the loop is still to come
    bool closing, on_loop;
    int open_handles;
    int err;   // of the last batch
    sqlite3 *db;
    char *path;
    int fd;             // held to the end: to close it would let go of SQLite's locks on the file
    uint64_t seen_ns;   // when it was last looked for by its name
    sqlite3_stmt *statement[STATEMENT_COUNT];
    struct journal_rows *rows;
    struct batch waiting, carried;
    int64_t run;
    journal_done done;
    void *ctx;
    struct journal_figures figures;
    char problem[200];
};

// ---- on the pool ----

// r: the run, n: the time, t: the next text, b: the blob.
static int carry(struct journal *j, const struct journal_write *w) {
    static const char forms[STATEMENT_COUNT][5] = {
        [RUN] = "rttn", [RUN_END] = "rnt", [PUT] = "tb", [NOTE] = "rnt"
    };
    sqlite3_stmt *s = j->statement[w->what];
    int text = 0;
    for (int i = 0; forms[w->what][i]; i++) {
        switch (forms[w->what][i]) {
        case 'r': sqlite3_bind_int64(s, i + 1, j->run); break;
        case 'n': sqlite3_bind_int64(s, i + 1, w->row.at_us); break;
        case 't': sqlite3_bind_text(s, i + 1, w->row.text[text++], -1, SQLITE_STATIC); break;
        default: sqlite3_bind_blob64(s, i + 1, w->row.text[text++], w->row.value_size, SQLITE_STATIC);
        }
    }
    return journal_file_finish(s);
}

static int carry_one(struct journal *j, const struct journal_write *w) {
    if (w->what == INTENT) return journal_rows_intend(j->rows, j->run, &w->intent);
    if (w->what == SETTLE) return journal_rows_settle(j->rows, &w->outcome);
    return carry(j, w);
}

// SQLite would go on writing to a file that has no name any more; the next run would know nothing of it.
static bool is_still_there(struct journal *j, uint64_t now_ns) {
    struct stat held, named;
    if (fstat(j->fd, &held) != 0 || held.st_nlink == 0) return false;
    // Whether it still goes by its name costs a walk along the path.
    if (now_ns < j->seen_ns + SEEN_NS) return true;
    j->seen_ns = now_ns;
    return stat(j->path, &named) == 0 && named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

static int carry_out(struct journal *j) {
    uint64_t start = uv_hrtime();
    if (!is_still_there(j, start)) {
        snprintf(j->problem, sizeof j->problem,
                 "its file was removed or replaced while the run goes on; start the run again");
        return ERR_IO;
    }
    int rc = journal_file_finish(j->statement[BEGIN]);
    for (int64_t i = 0; rc == SQLITE_OK && i < j->carried.count; i++) rc = carry_one(j, &j->carried.items[i]);
    if (rc == SQLITE_OK) rc = journal_rows_flush(j->rows);
    if (rc == SQLITE_OK) rc = journal_file_finish(j->statement[COMMIT]);
    if (rc != SQLITE_OK) {
        snprintf(j->problem, sizeof j->problem, "%s", sqlite3_errmsg(j->db));
        journal_file_finish(j->statement[ROLLBACK]);
        journal_rows_forget(j->rows);
    }
    int64_t took_us = (int64_t)((uv_hrtime() - start) / 1000);
    if (took_us > j->figures.longest_us) j->figures.longest_us = took_us;
    return rc == SQLITE_OK ? ERR_OK : ERR_IO;
}

static void on_pool(uv_work_t *work) {
    struct journal *j = work->data;
    j->err = carry_out(j);
    uv_mutex_lock(&j->lock);
    j->busy = false;
    uv_cond_signal(&j->finished);
    uv_mutex_unlock(&j->lock);
}

// ---- on the loop ----

static void close_file(struct journal *j) {
    for (int i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize(j->statement[i]);
    journal_rows_free(j->rows);
    sqlite3_close(j->db);
}

static void free_when_done(struct journal *j) {
    if (!j->closing || j->open_handles > 0 || j->queued) return;
    close_file(j);
    close(j->fd);
    free(j->path);
    uv_mutex_destroy(&j->lock);
    uv_cond_destroy(&j->finished);
    free(j->waiting.items);
    free(j->carried.items);
    free(j);
}

static void tell(struct journal *j, struct batch *b, int err) {
    j->figures.commits++;
    if (err) j->figures.failed += b->count;
    for (int64_t i = 0; i < b->count; i++) {
        if (b->items[i].tag != 0) j->done(j->ctx, b->items[i].tag, err);
        free(b->items[i].texts);
    }
    b->count = 0;
}

static void on_prepare(uv_prepare_t *handle);
static void on_lazy(uv_timer_t *timer);
static bool awaited(const struct batch *b);

static void on_carried(uv_work_t *work, int status) {
    struct journal *j = work->data;
    (void)status;
    struct batch carried = j->carried;   // `done` may write more
    j->carried = (struct batch){ 0 };
    j->queued = false;
    tell(j, &carried, j->err);
    if (j->carried.items == NULL)
        j->carried = carried;
    else
        free(carried.items);
    if (j->waiting.count > 0 && !j->closing) {
        if (awaited(&j->waiting) || j->on_loop)
            uv_prepare_start(&j->prepare, on_prepare);
        else
            uv_timer_start(&j->lazy, on_lazy, LAZY_MS, 0);
    }
    free_when_done(j);
}

static void swap(struct journal *j) {
    struct batch b = j->carried;
    j->carried = j->waiting;
    j->waiting = b;
}

static void on_prepare(uv_prepare_t *handle) {
    struct journal *j = handle->data;
    uv_prepare_stop(handle);
    uv_timer_stop(&j->lazy);
    if (j->queued || j->waiting.count == 0) return;
    swap(j);
    j->busy = j->queued = true;
    j->work.data = j;
    if (j->on_loop) {
        on_pool(&j->work);
        on_carried(&j->work, 0);
        return;
    }
    MUST(uv_queue_work(j->loop, &j->work, on_pool, on_carried) == 0);
}

static void on_lazy(uv_timer_t *timer) {
    struct journal *j = timer->data;
    if (!j->queued && j->waiting.count > 0) uv_prepare_start(&j->prepare, on_prepare);
}

static bool awaited(const struct batch *b) {
    for (int64_t i = 0; i < b->count; i++) {
        if (b->items[i].tag != 0) return true;
    }
    return false;
}

static struct journal_write *add(struct journal *j, enum statement what, uint64_t tag) {
    struct batch *b = &j->waiting;
    ARRAY_ROOM(b->items, b->size, b->count + 1);
    struct journal_write *w = &b->items[b->count++];
    *w = (struct journal_write){ .what = what, .tag = tag };
    j->figures.writes++;
    // What nobody waits for goes with the next intent, or a little later: an intent then never waits behind
    // it.
    if (!j->queued && (tag != 0 || j->on_loop))
        uv_prepare_start(&j->prepare, on_prepare);
    else if (!j->queued && !uv_is_active((uv_handle_t *)&j->lazy))
        uv_timer_start(&j->lazy, on_lazy, LAZY_MS, 0);
    return w;
}

// What the caller's texts say is copied, and they are pointed at the copies.
static void keep_texts(struct journal_write *w, const char **const *texts, int count) {
    size_t size = 0;
    for (int i = 0; i < count; i++) size += strlen(*texts[i]) + 1;
    char *at = w->texts = alloc_bytes(size);
    for (int i = 0; i < count; i++) {
        size_t length = strlen(*texts[i]) + 1;
        *texts[i] = memcpy(at, *texts[i], length);
        at += length;
    }
}

static void add_row(struct journal *j, enum statement what, const char *first, const char *second,
                    int64_t at_us) {
    struct journal_write *w = add(j, what, 0);
    w->row.at_us = at_us;
    w->row.text[0] = first;
    w->row.text[1] = second;
    keep_texts(w, (const char **const[]){ &w->row.text[0], &w->row.text[1] }, second ? 2 : 1);
}

void journal_run(struct journal *j, const char *script, const char *symbols, int64_t now_us) {
    add_row(j, RUN, script, symbols, now_us);
}
void journal_run_end(struct journal *j, const char *how, int64_t now_us) {
    add_row(j, RUN_END, how, NULL, now_us);
}
void journal_note(struct journal *j, const char *text, int64_t now_us) {
    add_row(j, NOTE, text, NULL, now_us);
}

void journal_intend(struct journal *j, const struct journal_intent *i, uint64_t tag) {
    ASSERT(strlen(i->client_id) < JOURNAL_ID_MAX);
    struct journal_write *w = add(j, INTENT, tag);
    struct journal_intent *own = &w->intent;
    *own = *i;
    keep_texts(w,
               (const char **const[]){ &own->client_id, &own->endpoint, &own->symbol, &own->side, &own->type,
                                       &own->call },
               6);
}

void journal_settle(struct journal *j, const struct journal_outcome *o, uint64_t tag) {
    struct journal_write *w = add(j, SETTLE, tag);
    w->outcome = *o;
    keep_texts(w, (const char **const[]){ &w->outcome.client_id, &w->outcome.status }, 2);
}

void journal_put(struct journal *j, const char *name, const char *value, size_t size, uint64_t tag) {
    ASSERT(size <= JOURNAL_STATE_MAX);
    struct journal_write *w = add(j, PUT, tag);
    size_t name_size = strlen(name) + 1;
    w->texts = alloc_bytes(name_size + size + 1);
    w->row.text[0] = memcpy(w->texts, name, name_size);
    w->row.text[1] = memcpy(w->texts + name_size, value, size);
    w->row.value_size = size;
}

bool journal_idle(const struct journal *j) { return !j->queued && j->waiting.count == 0; }

int journal_flush(struct journal *j) {
    uv_mutex_lock(&j->lock);
    while (j->busy) uv_cond_wait(&j->finished, &j->lock);
    uv_mutex_unlock(&j->lock);
    int err = j->queued ? j->err : ERR_OK;   // its `done` comes when the loop turns
    if (j->waiting.count == 0) return err;
    struct batch under_way = j->carried;
    j->carried = j->waiting;
    j->waiting = (struct batch){ 0 };
    int late = carry_out(j);
    struct batch carried = j->carried;
    j->carried = under_way;
    tell(j, &carried, late);
    free(carried.items);
    return err ? err : late;
}

const char *journal_problem(const struct journal *j) { return j->problem; }
struct journal_figures journal_figures(const struct journal *j) {
    return j->figures;
}

// ---- life ----

int journal_open(uv_loop_t *loop, const char *path, enum journal_sync sync, journal_done done, void *ctx,
                 struct journal **out, struct errmsg *e) {
    sqlite3_config(
        SQLITE_CONFIG_MEMSTATUS,
        0);   // its count of memory costs a lock for each piece; of no effect once SQLite is in use
    struct journal *j = alloc_zeroed(1, sizeof *j);
    int rc = SQLITE_OK, err = journal_file_make(path, sync, &j->db, e);
    if (!err) rc = journal_file_prepare(j->db, statements, STATEMENT_COUNT, j->statement);
    if (!err && rc == SQLITE_OK) rc = journal_rows_new(j->db, &j->rows);
    if (!err && rc == SQLITE_OK)
        j->run = journal_file_number(j->db, "SELECT coalesce(max(run), 0) + 1 FROM runs", &rc);
    if (!err && rc != SQLITE_OK) err = journal_file_error(e, path, j->db, rc);
    j->fd = err ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!err && j->fd < 0) err = errmsg_set(e, ERR_IO, "%s: cannot be read (%m)", path);
    if (err) {
        close_file(j);
        if (j->fd >= 0) close(j->fd);
        free(j);
        return err;
    }
    j->path = alloc_text(path);
    j->loop = loop;
    j->done = done;
    j->ctx = ctx;
    MUST(uv_mutex_init(&j->lock) == 0);
    MUST(uv_cond_init(&j->finished) == 0);
    uv_prepare_init(loop, &j->prepare);
    uv_timer_init(loop, &j->lazy);
    j->prepare.data = j->lazy.data = j;
    j->open_handles = 2;
    *out = j;
    return ERR_OK;
}

void journal_commit_on_loop(struct journal *j) { j->on_loop = true; }

int64_t journal_run_number(const struct journal *j) { return j->run; }

static void on_closed(uv_handle_t *handle) {
    struct journal *j = handle->data;
    j->open_handles--;
    free_when_done(j);
}

void journal_close(struct journal *j) {
    if (!j) return;
    journal_flush(j);
    j->closing = true;
    uv_close((uv_handle_t *)&j->prepare, on_closed);
    uv_close((uv_handle_t *)&j->lazy, on_closed);
}

// ---- reading ----

#define COLUMNS                                                                                              \
    "run, client_id, endpoint, symbol, side, type, quantity_e8, price_e8, made_us, state, order_id, "        \
    "status, executed_e8,"                                                                                   \
    " avg_price_e8, code, at_us"

static void read_order(sqlite3_stmt *s, struct journal_order *o) {
    bool told = sqlite3_column_count(s) > 16 && strcmp(sqlite3_column_name(s, 16), "told_e8") == 0;
    *o = (struct journal_order){
        .run = sqlite3_column_int64(s, 0),
        .quantity_e8 = sqlite3_column_int64(s, 6),
        .price_e8 = sqlite3_column_int64(s, 7),
        .made_us = sqlite3_column_int64(s, 8),
        .state = (uint8_t)sqlite3_column_int(s, 9),
        .order_id = sqlite3_column_int64(s, 10),
        .executed_e8 = sqlite3_column_int64(s, 12),
        .avg_price_e8 = sqlite3_column_int64(s, 13),
        .code = sqlite3_column_int(s, 14),
        .at_us = sqlite3_column_int64(s, 15),
        .told_e8 = told ? sqlite3_column_int64(s, 16) : 0,
    };
    journal_file_text(o->client_id, sizeof o->client_id, s, 1);
    journal_file_text(o->endpoint, sizeof o->endpoint, s, 2);
    journal_file_text(o->symbol, sizeof o->symbol, s, 3);
    journal_file_text(o->side, sizeof o->side, s, 4);
    journal_file_text(o->type, sizeof o->type, s, 5);
    journal_file_text(o->status, sizeof o->status, s, 11);
}

// A file may hold anything: a row that no journal has written is not taken for an order.
static bool is_sound(const struct journal_order *o, sqlite3_stmt *s) {
    int length = sqlite3_column_bytes(s, 1);
    return length > 0 && (size_t)length == strlen(o->client_id) && o->quantity_e8 >= 0 && o->price_e8 >= 0 &&
           o->order_id >= 0 && sqlite3_column_int64(s, 9) >= JOURNAL_INTENT &&
           sqlite3_column_int64(s, 9) <= JOURNAL_UNSENT;
}

static int read_orders(const char *path, const char *sql, int64_t limit, struct journal_order **rows,
                       int64_t *count, struct errmsg *e) {
    sqlite3 *db;
    sqlite3_stmt *s;
    *rows = NULL;
    *count = 0;
    int64_t size = 0;
    int err = journal_file_ask(path, sql, &db, &s, e), rc = SQLITE_OK;
    if (!err) sqlite3_bind_int64(s, 1, limit > 0 ? limit : -1);
    while (!err && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        ARRAY_ROOM(*rows, size, *count + 1);
        struct journal_order *o = &(*rows)[(*count)++];
        read_order(s, o);
        if (!is_sound(o, s))
            err = errmsg_set(e, ERR_FORMAT, "%s: damaged: the row of order '%s' of run %lld makes no sense",
                             path, o->client_id, (long long)o->run);
    }
    if (!err && rc != SQLITE_DONE) err = journal_file_error(e, path, db, rc);
    sqlite3_finalize(s);
    sqlite3_close(db);
    if (err) {
        free(*rows);
        *rows = NULL;
        *count = 0;
    }
    return err;
}

int journal_orders(const char *path, bool open_only, int64_t limit, struct journal_order **rows,
                   int64_t *count, struct errmsg *e) {
    static const char *const sql[2] = {
        "SELECT * FROM (SELECT " COLUMNS ", seq FROM orders ORDER BY seq DESC LIMIT ?1) ORDER BY seq",
        "SELECT " COLUMNS " FROM orders WHERE " OPEN " ORDER BY seq LIMIT ?1",
    };
    return read_orders(path, sql[open_only], limit, rows, count, e);
}

int journal_left(const char *path, struct journal_order **rows, int64_t *count, struct errmsg *e) {
    return read_orders(path,
                       "SELECT " COLUMNS ", told_e8 FROM orders WHERE " OPEN
                       " OR state = 1 AND order_id > 0 AND told_e8 < executed_e8 ORDER BY seq LIMIT ?1",
                       0, rows, count, e);
}

int journal_named(const char *path, const char *own, struct journal_order **rows, int64_t *count,
                  struct errmsg *e) {
    ASSERT(strspn(own, "abcdefghijklmnopqrstuvwxyz-") == strlen(own));   // it becomes part of a query
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT " COLUMNS " FROM orders WHERE order_id > 0 AND NOT " OPEN
             " AND client_id NOT LIKE '%s%%' "
             "ORDER BY seq LIMIT ?1",
             own);
    return read_orders(path, sql, 0, rows, count, e);
}

int journal_knows(const char *path, const char *const *client_ids, int32_t count, bool *known,
                  struct errmsg *e) {
    sqlite3 *db;
    sqlite3_stmt *s;
    int err = journal_file_ask(path, "SELECT 1 FROM orders WHERE client_id = ?1 LIMIT 1", &db, &s, e);
    for (int32_t i = 0; i < count && !err; i++) {
        sqlite3_bind_text(s, 1, client_ids[i], -1, SQLITE_STATIC);
        int rc = sqlite3_step(s);
        known[i] = rc == SQLITE_ROW;
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) err = journal_file_error(e, path, db, rc);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return err;
}

int journal_get(const char *path, const char *name, char **value, size_t *size, struct errmsg *e) {
    sqlite3 *db;
    sqlite3_stmt *s;
    *value = NULL;
    *size = 0;
    int err = journal_file_ask(path, "SELECT value FROM vault WHERE name = ?1", &db, &s, e), rc = SQLITE_OK;
    if (!err) {
        sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        rc = sqlite3_step(s);
    }
    if (!err && rc == SQLITE_ROW) {
        *size = (size_t)sqlite3_column_bytes(s, 0);
        *value = alloc_bytes(*size + 1);
        if (*size) memcpy(*value, sqlite3_column_blob(s, 0), *size);
        (*value)[*size] = 0;
    } else if (!err) {
        err = rc == SQLITE_DONE ? errmsg_set(e, ERR_NOT_FOUND, "%s: nothing is kept as '%s'", path, name)
                                : journal_file_error(e, path, db, rc);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return err;
}

void journal_release(void *rows_or_value) { free(rows_or_value); }

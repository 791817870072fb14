#include "store/journal_runs.h"

#include "base/assert.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { VERSION = 1, BUSY_MS = 5000 };

static int failed(sqlite3 *db, const char *path, int rc, struct errmsg *e) {
    return errmsg_set(e, rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? ERR_FORMAT : ERR_IO, "%s: %s", path, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static int64_t version_of(sqlite3 *db) {
    sqlite3_stmt *s = NULL;
    int64_t version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) version = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return version;
}

// Not read-only: a journal left by a killed process is recovered by whoever opens it first. The database is the caller's to close,
// also after an error.
static int open_with(const char *path, const char *sql, sqlite3 **db, sqlite3_stmt **s, struct errmsg *e) {
    *db = NULL;
    *s = NULL;
    if (access(path, F_OK) != 0) return errmsg_set(e, ERR_NOT_FOUND, "%s: no such journal", path);
    int rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_busy_timeout(*db, BUSY_MS);
    // The last to close a file moves its log into it, and waits for the disk: that is for those who have time.
    if (rc == SQLITE_OK) rc = sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    if (rc != SQLITE_OK) return failed(*db, path, rc, e);
    if (version_of(*db) != VERSION) return errmsg_set(e, ERR_FORMAT, "%s: not a journal of this version of moontide", path);
    rc = sqlite3_prepare_v2(*db, sql, -1, s, NULL);
    return rc == SQLITE_OK ? ERR_OK : failed(*db, path, rc, e);
}

static void text_of(char *out, size_t size, sqlite3_stmt *s, int column) {
    const unsigned char *text = sqlite3_column_text(s, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

int journal_runs(const char *path, int64_t limit, struct journal_run_row **rows, int64_t *count, struct errmsg *e) {
    sqlite3 *db;
    sqlite3_stmt *s;
    *rows = NULL;
    *count = 0;
    int rc = SQLITE_OK;
    int err = open_with(path, "SELECT run, started_us, coalesce(ended_us, 0), script, symbols, how, coalesce(n, 0)"
                              " FROM (SELECT * FROM runs ORDER BY run DESC LIMIT ?1)"
                              " LEFT JOIN (SELECT run AS of, count(*) AS n FROM orders GROUP BY run) ON of = run ORDER BY run", &db, &s, e);
    if (!err) sqlite3_bind_int64(s, 1, limit > 0 ? limit : -1);
    while (!err && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        *rows = realloc(*rows, sizeof **rows * (size_t)(*count + 1));
        ASSERT(*rows != NULL);
        struct journal_run_row *r = &(*rows)[(*count)++];
        *r = (struct journal_run_row){ .run = sqlite3_column_int64(s, 0), .started_us = sqlite3_column_int64(s, 1), .ended_us = sqlite3_column_int64(s, 2),
                                       .orders = sqlite3_column_int64(s, 6) };
        text_of(r->script, sizeof r->script, s, 3);
        text_of(r->symbols, sizeof r->symbols, s, 4);
        text_of(r->how, sizeof r->how, s, 5);
    }
    if (!err && rc != SQLITE_DONE) err = failed(db, path, rc, e);
    sqlite3_finalize(s);
    sqlite3_close(db);
    if (err) {
        free(*rows);
        *rows = NULL;
        *count = 0;
    }
    return err;
}

int journal_runs_end(const char *path, const char *how, int64_t at_us, int64_t since_us, struct errmsg *e) {
    sqlite3 *db;
    sqlite3_stmt *s;
    int err = open_with(path, "UPDATE runs SET how = ?1, ended_us = nullif(?2, 0) WHERE how IS NULL AND started_us >= ?3", &db, &s, e);
    if (!err) {
        sqlite3_bind_text(s, 1, how, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, at_us);
        sqlite3_bind_int64(s, 3, since_us);
        int rc = sqlite3_step(s);
        if (rc != SQLITE_DONE) err = failed(db, path, rc, e);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return err;
}

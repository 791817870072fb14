// journal_runs.c: the runs of a journal: listed, and how each ended.
#include "store/journal_runs.h"

#include "base/array.h"
#include "store/journal_file.h"

#include <stdlib.h>

int journal_runs(const char *path, int64_t limit, struct journal_run_row **rows, int64_t *count,
                 struct errmsg *e) {
    sqlite3 *db;
    sqlite3_stmt *s;
    *rows = NULL;
    *count = 0;
    int64_t room = 0;
    int rc = SQLITE_OK;
    int err = journal_file_ask(
        path,
        "SELECT run, started_us, coalesce(ended_us, 0), script, symbols, how, coalesce(n, 0)"
        " FROM (SELECT * FROM runs ORDER BY run DESC LIMIT ?1)"
        " LEFT JOIN (SELECT run AS of, count(*) AS n FROM orders GROUP BY run) ON of = run ORDER BY run",
        &db, &s, e);
    if (!err) sqlite3_bind_int64(s, 1, limit > 0 ? limit : -1);
    while (!err && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        ARRAY_ROOM(*rows, room, *count + 1);
        struct journal_run_row *r = &(*rows)[(*count)++];
        *r = (struct journal_run_row){ .run = sqlite3_column_int64(s, 0),
                                       .started_us = sqlite3_column_int64(s, 1),
                                       .ended_us = sqlite3_column_int64(s, 2),
                                       .orders = sqlite3_column_int64(s, 6) };
        journal_file_text(r->script, sizeof r->script, s, 3);
        journal_file_text(r->symbols, sizeof r->symbols, s, 4);
        journal_file_text(r->how, sizeof r->how, s, 5);
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

int journal_runs_end(const char *path, const char *how, int64_t at_us, int64_t since_us, struct errmsg *e) {
    sqlite3 *db;
    sqlite3_stmt *s;
    int err = journal_file_ask(
        path, "UPDATE runs SET how = ?1, ended_us = nullif(?2, 0) WHERE how IS NULL AND started_us >= ?3",
        &db, &s, e);
    if (!err) {
        sqlite3_bind_text(s, 1, how, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, at_us);
        sqlite3_bind_int64(s, 3, since_us);
        int rc = sqlite3_step(s);
        if (rc != SQLITE_DONE) err = journal_file_error(e, path, db, rc);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return err;
}

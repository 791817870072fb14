// journal_file.c: the SQLite file of a journal: schema, versions, opening.
#include "store/journal_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { VERSION = 3, BUSY_MS = 5000, CHECKPOINT_PAGES = 16384 };

static const char schema[] =
    "CREATE TABLE runs (run INTEGER PRIMARY KEY, script TEXT NOT NULL, symbols TEXT NOT NULL, started_us "
    "INTEGER NOT NULL,"
    " ended_us INTEGER, how TEXT);"
    "CREATE TABLE orders (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, client_id TEXT NOT NULL, endpoint "
    "TEXT NOT NULL,"
    " symbol TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL, quantity_e8 INTEGER NOT NULL, price_e8 "
    "INTEGER NOT NULL,"
    " call TEXT NOT NULL, made_us INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
    " order_id INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL DEFAULT '', executed_e8 INTEGER NOT NULL "
    "DEFAULT 0,"
    " avg_price_e8 INTEGER NOT NULL DEFAULT 0, code INTEGER NOT NULL DEFAULT 0, at_us INTEGER NOT NULL "
    "DEFAULT 0, told_e8 INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX orders_by_client_id ON orders (client_id, seq);"
    "CREATE TABLE vault (name TEXT PRIMARY KEY, value BLOB NOT NULL);"
    "CREATE TABLE notes (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, at_us INTEGER NOT NULL, text TEXT "
    "NOT NULL);"
    "PRAGMA user_version = 3;";

// What an older file lacks, or has too much, by its version.
static const char from_1_to_2[] = "ALTER TABLE orders DROP COLUMN final_us; PRAGMA user_version = 2;";
static const char from_2_to_3[] =
    "ALTER TABLE orders ADD COLUMN told_e8 INTEGER NOT NULL DEFAULT 0;"
    "UPDATE orders SET told_e8 = executed_e8; PRAGMA user_version = 3;";   // nothing else is known of them

int journal_file_error(struct errmsg *e, const char *path, sqlite3 *db, int rc) {
    const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    if (rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT)
        return errmsg_set(e, ERR_FORMAT,
                          "%s: not a journal, or a damaged one (%s); move it away to start a new one", path,
                          text);
    return errmsg_set(e, ERR_IO, "%s: %s", path, text);
}

int journal_file_prepare(sqlite3 *db, const char *const *sql, int count, sqlite3_stmt **out) {
    int rc = SQLITE_OK;
    for (int i = 0; i < count && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &out[i], NULL);
    return rc;
}

int journal_file_finish(sqlite3_stmt *s) {
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int64_t journal_file_number(sqlite3 *db, const char *sql, int *rc) {
    sqlite3_stmt *s;
    int64_t value = 0;
    *rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (*rc == SQLITE_OK) {
        *rc = sqlite3_step(s);
        if (*rc == SQLITE_ROW)
            value = sqlite3_column_int64(s, 0), *rc = SQLITE_OK;
        else if (*rc == SQLITE_DONE)
            *rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return value;
}

static int carry_through(sqlite3 *db, const char *sql) {
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : rc;
}

static int check_version(sqlite3 *db, const char *path, bool may_make, struct errmsg *e) {
    int rc;
    int64_t version = journal_file_number(db, "PRAGMA user_version", &rc);
    if (rc == SQLITE_OK && version == 0) {
        int64_t tables = journal_file_number(db, "SELECT count(*) FROM sqlite_master", &rc);
        if (rc == SQLITE_OK && tables > 0)
            return errmsg_set(e, ERR_FORMAT, "%s: a database, but not a journal", path);
        // Made by a process that was killed then, or found no room: as good as none, for the next writes in
        // it.
        if (rc == SQLITE_OK && !may_make)
            return errmsg_set(e, ERR_NOT_FOUND, "%s: nothing is written in it", path);
        if (rc == SQLITE_OK) rc = carry_through(db, schema);
    } else if (rc == SQLITE_OK && may_make) {
        if (version == 1) rc = carry_through(db, from_1_to_2);
        if (rc == SQLITE_OK && version < 3) rc = carry_through(db, from_2_to_3);
    }
    if (rc != SQLITE_OK) return journal_file_error(e, path, db, rc);
    if (version > VERSION)
        return errmsg_set(e, ERR_FORMAT, "%s: written by a newer moontide (version %lld; this one knows %d)",
                          path, (long long)version, VERSION);
    return ERR_OK;
}

int journal_file_make(const char *path, enum journal_sync sync, sqlite3 **db, struct errmsg *e) {
    // SQLite makes its companions with the mode of the file itself: make it, with ours.
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return errmsg_set(e, ERR_IO, "%s: cannot be written (%m)", path);
    close(fd);
    int rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_busy_timeout(*db, BUSY_MS);
    // Small pages: a commit writes each page it touched whole, and an order is one row. One thread at a time
    // has the database.
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(*db, "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    // A checkpoint waits for the disk, and commits wait for it: seldom, then.
    if (rc == SQLITE_OK) rc = sqlite3_wal_autocheckpoint(*db, CHECKPOINT_PAGES);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(*db,
                          sync == JOURNAL_FULL ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                          NULL, NULL, NULL);
    if (rc != SQLITE_OK) return journal_file_error(e, path, *db, rc);
    return check_version(*db, path, true, e);
}

void journal_file_text(char *out, size_t size, sqlite3_stmt *s, int column) {
    const unsigned char *text = sqlite3_column_text(s, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

static int open_beside(const char *path, sqlite3 **db, struct errmsg *e) {
    *db = NULL;
    if (access(path, F_OK) != 0) return errmsg_set(e, ERR_NOT_FOUND, "%s: no such journal", path);
    // Not read-only: a journal left by a killed process is recovered by whoever opens it first.
    int rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_busy_timeout(*db, BUSY_MS);
    // The last to close a file moves its log into it, and waits for the disk: that is for those who have
    // time.
    if (rc == SQLITE_OK) rc = sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    if (rc != SQLITE_OK) return journal_file_error(e, path, *db, rc);
    return check_version(*db, path, false, e);
}

int journal_file_ask(const char *path, const char *sql, sqlite3 **db, sqlite3_stmt **s, struct errmsg *e) {
    *s = NULL;
    int err = open_beside(path, db, e);
    if (err) return err;
    int rc = sqlite3_prepare_v2(*db, sql, -1, s, NULL);
    return rc == SQLITE_OK ? ERR_OK : journal_file_error(e, path, *db, rc);
}

// journal_file.h: the SQLite file of a journal (store/journal.h): its schema, its versions, how it is opened
// and what is said of one that cannot be. For the modules of the journal only.
//
// Owner    a database is the caller's to close, also after an error (NULL then, or open).
// Errors   ERR_IO, ERR_FORMAT (no journal, a damaged one, or of a newer version), ERR_NOT_FOUND, each with
//          one line.
#ifndef MT_STORE_JOURNAL_FILE_H
#define MT_STORE_JOURNAL_FILE_H

#include "base/err.h"
#include "store/journal.h"

#include <sqlite3.h>

// To be written: made (mode 0600) if there is none, brought up to this version if it is older.
int journal_file_make(const char *path, enum journal_sync sync, sqlite3 **db, struct errmsg *e);
// One that is there, and a statement on it: a question, or a single change, beside its writer, for whom it
// waits up to five seconds. The statement is the caller's to finalize.
int journal_file_ask(const char *path, const char *sql, sqlite3 **db, sqlite3_stmt **s, struct errmsg *e);

int journal_file_error(struct errmsg *e, const char *path, sqlite3 *db, int rc);   // as an err of ours
// Statements that stay: those made before an error are the caller's to finalize, too.
int journal_file_prepare(sqlite3 *db, const char *const *sql, int count,
                         sqlite3_stmt **out);   // a code of SQLite's
int journal_file_finish(sqlite3_stmt *s);       // carries a change out and makes the statement ready for the
                                                // next: SQLITE_OK, or its code
int64_t journal_file_number(sqlite3 *db, const char *sql, int *rc);   // the first of the first row; 0: none
void journal_file_text(char *out, size_t size, sqlite3_stmt *s,
                       int column);   // cut to what fits, terminated; NULL: ""

#endif

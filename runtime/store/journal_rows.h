// journal_rows.h: the rows of orders in a journal (store/journal.h) while they are written. For journal.c
// only.
//
// Kept     what the rows of the last orders hold is remembered, so that they are not looked for again, and
//          what became of an order is written once a transaction, however many have told of it: by
//          journal_rows_flush, before its COMMIT.
// Calls    within a transaction, by one thread at a time. After a ROLLBACK journal_rows_forget: what is
//          remembered is not so.
// Errors   codes of SQLite's; SQLITE_OK when it is done.
#ifndef MT_STORE_JOURNAL_ROWS_H
#define MT_STORE_JOURNAL_ROWS_H

#include "store/journal.h"

#include <sqlite3.h>

// Statuses of orders that are over.
#define JOURNAL_ENDED "('FILLED', 'CANCELED', 'EXPIRED', 'EXPIRED_IN_MATCH', 'REJECTED', 'FINISHED')"

struct journal_rows;

int journal_rows_new(sqlite3 *db, struct journal_rows **out);
void journal_rows_free(struct journal_rows *r);   // before the database is closed; NULL is no error

int journal_rows_intend(struct journal_rows *r, int64_t run, const struct journal_intent *i);
int journal_rows_settle(struct journal_rows *r, const struct journal_outcome *o);
int journal_rows_flush(struct journal_rows *r);
void journal_rows_forget(struct journal_rows *r);

#endif

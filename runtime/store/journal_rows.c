// journal_rows.c: the rows of orders of a journal while they are written.
#include "store/journal_rows.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "store/journal_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { REMEMBERED = 512 };
enum row_statement { FIND, FIND_OLDER, INTENT, INTENT_AGAIN, SETTLE, STATEMENT_COUNT };

#define ROW "SELECT seq, state, order_id, executed_e8, avg_price_e8, code, at_us, status, told_e8"

static const char *const statements[STATEMENT_COUNT] = {
    [FIND] = ROW ", (SELECT count(*) FROM orders WHERE client_id = ?1) > 1 FROM orders WHERE client_id = ?1"
                 " ORDER BY seq DESC LIMIT 1",
    [FIND_OLDER] =
        ROW " FROM orders WHERE client_id = ?1 AND order_id = ?2 AND seq < ?3 ORDER BY seq DESC LIMIT 1",
    [INTENT] = "INSERT INTO orders (run, quantity_e8, price_e8, made_us, client_id, endpoint, symbol, side, "
               "type, call)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [INTENT_AGAIN] = "UPDATE orders SET state = 0, run = ?1, made_us = ?2 WHERE seq = ?3",
    [SETTLE] = "UPDATE orders SET state = ?1, order_id = ?2, executed_e8 = ?3, avg_price_e8 = ?4, code = ?5, "
               "at_us = ?6, told_e8 = ?7, status = ?8"
               " WHERE seq = ?9",
};

// The last one of its client id.
struct order_row {
    char client_id[JOURNAL_ID_MAX], status[24];
    int64_t seq, order_id, executed_e8, avg_price_e8, told_e8, at_us;
    int32_t code;
    uint8_t state;
    bool again;               // the file has older ones
    bool changed;             // not written yet
    struct order_row *next;   // of those
    UT_hash_handle hh;
};

struct journal_rows {
    sqlite3 *db;
    sqlite3_stmt *statement[STATEMENT_COUNT];
    struct order_row *rows, *changed;   // the hash goes through them from the oldest on
};

int journal_rows_new(sqlite3 *db, struct journal_rows **out) {
    struct journal_rows *r = alloc_zeroed(1, sizeof *r);
    r->db = db;
    int rc = journal_file_prepare(db, statements, STATEMENT_COUNT, r->statement);
    if (rc == SQLITE_OK)
        *out = r;
    else
        journal_rows_free(r);
    return rc;
}

void journal_rows_free(struct journal_rows *r) {
    if (!r) return;
    journal_rows_forget(r);
    for (int i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize(r->statement[i]);
    free(r);
}

static void drop(struct journal_rows *r, struct order_row *row) {
    HASH_DEL(r->rows, row);
    free(row);
}

void journal_rows_forget(struct journal_rows *r) {
    while (r->rows) drop(r, r->rows);
    r->changed = NULL;
}

static struct order_row *remember(struct journal_rows *r, const char *client_id, int64_t seq) {
    struct order_row *row = alloc_zeroed(1, sizeof *row);
    ASSERT(strlen(client_id) < sizeof row->client_id);
    strcpy(row->client_id, client_id);
    row->seq = seq;
    HASH_ADD_STR(r->rows, client_id, row);
    return row;
}

static void read_row(struct order_row *row, sqlite3_stmt *s) {
    row->seq = sqlite3_column_int64(s, 0);
    row->state = (uint8_t)sqlite3_column_int(s, 1);
    row->order_id = sqlite3_column_int64(s, 2);
    row->executed_e8 = sqlite3_column_int64(s, 3);
    row->avg_price_e8 = sqlite3_column_int64(s, 4);
    row->code = sqlite3_column_int(s, 5);
    row->at_us = sqlite3_column_int64(s, 6);
    journal_file_text(row->status, sizeof row->status, s, 7);
    row->told_e8 = sqlite3_column_int64(s, 8);
}

// *row is NULL when there is none.
static int find(struct journal_rows *r, const char *client_id, struct order_row **row) {
    HASH_FIND_STR(r->rows, client_id, *row);
    if (*row) return SQLITE_OK;
    sqlite3_stmt *s = r->statement[FIND];
    sqlite3_bind_text(s, 1, client_id, -1, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *row = remember(r, client_id, 0);
        read_row(*row, s);
        (*row)->again = sqlite3_column_int(s, 9) != 0;
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int write_row(struct journal_rows *r, struct order_row *row) {
    sqlite3_stmt *s = r->statement[SETTLE];
    const int64_t numbers[] = { row->state, row->order_id, row->executed_e8, row->avg_price_e8,
                                row->code,  row->at_us,    row->told_e8 };
    for (int i = 0; i < 7; i++) sqlite3_bind_int64(s, i + 1, numbers[i]);
    sqlite3_bind_text(s, 8, row->status, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 9, row->seq);
    return journal_file_finish(s);
}

int journal_rows_flush(struct journal_rows *r) {
    int rc = SQLITE_OK;
    for (; r->changed && rc == SQLITE_OK; r->changed = r->changed->next) {
        rc = write_row(r, r->changed);
        r->changed->changed = false;
    }
    while (rc == SQLITE_OK && HASH_COUNT(r->rows) > REMEMBERED) drop(r, r->rows);
    return rc;
}

static int insert(struct journal_rows *r, int64_t run, const struct journal_intent *i) {
    sqlite3_stmt *s = r->statement[INTENT];
    const int64_t numbers[] = { run, i->quantity_e8, i->price_e8, i->made_us };
    const char *const texts[] = { i->client_id, i->endpoint, i->symbol, i->side, i->type, i->call };
    for (int k = 0; k < 4; k++) sqlite3_bind_int64(s, k + 1, numbers[k]);
    for (int k = 0; k < 6; k++) sqlite3_bind_text(s, k + 5, texts[k], -1, SQLITE_STATIC);
    return journal_file_finish(s);
}

int journal_rows_intend(struct journal_rows *r, int64_t run, const struct journal_intent *i) {
    struct order_row *row;
    int rc = find(r, i->client_id, &row);
    if (rc != SQLITE_OK) return rc;
    if (row &&
        (row->state == JOURNAL_INTENT || row->state == JOURNAL_ABSENT || row->state == JOURNAL_UNSENT)) {
        // Sent once more after its absence was proven: the same intent, from a later time on.
        sqlite3_stmt *s = r->statement[INTENT_AGAIN];
        sqlite3_bind_int64(s, 1, run);
        sqlite3_bind_int64(s, 2, i->made_us);
        sqlite3_bind_int64(s, 3, row->seq);
        row->state = JOURNAL_INTENT;
        return journal_file_finish(s);
    }
    if (row && row->changed) rc = write_row(r, row);   // the new one takes its place here
    if (rc == SQLITE_OK) rc = insert(r, run, i);
    if (rc != SQLITE_OK) return rc;
    if (row)
        row->again = true;
    else
        row = remember(r, i->client_id, 0);
    row->seq = sqlite3_last_insert_rowid(r->db);
    row->order_id = row->executed_e8 = row->avg_price_e8 = row->told_e8 = row->at_us = 0;
    row->code = 0;
    row->state = JOURNAL_INTENT;
    row->status[0] = 0;
    return SQLITE_OK;
}

static bool is_ended(const char *status) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", status);
    return strstr(JOURNAL_ENDED, quoted) != NULL;
}

// What is settled stays settled: an answer that comes late does not undo what a later one told. False: it
// tells nothing new.
static bool learn(struct order_row *row, const struct journal_outcome *o) {
    bool further = o->executed_e8 >= row->executed_e8 && o->avg_price_e8 != 0;
    uint8_t state = row->state == JOURNAL_ACCEPTED ? row->state : o->state;
    int64_t order_id = o->order_id != 0 ? o->order_id : row->order_id,
            avg_price_e8 = further ? o->avg_price_e8 : row->avg_price_e8;
    int64_t executed_e8 = o->executed_e8 > row->executed_e8 ? o->executed_e8 : row->executed_e8;
    int64_t told_e8 = o->told_e8 > row->told_e8 ? o->told_e8 : row->told_e8;
    int32_t code = o->code != 0 ? o->code : row->code;
    bool status = o->status[0] != 0 && strcmp(o->status, row->status) != 0 && !is_ended(row->status);
    if (!status && state == row->state && order_id == row->order_id && avg_price_e8 == row->avg_price_e8 &&
        executed_e8 == row->executed_e8 && told_e8 == row->told_e8 && code == row->code)
        return false;
    row->state = state;
    row->order_id = order_id;
    row->avg_price_e8 = avg_price_e8;
    row->executed_e8 = executed_e8;
    row->told_e8 = told_e8;
    row->code = code;
    if (o->at_us > row->at_us) row->at_us = o->at_us;
    if (status) snprintf(row->status, sizeof row->status, "%s", o->status);
    return true;
}

// A client id that is used again names the last order, but what becomes of the older ones may still be told: by the
// exchange's ids. *meant: it was an older one's, and is written.
static int settle_older(struct journal_rows *r, const struct order_row *last, const struct journal_outcome *o,
                        bool *meant) {
    struct order_row row = { .seq = 0 };
    sqlite3_stmt *s = r->statement[FIND_OLDER];
    sqlite3_bind_text(s, 1, o->client_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, o->order_id);
    sqlite3_bind_int64(s, 3, last->seq);
    int rc = sqlite3_step(s);
    *meant = rc == SQLITE_ROW;
    if (*meant) read_row(&row, s);
    sqlite3_reset(s);
    if (*meant && learn(&row, o)) return write_row(r, &row);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int journal_rows_settle(struct journal_rows *r, const struct journal_outcome *o) {
    struct order_row *row;
    int rc = find(r, o->client_id, &row);
    if (rc == SQLITE_OK && row && row->again && o->order_id != 0 && o->order_id != row->order_id) {
        bool meant;
        rc = settle_older(r, row, o, &meant);
        if (meant) return rc;
    }
    if (rc != SQLITE_OK || !row || !learn(row, o)) return rc;
    if (!row->changed) {
        row->changed = true;
        row->next = r->changed;
        r->changed = row;
    }
    return SQLITE_OK;
}

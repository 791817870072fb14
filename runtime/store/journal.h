// journal.h: what a run intends, on disk before it is sent; what became of it; and the state its script
// keeps.
//
//     intent written -> (durable) -> sent -> outcome written        a killed process leaves intents without
//     an outcome:
//                                                                   they are settled before the next run's
//                                                                   first handler
//
// Form     SQLite in WAL mode. Writes of one turn of the loop share one transaction, which is carried out on
//          libuv's pool: no commit ever blocks the loop. `done` is called on the loop once the writes are
//          down.
// Durable  JOURNAL_NORMAL: survives a killed process (the data is with the kernel). JOURNAL_FULL: each commit
//          waits for the disk, and so survives a power cut.
// Order    writes are carried out in the order of the calls. One with a tag sets out at once; those without
//          wait a few milliseconds for company, so that an intent never waits behind what nobody waits for.
// Owner    journal_close waits for what is under way, then frees; texts handed in are copied. One thread (the
//          loop's).
// Errors   a commit that fails (full disk, a folder taken away) is told to every `done` of it; nothing of it
//          is kept.
// Schema   docs/journal.md. Versioned by PRAGMA user_version; a newer file than this program knows is
//          refused.
#ifndef MT_STORE_JOURNAL_H
#define MT_STORE_JOURNAL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum journal_sync { JOURNAL_NORMAL, JOURNAL_FULL };

enum { JOURNAL_ID_MAX = 40, JOURNAL_STATE_MAX = 1 << 20 };

// What is known of an order's journey. Values are stored: never renumber.
enum journal_state {
    JOURNAL_INTENT = 0,     // written, perhaps sent: open until something else is known
    JOURNAL_ACCEPTED = 1,   // the exchange has it
    JOURNAL_REFUSED = 2,    // it said no
    JOURNAL_ABSENT = 3,     // it certainly never got it
    JOURNAL_UNSENT = 4      // given up before a byte left
};

// Texts are borrowed for the call; e8 amounts and microseconds as everywhere.
struct journal_intent {
    const char *client_id;   // the order's, at most JOURNAL_ID_MAX - 1 bytes; unique in the file
    const char *symbol, *side, *type;
    const char *call;                // the request as sent, without stamp and signature
    const char *endpoint;            // method and path
    int64_t quantity_e8, price_e8;   // 0: none
    int64_t made_us;                 // by the exchange's clock: what its stamp is at the earliest
};

struct journal_outcome {
    const char *client_id;
    uint8_t state;        // enum journal_state
    int64_t order_id;     // 0: none
    const char *status;   // "FILLED"; "" when not known
    int64_t executed_e8, avg_price_e8;
    int64_t told_e8;   // of the executed quantity, what the script has been told of; 0: nothing new
    int32_t code;      // of a refusal
    int64_t at_us;
};

// An intent as read back; texts are the record's own.
struct journal_order {
    char client_id[JOURNAL_ID_MAX], symbol[24], side[8], type[24], status[24], endpoint[40];
    int64_t quantity_e8, price_e8, made_us, order_id, executed_e8, avg_price_e8, at_us, run;
    int64_t told_e8;   // of journal_left alone
    int32_t code;
    uint8_t state;
};

struct journal;
struct uv_loop_s;   // libuv's uv_loop_t
typedef void (*journal_done)(void *ctx, uint64_t tag, int err);

// Opens or makes the file (mode 0600). ERR_IO, ERR_FORMAT (not a journal, or of a newer version) with one
// line. `done` hears of every write with a tag other than 0; ctx is handed to it.
int journal_open(struct uv_loop_s *loop, const char *path, enum journal_sync sync, journal_done done,
                 void *ctx, struct journal **out, struct errmsg *e);
void journal_close(struct journal *j);
// From now on the loop itself carries transactions out, as it turns: where time is not the wall's, a commit ends
// at the same moment in every run.
void journal_commit_on_loop(struct journal *j);

// A run begins: its row; later writes belong to it. How it ended: "stopped", "failed", "killed by ...".
void journal_run(struct journal *j, const char *script, const char *symbols, int64_t now_us);
void journal_run_end(struct journal *j, const char *how, int64_t now_us);
int64_t journal_run_number(const struct journal *j);   // this run's, counted up in the file: 1, 2...

void journal_intend(struct journal *j, const struct journal_intent *i, uint64_t tag);
void journal_settle(struct journal *j, const struct journal_outcome *o, uint64_t tag);
// A named value (the script's state, say) of at most JOURNAL_STATE_MAX bytes; the last one written counts.
void journal_put(struct journal *j, const char *name, const char *value, size_t size, uint64_t tag);
// One line of what happened to the run itself: a halt, a kill, a reload.
void journal_note(struct journal *j, const char *text, int64_t now_us);

// Lets what was written so far be committed now, and waits for it: at the end, before an exit.
int journal_flush(struct journal *j);
bool journal_idle(const struct journal *j);   // nothing waits to be written

// Reading, at a start: straight from the file, what is under way not included. Rows by client id's insertion
// order. `open_only`: intents without an outcome, and orders that were not over when last heard of.
// Malloc'ed, to be freed by the caller; ERR_IO with one line.
int journal_orders(const char *path, bool open_only, int64_t limit, struct journal_order **rows,
                   int64_t *count, struct errmsg *e);
// What a start has to settle: the open orders, and those of whose executed quantity the script was not told all.
int journal_left(const char *path, struct journal_order **rows, int64_t *count, struct errmsg *e);
// The orders that are over and whose client ids do not begin with `own`: those that scripts have named. One that is open
// is not among them: its id names it still.
int journal_named(const char *path, const char *own, struct journal_order **rows, int64_t *count,
                  struct errmsg *e);
// Which of these client ids are in the file, of whatever run: known[i]. ERR_IO with one line.
int journal_knows(const char *path, const char *const *client_ids, int32_t count, bool *known,
                  struct errmsg *e);
// ERR_NOT_FOUND when there is none; malloc'ed.
int journal_get(const char *path, const char *name, char **value, size_t *size, struct errmsg *e);
void journal_release(void *rows_or_value);

const char *journal_problem(const struct journal *j);   // what was wrong with the last commit that failed; ""

struct journal_figures {
    int64_t writes, commits, longest_us, failed;
};
struct journal_figures journal_figures(const struct journal *j);

#endif

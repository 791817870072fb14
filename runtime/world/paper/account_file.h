// account_file.h: a paper account as a file: the exchange's state, and what the report says of its whole life.
//
// Form     tagged fields behind the head of base/saved.h; the exchange's part is that of sim/snapshot.h. A
//          later version reads what this one has written.
// File     one process has it at a time (a lock beside it). It is written whole, on a thread of libuv's, and
//          at the end of a run on the caller's.
// Owner    account_file_close; account_saved_free.
#ifndef MT_WORLD_PAPER_ACCOUNT_FILE_H
#define MT_WORLD_PAPER_ACCOUNT_FILE_H

#include "sim/snapshot.h"
#include "world/live/live.h"

struct uv_loop_s;

// What a script knows, as of the same moment as the account: its self.state, and which fills it was told of
// (paper_account.told_id). Texts are borrowed.
struct account_script {
    const char *run, *state;   // the run's name; NULL: nothing is known
    size_t state_size;
};

// All but the exchange's own.
struct account_saved {
    struct paper_account account;
    struct account_script script;
    int64_t peak_e8, drawdown_e8, peak_us, trough_us, peak_candidate_us, equity_e8;
    double drawdown;
    int32_t day_count;
    struct account_day {
        int64_t us, equity_e8;
    } * days;   // oldest first
};

struct account_file {
    char *path;   // NULL: nothing is kept
    int lock;     // descriptor, -1: none
    bool dirty, writing;
    int64_t due_us;   // of the next writing, 0: not yet known
};

// The bytes of a file, malloc'ed.
void *account_file_encode(const struct account_saved *s, const struct exchange *x, size_t *size);

// ERR_FORMAT and one line. *snapshot and s->days are the caller's then.
int account_file_decode(const void *bytes, size_t size, const struct symbol *symbols, int32_t symbol_count,
                        struct account_saved *s, struct snapshot **snapshot, struct errmsg *e);
void account_saved_free(struct account_saved *s);

// The script's part alone. Its texts point into *bytes, which are the caller's; both NULL: there is none.
int account_file_script(const char *path, void **bytes, struct account_script *s, int64_t *told_id,
                        struct errmsg *e);

// Takes the lock; NULL: nothing is kept. ERR_FULL: another process has it.
int account_file_open(struct account_file *f, const char *path, struct errmsg *e);

// *snapshot stays NULL when there is no file yet.
int account_file_read(const struct account_file *f, const struct symbol *symbols, int32_t symbol_count,
                      struct account_saved *s, struct snapshot **snapshot, struct errmsg *e);

// Whether a change is to be written now: some seconds after the first, and so that writing takes a small part
// of the time.
bool account_file_due(struct account_file *f, int64_t now_us);

// Takes the bytes. `took_us`: what making them has cost.
void account_file_write_later(struct account_file *f, struct uv_loop_s *loop, void *bytes, size_t size,
                              int64_t now_us, int64_t took_us);

// Waits for a writing that is under way, writes `bytes` (borrowed; NULL: nothing) and gives the lock back.
void account_file_close(struct account_file *f, struct uv_loop_s *loop, const void *bytes, size_t size);

#endif

// account_file.c: a paper account written as tagged fields, read back, and when it is written.
#include "world/paper/account_file.h"

#include "base/assert.h"
#include "base/saved_macros.h"
#include "store/whole_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define SAVE_AFTER_US INT64_C(2000000)   // a change is on disk by then
#define SAVE_SHARE 20                    // and saving takes no more than this part of the time

enum { VERSION_OLDEST = 2, VERSION = 2 };
static const char magic[] = "moontide paper";

// The parts of a file, by their tags.
enum { TAG_LIFE = 1, TAG_EXCHANGE, TAG_SCRIPT };

// clang-format off
#define OF paper_account
static const struct saved_field account_fields[] = {
    S_INT64(1, started_us),
    S_INT64(2, capital_e8),
    S_INT64(3, held_us),
    S_INT64(4, lasted_us),
    S_INT64(5, saved_us),
};
static const struct saved_table account_table = S_TABLE(paper_account, account_fields);
#undef OF

#define OF account_day
static const struct saved_field day_fields[] = {
    S_INT64(1, us),
    S_INT64(2, equity_e8),
};
static const struct saved_table day_table = S_TABLE(account_day, day_fields);
#undef OF

#define OF account_saved
static const struct saved_field saved_fields[] = {
    S_PART(1, account, &account_table),
    S_INT64(2, peak_e8),
    S_INT64(3, drawdown_e8),
    S_INT64(4, peak_us),
    S_INT64(5, trough_us),
    S_INT64(6, peak_candidate_us),
    S_INT64(7, equity_e8),
    S_DOUBLE(8, drawdown),
    S_LIST(9, days, day_count, &day_table),
};
static const struct saved_table saved_table = S_TABLE_OF_LISTS(account_saved, saved_fields);
#undef OF
// clang-format on

static void *must(void *block) {
    ASSERT(block != NULL);
    return block;
}

// ---- the bytes ----

void *account_file_encode(const struct account_saved *s, const struct exchange *x, size_t *size) {
    static const uint8_t head[SAVED_HEAD_SIZE];
    struct saved_out out = { 0 };
    saved_put_bytes(&out, head, sizeof head);
    saved_put_field(&out, TAG_LIFE, &saved_table, s);
    size_t begun = saved_put_begin(&out, TAG_EXCHANGE);
    snapshot_put(&out, x);
    saved_put_end(&out, begun);
    if (s->script.run) {
        begun = saved_put_begin(&out, TAG_SCRIPT);
        saved_put_int(&out, s->account.told_id);
        saved_put_text(&out, s->script.run, strlen(s->script.run) + 1);
        saved_put_text(&out, s->script.state, s->script.state_size);
        saved_put_end(&out, begun);
    }
    saved_head_put(out.at, magic, VERSION, out.size);
    *size = out.size;
    return out.at;
}

// True: all of it is there.
static bool get_script(struct saved_in *in, struct account_script *s, int64_t *told_id) {
    size_t size;
    *told_id = saved_get_int(in);
    s->run = saved_get_text(in, &size);
    bool ends = size > 0 && s->run[size - 1] == 0;
    s->state = saved_get_text(in, &s->state_size);
    return !in->bad && ends && *told_id >= -1;
}

// Lists of an account are the one of its days.
static void *take_days(void *ctx, size_t size) {
    void **days = ctx;
    free(*days);
    *days = calloc(1, size);
    return *days;
}

static int get_parts(struct saved_in *in, const struct symbol *symbols, int32_t symbol_count,
                     struct account_saved *s, struct snapshot **snapshot, struct errmsg *e) {
    struct saved_in part = { 0 };
    uint16_t tag;
    int64_t told_id = INT64_MAX;   // an older file does not say which: all
    int err = ERR_OK;
    while (!err && saved_next(in, &tag, &part)) {
        if (tag == TAG_LIFE) saved_get(&part, &saved_table, s);
        struct account_script script;
        if (tag == TAG_SCRIPT && !get_script(&part, &script, &told_id)) part.bad = true;
        if (tag == TAG_EXCHANGE && !*snapshot) err = snapshot_get(&part, symbols, symbol_count, snapshot, e);
        if (!err && part.bad)
            err = errmsg_set(e, ERR_FORMAT, "damaged: %s of the account makes no sense",
                             part.field ? part.field : "a field");
    }
    if (!err && (in->bad || !*snapshot))
        err = errmsg_set(e, ERR_FORMAT, "damaged: its fields do not end where they should");
    s->account.told_id = told_id;
    return err;
}

static bool moment(int64_t us) { return us >= 0 && us < INT64_MAX / 4; }
static bool money(int64_t e8) { return e8 > -INT64_MAX / 2 && e8 < INT64_MAX / 2; }

static bool sane(const struct account_saved *s) {
    const struct paper_account *a = &s->account;
    bool times = moment(a->started_us) && moment(a->lasted_us) && moment(a->saved_us) && moment(s->peak_us) &&
                 moment(s->trough_us) && moment(s->peak_candidate_us);
    bool sums = money(a->capital_e8) && money(s->peak_e8) && money(s->drawdown_e8) && money(s->equity_e8);
    for (int32_t i = 0; i < s->day_count && sums; i++)
        sums = moment(s->days[i].us) && money(s->days[i].equity_e8);
    // The comparisons of `drawdown` are false for what is no number.
    return times && sums && a->held_us >= 0 && a->held_us <= a->lasted_us && s->drawdown >= 0 &&
           s->drawdown < 1e9;
}

int account_file_decode(const void *bytes, size_t size, const struct symbol *symbols, int32_t symbol_count,
                        struct account_saved *s, struct snapshot **snapshot, struct errmsg *e) {
    memset(s, 0, sizeof *s);
    *snapshot = NULL;
    int err = saved_head_check(bytes, size, magic, VERSION_OLDEST, VERSION, "a paper account", e);
    if (err) return err;
    void *days = NULL;
    struct saved_in in = saved_in((const char *)bytes + SAVED_HEAD_SIZE, size - SAVED_HEAD_SIZE);
    in.take = take_days;
    in.ctx = &days;
    err = get_parts(&in, symbols, symbol_count, s, snapshot, e);
    if (!err && !sane(s))
        err = errmsg_set(e, ERR_FORMAT, "damaged: times or sums of the account make no sense");
    if (!err && s->days == days) return ERR_OK;
    if (!err) err = errmsg_set(e, ERR_FORMAT, "damaged: its history is there twice");
    free(days);
    memset(s, 0, sizeof *s);
    snapshot_free(*snapshot);
    *snapshot = NULL;
    return err;
}

void account_saved_free(struct account_saved *s) {
    free(s->days);
    s->days = NULL;
    s->day_count = 0;
}

// ---- the file ----

int account_file_open(struct account_file *f, const char *path, struct errmsg *e) {
    *f = (struct account_file){ .lock = -1 };
    if (!path) return ERR_OK;
    f->path = must(strdup(path));
    int err = whole_file_lock(f->path, &f->lock, e);
    if (err != ERR_FULL) return err;
    return errmsg_set(e, ERR_FULL,
                      "%s: another paper run has this account; --name or --state gives this one its own",
                      path);
}

int account_file_read(const struct account_file *f, const struct symbol *symbols, int32_t symbol_count,
                      struct account_saved *s, struct snapshot **snapshot, struct errmsg *e) {
    void *bytes = NULL;
    size_t size;
    *snapshot = NULL;
    int err = whole_file_read(f->path, &bytes, &size, e);
    if (err || !bytes) return err;
    err = account_file_decode(bytes, size, symbols, symbol_count, s, snapshot, e);
    free(bytes);
    if (!err) return ERR_OK;
    char what[256];
    snprintf(what, sizeof what, "%.255s", e->text);
    return errmsg_set(e, err, "%s: %s; --reset begins anew", f->path, what);
}

int account_file_script(const char *path, void **bytes, struct account_script *s, int64_t *told_id,
                        struct errmsg *e) {
    size_t size;
    *s = (struct account_script){ .run = NULL };
    *told_id = -1;
    int err = whole_file_read(path, bytes, &size, e);
    if (err || !*bytes) return err;
    uint16_t tag;
    struct saved_in part = { 0 };
    err = saved_head_check(*bytes, size, magic, VERSION_OLDEST, VERSION, "a paper account", e);
    if (!err) {
        struct saved_in in = saved_in((const char *)*bytes + SAVED_HEAD_SIZE, size - SAVED_HEAD_SIZE);
        while (!err && saved_next(&in, &tag, &part)) {
            if (tag == TAG_SCRIPT && !get_script(&part, s, told_id))
                err = errmsg_set(e, ERR_FORMAT, "damaged: what its script has kept makes no sense");
        }
    }
    if (err || !s->run) {
        *s = (struct account_script){ .run = NULL };
        free(*bytes);
        *bytes = NULL;
    }
    return err;
}

bool account_file_due(struct account_file *f, int64_t now_us) {
    if (!f->path || !f->dirty || f->writing) return false;
    if (f->due_us == 0) f->due_us = now_us + SAVE_AFTER_US;
    return now_us >= f->due_us;
}

// The disk is waited for on a thread of libuv's, never on the loop's.
struct write_job {
    uv_work_t work;
    struct account_file *file;
    void *bytes;
    size_t size;
    struct errmsg e;
    int err;
};

static void write_bytes(uv_work_t *work) {
    struct write_job *j = work->data;
    j->err = whole_file_write(j->file->path, j->bytes, j->size, &j->e);
}

static void written(uv_work_t *work, int status) {
    (void)status;
    struct write_job *j = work->data;
    if (j->err) fprintf(stderr, "moontide paper: %s\n", j->e.text);
    if (j->err) j->file->dirty = true;
    j->file->writing = false;
    free(j->bytes);
    free(j);
}

void account_file_write_later(struct account_file *f, struct uv_loop_s *loop, void *bytes, size_t size,
                              int64_t now_us, int64_t took_us) {
    ASSERT(f->path && !f->writing);
    struct write_job *j = must(calloc(1, sizeof *j));
    j->work.data = j;
    j->file = f;
    j->bytes = bytes;
    j->size = size;
    f->dirty = false;
    f->writing = true;
    int queued = uv_queue_work(loop, &j->work, write_bytes, written);
    ASSERT(queued == 0);
    f->due_us = took_us * SAVE_SHARE > SAVE_AFTER_US ? now_us + took_us * SAVE_SHARE : 0;
}

void account_file_close(struct account_file *f, struct uv_loop_s *loop, const void *bytes, size_t size) {
    struct errmsg e;
    while (f->writing) uv_run(loop, UV_RUN_ONCE);
    if (bytes && whole_file_write(f->path, bytes, size, &e)) fprintf(stderr, "moontide paper: %s\n", e.text);
    if (f->lock >= 0) close(f->lock);
    free(f->path);
    *f = (struct account_file){ .lock = -1 };
}

// budgets.c: the file of limits that processes share under libFuzzer: spoiled before a process opens it, and under one that
// spends from it. Whatever stands in it, the process goes on: with what the file says, or with its own share.
//
// An input is numbers to put over the file (where, two bytes; eight bytes), 0xffff ends them; then what the process does.
#include "api/budget.h"
#include "fuzz.h"
#include "process/shared_budget.h"

#include <sys/stat.h>

static char folder[64], path[160];

static void spoil(struct fuzz_in *in) {
    FILE *f = fopen(path, "r+be");
    if (!f) return;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    for (int i = 0; i < 64; i++) {
        unsigned at = fuzz_byte(in) | (unsigned)fuzz_byte(in) << 8;
        if (at == 0xffff || size < 8) break;
        int64_t value = fuzz_number(in);
        fseek(f, (long)at % (size - 7), SEEK_SET);
        if (fwrite(&value, 1, sizeof value, f) != sizeof value) abort();
    }
    fclose(f);
}

static void spend(struct shared_budget *s, struct fuzz_in *in, int64_t now_us) {
    const struct budget_lock *lock = shared_budget_lock(s);
    int32_t cost[LIMIT_KIND_COUNT] = { 0 };
    for (int k = 0; k < LIMIT_KIND_COUNT; k++) cost[k] = fuzz_byte(in) % 3;
    lock->enter(lock->ctx);
    struct budget *b = shared_budget_get(s);
    int32_t member = shared_budget_member(s);
    if (member < 0 || member >= BUDGET_MEMBERS_MAX) abort();
    uint32_t held = 0;
    if (budget_wait_us(b, member, cost, 0, now_us, &held) == 0) {
        budget_take(b, member, cost, now_us);
        if (fuzz_byte(in) & 1)
            budget_done(b, member, cost, now_us + 1000);
        else
            budget_return(b, member, cost, now_us, now_us + 1000);
    } else {
        budget_want(b, member, cost, 0, now_us + 5000000);
    }
    lock->leave(lock->ctx);
}

static void use(struct fuzz_in *in, bool spoiled) {
    struct errmsg e;
    struct shared_budget *s = shared_budget_open(folder, "fuzz", 1000, &e);
    if (!s) {
        unlink(path);   // what a user is told to do
        return;
    }
    const struct budget_lock *lock = shared_budget_lock(s);
    int64_t base_us = shared_budget_base(s, 1000000);
    lock->enter(lock->ctx);
    for (int k = 0; k < LIMIT_KIND_COUNT; k++)
        (void)!limiter_set(&shared_budget_get(s)->limiter, k, 60000000, 5, 0.1, base_us);
    lock->leave(lock->ctx);
    if (!spoiled) spoil(in);
    for (int i = 0; i < 8 && in->at < in->end; i++) {
        spend(s, in, base_us + 1000000 * (i + 1));
        if (fuzz_byte(in) & 1) shared_budget_members(s);
    }
    if (shared_budget_members(s) < 1) abort();   // it counts itself
    shared_budget_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct fuzz_in in = { data, data + size };
    bool before = fuzz_byte(&in) & 1;
    unlink(path);
    use(&(struct fuzz_in){ data + 1, data + 1 }, true);   // makes it
    if (before) spoil(&in);
    use(&in, before);
    use(&in, true);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    snprintf(folder, sizeof folder, "/dev/shm/moontide-fuzz-%d.d", (int)getpid());
    mkdir(folder, 0700);
    struct errmsg e;
    if (shared_budget_place(folder, "fuzz", path, sizeof path, &e)) abort();
    if (!fuzz_seeding()) return 0;
    fuzz_seed("turn", "\0\x20\0\1\0\0\0\0\0\0\0\xff\xff\1\1\1\1\1\1", 18);
    fuzz_seed("before", "\1\x10\0\1\0\0\0\0\0\0\0\xff\xff\1\1\1\1\1\1", 18);
    fuzz_seed("seats", "\1\x80\x08\x40\0\0\0\0\0\0\0\xff\xff\1\1\1\1\1\1", 18);
    exit(0);
}

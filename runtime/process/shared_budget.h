// shared_budget.h: a budget (api/budget.h) in a file which all processes of this user read and write under a lock, so that any
// number of them on a machine spend from one.
//
// Lives    in `dir` (NULL: /dev/shm) as moontide-<uid>-<name>.budget, mode 0600. It outlives its users on
//          purpose: a process that starts again must know what the last minute has cost. It does not outlive
//          a boot, as its times are those of CLOCK_MONOTONIC (see shared_budget_base). Whoever opens one
//          removes those of others in which nobody sits and whose last windows are long past.
// Death    the lock and every seat are locks of the kernel's on bytes of the file (OFD locks), which end with their
//          holder: the next process that asks sees whose seat is left. The seat's
//          reservations then end as budget_leave says.
// Trust    none in the file: each change works on a copy that was read whole and checked (budget_check), and is written back
//          whole.
// Threads  everything from the thread that opened it, which must live as long as the seat.
// Errors   ERR_IO (errno in the text), ERR_FORMAT (another version's file, or another user's), ERR_FULL.
#ifndef MT_PROCESS_SHARED_BUDGET_H
#define MT_PROCESS_SHARED_BUDGET_H

#include "api/budget.h"
#include "base/err.h"

struct shared_budget;

// A process in doubt (the file is damaged or cut off, its lock held for 0.2 s) goes on with its own share: with what it knew
// last, alone, for good. Why, as the end of a sentence; NULL: it shares.
const char *shared_budget_problem(const struct shared_budget *s);

// Opens or makes the budget and takes a seat. `name` is letters, digits, '.', '_' and '-'.
struct shared_budget *shared_budget_open(const char *dir, const char *name, int64_t guard_us,
                                         struct errmsg *e);

// Makes the file of a budget where there is none, and removes those that nobody needs; its path into `out`. For a process
// that is about to lose the right to make files there (process/confinement.h).
int shared_budget_place(const char *dir, const char *name, char *out, size_t size, struct errmsg *e);

// Gives the seat back; what is under way then counts as spent.
void shared_budget_close(struct shared_budget *s);

// For dispatcher_share.
struct budget *shared_budget_get(struct shared_budget *s);
int32_t shared_budget_member(const struct shared_budget *s);
const struct budget_lock *shared_budget_lock(const struct shared_budget *s);

// The clock of all members is CLOCK_MONOTONIC plus one number, 0 until somebody asks for another: the first
// to ask, and later who sits alone in it, gets `wanted_us`, and what the budget remembers moves along; else
// it stays as it is. The number that holds.
int64_t shared_budget_base(struct shared_budget *s, int64_t wanted_us);

// Processes that sit in it, after looking for dead ones.
int32_t shared_budget_members(struct shared_budget *s);

#endif

// budget.h: a limiter that several clients (processes) of one address or account spend from together. Pure.
//
// Owner    a plain struct without pointers, so it may lie in memory shared between processes; whoever shares
//          it holds its lock around every call below (struct budget_lock). A budget of one's own needs no
//          lock.
// Members  each client has a seat, which remembers what it has under way: when the client dies, budget_leave
//          turns that into spent budget, and what it kept others waiting for is free.
// Priority a member that is held back leaves word of it (budget_want); until it is served or its word runs
//          out, no member takes the same budget for something less urgent.
// Clock    now_us must be one clock for all members (CLOCK_MONOTONIC of the machine).
#ifndef MT_API_BUDGET_H
#define MT_API_BUDGET_H

#include "api/limiter.h"

enum { BUDGET_MEMBERS_MAX = 64 };

// Who is limited: weight and requests the address, orders the account.
enum budget_scope { BUDGET_ADDRESS, BUDGET_ACCOUNT, BUDGET_SCOPE_COUNT };

int32_t budget_scope(int32_t kind);   // of an enum limit_kind

struct budget_member {
    uint64_t owner;   // 0: the seat is free
    int32_t outstanding[LIMIT_KIND_COUNT];
    int64_t want_until_us;
    uint16_t want_kinds;   // bits 1 << enum limit_kind
    uint8_t want_priority;
};

struct budget {
    struct limiter limiter;
    int32_t seats;   // seats ever taken; the rest is free
    struct budget_member members[BUDGET_MEMBERS_MAX];
};

// How to get a shared budget for oneself. `enter` may find a member dead and call budget_leave for it.
struct budget_lock {
    void *ctx;
    void (*enter)(void *ctx);
    void (*leave)(void *ctx);
};

void budget_init(struct budget *b, int64_t guard_us);

// A seat for `owner` (not 0): its number, or ERR_FULL.
int32_t budget_join(struct budget *b, uint64_t owner);

// The member is gone. What it had under way may still arrive, so it stays spent.
void budget_leave(struct budget *b, int32_t member, int64_t now_us);

// Someone died in the middle of a call below: makes the books agree again. What may have been spent counts as
// spent.
void budget_repair(struct budget *b);

// Whether a budget that was read from somewhere is one that the functions here can have made: each number in its bounds,
// and the seats in agreement.
#define BUDGET_TIME_MAX (INT64_C(1) << 56)   // microseconds, two thousand years
bool budget_check(const struct budget *b, int64_t now_us);

// As limiter_wait_us; LIMITER_ON_ANSWER also when another member waits for the same budget more urgently.
int64_t budget_wait_us(struct budget *b, int32_t member, const int32_t cost[], int32_t priority,
                       int64_t now_us, uint32_t *blocked);

// As their namesakes of the limiter.
void budget_take(struct budget *b, int32_t member, const int32_t cost[], int64_t now_us);
void budget_done(struct budget *b, int32_t member, const int32_t cost[], int64_t now_us);
void budget_abandon(struct budget *b, int32_t member, const int32_t cost[], int64_t now_us);
void budget_return(struct budget *b, int32_t member, const int32_t cost[], int64_t sent_us, int64_t now_us);

// Word of a wait: until until_us nobody shall take what `cost` touches for anything below `priority`.
void budget_want(struct budget *b, int32_t member, const int32_t cost[], int32_t priority, int64_t until_us);

#endif

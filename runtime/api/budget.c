// budget.c: members of a shared limiter, who holds what, and whose claims have died with them.
#include "api/budget.h"

#include "base/assert.h"
#include "base/err.h"

#include <string.h>

_Static_assert(LIMIT_KIND_COUNT <= 16, "want_kinds has a bit for each kind");

int32_t budget_scope(int32_t kind) {
    ASSERT(kind >= 0 && kind < LIMIT_KIND_COUNT);
    return kind == LIMIT_ORDERS || kind == LIMIT_ORDERS_LONG ? BUDGET_ACCOUNT : BUDGET_ADDRESS;
}

void budget_init(struct budget *b, int64_t guard_us) {
    ASSERT(guard_us >= 0);
    memset(b, 0, sizeof *b);
    limiter_init(&b->limiter, guard_us);
}

int32_t budget_join(struct budget *b, uint64_t owner) {
    ASSERT(owner != 0);
    for (int32_t i = 0; i < BUDGET_MEMBERS_MAX; i++) {
        if (b->members[i].owner != 0) continue;
        b->members[i] = (struct budget_member){ .owner = owner };
        if (i >= b->seats) b->seats = i + 1;
        return i;
    }
    return ERR_FULL;
}

static struct budget_member *seat(struct budget *b, int32_t member) {
    ASSERT(member >= 0 && member < b->seats);
    ASSERT(b->members[member].owner != 0);
    return &b->members[member];
}

void budget_leave(struct budget *b, int32_t member, int64_t now_us) {
    struct budget_member *m = seat(b, member);
    limiter_abandon(&b->limiter, m->outstanding, now_us);
    *m = (struct budget_member){ 0 };
}

// The calls below change the seat's books before the limiter's when they take and after it when they give
// back, so the seats never know less than what is under way.
void budget_repair(struct budget *b) {
    ASSERT(b->seats >= 0 && b->seats <= BUDGET_MEMBERS_MAX);
    for (int32_t kind = 0; kind < LIMIT_KIND_COUNT; kind++) {
        int32_t sum = 0;
        for (int32_t i = 0; i < b->seats; i++) sum += b->members[i].outstanding[kind];
        b->limiter.outstanding[kind] = sum;
    }
}

static bool check_member(const struct budget_member *m) {
    bool good = m->want_kinds < 1u << LIMIT_KIND_COUNT && m->want_priority < PRIORITY_COUNT &&
                m->want_until_us > -BUDGET_TIME_MAX && m->want_until_us < BUDGET_TIME_MAX;
    for (int32_t kind = 0; kind < LIMIT_KIND_COUNT && good; kind++)
        good = m->outstanding[kind] >= 0 && m->outstanding[kind] <= LIMITER_COUNT_MAX / BUDGET_MEMBERS_MAX;
    return good;
}

static bool is_free(const struct budget_member *m) {
    int32_t sum = 0;
    for (int32_t kind = 0; kind < LIMIT_KIND_COUNT; kind++) sum |= m->outstanding[kind];
    return m->owner == 0 && sum == 0;
}

bool budget_check(const struct budget *b, int64_t now_us) {
    bool good = b->seats >= 0 && b->seats <= BUDGET_MEMBERS_MAX &&
                limiter_check(&b->limiter, now_us, BUDGET_TIME_MAX);
    for (int32_t i = 0; good && i < b->seats; i++)
        good = b->members[i].owner == 0 ? is_free(&b->members[i]) : check_member(&b->members[i]);
    for (int32_t i = good ? b->seats : BUDGET_MEMBERS_MAX; i < BUDGET_MEMBERS_MAX && good; i++)
        good = is_free(&b->members[i]);
    return good;
}

static uint16_t kinds_of(const int32_t cost[]) {
    uint32_t kinds = 0;
    for (int32_t i = 0; i < LIMIT_KIND_COUNT; i++) kinds |= cost[i] > 0 ? 1u << i : 0;
    ASSERT(kinds < 1u << LIMIT_KIND_COUNT);
    return (uint16_t)kinds;
}

static bool must_yield(const struct budget *b, int32_t member, const int32_t cost[], int32_t priority,
                       int64_t now_us) {
    ASSERT(priority >= 0 && priority < PRIORITY_COUNT);
    uint16_t kinds = kinds_of(cost);
    for (int32_t i = 0; i < b->seats; i++) {
        const struct budget_member *m = &b->members[i];
        if (i != member && m->owner != 0 && (m->want_kinds & kinds) && m->want_priority < priority &&
            m->want_until_us > now_us)
            return true;
    }
    return false;
}

int64_t budget_wait_us(struct budget *b, int32_t member, const int32_t cost[], int32_t priority,
                       int64_t now_us, uint32_t *blocked) {
    ASSERT(member >= 0 && member < b->seats);
    int64_t wait_us = limiter_wait_us(&b->limiter, cost, priority, now_us, blocked);
    if (wait_us != 0 || b->seats == 1) return wait_us;
    return must_yield(b, member, cost, priority, now_us) ? LIMITER_ON_ANSWER : 0;
}

static void add(struct budget_member *m, const int32_t cost[], int32_t sign) {
    ASSERT(sign == 1 || sign == -1);
    for (int32_t i = 0; i < LIMIT_KIND_COUNT; i++) {
        m->outstanding[i] += sign * cost[i];
        ASSERT(m->outstanding[i] >= 0);
    }
}

void budget_take(struct budget *b, int32_t member, const int32_t cost[], int64_t now_us) {
    struct budget_member *m = seat(b, member);
    add(m, cost, 1);
    m->want_kinds = 0;
    limiter_take(&b->limiter, cost, now_us);
}

void budget_done(struct budget *b, int32_t member, const int32_t cost[], int64_t now_us) {
    limiter_done(&b->limiter, cost, now_us);
    add(seat(b, member), cost, -1);
}

void budget_abandon(struct budget *b, int32_t member, const int32_t cost[], int64_t now_us) {
    limiter_abandon(&b->limiter, cost, now_us);
    add(seat(b, member), cost, -1);
}

void budget_return(struct budget *b, int32_t member, const int32_t cost[], int64_t sent_us, int64_t now_us) {
    limiter_return(&b->limiter, cost, sent_us, now_us);
    add(seat(b, member), cost, -1);
}

void budget_want(struct budget *b, int32_t member, const int32_t cost[], int32_t priority, int64_t until_us) {
    ASSERT(until_us > 0);
    ASSERT(priority >= 0 && priority < PRIORITY_COUNT);
    struct budget_member *m = seat(b, member);
    uint16_t kinds = kinds_of(cost);
    if (m->want_kinds != 0 && m->want_until_us >= until_us && m->want_priority < priority)
        return;   // a more urgent word of ours stands
    m->want_kinds = kinds;
    m->want_priority = (uint8_t)priority;
    m->want_until_us = until_us;
}

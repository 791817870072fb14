// One window and what a request may touch of it, on the exchange's clock (g = uncertainty):
//
//      previous         start                                     end           next
//   ------------------|--g--|---------------------------------|--g--|------------------>
//                      sent here: counts in     answered after here: counts in `used`
//                      `previous` and `used`    and in `carry`, which is the next `used`
//
// What is still unanswered at a turn may be booked on either side of it, so it counts on both.
#include "api/limiter.h"

#include "base/assert.h"
#include "base/err.h"

#include <stddef.h>
#include <string.h>

const int64_t LIMITER_NEVER = INT64_MAX;
const int64_t LIMITER_ON_ANSWER = INT64_MAX - 1;

void limiter_init(struct limiter *l, int64_t guard_us) {
    ASSERT(l);
    ASSERT(guard_us >= 0);
    memset(l, 0, sizeof *l);
    l->guard_us = guard_us;
    l->uncertainty_us = guard_us;
    l->gate_us = INT64_MIN;
    l->turn_us = INT64_MAX;
}

static int64_t floor_to(int64_t value, int64_t step) {
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

static void find_turn(struct limiter *l) {
    l->turn_us = INT64_MAX;
    for (int32_t i = 0; i < l->count; i++) {
        int64_t turn = l->windows[i].end_us - l->offset_us;
        if (turn < l->turn_us)
            l->turn_us = turn;
    }
}

static void turn_window(struct limiter *l, struct limiter_window *w, int64_t wall_us) {
    int32_t outstanding = l->outstanding[w->kind];
    int32_t spilled = w->carry + outstanding;   // what may be booked in the window right after the old one
    bool adjacent = wall_us < w->end_us + w->interval_us;
    w->previous = adjacent ? w->used : spilled;
    w->used = adjacent ? spilled : outstanding;
    w->carry = 0;
    w->told = 0;
    w->start_us = adjacent ? w->end_us : floor_to(wall_us, w->interval_us);
    w->end_us = w->start_us + w->interval_us;
}

static void turn_all(struct limiter *l, int64_t now_us) {
    int64_t wall_us = now_us + l->offset_us;
    for (int32_t i = 0; i < l->count; i++)
        if (wall_us >= l->windows[i].end_us)
            turn_window(l, &l->windows[i], wall_us);
}

// The old clock put what was spent into the wrong window; until the next turn it counts in both.
static void change_clock(struct limiter *l, int64_t now_us) {
    l->offset_us = l->offset_next_us;
    for (int32_t i = 0; i < l->count; i++) {
        struct limiter_window *w = &l->windows[i];
        int64_t start_us = floor_to(now_us + l->offset_us, w->interval_us);
        if (start_us == w->start_us)
            continue;
        w->previous = w->used > w->previous ? w->used : w->previous;
        w->start_us = start_us;
        w->end_us = start_us + w->interval_us;
    }
}

static void turn(struct limiter *l, int64_t now_us) {
    if (now_us < l->turn_us)
        return;
    turn_all(l, now_us);
    if (l->offset_next_us != l->offset_us)
        change_clock(l, now_us);
    find_turn(l);
}

static struct limiter_window *find_window(struct limiter *l, int32_t kind, int64_t interval_us) {
    for (int32_t i = 0; i < l->count; i++)
        if (l->windows[i].kind == kind && l->windows[i].interval_us == interval_us)
            return &l->windows[i];
    return NULL;
}

int limiter_set(struct limiter *l, int32_t kind, int64_t interval_us, int32_t limit, double reserve, int64_t now_us) {
    ASSERT(kind >= 0 && kind < LIMIT_KIND_COUNT);
    ASSERT(interval_us > 0);
    ASSERT(limit >= 0);
    ASSERT(reserve >= 0 && reserve < 1);
    turn(l, now_us);
    struct limiter_window *w = find_window(l, kind, interval_us);
    if (limit == 0) {
        if (w)
            *w = l->windows[--l->count];
        find_turn(l);
        return ERR_OK;
    }
    if (!w) {
        if (l->count == LIMITER_WINDOWS_MAX)
            return ERR_FULL;
        w = &l->windows[l->count++];
        int32_t outstanding = l->outstanding[kind];
        *w = (struct limiter_window){ .interval_us = interval_us, .kind = (uint8_t)kind, .used = outstanding,
                                      .previous = outstanding };
        w->start_us = floor_to(now_us + l->offset_us, interval_us);
        w->end_us = w->start_us + interval_us;
        find_turn(l);
    }
    w->limit = limit;
    w->reserve = (int32_t)(limit * reserve);
    return ERR_OK;
}

void limiter_clock(struct limiter *l, int64_t offset_us, int64_t uncertainty_us) {
    ASSERT(uncertainty_us >= 0);
    l->uncertainty_us = uncertainty_us > l->guard_us ? uncertainty_us : l->guard_us;
    if (offset_us == l->offset_us && l->offset_next_us == offset_us)
        return;
    l->offset_next_us = offset_us;
    l->turn_us = INT64_MIN;   // so that the next call looks
}

// How long window `w` holds back `cost`.
static int64_t window_wait_us(const struct limiter *l, const struct limiter_window *w, int32_t cost, bool critical,
                              int64_t wall_us) {
    int32_t cap = critical ? w->limit : w->limit - w->reserve;
    if (cost > cap)
        return LIMITER_NEVER;
    int32_t room = cap - cost;
    if (w->used > room || w->carry > room)
        return w->end_us + l->uncertainty_us - wall_us;
    if (w->previous > room && wall_us < w->start_us + l->uncertainty_us)
        return w->start_us + l->uncertainty_us - wall_us;
    if (w->carry + l->outstanding[w->kind] > room)
        return LIMITER_ON_ANSWER;
    return 0;
}

int64_t limiter_wait_us(struct limiter *l, const int32_t cost[], int32_t priority, int64_t now_us,
                        uint32_t *blocked) {
    turn(l, now_us);
    int64_t wall_us = now_us + l->offset_us;
    int64_t longest = l->gate_us > now_us ? l->gate_us - now_us : 0;
    if (longest > 0 && blocked)
        *blocked = UINT32_MAX;
    for (int32_t i = 0; i < l->count; i++) {
        const struct limiter_window *w = &l->windows[i];
        if (cost[w->kind] == 0)
            continue;
        int64_t wait = window_wait_us(l, w, cost[w->kind], priority == PRIORITY_CRITICAL, wall_us);
        if (wait == 0)
            continue;
        if (blocked)
            *blocked |= 1u << i;
        if (wait > longest)
            longest = wait;
    }
    return longest;
}

bool limiter_touches(const struct limiter *l, const int32_t cost[], uint32_t windows) {
    if (windows == UINT32_MAX)
        return true;
    for (int32_t i = 0; i < l->count; i++)
        if ((windows >> i & 1) && cost[l->windows[i].kind] > 0)
            return true;
    return false;
}

void limiter_take(struct limiter *l, const int32_t cost[], int64_t now_us) {
    turn(l, now_us);
    int64_t wall_us = now_us + l->offset_us;
    for (int32_t i = 0; i < LIMIT_KIND_COUNT; i++)
        l->outstanding[i] += cost[i];
    for (int32_t i = 0; i < l->count; i++) {
        struct limiter_window *w = &l->windows[i];
        w->used += cost[w->kind];
        if (wall_us < w->start_us + l->uncertainty_us)
            w->previous += cost[w->kind];
    }
}

static void end_outstanding(struct limiter *l, const int32_t cost[]) {
    for (int32_t i = 0; i < LIMIT_KIND_COUNT; i++) {
        l->outstanding[i] -= cost[i];
        ASSERT(l->outstanding[i] >= 0);
    }
}

void limiter_done(struct limiter *l, const int32_t cost[], int64_t now_us) {
    turn(l, now_us);   // first: what was unanswered at the turn counts on both sides of it
    end_outstanding(l, cost);
    int64_t wall_us = now_us + l->offset_us;
    for (int32_t i = 0; i < l->count; i++) {
        struct limiter_window *w = &l->windows[i];
        if (wall_us >= w->end_us - l->uncertainty_us)
            w->carry += cost[w->kind];
    }
}

void limiter_abandon(struct limiter *l, const int32_t cost[], int64_t now_us) {
    turn(l, now_us);
    end_outstanding(l, cost);
    for (int32_t i = 0; i < l->count; i++)
        l->windows[i].carry += cost[l->windows[i].kind];
}

void limiter_return(struct limiter *l, const int32_t cost[], int64_t sent_us, int64_t now_us) {
    turn(l, now_us);
    end_outstanding(l, cost);
    int64_t sent_wall_us = sent_us + l->offset_us;
    for (int32_t i = 0; i < l->count; i++) {
        struct limiter_window *w = &l->windows[i];
        int32_t used = w->used - cost[w->kind];
        w->used = used > w->told ? used : w->told;
        if (sent_wall_us < w->start_us + l->uncertainty_us && w->previous >= cost[w->kind])
            w->previous -= cost[w->kind];
    }
}

void limiter_correct(struct limiter *l, int32_t kind, int64_t interval_us, int32_t used, int64_t sent_us,
                     int64_t now_us) {
    turn(l, now_us);
    struct limiter_window *w = find_window(l, kind, interval_us);
    if (!w || sent_us + l->offset_us < w->start_us + l->uncertainty_us)
        return;
    if (used > w->told)
        w->told = used;
    if (used > w->used)
        w->used = used;
}

void limiter_gate(struct limiter *l, int64_t until_us) {
    if (until_us > l->gate_us)
        l->gate_us = until_us;
}

int64_t limiter_spacing_us(const struct limiter *l) {
    int64_t spacing[LIMIT_KIND_COUNT] = { 0 };
    for (int32_t i = 0; i < l->count; i++) {
        const struct limiter_window *w = &l->windows[i];
        int64_t each = w->interval_us / w->limit;
        if (each > spacing[w->kind])
            spacing[w->kind] = each;
    }
    return spacing[LIMIT_WEIGHT] ? spacing[LIMIT_WEIGHT] : spacing[LIMIT_REQUESTS];
}

// limiter.c: request budgets over the exchange's fixed windows.
//
// One window and what a request may touch of it, on the exchange's clock (g = uncertainty):
//
//      previous         start                                     end           next
//   ------------------|--g--|---------------------------------|--g--|------------------>
//                      sent here: counts in     answered after here: counts in `used`
//                      `previous` and `used`    and in `carry`, which is the next `used`
//
// What is still unanswered at a turn may be booked on either side of it, so it counts on both.
//
// The others. A header's count less all that we have sent is a lower bound of what others have spent so far,
// exact when nothing of ours is under way. The first header heard is a level and no rate: it may be our own
// past. From then on we observe; what a window was not observed for is filled with the expectation before:
//      expected next = seen + expected * (1 - observed / interval)
// In the present window, with  e = expected * (time left + slack) / interval,  others + e + 2 sqrt(e)  stays
// free for them: independent arrivals scatter with the root of their number. It shrinks with time: what it
// lets go sends a request, whose header corrects it, so that a wrong expectation is found out.
#include "api/limiter.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/num.h"
#include "base/units.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const int64_t LIMITER_NEVER = INT64_MAX;
const int64_t LIMITER_ON_ANSWER = INT64_MAX - 1;

void limiter_init(struct limiter *l, int64_t guard_us) {
    ASSERT(l);
    ASSERT(guard_us >= 0);
    memset(l, 0, sizeof *l);
    l->forecasts = true;
    l->guard_us = guard_us;
    l->uncertainty_us = guard_us;
    l->gate_us = INT64_MIN;
    l->turn_us = INT64_MAX;
}

static bool is_count(int32_t value, int32_t least) { return value >= least && value <= LIMITER_COUNT_MAX; }

// The longest ban is one of three days (sim and exchange), and a window turns within its interval: what would hold everything
// back for longer is not of the limiter's making.
#define GATE_MAX_US (INT64_C(8) * 86400 * 1000000)

static bool is_time(int64_t value, int64_t max) { return value > -max && value < max; }

static bool check_window(const struct limiter *l, const struct limiter_window *w, int64_t now_us,
                         int64_t max) {
    return w->kind < LIMIT_KIND_COUNT && w->interval_us > 0 && w->interval_us < max && w->limit > 0 &&
           is_count(w->limit, 1) && is_count(w->reserve, 0) && w->reserve <= w->limit &&
           is_count(w->used, 0) && is_count(w->previous, 0) && is_count(w->carry, 0) &&
           is_count(w->others, 0) && is_count(w->others_base, -1) && is_count(w->expected, -1) &&
           is_time(w->start_us, max) && w->end_us == w->start_us + w->interval_us &&
           is_time(w->base_us, max) && is_time(w->heard_us, max) && w->end_us - l->offset_us >= l->turn_us &&
           w->end_us - l->offset_us <= now_us + 2 * w->interval_us;
}

bool limiter_check(const struct limiter *l, int64_t now_us, int64_t time_max_us) {
    unsigned char forecasts;
    memcpy(&forecasts, &l->forecasts, 1);
    bool good =
        forecasts <= 1 && l->count >= 0 && l->count <= LIMITER_WINDOWS_MAX &&
        is_time(l->offset_us, time_max_us) && is_time(l->offset_next_us, time_max_us) && l->guard_us >= 0 &&
        l->guard_us < time_max_us && l->uncertainty_us >= l->guard_us && l->uncertainty_us < time_max_us &&
        (l->gate_us == INT64_MIN || (l->gate_us > -time_max_us && l->gate_us <= now_us + GATE_MAX_US)) &&
        (l->turn_us == INT64_MIN || l->turn_us == INT64_MAX || is_time(l->turn_us, time_max_us));
    for (int32_t kind = 0; kind < LIMIT_KIND_COUNT && good; kind++) good = is_count(l->outstanding[kind], 0);
    for (int32_t i = 0; good && i < l->count; i++)
        good = check_window(l, &l->windows[i], now_us, time_max_us);
    return good;
}

static int64_t floor_to(int64_t value, int64_t step) {
    ASSERT(step > 0);
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

static void find_turn(struct limiter *l) {
    ASSERT(l->count >= 0 && l->count <= LIMITER_WINDOWS_MAX);
    l->turn_us = INT64_MAX;
    for (int32_t i = 0; i < l->count; i++) {
        int64_t turn = l->windows[i].end_us - l->offset_us;
        if (turn < l->turn_us) l->turn_us = turn;
    }
}

// What others would spend of a whole window. Before there is an expectation, what was seen is all we have,
// and what was seen within moments says little, so it is taken to have lasted at least a tenth of the window.
static int64_t whole_window(const struct limiter_window *w) {
    ASSERT(w->interval_us > 0);
    ASSERT(w->limit > 0);
    if (w->expected >= 0) return w->expected;
    if (w->others_base < 0) return 0;
    int64_t observed_us = w->heard_us - w->base_us;
    if (observed_us < w->interval_us / 10) observed_us = w->interval_us / 10;
    int64_t whole = (w->others - w->others_base) * w->interval_us / observed_us;
    return num_min(whole, w->limit);
}

static int32_t expected_next(const struct limiter_window *w) {
    ASSERT(w->interval_us > 0);
    if (w->others_base < 0) return w->expected;
    int64_t observed_us = w->heard_us - w->base_us;
    int64_t unseen = whole_window(w) * (w->interval_us - observed_us) / w->interval_us;
    int64_t next = w->others - w->others_base + unseen;
    return next < w->limit ? (int32_t)next : w->limit;
}

// Kept free for what others may spend between two headers of ours.
static int64_t slack_us(const struct limiter_window *w) { return w->interval_us / 60; }

// What the others have spent and are expected to spend until the turn.
static int64_t others_share(const struct limiter *l, const struct limiter_window *w, int64_t wall_us) {
    ASSERT(w->others >= 0);
    if (!l->forecasts) return w->others;
    int64_t left_us = w->end_us - wall_us + slack_us(w);
    double e = (double)whole_window(w) * (double)left_us / (double)w->interval_us;
    return w->others + (int64_t)(e > 0 ? e + 2 * sqrt(e) : 0);
}

// How long until the others' share has shrunk to `room`.
static int64_t others_wait_us(const struct limiter *l, const struct limiter_window *w, int64_t room,
                              int64_t wall_us) {
    ASSERT(l->uncertainty_us >= l->guard_us);
    if (others_share(l, w, wall_us) <= room) return 0;
    int64_t whole = whole_window(w);
    int64_t end_wait_us = w->end_us + l->uncertainty_us - wall_us;
    if (!l->forecasts || room < w->others || whole == 0) return end_wait_us;
    double root =
        sqrt((double)(room + 2 - w->others)) - 1;   // e + 2 sqrt(e) = room + 1: the share is rounded down
    int64_t left_us = (int64_t)(root * root * (double)w->interval_us / (double)whole);
    int64_t wait_us = w->end_us + slack_us(w) - left_us - wall_us + 1;
    return wait_us < end_wait_us ? (wait_us > 0 ? wait_us : 1) : end_wait_us;
}

static void turn_window(struct limiter *l, struct limiter_window *w, int64_t wall_us) {
    ASSERT(wall_us >= w->end_us);
    ASSERT(w->used >= 0);
    ASSERT(w->carry >= 0);
    int32_t outstanding = l->outstanding[w->kind];
    int32_t spilled = w->carry + outstanding;   // what may be booked in the window right after the old one
    bool adjacent = wall_us < w->end_us + w->interval_us;
    w->previous = adjacent ? w->used + w->others : spilled;
    w->used = adjacent ? spilled : outstanding;
    w->carry = 0;
    w->expected = expected_next(w);
    w->others = 0;
    w->others_base = adjacent && w->others_base >= 0 ? 0 : -1;
    w->start_us = adjacent ? w->end_us : floor_to(wall_us, w->interval_us);
    w->end_us = w->start_us + w->interval_us;
    ASSERT(wall_us < w->end_us || adjacent);
    ASSERT(w->used >= l->outstanding[w->kind]);
    w->heard_us = w->base_us = w->start_us;
}

static void turn_all(struct limiter *l, int64_t now_us) {
    int64_t wall_us = now_us + l->offset_us;
    for (int32_t i = 0; i < l->count; i++)
        if (wall_us >= l->windows[i].end_us) turn_window(l, &l->windows[i], wall_us);
}

// The old clock put what was spent into the wrong window; until the next turn it counts in both.
static void change_clock(struct limiter *l, int64_t now_us) {
    l->offset_us = l->offset_next_us;
    for (int32_t i = 0; i < l->count; i++) {
        struct limiter_window *w = &l->windows[i];
        int64_t start_us = floor_to(now_us + l->offset_us, w->interval_us);
        if (start_us == w->start_us) continue;
        w->previous = w->used > w->previous ? w->used : w->previous;
        w->start_us = start_us;
        w->end_us = start_us + w->interval_us;
        ASSERT(w->previous >= w->used);
    }
}

static void turn(struct limiter *l, int64_t now_us) {
    if (now_us < l->turn_us) return;
    turn_all(l, now_us);
    if (l->offset_next_us != l->offset_us) change_clock(l, now_us);
    find_turn(l);
    ASSERT(l->offset_next_us == l->offset_us);
}

// Orders are counted apart in long windows, where a batch may cost less.
static int32_t counted_kind(int32_t kind, int64_t interval_us) {
    ASSERT(kind >= 0 && kind < LIMIT_KIND_COUNT);
    ASSERT(interval_us > 0);
    return kind == LIMIT_ORDERS && interval_us >= MINUTE_US ? LIMIT_ORDERS_LONG : kind;
}

static struct limiter_window *find_window(struct limiter *l, int32_t kind, int64_t interval_us) {
    for (int32_t i = 0; i < l->count; i++)
        if (l->windows[i].kind == kind && l->windows[i].interval_us == interval_us) return &l->windows[i];
    return NULL;
}

int limiter_set(struct limiter *l, int32_t kind, int64_t interval_us, int32_t limit, double reserve,
                int64_t now_us) {
    ASSERT(kind >= 0 && kind < LIMIT_KIND_COUNT);
    ASSERT(interval_us > 0);
    ASSERT(limit >= 0);
    ASSERT(reserve >= 0 && reserve < 1);
    turn(l, now_us);
    kind = counted_kind(kind, interval_us);
    struct limiter_window *w = find_window(l, kind, interval_us);
    if (limit == 0) {
        if (w) *w = l->windows[--l->count];
        find_turn(l);
        return ERR_OK;
    }
    if (!w) {
        if (l->count == LIMITER_WINDOWS_MAX) return ERR_FULL;
        w = &l->windows[l->count++];
        int32_t outstanding = l->outstanding[kind];
        *w = (struct limiter_window){ .interval_us = interval_us,
                                      .kind = (uint8_t)kind,
                                      .used = outstanding,
                                      .previous = outstanding,
                                      .others_base = -1,
                                      .expected = -1 };
        w->start_us = floor_to(now_us + l->offset_us, interval_us);
        w->end_us = w->start_us + interval_us;
        find_turn(l);
    }
    w->limit = limit;
    w->reserve = (int32_t)(limit * reserve);
    ASSERT(w->reserve >= 0 && w->reserve <= w->limit);
    ASSERT(l->count <= LIMITER_WINDOWS_MAX);
    return ERR_OK;
}

void limiter_clock(struct limiter *l, int64_t offset_us, int64_t uncertainty_us) {
    ASSERT(uncertainty_us >= 0);
    l->uncertainty_us = num_max(uncertainty_us, l->guard_us);
    if (offset_us == l->offset_us && l->offset_next_us == offset_us) return;
    l->offset_next_us = offset_us;
    l->turn_us = INT64_MIN;   // so that the next call looks
}

// How long window `w` holds back `cost`.
static int64_t window_wait_us(const struct limiter *l, const struct limiter_window *w, int32_t cost,
                              bool critical, int64_t wall_us) {
    ASSERT(cost > 0);
    ASSERT(w->reserve <= w->limit);
    int32_t cap = critical ? w->limit : w->limit - w->reserve;
    if (cost > cap) return LIMITER_NEVER;
    int32_t room = cap - cost;
    if (w->used + w->others > room)   // spent for certain: nobody passes before the turn
        return w->end_us + l->uncertainty_us - wall_us;
    int64_t others_us = critical ? 0 : others_wait_us(l, w, room - w->used, wall_us);
    if (others_us > 0) return others_us;
    if (w->carry > room) return w->end_us + l->uncertainty_us - wall_us;
    if (w->previous > room && wall_us < w->start_us + l->uncertainty_us)
        return w->start_us + l->uncertainty_us - wall_us;
    if (w->carry + l->outstanding[w->kind] > room) return LIMITER_ON_ANSWER;
    return 0;
}

int64_t limiter_wait_us(struct limiter *l, const int32_t cost[], int32_t priority, int64_t now_us,
                        uint32_t *blocked) {
    ASSERT(l->count >= 0 && l->count <= LIMITER_WINDOWS_MAX);
    turn(l, now_us);
    int64_t wall_us = now_us + l->offset_us;
    int64_t longest = l->gate_us > now_us ? l->gate_us - now_us : 0;
    if (longest > 0 && blocked) *blocked = UINT32_MAX;
    for (int32_t i = 0; i < l->count; i++) {
        const struct limiter_window *w = &l->windows[i];
        if (cost[w->kind] == 0) continue;
        int64_t wait = window_wait_us(l, w, cost[w->kind], priority == PRIORITY_CRITICAL, wall_us);
        if (wait == 0) continue;
        if (blocked) *blocked |= 1u << i;
        if (wait > longest) longest = wait;
    }
    return longest;
}

bool limiter_touches(const struct limiter *l, const int32_t cost[], uint32_t windows) {
    ASSERT(l->count <= LIMITER_WINDOWS_MAX);
    if (windows == UINT32_MAX) return true;
    for (int32_t i = 0; i < l->count; i++)
        if ((windows >> i & 1) && cost[l->windows[i].kind] > 0) return true;
    return false;
}

void limiter_take(struct limiter *l, const int32_t cost[], int64_t now_us) {
    turn(l, now_us);
    int64_t wall_us = now_us + l->offset_us;
    for (int32_t i = 0; i < LIMIT_KIND_COUNT; i++) l->outstanding[i] += cost[i];
    ASSERT(l->outstanding[0] >= 0);
    for (int32_t i = 0; i < l->count; i++) {
        struct limiter_window *w = &l->windows[i];
        w->used += cost[w->kind];
        ASSERT(w->used >= 0);
        if (wall_us < w->start_us + l->uncertainty_us) w->previous += cost[w->kind];
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
        if (wall_us >= w->end_us - l->uncertainty_us) w->carry += cost[w->kind];
        ASSERT(w->carry >= 0);
    }
}

void limiter_abandon(struct limiter *l, const int32_t cost[], int64_t now_us) {
    turn(l, now_us);
    end_outstanding(l, cost);
    for (int32_t i = 0; i < l->count; i++) l->windows[i].carry += cost[l->windows[i].kind];
    ASSERT(l->count <= LIMITER_WINDOWS_MAX);
}

void limiter_return(struct limiter *l, const int32_t cost[], int64_t sent_us, int64_t now_us) {
    turn(l, now_us);
    end_outstanding(l, cost);
    int64_t sent_wall_us = sent_us + l->offset_us;
    for (int32_t i = 0; i < l->count; i++) {
        struct limiter_window *w = &l->windows[i];
        w->used = w->used > cost[w->kind] ? w->used - cost[w->kind] : 0;
        ASSERT(w->used >= 0);
        if (sent_wall_us < w->start_us + l->uncertainty_us && w->previous >= cost[w->kind])
            w->previous -= cost[w->kind];
    }
}

void limiter_correct(struct limiter *l, int32_t kind, int64_t interval_us, int32_t used, int64_t sent_us,
                     int64_t now_us) {
    ASSERT(used >= 0);
    ASSERT(sent_us <= now_us);
    turn(l, now_us);
    struct limiter_window *w = find_window(l, counted_kind(kind, interval_us), interval_us);
    if (!w || sent_us + l->offset_us < w->start_us + l->uncertainty_us) return;
    int64_t wall_us = now_us + l->offset_us;
    int32_t others = used > w->used ? used - w->used : 0;
    if (w->others_base < 0) {
        w->others_base = others;
        w->base_us = wall_us;
    }
    w->heard_us = wall_us;
    if (others > w->others) w->others = others;
    ASSERT(w->others >= others);
    ASSERT(w->others_base >= 0);
}

int32_t limiter_used(const struct limiter *l, int32_t index) {
    ASSERT(index >= 0 && index < l->count);
    return l->windows[index].used + l->windows[index].others;
}

double limiter_left_by_others(struct limiter *l, int64_t now_us) {
    turn(l, now_us);
    double least = 1;
    for (int32_t i = 0; i < l->count; i++) {
        const struct limiter_window *w = &l->windows[i];
        double left = 1 - (double)others_share(l, w, now_us + l->offset_us) / w->limit;
        if (left < least) least = left;
        ASSERT(w->limit > 0);
    }
    return least > 0 ? least : 0;
}

bool limiter_is_over(const struct limiter *l, int64_t now_us) {
    int64_t wall_us = now_us + l->offset_us - l->uncertainty_us - l->guard_us;
    for (int32_t i = 0; i < l->count; i++) {
        const struct limiter_window *w = &l->windows[i];
        bool spent = w->used > 0 || w->previous > 0 || w->carry > 0 || w->others > 0;
        if (spent && w->end_us + w->interval_us > wall_us)   // the one before may count in the next
            return false;
    }
    return l->gate_us <= now_us;
}

double limiter_strain(struct limiter *l, const int32_t cost[], int64_t now_us) {
    turn(l, now_us);
    double sum = 0;
    for (int32_t i = 0; i < l->count; i++) {
        const struct limiter_window *w = &l->windows[i];
        int64_t room = w->limit - w->used - others_share(l, w, now_us + l->offset_us);
        sum += (double)cost[w->kind] / (double)num_max(room, 1);
        ASSERT(sum >= 0);
    }
    return sum;
}

void limiter_gate(struct limiter *l, int64_t until_us) {
    if (until_us > l->gate_us) l->gate_us = until_us;
    ASSERT(l->gate_us >= until_us);
}

int64_t limiter_spacing_us(const struct limiter *l) {
    int64_t spacing[LIMIT_KIND_COUNT] = { 0 };
    for (int32_t i = 0; i < l->count; i++) {
        const struct limiter_window *w = &l->windows[i];
        int64_t each = w->interval_us / w->limit;
        ASSERT(each >= 0);
        if (each > spacing[w->kind]) spacing[w->kind] = each;
    }
    return spacing[LIMIT_WEIGHT] ? spacing[LIMIT_WEIGHT] : spacing[LIMIT_REQUESTS];
}

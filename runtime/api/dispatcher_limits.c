// dispatcher_limits.c: the two budgets of a dispatcher, of its address and of its account.
//
// The dispatcher's two budgets, address and account, used as one. Either may be shared with other processes,
// and is then only touched under its lock; waiting for both is decided under both locks, so that nothing is
// taken from one for a request which the other holds back.
#include "base/units.h"
#include "api/dispatcher_private.h"
#include "base/assert.h"
#include "base/err.h"

#include <string.h>

enum {
    CONFIGURED_ROWS = 12,
    SHARED_POLL_US = 2000,   // nobody wakes us when another process gives budget back
    WANT_GRACE_US = 50000    // how long past its expected turn a wait still counts as urgent to others
};
_Static_assert(CONFIGURED_ROWS + API_LIMITS_MAX <= LIMITER_WINDOWS_MAX, "every row finds a window");

static void enter(const struct share *s) {
    if (s->lock) s->lock->enter(s->lock->ctx);
}

static void leave(const struct share *s) {
    if (s->lock) s->lock->leave(s->lock->ctx);
}

static void enter_all(const struct dispatcher *d) {
    for (int32_t i = 0; i < BUDGET_SCOPE_COUNT; i++)   // always in this order
        enter(&d->shares[i]);
}

static void leave_all(const struct dispatcher *d) {
    for (int32_t i = BUDGET_SCOPE_COUNT - 1; i >= 0; i--) leave(&d->shares[i]);
}

static struct limiter *limiter_of(const struct dispatcher *d, int32_t scope) {
    ASSERT(scope >= 0 && scope < BUDGET_SCOPE_COUNT);
    ASSERT(d->shares[scope].budget != NULL);
    return &d->shares[scope].budget->limiter;
}

// What of `cost` belongs to a scope.
static void cost_in(const int32_t cost[], int32_t scope, int32_t out[LIMIT_KIND_COUNT]) {
    ASSERT(scope >= 0 && scope < BUDGET_SCOPE_COUNT);
    for (int32_t i = 0; i < LIMIT_KIND_COUNT; i++) out[i] = budget_scope(i) == scope ? cost[i] : 0;
}

// --- configuration ----

struct limit_row {
    const char *key;   // NULL: told by the venue
    int64_t interval_us;
    int32_t limit, kind;
};

static int32_t find_row(const struct limit_row *rows, int32_t count, int32_t kind, int64_t interval_us) {
    ASSERT(count >= 0 && count <= CONFIGURED_ROWS + API_LIMITS_MAX);
    int32_t i = 0;
    while (i < count && (rows[i].kind != kind || rows[i].interval_us != interval_us)) i++;
    return i;
}

// Once the venue has told its limits, defaults are void; what somebody set stays, and may only be tighter.
static int32_t gather_rows(const struct api_config *c,
                           struct limit_row rows[CONFIGURED_ROWS + API_LIMITS_MAX]) {
    ASSERT(c->limit_count >= 0 && c->limit_count <= API_LIMITS_MAX);
    const struct limit_row configured[CONFIGURED_ROWS] = {
        { "requests_per_second", SECOND_US, c->requests_per_second, LIMIT_REQUESTS },
        { "requests_per_minute", MINUTE_US, c->requests_per_minute, LIMIT_REQUESTS },
        { "requests_per_day", DAY_US, c->requests_per_day, LIMIT_REQUESTS },
        { "weight_per_second", SECOND_US, c->weight_per_second, LIMIT_WEIGHT },
        { "weight_per_minute", MINUTE_US, c->weight_per_minute, LIMIT_WEIGHT },
        { "orders_per_second", SECOND_US, c->orders_per_second, LIMIT_ORDERS },
        { "orders_per_10s", 10 * SECOND_US, c->orders_per_10s, LIMIT_ORDERS },
        { "orders_per_minute", MINUTE_US, c->orders_per_minute, LIMIT_ORDERS },
        { "orders_per_day", DAY_US, c->orders_per_day, LIMIT_ORDERS },
        { "order_weight_per_minute", MINUTE_US, c->order_weight_per_minute,
          LIMIT_CLASS_WEIGHT + REQUEST_CLASS_ORDER },
        { "market_weight_per_minute", MINUTE_US, c->market_weight_per_minute,
          LIMIT_CLASS_WEIGHT + REQUEST_CLASS_MARKET },
        { "account_weight_per_minute", MINUTE_US, c->account_weight_per_minute,
          LIMIT_CLASS_WEIGHT + REQUEST_CLASS_ACCOUNT },
    };
    int32_t count = 0;
    for (int32_t i = 0; i < CONFIGURED_ROWS; i++)
        if (configured[i].limit > 0 && (c->limit_count == 0 || api_config_is_given(c, configured[i].key)))
            rows[count++] = configured[i];
    for (int32_t i = 0; i < c->limit_count; i++) {
        const struct api_limit *told = &c->limits[i];
        int32_t at = find_row(rows, count, told->kind, told->interval_us);
        if (at < count && rows[at].limit <= told->limit) continue;
        rows[at] = (struct limit_row){ NULL, told->interval_us, told->limit, told->kind };
        count += at == count;
    }
    return count;
}

static void set_limit(struct limiter *l, const struct limit_row *row, double reserve, int64_t now_us) {
    int err = limiter_set(l, row->kind, row->interval_us, row->limit, reserve, now_us);
    ASSERT(err == ERR_OK);   // the rows are never more than LIMITER_WINDOWS_MAX
}

// Windows of one's own that no row speaks of any more; in a shared budget they may be another's.
static void drop_windows(struct limiter *l, const struct limit_row *rows, int32_t count, int64_t now_us) {
    ASSERT(count >= 0);
    ASSERT(l->count <= LIMITER_WINDOWS_MAX);
    for (int32_t i = l->count - 1; i >= 0; i--) {
        struct limit_row w = { NULL, l->windows[i].interval_us, 0, l->windows[i].kind };
        int32_t kind = w.kind == LIMIT_ORDERS_LONG ? LIMIT_ORDERS : w.kind;   // as the rows name it
        if (find_row(rows, count, kind, w.interval_us) == count) set_limit(l, &w, 0, now_us);
    }
}

void limits_configure(struct dispatcher *d, int64_t now_us) {
    struct limit_row rows[CONFIGURED_ROWS + API_LIMITS_MAX];
    int32_t count = gather_rows(&d->config, rows);
    ASSERT(count <= LIMITER_WINDOWS_MAX);
    enter_all(d);
    for (int32_t scope = 0; scope < BUDGET_SCOPE_COUNT; scope++) {
        struct limiter *l = limiter_of(d, scope);
        l->guard_us = d->config.edge_guard_us;
        if (l->uncertainty_us < l->guard_us) l->uncertainty_us = l->guard_us;
        l->forecasts = d->config.enable_adaptive_throttling;
        if (!d->shares[scope].lock) drop_windows(l, rows, count, now_us);
    }
    for (int32_t i = 0; i < count; i++)
        set_limit(limiter_of(d, budget_scope(rows[i].kind)), &rows[i], d->config.critical_reserve, now_us);
    d->throttle.spacing_us = limiter_spacing_us(limiter_of(d, BUDGET_ADDRESS));
    leave_all(d);
}

void limits_init(struct dispatcher *d, int64_t now_us) {
    for (int32_t scope = 0; scope < BUDGET_SCOPE_COUNT; scope++) {
        struct share *s = &d->shares[scope];
        budget_init(&s->own, d->config.edge_guard_us);
        s->budget = &s->own;
        s->member = budget_join(&s->own, 1);
        ASSERT(s->member == 0);
    }
    limits_configure(d, now_us);
}

void dispatcher_share(struct dispatcher *d, int32_t scope, struct budget *budget, int32_t member,
                      const struct budget_lock *lock, int64_t now_us) {
    ASSERT(scope >= 0 && scope < BUDGET_SCOPE_COUNT);
    ASSERT(d->in_flight == 0);
    ASSERT(lock && lock->enter && lock->leave);
    d->shares[scope].budget = budget;
    d->shares[scope].lock = lock;
    d->shares[scope].member = member;
    limits_configure(d, now_us);
}

// A shared clock is only moved by a better measurement, or by one that contradicts it.
static void set_clock(const struct share *s, int64_t offset_us, int64_t uncertainty_us) {
    ASSERT(uncertainty_us >= 0);
    struct limiter *l = &s->budget->limiter;
    int64_t apart_us = offset_us > l->offset_us ? offset_us - l->offset_us : l->offset_us - offset_us;
    bool known = l->offset_us != 0 || l->offset_next_us != 0;
    if (s->lock && known && uncertainty_us > l->uncertainty_us &&
        apart_us <= uncertainty_us + l->uncertainty_us)
        return;
    limiter_clock(l, offset_us, uncertainty_us);
}

void dispatcher_clock(struct dispatcher *d, int64_t offset_us, int64_t uncertainty_us) {
    enter_all(d);
    for (int32_t i = 0; i < BUDGET_SCOPE_COUNT; i++) set_clock(&d->shares[i], offset_us, uncertainty_us);
    leave_all(d);
    d->wake_us = d->waiting > 0 ? INT64_MIN : INT64_MAX;   // a window may turn at another time now
}

// --- use ----

// The wait in one scope; bits of its windows go into `blocked`, all of them when the gate is shut.
static int64_t wait_in(const struct dispatcher *d, int32_t scope, const int32_t cost[], int32_t priority,
                       int64_t now_us, uint64_t *blocked) {
    const struct share *s = &d->shares[scope];
    uint32_t windows = 0;
    int64_t wait_us = budget_wait_us(s->budget, s->member, cost, priority, now_us, &windows);
    ASSERT(wait_us >= 0);
    ASSERT((wait_us > 0) >= (windows != 0));
    if (windows == UINT32_MAX)
        *blocked = UINT64_MAX;
    else
        *blocked |= (uint64_t)windows << (32 * scope);
    return wait_us == LIMITER_ON_ANSWER && s->lock ? SHARED_POLL_US : wait_us;
}

static int64_t wait_in_all(const struct dispatcher *d, const struct request *r, int64_t now_us,
                           uint64_t *blocked) {
    ASSERT(r->request_class < REQUEST_CLASSES_MAX);
    int64_t longest = 0;
    for (int32_t scope = 0; scope < BUDGET_SCOPE_COUNT; scope++) {
        int64_t wait_us = wait_in(d, scope, r->cost, r->priority, now_us, blocked);
        if (wait_us > longest) longest = wait_us;
    }
    return longest;
}

int64_t limits_wait_us(struct dispatcher *d, const struct request *r, int64_t now_us) {
    uint64_t blocked = 0;
    enter_all(d);
    int64_t wait_us = wait_in_all(d, r, now_us, &blocked);
    ASSERT(wait_us >= 0);
    leave_all(d);
    return wait_us;
}

bool limits_touch(const struct dispatcher *d, const struct request *r, uint64_t blocked) {
    if (blocked == UINT64_MAX) return true;
    for (int32_t scope = 0; scope < BUDGET_SCOPE_COUNT; scope++) {
        uint32_t windows = (uint32_t)(blocked >> (32 * scope));
        if (windows && limiter_touches(limiter_of(d, scope), r->cost, windows)) return true;
    }
    return false;
}

int64_t limits_take(struct dispatcher *d, const struct request *r, int64_t now_us, uint64_t *blocked) {
    ASSERT(r->state == REQUEST_QUEUED);
    enter_all(d);
    int64_t wait_us = wait_in_all(d, r, now_us, blocked);
    for (int32_t scope = 0; scope < BUDGET_SCOPE_COUNT; scope++) {
        const struct share *s = &d->shares[scope];
        int32_t cost[LIMIT_KIND_COUNT];
        cost_in(r->cost, scope, cost);
        if (wait_us == 0)
            budget_take(s->budget, s->member, cost, now_us);
        else if (s->lock && wait_us < LIMITER_ON_ANSWER)
            budget_want(s->budget, s->member, cost, r->priority, now_us + wait_us + WANT_GRACE_US);
    }
    leave_all(d);
    return wait_us;
}

void limits_end(struct dispatcher *d, const struct request *r, enum limits_end how, int64_t now_us) {
    ASSERT(r->state == REQUEST_IN_FLIGHT);
    for (int32_t scope = 0; scope < BUDGET_SCOPE_COUNT; scope++) {
        const struct share *s = &d->shares[scope];
        int32_t cost[LIMIT_KIND_COUNT];
        cost_in(r->cost, scope, cost);
        enter(s);
        if (how == LIMITS_DONE)
            budget_done(s->budget, s->member, cost, now_us);
        else if (how == LIMITS_ABANDON)
            budget_abandon(s->budget, s->member, cost, now_us);
        else
            budget_return(s->budget, s->member, cost, r->sent_us, now_us);
        leave(s);
    }
}

void limits_correct(struct dispatcher *d, const struct dispatch_reply *reply, int64_t sent_us,
                    int64_t now_us) {
    ASSERT(reply->used_count >= 0 && reply->used_count <= 4);
    for (int32_t i = 0; i < reply->used_count; i++) {
        const struct share *s = &d->shares[budget_scope(reply->used[i].kind)];
        enter(s);
        limiter_correct(&s->budget->limiter, reply->used[i].kind, reply->used[i].interval_us,
                        reply->used[i].used, sent_us, now_us);
        leave(s);
    }
}

void limits_gate(struct dispatcher *d, int64_t until_us) {
    enter_all(d);
    for (int32_t i = 0; i < BUDGET_SCOPE_COUNT; i++) limiter_gate(limiter_of(d, i), until_us);
    leave_all(d);
}

int64_t dispatcher_gate_us(struct dispatcher *d) {
    int64_t until_us = INT64_MIN;
    enter_all(d);
    for (int32_t i = 0; i < BUDGET_SCOPE_COUNT; i++) {
        if (limiter_of(d, i)->gate_us > until_us) until_us = limiter_of(d, i)->gate_us;
    }
    leave_all(d);
    return until_us;
}

void dispatcher_gate(struct dispatcher *d, int64_t until_us) { limits_gate(d, until_us); }

double dispatcher_strain(struct dispatcher *d, const int32_t cost[], int64_t now_us) {
    double sum = 0;
    enter_all(d);
    for (int32_t i = 0; i < BUDGET_SCOPE_COUNT; i++) sum += limiter_strain(limiter_of(d, i), cost, now_us);
    leave_all(d);
    return sum;
}

static void show_windows(struct limiter *l, struct metrics_snapshot *s, int64_t now_us) {
    ASSERT(s->window_count >= 0);
    const int32_t nothing[LIMIT_KIND_COUNT] = { 0 };
    (void)limiter_wait_us(l, nothing, PRIORITY_CRITICAL, now_us, NULL);   // turns what is over
    for (int32_t i = 0; i < l->count && s->window_count < METRICS_WINDOWS_MAX; i++) {
        const struct limiter_window *w = &l->windows[i];
        s->windows[s->window_count++] =
            (struct metrics_window){ .interval_us = w->interval_us,
                                     .used = limiter_used(l, i),
                                     .others = w->others,
                                     .limit = w->limit,
                                     .reserve = w->reserve,
                                     .kind = w->kind,
                                     .resets_us = w->end_us - l->offset_us - now_us };
    }
}

void limits_show(struct dispatcher *d, struct metrics_snapshot *s, int64_t now_us) {
    s->window_count = 0;
    enter_all(d);
    for (int32_t i = 0; i < BUDGET_SCOPE_COUNT; i++) show_windows(limiter_of(d, i), s, now_us);
    struct limiter *address = limiter_of(d, BUDGET_ADDRESS);
    s->gate_us = address->gate_us > now_us ? address->gate_us - now_us : 0;
    s->clock_offset_us = address->offset_us;
    s->clock_uncertainty_us = address->uncertainty_us;
    double left = limiter_left_by_others(address, now_us);
    s->throttle_factor =
        d->config.enable_adaptive_throttling && left < d->throttle.factor ? left : d->throttle.factor;
    leave_all(d);
}

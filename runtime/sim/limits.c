// limits.c: the request weight of the address and the orders of the account by window, 429 and bans (section
// 3).
#include "base/assert.h"
#include "base/units.h"
#include "sim/engine.h"

#include <stdio.h>

enum { BAN_AFTER = 10 };                       // calls refused in a row before the address is banned
#define BAN_FIRST_US INT64_C(120000000)        // two minutes, then twice as long each time (section 3.4)
#define BAN_LONGEST_US INT64_C(259200000000)   // three days

// Fixed windows that begin at whole multiples of their length (section 3.1).
static void window_turn(struct window *w, int64_t now_us) {
    ASSERT(w->used >= 0);
    ASSERT(w->length_us > 0);
    if (now_us - w->start_us < w->length_us) return;
    w->start_us = now_us - now_us % w->length_us;
    w->used = 0;
    ASSERT(now_us >= w->start_us && now_us - w->start_us < w->length_us);
}

static int32_t seconds_until(int64_t then_us, int64_t now_us) {
    ASSERT(then_us >= now_us);
    return (int32_t)((then_us - now_us + SECOND_US - 1) / SECOND_US);
}

static bool refuse(struct exchange *x, struct reply *r, int32_t status, int32_t code, int64_t until_us) {
    ASSERT(status == 429 || status == 418);
    ASSERT(until_us > x->now_us);
    reply_fail_text(r, code, NULL);
    r->status = status;
    r->retry_after_s = seconds_until(until_us, x->now_us);
    x->totals.rate_limited++;
    return false;
}

static bool banned(struct exchange *x, struct reply *r) {
    ASSERT(x->banned_until_us > x->now_us);
    snprintf(r->message, sizeof r->message,
             "Way too many requests; IP banned until %lld. Please use the websocket "
             "for live updates to avoid bans.",
             (long long)(x->banned_until_us / 1000));
    return refuse(x, r, 418, -1003, x->banned_until_us);
}

// Going on after 429 brings a ban.
static bool ignored_again(struct exchange *x, struct reply *r, const struct window *w, int32_t code) {
    ASSERT(x->ignored >= 0 && x->ignored < BAN_AFTER);
    if (++x->ignored < BAN_AFTER) return refuse(x, r, 429, code, w->start_us + w->length_us);
    x->ignored = 0;
    x->ban_us = x->ban_us == 0 ? BAN_FIRST_US : x->ban_us * 2;
    if (x->ban_us > BAN_LONGEST_US) x->ban_us = BAN_LONGEST_US;
    x->banned_until_us = x->now_us + x->ban_us;
    return banned(x, r);
}

static bool orders_full(struct exchange *x, struct reply *r, const struct window *w, const char *span) {
    ASSERT(w->limit >= 0);
    snprintf(r->message, sizeof r->message, "Too many new orders; current limit is %d orders per %s.",
             w->limit, span);
    return ignored_again(x, r, w, -1015);
}

bool windows_take(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    struct call_cost cost = endpoint_cost(c);
    window_turn(&x->weight_1m, x->now_us);
    window_turn(&x->orders_10s, x->now_us);
    window_turn(&x->orders_1m, x->now_us);
    bool enforce = x->config.enforce_limits;
    if (enforce && x->now_us < x->banned_until_us) return banned(x, r);
    x->weight_1m.used += cost.weight;
    if (enforce && cost.weight > 0 && x->weight_1m.used > x->weight_1m.limit) {
        snprintf(r->message, sizeof r->message,
                 "Too many requests; current limit is %d requests per minute. Please "
                 "use the websocket for live updates to avoid polling the API.",
                 x->weight_1m.limit);
        return ignored_again(x, r, &x->weight_1m, -1003);
    }
    if (enforce && cost.orders_10s > 0 && x->orders_10s.used + cost.orders_10s > x->orders_10s.limit) {
        return orders_full(x, r, &x->orders_10s, "10 SECOND");
    }
    if (enforce && cost.orders_1m > 0 && x->orders_1m.used + cost.orders_1m > x->orders_1m.limit) {
        return orders_full(x, r, &x->orders_1m, "1 MINUTE");
    }
    x->orders_10s.used += cost.orders_10s;
    x->orders_1m.used += cost.orders_1m;
    x->ignored = 0;
    ASSERT(!enforce || x->weight_1m.used <= x->weight_1m.limit || cost.weight <= 0);
    ASSERT(!enforce || cost.orders_10s <= 0 || x->orders_10s.used <= x->orders_10s.limit);
    ASSERT(!enforce || cost.orders_1m <= 0 || x->orders_1m.used <= x->orders_1m.limit);
    return true;
}

struct exchange_windows exchange_windows(struct exchange *x, int64_t now_us) {
    exchange_advance(x, now_us);
    window_turn(&x->weight_1m, now_us);
    window_turn(&x->orders_10s, now_us);
    window_turn(&x->orders_1m, now_us);
    return (struct exchange_windows){ x->weight_1m.used, x->orders_10s.used, x->orders_1m.used,
                                      x->banned_until_us };
}

void exchange_charge(struct exchange *x, int32_t weight, int64_t now_us) {
    ASSERT(weight >= 0);
    exchange_advance(x, now_us);
    window_turn(&x->weight_1m, now_us);
    x->weight_1m.used += weight;
}

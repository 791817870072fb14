// risk_limits.c: limits on orders that a script cannot lift.
#include "execution/risk_limits.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/dec.h"
#include "base/num.h"
#include "venue/binance/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US INT64_C(60000000)
#define UNDER_WAY_US                                                                                         \
    INT64_C(600000000)   // what was under way longer ago, at the last word of a process, is over
static const char NO_MATCH[] = "risk limit: what priceMatch takes is not known until the symbol's order book "
                               "is (it is being read now: try again "
                               "in a second), or give a price";
#define DAY_US INT64_C(86400000000)

void risk_limits_init(struct risk_limits *s, const struct risk_limits_config *limits) {
    memset(s, 0, sizeof *s);
    s->limits = *limits;
    s->day_us = INT64_MIN;
    ASSERT(limits->order_notional_e8 >= 0 && limits->position_notional_e8 >= 0);
    ASSERT(limits->collar_e8 >= 0 && limits->daily_loss_e8 >= 0);
    ASSERT(limits->orders_per_minute >= 0 && limits->open_orders >= 0);
    if (limits->orders_per_minute > 0)
        s->minute = alloc_zeroed((size_t)limits->orders_per_minute, sizeof *s->minute);
}

void risk_limits_close(struct risk_limits *s) {
    free(s->minute);
    s->minute = NULL;
}

void risk_limits_halt(struct risk_limits *s) { s->halted = true; }

bool risk_limits_equity(struct risk_limits *s, int64_t now_us, int64_t equity_e8) {
    int64_t day = now_us - now_us % DAY_US;
    if (day == s->day_us) return false;
    s->day_us = day;
    s->day_equity_e8 = equity_e8;
    return true;
}

void risk_limits_resume(struct risk_limits *s, int64_t now_us, int64_t day_us, int64_t equity_e8) {
    ASSERT(day_us % DAY_US == 0 || day_us != now_us - now_us % DAY_US);
    if (day_us != now_us - now_us % DAY_US) return;
    s->day_us = day_us;
    s->day_equity_e8 = equity_e8;
}

static int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
// The tighter of two limits, of which 0 is none.
static int64_t tighter(int64_t a, int64_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

static bool refuse(struct risk_limits *s, char why[160], const char *what, int64_t is_e8, int64_t limit_e8,
                   const char *option) {
    ASSERT(limit_e8 > 0 || is_e8 > limit_e8);
    char is[DEC_TEXT_MAX], limit[DEC_TEXT_MAX];
    dec_print(is, is_e8, 2);
    dec_print(limit, limit_e8, 2);
    snprintf(why, 160, "risk limit: %s %s is beyond %s (%s)", what, is, limit, option);
    s->breached = true;
    return false;
}

// Price and trigger against the mark price, else the last.
static bool within_collar(struct risk_limits *s, const struct call *c, const struct risk_limits_view *v,
                          char why[160]) {
    const int64_t prices[] = { c->price_e8, c->stop_price_e8, c->activate_price_e8, v->match_low_e8,
                               v->match_high_e8 };
    if (s->limits.collar_e8 == 0) return true;
    ASSERT(v->last_e8 != 0);
    int64_t room = dec_mul_round(v->last_e8, s->limits.collar_e8);
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++) {
        if (prices[i] == 0 || magnitude(prices[i] - v->last_e8) <= room) continue;
        char is[DEC_TEXT_MAX], last[DEC_TEXT_MAX];
        dec_print_short(is, prices[i]);
        dec_print_short(last, v->last_e8);
        snprintf(why, 160,
                 "risk limit: price %s is too far from %s, the mark price, else the last "
                 "(--price-collar)",
                 is, last);
        s->breached = true;
        return false;
    }
    return true;
}

// The notional of an amount; one too large to be told is beyond every limit.
static int64_t notional(int64_t amount_e8, int64_t price_e8) {
    __int128 product = (__int128)magnitude(amount_e8) * price_e8 / 100000000;
    return product > INT64_MAX ? INT64_MAX : (int64_t)product;
}

static int64_t sum_of(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

// The worst that the symbol's position may become if this order, and all that is open, is filled.
static int64_t worst_position(const struct call *c, const struct risk_limits_view *v, uint8_t side,
                              int64_t price) {
    bool buys = side == SIDE_BUY, hedge = c->position_side != POSITION_BOTH;
    int64_t held = buys ? v->position_e8 : -v->position_e8;   // the order's direction is upwards
    int64_t open = buys ? v->open_buy_e8 : v->open_sell_e8;
    int64_t premium = buys ? v->premium_buy_e8 : v->premium_sell_e8;
    int64_t both_sides = sum_of(v->gross_e8, v->open_hedge_e8);
    ASSERT(open >= 0 && v->open_hedge_e8 >= 0);
    int64_t then =
        sum_of(held > 0 ? held : 0, sum_of(open, hedge ? 0 : c->quantity_e8)) + (held < 0 ? held : 0);
    if (hedge)
        both_sides = sum_of(both_sides, c->quantity_e8);
    else if (then <= 0)
        return 0;   // it only makes the position smaller
    int64_t worst = notional(sum_of(then > 0 ? then : 0, both_sides), price);
    return sum_of(worst, sum_of(then > 0 ? premium : 0, v->premium_hedge_e8));
}

static bool within_position(struct risk_limits *s, const struct call *c, const struct risk_limits_view *v,
                            uint8_t side, int64_t price, int64_t limit, char why[160]) {
    ASSERT(side < SIDE_COUNT);
    ASSERT(limit > 0);
    int64_t position = worst_position(c, v, side, price);
    bool open = v->open_buy_e8 != 0 || v->open_sell_e8 != 0 || v->open_hedge_e8 != 0;
    if (position <= limit) return true;
    return refuse(s, why, open ? "a position (with what is open) of" : "a position of", position, limit,
                  "--max-position-notional");
}

// What the order itself may cost when it is filled, as the worst of its prices allows.
static int64_t cost_of(const struct call *c, const struct risk_limits_view *v, int64_t price) {
    int64_t limit_e8 = c->price_e8, adverse = 0;
    if (v->match_high_e8 != 0) limit_e8 = c->side == SIDE_BUY ? v->match_high_e8 : v->match_low_e8;
    if (c->type == ORDER_LIMIT && limit_e8 != 0)
        adverse = larger(c->side == SIDE_BUY ? limit_e8 - v->last_e8 : v->last_e8 - limit_e8, 0);
    return sum_of(notional(c->quantity_e8, adverse),
                  notional(notional(c->quantity_e8, price), RISK_LIMITS_COST_E8));
}

static bool within_loss(struct risk_limits *s, const struct call *c, const struct risk_limits_view *v,
                        int64_t price, char why[160]) {
    int64_t limit = s->limits.daily_loss_e8;
    if (limit == 0) return true;
    int64_t lost = s->day_equity_e8 - v->equity_e8;
    int64_t may_cost = sum_of(v->open_cost_e8, cost_of(c, v, price));
    ASSERT(may_cost >= 0);
    if (lost > limit) return refuse(s, why, "a loss today of", lost, limit, "--max-daily-loss");
    if (sum_of(lost > 0 ? lost : 0, may_cost) + (lost < 0 ? lost : 0) <= limit) return true;
    return refuse(s, why, "a loss today (with what is open) of", sum_of(lost > 0 ? lost : 0, may_cost), limit,
                  "--max-daily-loss");
}

static bool within_size(struct risk_limits *s, const struct call *c, const struct risk_limits_view *v,
                        char why[160]) {
    ASSERT(c->side < SIDE_COUNT && c->position_side < POSITION_SIDE_COUNT);
    const struct risk_limits_config *l = &s->limits;
    const struct risk_limits_symbol none = { 0, 0 };
    const struct risk_limits_symbol *own =
        c->symbol >= 0 && c->symbol < RISK_LIMITS_SYMBOLS_MAX ? &l->symbols[c->symbol] : &none;
    int64_t order_limit = tighter(l->order_notional_e8, own->order_notional_e8);
    int64_t position_limit = tighter(l->position_notional_e8, own->position_notional_e8);
    int64_t price = larger(larger(c->price_e8, c->stop_price_e8), larger(c->activate_price_e8, v->last_e8));
    price = larger(price, v->match_high_e8);
    ASSERT(price >= v->last_e8);
    int64_t order = notional(c->quantity_e8, price);
    if (order_limit && order > order_limit)
        return refuse(s, why, "an order of", order, order_limit, "--max-order-notional");
    bool amendment = c->endpoint ==
                     EP_ORDER_MODIFY;   // its side is what the caller says; the order's own may be the other
    for (uint8_t side = SIDE_BUY; position_limit && side <= SIDE_SELL; side++) {
        if (!amendment && side != c->side) continue;
        if (!within_position(s, c, v, side, price, position_limit, why)) return false;
    }
    if (!amendment && l->open_orders && v->open_orders >= l->open_orders) {
        snprintf(why, 160, "risk limit: %d orders are open already (--max-open-orders)", v->open_orders);
        s->breached = true;
        return false;
    }
    return within_loss(s, c, v, price, why);
}

static bool reduces(const struct call *c, const struct risk_limits_view *v) {
    ASSERT(c->endpoint < EP_COUNT);
    if (c->endpoint == EP_ORDER_MODIFY)
        return v->reduces;   // nothing of the kind can be said in an amendment
    if (c->reduce_only) return true;
    if (c->close_position) return c->endpoint == EP_ALGO_NEW && c->quantity_e8 == 0;
    return (c->position_side == POSITION_LONG && c->side == SIDE_SELL) ||
           (c->position_side == POSITION_SHORT && c->side == SIDE_BUY);
}

static bool has_sizes(const struct risk_limits_config *l, int16_t symbol) {
    bool own = symbol >= 0 && symbol < RISK_LIMITS_SYMBOLS_MAX &&
               (l->symbols[symbol].order_notional_e8 || l->symbols[symbol].position_notional_e8);
    return own || l->order_notional_e8 || l->position_notional_e8 || l->daily_loss_e8;
}

static bool judge(struct risk_limits *s, const struct call *c, const struct risk_limits_view *v,
                  char why[160]) {
    ASSERT(!s->breached);
    const struct risk_limits_config *l = &s->limits;
    bool smaller = reduces(c, v);
    if (s->halted) {   // what still passes, passes without limits: it gets us out
        if (!smaller) snprintf(why, 160, "risk limit: the run is halted and takes no new orders");
        return smaller;
    }
    bool needs_price = l->collar_e8 || (!smaller && has_sizes(l, c->symbol));
    if (needs_price && c->price_match != MATCH_NONE && v->match_high_e8 == 0) {
        snprintf(why, 160, "%s", NO_MATCH);
        return false;
    }
    if (needs_price && (v->last_e8 == 0 || (!smaller && l->daily_loss_e8 && !v->equity_known))) {
        snprintf(
            why, 160,
            "risk limit: no price of the symbol is known yet, so the limits cannot be checked; wait for the "
            "first bar or ticker");
        return false;
    }
    if (!within_collar(s, c, v, why) || (!smaller && !within_size(s, c, v, why))) return false;
    int32_t orders = risk_limits_minute(s, v->now_us);
    if (l->orders_per_minute && orders >= l->orders_per_minute) {
        snprintf(why, 160, "risk limit: %d orders within a minute already (--max-orders-per-minute)", orders);
        s->breached = true;
        return false;
    }
    return true;
}

// ---- orders of a minute ----

static int64_t minute_time(const struct risk_limits *s, int32_t i) {   // 0: the oldest
    ASSERT(i >= 0 && i < s->minute_count);
    return s->minute[(s->minute_at - s->minute_count + i + s->limits.orders_per_minute) %
                     s->limits.orders_per_minute];
}

static void add_time(struct risk_limits *s, int64_t at_us) {
    if (s->limits.orders_per_minute == 0) return;
    s->minute[s->minute_at] = at_us;
    s->minute_at = (s->minute_at + 1) % s->limits.orders_per_minute;
    if (s->minute_count < s->limits.orders_per_minute) s->minute_count++;
    ASSERT(s->minute_at < s->limits.orders_per_minute);
}

int32_t risk_limits_minute(const struct risk_limits *s, int64_t now_us) {
    int32_t orders = s->under_way;
    ASSERT(orders >= 0);
    for (int32_t i = 0; i < s->minute_count; i++) {
        if (minute_time(s, i) > now_us - MINUTE_US)
            orders++;   // one of later than now, by a clock set back, counts too
    }
    return orders;
}

void risk_limits_settled(struct risk_limits *s, int64_t now_us) {
    ASSERT(s->under_way > 0);
    s->under_way--;
    add_time(s, now_us);
}

int32_t risk_limits_times(const struct risk_limits *s, int64_t now_us, int64_t *times, int32_t max) {
    int32_t count = 0;
    ASSERT(max >= 0);
    for (int32_t i = 0; i < s->under_way && count < max; i++) times[count++] = -now_us;
    for (int32_t i = s->minute_count - 1; i >= 0 && count < max; i--) {
        if (minute_time(s, i) > now_us - MINUTE_US) times[count++] = minute_time(s, i);
    }
    return count;
}

void risk_limits_resume_times(struct risk_limits *s, int64_t now_us, const int64_t *times, int32_t count) {
    ASSERT(count >= 0);
    for (int32_t i = count - 1; i >= 0; i--) {
        int64_t at_us = times[i] < 0 && times[i] > INT64_MIN ? -times[i] : times[i];
        bool under_way = times[i] < 0 && at_us > now_us - UNDER_WAY_US;   // perhaps until the process ended
        add_time(s, under_way ? now_us : num_min(at_us, now_us));   // its clock may have been further on
    }
}

bool risk_limits_allow(struct risk_limits *s, const struct call *c, const struct risk_limits_view *v,
                       char why[160]) {
    ASSERT(v->open_orders >= 0);
    risk_limits_equity(s, v->now_us, v->equity_e8);
    s->breached = false;
    if (!judge(s, c, v, why)) {
        s->refused++;
        return false;
    }
    s->under_way++;
    return true;
}

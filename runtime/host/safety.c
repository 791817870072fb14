#include "host/safety.h"

#include "base/dec.h"
#include "venue/endpoint.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_US INT64_C(60000000)
#define DAY_US INT64_C(86400000000)

void safety_init(struct safety *s, const struct safety_limits *limits) {
    memset(s, 0, sizeof *s);
    s->limits = *limits;
    s->minute_us = s->day_us = INT64_MIN;
}

void safety_halt(struct safety *s) { s->halted = true; }

static int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }

static bool refuse(struct safety *s, char why[160], const char *what, int64_t is_e8, int64_t limit_e8, const char *option) {
    char is[DEC_TEXT_MAX], limit[DEC_TEXT_MAX];
    dec_print(is, is_e8, 2);
    dec_print(limit, limit_e8, 2);
    snprintf(why, 160, "safety: %s %s is beyond %s (%s)", what, is, limit, option);
    s->refused++;
    return false;
}

// Price and trigger against the mark price, else the last.
static bool within_collar(struct safety *s, const struct call *c, const struct safety_view *v, char why[160]) {
    const int64_t prices[] = { c->price_e8, c->stop_price_e8, c->activate_price_e8 };
    int64_t room = s->limits.collar_e8 ? dec_mul_round(v->last_e8, s->limits.collar_e8) : 0;
    for (int i = 0; room > 0 && i < 3; i++) {
        if (prices[i] == 0 || magnitude(prices[i] - v->last_e8) <= room) continue;
        char is[DEC_TEXT_MAX], last[DEC_TEXT_MAX];
        dec_print_short(is, prices[i]);
        dec_print_short(last, v->last_e8);
        snprintf(why, 160, "safety: price %s is too far from %s, the mark price where it is known, else the last (--price-collar)", is, last);
        s->refused++;
        return false;
    }
    return true;
}

static bool within_size(struct safety *s, const struct call *c, const struct safety_view *v, char why[160]) {
    const struct safety_limits *l = &s->limits;
    int64_t price = c->price_e8 ? c->price_e8 : c->stop_price_e8 ? c->stop_price_e8 : v->last_e8;
    int64_t order = dec_mul_round(c->quantity_e8, price);
    if (l->order_notional_e8 && order > l->order_notional_e8) {
        return refuse(s, why, "an order of", order, l->order_notional_e8, "--max-order-notional");
    }
    int64_t then = v->position_e8 + (c->side == SIDE_BUY ? c->quantity_e8 : -c->quantity_e8);
    int64_t position = magnitude(dec_mul_round(then, price));
    if (l->position_notional_e8 && magnitude(then) > magnitude(v->position_e8) && position > l->position_notional_e8) {
        return refuse(s, why, "a position of", position, l->position_notional_e8, "--max-position-notional");
    }
    int64_t loss = s->day_equity_e8 - v->equity_e8;
    if (l->daily_loss_e8 && loss > l->daily_loss_e8) return refuse(s, why, "a loss today of", loss, l->daily_loss_e8, "--max-daily-loss");
    return true;
}

bool safety_allows(struct safety *s, const struct call *c, const struct safety_view *v, char why[160]) {
    const struct safety_limits *l = &s->limits;
    int64_t day = v->now_us - v->now_us % DAY_US;
    if (day != s->day_us) {
        s->day_us = day;
        s->day_equity_e8 = v->equity_e8;
    }
    if (s->minute_us == INT64_MIN || v->now_us - s->minute_us >= MINUTE_US) {
        s->minute_us = v->now_us;
        s->orders = 0;
    }
    bool reduces = c->reduce_only || c->close_position;
    if (s->halted && !reduces) {
        snprintf(why, 160, "safety: the run is halted and takes no new orders");
        s->refused++;
        return false;
    }
    bool needs_price = l->collar_e8 || (!reduces && (l->order_notional_e8 || l->position_notional_e8));
    if (needs_price && v->last_e8 == 0) {
        snprintf(why, 160, "safety: no price of the symbol is known yet, so the limits cannot be checked; wait for the first bar or ticker");
        s->refused++;
        return false;
    }
    if (!within_collar(s, c, v, why) || (!reduces && !within_size(s, c, v, why))) return false;
    if (l->orders_per_minute && s->orders >= l->orders_per_minute) {
        snprintf(why, 160, "safety: %d orders within a minute already (--max-orders-per-minute)", s->orders);
        s->refused++;
        return false;
    }
    s->orders++;
    return true;
}

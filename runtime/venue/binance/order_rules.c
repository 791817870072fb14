// order_rules.c: what makes the call of an order whole before it is sent.
#include "venue/binance/order_rules.h"

#include "base/assert.h"
#include "base/dec.h"
#include "trade/request_kind.h"

static void give(struct call *c, int32_t param) { c->given |= UINT64_C(1) << param; }

bool order_rules_conditional(int32_t type) {
    return type == ORDER_STOP || type == ORDER_STOP_MARKET || type == ORDER_TAKE_PROFIT ||
           type == ORDER_TAKE_PROFIT_MARKET || type == ORDER_TRAILING_STOP_MARKET;
}

static bool with_limit_price(int32_t type) {
    return type == ORDER_LIMIT || type == ORDER_STOP || type == ORDER_TAKE_PROFIT;
}

int order_rules_complete(struct call *c, struct errmsg *e) {
    ASSERT(c != NULL);
    ASSERT(call_given(c, P_TYPE));
    if (!call_given(c, P_SYMBOL)) return errmsg_set(e, ERR_INVALID, "symbol is missing");
    if (!call_given(c, P_SIDE)) return errmsg_set(e, ERR_INVALID, "side is missing");
    bool conditional = order_rules_conditional(c->type);
    c->endpoint = conditional ? EP_ALGO_NEW : EP_ORDER_NEW;
    // What was not given is zero, and zero is GTC.
    if (with_limit_price(c->type)) give(c, P_TIME_IN_FORCE);
    // A conditional order has no fill that a reply could hold.
    if (!conditional && !call_given(c, P_RESP_TYPE)) {
        c->resp_type = RESP_RESULT;
        give(c, P_RESP_TYPE);
    }
    return ERR_OK;
}

bool order_rules_on_step(int64_t value_e8, int64_t step_e8) {
    return step_e8 <= 0 || value_e8 % step_e8 == 0;
}

struct grid {
    const char *name, *filter, *remedy;
};

static const struct grid tick = { "tick", "PRICE_FILTER", "market.round_price" };
static const struct grid step = { "step", "LOT_SIZE", "market.round_quantity" };

static int refuse(struct errmsg *e, const char *what, int64_t value_e8, const struct grid *g,
                  int64_t step_e8) {
    int64_t low_e8 = dec_floor_to(value_e8, step_e8);
    return errmsg_set(e, ERR_INVALID,
                      "%s %.10g is off the %s (%s, %s %.10g); the nearest are %.10g and %.10g; see %s", what,
                      dec_to_double(value_e8), g->name, g->filter, g->name, dec_to_double(step_e8),
                      dec_to_double(low_e8), dec_to_double(low_e8 + step_e8), g->remedy);
}

int order_rules_grid(const struct call *c, const struct symbol *s, struct errmsg *e) {
    ASSERT(c != NULL);
    ASSERT(s != NULL);
    if (!order_rules_on_step(c->price_e8, s->tick_e8))
        return refuse(e, "price", c->price_e8, &tick, s->tick_e8);
    if (!order_rules_on_step(c->stop_price_e8, s->tick_e8))
        return refuse(e, "stopPrice", c->stop_price_e8, &tick, s->tick_e8);
    if (!order_rules_on_step(c->quantity_e8, s->step_e8))
        return refuse(e, "quantity", c->quantity_e8, &step, s->step_e8);
    return ERR_OK;
}

void order_rules_cancel(struct call *c, bool conditional, int16_t symbol, int64_t id) {
    ASSERT(c != NULL);
    ASSERT(id > 0);
    c->endpoint = conditional ? EP_ALGO_CANCEL : EP_ORDER_CANCEL;
    c->symbol = symbol;
    if (conditional) {
        // The id is enough, and the endpoint takes no symbol.
        c->algo_id = id;
        c->given = UINT64_C(1) << P_ALGO_ID;
    } else {
        c->order_id = id;
        c->given = UINT64_C(1) << P_SYMBOL | UINT64_C(1) << P_ORDER_ID;
    }
}

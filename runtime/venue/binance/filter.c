// filter.c: the exchange's tests of one order against the rules of its contract.
#include "venue/binance/filter.h"

#include "base/assert.h"
#include "base/dec.h"
#include "venue/binance/error_code.h"
#include "venue/binance/order_rules.h"

#include <stdio.h>

static bool market_type(const struct call *c) {
    return c->type == ORDER_MARKET || c->type == ORDER_STOP_MARKET || c->type == ORDER_TAKE_PROFIT_MARKET ||
           c->type == ORDER_TRAILING_STOP_MARKET;
}

static bool limit_type(const struct call *c) {
    return c->type == ORDER_LIMIT || c->type == ORDER_STOP || c->type == ORDER_TAKE_PROFIT;
}

static int32_t precision_test(const struct symbol *s, const struct call *c) {
    const struct {
        int32_t param;
        int64_t value_e8;
        int32_t decimals;
    } tests[] = {
        { P_PRICE, c->price_e8, s->price_precision },
        { P_STOP_PRICE, c->stop_price_e8, s->price_precision },
        { P_ACTIVATE_PRICE, c->activate_price_e8, s->price_precision },
        { P_QUANTITY, c->quantity_e8, s->quantity_precision },
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (call_given(c, tests[i].param) && dec_decimals(tests[i].value_e8) > tests[i].decimals)
            return -1111;
    }
    return 0;
}

// The documents count ticks from the lowest price, the exchange in practice from zero.
static int32_t price_test(const struct symbol *s, int64_t price_e8) {
    if (price_e8 <= 0) return -4001;
    if (s->price_max_e8 > 0 && price_e8 > s->price_max_e8) return -4002;
    if (s->price_min_e8 > 0 && price_e8 < s->price_min_e8) return -4013;
    return order_rules_on_step(price_e8, s->tick_e8) ? 0 : -4014;
}

static int32_t stop_price_test(const struct symbol *s, int64_t price_e8) {
    if (price_e8 <= 0) return -4006;
    if (s->price_max_e8 > 0 && price_e8 > s->price_max_e8) return -4007;
    return order_rules_on_step(price_e8, s->tick_e8) ? 0 : -4014;
}

static int32_t prices_test(const struct symbol *s, const struct call *c) {
    int32_t code = 0;
    if (limit_type(c) && call_given(c, P_PRICE)) code = price_test(s, c->price_e8);
    if (code == 0 && call_given(c, P_STOP_PRICE)) code = stop_price_test(s, c->stop_price_e8);
    if (code == 0 && call_given(c, P_ACTIVATE_PRICE)) code = stop_price_test(s, c->activate_price_e8);
    return code;
}

static int32_t quantity_test(const struct symbol *s, const struct call *c) {
    // A close-all order has no quantity: it takes what the position holds when it triggers.
    if (c->close_position || !call_given(c, P_QUANTITY)) return 0;
    bool market = market_type(c);
    int64_t min_e8 = market ? s->market_qty_min_e8 : s->qty_min_e8;
    int64_t max_e8 = market ? s->market_qty_max_e8 : s->qty_max_e8;
    int64_t step_e8 = market ? s->market_step_e8 : s->step_e8;
    if (c->quantity_e8 <= 0) return -4003;
    if (c->quantity_e8 < min_e8) return -4004;
    if (max_e8 > 0 && c->quantity_e8 > max_e8) return -4005;
    return order_rules_on_step(c->quantity_e8 - min_e8, step_e8) ? 0 : -4023;
}

// The price that the least notional is measured at; 0: none known, no test.
static int64_t notional_price(const struct call *c, int64_t mark_e8, int64_t last_e8) {
    if (limit_type(c) && call_given(c, P_PRICE)) return c->price_e8;
    bool conditional = order_rules_conditional(c->type);
    if (conditional && call_given(c, P_STOP_PRICE)) return c->stop_price_e8;
    if (conditional && call_given(c, P_ACTIVATE_PRICE)) return c->activate_price_e8;
    return mark_e8 > 0 ? mark_e8 : last_e8;
}

// Only the aggressive side is bounded. A stop's limit price is judged when it becomes an order.
static int32_t percent_test(const struct symbol *s, const struct call *c, int64_t mark_e8) {
    if (c->type != ORDER_LIMIT || !call_given(c, P_PRICE) || mark_e8 <= 0) return 0;
    if (c->side == SIDE_BUY && s->percent_up_e8 > 0 && c->price_e8 > dec_mul_trunc(mark_e8, s->percent_up_e8))
        return -4016;
    if (c->side == SIDE_SELL && c->price_e8 < dec_mul_trunc(mark_e8, s->percent_down_e8)) return -4024;
    return 0;
}

static int32_t refuse(int32_t code, char *message, size_t size) {
    if (size > 0) (void)snprintf(message, size, "%s", error_code_text(code));
    return code;
}

static int32_t refuse_notional(const struct symbol *s, char *message, size_t size) {
    // The exchange writes its limit with at least one decimal: "5.0".
    char limit[DEC_TEXT_MAX];
    int decimals = dec_decimals(s->notional_min_e8);
    (void)dec_print(limit, s->notional_min_e8, decimals > 1 ? decimals : 1);
    if (size > 0)
        (void)snprintf(message, size,
                       "Order's notional must be no smaller than %s (unless you choose reduce only)", limit);
    return -4164;
}

int32_t filter_order(const struct symbol *s, const struct call *c, int64_t mark_e8, int64_t last_e8,
                     bool reducing, char *message, size_t size) {
    ASSERT(s != NULL);
    ASSERT(c != NULL);
    ASSERT(message != NULL || size == 0);

    int32_t code = precision_test(s, c);
    if (code == 0) code = prices_test(s, c);
    if (code == 0) code = quantity_test(s, c);
    if (code != 0) return refuse(code, message, size);

    int64_t price_e8 = notional_price(c, mark_e8, last_e8);
    bool sized =
        call_given(c, P_QUANTITY) && !c->close_position && !reducing && !c->reduce_only && price_e8 > 0;
    if (sized && dec_mul_round(price_e8, c->quantity_e8) < s->notional_min_e8)
        return refuse_notional(s, message, size);

    code = percent_test(s, c, mark_e8);
    return code != 0 ? refuse(code, message, size) : 0;
}

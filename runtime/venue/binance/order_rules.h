// order_rules.h: what makes the call of an order whole before it is sent: where the exchange keeps it, what it is
// given by default, whether its prices and its quantity are on the grid. Scripts' orders and the runtime's own
// go through these; what the exchange tests when it gets the order is filter.h.
//
// Owner    all arguments are borrowed for the call. Pure; allocates nothing.
// Units    e8.
// Errors   ERR_INVALID, with a line for the user in `e` (which may be NULL).
#ifndef MT_VENUE_BINANCE_ORDER_RULES_H
#define MT_VENUE_BINANCE_ORDER_RULES_H

#include "base/err.h"
#include "trade/call.h"
#include "trade/symbol.h"

#include <stdbool.h>
#include <stdint.h>

// Whether an order of this type (enum order_type) waits for a trigger price. The exchange keeps such orders
// apart: they have endpoints and ids of their own ("algo").
bool order_rules_conditional(int32_t type);

// Completes the call of one new order from what it was given: its endpoint, GTC where a limit price is asked
// for, and the reply with its fill. What was given stays. Fails without a symbol or a side. The client order
// id is the caller's to give.
int order_rules_complete(struct call *c, struct errmsg *e);

// Whether price, stop price and quantity, each where it is not 0, are multiples of the symbol's tick or step. A
// price or quantity that is not must be refused and never moved: the order would not be the one asked for.
int order_rules_grid(const struct call *c, const struct symbol *s, struct errmsg *e);

// Makes `c` the cancelling of one order by the exchange's id: an algo id when it is conditional.
void order_rules_cancel(struct call *c, bool conditional, int16_t symbol, int64_t id);

// Whether a value is a multiple of a step; a step of 0 is no rule.
bool order_rules_on_step(int64_t value_e8, int64_t step_e8);

#endif

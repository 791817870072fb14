// filter.h: the exchange's tests of one order against the rules of its contract, in the exchange's order.
//
// Units    e8, as everywhere. Pure; allocates nothing.
// Source   the wire contract, sections 4.2 and 5.7.
#ifndef MT_VENUE_BINANCE_FILTER_H
#define MT_VENUE_BINANCE_FILTER_H

#include "trade/call.h"
#include "trade/symbol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// 0 when the order passes, else the exchange's code with its text in message[0..size-1] (may be NULL with
// size 0). Tests what was given: whether a parameter had to be given is the caller's question. mark_e8 and
// last_e8 are 0 when unknown, which switches off what needs them. `reducing`: the order can only reduce a
// position, and is free of the least notional.
int32_t filter_order(const struct symbol *s, const struct call *c, int64_t mark_e8, int64_t last_e8,
                     bool reducing, char *message, size_t size);

#endif

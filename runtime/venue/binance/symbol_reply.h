// symbol_reply.h: one entry of an exchangeInfo reply: status, precisions and filters. Pure.
#ifndef MT_VENUE_BINANCE_SYMBOL_REPLY_H
#define MT_VENUE_BINANCE_SYMBOL_REPLY_H

#include "base/json.h"
#include "trade/symbol.h"

// What the entry says, in a symbol that is zero elsewhere; a filter that is left out stays zero. ERR_FORMAT: a number that is
// none, or no tick or step.
int symbol_reply_read(const struct json *j, int32_t entry, struct symbol *out);

// Takes over what `told` says; zeros say nothing.
void symbol_reply_merge(struct symbol *known, const struct symbol *told);

#endif

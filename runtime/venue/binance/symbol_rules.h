// symbol_rules.h: the rules of a contract nobody has described: a table of common ones, else a guess from its
// data.
#ifndef MT_VENUE_BINANCE_SYMBOL_RULES_H
#define MT_VENUE_BINANCE_SYMBOL_RULES_H

#include "trade/symbol.h"

// Fills `out` with the built-in rules of a common symbol; ERR_NOT_FOUND for any other.
int symbol_rules_builtin(const char *name, struct symbol *out);

// How many built-in symbols there are, and the name of one (index below the count).
int32_t symbol_rules_builtin_count(void);
const char *symbol_rules_builtin_name(int32_t index);

// Rules for a contract nobody described: tick and step from the decimals seen in its data (0 to 8 each),
// generous bounds, the default brackets. Never fails for a name shorter than SYMBOL_NAME_MAX.
int symbol_rules_guess(const char *name, int price_decimals, int quantity_decimals, struct symbol *out);

// The coin that a contract nobody described is settled in, by the end of its name: "USDC" of "BTCUSDC"; "USDT" where it tells
// nothing.
const char *symbol_rules_coin(const char *name);

// Whether rules from outside (a reply, a file, a recording) can be those of a contract: ERR_FORMAT and what is wrong.
int symbol_rules_check(const struct symbol *s, struct errmsg *e);

#endif

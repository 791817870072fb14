// symbol_table.h: the rows behind symbol_rules_builtin; nobody but symbol.c needs them.
#ifndef MT_VENUE_BINANCE_SYMBOL_TABLE_H
#define MT_VENUE_BINANCE_SYMBOL_TABLE_H

#include "trade/symbol.h"

enum { SYMBOL_TABLE_COUNT = 22 };

extern const struct symbol symbol_table[SYMBOL_TABLE_COUNT];

#endif

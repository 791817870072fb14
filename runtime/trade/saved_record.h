// saved_record.h: how records and the rules of a symbol are saved (base/saved.h): in paper accounts, in the
// state of an exchange, in recordings.
//
// Rule     a new member of a struct of trade/record.h or trade/symbol.h gets a line with the next free tag in
//          its table; spec/trade/saved_record_spec.lua fails until it has. A tag that was once given is never
//          used again for something else, and enums of trade/call.h and trade/record.h grow at their end.
#ifndef MT_TRADE_SAVED_RECORD_H
#define MT_TRADE_SAVED_RECORD_H

#include "base/saved.h"

// The table of a record kind's struct; NULL for kinds that are no records of their own.
const struct saved_table *saved_record_table(int32_t kind);

extern const struct saved_table saved_record_order;    // struct order_record
extern const struct saved_table saved_record_algo;     // struct algo_record
extern const struct saved_table saved_record_trade;    // struct trade_record
extern const struct saved_table saved_record_income;   // struct income_record
extern const struct saved_table saved_record_symbol;   // struct symbol

#endif

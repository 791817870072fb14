// symbol.h: what the exchange lays down for one contract: filters, precisions, leverage brackets.
//
// Owner    plain values; tables of symbols belong to the caller.
// Units    prices, quantities and notionals are e8 decimals (base/dec.h); ratios too (0.05 = 5000000).
// Source   the exchange's own list of its contracts and of their brackets.
#ifndef MT_TRADE_SYMBOL_H
#define MT_TRADE_SYMBOL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// SYMBOLS_MAX: of one run.
enum {
    SYMBOLS_MAX = 64,
    SYMBOL_NAME_MAX = 32,
    SYMBOL_BRACKETS_MAX = 16,
    SYMBOL_NONE = -1,
    SYMBOL_STATUS_MAX = 24
};

// A notional tier of a contract. Applies where floor < notional <= cap.
struct bracket {
    int32_t leverage_max;
    int64_t floor_e8;
    int64_t cap_e8;
    int64_t maint_ratio_e8;   // maintenance margin = notional * ratio - cum
    int64_t cum_e8;
};

enum symbol_source {
    SYMBOL_FROM_EXCHANGE_INFO,   // a saved exchangeInfo reply
    SYMBOL_BUILT_IN,             // the table in symbol_table.c
    SYMBOL_FROM_DATA             // guessed from the decimals of the data
};

struct symbol {
    char name[SYMBOL_NAME_MAX];   // "BTCUSDT"
    char base_asset[16];
    char quote_asset[16];
    char margin_asset[16];
    int32_t price_precision;   // decimals the exchange prints and parses; not the tick
    int32_t quantity_precision;
    int64_t tick_e8;        // PRICE_FILTER
    int64_t price_min_e8;   // 0: no bound
    int64_t price_max_e8;
    int64_t step_e8;   // LOT_SIZE
    int64_t qty_min_e8;
    int64_t qty_max_e8;
    int64_t market_step_e8;   // MARKET_LOT_SIZE
    int64_t market_qty_min_e8;
    int64_t market_qty_max_e8;
    int64_t notional_min_e8;   // MIN_NOTIONAL
    int64_t percent_up_e8;     // PERCENT_PRICE: BUY price <= mark * up
    int64_t percent_down_e8;   //                SELL price >= mark * down
    int32_t orders_max;        // MAX_NUM_ORDERS
    int32_t funding_interval_h;
    int64_t trigger_protect_e8;
    int64_t liquidation_fee_e8;
    int64_t market_take_bound_e8;
    char status[SYMBOL_STATUS_MAX];   // the exchange's word; "": it trades
    uint8_t source;                   // enum symbol_source
    int32_t bracket_count;            // at least 1, by rising notional
    struct bracket brackets[SYMBOL_BRACKETS_MAX];
};

// Whether new orders are taken.
bool symbol_trades(const struct symbol *s);

// The bracket of a notional (>= 0); the last one beyond the last cap.
const struct bracket *symbol_bracket(const struct symbol *s, int64_t notional_e8);

// The largest notional that `leverage` allows, 0 when no bracket allows it.
int64_t symbol_notional_max(const struct symbol *s, int32_t leverage);

// The coin that contracts are settled in, as the first of a list says: those of one account view are of one coin. "USDT" where
// nothing says it (NULL too).
const char *symbol_coin(const struct symbol *first);

// The index of `name` in symbols[0..count-1], or SYMBOL_NONE.
int32_t symbol_find(const struct symbol *symbols, int32_t count, const char *name);

#endif

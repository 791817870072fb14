// snapshot_check.h: a snapshot as it lies in memory, and whether an exchange could have come to it. Only
// snapshot.c includes it.
#ifndef MT_SIM_SNAPSHOT_CHECK_H
#define MT_SIM_SNAPSHOT_CHECK_H

#include "sim/engine.h"

struct snapshot_account {
    int64_t wallet_e8, isolated_e8, order_id_first;
    bool dual_side, multi_assets;
    struct exchange_totals totals;
};

struct snapshot_market {
    char name[SYMBOL_NAME_MAX];
    int64_t last_e8, trade_id, notional_max_e8;
    int32_t leverage;
    uint8_t margin_type;
    struct position positions[POSITION_SIDE_COUNT];
};

struct snapshot_order {
    struct order_record r;
    int32_t algo;    // the conditional order it came from, counted from 0; -1: none
    uint8_t place;   // enum order_place
    bool announced, hidden, generated;
};

struct snapshot_algo {
    struct algo_record r;
    int64_t extreme_e8;
    bool open;
};

// Symbols of rows count in `markets`; `index` leads from there to the exchange's symbols.
struct snapshot {
    struct snapshot_account account;
    struct snapshot_market markets[SYMBOLS_MAX];
    int16_t index[SYMBOLS_MAX];
    int32_t market_count;
    struct snapshot_order *orders;
    struct snapshot_algo *algos;
    struct trade_record *fills;
    struct income_record *incomes;
    int64_t order_count, algo_count, fill_count, income_count;
    int64_t orders_size, algos_size, fills_size, incomes_size;
};

// Fills `index`. ERR_FORMAT and one line.
int snapshot_check(struct snapshot *s, const struct symbol *symbols, int32_t symbol_count, struct errmsg *e);

#endif

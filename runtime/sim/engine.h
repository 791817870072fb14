// engine.h: what the files of sim/ share. Nobody outside sim/ includes it.
//
// Circles  its files call each other in both directions, and that is meant: a fill moves the account, the
// account
//          liquidates by a fill, a trigger makes an order and an order that fills a level triggers another,
// all within
//          one call and one microsecond. One engine in several files, cut by subject: match (plain orders),
// algo
//          (conditional ones), book_match (the book), account (positions, margin), funding, trigger_levels
// (what a price
//          reaches), order_store (where orders lie), limits, calls_* (what is only read or set). No file
// outside of sim/
//          may be part of a circle.
//
// Owner    struct exchange owns everything; orders and algo orders live in blocks that never move.
// Units    e8 and microseconds as everywhere; suffix _e16: a product of two e8 numbers, kept whole in 128
//          bits.
#ifndef MT_SIM_ENGINE_H
#define MT_SIM_ENGINE_H

#include "base/assert.h"
#include "base/dec.h"
#include "base/e16.h"
#include "sim/exchange.h"

#include <string.h>
#include <uthash.h>

typedef __int128 wide_e16;

enum { OPEN_IDS_FEW = 8 };

enum {
    POOL_BLOCK = 256,   // orders in one block
    MESSAGE_MAX = 160,
    REJECT_KINDS_MAX = 64,
    ALGO_OPEN_MAX = 200,   // conditional orders of one account (section 5.4)
    LEVERAGE_MAX = 125
};

#define ORDER_ID_SMALL INT64_C(1000001)
#define ALGO_ID_FIRST INT64_C(3000000000000001)
#define LEVEL_NONE_LOW INT64_MIN    // no level below
#define LEVEL_NONE_HIGH INT64_MAX   // no level above

enum order_place { PLACE_NONE, PLACE_WAITING, PLACE_RESTING };

struct order {
    struct order_record r;
    uint64_t token;                  // of the call that waits for its answer
    int64_t open_notional_e8;        // notional it reserves while open (0 when it only reduces)
    struct order *previous, *next;   // in its market's list
    struct algo *algo;               // the conditional order it came from
    int64_t queue_ahead_e8;          // in a book: what stands before it in its level
    int64_t taken_e8;                // in a book: of a trade just going on, not yet booked
    uint8_t place;                   // enum order_place
    bool answer_due;                 // the reply is still owed
    bool announced;                  // the stream has heard of it
    bool hidden;                     // refused FOK and GTX orders are in no history (section 6)
    bool generated;                  // the exchange chose its client id
};

// A row of income as it is kept: two an order. Its id follows from its place.
struct income_row {
    int64_t income_e8, time_us, trade_id;
    int16_t symbol;
    uint8_t type;   // enum income_type
};

// An order among the open ones, by client id. It stands apart from the order: most orders are final, and kept.
struct open_id {
    struct order *order;
    UT_hash_handle hh;
};

struct algo {
    struct algo_record r;
    int64_t extreme_e8;   // trailing: the highest (SELL) or lowest (BUY) price since placing; 0: none yet
    struct algo *previous, *next;
    bool open;
    UT_hash_handle hh;
};

struct order_list {
    struct order *first, *last;
    int32_t count;
};
struct algo_list {
    struct algo *first, *last;
    int32_t count;
};

struct position {
    int64_t amount_e8;     // signed
    wide_e16 cost_e16;     // sum of signed quantity times price: unrealized = amount * mark - cost, exactly
    int64_t isolated_e8;   // margin set apart for it, 0 when crossed
    int64_t realized_e8;   // since the start, before fees
    int64_t costs_e8;      // fees and realized results of the position now open, for the break-even price
    int64_t update_us;
};

struct funding {
    int64_t time_us, rate_e8, mark_e8;
};

struct market {
    const struct symbol *s;
    int16_t index;
    uint8_t margin_type;
    uint8_t listing;      // enum listing
    bool open;            // a bar is open
    bool dirty;           // the levels below must be made anew
    bool opened_inside;   // adverse.c: a position was opened or enlarged inside the open bar
    int32_t leverage;
    int64_t notional_max_e8;   // at this leverage
    int64_t last_e8;           // 0: none yet
    int64_t last_us;           // when last_e8 was true

    struct exchange_bar bar;           // the open bar or the last one
    struct exchange_bar mark_bar;      // the mark price's beside it (sim/mark_bar.h); close_us 0: none
    struct exchange_bar mark_coming;   // the same of the bar that comes
    struct drawn_path *drawn;          // of price_path.c: its random path; NULL: none yet
    int64_t path_us[4], path_e8[4];    // its lines
    int32_t segment;                   // 0..2: on the way from path[segment] to path[segment + 1]

    int64_t volume_e8, volatility_e8;   // what impact is measured against (exchange_liquidity)

    struct position positions[POSITION_SIDE_COUNT];
    struct order_list resting, waiting;
    struct algo_list algos;
    int64_t open_notional_e8[SIDE_COUNT];
    int32_t reduce_count;   // resting reduce-only orders and close-position algos
    int32_t trailing_count;

    int64_t trigger_low_e8;    // something happens at or below
    int64_t trigger_high_e8;   // something happens at or above
    int64_t mark_low_e8;       // the same of the mark price, where it is one of its own
    int64_t mark_high_e8;
    int64_t reach_low_e8;   // both on a market of bars, as levels of the last price
    int64_t reach_high_e8;
    int64_t liquidation_low_e8[2];   // [0]: one-way, crossed account, or long; [1]: short
    int64_t liquidation_high_e8[2];
    int64_t good_till_us;   // the nearest, INT64_MAX: none

    int64_t countdown_us;   // cancel-all time, INT64_MAX: none
    struct funding *funding;
    int64_t funding_count, funding_size, funding_done;
    int64_t trade_id;
    struct book *book;   // NULL: a market of bars
    struct book
        *visible;   // a market that mirrors another exchange's: the book as that one shows it; else NULL
    struct tape *tape;
    struct mark *mark;   // makes the mark price; NULL: nothing here does
    int64_t mark_e8;     // the mark price, made or handed in from outside; 0: the last price stands for it
    bool mark_fixed;     // it is what a kline says of this instant, the bar's open or close (sim/mark_bar.h)
    bool moved;          // traded since the last book_settle
};

// What positions are valued at and liquidated by.
static inline bool market_marked(const struct market *m) { return m->mark_e8 != 0; }
static inline int64_t market_mark_e8(const struct market *m) {
    return m->mark_e8 != 0 ? m->mark_e8 : m->last_e8;
}

struct window {
    int64_t length_us, start_us;
    int32_t used, limit;
};

struct exchange {
    struct exchange_config config;
    struct exchange_hooks hooks;
    int64_t now_us, start_us;
    int32_t symbol_count;
    struct symbol *symbols;
    struct market *markets;
    int32_t open_list[SYMBOLS_MAX];   // markets with an open bar
    int32_t open_count;
    int32_t held_count;   // markets with a position or a hold, for the sums below
    bool any_dirty;
    bool any_moved;
    bool dual_side, multi_assets;
    char listen_key[66];   // the last one given
    int64_t listen_until_us;
    uint64_t listen_keys;
    int64_t timer_us;   // the nearest funding, good-till date or countdown

    int64_t wallet_e8;     // all of it, isolated parts included
    int64_t isolated_e8;   // sum of the positions' isolated parts
    struct exchange_totals totals;
    int32_t
        fee_symbol;   // 1 + that of the coin in which fees are paid (its base asset); 0: USDT. Not kept in a snapshot
    int32_t reject_codes[REJECT_KINDS_MAX];
    int64_t reject_counts[REJECT_KINDS_MAX];
    int32_t reject_kinds;

    struct order **order_blocks;
    int64_t order_count, order_blocks_size;
    struct open_id *open_ids;              // uthash
    struct order *few_ids[OPEN_IDS_FEW];   // the first open orders, that stay out of it
    int32_t few_id_count;
    int32_t *id_slots;   // every order by client id, made on the first query (order_store.c)
    int64_t id_size, id_indexed;
    struct algo **algo_blocks;
    int64_t algo_count, algo_blocks_size;
    int32_t algo_open;
    struct algo *open_algo_ids;   // uthash

    struct trade_record *fills;
    int64_t fill_count, fill_size;
    struct income_row *incomes;
    int64_t income_count, income_size;

    struct window weight_1m, orders_10s, orders_1m;
    int32_t ignored;   // calls refused in a row: the way to a ban
    int64_t banned_until_us, ban_us;

    struct order_record ack;   // the row of the last single-order reply
    char batch_text[CALL_CANCEL_BATCH_MAX][MESSAGE_MAX];
    void *scratch;   // rows of list replies
    size_t scratch_size;
};

// Grows *memory so that `count` + 1 items of `item` bytes fit, doubling; stops the program when memory is
// out.
void *scratch_rows(struct exchange *x, int64_t count, size_t item);

// exchange.c: whether orders of the symbol are taken now; false, and the refusal.
bool market_trades(const struct market *m, struct reply *r);

// exchange.c: answers. reply_fail puts `code` with its text, `argument` in place of its %s; always returns
// false.
bool reply_fail(struct reply *r, int32_t code, const char *argument);
bool reply_fail_text(struct reply *r, int32_t code, const char *text);
void reply_rows(struct reply *r, int32_t kind, bool list, int32_t count, const void *rows);
void reply_status(struct exchange *x, struct reply *r, const char *text);
void reply_send(struct exchange *x, struct reply *r, uint64_t token, bool order_call);
void count_reject(struct exchange *x, int32_t code);
bool event_wanted(const struct exchange *x, int32_t kind);

// fast_forward.c: whether an account of several crossed positions is worth enough at the worst point of every open bar
// together, what positions of `symbol` are valued at having these extremes.
bool crossed_safe(const struct exchange *x, int16_t symbol, int64_t low_e8, int64_t high_e8);

// limits.c: counts a call; false: it is refused, *r says how.
bool windows_take(struct exchange *x, const struct call *c, struct reply *r);

#endif

// exchange.h: the simulated exchange, pure: calls in, replies and events out, prices fed from bars.
//
// Pure     no clock, socket, file or thread: every function takes `now_us`, the exchange's own clock, which
//          never goes back. One thread.
// Owner    exchange_new copies config and symbols. A reply's rows and an event's record are borrowed for the
//          call.
// Order    of one instant: what was due before it, then market, then calls in the order they came.
// Rules    every assumption about fills is in docs/backtest.md; codes and texts are
//          venue/binance/error_code.h's.
//
// How bars become prices. The driver opens a bar (exchange_bar) at its open time. The price then follows a
// path from the open over both extremes to the close at the last millisecond (open + interval - 1 ms), as `path` says
// (see enum path_rule): a random one, or straight lines with the extremes at one third and two thirds. Between the close of one bar and the open of the next there is no price: an order that would
// trade waits for the next open.
#ifndef MT_SIM_EXCHANGE_H
#define MT_SIM_EXCHANGE_H

#include "base/err.h"
#include "sim/book.h"
#include "sim/impact.h"
#include "sim/mark.h"
#include "sim/tape.h"
#include "trade/call.h"
#include "venue/binance/endpoint.h"
#include "trade/record.h"
#include "trade/symbol.h"

#include <stdbool.h>
#include <stdint.h>

enum path_rule {
    PATH_RANDOM,    // one of the paths that a market without drift could have taken, drawn by seed
    PATH_ADVERSE,   // the same, and what it leaves open resolved against the account
    PATH_OHLC,      // open, high, low, close
    PATH_OLHC,      // open, low, high, close
    PATH_NEAREST    // the extreme nearer the open first; low when equal
};

enum fill_rule {
    TOUCH_THROUGH,   // a resting limit order fills when the price goes beyond it by at least a tick
    TOUCH_AT         // ... when the price reaches it
};

struct exchange_config {
    int64_t wallet_e8;            // starting USDT
    int64_t maker_e8, taker_e8;   // fee rates (0.0002 = 20000)
    int64_t
        slippage_e8;     // of taker fills, as a ratio of price, always against the taker, rounded to the tick
    uint8_t impact;      // enum impact_model: how an order's size moves its own price, on top of the slippage
    int64_t impact_e8;   // the model's coefficient
    int32_t leverage;    // of every symbol at the start
    uint8_t margin_type;                        // enum margin_type at the start
    bool dual_side;                             // hedge mode at the start
    uint8_t path;                               // enum path_rule
    uint64_t path_seed;                         // of random paths
    uint8_t touch;                              // enum fill_rule
    bool enforce_limits;                        // false: count but never refuse
    int32_t weight_1m, orders_10s, orders_1m;   // rows of rateLimits
    int64_t order_id_first;   // id of the first order, the next ones count on; 0: a small one
    uint64_t event_mask;      // bit 1 << enum record_kind: stream events wanted (others are not made)
};

// One answer. `rows` is borrowed until the callback or exchange_call returns.
struct reply {
    int32_t status;   // HTTP status: 200, 400, 429...
    int32_t code;     // 0, or the exchange's negative code
    uint8_t kind;     // enum record_kind; RECORD_ERROR when code != 0
    bool list;
    int32_t count;   // rows
    const void *rows;
    char message[160];                         // text of an error
    int32_t retry_after_s;                     // 429, 418
    int32_t used_weight_1m;                    // -1: header not sent
    int32_t order_count_10s, order_count_1m;   // -1: header not sent
    // For batch calls the rows are not uniform: entry i failed when batch_code[i] != 0, and then row i is
    // void.
    int32_t batch_code[CALL_CANCEL_BATCH_MAX];
    const char *batch_message[CALL_CANCEL_BATCH_MAX];
};

// One bar, as the driver hands it over.
struct exchange_bar {
    int64_t open_us, close_us;   // close_us = open + interval - 1 ms
    int64_t open_e8, high_e8, low_e8, close_e8, volume_e8;
};

struct exchange_hooks {
    void *ctx;
    // The answer to the call submitted with `token`; may come from inside exchange_call or from a later
    // function.
    void (*reply)(void *ctx, uint64_t token, const struct reply *reply, int64_t now_us);
    // A user data stream event (RECORD_ORDER_UPDATE, RECORD_ALGO_UPDATE, RECORD_ACCOUNT_UPDATE...); events
    // come in order, and those a call causes come before its reply.
    void (*event)(void *ctx, int32_t kind, const void *record, int64_t now_us);
    // Bars for GET klines: fills rows[0..limit-1], oldest first, with the last `limit` bars of that interval
    // whose open_us is in [start_us, end_us], the forming one included as far as `now_us`; returns how many,
    // or -1 when the interval cannot be made. start_us 0: from the end backwards; otherwise from start_us
    // forwards.
    int32_t (*klines)(void *ctx, int16_t symbol, int32_t interval, int64_t start_us, int64_t end_us,
                      int32_t limit, int64_t now_us, struct kline_record *rows);
    // The same of the mark price, the index or the premium (EP_MARK_KLINES, EP_INDEX_KLINES, EP_PREMIUM_KLINES); -2:
    // there are none of the symbol, and the last price stands for them. NULL: there never are.
    int32_t (*other_klines)(void *ctx, int32_t endpoint, int16_t symbol, int32_t interval, int64_t start_us,
                            int64_t end_us, int32_t limit, int64_t now_us, struct kline_record *rows);
    // Bars of a symbol beside the one that opens at open_us, at most `most` before it and `most` after it, in any order;
    // returns how many. Asked once a bar, when its path is drawn: they say how far the market moves. NULL: none.
    int32_t (*bars_around)(void *ctx, int16_t symbol, int64_t open_us, int32_t most,
                           struct exchange_bar *rows);
    // Markets with a book: a trade of anyone. `maker` of the record says that the buyer was the maker.
    void (*trade)(void *ctx, const struct trade_record *trade, int64_t now_us);
};

struct exchange;

struct exchange *exchange_new(const struct exchange_config *config, const struct symbol *symbols,
                              int32_t symbol_count, const struct exchange_hooks *hooks, int64_t now_us);
void exchange_free(struct exchange *x);

// Kinds of events that are wanted from now on, beside those of the configuration: bit 1 << enum record_kind.
void exchange_want_events(struct exchange *x, uint64_t mask);

// A call arrives. `token` comes back with the reply. The call is copied as far as it is kept.
void exchange_call(struct exchange *x, const struct call *call, uint64_t token, int64_t now_us);

// A bar of a symbol opens at now_us == bar->open_us. Orders waiting for the open are matched, then the path
// begins.
void exchange_bar(struct exchange *x, int16_t symbol, const struct exchange_bar *bar, int64_t now_us);

// The mark price's kline beside the bar that comes next of a symbol, before it opens or is passed over; told of anew for
// each bar. Without (NULL) the last price stands for the mark price in that bar. sim/mark_bar.h says how it moves.
void exchange_mark_bar(struct exchange *x, int16_t symbol, const struct exchange_bar *mark);

// Whether a symbol of bars is traded. What names it before its first bar is refused with -1121 where it needs a
// price; after its last one orders are refused with -4108.
enum listing { LISTED, LISTED_LATER, LISTED_NO_MORE };

// The symbol has no price before its first bar, which lists it by itself (LISTED_LATER), or its last bar has closed
// (LISTED_NO_MORE): its orders, conditional ones included, then expire, and its positions stay, valued at its last price.
void exchange_listing(struct exchange *x, int16_t symbol, enum listing listing, int64_t now_us);

// When something happens next inside the exchange by itself (an order touched on a path, a trigger, a
// liquidation, a funding payment, a good-till date, a countdown); INT64_MAX when nothing will before the next
// call or bar. Cheap.
int64_t exchange_next_us(struct exchange *x);

// Lets time pass until now_us, and all that is due happen. Bars whose close_us <= now_us are then closed.
void exchange_advance(struct exchange *x, int64_t now_us);

// True when the open bars and the next bar of `symbol` with these extremes cannot touch anything of the
// account: no order rests, waits or triggers within them, no position could be liquidated, no funding is due
// up to close_us. Where marks are told, that of the coming bar must have been. The driver may then skip the bar with exchange_fast_forward instead of opening and
// advancing through it.
bool exchange_can_fast_forward(const struct exchange *x, int16_t symbol, int64_t low_e8, int64_t high_e8,
                               int64_t close_us);
void exchange_fast_forward(struct exchange *x, int16_t symbol, const struct exchange_bar *bar);

// While nothing rests, waits or is held: the time until which every bar may be skipped unseen, that of the
// next funding, good-till date or countdown (INT64_MAX: none). INT64_MIN while the account has anything a
// price could touch. The driver owes one exchange_fast_forward with the last such bar before it calls
// anything else.
int64_t exchange_fast_forward_until(const struct exchange *x);

// Adds a funding payment at time_us (rate e8, positive: longs pay); times must rise per symbol. mark_e8 0:
// the last price.
int exchange_funding(struct exchange *x, int16_t symbol, int64_t time_us, int64_t rate_e8, int64_t mark_e8);

// The contract has other rules, or another status, from now on. Not its name, its assets or its brackets.
void exchange_rules(struct exchange *x, int16_t symbol, const struct symbol *rules);

// From now on fees are paid in a symbol's base asset, by its price; SYMBOL_NONE: in USDT again. How much the account has of it is
// nobody's concern.
void exchange_fee_coin(struct exchange *x, int16_t symbol);

// Money that comes to the account from outside, or (negative) leaves it: no result of its trading. False: so much is not free.
bool exchange_transfer(struct exchange *x, int64_t amount_e8, int64_t now_us);

// What the account is worth: wallet plus unrealized result at the last prices. Exact.
int64_t exchange_equity_e8(const struct exchange *x);
int64_t exchange_wallet_e8(const struct exchange *x);
int64_t exchange_unrealized_e8(const struct exchange *x, int16_t symbol,
                               int32_t position_side);   // of one position

// Signed amount held (side POSITION_BOTH in one-way mode), its entry price, and the last price of a symbol
// (0: none).
int64_t exchange_position_e8(const struct exchange *x, int16_t symbol, int32_t position_side);
int64_t exchange_entry_e8(const struct exchange *x, int16_t symbol, int32_t position_side);
int64_t exchange_last_e8(const struct exchange *x, int16_t symbol);

// The price on the path at now_us and the extremes so far, of the bar now open; false when no bar is open.
bool exchange_forming(const struct exchange *x, int16_t symbol, int64_t now_us, struct exchange_bar *out);

// The mark price's kline as far as now_us; false when no bar is open or the one that is has none.
bool exchange_mark_forming(const struct exchange *x, int16_t symbol, int64_t now_us,
                           struct exchange_bar *out);

// ---- markets with a book (sim/book_match.h) ----
//
// From exchange_open_book on, prices of the symbol come from its book and no bar may be opened. Others are
// all traders but the account.

// An empty book that counts its updates on from update_id, and the price of the last trade before.
void exchange_open_book(struct exchange *x, int16_t symbol, int64_t update_id, int64_t last_e8);
const struct book *exchange_book_of(const struct exchange *x, int16_t symbol);   // NULL: a market of bars
struct tape *exchange_tape(struct exchange *x, int16_t symbol);

// From now on the symbol has an index and a mark price of its own and pays funding by its own rate
// (sim/mark.h); the tape's past gets its part of both. Before it, and in a market of bars, the mark price is
// the last one.
void exchange_make_mark(struct exchange *x, int16_t symbol, uint64_t seed);

// Others add to a level that does not cross, take away from it, or trade at the book's prices as far as
// `limit_e8`. What they cancel or take is cut to what is there; a take answers with what it took, the
// account's orders included.
void exchange_background_add(struct exchange *x, int16_t symbol, int32_t side, int64_t price_e8,
                             int64_t qty_e8, int64_t now_us);
void exchange_background_cancel(struct exchange *x, int16_t symbol, int32_t side, int64_t price_e8,
                                int64_t qty_e8, int64_t now_us);
int64_t exchange_background_take(struct exchange *x, int16_t symbol, int32_t side, int64_t qty_e8,
                                 int64_t limit_e8, int64_t now_us);

// What of a level is the account's.
int64_t exchange_own_at_e8(const struct exchange *x, int16_t symbol, int32_t side, int64_t price_e8);

// An order by its id, open or final; NULL: none, or refused at entry.
const struct order_record *exchange_order(const struct exchange *x, int64_t order_id);
// The n-th order since the start, from 0, and the n-th conditional one; NULL past the last. A refused one
// that is in no history (FOK, GTX) is passed over: `*hidden`.
const struct order_record *exchange_order_at(const struct exchange *x, int64_t n, bool *hidden);
const struct algo_record *exchange_algo_at(const struct exchange *x, int64_t n);

const struct symbol *exchange_symbol(const struct exchange *x, int16_t symbol);

// Whether `key` is the listen key now in force; and its end before its time.
bool exchange_listen_key(const struct exchange *x, const char *key);
void exchange_drop_listen_key(struct exchange *x);

// Market data outside of calls, for streams: 24-hour statistics with best prices, and mark price with
// funding.
void exchange_ticker(struct exchange *x, int16_t symbol, struct ticker_record *out);
void exchange_mark(const struct exchange *x, int16_t symbol, struct mark_record *out);

// The limit windows as they stand: calls counted in the current ones.
struct exchange_windows {
    int32_t weight_1m, orders_10s, orders_1m;
    int64_t banned_until_us;
};
struct exchange_windows exchange_windows(struct exchange *x, int64_t now_us);

// Weight taken by what is no call (the handshake of a WebSocket): as exchange_call counts, without refusing.
void exchange_charge(struct exchange *x, int32_t weight, int64_t now_us);

// Sums since the start, for the report. All money e8.
struct exchange_totals {
    int64_t orders, fills, liquidations, rejected, canceled, expired;
    int64_t fees_e8, maker_fees_e8, taker_fees_e8, funding_e8, realized_e8, insurance_e8, notional_e8;
    int64_t rate_limited;   // calls answered 429 or 418
    int64_t maker_fills;
    // Of the fills, those inside a bar: their moment or price is not in the data but drawn from the path
    // between the bar's four prices. And of realized_e8, what they booked.
    int64_t inside_fills, inside_realized_e8;
    int64_t rounding_e8;   // what takers paid because their price was rounded to the tick against them
};
const struct exchange_totals *exchange_totals(const struct exchange *x);

// Refusals by code, in the order first met: how many there are, and the i-th code with its count.
int32_t exchange_reject_count(const struct exchange *x);
void exchange_reject(const struct exchange *x, int32_t index, int32_t *code, int64_t *count);

// Every fill since the start, oldest first (struct trade_record), for the trade list; valid until the next
// function.
int64_t exchange_fill_count(const struct exchange *x);
const struct trade_record *exchange_fill(const struct exchange *x, int64_t index);

// Every row of income since the start, oldest first, in the order of booking.
int64_t exchange_income_count(const struct exchange *x);
struct income_record exchange_income(const struct exchange *x, int64_t index);

// How liquid the symbol is from now on, for exchange_config.impact (sim/impact.h): what an order's size is measured
// against, and for the square root the volatility of the same span as a ratio.
void exchange_liquidity(struct exchange *x, int16_t symbol, int64_t volume_e8, int64_t volatility_e8);

#endif

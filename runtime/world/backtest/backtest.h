// backtest.h: the backtest world: virtual clock, bars, the dispatcher and the simulated exchange in one pump.
//
// Lua drives: it asks for the next thing to do (`next`) and the pump moves virtual time no further
// than needed. Nothing here ever calls Lua, so LuaJIT may compile straight through these calls.
//
// Time     the clock jumps to the next event. Of one instant: what is due inside the exchange, bars that
//          open, requests that arrive, answers that return, then what is delivered to the script.
// Owner    the world owns its dispatcher, exchange and operations; series are borrowed for its life.
// Delivery bars and stream events wait until the script asks for them (`wants`), in time order; while a
//          handler waits for an answer the market goes on and its bars queue up behind.
#ifndef MT_WORLD_BACKTEST_BACKTEST_H
#define MT_WORLD_BACKTEST_BACKTEST_H

#include "api/config.h"
#include "api/dispatcher.h"
#include "data/series.h"
#include "world/backtest/synthetic_market.h"
#include "execution/api_call.h"
#include "sim/exchange.h"
#include "sim/faults.h"
#include "world/equity.h"
#include "world/world.h"
#include "trade/call.h"

#include <stdbool.h>
#include <stdint.h>

struct backtest_options {
    struct exchange_config exchange;
    struct api_config api;
    int64_t latency_us;   // one way
    int64_t from_us;      // bars that open before are history, for GET klines; 0: none are
    bool record_points;
    bool always_listed;   // bars that begin late or end early are a gap of the data: orders wait for the next
    const struct faults
        *faults;   // copied; NULL: nothing goes wrong, and then requests never time out in flight
};

struct backtest;

struct backtest *backtest_new(const struct backtest_options *o, const struct symbol *symbols,
                              int32_t symbol_count, struct errmsg *e);
void backtest_free(struct backtest *b);
struct exchange *backtest_exchange(struct backtest *b);
const struct equity_track *backtest_equity(const struct backtest *b);

// What the script's side does with it. Of `next`: WORLD_PAUSE comes when backtest_until is reached. Names of new orders
// are of this run's own making: "moontide-1", "moontide-2"...
const struct world_functions *backtest_functions(void);

// The bars that move the exchange's price of a symbol; one series a symbol, before backtest_start.
int backtest_market(struct backtest *b, int16_t symbol, const struct series *s);
// Klines of the mark price, the index or the premium (series.kind) of a symbol that has bars, one series a kind. Those of
// the mark price move it (sim/mark_bar.h) where they are no longer than the bars, and part them evenly.
int backtest_other(struct backtest *b, int16_t symbol, const struct series *s);
// Bars delivered to the script; the feed's number, by rising call. Of one instant they come in this order.
int32_t backtest_deliver(struct backtest *b, int16_t symbol, const struct series *s);
// Payments from from_us to to_us, on the mark price that begins at their time; NULL, or none there: on the last price.
int backtest_funding(struct backtest *b, int16_t symbol, const struct funding_series *f,
                     const struct series *mark, int64_t from_us, int64_t to_us);
// Sets the clock to the first bar.
int backtest_start(struct backtest *b, struct errmsg *e);

// A world without data, instead of markets, funding and backtest_start: its market makes itself from start_us
// (a full minute) on.
int backtest_synthetic_market(struct backtest *b, const struct synthetic_options *o, int32_t symbol_count,
                              int64_t start_us, struct errmsg *e);
// Its bars delivered to the script, as backtest_deliver.
int32_t backtest_deliver_synthetic(struct backtest *b, int16_t symbol, int32_t interval);

// Time goes no further than this until told otherwise: `next` then stands there and answers
// WORLD_PAUSE.
void backtest_until(struct backtest *b, int64_t until_us);
// When the next thing happens; INT64_MAX: nothing will. And how many operations have not settled.
int64_t backtest_due_us(struct backtest *b);
int32_t backtest_pending(const struct backtest *b);

// Bars of GET klines as the exchange hook, for the script's own warm-up reads.
int32_t backtest_klines(void *ctx, int16_t symbol, int32_t interval, int64_t start_us, int64_t end_us,
                        int32_t limit, int64_t now_us, struct kline_record *rows);

#endif

// private.h: what the files of the backtest world share.
//
//     backtest.c         the pump: bars, timers, operations, equity, what comes next
//     latency_link.c     requests on their way there and back, faults on it, the user data stream
//     marks.c            klines of mark price, index and premium beside the bars
//     liquidity.c        what an order's size is measured against
//     klines.c  bars that the script asks for
#ifndef MT_WORLD_BACKTEST_PRIVATE_H
#define MT_WORLD_BACKTEST_PRIVATE_H

#include "base/assert.h"
#include "world/backtest/backtest.h"
#include "execution/gateway.h"
#include "world/pump.h"
#include "trade/stream_event.h"

#define NEVER INT64_MAX

// What traded before a bar, summed over a window that moves along (liquidity.c).
struct liquidity {
    int64_t from, to;   // bars of the window
    double volume_e8, squares;
};

struct market {
    const struct series *series;
    int64_t next;            // the bar not yet opened
    int64_t open_close_us;   // close of the bar now open, NEVER when none is
    int16_t symbol;
    bool delisted;   // its bars have ended, and the exchange knows
    struct liquidity liquidity;
    const struct series *others[SERIES_KIND_COUNT];   // of mark price, index and premium; NULL: none
    int64_t mark_next;   // of the mark price's: the kline before which all belong to bars that have opened
};

struct feed {
    const struct series *series;
    int64_t next;     // the bar not yet delivered
    int64_t due_us;   // when it is
    int16_t symbol;
};

struct travel {   // something under way for `latency`
    int64_t at_us;
    struct api_call *op;
    uint32_t attempt;      // of the op, when it set out; another one by now: nobody waits for this
    struct call *orphan;   // what was given up on its way up still arrives: its call and its batch
};

struct ring {   // of travels, by time; grows by doubling
    struct travel *items;
    uint32_t head, count, capacity;
};

struct event_ring {
    struct stream_event *items;
    uint32_t head, arrived, count,
        capacity;   // the first `arrived` of `count` have reached the script's side
};

struct backtest {
    struct pump pump;   // first
    struct exchange *exchange;
    int64_t latency_us, from_us;
    int64_t last_close_us;   // of all bars
    bool always_listed;
    uint64_t events_wanted;
    struct market markets[WORLD_FEEDS_MAX];
    struct feed feeds[WORLD_FEEDS_MAX];
    int32_t market_count, feed_count;
    struct faults *faults;   // NULL: none
    struct gateway *gateway;
    struct ring up, down;
    struct event_ring events;
    struct stream_event delivered;
    uint8_t impact;   // enum impact_model
    int64_t client_ids;
    int64_t idle_bars;               // bars ahead, within the day, that cannot touch the account
    bool behind;                     // idle bars have passed that the exchange has not seen
    struct synthetic_market *made;   // NULL: bars
    int64_t until_us;                // time may not pass it
    bool dispatcher_dirty, exposed, started, paused;
};

static inline void *must(void *block) {
    ASSERT(block != NULL);   // a backtest that is out of memory has nothing to save
    return block;
}

// backtest.c
int64_t backtest_bar_close_us(const struct series *s, int64_t i);
struct exchange_bar backtest_bar_at(const struct series *s, int64_t i);
void backtest_submit_internal(struct backtest *b, struct api_call *call, pump_done done, int64_t number);
const struct market *backtest_market_of(const struct backtest *b, int16_t symbol);   // NULL: it has none

// liquidity.c: tells the exchange how liquid the symbol is in the bar that opens, as its model of impact needs it.
void liquidity_tell(struct backtest *b, struct market *m, int64_t bar);

// marks.c: klines of mark price, index and premium. Tells the exchange the mark price's beside the bar `bar` of m;
// struct exchange_hooks.other_klines.
void marks_tell(struct backtest *b, struct market *m, int64_t bar);
int32_t marks_klines(void *ctx, int32_t endpoint, int16_t symbol, int32_t interval, int64_t start_us,
                     int64_t end_us, int32_t limit, int64_t now_us, struct kline_record *rows);

// klines.c. What klines are made from: the first `closed` bars of a series and the one that forms.
struct kline_source {
    const struct series *series;
    int64_t closed;
    int16_t symbol;
    bool is_forming;
    struct exchange_bar forming;
};
// As struct exchange_hooks.klines.
int32_t klines_fill(const struct kline_source *from, int32_t interval, int64_t start_us, int64_t end_us,
                    int32_t limit, int64_t now_us, struct kline_record *rows);

// klines.c: struct exchange_hooks.bars_around.
int32_t backtest_bars_around(void *ctx, int16_t symbol, int64_t open_us, int32_t most,
                             struct exchange_bar *rows);

// latency_link.c. Of one instant: what arrives at the exchange, then what is heard of it, then answers.
struct gateway *latency_link_gateway(struct backtest *b, bool faults);
void latency_link_on_reply(void *ctx, uint64_t token, const struct reply *reply,
                           int64_t now_us);   // hooks of the exchange
void latency_link_on_event(void *ctx, int32_t kind, const void *record, int64_t now_us);
int64_t latency_link_next_us(const struct backtest *b);
bool latency_link_busy(const struct backtest *b);   // something is under way
void latency_link_advance(struct backtest *b, int64_t now_us);
struct stream_event *latency_link_event(
    struct backtest *b);   // the oldest that has arrived and that the script wants, or NULL
void latency_link_event_pop(struct backtest *b);
void latency_link_free(struct backtest *b);

#endif

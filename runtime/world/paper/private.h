// private.h: what the files of paper trading share. The account's requests go to a simulated exchange in this process,
// everything else to the real one, whose market the simulated one follows (sim/mirror.h).
//
//     paper.c          the account: its exchange, what it is worth
//     paper_link.c     requests, answers and events under way
//     account_file.c   the account on disk
//     market_feed.c    what the exchange tells of its market
//
// Way      a request takes `latency` there, its answer and the events it causes `latency` back.
// Blind    while a symbol's market is not known, orders that need its price wait; all else goes on:
//
//                 depth read, mark fresh, trades complete, market stream runs
//          BLIND -----------------------------------------------------------> SEEING
//            ^    the book stream or the market stream broke, trades are        |
//            |    missing, no mark price for MARK_AGE_US, or best prices        |
//            +--- have left most of the depth told last (shallow) <-------------+
//
//          An order that has waited for longer than a request may fails as on a dead network: not a byte left.
//          Trades missed meanwhile are fetched and fill what they would have filled.
// Account  one file, one process: written whole a few seconds after a change, and at the end.
#ifndef MT_WORLD_PAPER_PRIVATE_H
#define MT_WORLD_PAPER_PRIVATE_H

#include "execution/reconnect.h"
#include "world/live/core.h"
#include "world/paper/paper.h"
#include "world/paper/account_file.h"
#include "sim/mirror.h"
#include "world/paper/paper_link.h"

enum { PAPER_DEPTH = 20 };
#define MARK_AGE_US INT64_C(5000000)   // mark prices come every second

// What is known of a symbol's market. Its trades are those of world/live/market.c, which misses none.
struct paper_symbol {
    bool asked, depth_known;   // depth: since the connection was opened
    bool funding_known;        // what was paid while the account was not running
    struct funding_record *funding;
    int32_t funding_count;
    int64_t last_e8;   // before the market is open here
    struct mark_record mark;
    int64_t mark_us;   // when it came, by our clock
    struct level_record bids[PAPER_DEPTH], asks[PAPER_DEPTH];
    int32_t bid_count, ask_count;   // of the depth told last
    int64_t update_id;              // of the book told last
    bool shallow;   // best prices have left most of the depth told last: the next is about to come
};

struct paper {
    struct exchange *x;   // NULL until the market is known for the first time
    struct paper_link link;
    struct paper_symbol *symbols;
    struct ws_client *books;   // quotes and depth; NULL while closed
    bool books_open, books_were_open;
    int64_t retry_us;
    struct reconnect reopen;
    bool started;
    int64_t round;         // of looking at the market: answers to an earlier one are old
    int64_t look_due_us;   // when what could not be read is read again, 0: nothing
    int64_t now_us;        // the exchange's clock as the account has seen it: never falls

    struct account_file file;
    struct snapshot *snapshot;   // the exchange before this run, until it is taken up
    bool resumed;
    struct paper_account account;
    char *run, *state;   // of the script, for the account's file; NULL: not told
    size_t state_size;
    int64_t point_us;   // the last time equity was looked at
};

static inline struct paper *paper_of(const struct live *l) { return l->simulated; }

// paper.c
void paper_begin(struct live *l);   // the market is known: the account enters it
int64_t paper_clock(struct live *l);
void paper_value(struct live *l);   // prices have changed: what the account is worth

// market_feed.c
void paper_start(struct live *l);
void paper_stop(struct live *l);
bool paper_ready(const struct live *l);
bool paper_sees(const struct live *l, int16_t symbol);   // SYMBOL_NONE: all of them
void paper_advance(struct live *l, int64_t now_us);
int64_t paper_due_us(const struct live *l);
void paper_trade(struct live *l, const struct agg_trade_record *t);
void paper_mark(struct live *l, const struct mark_event *m);

#endif

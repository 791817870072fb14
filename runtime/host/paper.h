// paper.h: paper trading inside the live world: the account's requests go to a simulated exchange in this process, everything
// else to the real one, whose market the simulated one follows (sim/follow.h).
//
//     paper.c          requests and events under way, the account on disk
//     paper_market.c   what the exchange tells of its market
//
// Way      a request takes `latency` there, its answer and the events it causes `latency` back.
// Blind    while the market is not known (its streams are cut) orders that need a price wait, and fail as on a dead network
//          once that takes longer than a request may; all else goes on. Trades missed meanwhile are fetched.
// Account  one file, one process: written whole a few seconds after a change, and at the end.
#ifndef MT_HOST_PAPER_H
#define MT_HOST_PAPER_H

#include "host/live_private.h"
#include "sim/follow.h"

enum { PAPER_DEPTH = 20 };

// What is known of a symbol's market.
struct paper_symbol {
    bool asked, depth_known, known;         // known: the book is true, and no trades are missing before it
    bool funding_known;                     // what was paid while the account was not running
    struct funding_record *funding;
    int32_t funding_count;
    int64_t last_e8;                        // before the market is open here
    struct mark_record mark;
    struct level_record bids[PAPER_DEPTH], asks[PAPER_DEPTH];
    int32_t bid_count, ask_count;
    int64_t update_id;                      // of the book told last
    int64_t trade_id;                       // of the aggregate trade told last, 0: none yet
    bool catching_up, numbered;             // numbered: of this connection, so that one told twice is seen
    struct agg_trade_record *held;          // of the stream, while those before them are fetched
    int32_t held_count, held_size;
};

struct parcel;                              // a request on its way
struct letter;                              // an answer or an event on its way back

struct paper {
    struct exchange *x;                     // NULL until the market is known for the first time
    struct transport wire;                  // of all that is not the account's
    struct paper_symbol *symbols;
    struct stream books, trades;            // the two addresses: quotes and depth; trades and mark prices
    bool started;
    intptr_t round;                         // of looking at the market: answers to an earlier one are old
    int64_t look_due_us;                    // when what could not be read is read again, 0: nothing
    int64_t now_us;                         // the exchange's clock as the account has seen it: never falls

    struct parcel *up, **up_end;
    struct letter *down, **down_end;

    char *state_path;
    int lock;                               // descriptor, -1: none
    void *saved;                            // the account before this run, until it is taken up
    size_t saved_size;
    bool dirty, resumed, writing;
    int64_t save_due_us;
    struct paper_account account;
    int64_t point_us;                       // the last time equity was looked at
    int64_t *day_us, *day_equity_e8;
    int64_t day_count, day_size;
};

// paper.c
int paper_open(struct live *l, struct errmsg *e);
void paper_close(struct live *l);
struct transport paper_transport(struct live *l);
void paper_begin(struct live *l);                    // the market is known: the account enters it
void paper_pump(struct live *l, int64_t now_us);
int64_t paper_next_us(const struct live *l);
int64_t paper_clock(struct live *l);
void paper_value(struct live *l);                    // prices have changed: what the account is worth

// paper_market.c
void paper_start(struct live *l);
void paper_stop(struct live *l);
bool paper_ready(const struct live *l);
bool paper_sees(const struct live *l, int16_t symbol);   // SYMBOL_NONE: all of them
void paper_advance(struct live *l, int64_t now_us);
int64_t paper_due_us(const struct live *l);

#endif

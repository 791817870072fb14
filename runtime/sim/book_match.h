// book_match.h: orders in a market with a limit order book. The account's orders stand in the book's levels
// among those of other traders, in the order of their coming; a trade takes a level from the front.
//
// In such a market no bar is ever opened: prices move by trades alone (exchange_background_take, and the
// account's own). Self-trade prevention (wire contract, section 5.5): a taker takes what stands before the
// account's first order of a level; when it would go on into that order, its mode says which of the two
// expires. NONE counts as EXPIRE_MAKER.
#ifndef MT_SIM_BOOK_MATCH_H
#define MT_SIM_BOOK_MATCH_H

#include "sim/engine.h"

// Refusals the book of the moment decides (-4131, -5021, -5022), before anything is recorded.
bool book_check(const struct market *m, const struct call *c, struct reply *r);

// Whether a limit order at that price would take.
bool book_crossed(const struct market *m, int32_t side, int64_t price_e8);

// A new or amended order, linked nowhere, meets the book: takes, then rests, expires or is done.
void book_enter(struct exchange *x, struct market *m, struct order *o);

// Called as a resting order is linked and unlinked: its part of the level comes and goes.
void book_join(struct market *m, struct order *o);
void book_leave(struct market *m, struct order *o);

// A trade of `qty` at a level: marks what comes to each of the account's orders there (taken_e8) after what
// stands before them, and tells how much in all. Then, once the level has given it: the fills.
int64_t book_share(struct market *m, int32_t side, int64_t price, int64_t qty);
void book_fill_shared(struct exchange *x, struct market *m, int64_t own);

// A resting order gets `qty`, which its level has given already; it may end on the way.
void book_fill_resting(struct exchange *x, struct market *m, struct order *o, int64_t qty);

// Of markets that follow (follow.c): what stands before an order at its price; FOLLOW_FAR: its price is out
// of view.
#define FOLLOW_FAR (INT64_MAX / 4)
int64_t mirror_queue_e8(const struct market *m, const struct order *o);

// Triggers, trailing stops and liquidations that new prices bring about.
void book_settle(struct exchange *x);

#endif

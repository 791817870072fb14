// resolver.h: what became of a request that may or may not have been carried out. Pure: no clock, no I/O.
//
//     sent --answered--> forgotten
//       \--doubt--> asked for, with CRITICAL priority, until the exchange answers or its user stream tells --> known
//
// Found    the order is there (of a modify or a cancel: it shows what was asked for): the op gets it as its answer.
// Absent   "no such order" proves nothing while the request may still be accepted, which it may until its stamp plus
//          recvWindow has passed on the exchange's clock, and a grace for what the exchange reads later than it writes. Only
//          from then on is it OUTCOME_NOT_EXECUTED, and the dispatcher may send it once more. Time alone never tells anything.
// Batches  each of a batch is asked for by its own id. Some found and some absent: the answer has both.
// Stream   from the moment a request leaves its order is listened for, since the stream often tells before a time-out does.
// Owner    ops are the caller's. resolver_free forgets what is still in doubt. One thread.
#ifndef MT_HOST_RESOLVER_H
#define MT_HOST_RESOLVER_H

#include "base/outcome.h"
#include "host/ops.h"

struct resolver;

struct resolver_hooks {
    void *ctx;
    // A clean operation: a look-up to be filled, or the stand-in for an op whose caller no longer waits.
    struct op *(*take)(void *ctx);
    // Hands a look-up to the dispatcher. Once it has settled, perhaps from inside, resolver_answered is to be called with `number`.
    void (*ask)(void *ctx, struct op *query, uint64_t number);
    // It is known: OUTCOME_DONE (op holds the answer), OUTCOME_REFUSED (op holds code and text) or OUTCOME_NOT_EXECUTED. Only
    // from resolver_pump. An op that resolver_abandon or the caller of resolver_reopen took is given back to the pool by the hook.
    void (*known)(void *ctx, struct op *op, enum outcome outcome);
    // The least the exchange's clock may show now; INT64_MIN while that is not known.
    int64_t (*exchange_us)(void *ctx);
};

struct resolver *resolver_new(const struct resolver_hooks *hooks);   // NULL when memory is short
void resolver_free(struct resolver *r);

// What an answer that is an error (status, code and message are in op) means: as venue/code.h, and a client id that is taken when
// the order is sent for a second time is its own: an earlier attempt arrived after all.
enum outcome resolver_outcome(const struct op *op);

// Whether an answer is about the order (or, of a batch, the orders) that the op names: one that is about another, or has impossible
// numbers, tells nothing of what was asked. True of every answer that names no order.
bool resolver_fits(const struct op *op);

// Whether a doubt about this op could be cleared up: new orders, amendments, cancels and batches of them.
bool resolver_can(const struct op *op);

// An attempt leaves, stamped so by the exchange's clock.
void resolver_sent(struct resolver *r, struct op *op, int64_t stamp_us, int64_t recv_window_us);
// It was answered, or certainly not executed.
void resolver_ended(struct resolver *r, struct op *op);
// Its outcome is unknown. False: that cannot be found out (it was not announced by resolver_sent, or is of another kind).
bool resolver_doubt(struct resolver *r, struct op *op, int64_t now_us);
// Nobody waits for op any more, and it is about to be used for something else. What is in doubt is found out all the same, for a
// stand-in with the same call: `known` tells. No effect on what is not in doubt.
void resolver_abandon(struct resolver *r, struct op *op);
// A doubt from before this process: an op of the pool that is with no dispatcher, holding the call.
void resolver_reopen(struct resolver *r, struct op *op, int64_t made_us, int64_t final_us, int64_t now_us);

// The user stream.
void resolver_heard_order(struct resolver *r, const struct order_update_record *u);
void resolver_heard_algo(struct resolver *r, const struct algo_update_record *u);

// The answer to a look-up; the query stays the caller's.
void resolver_answered(struct resolver *r, uint64_t number, const struct op *query, int64_t now_us);

// Asks what is due and tells what is known. When it has something to do next: INT64_MAX, nothing until an answer or an event.
void resolver_pump(struct resolver *r, int64_t now_us);
int64_t resolver_next_us(const struct resolver *r);

int32_t resolver_doubts(const struct resolver *r);   // requests in doubt

struct resolver_figures { int64_t found, refused, absent, heard, asked; };   // heard: of the found, those the stream told first
struct resolver_figures resolver_figures(const struct resolver *r);

#endif

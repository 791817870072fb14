// intents.h: between the dispatcher and the wire: a new order leaves when its intent is in the journal, and not before; what
// becomes of it is written there as it becomes known.
//
//     attempt --hold--> written --(journal says: down)--> leaves --> outcome written     an order sent once more needs no new
//                          \--(journal says: failed)--> refused, nothing leaves          intent: the first one is still open
//
// Journal  a small table of functions: store/journal.h live, a model in simulations. All its writes are carried out in order, and
//          none of those of one call apart from the others.
// Pure     no clock and no I/O of its own. One thread.
// Owner    ops and symbols are borrowed for its life.
#ifndef MT_HOST_INTENTS_H
#define MT_HOST_INTENTS_H

#include "base/outcome.h"
#include "host/ops.h"
#include "store/journal.h"
#include "venue/record_read.h"

struct intents;

struct intents_hooks {
    void *ctx;
    void (*intend)(void *ctx, const struct journal_intent *i, uint64_t tag);   // intents_down tells of a tag other than 0
    void (*settle)(void *ctx, const struct journal_outcome *o);
    void (*leave)(void *ctx, struct op *op);     // the attempt may be sent now
    void (*refuse)(void *ctx, struct op *op);    // its intent could not be written: it must not be sent
};

struct intents *intents_new(const struct intents_hooks *hooks, const struct ops *ops, const struct symbol_list *symbols);   // NULL: no memory
void intents_free(struct intents *in);

// An attempt is about to leave; exchange_us by the exchange's clock. True: it waits for its intent, and `leave` or `refuse` follows
// unless op->attempt changes before: it was given up, and never leaves. False: it needs none, or has it.
bool intents_hold(struct intents *in, struct op *op, int64_t exchange_us);
void intents_down(struct intents *in, uint64_t tag, int err);

// The request is over, as the dispatcher says; what is unknown stays open.
void intents_settled(struct intents *in, struct op *op, enum settle settle, int64_t exchange_us);
// What became of an op nobody waits for any more, or of one from before this process.
void intents_known(struct intents *in, struct op *op, enum outcome outcome, int64_t exchange_us);

// The user stream.
void intents_heard_order(struct intents *in, const struct order_update_record *u);
void intents_heard_algo(struct intents *in, const struct algo_update_record *u);

// Makes op ask for an order that the journal holds as open: an intent without an outcome, or an order not over. ERR_NOT_FOUND: its symbol is not among this run's.
int intents_reopen(struct intents *in, const struct journal_order *o, struct op *op);

#endif

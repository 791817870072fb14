// intent_log.h: between the dispatcher and the wire: a new order leaves when its intent is in the journal, and
// not before; what becomes of it is written there as it becomes known.
//
//     attempt --hold--> written --(journal says: down)--> leaves --> outcome written     an order sent once more needs no new
//                          \--(journal says: failed)--> refused, nothing leaves          intent: the first one is still open
//
// Journal  a small table of functions: store/journal.h live, a model in simulations. All its writes are
//          carried out in order, and none of those of one call apart from the others.
// Pure     no clock and no I/O of its own. One thread.
// Owner    ops and symbols are borrowed for its life.
#ifndef MT_EXECUTION_INTENT_LOG_H
#define MT_EXECUTION_INTENT_LOG_H

#include "base/outcome.h"
#include "execution/api_call.h"
#include "store/journal.h"
#include "venue/binance/record_read.h"

struct intent_log;

struct intent_log_hooks {
    void *ctx;
    void (*intend)(void *ctx, const struct journal_intent *i,
                   uint64_t tag);   // intent_log_down tells of a tag other than 0
    void (*settle)(void *ctx, const struct journal_outcome *o);
    const char *(*problem)(void *ctx);   // what was wrong with the last write that failed. NULL: not told
};

struct intent_log *intent_log_new(const struct intent_log_hooks *hooks, const struct api_call_pool *ops,
                                  const struct symbol_list *symbols);   // NULL: no memory
void intent_log_free(struct intent_log *in);

// Whether the journal keeps an intent of such a call: it makes orders.
bool intent_log_makes(const struct api_call *op);

// An attempt is about to leave; exchange_us by the exchange's clock. True: it waits until its intent is
// written. False: it needs none, or has it.
bool intent_log_hold(struct intent_log *in, struct api_call *op, int64_t exchange_us);
// The write with that tag is down, or failed (err). The call whose attempt waited for it: without err it may
// leave, with err it must not. NULL: none did, or it was given up meanwhile (op->attempt has changed).
struct api_call *intent_log_down(struct intent_log *in, uint64_t tag, int err);

// No attempt of it is under way, nor of unknown outcome: however it settles, it was not executed unless it is
// answered.
void intent_log_absent(struct api_call *op);

// The request is over, as the dispatcher says; what is unknown stays open.
void intent_log_settled(struct intent_log *in, struct api_call *op, enum settle settle, int64_t exchange_us);
// A cancel or an amendment was answered: the orders it shows are as they are now.
void intent_log_shown(struct intent_log *in, const struct api_call *op, int64_t exchange_us);
// What became of an op nobody waits for any more, or of one from before this process.
void intent_log_known(struct intent_log *in, struct api_call *op, enum outcome outcome, int64_t exchange_us);

// The user stream.
void intent_log_on_order(struct intent_log *in, const struct order_update_record *u);
void intent_log_on_algo(struct intent_log *in, const struct algo_update_record *u);

// Makes op ask for an order that the journal holds as open: an intent without an outcome, or an order not
// over. ERR_NOT_FOUND: its symbol is not among this run's.
int intent_log_reopen(struct intent_log *in, const struct journal_order *o, struct api_call *op);

#endif

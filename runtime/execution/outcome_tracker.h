// outcome_tracker.h: finds out what became of a request that may or may not have been executed. Pure: no clock, no I/O.
//
//     SENT --answered, or certainly not executed--> forgotten
//       |
//       +--unknown--> ASKED FOR, again and again, with CRITICAL priority
//                         |-- the exchange or its user stream shows the order --> DONE (or REFUSED, of an amendment)
//                         |-- "no such order", asked when it could no longer be accepted --> NOT EXECUTED
//                         +-- its caller gives up --> the same for a stand-in
//
// Found    the order is there (of an amendment or a cancel: it shows what was asked for): the call gets it as its answer.
// Absent   "no such order" proves nothing while the request may still be accepted, which it may until its stamp plus
//          recvWindow has passed on the exchange's clock, and a grace for what the exchange reads later than it writes.
//          Only a question that was asked after that proves that the request was not executed, and the dispatcher may
//          send it once more. Time alone never proves anything.
// Batches  each order of a batch is asked for by its own id. Some found and some absent: the answer has both.
// Stream   is listened to from the moment a request leaves, since it often shows an order before a time-out does.
// Owner    calls are the caller's. outcome_tracker_free forgets what is still unknown. One thread.
#ifndef MT_EXECUTION_OUTCOME_TRACKER_H
#define MT_EXECUTION_OUTCOME_TRACKER_H

#include "base/outcome.h"
#include "execution/api_call.h"
#include "execution/used_ids.h"

struct outcome_tracker;

struct outcome_tracker_hooks {
    void *ctx;
    // A clean operation: a look-up to be filled, or the stand-in for an op whose caller no longer waits.
    struct api_call *(*take)(void *ctx);
    // Hands a look-up to the dispatcher. Once it has settled, perhaps from inside, outcome_tracker_answered
    // is to be called with `number`.
    void (*ask)(void *ctx, struct api_call *query, uint64_t number);
    // It is known: OUTCOME_DONE (op holds the answer), OUTCOME_REFUSED (op holds code and text) or
    // OUTCOME_NOT_EXECUTED. Only from outcome_tracker_pump. An op that outcome_tracker_abandon or the caller
    // of outcome_tracker_reopen took is given back to the pool by the hook.
    void (*known)(void *ctx, struct api_call *op, enum outcome outcome);
    // The least the exchange's clock may show now; INT64_MIN while that is not known.
    int64_t (*exchange_us)(void *ctx);
};

struct outcome_tracker *outcome_tracker_new(
    const struct outcome_tracker_hooks *hooks);   // NULL when memory is short
void outcome_tracker_free(struct outcome_tracker *r);

// An attempt leaves, stamped so by the exchange's clock.
void outcome_tracker_sent(struct outcome_tracker *r, struct api_call *op, int64_t stamp_us,
                          int64_t recv_window_us);
// It was answered, or certainly not executed.
void outcome_tracker_ended(struct outcome_tracker *r, struct api_call *op);
// Its outcome is unknown. False: that cannot be found out (it was not announced by outcome_tracker_sent, or
// is of another kind).
bool outcome_tracker_unknown(struct outcome_tracker *r, struct api_call *op, int64_t now_us);
// Nobody waits for op any more, and it is about to be used for something else. An unknown outcome is found out all the
// same, for a stand-in with the same call: `known` reports it. No effect on what is not unknown.
void outcome_tracker_abandon(struct outcome_tracker *r, struct api_call *op);
// A request from before this process: a call of the pool that is with no dispatcher, holding the call.
void outcome_tracker_reopen(struct outcome_tracker *r, struct api_call *op, int64_t made_us, int64_t final_us,
                            int64_t now_us);

// The answer in op shows what the exchange made of the new orders in it: should a script use one of their client ids again, the
// older order is known by its id.
void outcome_tracker_made(struct outcome_tracker *r, const struct api_call *op);
// The same of an order of before this process, as the journal has it.
void outcome_tracker_used(struct outcome_tracker *r, const char *client_id, bool algo, int64_t id);

// The user stream.
void outcome_tracker_on_order(struct outcome_tracker *r, const struct order_update_record *u);
void outcome_tracker_on_algo(struct outcome_tracker *r, const struct algo_update_record *u);

// The answer to a look-up; the query stays the caller's.
void outcome_tracker_answered(struct outcome_tracker *r, uint64_t number, const struct api_call *query,
                              int64_t now_us);

// Asks what is due and reports what is known. When it has something to do next: INT64_MAX, nothing until an
// answer or an event.
void outcome_tracker_pump(struct outcome_tracker *r, int64_t now_us);
int64_t outcome_tracker_next_us(const struct outcome_tracker *r);

int32_t outcome_tracker_count(const struct outcome_tracker *r);   // requests of unknown outcome

struct outcome_tracker_figures {
    int64_t found, refused, absent, heard, asked;
};   // heard: of the found, those the stream showed first
struct outcome_tracker_figures outcome_tracker_figures(const struct outcome_tracker *r);

#endif

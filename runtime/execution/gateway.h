// gateway.h: the one place where an admitted request becomes bytes, and where its answer gets a meaning. Every world
// sends through it: live, paper, backtest and the simulation of orders. Pure: no clock, no I/O.
//
//                    its intent cannot be written                 +--> answered: done, refused, not executed,
//                   +---------------------------> refused         |    slow down          --> dispatcher_reply
//                   |                                             |
//   send --> [ JOURNAL ] --written--> [ CLOCK ] --known--> stamped, SENT --> answered: clock skew
//            new orders only           requests that        |     |             |
//                                      change something     |     |          [ SKEW ] --measured--> dispatcher_reply,
//                                      and are signed       |     |                                 sent once more
//   cancel: takes the call out of whatever it waits in <----+     +--> lost, unreadable, or about another order
//                                                                       |
//                        nothing can have changed --> dispatcher_reply  |
//                                                          [ UNRESOLVED ], see execution/outcome_tracker.h
//                                                                       |
//                            found, refused, or proven absent --> dispatcher_resolve; nobody waits: `resolved`
//
// Attempt  op->attempt rises when an attempt begins, when it is answered and when it is cancelled. A token names one
//          attempt: what comes back with an older token finds nobody and must be dropped.
// Owner    calls and all tables of functions are borrowed for the gateway's life. One thread.
// Units    microseconds. now_us is the dispatcher's clock, exchange_us and stamps are the exchange's.
#ifndef MT_EXECUTION_GATEWAY_H
#define MT_EXECUTION_GATEWAY_H

#include "api/dispatcher.h"
#include "execution/api_call.h"
#include "execution/intent_log.h"
#include "execution/outcome_tracker.h"

#define GATEWAY_CLOCK_UNKNOWN INT64_MAX

// How bytes leave. After each send one of gateway_answered, gateway_unreadable, gateway_lost, gateway_unsent or
// gateway_refuse must follow, perhaps from inside, unless the attempt is cancelled before.
struct gateway_link {
    void *ctx;
    void (*send)(void *ctx, struct api_call *op, int64_t stamp_us);
    // The attempt was given up: nobody waits for its answer. It may never have left. NULL: nothing to do.
    void (*cancel)(void *ctx, struct api_call *op);
    // Asks for the exchange's clock; gateway_clock_answered must follow, not from inside. False: that could not be sent.
    // NULL: the exchange's clock is always known.
    bool (*ask_clock)(void *ctx);
};

// What time it is.
struct gateway_time {
    void *ctx;
    int64_t (*now_us)(void *ctx);
    int64_t (*exchange_us)(void *ctx);   // the best estimate
    int64_t (*uncertainty_us)(
        void *ctx);   // how far that may be off; GATEWAY_CLOCK_UNKNOWN before it is measured
    void (*forget_exchange_us)(void *ctx);   // what was measured no longer holds. NULL with ask_clock NULL
};

// The world that the gateway serves.
struct gateway_world {
    void *ctx;
    // Submits a look-up of the gateway's own; gateway_settled must be told of its end, as of every request's.
    void (*look_up)(void *ctx, struct api_call *query);
    // What became of a call that nobody waits for any more, or of one from before this process. The call goes back to
    // the pool afterwards. NULL: not of interest.
    void (*resolved)(void *ctx, struct api_call *op, enum outcome outcome);
    // The exchange, or what answers in its place, asks for silence: nothing is sent for so long. NULL: not of interest.
    void (*slowed)(void *ctx, const struct api_call *op, int64_t pause_us);
};

struct gateway_options {
    struct gateway_link link;
    struct gateway_time time;
    struct gateway_world world;
    struct api_call_pool *calls;
    int64_t recv_window_us;   // how long after its stamp the exchange accepts a request
    bool lossless;            // every attempt is answered: no request is cancelled, none is looked up
};

struct gateway_figures {
    int64_t sent, answered, lost, unsent, skewed;   // attempts
    struct outcome_tracker_figures outcomes;
};

struct gateway;

struct gateway *gateway_new(const struct gateway_options *options);   // NULL when memory is short
void gateway_free(struct gateway *g);
struct transport gateway_transport(struct gateway *g);          // for dispatcher_new
void gateway_attach(struct gateway *g, struct dispatcher *d);   // before the first submit

// From now on a new order leaves only when its intent is in the journal. False when memory is short.
bool gateway_journal(struct gateway *g, const struct intent_log_hooks *hooks,
                     const struct symbol_list *symbols);
// The journal has written what bore the tag, or could not (err).
void gateway_written(struct gateway *g, uint64_t tag, int err);

// ---- for the link ----

// Names the attempt under way.
uint64_t gateway_token(const struct api_call *op);

// The call whose attempt has that token and is still waited for; NULL: it was given up or answered.
struct api_call *gateway_waiting(const struct gateway *g, uint64_t token);

// The answer is in op: status, code, message, rows, used limits.
void gateway_answered(struct gateway *g, struct api_call *op);
// For how long nothing is to be sent after an answer that asks for that and is none to a call (execution/slow_down.h); 0: the
// dispatcher's own short pause.
int64_t gateway_slow_down_us(struct gateway *g, int32_t status, int32_t code, const char *text,
                             int32_t retry_after_s);
// The exchange did something, but what it says of it cannot be read.
void gateway_unreadable(struct gateway *g, struct api_call *op, const char *problem);
// It left, and no answer will come.
void gateway_lost(struct gateway *g, struct api_call *op, const char *problem);
// Not a byte left.
void gateway_unsent(struct gateway *g, struct api_call *op, const char *problem);
// It must not be sent at all.
void gateway_refuse(struct gateway *g, struct api_call *op, int32_t code, const char *problem);

// Measures the exchange's clock, unless that is under way. True: an answer is awaited.
bool gateway_ask_clock(struct gateway *g);
bool gateway_clock_asked(const struct gateway *g);
// The answer to ask_clock has come, or never will: `time` shows what is known now.
void gateway_clock_answered(struct gateway *g);

// ---- for the world ----

// A request has settled. True: it was a look-up of the gateway's own, and is to be given back to the pool.
bool gateway_settled(struct gateway *g, struct api_call *op, enum settle settle, int64_t now_us);

// The user stream tells of an order: what is unresolved may be known by it. A RECORD_ORDER_UPDATE or
// RECORD_ALGO_UPDATE; other kinds have no effect.
void gateway_on_event(struct gateway *g, int32_t kind, const void *record);
// The same event, once it is certain and in its order, for the journal.
void gateway_journal_event(struct gateway *g, int32_t kind, const void *record);

// An order that an earlier process left open. gateway_reopen fills op with the call that made it (ERR_NOT_FOUND: its
// symbol is not among this run's); gateway_find_out, once the clock is known, begins to ask for it, and `resolved`
// tells. made_us is the intent's; taken: the exchange is known to have it.
int gateway_reopen(struct gateway *g, const struct journal_order *o, struct api_call *op);
void gateway_find_out(struct gateway *g, struct api_call *op, int64_t made_us, bool taken);

// An order of an earlier process, as the journal has it: its client id may be used again, and does not name it then.
void gateway_id_used(struct gateway *g, const char *client_id, bool algo, int64_t id);

// Asks what is due to be asked and tells what is known. When it has something to do next; INT64_MAX: nothing.
void gateway_pump(struct gateway *g, int64_t now_us);
int64_t gateway_next_us(const struct gateway *g);

int32_t gateway_unresolved(const struct gateway *g);   // requests whose outcome is being found out
struct gateway_figures gateway_figures(const struct gateway *g);

#endif

// api_call.h: one api call of a script, from its parameters to its answer, and the pool such calls come from.
//
// Owner    the pool owns its ops until api_call_pool_free; api_call_take hands one out, api_call_give takes
//          it back. Slots are stable: they name an op towards the exchange and the script's parked tasks.
#ifndef MT_EXECUTION_API_CALL_H
#define MT_EXECUTION_API_CALL_H

#include "api/request.h"
#include "sim/exchange.h"
#include "trade/call.h"

#include <stdbool.h>
#include <stdint.h>

// The journal's part of a new order (execution/intent_log.h).
enum intent_state {
    INTENT_NONE,
    INTENT_WAITS,    // not yet written
    INTENT_DOWN,     // written: attempts may leave
    INTENT_ABSENT,   // written, and no attempt left or each is proven absent
    INTENT_TAKEN     // the exchange had it, in a run before
};

struct fault_rule;
struct shared_request;

// Fill `call` and the request's priority and limits, then submit.
struct api_call {
    struct request request;
    struct call call;
    struct call *batch;   // five calls, made on demand by api_call_batch_item
    int64_t ids[CALL_CANCEL_BATCH_MAX];
    char client_ids[CALL_CANCEL_BATCH_MAX][CLIENT_ID_MAX];
    struct shared_request *shared;   // see coalesce.h
    struct api_call *followers;      // wait for this op's answer
    struct api_call *next_follower;
    int32_t slot;
    uint8_t settle;                  // enum settle
    uint8_t kind;                    // enum record_kind of the rows
    const struct fault_rule *fate;   // of the attempt under way; NULL: all goes well
    uint64_t lookup;    // the world's own question of that number about an unknown outcome; 0: none
    uint32_t attempt;   // rises with each attempt and when one is given up, over the op's whole life
    uint8_t intent;     // enum intent_state
    uint64_t exposure
        [CALL_BATCH_MAX];   // keys under which its orders count for the limits (exposure.h); 0: they do not
    bool no_share;          // never shares an answer
    bool done, list;
    int32_t status, code, count, retry_after_s;
    int32_t used_weight_1m, order_count_10s, order_count_1m;   // -1: not told
    uint64_t leader;   // id of the request whose answer it got; 0: its own
    void *rows;
    int64_t rows_size;
    char message[160];
    int32_t batch_code[CALL_CANCEL_BATCH_MAX];
    char batch_message[CALL_CANCEL_BATCH_MAX][96];
};

struct api_call_pool;

// NULL when memory is short, and so api_call_take.
struct api_call_pool *api_call_pool_new(void);
void api_call_pool_free(struct api_call_pool *o);

// With a clean call and request.
struct api_call *api_call_take(struct api_call_pool *o);
void api_call_give(struct api_call_pool *o, struct api_call *op);
struct api_call *api_call_at(const struct api_call_pool *o, int32_t slot);

// Its `index`-th sub-call, cleared (for batches). NULL when memory is short.
struct call *api_call_batch_item(struct api_call *op, int32_t index);

// Its answer is an error: the exchange's (status other than 0), or one of our own.
void api_call_fail(struct api_call *op, int32_t status, int32_t code, const char *message);

// Copies an answer, rows and all, from the exchange or from another op. False when memory is short.
bool api_call_keep_reply(struct api_call *op, const struct reply *reply);
bool api_call_copy_answer(struct api_call *op, const struct api_call *from);

// What the budgets are charged for the call, from its kind and parameters.
void api_call_price(struct api_call *op);

#endif

// order_sim_private.h: what the two files of the simulation share. Nobody else includes it.
//
//     order_sim.c        the client's process, its script, its lives, and the comparison of the books
//     order_sim_world.c  time and chance, the journal, the network, the exchange
#ifndef MT_TESTING_ORDER_SIM_PRIVATE_H
#define MT_TESTING_ORDER_SIM_PRIVATE_H

#include "api/dispatcher.h"
#include "base/rng.h"
#include "execution/intent_log.h"
#include "testing/order_sim.h"
#include "execution/outcome_tracker.h"
#include "sim/exchange.h"

#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define PRICE_E8 (INT64_C(20000) * 100000000)
#define LOW_E8 (INT64_C(19800) * 100000000)
#define STEP_E8 INT64_C(100000)
#define RECV_WINDOW (5 * SECOND)
#define ANSWER_TIMEOUT (3 * SECOND)
#define UNCERTAINTY (60 * MS)

enum { PENDING_MAX = 60, SKEWED_MAX = 4096 };

// What the script was told of an order.
enum belief {
    BELIEF_NONE,
    BELIEF_WAITS,
    BELIEF_DONE,
    BELIEF_REFUSED,
    BELIEF_NOT,
    BELIEF_UNKNOWN,
    BELIEF_CUT_OFF
};

struct order {
    int64_t quantity_e8, order_id, believed_e8;
    int64_t booked_e8, made_us;     // executed, and when it was made, by the journal
    int32_t accepted;               // how often the exchange took it
    uint8_t side, belief, booked;   // booked: enum journal_state
    bool over;                      // by the journal
    bool algo;                      // a conditional order; it is never triggered
    bool in_journal, unsure;        // unsure: what became of an amendment is not known
};

enum event_kind { ARRIVES, ANSWERS, TIMES_OUT, STREAMS, COMMITS, CLOCK_ANSWERS, SCRIPT_ACTS, BIRTH };

struct packet {
    struct call call, batch[CALL_BATCH_MAX];
    struct api_call *op;
    uint32_t attempt, life;
    int64_t stamp_us;
    bool answered, lose_answer, error_after, error_before;
    int32_t error_status;
    int64_t back_us;
    struct api_call answer;   // its rows
};

struct sim_stream_event {
    uint32_t life;
    int32_t kind;
    union {
        struct order_update_record order;
        struct algo_update_record algo;
    } u;
};

struct event {
    int64_t at_us, order;
    uint8_t kind;
    uint32_t life, attempt;
    struct api_call *op;
    void *body;
};

struct journal_write {
    int64_t number, executed_e8;
    uint64_t tag;
    uint8_t state;
    bool intent, over;
};
struct write_list {
    struct journal_write *items;
    int32_t count, size;
};

struct sim {
    struct order_sim_options o;
    struct order_sim_report *report;
    struct rng rng;
    int64_t now_us, offset_us;   // offset: the exchange's clock minus true time
    struct exchange *exchange;
    struct symbol symbol;
    struct symbol_list list;
    struct order *orders;
    int64_t made;
    struct event *heap;
    int32_t heap_count, heap_size;
    int64_t event_order;
    int32_t under_way, streaming;   // packets; events of the stream
    struct packet *arriving;        // its call is being executed
    bool calm;                      // the end: nothing goes wrong any more

    // The client's process.
    uint32_t life;   // 0 while there is none
    uint32_t lives;
    struct dispatcher *dispatcher;
    struct outcome_tracker *resolver;
    struct intent_log *intents;
    struct api_call_pool *ops;
    int64_t own_offset_us, believed_offset_us, silent_until_us, last_stream_us;
    bool clock_known, measuring;
    struct api_call *skewed[SKEWED_MAX];
    struct api_call *unstamped[SKEWED_MAX];   // wait for it before they leave
    int32_t skewed_count, unstamped_count, pending, reopened_left;
    int64_t kill_in;   // steps

    struct write_list waiting, carried;
    bool committing;

    char *text;
    size_t text_size;
};

// order_sim_world.c
int64_t sim_between(struct sim *s, int64_t low, int64_t high);
bool sim_chance(struct sim *s, int32_t per_mille);
void sim_finding(struct sim *s, int64_t number, const char *what);
void sim_push(struct sim *s, struct event e);
struct event sim_pop(struct sim *s);
int64_t sim_exchange_now(const struct sim *s);
int64_t sim_believed_now(const struct sim *s);
int64_t sim_number_of(const char *client_id);
void sim_intend(void *ctx, const struct journal_intent *i, uint64_t tag);
void sim_settle(void *ctx, const struct journal_outcome *o);
void sim_carry_out(struct sim *s);
void sim_start_commit(struct sim *s);
void sim_commit_done(struct sim *s);
void sim_on_reply(void *ctx, uint64_t token, const struct reply *r, int64_t now_us);
void sim_on_event(void *ctx, int32_t kind, const void *record, int64_t now_us);
void sim_free_packet(struct sim *s, struct packet *p);
void sim_arrive(struct sim *s, struct packet *p);

#endif

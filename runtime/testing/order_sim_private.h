// order_sim_private.h: what the files of the simulation share. Nobody else includes it.
//
//     order_sim.c         the course of events from the first order to the last
//     order_sim_client.c  the client's process and its lives: what the gateway stands on, and who it serves
//     order_sim_script.c  the script: which orders it sends, and what it is told of them
//     order_sim_world.c   time and chance, the journal, the network, the exchange
//     order_sim_books.c   what everybody's books must agree on
#ifndef MT_TESTING_ORDER_SIM_PRIVATE_H
#define MT_TESTING_ORDER_SIM_PRIVATE_H

#include "api/dispatcher.h"
#include "base/rng.h"
#include "api/clock.h"
#include "execution/gateway.h"
#include "testing/order_sim.h"
#include "sim/exchange.h"

#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define PRICE_E8 (INT64_C(20000) * 100000000)
#define LOW_E8 (INT64_C(19800) * 100000000)
#define STEP_E8 INT64_C(100000)
#define RECV_WINDOW (5 * SECOND)
#define ANSWER_TIMEOUT (3 * SECOND)

enum { PENDING_MAX = 60, PAUSE_EVERY = 2000 };

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

struct sim_order {
    int64_t quantity_e8, order_id, believed_e8;
    int64_t booked_e8, made_us;     // executed, and when it was made, by the journal
    int32_t accepted;               // how often the exchange took it
    uint8_t side, belief, booked;   // booked: enum journal_state
    bool over;                      // by the journal
    bool algo;                      // a conditional order; it is never triggered
    bool in_journal, unsure;        // unsure: what became of an amendment is not known
    bool write_failed;              // a write about it was not kept: the next life clears it up
};

enum event_kind {
    ARRIVES,
    ANSWERS,
    TIMES_OUT,
    STREAMS,
    COMMITS,
    CLOCK_ANSWERS,
    CLOCK_DUE,
    SCRIPT_ACTS,
    SCRIPT_GIVES_UP,
    BIRTH
};

struct packet {
    struct call call, batch[CALL_BATCH_MAX];
    uint64_t token;   // of the attempt that it carries
    uint32_t life;
    int64_t stamp_us, left_us;
    int32_t clock_sets;   // how often the exchange's clock had been set when it left
    bool stamp_excused;   // it was set since the client measured it, and the client may not know
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
    uint32_t life;
    uint64_t token;   // TIMES_OUT: of the attempt; SCRIPT_GIVES_UP: the request's id
    struct api_call *op;
    void *body;
};

struct sim_journal_write {
    int64_t number, executed_e8;
    uint64_t tag;
    uint8_t state;
    bool intent, over;
};
struct write_list {
    struct sim_journal_write *items;
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
    struct sim_order *orders;
    int64_t made, pause_at;   // orders; the script pauses at so many
    struct event *heap;
    int32_t heap_count, heap_size;
    int64_t event_order;
    int32_t under_way, streaming;   // packets; events of the stream
    struct packet *arriving;        // its call is being executed
    int32_t clock_sets;             // of the exchange's clock
    int64_t trouble_until_us;       // until then much is slow, and that clock is set again and again
    bool immortal;                  // nobody kills the client any more
    bool calm;                      // the end: nothing goes wrong any more

    // The client's process.
    uint32_t life;   // 0 while there is none
    uint32_t lives;
    struct dispatcher *dispatcher;
    struct gateway *gateway;
    struct api_call_pool *ops;
    struct server_clock clock;
    int64_t own_offset_us;   // the client's clock minus true time, while it has not measured the exchange's
    int64_t clock_asked_us,
        clock_server_us;                 // the exchange's clock as it was when asked; 0: when it answers
    int32_t asked_sets, measured_sets;   // how often that had been set when it was last measured
    int64_t silent_until_us, last_stream_us;
    int32_t pending, reopened_left;
    int64_t kill_in;   // steps

    struct write_list waiting, carried;
    bool committing;

    char *text;
    size_t text_size;
};

// order_sim_world.c
int64_t sim_between(struct sim *s, int64_t low, int64_t high);
bool sim_chance(struct sim *s, int32_t per_mille);
void sim_finding(struct sim *s, int64_t number, int64_t *kind,
                 const char *what);   // kind: a count of the report
void sim_push(struct sim *s, struct event e);
struct event sim_pop(struct sim *s);
int64_t sim_exchange_now(const struct sim *s);
int64_t sim_number_of(const char *client_id);
void sim_intend(void *ctx, const struct journal_intent *i, uint64_t tag);
void sim_settle(void *ctx, const struct journal_outcome *o);
void sim_carry_out(struct sim *s);
void sim_start_commit(struct sim *s);
void sim_commit_done(struct sim *s);
void sim_send(void *ctx, struct api_call *op, int64_t stamp_us);   // of struct gateway_link
bool sim_ask_clock(void *ctx);
void sim_on_reply(void *ctx, uint64_t token, const struct reply *r, int64_t now_us);
void sim_on_event(void *ctx, int32_t kind, const void *record, int64_t now_us);
void sim_free_packet(struct sim *s, struct packet *p);
void sim_arrive(struct sim *s, struct packet *p);
void sim_take_answer(struct sim *s, struct packet *p);
void sim_time_out(struct sim *s, uint64_t token);
void sim_clock_answers(struct sim *s);

// order_sim.c. Now and then the script waits until nothing is under way, and the journal is looked at.
bool sim_pauses(struct sim *s);

// order_sim_client.c
int64_t sim_client_exchange_us(void *ctx);   // the exchange's clock as the client knows it
struct api_call *sim_take_call(struct sim *s);
void sim_submit(struct sim *s, struct api_call *op);
void sim_free_client(struct sim *s);
void sim_kill_client(struct sim *s);
void sim_give_birth(struct sim *s);
void sim_client_begins(struct sim *s);

// order_sim_script.c
void sim_script_acts(struct sim *s);
void sim_script_gives_up(struct sim *s, const struct event *e);
void sim_script_told(struct sim *s, const struct api_call *op, enum settle how);
void sim_script_resolved(struct sim *s, const struct api_call *op);   // an order of an earlier life stands

// order_sim_books.c
void sim_compare_journal(struct sim *s);   // while nothing is under way
void sim_compare_books(struct sim *s);

#endif

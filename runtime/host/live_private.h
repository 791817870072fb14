// live_private.h: what the files of the live world share.
//
//     live.c          the pump: what comes next, timers, operations
//     live_wire.c     requests: signing, sending, reading answers, the clock, unknown outcomes
//     live_streams.c  the user data stream and bars
#ifndef MT_HOST_LIVE_PRIVATE_H
#define MT_HOST_LIVE_PRIVATE_H

#include "api/clock.h"
#include "host/flights.h"
#include "host/live.h"
#include "net/http_client.h"
#include "net/signature.h"
#include "net/ws_client.h"
#include "venue/endpoint.h"
#include "venue/record_read.h"

#define CLOCK_EVERY_US INT64_C(60000000)

enum { FEEDS_MAX = BACKTEST_FEEDS_MAX };

struct bar_feed {
    struct series series;          // grows; what the script's bars point to
    int64_t capacity;
    int16_t symbol;
    int32_t interval;
    bool catching_up;              // missed bars are being fetched: those of the stream wait
};

// Something to hand to the script, in the order of its coming.
struct delivery { int32_t feed; int64_t bar; int64_t arrived_us; struct backtest_event event; };   // feed -1: the event

struct delivery_queue { struct delivery *items; int64_t head, count, size; };

struct live_timer { int64_t at_us, order; int32_t id; };

// An operation of the runtime's own, and what is to be done with its answer.
struct inner {
    struct op *op;
    void (*done)(struct live *l, struct inner *i);
    void *ctx;
    int64_t number;
};

// An order whose outcome is unknown, being looked up.
struct lookup {
    struct op *order;
    uint32_t attempt;
    int64_t absent_after_us;       // by the exchange's clock: from then on "no such order" is proof
    int64_t next_us, pause_us;
    bool asking;
    struct lookup *next;
};

// A lookup's result, told to the dispatcher outside of its own callbacks.
struct verdict { struct op *op; uint32_t attempt; uint8_t outcome; };

enum stream_state { STREAM_CLOSED, STREAM_OPENING, STREAM_RUNNING };

struct stream {
    struct ws_client *socket;
    uint8_t state;                 // enum stream_state
    int64_t retry_us, pause_us;
    bool was_open;
};

struct live {
    struct backtest_view view;
    struct live_options o;
    char *rest_url, *stream_url, *ca_file, *proxy, *key_header;
    struct symbol *symbols;
    struct symbol_list list;
    uv_loop_t loop;
    uv_timer_t alarm;
    uv_signal_t signals[2];
    int64_t start_wall_us;
    uint64_t start_ns;
    struct dispatcher *dispatcher;
    struct ops *ops;
    struct flights *flights;
    struct http_client *http;
    struct signing_key *key;
    struct http_transfer **transfers;   // of each op's slot, while it is in flight
    int64_t *stamps_us;                 // and the stamp its request bore
    int32_t transfer_size;
    struct arena arena;
    struct server_clock clock;
    bool clock_asked;
    int64_t clock_due_us, clock_sent_us;
    struct op *skewed[64];              // wait for a new measurement of the clock
    int32_t skewed_count;

    struct op **settled;                // not yet reported
    int32_t settled_head, settled_count, settled_size;
    struct op *awaited;
    struct inner *inners;
    int32_t inner_count, inner_size;
    struct lookup *lookups;
    struct verdict verdicts[64];
    int32_t verdict_count;
    struct delivery_queue deliveries;
    struct backtest_event delivered;
    struct live_timer *timers;
    int32_t timer_count, timer_size;
    int64_t timer_order, client_ids;
    uint64_t events_wanted;
    int32_t pending;

    struct bar_feed feeds[FEEDS_MAX];
    int32_t feed_count;
    int64_t last_bar_us[FEEDS_MAX];     // open time of the last bar delivered or queued
    struct stream market, user;
    char listen_key[80];
    int64_t key_due_us;                 // when the listen key is to be prolonged
    bool account_known;
    struct safety safety;
    struct live_figures figures;
    struct control *control;
    bool started, stopping, ended;
};

int64_t live_now(struct live *l);
int64_t exchange_now(struct live *l);   // ours plus the measured offset

// live.c. live_stir: something has happened that the pump must look at before it sleeps. libuv runs timers before it polls:
// what a timer's callback brings about would else wait for the next event.
void live_stir(struct live *l);
void live_push(struct live *l, const struct delivery *d);
struct op *inner_op(struct live *l, int32_t endpoint, uint8_t priority);
void inner_submit(struct live *l, struct op *op, void (*done)(struct live *l, struct inner *i), void *ctx);

// live_wire.c
struct transport wire_transport(struct live *l);
int wire_open(struct live *l, struct errmsg *e);
void wire_close(struct live *l);
void wire_pump(struct live *l, int64_t now_us);     // lookups and clock that are due
int64_t wire_next_us(const struct live *l);
void wire_measure(struct live *l);

// live_streams.c
void streams_start(struct live *l);
void streams_stop(struct live *l);
void streams_added(struct live *l, int32_t feed);   // a feed made while the streams run
void streams_advance(struct live *l, int64_t now_us);
int64_t streams_due_us(const struct live *l);
void account_read(struct live *l);

#endif

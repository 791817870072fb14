// live_private.h: what the files of the live world share.
//
//     live.c          the pump: what comes next, timers, operations
//     live_journal.c  intents before orders leave, outcomes, and what the last run left open
//     live_wire.c     requests: signing, sending, reading answers, the clock, unknown outcomes
//     live_ws_orders.c  orders by the WebSocket API
//     live_sockets.c  connections of streams: opened, subscribed, replaced before they end, opened again when
//     they break live_risk.c   limits on orders, and what they need to know
//     live_dead_man.c the exchange's countdown, kept from running out
//     live_streams.c  the market: bars, trades, prices
//     live_log_next.c     what connections have to tell, for the log
//     live_book.c     local order books
//     live_warm.c     connections kept open before they are needed
//     live_account.c  the user data stream, and what was missed while it was silent
#ifndef MT_WORLD_LIVE_PRIVATE_H
#define MT_WORLD_LIVE_PRIVATE_H

#include "api/histogram.h"
#include "execution/exposure.h"
#include "execution/gateway.h"
#include "world/live/end_counts.h"
#include "world/live/live.h"
#include "process/shared_budget.h"
#include "execution/reconcile.h"
#include "execution/reconnect.h"
#include "net/network.h"
#include "venue/binance/book_sync.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/record_read.h"
#include "world/live/journal.h"
#include "world/live/wire.h"
#include "world/live/ws_orders.h"
#include "world/pump.h"
#include "trade/stream_event.h"

enum { FEEDS_MAX = WORLD_FEEDS_MAX };

struct bar_feed {
    struct series series;   // grows; what the script's bars point to
    int64_t capacity;
    int16_t symbol;
    int32_t interval;
    bool catching_up;   // missed bars are being fetched: those of the stream wait
};

enum stream_state { STREAM_CLOSED, STREAM_OPENING, STREAM_RUNNING };
enum stream_which {
    STREAM_MARKET,
    STREAM_PUBLIC,
    STREAM_USER,
    STREAM_COUNT
};   // as the exchange routes them

struct held_text {
    char *text;
    size_t size;
};

struct stream {
    struct ws_client *socket;
    struct ws_client *next;   // takes over before the exchange ends the old one
    uint8_t state;            // enum stream_state
    bool was_open, next_ready;
    int64_t retry_us, renew_us, switch_us;
    struct reconnect reopen;
    char **names;   // subscribed to
    int32_t name_count, name_size, name_sent;
    int64_t name_us;          // not before: messages to the exchange are rationed
    struct held_text *held;   // what `next` has brought until it takes over
    int32_t held_count, held_size;
};

// What an order's reply said, to be told by the stream soon.
struct expectation {
    int64_t id, executed_e8, due_us;
    int16_t symbol;
    bool algo, over;
};

// The account's events: see recovery.h.
struct account_watch {
    struct reconciliation *known;
    bool ready;                 // what was before the run has been learned
    bool busy, failed, again;   // asking; an answer failed; asked once more when done
    uint8_t failed_as;          // enum settle of the last one that did
    uint8_t mode, stage;        // enum reconcile_mode; what is being asked
    int32_t asked, attempts, spread;
    int64_t retry_us, sent_us, verified_us, look_us;
    struct stream_event *held;   // came while asking
    int32_t held_count, held_size;
    struct expectation *expected;
    int32_t expected_count, expected_size;
};

// The trades of a symbol: their ids leave nothing out.
struct trade_feed {
    bool wanted, catching_up;
    int64_t last_id, last_us;
    struct agg_trade_record *held;
    int32_t held_count, held_size;
};

struct paper;   // world/paper/paper.h
enum { NEWS_MAX = 16 };
struct live_log {
    struct live_line lines[NEWS_MAX];
    int32_t head, count;
    int64_t odd, odd_us;
};   // head and count run on; odd: messages

struct book_feed {
    struct book_sync *book;
    bool asking;
    int64_t retry_us;
};   // book NULL: nobody wants it

// A symbol's countdown at the exchange, see live_dead_man.c.
struct dead_man {
    bool used, asking;
    int64_t due_us;
};

enum { LIVE_SIGNALS = 4 };

struct live {
    struct pump pump;   // first
    struct live_options o;
    char *rest_url, *stream_url, *ws_api_url, *ca_file, *proxy;
    struct symbol *symbols;
    struct symbol_list list;
    uv_loop_t loop;
    uv_timer_t alarm;
    uv_signal_t signals[LIVE_SIGNALS];
    struct live_clock time;
    int64_t epoch_us;   // what the clock's now_us is to be added to
    int64_t start_wall_us;
    struct network network;
    struct json heard;   // the stream message being looked at, and what it holds
    struct arena heard_rows;
    struct gateway *gateway;
    struct live_wire wire;
    struct live_journal journal;
    int64_t client_ids;
    uint64_t events_wanted;

    struct bar_feed feeds[FEEDS_MAX];
    int32_t feed_count;
    int64_t last_bar_us[FEEDS_MAX];   // open time of the last bar delivered or queued
    struct stream streams[STREAM_COUNT];
    char listen_key[80];
    int64_t key_due_us;   // when the listen key is to be prolonged
    struct account_watch account;
    struct ws_orders ws_orders;
    struct book_feed books[SYMBOLS_MAX];
    struct trade_feed trades[SYMBOLS_MAX];
    bool prices_answered;   // the first prices have been asked for: without one no limit can be checked
    int64_t mark_e8[SYMBOLS_MAX], mark_us[SYMBOLS_MAX];   // mark prices, and when they came
    int64_t best_id[SYMBOLS_MAX], best_us[SYMBOLS_MAX];   // of the last best prices told
    bool account_known;
    struct shared_budget *shared[BUDGET_SCOPE_COUNT];
    char sharing_problem[160];
    struct risk_limits safety;
    struct exposure *exposure;
    struct dead_man dead_man[SYMBOLS_MAX];
    bool dead_man_off, tell_dead_man;
    struct paper *paper;   // NULL: orders go to the exchange
    struct live_figures figures;
    struct live_log news;
    struct control_socket *control;
    void (*tap)(void *ctx, const struct stream_event *event);
    void *tap_ctx;
    uv_poll_t watch;   // what live_watch was told of
    bool watching, watched;
    char *halt_files[2];
    int64_t halt_look_us;      // when to look for them next
    bool halt_asked, halted;   // halted: once asked, it is not asked again
    int64_t script_since_us;   // when the script got the loop; 0: not yet
    int64_t held_us;           // the longest it held it, not yet told
    bool started, stopping, ended;
    struct end_counts end_counts;
    int64_t stop_at_us;                      // when the run ends by itself; 0: never
    int64_t stop_by_us;                      // when stopping: until when the script's calls are carried out
    int32_t unturned;                        // reports since the loop last turned
    int64_t ready_us;                        // since when the script has waited for something to handle
    int64_t cause_us;                        // when what is being handled could be; 0: nothing is
    uint32_t reactions[HISTOGRAM_BUCKETS];   // from then until an order went to the transport
    int32_t warming;                         // pings under way
    int64_t warm_due_us;
};

int64_t live_now(struct live *l);              // our time, also written to the view
int64_t live_peek_now(const struct live *l);   // the same, where what the script sees is not to change
int64_t live_monotonic_us(const struct live *l);
void live_sleep(struct live *l, int64_t until_us);   // lets the loop turn; the only place that waits
int64_t live_exchange_now(struct live *l);           // ours plus the measured offset

// live.c. live_wake: something has happened that the pump must look at before it sleeps. libuv runs timers
// before it polls: what a timer's callback brings about would else wait for the next event.
void live_wake(struct live *l);
void live_price(struct live *l, int16_t symbol, int64_t price_e8);   // the last one
void live_push(struct live *l, const struct pump_delivery *d);
void live_push_event(struct live *l, const struct stream_event *e);   // when the script wants its kind
struct api_call *internal_call_take(struct live *l, int32_t endpoint, uint8_t priority);
void internal_call_submit(struct live *l, struct api_call *call, pump_done done, int64_t number);   // ctx: l

// live_stop.c
void live_stop_open(struct live *l);   // listens to signals
void live_stop_close(struct live *l);
void live_stop_counted(struct live *l);   // the last order to be counted has ended
bool live_overdue(const struct live *l);
int64_t live_stop_due_us(const struct live *l);   // when the run's time is over, or that of what is under way

// live_warm.c
void keep_alive_pump(struct live *l, int64_t now_us);
int64_t keep_alive_next_us(const struct live *l);

// live_risk.c
bool live_risk_gate(struct live *l, struct api_call *op, char why[160]);   // whether the limits let it pass
void live_risk_settled(struct live *l, const struct api_call *op, enum settle settle);
void live_risk_on_event(struct live *l, const struct stream_event *e);   // any event that is news
void live_risk_listed(struct live *l, const struct api_call *op);        // a listing of open orders
void live_risk_pump(struct live *l, int64_t now_us);
void live_ask_halt(struct live *l);

// live_dead_man.c
void live_dead_man_use(struct live *l, int16_t symbol);   // an order of it is about to be sent
void live_dead_man_pump(struct live *l, int64_t now_us);
int64_t live_dead_man_next_us(const struct live *l);
bool live_dead_man_kept(const struct live *l);   // by the run: the script may not set or end it

// live_log_next.c. Odd: a message that is not what it should be; told once a minute at most.
void live_log_warn(struct live *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
void live_log_info(struct live *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
void live_log_malformed(struct live *l, const char *what, const char *text, size_t size);
bool live_log_waiting(const struct live *l);
const char *live_log_last(const struct live *l);   // "": none waits

// live_sockets.c
void live_sockets_subscribe(struct live *l, enum stream_which which,
                            const char *name);   // once; opens the connection when there is none
void live_sockets_open_user(struct live *l);     // with l->listen_key
void live_sockets_break(struct live *l, enum stream_which which,
                        const char *why);       // as if the connection had ended
void live_sockets_retry_user(struct live *l);   // no listen key to be had: later
void live_sockets_advance(struct live *l, int64_t now_us);
int64_t live_sockets_due_us(const struct live *l);
void live_sockets_close(struct live *l);

// live_streams.c
void live_market_start(struct live *l);
void live_market_stop(struct live *l);
bool live_market_running(
    const struct live *l);   // every connection that is needed, and what is to be known at the start
void live_market_added(struct live *l, int32_t feed);   // a feed made while the streams run
void live_market_advance(struct live *l, int64_t now_us);
int64_t live_market_due_us(const struct live *l);
void live_market_wanted(struct live *l);   // what the script's handlers need
void live_market_opened(struct live *l, enum stream_which which, bool again);
void live_market_closed(struct live *l, enum stream_which which);
void live_market_event(struct live *l, const struct json *j);

// live_book.c
void live_market_subscribe(struct live *l, enum stream_which which, int16_t symbol,
                           const char *rest);   // of live_streams.c
void live_book_event(struct live *l, const struct depth_event *e);
void live_books_lost(struct live *l);
void live_books_close(struct live *l);

// live_account.c
void live_account_open(struct live *l);   // gets a listen key, then the stream
void live_account_opened(struct live *l);
void live_account_event(struct live *l, const struct json *j);
// An order's reply: the stream must tell the same.
void live_account_settled(struct live *l, const struct api_call *op, enum settle settle);
void live_account_advance(struct live *l, int64_t now_us);
int64_t live_account_due_us(const struct live *l);
void live_account_close(struct live *l);

#endif

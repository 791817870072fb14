// core.h: what the parts of a live world share. A part has a file, a header and a struct of its own that nobody else
// sees; it reaches another only through that one's header.
//
//     live.c        what comes next for the script; the list of parts; who hears of what
//     wire.c        requests over HTTP, the measured clock      ws_orders.c  orders over WebSocket
//     sockets.c     connections of streams                      market.c     bars, trades, prices
//     account.c     the user stream, and what it left out       order_book.c local order books
//     journal.c     intents, outcomes, the last run             risk.c       limits on orders
//     dead_man.c    the exchange's countdown                    halt.c, stop.c  how it is halted, how it ends
//     keep_alive.c  connections before they are needed          budgets.c    limits shared with other runs
//     log_lines.c   what connections have to say        positions.c  positions and the wallet as the script sees them
//     refusals.c    answers that end a start, or ask for silence   ledger.c  what the run has earned and paid
//     rules.c       exchangeInfo, read again and again          coins.c   the worth of fees in other coins
//
// A part uses those after it in this order, never one before: live, account, positions, risk, market, order_book, dead_man, wire and
// ws_orders, journal, sockets, stop, halt, keep_alive, budgets, coins, rules, ledger, refusals, log_lines. One exception: wire.c and ws_orders.c use each other,
// because an order goes by one or the other and both answer alike.
// A simulated account (world/paper) plugs in by struct live_simulation: it uses this and the parts' headers, they know
// nothing of it.
#ifndef MT_WORLD_LIVE_CORE_H
#define MT_WORLD_LIVE_CORE_H

#include "base/json.h"
#include "execution/gateway.h"
#include "net/network.h"
#include "venue/binance/endpoint.h"
#include "venue/binance/record_read.h"
#include "world/live/end_counts.h"
#include "world/live/live.h"
#include "world/pump.h"

#include <uv.h>

struct live {
    struct pump pump;        // first
    struct live_options o;   // its texts are copies
    struct symbol *symbols;
    struct symbol_list list;
    uv_loop_t loop;
    struct live_clock time;
    int64_t epoch_us;   // what the clock's now_us is to be added to
    struct network network;
    struct gateway *gateway;
    struct live_figures figures;
    struct end_counts end_counts;
    uint64_t events_wanted;
    bool started, stopping, ended;
    struct json heard;   // the stream message being looked at, and what it holds
    struct arena heard_rows;
    const struct live_simulation *simulation;   // NULL: orders go to the exchange
    void *simulated;                            // its state
    // The parts.
    struct live_turns *turns;   // live.c
    struct live_wire *wire;
    struct ws_orders *ws_orders;
    struct live_sockets *sockets;
    struct live_market *market;
    struct live_books *books;
    struct live_account *account;
    struct account_view *positions;   // positions.c
    struct live_journal *journal;
    struct live_limits *limits;   // risk.c
    struct live_dead_man *dead_man;
    struct live_halt *halt;
    struct live_stop *stop;
    struct keep_alive *keep_alive;
    struct live_budgets *budgets;
    struct live_refusals *refusals;
    struct live_ledger *ledger;
    struct live_rules *rules;
    struct live_coins *coins;
    struct live_log *log;
    struct live_summary *summary;
};

// An exchange of this process that takes the real one's place for all that is the account's: see world/paper. Its
// functions are called where those of a part are.
struct live_simulation {
    int (*open)(struct live *l, struct errmsg *e);
    void (*start)(struct live *l);   // the exchange's clock is known
    bool (*ready)(const struct live *l);
    int64_t (*next_us)(const struct live *l);
    void (*pump)(struct live *l, int64_t now_us);
    void (*stop)(struct live *l);
    struct gateway_link (*link)(struct live *l);   // how requests leave
    // The market as it is told.
    void (*trade)(struct live *l, const struct agg_trade_record *t);
    void (*mark)(struct live *l, const struct mark_event *m);
    void (*told)(struct live *l, const struct stream_event *e);   // the script was, or wants to hear none
};

int64_t live_now(struct live *l);              // our time, also written to the view
int64_t live_peek_now(const struct live *l);   // the same, where what the script sees is not to change
int64_t live_monotonic_us(const struct live *l);
int64_t live_exchange_now(struct live *l);           // ours plus the measured offset
void live_sleep(struct live *l, int64_t until_us);   // lets the loop turn; the only place that waits

// Something has happened that the pump must look at before it sleeps. libuv runs timers before it polls: what a timer's
// callback brings about would else wait for the next event.
void live_wake(struct live *l);
void live_reacted(struct live *l, const struct api_call *call);      // an order went to the transport
void live_price(struct live *l, int16_t symbol, int64_t price_e8);   // the last one
void live_push(struct live *l, const struct pump_delivery *d);

// What is known of an event, as bits: who hears of it stands in one table, in live.c.
enum live_event_stage {
    EVENT_HEARD = 1,     // the account's stream has told it, perhaps out of order
    EVENT_LEARNED = 2,   // it was before the run
    EVENT_ACCOUNT = 4,   // it is certain and in its order
    EVENT_NEWS = 8       // of the market, or found by asking: no part of the account's story
};
void live_event(struct live *l, const struct stream_event *e, enum live_event_stage stage);

// Calls of the runtime's own; `done` gets l as its context.
struct api_call *internal_call_take(struct live *l, int32_t endpoint, uint8_t priority);
void internal_call_submit(struct live *l, struct api_call *call, pump_done done, int64_t number);

#endif

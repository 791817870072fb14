// live.h: the live world: the dispatcher over a real exchange. Its script's side uses it through the table of
// world/world.h, as it does a backtest, so that the same script runs in both.
//
// Loop     one libuv loop, run from `next` and `wait` only: nothing happens while a script computes.
// Orders   an order carries its client id from before it is sent. When its outcome is unknown it is looked up
//          by that id until the exchange answers; only when it is certainly absent (its stamp plus recvWindow
//          plus a grace has passed on the exchange's clock) does the dispatcher hear "not executed", and may
//          send it once more.
// Streams  bars come from kline streams, trades from aggTrade, the account from the user data stream. A
//          connection is replaced before its end and opened again when it breaks; what was missed meanwhile
//          is asked for and delivered in order, once, marked as recovered (execution/reconcile.h).
// Owner    live_free. One thread.
#ifndef MT_WORLD_LIVE_LIVE_H
#define MT_WORLD_LIVE_LIVE_H

#include "api/config.h"
#include "sim/exchange.h"
#include "api/budget.h"
#include "process/control_socket.h"
#include "execution/risk_limits.h"
#include "world/live/clock.h"
#include "world/world.h"
#include "trade/stream_event.h"

// Paper trading (world/paper/paper.h): orders and account live in a simulated exchange of this process.
struct paper_options {
    struct exchange_config exchange;   // wallet, fees, leverage, limits of a new account
    int64_t latency_us;                // each way
    const char *state_path;            // the file that keeps the account; NULL: it ends with the run
    bool reset;                        // begin a new one
};

// A paper account over all its runs.
struct paper_account {
    int64_t started_us, capital_e8;
    int64_t held_us, lasted_us;   // with a position; running at all
    int64_t saved_us;
    int64_t told_id;   // of the last fill that a script was told of; -1: of none
};

struct network;

struct live_simulation;

struct live_options {
    struct api_config api;
    const char *rest_url;          // "https://HOST"
    const char *stream_url;        // "wss://HOST": /market and /private are added
    const char *ca_file, *proxy;   // NULL: the system's, the environment's
    const char *api_key;           // "" when there is none: market data only
    int32_t key_kind;              // enum key_kind of net/signature.h
    const char *secret;            // its text; wiped by the caller
    int64_t recv_window_us;
    int64_t http_timeout_us;
    int32_t warm_connections;   // kept open before they are needed
    struct risk_limits_config risk;
    bool orders_by_websocket;   // orders go by the WebSocket API while it can be reached, else by REST
    const char *ws_api_url;     // "wss://HOST/PATH"
    int64_t stream_age_us;   // a stream's connection is replaced at this age, before the exchange ends it; 0:
                             // 23 h 50 min
    int64_t stream_silence_us;   // one that says nothing for so long, asked halfway, is dead; 0: 40 s
    const struct live_simulation *simulation;   // paper_simulation(); NULL: orders go to the exchange
    struct paper_options paper;
    int64_t reconcile_us;   // while orders are open: how often the exchange is asked whether the stream has
                            // left something out; 0: 60 s
    const char *budgets[BUDGET_SCOPE_COUNT];   // names under which limits are shared with other processes
                                               // (process/shared_budget.h); NULL: not
    int64_t
        dead_man_us;      // the exchange cancels our orders when it has not heard of us for so long; 0: never
    bool requests_only;   // no streams, and no signal ends it: for clearing up
    const char *halt_files[2];        // when one exists, the run is halted; NULL: none
    const struct live_clock *clock;   // NULL: the system's
    const struct network *network;    // NULL: the system's; see net/network.h
};

struct live;

struct live_figures {
    int64_t sent_by_websocket;              // of `sent`: orders by the WebSocket API
    int64_t sent, answered, unsent, lost;   // HTTP requests
    int64_t refused_by_risk_limits;
    int64_t dead_man_armed, dead_man_failed;
    int64_t resolved_found, resolved_heard, resolved_absent,
        in_doubt;   // unknown outcomes resolved (heard: of the found,
                    // those the stream told first), and those left
    int64_t stream_messages, stream_reconnects, stream_swaps, bars_recovered;
    int64_t events_recovered, events_twice;   // found by asking; told by the streams a second time
    int64_t clock_offset_us, clock_uncertainty_us;
    int64_t reactions;   // orders sent by a handler: from its event's bytes until the transport had them
    int64_t reaction_p50_us, reaction_p99_us, reaction_p999_us;
    int64_t bar_us;   // when the last bar that was delivered ended; 0: none was
};

// Why limits are not shared with other processes although they were to be; NULL: they are.
const char *live_sharing_problem(const struct live *l);

int live_new(const struct live_options *o, const struct symbol *symbols, int32_t symbol_count,
             struct live **out, struct errmsg *e);
void live_free(struct live *l);

// The symbols' rules as they are now; they change when the exchange's do.
const struct symbol *live_symbols(const struct live *l);

// The journal of the run (store/journal.h), kept by this loop from now on; `full`: each commit waits for the
// disk.
struct journal;
int live_journal_open(struct live *l, const char *path, bool full, struct errmsg *e);
struct journal *live_journal(struct live *l);   // NULL: none is kept
// From now on new orders leave only when their intents are in it, and live_start finds out first what became
// of those of the last run; those that stand open are cancelled when `cancel` is set, else kept and told to
// the script. ERR_NOT_FOUND: one of them is of a symbol that is not this run's.
int live_journal_orders(struct live *l, const char *path, bool cancel, struct errmsg *e);
void live_journal_end(struct live *l, const char *how);   // how the run ended: "stopped", "failed"

// What the script's side does with it.
const struct world_functions *live_functions(void);
void live_client_id(struct live *l, struct call *call);   // names a new order

// Bars of a symbol and interval, from the next one that ends on; the feed's number or ERR_FULL.
int32_t live_deliver(struct live *l, int16_t symbol, int32_t interval);
void live_events(struct live *l, uint64_t mask);

// Of `tap`: every event of the account as it comes, wanted by the script or not, and each change of a last price
// (RECORD_TICKER_PRICE with symbol and last_e8 of u.book): for a recording. NULL: to nobody.

// Opens the run's control socket; its requests come as WORLD_CONTROL, also while the script waits. See
// control_socket_open.
int live_control_open(struct live *l, const char *path, struct errmsg *e);

// Whenever this descriptor can be read, WORLD_INPUT comes, also while the script waits; -1: no more.
void live_watch(struct live *l, int fd);
// WORLD_CONTROL also tells these, each once. The longest that the script has held the loop since the last
// time of asking, when that is beyond LIVE_HELD_US; else 0. And whether a halt was asked for, by SIGUSR1, the
// halt file or the supervisor. And whether the dead man's switch could not be renewed.
#define LIVE_HELD_US INT64_C(50000)
int64_t live_held_us(struct live *l);
bool live_halt_asked(struct live *l);
bool live_dead_man_failed(struct live *l);

// And what its connections have to tell, for the log: the next line, or false.
struct live_line {
    bool warn;
    char text[640];
};
bool live_log_next(struct live *l, struct live_line *out);

// And, from live_summary_begin on, what is due to be said of the run: a word every `every_us` (0: never), and what a
// UTC day came to, once it has ended; bits of enum live_summary_due, each once.
enum live_summary_due { LIVE_HEARTBEAT_DUE = 1, LIVE_DAY_ENDED = 2 };
void live_summary_begin(struct live *l, int64_t every_us);
int32_t live_summary_due(struct live *l);

// The journal tells with what equity the UTC day began, should this be a restart within it.
void live_risk_resume(struct live *l, const char *journal_path);

struct live_risk {
    int32_t open_orders, orders_this_minute;
    int64_t day_equity_e8, equity_e8;
};
struct live_risk live_risk(struct live *l);

// The dead man's switch: whether the exchange was asked to watch a symbol; and no more renewing, at the end.
bool live_dead_man_used(const struct live *l, int16_t symbol);
void live_dead_man_end(struct live *l);

// From now on orders that do not reduce are refused.
void live_halt(struct live *l);

// A symbol's order book, kept locally from the first call on; false while it is not known to be the
// exchange's.
struct live_book {
    const struct level_record *bids, *asks;   // best first; borrowed until the loop turns
    int32_t bid_count, ask_count;
    int64_t last_update_id, time_us, repairs;
};
bool live_book(struct live *l, int16_t symbol, struct live_book *out);

// What the run has come to since it began: realized by fills, less what they cost, and funding; and by how much open positions have
// changed in worth, those that it took over from the first price that it saw.
struct live_result {
    int64_t net_e8, realized_e8, fees_e8, funding_e8, unrealized_e8;
    int64_t fills;
    bool whole;   // false: of some position no price is known
};
struct live_result live_result(const struct live *l);
// Fees in other coins that are not in it, because nobody says what they are worth: from 0; false past the last.
bool live_coins_unpriced(const struct live *l, int32_t number, char asset[ASSET_NAME_MAX],
                         int64_t *amount_e8);

// After live_start: the orders of the last run whose outcome was not known or that were not over when it
// ended, and what became of them.
struct live_restart {
    struct api_call *op;
    int64_t made_us, quantity_e8, price_e8, order_id, executed_e8;
    int64_t told_e8;   // of the executed quantity, what the script of that run was told of
    int16_t number;    // the symbol's
    char client_id[40], symbol[24], status[24];
    bool algo, known, found, open;   // found: the exchange has it; open: it can still be filled
    bool taken, same;   // the journal knew that the exchange had it; and it is as it was when last heard of
};
const struct live_restart *live_restarts(const struct live *l, int32_t *count);

// Measures the clock, reads the account, opens the streams: 0, or an error after `timeout_us`.
int live_start(struct live *l, int64_t timeout_us, struct errmsg *e);

// Asks the run to end: the next `next` that wants something answers WORLD_END. What does not ask for that
// (a handler that is under way) has three seconds more; then `wait` answers 2 at once, `next`
// WORLD_END, and what is submitted is not sent. Safe from a signal's callback. A second signal ends the
// process at once, unless it has a supervisor.
void live_stop(struct live *l);
bool live_stopping(const struct live *l);
int64_t live_stop_asked_us(const struct live *l);   // when, by the run's clock; 0: it was not
// Another such time, from now on: for what the end asks of the script. INT64_MAX: no bound.
void live_stop_within(struct live *l, int64_t within_us);
void live_stop_after(struct live *l, int64_t after_us);   // the run ends by itself so long after this call
// The run ends by itself once so many bars or stream events have been delivered, and the handler of the last
// is over, or so many orders of the script have ended (world/live/end_counts.h); 0: no such end.
void live_stop_count(struct live *l, int64_t bars, int64_t events, int64_t orders);
// Requests that change something (orders) whose outcome is not known yet, those nobody waits for included.
int32_t live_orders_under_way(const struct live *l);

struct live_figures live_figures(const struct live *l);

#endif

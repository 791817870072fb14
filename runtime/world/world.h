// world.h: what every world shows to the script's side: what comes next, and the account and the market as
// they were delivered.
//
// Owner    the world writes its view; Lua reads it directly.
// Units    prices, quantities, money: e8. Times: microseconds.
#ifndef MT_WORLD_WORLD_H
#define MT_WORLD_WORLD_H

#include "api/notice.h"
#include "data/series.h"
#include "execution/api_call.h"
#include "trade/stream_event.h"

#include <stdbool.h>
#include <stdint.h>

// What a world has next for its script.
enum world_next {
    WORLD_END,       // the data is used up and nothing is pending
    WORLD_BAR,       // view.series, view.bar_index
    WORLD_EVENT,     // view.event
    WORLD_CALL,      // view.op has settled
    WORLD_TIMER,     // view.timer has fired
    WORLD_NOTICE,    // view.notice: a breaker or an alert changed
    WORLD_CONTROL,   // paper and live only: something for the runtime's own Lua, see live/control_socket.lua
    WORLD_INPUT,     // the REPL's terminal has something (live_watch; a backtest never says it)
    WORLD_PAUSE      // backtest_until is reached
};

enum { WORLD_FEEDS_MAX = 64 };

// Read by Lua directly. The world writes it.
struct world_view {
    int64_t now_us;
    const struct series *series;
    int64_t bar_index;
    int32_t feed;         // which delivered feed the bar is of
    bool bar_recovered;   // live: the bar was asked for after the streams had been silent
    int32_t timer;
    struct api_call *op;
    struct stream_event *event;
    struct notice notice;
    struct position_view position[SYMBOLS_MAX][POSITION_SIDE_COUNT];
    int64_t wallet_e8;
    int64_t last_e8[SYMBOLS_MAX];   // read it through world_functions.last
    int64_t bars;                   // bars of the market passed
    int64_t bars_exposed;           // of those, with a position open at the close
    int64_t bars_total;
    int64_t equity_e8, peak_e8, drawdown_e8;         // drawdown_e8: the deepest fall in money
    double drawdown;                                 // the deepest fall as a ratio of the peak before it
    int64_t peak_us, trough_us, peak_candidate_us;   // of the deepest fall
    int64_t shared;                                  // calls answered by the answer to another
    int64_t waited_us;   // total time requests were held back by limits, throttle and breaker
    int64_t lag_us;      // the longest a bar waited for its handler
    int64_t day_count;
    const int64_t *day_equity_e8, *day_us;   // equity at the end of each UTC day
    int64_t point_count;
    const int64_t *point_us, *point_equity_e8;   // equity at every bar, when asked for
};

struct api_config;
struct metrics_snapshot;
struct live_book;
struct live_line;
struct control_socket;

// A world as its script's side uses it: backtest_functions, live_functions, replay_functions. Lua gets the table as one
// object and calls through its pointers (run/pump.lua); all that a script can see comes through them. `world` is what
// backtest_new, live_new or replay_open made. Those of the second part are NULL where a world has no such thing.
struct world_functions {
    void (*free)(void *world);
    struct world_view *(*view)(void *world);
    // A call with clean parameters, and its return after use.
    struct api_call *(*op)(void *world);
    void (*op_free)(void *world, struct api_call *call);
    // Hands it to the dispatcher; it settles at once, later, or not before the run ends.
    void (*submit)(void *world, struct api_call *call);
    // Until `call` has settled (0), something else must be handled first (1), or the run is over (2).
    int32_t (*wait)(void *world, struct api_call *call, bool wants);
    // The next thing for the script, enum world_next. `wants` false: no bars and events, only what settles, timers and
    // notices; then WORLD_END means that nothing will settle any more.
    int32_t (*next)(void *world, bool wants);
    // Fires once, delay_us from now; `timer` comes back in view.timer.
    void (*timer)(void *world, int64_t delay_us, int32_t timer);
    int64_t (*last)(void *world, int16_t symbol);        // the last price, e8; 0 before the first
    void (*client_id)(void *world, struct call *call);   // names a new order
    void (*events)(void *world, uint64_t mask);          // those the script wants: bits 1 << enum record_kind
    // The API manager.
    void (*configure)(void *world, const struct api_config *config, int64_t now_us);
    void (*manager_start)(void *world);
    void (*manager_stop)(void *world, int64_t now_us);
    double (*strain)(void *world, const int32_t cost[], int64_t now_us);
    const struct metrics_snapshot *(*metrics)(void *world, int64_t now_us);

    int64_t (*mark)(void *world,
                    int16_t symbol);   // the mark price, e8, where the account is valued by one of its own
    // Where time goes on after the end, and an operator may speak: see world/live/live.h.
    bool (*book)(void *world, int16_t symbol, struct live_book *out);
    void (*tap)(void *world, void (*tap)(void *ctx, const struct stream_event *event), void *ctx);
    int64_t (*clock_offset_us)(void *world);
    void (*stop)(void *world);
    bool (*stopping)(void *world);
    void (*stop_within)(void *world, int64_t within_us);
    int (*control_socket_open)(void *world, const char *path, struct errmsg *e);
    struct control_socket *(*control)(void *world);
    int64_t (*held_us)(void *world);
    bool (*halt_asked)(void *world);
    void (*halt)(void *world);
    bool (*dead_man_failed)(void *world);
    bool (*log_next)(void *world, struct live_line *out);
};

#endif

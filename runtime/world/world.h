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
    WORLD_CONTROL,   // paper and live only: something for the runtime's own Lua, see live/control.lua
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
    int64_t last_e8[SYMBOLS_MAX];   // read it through backtest_last_e8
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

#endif

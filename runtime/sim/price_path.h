// price_path.h: the price of a symbol inside its open bar, and what happens on its way.
//
// Two kinds of path, by the rule of the configuration (enum path_rule): straight lines through open, the two extremes
// and the close, or a random path (sim/random_path.h), which is drawn only where something depends on it.
#ifndef MT_SIM_PRICE_PATH_H
#define MT_SIM_PRICE_PATH_H

#include "sim/engine.h"
#include "sim/random_path.h"

// m->bar has just opened. Once the open is matched, price_path_lay lays the lines of those rules that look at what the
// account holds then.
void price_path_begin(struct exchange *x, struct market *m);
void price_path_lay(const struct exchange *x, struct market *m);
void price_path_free(struct market *m);

// The price at now_us, between the open and the close of the open bar.
int64_t price_path_price_e8(const struct exchange *x, const struct market *m, int64_t now_us);

// The extremes of the open bar as far as now_us.
void price_path_extremes(const struct exchange *x, const struct market *m, int64_t now_us, int64_t *low_e8,
                         int64_t *high_e8);

// Brings m->last_e8 to now, and what follows the extremes to those that passed since.
void price_path_now(struct exchange *x, struct market *m);

enum path_event_kind {
    PATH_TOUCH,    // of a line: price_e8 touches a level
    PATH_CORNER,   // the end of a line
    PATH_PIECE,   // of a random path: a piece in which levels are touched, or whose extremes somebody follows
    PATH_STOP,    // a stop loss is hit at price_e8, because the bar's range allows it (sim/adverse.h)
    PATH_CLOSE    // the end of the bar on a random path
};

struct path_event {
    struct market *market;   // NULL: nothing
    int64_t when_us;
    int64_t price_e8;
    enum path_event_kind kind;
    struct path_piece piece;
};

// What comes next on the open bar of m, as long as the account stays as it is; its close at the latest.
struct path_event price_path_next(const struct exchange *x, struct market *m);

// When the driver must let time pass for what happens on the open bar of m; INT64_MAX: not before it closes.
int64_t price_path_wake_us(const struct exchange *x, struct market *m);

// Makes it happen, at x->now_us.
void price_path_play(struct exchange *x, const struct path_event *e);

#endif

// equity.h: what an account was worth over time: its peak, its deepest falls, the end of each UTC day and, when asked
// for, every instant it was looked at. The figures stand in the world's view, this holds the rows behind them.
//
// Units    money e8, times microseconds.
// Owner    equity_close; the view borrows the rows.
#ifndef MT_WORLD_EQUITY_H
#define MT_WORLD_EQUITY_H

#include <stdbool.h>
#include <stdint.h>

struct world_view;

struct equity_track {
    int64_t *day_us, *day_equity_e8, *point_us, *point_equity_e8;
    int64_t day_capacity, point_capacity;
    int64_t day_end_us;   // the day under way ends here; INT64_MAX: days are not kept
    bool points;          // every sample is kept
};

void equity_close(struct equity_track *t);

// The account begins at now_us with view.equity_e8, which is the value before its first day.
void equity_begin(struct equity_track *t, struct world_view *v, int64_t now_us);
// A day of an account that goes on from before, in order.
void equity_add_day(struct equity_track *t, struct world_view *v, int64_t day_us, int64_t equity_e8);
// Days during which nobody looked get no rows: the day under way is that of now_us, or the one before.
void equity_skip_days(struct equity_track *t, int64_t now_us);

// The account is worth this at t_us, which does not fall.
void equity_sample(struct equity_track *t, struct world_view *v, int64_t t_us, int64_t equity_e8);

#endif

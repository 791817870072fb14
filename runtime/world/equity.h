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

// A fall of the equity below its peak, until the peak is reached again.
struct drawdown {
    int64_t peak_us, trough_us, end_us;   // end_us 0: not recovered
    int64_t peak_e8, trough_e8;
    double depth;   // of the peak; 0: there is none
};
enum { DRAWDOWNS_KEPT = 5 };

struct equity_track {
    int64_t *day_us, *day_equity_e8, *point_us, *point_equity_e8;
    int64_t day_capacity, point_capacity;
    int64_t day_end_us;   // the day under way ends here; INT64_MAX: days are not kept
    bool points;          // every sample is kept
    struct drawdown fall,
        deepest[DRAWDOWNS_KEPT];   // the one under way; those that are over, the deepest first
    int64_t longest_us;            // from a peak until it was reached again
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

// The deepest falls, the one under way included, the deepest first; returns how many. *longest_us: the longest, which
// may be another one; one that has not recovered counts until now_us.
int32_t equity_drawdowns(const struct equity_track *t, int64_t now_us, struct drawdown out[DRAWDOWNS_KEPT],
                         int64_t *longest_us);

#endif

// limiter.h: request budgets over the exchange's fixed windows. Pure; allocates nothing.
//
// A window is counted at its worst: a request counts in every window the exchange might book it in, that is
// any window its time between sending and answer touches once the clock's uncertainty is added on both sides.
// So no window of the exchange is exceeded while the uncertainty is honest and shorter than half the shortest
// interval.
//
// Others   programs that spend the same budget without asking us are seen in what headers tell beyond our own
//          spending. What they are expected to spend until the window turns is kept free for them (see
//          limiter.c).
//
// Owner    the caller owns struct limiter, a plain struct without pointers.
// Units    microseconds; `now_us` monotonic, windows lie at wall = now + offset. Costs as the venue counts
//          them.
// Protocol limiter_take when sent, then exactly one of limiter_done (answered), limiter_abandon (given up)
//          and limiter_return (certainly never sent).
#ifndef MT_API_LIMITER_H
#define MT_API_LIMITER_H

#include "api/request.h"

#include <stdbool.h>
#include <stdint.h>

enum { LIMITER_WINDOWS_MAX = 24 };

struct limiter_window {
    int64_t interval_us, start_us, end_us;   // the present window, on the exchange's clock
    int32_t limit;
    int32_t reserve;             // part of limit that only CRITICAL may use
    int32_t used;                // ours at worst, in the present window
    int32_t previous;            // at worst, in the one before
    int32_t carry;               // answered so near the end that it may count in the next
    int32_t others;              // what others have spent of it, as far as headers told
    int32_t others_base;         // `others` when we began to listen in this window; -1: nothing heard yet
    int32_t expected;            // what others would spend of a whole window, from those before; -1: unknown
    int64_t base_us, heard_us;   // when others_base was and the last header came, on the exchange's clock
    uint8_t kind;                // enum limit_kind
};

struct limiter {
    int64_t offset_us, uncertainty_us, guard_us;
    int64_t offset_next_us;                  // told by limiter_clock, not yet applied
    int64_t gate_us;                         // nothing leaves before; on the monotonic clock
    int64_t turn_us;                         // when the next window turns; on the monotonic clock
    int32_t outstanding[LIMIT_KIND_COUNT];   // sent and not answered
    int32_t count;
    bool forecasts;   // keep free what others are expected to spend
    struct limiter_window windows[LIMITER_WINDOWS_MAX];
};

// Whether a limiter that was read from somewhere is one that can be: counts from 0 (or -1, where that means unknown) to
// LIMITER_COUNT_MAX, times within time_max_us of 0 but for those that mean never and always, nothing that holds all back for
// longer than the longest ban.
enum { LIMITER_COUNT_MAX = 1 << 29 };
bool limiter_check(const struct limiter *l, int64_t now_us, int64_t time_max_us);

// No windows; guard_us is the least uncertainty ever assumed.
void limiter_init(struct limiter *l, int64_t guard_us);

// Adds a window or changes the limit of the one with this kind and interval, keeping its counts. A limit of 0
// removes it. ERR_FULL when there are LIMITER_WINDOWS_MAX. `reserve` is a share in [0, 1). LIMIT_ORDERS means
// LIMIT_ORDERS_LONG where the interval is a minute or more, here and in limiter_correct.
int limiter_set(struct limiter *l, int32_t kind, int64_t interval_us, int32_t limit, double reserve,
                int64_t now_us);

// The exchange's clock minus ours and how far off that may be. Takes effect at the next call that knows the
// time; counts are never lowered by it.
void limiter_clock(struct limiter *l, int64_t offset_us, int64_t uncertainty_us);

// Microseconds until `cost` may leave at the earliest; 0: now. Spends nothing. When it is not 0 and `blocked`
// is not NULL, a bit for each window in the way is set there. LIMITER_NEVER: larger than a window allows;
// LIMITER_ON_ANSWER: as soon as something in flight is answered.
int64_t limiter_wait_us(struct limiter *l, const int32_t cost[], int32_t priority, int64_t now_us,
                        uint32_t *blocked);

// Whether `cost` touches one of these windows.
bool limiter_touches(const struct limiter *l, const int32_t cost[], uint32_t windows);

// Spends `cost`, which limiter_wait_us has just let pass.
void limiter_take(struct limiter *l, const int32_t cost[], int64_t now_us);

// What was taken has been answered.
void limiter_done(struct limiter *l, const int32_t cost[], int64_t now_us);

// What was taken has been given up unanswered. It may still arrive, so it counts in the next window as well.
void limiter_abandon(struct limiter *l, const int32_t cost[], int64_t now_us);

// What was taken at sent_us has certainly never been sent: it goes back.
void limiter_return(struct limiter *l, const int32_t cost[], int64_t sent_us, int64_t now_us);

// A header told `used` in the answer to something sent at sent_us. What is beyond our own spending is the
// others': upward at once, downward never before the turn; ignored when the answer may speak of the window
// before.
void limiter_correct(struct limiter *l, int32_t kind, int64_t interval_us, int32_t used, int64_t sent_us,
                     int64_t now_us);

// Nothing leaves before until_us; never moves the gate forward in time (a ban is not shortened by a later
// word).
void limiter_gate(struct limiter *l, int64_t until_us);

// Spent in a window, ours and the others'.
int32_t limiter_used(const struct limiter *l, int32_t index);

// The share of the tightest window that others leave us, by the headers; 1: nobody else is seen.
double limiter_left_by_others(struct limiter *l, int64_t now_us);

// Whether everything it remembers is over: no gate, and windows so long past that they bind nobody. Counts
// nothing anew.
bool limiter_is_over(const struct limiter *l, int64_t now_us);

// How hard `cost` presses on what is left: the sum of its shares of each window's room. For choosing between
// two ways to send the same; the lower presses less.
double limiter_strain(struct limiter *l, const int32_t cost[], int64_t now_us);

// Time one unit of weight (or request, where no weight is limited) takes at the full rate; 0: no such window.
int64_t limiter_spacing_us(const struct limiter *l);

extern const int64_t LIMITER_NEVER, LIMITER_ON_ANSWER;

#endif

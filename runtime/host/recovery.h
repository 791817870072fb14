// recovery.h: what a script has been told of its account, and what it has not when the user data stream was silent for a
// while: events are told once, whether the stream brings them, brings them twice, or they are found by asking. Pure.
//
// Keys     a fill is told by symbol and trade id; an order's other events by what was known of it before; a conditional
//          order's by its status; changes of the account by all they say.
// Asking   recovery_begin, then everything the exchange lists since then (orders first, then fills, so that no listed order
//          is ahead of the fills), then the orders of recovery_missing, one by one; then recovery_finish.
// Owner    events of recovery_finish are borrowed until the next call. One thread.
#ifndef MT_HOST_RECOVERY_H
#define MT_HOST_RECOVERY_H

#include "host/backtest.h"

#include <stdbool.h>
#include <stdint.h>

struct recovery;

struct recovery *recovery_new(void);   // NULL when memory is short
void recovery_free(struct recovery *r);

// An event of the stream: true when it is news, and from then on it is told.
bool recovery_take(struct recovery *r, const struct backtest_event *e);

// Whether an event of the stream goes on where the last one about its order ended; false: something before it was lost.
bool recovery_follows(const struct recovery *r, const struct backtest_event *e);

// What an order's reply said: whether the stream (or a recovery) has told as much. Of a conditional order: its algo id.
bool recovery_told(const struct recovery *r, int16_t symbol, int64_t order_id, int64_t executed_e8, bool over);
bool recovery_told_algo(const struct recovery *r, int64_t algo_id, bool over);

bool recovery_any_open(const struct recovery *r);   // an order told of that is not over

// What the exchange lists about the time since from_us.
void recovery_begin(struct recovery *r, int64_t from_us);
void recovery_order(struct recovery *r, const struct order_record *o);
void recovery_algo(struct recovery *r, const struct algo_record *a);
void recovery_trade(struct recovery *r, const struct trade_record *t);
void recovery_income(struct recovery *r, const struct income_record *i);
// The positions as they are; those not listed are flat. `believed` is what has been told; the rest is news.
void recovery_position(struct recovery *r, const struct position_record *p);
void recovery_wallet(struct recovery *r, int64_t wallet_e8);

// Orders that must be asked for by themselves: known to be open or with new fills, and not listed. How many, 0 to `max`.
struct recovery_missing { int64_t id; int16_t symbol; bool algo; };
int32_t recovery_missing(const struct recovery *r, struct recovery_missing *out, int32_t max);
void recovery_gone(struct recovery *r, const struct recovery_missing *m);   // the exchange does not know it any more

enum recovery_mode {
    RECOVERY_TELL,     // the events found are told
    RECOVERY_LEARN,    // they happened before the run: known from now on, told to nobody
    RECOVERY_LOOK      // nothing changes: are there any?
};

// What was found, in the order of its time. `believed` is the account as told so far, `now_us` the exchange's time.
// `hasty`: told although fills of an order are not listed yet; else that is ERR_TIMEOUT: ask again a little later.
int recovery_finish(struct recovery *r, enum recovery_mode mode, const struct backtest_view *believed, int64_t now_us, bool hasty,
                    const struct backtest_event **events, int32_t *count);

// Forgets what is over and older: it can no longer be listed.
void recovery_forget(struct recovery *r, int64_t before_us);

#endif

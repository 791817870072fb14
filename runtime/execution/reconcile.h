// reconcile.h: what a script has been told of its account, and what it has not when the user data stream was
// silent for a while: events are told once, whether the stream brings them, brings them twice, or they are
// found by asking. Pure.
//
// Keys     a fill is told by symbol and trade id; an order's other events by what was known of it before; a
//          conditional order's by its status; changes of the account by all they say.
// Asking   reconcile_begin, then everything the exchange lists since then (orders first, then fills, so that
//          no listed order is ahead of the fills), then the orders of reconcile_missing, one by one; then
//          reconcile_finish.
// Owner    events of reconcile_finish are borrowed until the next call. One thread.
#ifndef MT_EXECUTION_RECONCILE_H
#define MT_EXECUTION_RECONCILE_H

#include "trade/stream_event.h"

#include <stdbool.h>
#include <stdint.h>

struct reconciliation;

struct reconciliation *reconcile_new(void);   // NULL when memory is short
void reconcile_free(struct reconciliation *r);

// An event of the stream: true when it is news, and from then on it is told.
bool reconcile_take(struct reconciliation *r, const struct stream_event *e);

// Whether an event of the stream goes on where the last one about its order ended; false: something before it
// was lost.
bool reconcile_follows(const struct reconciliation *r, const struct stream_event *e);

// What an order's reply said: whether the stream (or a recovery) has told as much. Of a conditional order:
// its algo id.
bool reconcile_delivered(const struct reconciliation *r, int16_t symbol, int64_t order_id,
                         int64_t executed_e8, bool over);
bool reconcile_delivered_algo(const struct reconciliation *r, int64_t algo_id, bool over);

bool reconcile_any_open(const struct reconciliation *r);   // an order told of that is not over

// What a run before has told: of this order, so much of the executed quantity. The first round then finds the rest
// as news (reconcile_left), though it happened before this run.
void reconcile_seed(struct reconciliation *r, int16_t symbol, int64_t order_id, int64_t told_e8);
bool reconcile_left(const struct reconciliation *r, const struct stream_event *e);

// What the exchange lists about the time since from_us.
void reconcile_begin(struct reconciliation *r, int64_t from_us);
void reconcile_order(struct reconciliation *r, const struct order_record *o);
void reconcile_algo(struct reconciliation *r, const struct algo_record *a);
void reconcile_trade(struct reconciliation *r, const struct trade_record *t);
void reconcile_income(struct reconciliation *r, const struct income_record *i);
// The positions as they are; those not listed are flat. `believed` is what has been told; the rest is news.
void reconcile_position(struct reconciliation *r, const struct position_record *p);
void reconcile_wallet(struct reconciliation *r, int64_t wallet_e8);

// Orders that must be asked for by themselves: known to be open or with new fills, and not listed. How many,
// 0 to `max`.
struct reconcile_missing {
    int64_t id;
    int16_t symbol;
    bool algo;
};
int32_t reconcile_missing(const struct reconciliation *r, struct reconcile_missing *out, int32_t max);
void reconcile_gone(struct reconciliation *r,
                    const struct reconcile_missing *m);   // the exchange does not know it any more

enum reconcile_mode {
    RECONCILE_TELL,    // the events found are told
    RECONCILE_LEARN,   // they happened before the run: known from now on, told to nobody
    RECONCILE_LOOK     // nothing changes: are there any?
};

// What was found, in the order of its time. `positions` (by symbol, of each POSITION_SIDE_COUNT) and `wallet_e8` are the account as
// delivered so far, `now_us` the exchange's time. `hasty`: told although fills of an order are not listed
// yet; else that is ERR_TIMEOUT: ask again a little later.
int reconcile_finish(struct reconciliation *r, enum reconcile_mode mode,
                     const struct position_view *positions, int64_t wallet_e8, int64_t now_us, bool hasty,
                     const struct stream_event **events, int32_t *count);

// Forgets what is over and older: it can no longer be listed.
void reconcile_forget(struct reconciliation *r, int64_t before_us);

#endif

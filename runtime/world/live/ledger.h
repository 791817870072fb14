// ledger.h: what a run has earned and paid since it began: the sums of its result.
#ifndef MT_WORLD_LIVE_LEDGER_H
#define MT_WORLD_LIVE_LEDGER_H

#include "world/live/core.h"

int live_ledger_open(struct live *l, struct errmsg *e);
void live_ledger_close(struct live *l);

// The account is known: what it holds now was there before the run.
void live_ledger_begin(struct live *l);

// An event of the account, told once and in its order.
void live_ledger_on_event(struct live *l, const struct stream_event *e);

// Money from outside, or to there (negative), as the stream or the account's income tells it: counted once. And how much since.
void live_ledger_transfer(struct live *l, int64_t amount_e8, int64_t time_us);
int64_t live_ledger_transfers_e8(const struct live *l, int64_t since_us);

// A fee in another coin, by its worth: it does not show in the wallet.
void live_ledger_coin_fee(struct live *l, int64_t worth_e8);

// Looks whether the worth of what was taken over is known by now.
void live_ledger_pump(struct live *l, int64_t now_us);

#endif

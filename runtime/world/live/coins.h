// coins.h: what fees paid in other coins (BNB) are worth in USDT, by the price of COINUSDT: of the run's own symbol where it trades
// that, else asked for when one is paid. Such a fee leaves the wallet of its coin: the USDT wallet does not show it.
#ifndef MT_WORLD_LIVE_COINS_H
#define MT_WORLD_LIVE_COINS_H

#include "world/live/core.h"

int live_coins_open(struct live *l, struct errmsg *e);
void live_coins_close(struct live *l);
int64_t live_coins_next_us(const struct live *l);
void live_coins_pump(struct live *l, int64_t now_us);

// A fee in a coin; live_ledger_coin_fee hears of its worth, now or when the price is known.
void live_coins_fee(struct live *l, const char *asset, int64_t amount_e8);

// An answer of HTTP: true when it was to a question of this part (`user` as of http_send).
bool live_coins_answered(struct live *l, const void *user, const struct http_answer *a);

#endif

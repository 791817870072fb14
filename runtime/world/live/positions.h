// positions.h: the script's view of positions and the wallet in a live run: see execution/account_view.h.
#ifndef MT_WORLD_LIVE_POSITIONS_H
#define MT_WORLD_LIVE_POSITIONS_H

#include "world/live/core.h"

int live_positions_open(struct live *l, struct errmsg *e);
void live_positions_close(struct live *l);

// The account's event, or an order's; whether the account must be asked, since it makes no sense after what was told before.
bool live_positions_on_event(struct live *l, const struct stream_event *e);
// A call has been answered: what orders it shows.
void live_positions_answered(struct live *l, const struct api_call *call);
// The account was asked at asked_us (our time; exchange_us by the exchange's), and what was news of it has been told.
void live_positions_asked(struct live *l, int64_t asked_us, int64_t exchange_us);
void live_positions_forget(struct live *l, int64_t before_us);

// As the account told them, by symbol, of each POSITION_SIDE_COUNT.
const struct position_view *live_positions_told(const struct live *l);
int64_t live_positions_told_wallet_e8(const struct live *l);

#endif

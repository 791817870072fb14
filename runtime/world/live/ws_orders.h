// ws_orders.h: orders by the exchange's WebSocket API.
#ifndef MT_WORLD_LIVE_WS_ORDERS_H
#define MT_WORLD_LIVE_WS_ORDERS_H

#include "world/live/core.h"

int live_ws_orders_open(struct live *l, struct errmsg *e);
void live_ws_orders_stop(struct live *l);
void live_ws_orders_close(struct live *l);
int64_t live_ws_orders_next_us(const struct live *l);
void live_ws_orders_pump(struct live *l, int64_t now_us);

bool live_ws_orders_send(struct live *l, struct api_call *call,
                         int64_t stamp_us);   // false: nothing was sent, REST may
void live_ws_orders_cancel(struct live *l, const struct api_call *call);
bool live_ws_orders_running(const struct live *l);

#endif

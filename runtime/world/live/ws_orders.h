// ws_orders.h: orders by the exchange's WebSocket API, over one connection that is kept open.
//
//     NONE --> OPENING --> LOGGING_ON (Ed25519 keys) --> READY --> DRAINING --> NONE
//                 \------------------------------------/              a younger one is READY; it answers what
//     closed in any state: NONE; what it had not answered may have arrived, and is looked up
//
// Owner    struct live embeds it; live_ws_orders_close frees what it holds.
#ifndef MT_WORLD_LIVE_WS_ORDERS_H
#define MT_WORLD_LIVE_WS_ORDERS_H

#include "base/json.h"
#include "execution/api_call.h"
#include "execution/reconnect.h"
#include "net/network.h"

struct live;

// The connection in use, the one that replaces it, one that still answers.
enum { WS_CHANNELS = 3 };
enum channel_state { CHANNEL_NONE, CHANNEL_OPENING, CHANNEL_LOGGING_ON, CHANNEL_READY, CHANNEL_DRAINING };

struct ws_channel {
    struct ws_client *socket;
    uint8_t state;   // enum channel_state
    bool logged_on;
    int64_t renew_us;
};

struct ws_in_flight {
    int64_t id;
    struct api_call *op;
    struct ws_client *socket;
    int64_t deadline_us;
};

struct ws_orders {
    struct ws_channel channels[WS_CHANNELS];
    struct ws_in_flight *flying;
    int32_t flying_count, flying_room;
    int64_t last_id, retry_us;
    struct reconnect reopen;
    bool failed;        // since a connection was last of use
    struct json json;   // of the answer being read
};

// False: nothing was sent, REST may.
bool live_ws_orders_send(struct live *l, struct api_call *op, int64_t stamp_us);
void live_ws_orders_cancel(struct live *l, const struct api_call *op);
void live_ws_orders_advance(struct live *l, int64_t now_us);
int64_t live_ws_orders_due_us(const struct live *l);
bool live_ws_orders_running(const struct live *l);   // or not to be waited for
void live_ws_orders_close(struct live *l);

#endif

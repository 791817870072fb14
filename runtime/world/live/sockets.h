// sockets.h: the connections that streams come by: opened, subscribed, replaced before they end, opened again when they break.
// What they bring goes to live_socket_user, and nothing here knows what that is.
#ifndef MT_WORLD_LIVE_SOCKETS_H
#define MT_WORLD_LIVE_SOCKETS_H

#include "world/live/core.h"

enum stream_state { STREAM_CLOSED, STREAM_OPENING, STREAM_RUNNING };

// As the exchange routes them.
enum stream_which { STREAM_MARKET, STREAM_PUBLIC, STREAM_USER, STREAM_COUNT };

// Who listens to a connection. `again`: it had been open before, so something may have been missed.
struct live_socket_user {
    void (*opened)(struct live *l, enum stream_which which, bool again);
    void (*closed)(struct live *l,
                   enum stream_which which);   // it opens again by itself; NULL: of no interest
    void (*message)(struct live *l, const struct json *j);
    void (*reopen)(struct live *l);   // time to open it again; NULL: at the same address
};
void live_sockets_use(struct live *l, enum stream_which which, const struct live_socket_user *user);

int live_sockets_open(struct live *l, struct errmsg *e);
void live_sockets_stop(struct live *l);
void live_sockets_close(struct live *l);
int64_t live_sockets_next_us(const struct live *l);
void live_sockets_pump(struct live *l, int64_t now_us);

// Once; opens the connection when there is none. `rest` of a symbol: "kline_1m".
void live_sockets_subscribe(struct live *l, enum stream_which which, const char *name);
void live_sockets_subscribe_symbol(struct live *l, enum stream_which which, int16_t symbol, const char *rest);
void live_sockets_expect_user(struct live *l);   // the user stream's address is being asked for
void live_sockets_open_user(struct live *l, const char *listen_key);
void live_sockets_retry_user(struct live *l);   // no listen key could be got: later
// As if the connection had ended.
void live_sockets_break(struct live *l, enum stream_which which, const char *why);
bool live_sockets_running(const struct live *l, enum stream_which which);
bool live_sockets_up(const struct live *l, enum stream_which which);   // running, or not needed

#endif

// exchange_server.h: the whole local exchange but its sockets: simulated exchange, background traders,
// authentication, handlers,
// streams, audit and faults, driven by connections (net/conn.h) and a clock that is handed in.
//
// Time     one clock for everything: market, timestamps, limits, listen keys. It may run faster than the
//          wall's; request stamps by the wall clock are then taken as well.
// Owner    exchange_server_free. Options are copied but for the series, which must live as long.
#ifndef MT_SERVER_EXCHANGE_SERVER_H
#define MT_SERVER_EXCHANGE_SERVER_H

#include "data/series.h"
#include "sim/exchange.h"
#include "sim/faults.h"
#include "trade/symbol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXCHANGE_SERVER_KEYS_MAX = 8 };

struct exchange_server_key {
    char id[65];
    int32_t kind;             // 0 HMAC, 1 RSA, 2 Ed25519 (enum key_kind)
    const char *text;         // secret, or public key as PEM or base64 of DER
    bool trades, withdraws;   // `withdraws` is answered when asked for, no more
};

struct exchange_server_options {
    struct exchange_config exchange;
    const struct symbol *symbols;
    int32_t symbol_count;
    // Of each symbol: bars of the past, and, from `replay_from` on, of what is to come; replay_from == count:
    // all past, and the market makes itself. Times are moved so that the replay begins with the clock.
    const struct series *series;
    const int64_t *replay_from;
    // Instead of series: files of trades of each symbol (data/trade_file.h), the first `trade_history_us` of
    // them the past.
    const char *const *const *trade_paths;
    const int32_t *trade_path_counts;   // NULL: series
    int64_t trade_history_us;
    bool loop;   // begin again where the data end
    uint64_t seed;
    double volatility, rate;   // of a synthetic market: a day's, and orders a second
    bool legacy_streams;
    int64_t stream_life_us, ping_us;
    struct faults faults;
    const void *state;   // bytes of exchange_server_save to go on from, or NULL; state_size of them
    size_t state_size;
    struct exchange_server_key keys[EXCHANGE_SERVER_KEYS_MAX];
    int32_t key_count;
    const char *admin_token;         // what /moontide/ pages ask for; NULL: nothing, for who has no socket
    const char *const *host_names;   // by which this machine is called, besides localhost and addresses
    int32_t host_count;
};

struct conn_hooks;
struct exchange_server;

// ERR_NO_MEMORY, ERR_INVALID (a key), ERR_FORMAT (the state, a file of trades). `now_us` is the exchange's
// time at the start.
int exchange_server_new(const struct exchange_server_options *o, int64_t now_us, struct exchange_server **out,
                        struct errmsg *e);
void exchange_server_free(struct exchange_server *l);

// The clocks: the exchange's and the wall's (0 when they are the same). Lets all happen that is due.
void exchange_server_advance(struct exchange_server *l, int64_t now_us, int64_t wall_us);

// Hooks of the connections it serves. `clock` is asked for the time at each request.
struct exchange_server_clock {
    void *ctx;
    void (*read)(void *ctx, int64_t *now_us, int64_t *wall_us);
};
void exchange_server_serve(struct exchange_server *l, const struct exchange_server_clock *clock,
                           struct conn_hooks *hooks);
struct conn;
void exchange_server_closed(struct exchange_server *l, struct conn *c);   // before a connection is freed

struct exchange_server_figures {
    int64_t requests, messages, orders, fills, audit_entries;
    bool data_ended;
};
struct exchange_server_figures exchange_server_figures(const struct exchange_server *l);

// The account as bytes (sim/snapshot.h), malloc'ed.
void *exchange_server_save(const struct exchange_server *l, size_t *size);

#endif

// virtual_network.h: a network and a clock of this process alone, between a live world and a local exchange:
// no socket, no sleep. The world speaks by virtual_network_table, reads time and waits by
// virtual_network_clock; whenever it waits, time jumps to the next thing due on either side.
//
// Bytes    a request becomes the bytes that the exchange's connections (net/conn.h) read, streams speak
//          WebSocket (net/ws_protocol.h); both ways they take a latency drawn from the seed, and arrive in
//          their order.
// Same     the same seed, exchange and script: the same bytes at the same microseconds.
// Places   connections are named by how their address begins: "/private/ws", "/market", "/public",
//          "/ws-fapi"; "http" are all those of requests, "" are all.
// Owner    virtual_network_free, after the world. The exchange is borrowed, and must outlive it.
#ifndef MT_TESTING_VIRTUAL_NETWORK_H
#define MT_TESTING_VIRTUAL_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtual_network;
struct exchange;
struct exchange_server;
struct live_clock;
struct network;

struct virtual_network_options {
    struct exchange_server *exchange;
    uint64_t seed;
    int64_t start_us;                // microseconds since the epoch, of the exchange too
    int64_t latency_us, jitter_us;   // each way: the one, and an evenly drawn part of the other
    int64_t tick_us;                 // how often the exchange does what is due by itself
};

enum virtual_action {
    VIRTUAL_CUT,              // connections of the place are reset; what is on its way is lost
    VIRTUAL_DEAD,             // of connections that stand nothing arrives any more, and nobody ends them
    VIRTUAL_SILENCE,          // for so long nothing arrives, new connections included; then all of it does
    VIRTUAL_SILENT_ANSWERS,   // the same, but only what the exchange says
    VIRTUAL_REFUSE,           // for so long new connections are refused
    VIRTUAL_LATENCY,          // from now on the latency each way is so long
    VIRTUAL_CLOCK_JUMP        // the exchange's clock is so much further on (never back)
};

struct virtual_network *virtual_network_new(const struct virtual_network_options *o);
void virtual_network_free(struct virtual_network *v);

const struct network *virtual_network_table(const struct virtual_network *v);
const struct live_clock *virtual_network_clock(const struct virtual_network *v);

// Lets time pass without a world: what is on its way arrives, and the exchange goes on.
void virtual_network_pass(struct virtual_network *v, int64_t us);

// Something happens `after_us` from now (0: at once).
void virtual_network_plan(struct virtual_network *v, int32_t action, const char *place, int64_t after_us,
                          int64_t for_us);

// A request past the network, without latency: the body of its answer, until the next one. `head` is further
// header lines, each ended by \r\n.
const char *virtual_network_ask(struct virtual_network *v, const char *method, const char *target,
                                const char *head, const char *body);

struct exchange *virtual_network_exchange(const struct virtual_network *v);   // what is true of the account

int64_t virtual_network_now_us(const struct virtual_network *v);   // since the epoch, of the world's clock

struct virtual_network_figures {
    int64_t requests, answers, opened, open, cuts;   // opened, open: connections, now and so far
    int64_t packets;
};
struct virtual_network_figures virtual_network_figures(const struct virtual_network *v);

#endif

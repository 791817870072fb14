// exchange_main.h: the process around a local exchange: a libuv loop, its clock, signals, the server's
// socket.
#ifndef MT_SERVER_EXCHANGE_MAIN_H
#define MT_SERVER_EXCHANGE_MAIN_H

#include "base/err.h"
#include "server/exchange_server.h"

struct exchange_main_options {
    struct exchange_server_options local;
    const char *address;             // to listen on
    int32_t port;                    // 0: any
    const char *certificate, *key;   // PEM files for TLS; NULL: none
    const char *state;               // a file that keeps the account between runs; NULL: none
    int32_t request_s;               // a client has this long to send a request
    double speed;                    // of the exchange's clock against the wall's; 0: as fast as it goes
};

struct exchange_main;

// Listens; nothing is served before exchange_main_run. ERR_IO, ERR_INVALID, ERR_NO_MEMORY with one line.
int exchange_main_open(const struct exchange_main_options *o, struct exchange_main **out, struct errmsg *e);
int32_t exchange_main_port(const struct exchange_main *m);

// Serves until SIGINT or SIGTERM, or, as fast as it goes without a loop, until the data end. ERR_IO when the
// state could not be written at the end.
int exchange_main_run(struct exchange_main *m, struct errmsg *e);
struct exchange_server_figures exchange_main_figures(const struct exchange_main *m);
void exchange_main_free(struct exchange_main *m);

#endif

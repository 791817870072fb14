// exchange_server_private.h: what the files of the local exchange share.
#ifndef MT_SERVER_EXCHANGE_SERVER_PRIVATE_H
#define MT_SERVER_EXCHANGE_SERVER_PRIVATE_H

#include "data/trade_file.h"
#include "server/audit.h"
#include "server/handlers.h"
#include "server/exchange_server.h"
#include "server/stream_hub.h"
#include "server/ws_api.h"
#include "sim/flow.h"
#include "sim/order_store.h"

// What is to come of a symbol: bar `next`, or the trade `row` of a file; and what their times are moved by.
struct market_replay {
    int64_t next, shift_us;
    struct trade_file *file;
    struct trade_row row;
    bool ended;
};

struct late;

struct exchange_server {
    struct exchange_server_options o;
    struct exchange_server_clock clock;
    struct symbol *symbols;
    struct exchange *x;
    struct flow *flow;
    struct handlers *handlers;
    struct stream_hub *streams;
    struct audit *audit;
    struct market_replay *replays;
    struct late *lates;
    int64_t now_us, wall_us;     // the exchange's clock, and the wall's as far off as it
    int64_t true_us, requests;   // the clock without the skew of faults, by which faults happen
    struct snapshot *snapshot;   // the account to go on from, until the exchange is built
    bool data_ended;
    struct client_request request;   // of the request being served
    char *print;                     // for the exchange's own pages
    size_t print_room;
};

// local_market.c: a market opened with its past, and what data hand over in time. ERR_NO_MEMORY, ERR_FORMAT.
int exchange_server_market_open(struct exchange_server *l, int16_t symbol, struct errmsg *e);
void exchange_server_market_advance(struct exchange_server *l, int64_t now_us);

// local_exchange.c: a request, as it comes or (`arrived`) after a fault has kept it back; c is NULL when its
// client is gone.
void exchange_server_take_http(struct exchange_server *l, struct conn *c, const struct http_request *r,
                               bool arrived);
void exchange_server_take_ws(struct exchange_server *l, struct conn *c, struct ws_session *session,
                             const char *text, size_t size, bool arrived);

// local_faults.c: requests that arrive late.
void exchange_server_keep_http(struct exchange_server *l, struct conn *c, const struct fault_rule *fault,
                               const struct http_request *r);
void exchange_server_keep_ws(struct exchange_server *l, struct conn *c, const struct fault_rule *fault,
                             const struct ws_session *session, const char *text, size_t size);

// The answer a rule gives instead, and answers on their way under their fault (NULL: none).
void exchange_server_error_answer(struct exchange_server *l, const struct fault_rule *fault,
                                  struct answer *a);
void exchange_server_answer_http(struct exchange_server *l, struct conn *c, const struct fault_rule *fault,
                                 const struct answer *a);
void exchange_server_answer_ws(struct exchange_server *l, struct conn *c, const struct fault_rule *fault,
                               const char *text);
void exchange_server_lates_run(struct exchange_server *l, int64_t now_us);
void exchange_server_lates_drop(struct exchange_server *l,
                                const struct conn *c);   // a connection is gone; NULL: all of them

// local_pages.c: /moontide/...
void exchange_server_page(struct exchange_server *l, struct conn *c, const struct http_request *r);

#endif

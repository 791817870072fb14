// local_private.h: what the files of the local exchange share.
#ifndef MT_HOST_LOCAL_PRIVATE_H
#define MT_HOST_LOCAL_PRIVATE_H

#include "data/trade_file.h"
#include "host/audit.h"
#include "host/desk.h"
#include "host/local_exchange.h"
#include "host/streams.h"
#include "host/ws_api.h"
#include "sim/flow.h"
#include "sim/order_store.h"

// What is to come of a symbol: bar `next`, or the trade `row` of a file; and what their times are moved by.
struct replay {
    int64_t next, shift_us;
    struct trade_file *file;
    struct trade_row row;
    bool ended;
};

struct late;

struct local_exchange {
    struct local_options o;
    struct local_clock clock;
    struct symbol *symbols;
    struct exchange *x;
    struct flow *flow;
    struct desk *desk;
    struct streams *streams;
    struct audit *audit;
    struct replay *replays;
    struct late *lates;
    int64_t now_us, wall_us, requests;
    bool data_ended;
    struct visit visit;            // of the request being served
    char *print;                   // for the exchange's own pages
    size_t print_room;
};

// local_market.c: a market opened with its past, and what data hand over in time. ERR_NO_MEMORY, ERR_FORMAT.
int local_market_open(struct local_exchange *l, int16_t symbol, struct errmsg *e);
void local_market_advance(struct local_exchange *l, int64_t now_us);

// local_exchange.c: a request, as it comes or (`arrived`) after a fault has kept it back; c is NULL when its client is gone.
void local_take_http(struct local_exchange *l, struct conn *c, const struct http_request *r, bool arrived);
void local_take_ws(struct local_exchange *l, struct conn *c, struct ws_session *session, const char *text, size_t size, bool arrived);

// local_faults.c: requests that arrive late.
void local_keep_http(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const struct http_request *r);
void local_keep_ws(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const struct ws_session *session,
                   const char *text, size_t size);

// The answer a rule gives instead, and answers on their way under their fate (NULL: none).
void local_error_answer(struct local_exchange *l, const struct fault_rule *fate, struct answer *a);
void local_answer_http(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const struct answer *a);
void local_answer_ws(struct local_exchange *l, struct conn *c, const struct fault_rule *fate, const char *text);
void local_lates_run(struct local_exchange *l, int64_t now_us);
void local_lates_drop(struct local_exchange *l, const struct conn *c);   // a connection is gone; NULL: all of them

// local_pages.c: /moontide/...
void local_page(struct local_exchange *l, struct conn *c, const struct http_request *r);

#endif

// handlers.h: what is asked of the local exchange: a request that was let in (server/auth.h) is put to the
// simulated
// exchange, and its reply written as JSON. The same for REST and for the WebSocket API. No sockets, no clock.
//
// Owner    handlers_free. An answer is valid until the next request.
#ifndef MT_SERVER_HANDLERS_H
#define MT_SERVER_HANDLERS_H

#include "server/auth.h"
#include "sim/exchange.h"
struct handlers;

struct answer {
    int32_t status;     // HTTP
    int32_t code;       // 0, or the refusal's
    const char *head;   // header lines
    const char *body;   // JSON
    size_t size;
    int64_t order_id;   // of the order in a single-order reply; 0: none
    int32_t batch_count;
    int32_t batch_code[CALL_CANCEL_BATCH_MAX];
    int64_t batch_order_id[CALL_CANCEL_BATCH_MAX];
};

struct handlers *handlers_new(struct exchange *x, const struct symbol *symbols, int32_t symbol_count,
                              const struct limit_record *limits, int32_t limit_count, int64_t now_us);
void handlers_free(struct handlers *d);
void handlers_rules_changed(struct handlers *d, int64_t now_us);   // exchangeInfo says so from now on

// Who may ask: keys are added there.
struct auth *handlers_auth(struct handlers *d);

// The exchange's reply hook.
void handlers_reply(struct handlers *d, const struct reply *r);

// Carries out a request that was let in, or answers the refusal of one that was not.
void handlers_serve(struct handlers *d, const struct client_request *v, struct answer *a, int64_t now_us);

// An answer that the exchange has no part in: an error as the exchange words it.
void handlers_error(struct handlers *d, int32_t status, int32_t code, const char *text, struct answer *a,
                    int64_t now_us);

// Rows of rateLimits with their use, as the WebSocket API tells them, into out; as record_json.
size_t handlers_rate_limits(struct handlers *d, bool orders, char *out, size_t size, int64_t now_us);

#endif

// desk.h: the exchange's front desk: who asks, is it in time and signed, what is asked; then the exchange's
// answer as JSON. The same for REST and for the WebSocket API. No sockets, no clock.
//
// Order of checks   key format (-2014), mandatory timestamp and signature (-1102), clock (-1021), signature
// (-1022), key
//                   and permission (-2015), then the parameters (wire contract, sections 1.3, 2 and 5.7).
// Owner             handlers_free. An answer is valid until the next visit.
#ifndef MT_SERVER_HANDLERS_H
#define MT_SERVER_HANDLERS_H

#include "net/conn.h"
#include "net/signature.h"
#include "sim/exchange.h"
#include "venue/binance/decode.h"

#include <json-c/json.h>

enum { HANDLERS_KEYS_MAX = 16, API_KEY_SIZE = 64 };

struct handlers;

// One request on its way through the desk.
struct client_request {
    int32_t endpoint;   // -1: none
    bool over_websocket;
    bool asks_rights;   // what its key may do, a call of another address of the exchange; endpoint is -1
    bool may_trade, may_withdraw;   // its key's rights
    struct refusal refusal;         // code 0: let in
    struct wire_params params;
    struct wire_call wire;
};

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

// A key of API_KEY_SIZE letters and digits; the signing key becomes the desk's. ERR_FULL, ERR_INVALID.
// `withdraws` is a right to be warned of: nothing can be withdrawn here.
int handlers_add_key(struct handlers *d, const char *id, struct signing_key *key, bool trades,
                     bool withdraws);

// The exchange's reply hook.
void handlers_reply(struct handlers *d, const struct reply *r);

// Judges a request: v->refusal tells whether it is let in. wall_us: a second clock whose stamps are taken too
// (0: none); for exchanges whose time runs faster than their clients'.
void handlers_open(struct handlers *d, const struct http_request *r, struct client_request *v, int64_t now_us,
                   int64_t wall_us);

// The same for a request of the WebSocket API. `session`: the key of a logged-on session, or "".
void handlers_open_ws(struct handlers *d, int32_t endpoint, struct json_object *params, const char *session,
                      struct client_request *v, int64_t now_us, int64_t wall_us);

// Whether params are signed for session.logon by an Ed25519 key; fills v->refusal otherwise.
bool handlers_logon(struct handlers *d, struct json_object *params, struct client_request *v, int64_t now_us,
                    int64_t wall_us);

// Carries out a request that was let in, or answers the refusal of one that was not.
void handlers_serve(struct handlers *d, const struct client_request *v, struct answer *a, int64_t now_us);

// An answer of the desk's own: an error as the exchange words it.
void handlers_error(struct handlers *d, int32_t status, int32_t code, const char *text, struct answer *a,
                    int64_t now_us);

// Rows of rateLimits with their use, as the WebSocket API tells them, into out; as record_json.
size_t handlers_rate_limits(struct handlers *d, bool orders, char *out, size_t size, int64_t now_us);

// The exchange's clock is told this much too late or early (a fault).
void handlers_set_skew(struct handlers *d, int64_t skew_us);

#endif

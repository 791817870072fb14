// auth.h: who asks the local exchange: keys, stamps, signatures and rights, for REST and the WebSocket API
// alike. No
// sockets, no clock.
//
// Order of checks   key format (-2014), mandatory timestamp and signature (-1102), clock (-1021), signature
// (-1022), key
//                   and permission (-2015), then the parameters (wire contract, sections 1.3, 2 and 5.7).
// Owner             auth_free; it owns the signing keys added. Symbols are borrowed.
#ifndef MT_SERVER_AUTH_H
#define MT_SERVER_AUTH_H

#include "net/conn.h"
#include "net/signature.h"
#include "venue/binance/decode.h"

#include <json-c/json.h>

enum { AUTH_KEYS_MAX = 16, API_KEY_SIZE = 64 };

struct auth;

// One request as it is judged and then served.
struct client_request {
    int32_t endpoint;   // -1: none
    bool over_websocket;
    bool asks_rights;   // what its key may do, a call of another address of the exchange; endpoint is -1
    bool may_trade, may_withdraw;   // its key's rights
    struct refusal refusal;         // code 0: let in
    struct wire_params params;
    struct wire_call wire;
};

struct auth *auth_new(const struct symbol *symbols, int32_t symbol_count);
void auth_free(struct auth *a);

// A key of API_KEY_SIZE letters and digits; the signing key becomes the owner's of a. ERR_FULL, ERR_INVALID.
// `withdraws` is a right to be warned of: nothing can be withdrawn here.
int auth_add_key(struct auth *a, const char *id, struct signing_key *key, bool trades, bool withdraws);

// Judges a request: v->refusal tells whether it is let in. wall_us: a second clock whose stamps are taken too
// (0: none); for exchanges whose time runs faster than their clients'.
void auth_open(struct auth *a, const struct http_request *r, struct client_request *v, int64_t now_us,
               int64_t wall_us);

// The same for a request of the WebSocket API. `session`: the key of a logged-on session, or "".
void auth_open_ws(struct auth *a, int32_t endpoint, struct json_object *params, const char *session,
                  struct client_request *v, int64_t now_us, int64_t wall_us);

// Whether params are signed for session.logon by an Ed25519 key; fills v->refusal otherwise.
bool auth_logon(struct auth *a, struct json_object *params, struct client_request *v, int64_t now_us,
                int64_t wall_us);

#endif

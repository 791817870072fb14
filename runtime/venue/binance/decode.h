// decode.h: a request as it stands on the wire, made into a struct call: name=value pairs of query and body,
// or the members of a JSON object, checked as the exchange checks them.
//
// Pure     bytes in, values out; JSON is read by json-c.
// Errors   a refusal with the exchange's code and text (wire contract, section 5.7); nothing else of the call
//          is then valid. What hangs on the account or the market is not judged here.
// Names    are matched without case (ccxt sends `orderidlist`); names a call does not know are passed over.
#ifndef MT_VENUE_BINANCE_DECODE_H
#define MT_VENUE_BINANCE_DECODE_H

#include "trade/call.h"
#include "trade/symbol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_PAIRS_MAX = 64, WIRE_TEXT_MAX = 16384 };

// Decoded pairs. A name met again is passed over: the query stands before the body and wins.
struct wire_params {
    int32_t count;
    struct {
        const char *name, *value;
    } pairs[WIRE_PAIRS_MAX];   // into text
    size_t used;
    char text[WIRE_TEXT_MAX];
};

struct refusal {
    int32_t status;   // HTTP
    int32_t code;     // 0: none
    char text[200];
};

struct wire_call {
    struct call call;   // batch, ids and client_ids point to what follows
    struct call batch[CALL_BATCH_MAX];
    struct refusal refusals[CALL_BATCH_MAX];   // of entries that cannot be read
    int64_t ids[CALL_CANCEL_BATCH_MAX];
    char client_ids[CALL_CANCEL_BATCH_MAX][CLIENT_ID_MAX];
};

bool refuse_with(struct refusal *r, int32_t status, int32_t code, const char *argument);   // always false
bool refuse_text(struct refusal *r, int32_t status, int32_t code, const char *text);       // likewise

// Adds the pairs of "a=1&b=%20". False: too many or too long (-1101), or a broken percent escape (-1100).
bool decode_add_query(struct wire_params *p, const char *text, size_t size, struct refusal *r);

// Adds one pair as it is.
bool decode_add(struct wire_params *p, const char *name, const char *value, struct refusal *r);

const char *decode_find(const struct wire_params *p, const char *name);   // exact case not needed; NULL: none

// The one JSON value that the whole text is, at most 16 deep; NULL: it is none.
struct json_object;
struct json_object *decode_json(const char *text, size_t size);

// Fills *out for an endpoint.
bool decode_decode(const struct wire_params *p, int32_t endpoint, const struct symbol *symbols,
                   int32_t symbol_count, struct wire_call *out, struct refusal *r);

#endif

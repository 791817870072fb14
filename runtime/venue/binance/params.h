// params.h: the table of request parameters: names, types, place in struct call; and checked setting of one.
//
// Errors   ERR_SYNTAX for text that is not of the type, ERR_OVERFLOW for a value too large or too long,
//          ERR_INVALID for a value outside the allowed ones or a parameter that cannot be set so; the message
//          names the parameter and what it allows. Nothing is changed on error.
#ifndef MT_VENUE_BINANCE_PARAMS_H
#define MT_VENUE_BINANCE_PARAMS_H

#include "base/err.h"
#include "trade/call.h"

#include <stdbool.h>
#include <stdint.h>

enum param_type {
    PARAM_SYMBOL,   // int16_t, resolved by the caller against the run's symbols
    PARAM_ENUM,     // uint8_t, one of `names`
    PARAM_CONST,    // no storage: names[0] is the only value
    PARAM_DEC,      // int64_t e8
    PARAM_BOOL,
    PARAM_INT8,   // uint8_t
    PARAM_INT32,
    PARAM_ID,     // int64_t
    PARAM_MS,     // int64_t us; milliseconds on the wire and in Lua
    PARAM_TEXT,   // char[CLIENT_ID_MAX]
    PARAM_LIST    // batch, ids or client_ids: set by the caller
};

struct param_info {
    const char *name;           // as on the wire
    const char *aliases[3];     // other spellings; NULL-padded
    uint8_t type;               // enum param_type
    uint8_t name_count;         // PARAM_ENUM
    uint16_t offset;            // in struct call
    const char *const *names;   // PARAM_ENUM, PARAM_CONST
};

// The row of an enum param, below PARAM_COUNT.
const struct param_info *param_info(int32_t param);

// The parameter of a name, or -1. Letter case and underscores do not count: orderId, orderid and
// order_id are one. "type" is P_TYPE; P_MARGIN_CHANGE, which has the same name on the wire, is found as
// change_type.
int32_t param_find(const char *name);

// Sets a parameter and its bit in `given`. Text is what the wire carries; numbers are rounded to the nearest
// 1e-8 for decimals and must be whole for the others. `e` may be NULL. P_CLIENT_ALGO_ID sets
// orig_client_id: the caller moves it for a new order.
int call_set_text(struct call *c, int32_t param, const char *text, struct errmsg *e);
int call_set_number(struct call *c, int32_t param, double value, struct errmsg *e);
int call_set_bool(struct call *c, int32_t param, bool value, struct errmsg *e);

#endif

// error_code.h: the exchange's error codes: their texts and what a client must make of them.
//
// Source   the exchange's error code pages and its notes on HTTP return codes.
#ifndef MT_VENUE_BINANCE_ERROR_CODE_H
#define MT_VENUE_BINANCE_ERROR_CODE_H

#include "base/outcome.h"

#include <stddef.h>
#include <stdint.h>

// The text of a code, with %s where the exchange puts a value; "" for a code not known.
const char *error_code_text(int32_t code);

// That text with its values put in: `first` (NULL: nothing) in the first place, `second` in those behind it
// (NULL: they stay). Cut to what fits, terminated.
void error_code_message(int32_t code, const char *first, const char *second, char *out, size_t size);

// What an answer means for a request: `status` is the HTTP status (0: no answer came), `code` the body's code
// (0: none), `text` the body's message ("" when none; tells the meanings of a 503 apart), `sent` whether any
// byte may have reached the exchange, `mutating` whether the request changes state.
enum outcome error_code_outcome(int32_t status, int32_t code, const char *text, bool sent, bool mutating);

#endif

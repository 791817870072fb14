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

// The end of a ban, as the text of -1003 tells it ("banned until 1690000000000"): milliseconds since the epoch; 0: no such text.
int64_t error_code_ban_end_ms(const char *text);

// What an answer means for a request: `status` is the HTTP status (0: no answer came), `code` the body's code
// (0: none), `text` the body's message ("" when none; tells the meanings of a 503 apart), `sent` whether any
// byte may have reached the exchange, `mutating` whether the request changes state. A status without a code is something
// else's word than the exchange's (a firewall's, a proxy's): it refuses nothing for good.
enum outcome error_code_outcome(int32_t status, int32_t code, const char *text, bool sent, bool mutating);

#endif

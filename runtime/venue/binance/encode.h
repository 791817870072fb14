// encode.h: a struct call as the query string of a request: what venue/binance/decode.h reads.
#ifndef MT_VENUE_BINANCE_ENCODE_H
#define MT_VENUE_BINANCE_ENCODE_H

#include "base/text.h"
#include "trade/call.h"
#include "trade/symbol.h"

#include <stddef.h>

// Writes "symbol=BTCUSDT&side=BUY...", percent-encoded, parameters in the order of enum param, without
// timestamp and signature. Terminated; returns the length needed, as record_json.
size_t call_encode(const struct call *c, const struct symbol *symbols, char *out, size_t size);

// Adds one value, percent-encoded.
void encode_value(struct text_out *o, const char *text);

#endif

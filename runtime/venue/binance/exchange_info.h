// exchange_info.h: the reply of GET /fapi/v1/exchangeInfo (wire contract, section 4.2), written from struct
// symbol.
#ifndef MT_VENUE_BINANCE_EXCHANGE_INFO_H
#define MT_VENUE_BINANCE_EXCHANGE_INFO_H

#include "trade/record.h"
#include "trade/symbol.h"

#include <stddef.h>

// As record_json: returns the length needed.
size_t exchange_info_json(char *out, size_t size, const struct symbol *symbols, int32_t count,
                          const struct limit_record *limits, int32_t limit_count, int64_t server_us);

#endif

// archive_row.h: records of the exchange's replies as rows of its archives, digit by digit what the archive has.
#ifndef MT_DATA_ARCHIVE_ROW_H
#define MT_DATA_ARCHIVE_ROW_H

#include "trade/record.h"

#include <stdint.h>

enum { ARCHIVE_ROW_MAX = 320 };

extern const char archive_kline_header[];     // each with its line end
extern const char archive_trade_header[];     // of aggTrades
extern const char archive_funding_header[];   // of fundingRate

// Each prints one row with its line end, terminated, and returns the length.
int archive_kline_row(char out[ARCHIVE_ROW_MAX], const struct kline_record *k);
int archive_trade_row(char out[ARCHIVE_ROW_MAX], const struct agg_trade_record *t);
int archive_funding_row(char out[ARCHIVE_ROW_MAX], const struct funding_record *f, int32_t interval_hours);

#endif

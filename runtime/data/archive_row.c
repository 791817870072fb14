// archive_row.c: records as rows of the exchange's archives.
#include "data/archive_row.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/wide.h"

#include <stdio.h>

const char archive_kline_header[] = "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
                                    "taker_buy_volume,taker_buy_quote_volume,ignore\n";
const char archive_trade_header[] =
    "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n";
const char archive_funding_header[] = "calc_time,funding_interval_hours,last_funding_rate\n";

static const char *dec(char out[DEC_TEXT_MAX], int64_t value_e8) {
    dec_print_short(out, value_e8);
    return out;
}

static const char *wide(char out[WIDE_TEXT_MAX], int64_t low, int64_t high) {
    wide_print(out, low, high, wide_decimals(low, high));
    return out;
}

int archive_kline_row(char out[ARCHIVE_ROW_MAX], const struct kline_record *k) {
    char open[DEC_TEXT_MAX], high[DEC_TEXT_MAX], low[DEC_TEXT_MAX], close[DEC_TEXT_MAX];
    char volume[WIDE_TEXT_MAX], quote[WIDE_TEXT_MAX], taker[WIDE_TEXT_MAX], taker_quote[WIDE_TEXT_MAX];
    int length =
        snprintf(out, ARCHIVE_ROW_MAX, "%lld,%s,%s,%s,%s,%s,%lld,%s,%lld,%s,%s,0\n",
                 (long long)(k->open_us / 1000), dec(open, k->open_e8), dec(high, k->high_e8),
                 dec(low, k->low_e8), dec(close, k->close_e8), wide(volume, k->volume_e8, k->volume_high),
                 (long long)(k->close_us / 1000), wide(quote, k->quote_volume_e8, k->quote_volume_high),
                 (long long)k->trades, wide(taker, k->taker_volume_e8, k->taker_volume_high),
                 wide(taker_quote, k->taker_quote_volume_e8, k->taker_quote_volume_high));
    ASSERT(length > 0 && length < ARCHIVE_ROW_MAX);
    return length;
}

int archive_trade_row(char out[ARCHIVE_ROW_MAX], const struct agg_trade_record *t) {
    char price[DEC_TEXT_MAX], quantity[DEC_TEXT_MAX];
    int length =
        snprintf(out, ARCHIVE_ROW_MAX, "%lld,%s,%s,%lld,%lld,%lld,%s\n", (long long)t->id,
                 dec(price, t->price_e8), dec(quantity, t->qty_e8), (long long)t->first_id,
                 (long long)t->last_id, (long long)(t->time_us / 1000), t->buyer_maker ? "true" : "false");
    ASSERT(length > 0 && length < ARCHIVE_ROW_MAX);
    return length;
}

int archive_funding_row(char out[ARCHIVE_ROW_MAX], const struct funding_record *f, int32_t interval_hours) {
    char rate[DEC_TEXT_MAX];
    int length = snprintf(out, ARCHIVE_ROW_MAX, "%lld,%d,%s\n", (long long)(f->time_us / 1000),
                          interval_hours, dec(rate, f->rate_e8));
    ASSERT(length > 0 && length < ARCHIVE_ROW_MAX);
    return length;
}

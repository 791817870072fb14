// kline.c: sums of bars.
#include "trade/kline.h"

#include "base/wide.h"

void kline_add_volumes(struct kline_record *to, const struct kline_record *bar) {
    wide_add(&to->volume_e8, &to->volume_high, bar->volume_e8, bar->volume_high);
    wide_add(&to->quote_volume_e8, &to->quote_volume_high, bar->quote_volume_e8, bar->quote_volume_high);
    wide_add(&to->taker_volume_e8, &to->taker_volume_high, bar->taker_volume_e8, bar->taker_volume_high);
    wide_add(&to->taker_quote_volume_e8, &to->taker_quote_volume_high, bar->taker_quote_volume_e8,
             bar->taker_quote_volume_high);
    to->trades += bar->trades;
}

// kline.h: sums of bars.
#ifndef MT_TRADE_KLINE_H
#define MT_TRADE_KLINE_H

#include "trade/record.h"

// Adds the volumes and the count of trades of a bar to those of another.
void kline_add_volumes(struct kline_record *to, const struct kline_record *bar);

#endif

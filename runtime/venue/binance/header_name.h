// header_name.h: the HTTP headers by which the exchange takes an API key and tells how much of its limits is
// used.
#ifndef MT_VENUE_BINANCE_HEADER_NAME_H
#define MT_VENUE_BINANCE_HEADER_NAME_H

#define HEADER_API_KEY "X-MBX-APIKEY"
#define HEADER_USED_WEIGHT_1M "X-MBX-USED-WEIGHT-1M"
#define HEADER_ORDER_COUNT_10S "X-MBX-ORDER-COUNT-10S"
#define HEADER_ORDER_COUNT_1M "X-MBX-ORDER-COUNT-1M"

#endif

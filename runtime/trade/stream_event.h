// stream_event.h: an event of an exchange's streams, typed, as it is delivered to a script.
#ifndef MT_TRADE_STREAM_EVENT_H
#define MT_TRADE_STREAM_EVENT_H

#include "trade/record.h"

// A stream event as delivered.
struct stream_event {
    int64_t time_us;
    uint8_t kind;     // RECORD_ORDER_UPDATE, RECORD_ALGO_UPDATE or RECORD_ACCOUNT_UPDATE; live also
                      // RECORD_AGG_TRADE, RECORD_BOOK_TICKER and RECORD_MARGIN_CALL
    bool recovered;   // live: asked for after the streams had been silent
    int32_t order;    // among those of one time
    union {
        struct order_update_record order;
        struct algo_update_record algo;
        struct account_update_record account;
        struct agg_trade_record trade;
        struct ticker_record book;
        struct margin_call_record margin_call;
    } u;
};

// A position as the script's side knows it, so behind the exchange by the latency.
struct position_view {
    int64_t amount_e8, entry_e8;
};

#endif

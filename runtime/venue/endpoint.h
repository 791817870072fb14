// endpoint.h: the table of the exchange's calls: address, weight, order count, kind, what it does to state.
//
// Source   the exchange's published endpoint pages; weights depend on parameters as stated there.
#ifndef MT_VENUE_ENDPOINT_H
#define MT_VENUE_ENDPOINT_H

#include "venue/call.h"

#include <stdbool.h>
#include <stdint.h>

enum endpoint {
    EP_PING, EP_TIME, EP_EXCHANGE_INFO, EP_DEPTH, EP_TRADES, EP_AGG_TRADES, EP_KLINES, EP_PREMIUM_INDEX,
    EP_FUNDING_RATE, EP_TICKER_24H, EP_TICKER_PRICE, EP_BOOK_TICKER,
    EP_ORDER_NEW, EP_ORDER_TEST, EP_ORDER_MODIFY, EP_ORDER_CANCEL, EP_ORDER_GET, EP_OPEN_ORDER, EP_OPEN_ORDERS,
    EP_ALL_ORDERS, EP_BATCH_NEW, EP_BATCH_MODIFY, EP_BATCH_CANCEL, EP_CANCEL_ALL, EP_COUNTDOWN_CANCEL,
    EP_USER_TRADES, EP_ALGO_NEW, EP_ALGO_CANCEL, EP_ALGO_GET, EP_ALGO_OPEN, EP_ALGO_ALL, EP_ALGO_CANCEL_ALL,
    EP_BALANCE, EP_ACCOUNT, EP_POSITION_RISK, EP_LEVERAGE, EP_MARGIN_TYPE, EP_POSITION_MARGIN,
    EP_POSITION_MODE_SET, EP_POSITION_MODE_GET, EP_INCOME, EP_COMMISSION_RATE, EP_LEVERAGE_BRACKET,
    EP_ACCOUNT_CONFIG, EP_SYMBOL_CONFIG,
    // Older versions whose replies differ, and what only the local exchange answers.
    EP_BALANCE_V2, EP_ACCOUNT_V2, EP_POSITION_RISK_V2, EP_HISTORICAL_TRADES, EP_CONTINUOUS_KLINES, EP_INDEX_KLINES,
    EP_MARK_KLINES, EP_PREMIUM_KLINES, EP_FUNDING_INFO, EP_OPEN_INTEREST, EP_MULTI_ASSETS_SET, EP_MULTI_ASSETS_GET,
    EP_ADL_QUANTILE, EP_ADL_RISK, EP_FORCE_ORDERS, EP_RATE_LIMIT_ORDER, EP_LISTEN_KEY_NEW, EP_LISTEN_KEY_KEEP,
    EP_LISTEN_KEY_CLOSE, EP_COUNT
};

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE };

const char *http_method_name(int32_t method);   // "GET"...; method is an enum http_method

enum security { SEC_NONE, SEC_KEY, SEC_SIGNED };

// The groups whose budgets, breakers and metrics are kept apart.
enum request_class { CLASS_ORDER, CLASS_MARKET, CLASS_ACCOUNT, CLASS_COUNT };

struct endpoint_info {
    const char *path;            // "/fapi/v1/order"
    uint8_t method;              // enum http_method
    uint8_t security;            // enum security
    uint8_t request_class;       // enum request_class
    uint8_t priority;            // default, enum priority of api/request.h: 0 CRITICAL .. 3 LOW
    bool mutating;               // changes state: never repeated blindly
    uint64_t params;             // bits of the parameters it takes
    uint64_t required;           // bits it cannot do without
    uint8_t record;              // enum record_kind of its reply
    bool list;                   // the reply is a list of records
};

const struct endpoint_info *endpoint_info(int32_t endpoint);

// Whether its symbol is called `pair` on the wire.
bool endpoint_takes_pair(int32_t endpoint);

// The endpoint of a method and path, or -1.
int32_t endpoint_find(const char *method, const char *path);

// What a call costs: request weight of the address, and orders of the account by window.
struct call_cost { int32_t weight, orders_10s, orders_1m; };
struct call_cost endpoint_cost(const struct call *call);

#endif

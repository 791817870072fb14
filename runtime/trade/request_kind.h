// request_kind.h: which requests there are, how urgent they are, and what limits count of them. The
// vocabulary that the API manager, the venue, the simulated exchange and the worlds share.
#ifndef MT_TRADE_REQUEST_KIND_H
#define MT_TRADE_REQUEST_KIND_H

#include <stdint.h>

enum priority { PRIORITY_CRITICAL, PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITY_COUNT };

// Groups with budgets, breakers and metrics of their own; a venue may use one more.
enum request_class {
    REQUEST_CLASS_ORDER,
    REQUEST_CLASS_MARKET,
    REQUEST_CLASS_ACCOUNT,
    REQUEST_CLASS_COUNT,
    REQUEST_CLASSES_MAX = 4
};

// What a window counts. A batch of orders may cost a short window five and a long one a single unit.
enum limit_kind {
    LIMIT_WEIGHT,
    LIMIT_REQUESTS,
    LIMIT_ORDERS,         // in windows shorter than a minute
    LIMIT_ORDERS_LONG,    // in windows of a minute and more
    LIMIT_CLASS_WEIGHT,   // weight of one request class: this plus its number
    LIMIT_KIND_COUNT = LIMIT_CLASS_WEIGHT + REQUEST_CLASSES_MAX
};

// The kinds of an exchange's own list of limits: the first of enum limit_kind.
enum { RATE_KIND_COUNT = LIMIT_ORDERS + 1 };

enum endpoint {
    EP_PING,
    EP_TIME,
    EP_EXCHANGE_INFO,
    EP_DEPTH,
    EP_TRADES,
    EP_AGG_TRADES,
    EP_KLINES,
    EP_PREMIUM_INDEX,
    EP_FUNDING_RATE,
    EP_TICKER_24H,
    EP_TICKER_PRICE,
    EP_BOOK_TICKER,
    EP_ORDER_NEW,
    EP_ORDER_TEST,
    EP_ORDER_MODIFY,
    EP_ORDER_CANCEL,
    EP_ORDER_GET,
    EP_OPEN_ORDER,
    EP_OPEN_ORDERS,
    EP_ALL_ORDERS,
    EP_BATCH_NEW,
    EP_BATCH_MODIFY,
    EP_BATCH_CANCEL,
    EP_CANCEL_ALL,
    EP_COUNTDOWN_CANCEL,
    EP_USER_TRADES,
    EP_ALGO_NEW,
    EP_ALGO_CANCEL,
    EP_ALGO_GET,
    EP_ALGO_OPEN,
    EP_ALGO_ALL,
    EP_ALGO_CANCEL_ALL,
    EP_BALANCE,
    EP_ACCOUNT,
    EP_POSITION_RISK,
    EP_LEVERAGE,
    EP_MARGIN_TYPE,
    EP_POSITION_MARGIN,
    EP_POSITION_MODE_SET,
    EP_POSITION_MODE_GET,
    EP_INCOME,
    EP_COMMISSION_RATE,
    EP_LEVERAGE_BRACKET,
    EP_ACCOUNT_CONFIG,
    EP_SYMBOL_CONFIG,
    // Older versions whose replies differ, and what only the local exchange answers.
    EP_BALANCE_V2,
    EP_ACCOUNT_V2,
    EP_POSITION_RISK_V2,
    EP_HISTORICAL_TRADES,
    EP_CONTINUOUS_KLINES,
    EP_INDEX_KLINES,
    EP_MARK_KLINES,
    EP_PREMIUM_KLINES,
    EP_FUNDING_INFO,
    EP_OPEN_INTEREST,
    EP_MULTI_ASSETS_SET,
    EP_MULTI_ASSETS_GET,
    EP_ADL_QUANTILE,
    EP_ADL_RISK,
    EP_FORCE_ORDERS,
    EP_RATE_LIMIT_ORDER,
    EP_LISTEN_KEY_NEW,
    EP_LISTEN_KEY_KEEP,
    EP_LISTEN_KEY_CLOSE,
    EP_COUNT
};

#endif

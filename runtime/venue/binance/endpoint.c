// endpoint.c: the table of endpoints, found by path or number.
#include "venue/binance/endpoint.h"

#include "base/assert.h"
#include "trade/record.h"

#include <stddef.h>
#include <string.h>

enum { CRITICAL = PRIORITY_CRITICAL, HIGH = PRIORITY_HIGH, NORMAL = PRIORITY_NORMAL, LOW = PRIORITY_LOW };

#define BIT(param) ((uint64_t)1 << (param))

enum { WEIGHT_BY_DEPTH = -1, WEIGHT_BY_BARS = -2 };

#define SIGNED (BIT(P_RECV_WINDOW) | BIT(P_TIMESTAMP))
#define STAMP BIT(P_TIMESTAMP)
#define SYMBOL BIT(P_SYMBOL)
#define RANGE (BIT(P_START_TIME) | BIT(P_END_TIME) | BIT(P_LIMIT))
#define WHICH_ORDER (SYMBOL | BIT(P_ORDER_ID) | BIT(P_ORIG_CLIENT_ID))
#define WHICH_ALGO (BIT(P_ALGO_ID) | BIT(P_CLIENT_ALGO_ID))
#define PLAIN_ORDER                                                                                          \
    (SYMBOL | BIT(P_SIDE) | BIT(P_TYPE) | BIT(P_POSITION_SIDE) | BIT(P_TIME_IN_FORCE) | BIT(P_QUANTITY) |    \
     BIT(P_PRICE) | BIT(P_REDUCE_ONLY) | BIT(P_CLIENT_ID) | BIT(P_RESP_TYPE) | BIT(P_STP_MODE) |             \
     BIT(P_GOOD_TILL_DATE) | BIT(P_PRICE_MATCH))
#define CONDITIONS                                                                                           \
    (BIT(P_STOP_PRICE) | BIT(P_CLOSE_POSITION) | BIT(P_ACTIVATE_PRICE) | BIT(P_CALLBACK_RATE) |              \
     BIT(P_WORKING_TYPE) | BIT(P_PRICE_PROTECT))
#define NEW_ORDER (SYMBOL | BIT(P_SIDE) | BIT(P_TYPE))
#define AMENDMENT                                                                                            \
    (WHICH_ORDER | BIT(P_SIDE) | BIT(P_QUANTITY) | BIT(P_PRICE) | BIT(P_REDUCE_ONLY) | BIT(P_PRICE_MATCH) |  \
     BIT(P_MODIFY_ID))

// Old clients send the conditional parameters to /order: they are read there, and answered with -4120.
#define ANY_ORDER (PLAIN_ORDER | CONDITIONS)

// What the table of endpoint.h does not show: weight with and without a symbol, and orders by window.
struct endpoint_row {
    struct endpoint_info info;
    int16_t weight, weight_all;
    uint8_t orders_10s, orders_1m;
};

#define MARKET(address, params, required, reply, is_list, weight, weight_all)                                  \
    {                                                                                                          \
        {                                                                                                      \
            address, HTTP_GET, SEC_NONE, REQUEST_CLASS_MARKET, NORMAL, false, params, required, reply, is_list \
        },                                                                                                     \
            weight, weight_all, 0, 0                                                                           \
    }
#define MARKET_LOW(address, params, required, reply, weight)                                                 \
    {                                                                                                        \
        { address, HTTP_GET, SEC_NONE, REQUEST_CLASS_MARKET, LOW, false, params, required, reply, true },    \
            weight, weight, 0, 0                                                                             \
    }
#define READ(class, address, level, params, required, reply, is_list, weight, weight_all)                    \
    {                                                                                                        \
        { address, HTTP_GET,          SEC_SIGNED,         class, level,                                      \
          false,   (params) | SIGNED, (required) | STAMP, reply, is_list },                                  \
            weight, weight_all, 0, 0                                                                         \
    }
#define WRITE(method, class, address, level, params, required, reply, is_list, weight, per_10s, per_1m)      \
    {                                                                                                        \
        { address, method, SEC_SIGNED, class, level, true, (params) | SIGNED, (required) | STAMP,            \
          reply,   is_list },                                                                                \
            weight, weight, per_10s, per_1m                                                                  \
    }

#define KLINES(address, reply)                                                                               \
    MARKET(address, SYMBOL | BIT(P_INTERVAL) | RANGE, SYMBOL | BIT(P_INTERVAL), reply, true, WEIGHT_BY_BARS, \
           WEIGHT_BY_BARS)
#define LISTEN_KEY(method, reply)                                                                            \
    {                                                                                                        \
        { "/fapi/v1/listenKey", method, SEC_KEY, REQUEST_CLASS_ACCOUNT, HIGH, false, 0, 0, reply, false },   \
            1, 1, 0, 0                                                                                       \
    }

// The tickers and premiumIndex answer with a list when no symbol is given; `list` tells of the form with one.
// clang-format off
static const struct endpoint_row rows[EP_COUNT] = {
    [EP_PING] = MARKET("/fapi/v1/ping", 0, 0, RECORD_EMPTY, false, 1, 1),
    [EP_TIME] = MARKET("/fapi/v1/time", 0, 0, RECORD_SERVER_TIME, false, 1, 1),
    [EP_EXCHANGE_INFO] = MARKET("/fapi/v1/exchangeInfo", SYMBOL, 0, RECORD_EXCHANGE_INFO, false, 1, 1),
    [EP_DEPTH] = MARKET("/fapi/v1/depth", SYMBOL | BIT(P_LIMIT), SYMBOL, RECORD_DEPTH, false,
                        WEIGHT_BY_DEPTH, WEIGHT_BY_DEPTH),
    [EP_TRADES] = MARKET("/fapi/v1/trades", SYMBOL | BIT(P_LIMIT), SYMBOL, RECORD_RECENT_TRADE, true, 5, 5),
    [EP_AGG_TRADES] = MARKET_LOW("/fapi/v1/aggTrades", SYMBOL | RANGE | BIT(P_FROM_ID), SYMBOL,
                                 RECORD_AGG_TRADE, 20),
    [EP_KLINES] = KLINES("/fapi/v1/klines", RECORD_KLINE),
    [EP_PREMIUM_INDEX] = MARKET("/fapi/v1/premiumIndex", SYMBOL, 0, RECORD_MARK, false, 1, 10),
    [EP_FUNDING_RATE] = MARKET("/fapi/v1/fundingRate", SYMBOL | RANGE, 0, RECORD_FUNDING, true, 0, 0),
    [EP_TICKER_24H] = MARKET("/fapi/v1/ticker/24hr", SYMBOL, 0, RECORD_TICKER_24H, false, 1, 40),
    [EP_TICKER_PRICE] = MARKET("/fapi/v2/ticker/price", SYMBOL, 0, RECORD_TICKER_PRICE, false, 1, 2),
    [EP_BOOK_TICKER] = MARKET("/fapi/v1/ticker/bookTicker", SYMBOL, 0, RECORD_BOOK_TICKER, false, 2, 5),

    [EP_ORDER_NEW] = WRITE(HTTP_POST, REQUEST_CLASS_ORDER, "/fapi/v1/order", HIGH, ANY_ORDER, NEW_ORDER,
                           RECORD_ORDER, false, 0, 1, 1),
    // Nothing is placed by a test, hence not mutating; its weight is not documented, clients take 1.
    [EP_ORDER_TEST] = { { "/fapi/v1/order/test", HTTP_POST, SEC_SIGNED, REQUEST_CLASS_ORDER, HIGH, false,
                          ANY_ORDER | SIGNED, NEW_ORDER | STAMP, RECORD_ORDER, false }, 1, 1, 0, 0 },
    [EP_ORDER_MODIFY] = WRITE(HTTP_PUT, REQUEST_CLASS_ORDER, "/fapi/v1/order", HIGH, AMENDMENT,
                              SYMBOL | BIT(P_SIDE) | BIT(P_QUANTITY), RECORD_ORDER_AMENDED, false,
                              0, 1, 1),
    [EP_ORDER_CANCEL] = WRITE(HTTP_DELETE, REQUEST_CLASS_ORDER, "/fapi/v1/order", CRITICAL, WHICH_ORDER, SYMBOL,
                              RECORD_ORDER, false, 1, 0, 0),
    [EP_ORDER_GET] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/order", NORMAL, WHICH_ORDER, SYMBOL, RECORD_ORDER_QUERY,
                          false, 1, 1),
    [EP_OPEN_ORDER] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/openOrder", NORMAL, WHICH_ORDER, SYMBOL, RECORD_ORDER_QUERY,
                           false, 1, 1),
    [EP_OPEN_ORDERS] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/openOrders", NORMAL, SYMBOL, 0, RECORD_ORDER_QUERY,
                            true, 1, 40),
    [EP_ALL_ORDERS] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/allOrders", LOW, SYMBOL | BIT(P_ORDER_ID) | RANGE, 0,
                           RECORD_ORDER_QUERY, true, 5, 5),
    [EP_BATCH_NEW] = WRITE(HTTP_POST, REQUEST_CLASS_ORDER, "/fapi/v1/batchOrders", HIGH, BIT(P_BATCH), BIT(P_BATCH),
                           RECORD_ORDER, true, 5, 5, 1),
    [EP_BATCH_MODIFY] = WRITE(HTTP_PUT, REQUEST_CLASS_ORDER, "/fapi/v1/batchOrders", HIGH, BIT(P_BATCH), BIT(P_BATCH),
                              RECORD_ORDER_AMENDED, true, 5, 5, 1),
    [EP_BATCH_CANCEL] = WRITE(HTTP_DELETE, REQUEST_CLASS_ORDER, "/fapi/v1/batchOrders", CRITICAL,
                              SYMBOL | BIT(P_ID_LIST) | BIT(P_CLIENT_ID_LIST), SYMBOL, RECORD_ORDER, true,
                              1, 0, 0),
    [EP_CANCEL_ALL] = WRITE(HTTP_DELETE, REQUEST_CLASS_ORDER, "/fapi/v1/allOpenOrders", CRITICAL, SYMBOL, SYMBOL,
                            RECORD_STATUS, false, 1, 0, 0),
    [EP_COUNTDOWN_CANCEL] = WRITE(HTTP_POST, REQUEST_CLASS_ORDER, "/fapi/v1/countdownCancelAll", CRITICAL,
                                  SYMBOL | BIT(P_COUNTDOWN_TIME), SYMBOL | BIT(P_COUNTDOWN_TIME),
                                  RECORD_COUNTDOWN, false, 10, 0, 0),
    [EP_USER_TRADES] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/userTrades", LOW,
                            SYMBOL | BIT(P_ORDER_ID) | RANGE | BIT(P_FROM_ID), SYMBOL, RECORD_TRADE, true,
                            5, 5),
    [EP_ALGO_NEW] = WRITE(HTTP_POST, REQUEST_CLASS_ORDER, "/fapi/v1/algoOrder", HIGH,
                          (ANY_ORDER & ~BIT(P_CLIENT_ID)) | BIT(P_ALGO_TYPE) | BIT(P_CLIENT_ALGO_ID),
                          NEW_ORDER | BIT(P_ALGO_TYPE), RECORD_ALGO, false, 0, 1, 1),
    [EP_ALGO_CANCEL] = WRITE(HTTP_DELETE, REQUEST_CLASS_ORDER, "/fapi/v1/algoOrder", CRITICAL, WHICH_ALGO | SYMBOL, 0,
                             RECORD_ALGO_CANCEL, false, 1, 0, 0),
    [EP_ALGO_GET] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/algoOrder", NORMAL, WHICH_ALGO | SYMBOL, 0, RECORD_ALGO_QUERY,
                         false, 1, 1),
    [EP_ALGO_OPEN] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/openAlgoOrders", NORMAL,
                          SYMBOL | BIT(P_ALGO_TYPE) | BIT(P_ALGO_ID), 0, RECORD_ALGO_QUERY, true, 1, 40),
    [EP_ALGO_ALL] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/allAlgoOrders", LOW, SYMBOL | BIT(P_ALGO_ID) | RANGE, SYMBOL,
                         RECORD_ALGO_QUERY, true, 5, 5),
    [EP_ALGO_CANCEL_ALL] = WRITE(HTTP_DELETE, REQUEST_CLASS_ORDER, "/fapi/v1/algoOpenOrders", CRITICAL, SYMBOL,
                                 SYMBOL, RECORD_STATUS, false, 1, 0, 0),

    [EP_BALANCE] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v3/balance", NORMAL, 0, 0, RECORD_BALANCE, true, 5, 5),
    [EP_ACCOUNT] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v3/account", NORMAL, 0, 0, RECORD_ACCOUNT, false, 5, 5),
    [EP_POSITION_RISK] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v3/positionRisk", NORMAL, SYMBOL, 0, RECORD_POSITION,
                              true, 5, 5),
    [EP_LEVERAGE] = WRITE(HTTP_POST, REQUEST_CLASS_ACCOUNT, "/fapi/v1/leverage", HIGH, SYMBOL | BIT(P_LEVERAGE),
                          SYMBOL | BIT(P_LEVERAGE), RECORD_LEVERAGE, false, 1, 0, 0),
    [EP_MARGIN_TYPE] = WRITE(HTTP_POST, REQUEST_CLASS_ACCOUNT, "/fapi/v1/marginType", HIGH,
                             SYMBOL | BIT(P_MARGIN_TYPE), SYMBOL | BIT(P_MARGIN_TYPE), RECORD_STATUS, false,
                             1, 0, 0),
    [EP_POSITION_MARGIN] = WRITE(HTTP_POST, REQUEST_CLASS_ACCOUNT, "/fapi/v1/positionMargin", HIGH,
                                 SYMBOL | BIT(P_AMOUNT) | BIT(P_MARGIN_CHANGE) | BIT(P_POSITION_SIDE),
                                 SYMBOL | BIT(P_AMOUNT) | BIT(P_MARGIN_CHANGE), RECORD_MARGIN_CHANGE, false,
                                 1, 0, 0),
    [EP_POSITION_MODE_SET] = WRITE(HTTP_POST, REQUEST_CLASS_ACCOUNT, "/fapi/v1/positionSide/dual", HIGH,
                                   BIT(P_DUAL_SIDE), BIT(P_DUAL_SIDE), RECORD_STATUS, false, 1, 0, 0),
    [EP_POSITION_MODE_GET] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v1/positionSide/dual", NORMAL, 0, 0,
                                  RECORD_POSITION_MODE, false, 30, 30),
    [EP_INCOME] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v1/income", LOW, SYMBOL | BIT(P_INCOME_TYPE) | RANGE | BIT(P_PAGE), 0,
                       RECORD_INCOME, true, 30, 30),
    [EP_COMMISSION_RATE] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v1/commissionRate", NORMAL, SYMBOL, SYMBOL,
                                RECORD_COMMISSION, false, 20, 20),
    [EP_LEVERAGE_BRACKET] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v1/leverageBracket", NORMAL, SYMBOL, 0,
                                 RECORD_BRACKET_LIST, true, 1, 1),
    [EP_ACCOUNT_CONFIG] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v1/accountConfig", NORMAL, 0, 0, RECORD_ACCOUNT_CONFIG,
                               false, 5, 5),
    [EP_SYMBOL_CONFIG] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v1/symbolConfig", NORMAL, SYMBOL, 0, RECORD_SYMBOL_CONFIG,
                              true, 5, 5),

    [EP_BALANCE_V2] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v2/balance", NORMAL, 0, 0, RECORD_BALANCE, true, 5, 5),
    [EP_ACCOUNT_V2] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v2/account", NORMAL, 0, 0, RECORD_ACCOUNT_V2, false, 5, 5),
    [EP_POSITION_RISK_V2] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v2/positionRisk", NORMAL, SYMBOL, 0, RECORD_POSITION_V2, true, 5, 5),
    [EP_HISTORICAL_TRADES] = { { "/fapi/v1/historicalTrades", HTTP_GET, SEC_KEY, REQUEST_CLASS_MARKET, LOW, false,
                                 SYMBOL | BIT(P_LIMIT) | BIT(P_FROM_ID), SYMBOL, RECORD_RECENT_TRADE, true }, 200, 200, 0, 0 },
    [EP_CONTINUOUS_KLINES] = MARKET("/fapi/v1/continuousKlines", SYMBOL | BIT(P_CONTRACT_TYPE) | BIT(P_INTERVAL) | RANGE,
                                    SYMBOL | BIT(P_CONTRACT_TYPE) | BIT(P_INTERVAL), RECORD_KLINE, true,
                                    WEIGHT_BY_BARS, WEIGHT_BY_BARS),
    [EP_INDEX_KLINES] = KLINES("/fapi/v1/indexPriceKlines", RECORD_PRICE_KLINE),
    [EP_MARK_KLINES] = KLINES("/fapi/v1/markPriceKlines", RECORD_PRICE_KLINE),
    [EP_PREMIUM_KLINES] = KLINES("/fapi/v1/premiumIndexKlines", RECORD_PRICE_KLINE),
    [EP_FUNDING_INFO] = MARKET("/fapi/v1/fundingInfo", 0, 0, RECORD_FUNDING_INFO, true, 0, 0),
    [EP_OPEN_INTEREST] = MARKET("/fapi/v1/openInterest", SYMBOL, SYMBOL, RECORD_OPEN_INTEREST, false, 1, 1),
    [EP_MULTI_ASSETS_SET] = WRITE(HTTP_POST, REQUEST_CLASS_ACCOUNT, "/fapi/v1/multiAssetsMargin", HIGH, BIT(P_MULTI_ASSETS),
                                  BIT(P_MULTI_ASSETS), RECORD_STATUS, false, 1, 0, 0),
    [EP_MULTI_ASSETS_GET] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v1/multiAssetsMargin", NORMAL, 0, 0, RECORD_MULTI_ASSETS, false,
                                 30, 30),
    [EP_ADL_QUANTILE] = READ(REQUEST_CLASS_ACCOUNT, "/fapi/v1/adlQuantile", LOW, SYMBOL, 0, RECORD_ADL, true, 5, 5),
    [EP_ADL_RISK] = MARKET("/fapi/v1/symbolAdlRisk", SYMBOL, 0, RECORD_ADL_RISK, false, 1, 1),
    [EP_FORCE_ORDERS] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/forceOrders", LOW, SYMBOL | BIT(P_AUTO_CLOSE) | RANGE, 0, RECORD_ORDER_QUERY, true,
                             20, 50),
    [EP_RATE_LIMIT_ORDER] = READ(REQUEST_CLASS_ORDER, "/fapi/v1/rateLimit/order", LOW, 0, 0, RECORD_LIMIT, true, 1, 1),
    [EP_LISTEN_KEY_NEW] = LISTEN_KEY(HTTP_POST, RECORD_LISTEN_KEY),
    [EP_LISTEN_KEY_KEEP] = LISTEN_KEY(HTTP_PUT, RECORD_LISTEN_KEY),
    [EP_LISTEN_KEY_CLOSE] = LISTEN_KEY(HTTP_DELETE, RECORD_EMPTY),
};
// clang-format on

// Other versions of a call that old clients still use, answered alike.
static const struct {
    const char *path;
    uint8_t endpoint;
} old_paths[] = {
    { "/fapi/v1/ticker/price", EP_TICKER_PRICE },
};

const struct endpoint_info *endpoint_info(int32_t endpoint) {
    ASSERT(endpoint >= 0);
    ASSERT(endpoint < EP_COUNT);
    return &rows[endpoint].info;
}

const char *http_method_name(int32_t method) {
    static const char *const names[] = { "GET", "POST", "PUT", "DELETE" };
    ASSERT(method >= HTTP_GET && method <= HTTP_DELETE);
    return names[method];
}

bool endpoint_takes_pair(int32_t endpoint) {
    return endpoint == EP_CONTINUOUS_KLINES || endpoint == EP_INDEX_KLINES;
}

int32_t endpoint_find(const char *method, const char *path) {
    if (method == NULL || path == NULL) return -1;
    for (int32_t i = 0; i < EP_COUNT; i++) {
        if (strcmp(rows[i].info.path, path) == 0 &&
            strcmp(http_method_name(rows[i].info.method), method) == 0)
            return i;
    }
    for (size_t i = 0; i < sizeof old_paths / sizeof old_paths[0]; i++) {
        if (strcmp(old_paths[i].path, path) == 0 && strcmp(method, "GET") == 0) return old_paths[i].endpoint;
    }
    return -1;
}

static int32_t depth_weight(int32_t limit) {
    if (limit <= 50) return 2;
    if (limit <= 100) return 5;
    return limit <= 500 ? 10 : 20;
}

static int32_t bars_weight(int32_t limit) {
    if (limit < 100) return 1;
    if (limit < 500) return 2;
    return limit <= 1000 ? 5 : 10;
}

struct call_cost endpoint_cost(const struct call *call) {
    ASSERT(call != NULL);
    ASSERT(call->endpoint < EP_COUNT);
    const struct endpoint_row *row = &rows[call->endpoint];
    int32_t limit = (call->given & BIT(P_LIMIT)) != 0 ? call->limit : 500;
    int32_t weight = (call->given & SYMBOL) != 0 ? row->weight : row->weight_all;
    if (weight == WEIGHT_BY_DEPTH) weight = depth_weight(limit);
    if (weight == WEIGHT_BY_BARS) weight = bars_weight(limit);
    return (struct call_cost){ .weight = weight, .orders_10s = row->orders_10s, .orders_1m = row->orders_1m };
}

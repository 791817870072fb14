// names.c: names of the enums as on the wire.
#include "trade/record.h"

const char *const side_names[SIDE_COUNT] = { "BUY", "SELL" };

const char *const order_type_names[ORDER_TYPE_COUNT] = {
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
    "LIQUIDATION",
};

const char *const tif_names[TIF_COUNT] = { "GTC", "IOC", "FOK", "GTX", "GTD" };
const char *const position_side_names[POSITION_SIDE_COUNT] = { "BOTH", "LONG", "SHORT" };

const char *const order_status_names[STATUS_COUNT] = {
    "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED",
};

const char *const algo_status_names[ALGO_STATUS_COUNT] = {
    "NEW", "CANCELED", "TRIGGERING", "TRIGGERED", "FINISHED", "REJECTED", "EXPIRED",
};

const char *const working_type_names[WORKING_COUNT] = { "CONTRACT_PRICE", "MARK_PRICE" };
const char *const margin_type_names[MARGIN_COUNT] = { "CROSSED", "ISOLATED" };
const char *const margin_type_short_names[MARGIN_COUNT] = { "cross", "isolated" };
const char *const resp_type_names[RESP_COUNT] = { "ACK", "RESULT" };
const char *const stp_mode_names[STP_COUNT] = { "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "NONE" };

const char *const income_type_names[INCOME_TYPE_COUNT] = {
    "TRANSFER", "REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "INSURANCE_CLEAR",
};

const char *const execution_names[EXEC_COUNT] = {
    "NEW", "TRADE", "CANCELED", "EXPIRED", "AMENDMENT", "CALCULATED",
};

const char *const account_reason_names[ACCOUNT_REASON_COUNT] = {
    "ORDER",         "FUNDING_FEE",       "MARGIN_TRANSFER",    "INSURANCE_CLEAR", "DEPOSIT",
    "WITHDRAW",      "WITHDRAW_REJECT",   "ADMIN_DEPOSIT",      "ADMIN_WITHDRAW",  "ASSET_TRANSFER",
    "AUTO_EXCHANGE", "COIN_SWAP_DEPOSIT", "COIN_SWAP_WITHDRAW", "ADJUSTMENT",
};

const char *const interval_names[INTERVAL_COUNT] = {
    "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
};

const char *const rate_kind_names[RATE_KIND_COUNT] = { "REQUEST_WEIGHT", "RAW_REQUESTS", "ORDERS" };
const char *const rate_interval_names[RATE_INTERVAL_COUNT] = { "SECOND", "MINUTE", "HOUR", "DAY" };

const char *const price_match_names[MATCH_COUNT] = {
    "NONE",  "OPPONENT", "OPPONENT_5", "OPPONENT_10", "OPPONENT_20",
    "QUEUE", "QUEUE_5",  "QUEUE_10",   "QUEUE_20",
};

int32_t side_opposite(int32_t side) { return side == SIDE_BUY ? SIDE_SELL : SIDE_BUY; }

// call.h: one request to the exchange, typed. What a script passes, what the signer encodes, what the local
// exchange decodes and what the simulated exchange executes are this one struct.
//
// Owner    plain values; `batch` and `ids` are borrowed for the life of the call.
// Units    prices, quantities e8; times microseconds UTC; callback rate in percent e8 (1.5 % = 150000000).
// Presence a parameter was given when its bit is set in `given`; a field whose bit is clear is zero.
#ifndef MT_TRADE_CALL_H
#define MT_TRADE_CALL_H

#include "trade/interval.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLIENT_ID_MAX = 37,
    CALL_BATCH_MAX = 5,
    CALL_CANCEL_BATCH_MAX = 10
};   // 36 characters and the terminator

enum side { SIDE_BUY, SIDE_SELL, SIDE_COUNT };

enum order_type {
    ORDER_LIMIT,
    ORDER_MARKET,
    ORDER_STOP,
    ORDER_STOP_MARKET,
    ORDER_TAKE_PROFIT,
    ORDER_TAKE_PROFIT_MARKET,
    ORDER_TRAILING_STOP_MARKET,
    ORDER_LIQUIDATION,
    ORDER_TYPE_COUNT
};

enum time_in_force { TIF_GTC, TIF_IOC, TIF_FOK, TIF_GTX, TIF_GTD, TIF_COUNT };

enum position_side { POSITION_BOTH, POSITION_LONG, POSITION_SHORT, POSITION_SIDE_COUNT };

enum order_status {
    STATUS_NEW,
    STATUS_PARTIALLY_FILLED,
    STATUS_FILLED,
    STATUS_CANCELED,
    STATUS_EXPIRED,
    STATUS_EXPIRED_IN_MATCH,
    STATUS_REJECTED,
    STATUS_COUNT
};

enum algo_status {
    ALGO_NEW,
    ALGO_CANCELED,
    ALGO_TRIGGERING,
    ALGO_TRIGGERED,
    ALGO_FINISHED,
    ALGO_REJECTED,
    ALGO_EXPIRED,
    ALGO_STATUS_COUNT
};

enum working_type { WORKING_CONTRACT_PRICE, WORKING_MARK_PRICE, WORKING_COUNT };
enum margin_type { MARGIN_CROSSED, MARGIN_ISOLATED, MARGIN_COUNT };
enum resp_type { RESP_ACK, RESP_RESULT, RESP_COUNT };
enum stp_mode { STP_EXPIRE_MAKER, STP_EXPIRE_TAKER, STP_EXPIRE_BOTH, STP_NONE, STP_COUNT };

// A limit price taken from the book at entry: the best of the other side (opponent) or of the own (queue), or
// the level so many places from it.
enum price_match {
    MATCH_NONE,
    MATCH_OPPONENT,
    MATCH_OPPONENT_5,
    MATCH_OPPONENT_10,
    MATCH_OPPONENT_20,
    MATCH_QUEUE,
    MATCH_QUEUE_5,
    MATCH_QUEUE_10,
    MATCH_QUEUE_20,
    MATCH_COUNT
};

enum income_type {
    INCOME_TRANSFER,
    INCOME_REALIZED_PNL,
    INCOME_FUNDING_FEE,
    INCOME_COMMISSION,
    INCOME_INSURANCE_CLEAR,
    INCOME_TYPE_COUNT
};

enum auto_close { AUTO_CLOSE_LIQUIDATION, AUTO_CLOSE_ADL, AUTO_CLOSE_COUNT };

enum contract_type {
    CONTRACT_PERPETUAL,
    CONTRACT_CURRENT_QUARTER,
    CONTRACT_NEXT_QUARTER,
    CONTRACT_TRADIFI,
    CONTRACT_COUNT
};

// Parameters, in the order in which a request writes them. The names are in venue/binance/params.h.
enum param {
    P_SYMBOL,
    P_SIDE,
    P_TYPE,
    P_POSITION_SIDE,
    P_TIME_IN_FORCE,
    P_QUANTITY,
    P_PRICE,
    P_STOP_PRICE,
    P_REDUCE_ONLY,
    P_CLOSE_POSITION,
    P_ACTIVATE_PRICE,
    P_CALLBACK_RATE,
    P_WORKING_TYPE,
    P_PRICE_PROTECT,
    P_CLIENT_ID,
    P_RESP_TYPE,
    P_STP_MODE,
    P_GOOD_TILL_DATE,
    P_ORDER_ID,
    P_ORIG_CLIENT_ID,
    P_ALGO_ID,
    P_CLIENT_ALGO_ID,
    P_ALGO_TYPE,
    P_INTERVAL,
    P_LIMIT,
    P_START_TIME,
    P_END_TIME,
    P_FROM_ID,
    P_LEVERAGE,
    P_MARGIN_TYPE,
    P_AMOUNT,
    P_MARGIN_CHANGE,
    P_DUAL_SIDE,
    P_INCOME_TYPE,
    P_COUNTDOWN_TIME,
    P_BATCH,
    P_ID_LIST,
    P_CLIENT_ID_LIST,
    P_PRICE_MATCH,
    P_MULTI_ASSETS,
    P_MODIFY_ID,
    P_CONTRACT_TYPE,
    P_PAGE,
    P_AUTO_CLOSE,
    P_RECV_WINDOW,
    P_TIMESTAMP,
    PARAM_COUNT
};

struct call {
    uint64_t given;      // bit 1 << enum param
    uint16_t endpoint;   // enum endpoint (trade/request_kind.h)
    int16_t symbol;      // index into the run's symbols, SYMBOL_NONE when not given or not known
    uint8_t side, type, time_in_force, position_side;
    uint8_t working_type, resp_type, stp_mode, margin_type;
    uint8_t price_match, contract_type, auto_close;
    uint8_t income_type, interval, margin_change;   // margin_change: 1 adds, 2 takes off
    bool reduce_only, close_position, price_protect, dual_side, multi_assets;
    int32_t limit, leverage, page;
    int64_t quantity_e8, price_e8, stop_price_e8, activate_price_e8, callback_rate_e8, amount_e8;
    int64_t order_id, algo_id, from_id, modify_id;
    int64_t start_us, end_us, good_till_us, countdown_us, recv_window_us, timestamp_us;
    char client_id[CLIENT_ID_MAX];        // newClientOrderId or clientAlgoId of a new order
    char orig_client_id[CLIENT_ID_MAX];   // origClientOrderId or clientAlgoId of an old one
    uint8_t batch_count;                  // calls in `batch` (orders), or entries in `ids` / `client_ids`
    const struct call *batch;
    // Of a batch entry that could not be read: what it is answered with; 0 and NULL: it was.
    int32_t refused_code;
    const char *refused_text;
    const int64_t *ids;
    const char (*client_ids)[CLIENT_ID_MAX];
};

// Whether the parameter was given; see Presence.
bool call_given(const struct call *c, int32_t param);

#endif

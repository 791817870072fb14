// record.h: what an exchange answers and announces, typed.
//
// Owner    records are plain values; a list inside one is borrowed from the reply that holds it.
// Units    prices, quantities, money: e8. Times: microseconds; both faces show milliseconds.
#ifndef MT_TRADE_RECORD_H
#define MT_TRADE_RECORD_H

#include "trade/call.h"
#include "trade/request_kind.h"
#include "trade/symbol.h"

#include <stdbool.h>
#include <stdint.h>

// Lists of market data that a live run asks for without a symbol hold symbols which are not the run's: their
// `symbol` is SYMBOL_NONE and `other` their name, else empty.
//
// A plain order; RECORD_ORDER is the reply of place and cancel, RECORD_ORDER_AMENDED of modify,
// RECORD_ORDER_QUERY that of the queries.
struct order_record {
    int64_t order_id;
    int64_t price_e8, avg_price_e8, orig_qty_e8, executed_qty_e8, cum_quote_e8, stop_price_e8;
    int64_t activate_price_e8, callback_rate_e8;
    int64_t good_till_us, time_us, update_us, modify_id;
    char client_id[CLIENT_ID_MAX];
    int16_t symbol;
    uint8_t status, time_in_force, type, orig_type, side, position_side, working_type, stp_mode, price_match;
    bool reduce_only, close_position, price_protect;
};

// A conditional (algo) order.
struct algo_record {
    int64_t algo_id, actual_order_id;
    int64_t quantity_e8, trigger_price_e8, price_e8, activate_price_e8, callback_rate_e8, actual_price_e8;
    int64_t create_us, update_us, trigger_us, good_till_us;
    char client_id[CLIENT_ID_MAX];
    int16_t symbol;
    uint8_t algo_status, time_in_force, type, side, position_side, working_type, stp_mode, price_match;
    bool reduce_only, close_position, price_protect;
};

// The coin an amount is in; "": the one that the contracts are settled in (symbol_coin).
enum { ASSET_NAME_MAX = 16 };

struct trade_record {   // userTrades; also RECORD_RECENT_TRADE (trades), where `maker` says that the buyer
                        // was maker
    int64_t id, order_id;
    int64_t price_e8, qty_e8, quote_qty_e8, realized_pnl_e8, commission_e8, time_us;
    char commission_asset[ASSET_NAME_MAX];
    int16_t symbol;
    uint8_t side, position_side;
    bool buyer, maker;
};

struct kline_record {
    int64_t open_us, open_e8, high_e8, low_e8, close_e8, volume_e8, close_us, quote_volume_e8, trades;
    int64_t taker_volume_e8, taker_quote_volume_e8;
    // Of each volume what lies beyond 62 bits (base/wide.h).
    int64_t volume_high, quote_volume_high, taker_volume_high, taker_quote_volume_high;
    int16_t symbol;
};

struct balance_record {
    int64_t wallet_e8, cross_wallet_e8, cross_unrealized_e8, available_e8, max_withdraw_e8, update_us;
    char asset[ASSET_NAME_MAX];
};

struct position_record {   // positionRisk
    int64_t amount_e8, entry_price_e8, break_even_e8, mark_price_e8, unrealized_e8, liquidation_price_e8;
    int64_t isolated_margin_e8, isolated_wallet_e8, notional_e8, initial_margin_e8, maint_margin_e8;
    int64_t position_margin_e8, order_margin_e8, bid_notional_e8, ask_notional_e8, notional_max_e8, update_us;
    int32_t leverage, adl;
    int16_t symbol;
    uint8_t position_side, margin_type;
};

struct account_record {
    int64_t initial_margin_e8, maint_margin_e8, wallet_e8, unrealized_e8, margin_balance_e8,
        position_margin_e8;
    int64_t order_margin_e8, cross_wallet_e8, cross_unrealized_e8, available_e8, max_withdraw_e8, update_us;
    int64_t
        coin_wallet_e8;   // of the contracts' own coin; the sums above count all of them in the multi-assets mode
    int32_t position_count;
    bool dual_side, multi_assets;
    const struct position_record *positions;
};

struct income_record {
    int64_t income_e8, time_us, id, trade_id;
    char asset[ASSET_NAME_MAX];
    int16_t symbol;
    uint8_t type;
};

struct ticker_record {   // price, 24-hour statistics, best bid and ask
    int64_t last_e8, open_e8, high_e8, low_e8, volume_e8, quote_volume_e8, change_e8, change_percent_e8;
    int64_t weighted_avg_e8, last_qty_e8, bid_e8, bid_qty_e8, ask_e8, ask_qty_e8;
    int64_t volume_high, quote_volume_high;   // what of them lies beyond 62 bits (base/wide.h)
    int64_t open_us, close_us, time_us, first_id, last_id, count, update_id;
    int16_t symbol;
    char other[SYMBOL_NAME_MAX];
};

struct mark_record {   // premiumIndex
    int64_t mark_e8, index_e8, settle_e8, funding_rate_e8, interest_rate_e8, next_funding_us, time_us;
    int16_t symbol;
    char other[SYMBOL_NAME_MAX];
};

struct funding_record {
    int64_t time_us, rate_e8, mark_e8;
    int16_t symbol;
    char other[SYMBOL_NAME_MAX];
};

struct agg_trade_record {
    int64_t id, price_e8, qty_e8, first_id, last_id, time_us;
    int16_t symbol;
    bool buyer_maker;
};

struct level_record {
    int64_t price_e8, qty_e8;
};

struct depth_record {
    int64_t last_update_id, event_us, transaction_us;
    int32_t bid_count, ask_count;
    const struct level_record *bids, *asks;
    int16_t symbol;
};

struct leverage_record {
    int64_t notional_max_e8;
    int32_t leverage;
    int16_t symbol;
};

struct commission_record {
    int64_t maker_e8, taker_e8;
    int16_t symbol;
};

struct symbol_config_record {
    int64_t notional_max_e8;
    int32_t leverage;
    int16_t symbol;
    uint8_t margin_type;
};

struct bracket_record {
    int64_t cap_e8, floor_e8, ratio_e8, cum_e8;
    int32_t bracket, leverage;
};

struct bracket_list_record {
    const struct bracket_record *brackets;
    int32_t bracket_count;
    int16_t symbol;
};

enum rate_interval { RATE_SECOND, RATE_MINUTE, RATE_HOUR, RATE_DAY, RATE_INTERVAL_COUNT };

struct limit_record {
    uint8_t kind;
    uint8_t interval;
    int32_t interval_num, limit;
};   // rateLimits row

struct status_record {   // {"code":200,"msg":"success"} and its kin
    int64_t code;
    char msg[80];
};

struct algo_cancel_record {
    int64_t algo_id;
    char client_id[CLIENT_ID_MAX];
};

struct value_record {   // serverTime, dualSidePosition, countdownTime (`number`, ms)...: the value of a small
                        // reply
    int64_t time_us, number;
    int16_t symbol;
    bool flag;
    bool multi_assets;   // of accountConfig
};

struct margin_change_record {
    int64_t amount_e8;
    int32_t type;
};

// User data stream.
struct order_update_record {   // ORDER_TRADE_UPDATE
    int64_t event_us, transaction_us;
    struct order_record order;
    int64_t last_qty_e8, last_price_e8, commission_e8, realized_pnl_e8, trade_id;
    int64_t bid_notional_e8, ask_notional_e8;   // of the account's open orders on the symbol
    char commission_asset[ASSET_NAME_MAX];      // "": the contracts' own
    int64_t coin_commission_e8;   // in that coin, where it is another one: commission_e8 is 0 then
    uint8_t execution;            // enum execution
    uint8_t expiry_reason;        // `er`
    bool maker, position_closed;
};

enum execution {
    EXEC_NEW,
    EXEC_TRADE,
    EXEC_CANCELED,
    EXEC_EXPIRED,
    EXEC_AMENDMENT,
    EXEC_CALCULATED,
    EXEC_COUNT
};

struct algo_update_record {   // ALGO_UPDATE
    int64_t event_us, transaction_us;
    struct algo_record order;
    int64_t actual_qty_e8;   // of the order made by the trigger: executed,
    uint8_t actual_type;     // and 1 + its type; 0: there is none
};

enum account_reason {
    ACCOUNT_ORDER,
    ACCOUNT_FUNDING_FEE,
    ACCOUNT_MARGIN_TRANSFER,
    ACCOUNT_INSURANCE_CLEAR,
    ACCOUNT_DEPOSIT,   // this one and those after it: money from outside, or to there, and no result of trading
    ACCOUNT_WITHDRAW,
    ACCOUNT_WITHDRAW_REJECT,
    ACCOUNT_ADMIN_DEPOSIT,
    ACCOUNT_ADMIN_WITHDRAW,
    ACCOUNT_ASSET_TRANSFER,
    ACCOUNT_AUTO_EXCHANGE,
    ACCOUNT_COIN_SWAP_DEPOSIT,
    ACCOUNT_COIN_SWAP_WITHDRAW,
    ACCOUNT_ADJUSTMENT,
    ACCOUNT_REASON_COUNT
};

struct account_update_record {   // ACCOUNT_UPDATE; at most one position changes at a time, in hedge mode too
    int64_t event_us, transaction_us;
    int64_t wallet_e8, cross_wallet_e8, balance_change_e8;
    int64_t amount_e8, entry_price_e8, break_even_e8, realized_e8, unrealized_e8, isolated_wallet_e8;
    int16_t symbol;   // SYMBOL_NONE: no position row
    int16_t funded;   // `S`: whose funding it is; SYMBOL_NONE: none
    uint8_t reason, position_side, margin_type;
};

struct config_update_record {   // ACCOUNT_CONFIG_UPDATE: of a symbol, or (RECORD_ASSETS_UPDATE) the
                                // multi-assets mode
    int64_t event_us, transaction_us;
    int32_t leverage;
    int16_t symbol;
    bool multi_assets;
};

struct margin_call_record {   // MARGIN_CALL, one position
    int64_t event_us, cross_wallet_e8, amount_e8, mark_price_e8, unrealized_e8, maint_margin_e8,
        isolated_wallet_e8;
    int16_t symbol;
    uint8_t position_side, margin_type;
};

struct adl_record {
    int64_t update_us;
    int16_t symbol;
    int32_t longs, shorts, both;
};   // adlQuantile, symbolAdlRisk

struct funding_info_record {
    int64_t cap_e8, floor_e8, update_us;
    int32_t interval_h;
    int16_t symbol;
};

struct listen_key_record {
    char key[68];
    int64_t event_us;
};   // event_us: when it expired

// Market data streams: what the REST records say, with the time of the event.
struct trade_event {
    int64_t event_us;
    struct trade_record trade;
};   // `maker`: the buyer was maker
struct agg_trade_event {
    int64_t event_us;
    struct agg_trade_record trade;
};
struct kline_event {
    int64_t event_us, first_id, last_id;
    struct kline_record bar;
    uint8_t interval;
    bool closed;
};
struct ticker_event {
    int64_t event_us;
    struct ticker_record ticker;
};   // 24-hour and best price streams
struct mark_event {
    int64_t event_us;
    struct mark_record mark;
};
struct depth_event {
    int64_t event_us, transaction_us, first_id, last_id, previous_id;   // U, u, pu
    int32_t bid_count, ask_count;
    const struct level_record *bids, *asks;
    int16_t symbol;
};

enum record_kind {
    RECORD_NONE,
    RECORD_ORDER,
    RECORD_ORDER_AMENDED,
    RECORD_ORDER_QUERY,
    RECORD_ALGO,
    RECORD_ALGO_QUERY,
    RECORD_ALGO_CANCEL,
    RECORD_TRADE,
    RECORD_KLINE,
    RECORD_BALANCE,
    RECORD_POSITION,
    RECORD_ACCOUNT,
    RECORD_INCOME,
    RECORD_TICKER_24H,
    RECORD_TICKER_PRICE,
    RECORD_BOOK_TICKER,
    RECORD_MARK,
    RECORD_FUNDING,
    RECORD_AGG_TRADE,
    RECORD_RECENT_TRADE,
    RECORD_DEPTH,
    RECORD_LEVEL,
    RECORD_LEVERAGE,
    RECORD_COMMISSION,
    RECORD_SYMBOL_CONFIG,
    RECORD_BRACKET_LIST,
    RECORD_BRACKET,
    RECORD_SYMBOL,
    RECORD_LIMIT,
    RECORD_STATUS,
    RECORD_SERVER_TIME,
    RECORD_POSITION_MODE,
    RECORD_COUNTDOWN,
    RECORD_MARGIN_CHANGE,
    RECORD_ACCOUNT_CONFIG,
    RECORD_ORDER_UPDATE,
    RECORD_ALGO_UPDATE,
    RECORD_ACCOUNT_UPDATE,
    RECORD_CONFIG_UPDATE,
    RECORD_ASSETS_UPDATE,
    RECORD_MARGIN_CALL,
    RECORD_EMPTY,
    RECORD_EXCHANGE_INFO,
    RECORD_ERROR,
    // Parts of the above, over the same struct as the whole.
    RECORD_ACCOUNT_ASSET,
    RECORD_ACCOUNT_POSITION,
    RECORD_ORDER_UPDATE_BODY,
    RECORD_ALGO_UPDATE_BODY,
    RECORD_ACCOUNT_UPDATE_BODY,
    RECORD_ACCOUNT_UPDATE_BALANCE,
    RECORD_ACCOUNT_UPDATE_POSITION,
    RECORD_CONFIG_UPDATE_BODY,
    RECORD_ASSETS_UPDATE_BODY,
    RECORD_MARGIN_CALL_POSITION,
    // Replies of the local exchange alone.
    RECORD_ACCOUNT_V2,
    RECORD_ACCOUNT_V2_ASSET,
    RECORD_ACCOUNT_V2_POSITION,
    RECORD_POSITION_V2,
    RECORD_PRICE_KLINE,
    RECORD_ADL_RISK,
    RECORD_FUNDING_INFO,
    RECORD_OPEN_INTEREST,
    RECORD_MULTI_ASSETS,
    RECORD_ADL,
    RECORD_ADL_BODY,
    RECORD_LISTEN_KEY,
    // Streams.
    RECORD_TRADE_EVENT,
    RECORD_AGG_TRADE_EVENT,
    RECORD_KLINE_EVENT,
    RECORD_KLINE_EVENT_BODY,
    RECORD_CONTINUOUS_KLINE_EVENT,
    RECORD_CONTINUOUS_KLINE_EVENT_BODY,
    RECORD_MARK_EVENT,
    RECORD_MINI_TICKER_EVENT,
    RECORD_TICKER_EVENT,
    RECORD_BOOK_TICKER_EVENT,
    RECORD_DEPTH_EVENT,
    RECORD_FORCE_ORDER_EVENT,
    RECORD_FORCE_ORDER_EVENT_BODY,
    RECORD_TRADE_LITE,
    RECORD_LISTEN_KEY_EXPIRED,
    RECORD_COUNT
};

#endif

// saved_record.c: one table of saved fields a struct of trade/record.h.
#include "trade/saved_record.h"

#include "base/assert.h"
#include "base/saved_macros.h"
#include "trade/record.h"

_Static_assert((int)SYMBOLS_MAX == (int)SAVED_INDEX_MAX, "a symbol is an index of saved fields");

// clang-format off
enum { EXPIRY_REASON_COUNT = 10, ACTUAL_TYPE_COUNT = 3 };

#define OF order_record
static const struct saved_field order_fields[] = {
    S_INT64(1, order_id),
    S_INT64(2, price_e8),
    S_INT64(3, avg_price_e8),
    S_INT64(4, orig_qty_e8),
    S_INT64(5, executed_qty_e8),
    S_INT64(6, cum_quote_e8),
    S_INT64(7, stop_price_e8),
    S_INT64(8, activate_price_e8),
    S_INT64(9, callback_rate_e8),
    S_INT64(10, good_till_us),
    S_INT64(11, time_us),
    S_INT64(12, update_us),
    S_INT64(13, modify_id),
    S_TEXT(14, client_id),
    S_SYMBOL(15, symbol),
    S_ENUM(16, status, STATUS_COUNT),
    S_ENUM(17, time_in_force, TIF_COUNT),
    S_ENUM(18, type, ORDER_TYPE_COUNT),
    S_ENUM(19, orig_type, ORDER_TYPE_COUNT),
    S_ENUM(20, side, SIDE_COUNT),
    S_ENUM(21, position_side, POSITION_SIDE_COUNT),
    S_ENUM(22, working_type, WORKING_COUNT),
    S_ENUM(23, stp_mode, STP_COUNT),
    S_ENUM(24, price_match, MATCH_COUNT),
    S_BOOL(25, reduce_only),
    S_BOOL(26, close_position),
    S_BOOL(27, price_protect),
};
#undef OF

#define OF algo_record
static const struct saved_field algo_fields[] = {
    S_INT64(1, algo_id),
    S_INT64(2, actual_order_id),
    S_INT64(3, quantity_e8),
    S_INT64(4, trigger_price_e8),
    S_INT64(5, price_e8),
    S_INT64(6, activate_price_e8),
    S_INT64(7, callback_rate_e8),
    S_INT64(8, actual_price_e8),
    S_INT64(9, create_us),
    S_INT64(10, update_us),
    S_INT64(11, trigger_us),
    S_INT64(12, good_till_us),
    S_TEXT(13, client_id),
    S_SYMBOL(14, symbol),
    S_ENUM(15, algo_status, ALGO_STATUS_COUNT),
    S_ENUM(16, time_in_force, TIF_COUNT),
    S_ENUM(17, type, ORDER_TYPE_COUNT),
    S_ENUM(18, side, SIDE_COUNT),
    S_ENUM(19, position_side, POSITION_SIDE_COUNT),
    S_ENUM(20, working_type, WORKING_COUNT),
    S_ENUM(21, stp_mode, STP_COUNT),
    S_ENUM(22, price_match, MATCH_COUNT),
    S_BOOL(23, reduce_only),
    S_BOOL(24, close_position),
    S_BOOL(25, price_protect),
};
#undef OF

#define OF trade_record
static const struct saved_field trade_fields[] = {
    S_INT64(1, id),
    S_INT64(2, order_id),
    S_INT64(3, price_e8),
    S_INT64(4, qty_e8),
    S_INT64(5, quote_qty_e8),
    S_INT64(6, realized_pnl_e8),
    S_INT64(7, commission_e8),
    S_INT64(8, time_us),
    S_SYMBOL(9, symbol),
    S_ENUM(10, side, SIDE_COUNT),
    S_ENUM(11, position_side, POSITION_SIDE_COUNT),
    S_BOOL(12, buyer),
    S_BOOL(13, maker),
    S_TEXT(14, commission_asset),
};
#undef OF

#define OF kline_record
static const struct saved_field kline_fields[] = {
    S_INT64(1, open_us),
    S_INT64(2, open_e8),
    S_INT64(3, high_e8),
    S_INT64(4, low_e8),
    S_INT64(5, close_e8),
    S_INT64(6, volume_e8),
    S_INT64(7, close_us),
    S_INT64(8, quote_volume_e8),
    S_INT64(9, trades),
    S_INT64(10, taker_volume_e8),
    S_INT64(11, taker_quote_volume_e8),
    S_SYMBOL(12, symbol),
    S_INT64(13, volume_high),
    S_INT64(14, quote_volume_high),
    S_INT64(15, taker_volume_high),
    S_INT64(16, taker_quote_volume_high),
};
#undef OF

#define OF balance_record
static const struct saved_field balance_fields[] = {
    S_INT64(1, wallet_e8),
    S_INT64(2, cross_wallet_e8),
    S_INT64(3, cross_unrealized_e8),
    S_INT64(4, available_e8),
    S_INT64(5, max_withdraw_e8),
    S_INT64(6, update_us),
    S_TEXT(7, asset),
};
#undef OF

#define OF position_record
static const struct saved_field position_fields[] = {
    S_INT64(1, amount_e8),
    S_INT64(2, entry_price_e8),
    S_INT64(3, break_even_e8),
    S_INT64(4, mark_price_e8),
    S_INT64(5, unrealized_e8),
    S_INT64(6, liquidation_price_e8),
    S_INT64(7, isolated_margin_e8),
    S_INT64(8, isolated_wallet_e8),
    S_INT64(9, notional_e8),
    S_INT64(10, initial_margin_e8),
    S_INT64(11, maint_margin_e8),
    S_INT64(12, position_margin_e8),
    S_INT64(13, order_margin_e8),
    S_INT64(14, bid_notional_e8),
    S_INT64(15, ask_notional_e8),
    S_INT64(16, notional_max_e8),
    S_INT64(17, update_us),
    S_INT32(18, leverage),
    S_INT32(19, adl),
    S_SYMBOL(20, symbol),
    S_ENUM(21, position_side, POSITION_SIDE_COUNT),
    S_ENUM(22, margin_type, MARGIN_COUNT),
};
static const struct saved_table position = S_TABLE(position_record, position_fields);
#undef OF

#define OF account_record
static const struct saved_field account_fields[] = {
    S_INT64(1, initial_margin_e8),
    S_INT64(2, maint_margin_e8),
    S_INT64(3, wallet_e8),
    S_INT64(4, unrealized_e8),
    S_INT64(5, margin_balance_e8),
    S_INT64(6, position_margin_e8),
    S_INT64(7, order_margin_e8),
    S_INT64(8, cross_wallet_e8),
    S_INT64(9, cross_unrealized_e8),
    S_INT64(10, available_e8),
    S_INT64(11, max_withdraw_e8),
    S_INT64(12, update_us),
    S_BOOL(13, dual_side),
    S_BOOL(14, multi_assets),
    S_LIST(15, positions, position_count, &position),
    S_INT64(16, coin_wallet_e8),
};
#undef OF

#define OF income_record
static const struct saved_field income_fields[] = {
    S_INT64(1, income_e8),
    S_INT64(2, time_us),
    S_INT64(3, id),
    S_INT64(4, trade_id),
    S_SYMBOL(5, symbol),
    S_ENUM(6, type, INCOME_TYPE_COUNT),
    S_TEXT(7, asset),
};
#undef OF

#define OF ticker_record
static const struct saved_field ticker_fields[] = {
    S_INT64(1, last_e8),
    S_INT64(2, open_e8),
    S_INT64(3, high_e8),
    S_INT64(4, low_e8),
    S_INT64(5, volume_e8),
    S_INT64(6, quote_volume_e8),
    S_INT64(7, change_e8),
    S_INT64(8, change_percent_e8),
    S_INT64(9, weighted_avg_e8),
    S_INT64(10, last_qty_e8),
    S_INT64(11, bid_e8),
    S_INT64(12, bid_qty_e8),
    S_INT64(13, ask_e8),
    S_INT64(14, ask_qty_e8),
    S_INT64(15, open_us),
    S_INT64(16, close_us),
    S_INT64(17, time_us),
    S_INT64(18, first_id),
    S_INT64(19, last_id),
    S_INT64(20, count),
    S_INT64(21, update_id),
    S_SYMBOL(22, symbol),
    S_TEXT(23, other),
    S_INT64(24, volume_high),
    S_INT64(25, quote_volume_high),
};
static const struct saved_table ticker = S_TABLE(ticker_record, ticker_fields);
#undef OF

#define OF mark_record
static const struct saved_field mark_fields[] = {
    S_INT64(1, mark_e8),
    S_INT64(2, index_e8),
    S_INT64(3, settle_e8),
    S_INT64(4, funding_rate_e8),
    S_INT64(5, interest_rate_e8),
    S_INT64(6, next_funding_us),
    S_INT64(7, time_us),
    S_SYMBOL(8, symbol),
    S_TEXT(9, other),
};
static const struct saved_table mark = S_TABLE(mark_record, mark_fields);
#undef OF

#define OF funding_record
static const struct saved_field funding_fields[] = {
    S_INT64(1, time_us),
    S_INT64(2, rate_e8),
    S_INT64(3, mark_e8),
    S_SYMBOL(4, symbol),
    S_TEXT(5, other),
};
#undef OF

#define OF agg_trade_record
static const struct saved_field agg_trade_fields[] = {
    S_INT64(1, id),
    S_INT64(2, price_e8),
    S_INT64(3, qty_e8),
    S_INT64(4, first_id),
    S_INT64(5, last_id),
    S_INT64(6, time_us),
    S_SYMBOL(7, symbol),
    S_BOOL(8, buyer_maker),
};
static const struct saved_table agg_trade = S_TABLE(agg_trade_record, agg_trade_fields);
#undef OF

#define OF level_record
static const struct saved_field level_fields[] = {
    S_INT64(1, price_e8),
    S_INT64(2, qty_e8),
};
static const struct saved_table level = S_TABLE(level_record, level_fields);
#undef OF

#define OF depth_record
static const struct saved_field depth_fields[] = {
    S_INT64(1, last_update_id),
    S_INT64(2, event_us),
    S_INT64(3, transaction_us),
    S_LIST(4, bids, bid_count, &level),
    S_LIST(5, asks, ask_count, &level),
    S_SYMBOL(6, symbol),
};
#undef OF

#define OF leverage_record
static const struct saved_field leverage_fields[] = {
    S_INT64(1, notional_max_e8),
    S_INT32(2, leverage),
    S_SYMBOL(3, symbol),
};
#undef OF

#define OF commission_record
static const struct saved_field commission_fields[] = {
    S_INT64(1, maker_e8),
    S_INT64(2, taker_e8),
    S_SYMBOL(3, symbol),
};
#undef OF

#define OF symbol_config_record
static const struct saved_field symbol_config_fields[] = {
    S_INT64(1, notional_max_e8),
    S_INT32(2, leverage),
    S_SYMBOL(3, symbol),
    S_ENUM(4, margin_type, MARGIN_COUNT),
};
#undef OF

#define OF bracket_record
static const struct saved_field bracket_fields[] = {
    S_INT64(1, cap_e8),
    S_INT64(2, floor_e8),
    S_INT64(3, ratio_e8),
    S_INT64(4, cum_e8),
    S_INT32(5, bracket),
    S_INT32(6, leverage),
};
static const struct saved_table bracket_row = S_TABLE(bracket_record, bracket_fields);
#undef OF

#define OF bracket_list_record
static const struct saved_field bracket_list_fields[] = {
    S_LIST(1, brackets, bracket_count, &bracket_row),
    S_SYMBOL(2, symbol),
};
#undef OF

#define OF limit_record
static const struct saved_field limit_fields[] = {
    S_ENUM(1, kind, RATE_KIND_COUNT),
    S_ENUM(2, interval, RATE_INTERVAL_COUNT),
    S_INT32(3, interval_num),
    S_INT32(4, limit),
};
#undef OF

#define OF status_record
static const struct saved_field status_fields[] = {
    S_INT64(1, code),
    S_TEXT(2, msg),
};
#undef OF

#define OF algo_cancel_record
static const struct saved_field algo_cancel_fields[] = {
    S_INT64(1, algo_id),
    S_TEXT(2, client_id),
};
#undef OF

#define OF value_record
static const struct saved_field value_fields[] = {
    S_INT64(1, time_us),
    S_INT64(2, number),
    S_SYMBOL(3, symbol),
    S_BOOL(4, flag),
    S_BOOL(5, multi_assets),
};
#undef OF

#define OF margin_change_record
static const struct saved_field margin_change_fields[] = {
    S_INT64(1, amount_e8),
    S_INT32(2, type),
};
#undef OF

#define OF order_update_record
static const struct saved_field order_update_fields[] = {
    S_INT64(1, event_us),
    S_INT64(2, transaction_us),
    S_PART(3, order, &saved_record_order),
    S_INT64(4, last_qty_e8),
    S_INT64(5, last_price_e8),
    S_INT64(6, commission_e8),
    S_INT64(7, realized_pnl_e8),
    S_INT64(8, trade_id),
    S_INT64(9, bid_notional_e8),
    S_INT64(10, ask_notional_e8),
    S_ENUM(11, execution, EXEC_COUNT),
    S_ENUM(12, expiry_reason, EXPIRY_REASON_COUNT),
    S_BOOL(13, maker),
    S_BOOL(14, position_closed),
    S_TEXT(15, commission_asset),
    S_INT64(16, coin_commission_e8),
};
#undef OF

#define OF algo_update_record
static const struct saved_field algo_update_fields[] = {
    S_INT64(1, event_us),
    S_INT64(2, transaction_us),
    S_PART(3, order, &saved_record_algo),
    S_INT64(4, actual_qty_e8),
    S_ENUM(5, actual_type, ACTUAL_TYPE_COUNT),
};
#undef OF

#define OF account_update_record
static const struct saved_field account_update_fields[] = {
    S_INT64(1, event_us),
    S_INT64(2, transaction_us),
    S_INT64(3, wallet_e8),
    S_INT64(4, cross_wallet_e8),
    S_INT64(5, balance_change_e8),
    S_INT64(6, amount_e8),
    S_INT64(7, entry_price_e8),
    S_INT64(8, break_even_e8),
    S_INT64(9, realized_e8),
    S_INT64(10, unrealized_e8),
    S_INT64(11, isolated_wallet_e8),
    S_SYMBOL(12, symbol),
    S_SYMBOL(13, funded),
    S_ENUM(14, reason, ACCOUNT_REASON_COUNT),
    S_ENUM(15, position_side, POSITION_SIDE_COUNT),
    S_ENUM(16, margin_type, MARGIN_COUNT),
};
#undef OF

#define OF config_update_record
static const struct saved_field config_update_fields[] = {
    S_INT64(1, event_us),
    S_INT64(2, transaction_us),
    S_INT32(3, leverage),
    S_SYMBOL(4, symbol),
    S_BOOL(5, multi_assets),
};
#undef OF

#define OF margin_call_record
static const struct saved_field margin_call_fields[] = {
    S_INT64(1, event_us),
    S_INT64(2, cross_wallet_e8),
    S_INT64(3, amount_e8),
    S_INT64(4, mark_price_e8),
    S_INT64(5, unrealized_e8),
    S_INT64(6, maint_margin_e8),
    S_INT64(7, isolated_wallet_e8),
    S_SYMBOL(8, symbol),
    S_ENUM(9, position_side, POSITION_SIDE_COUNT),
    S_ENUM(10, margin_type, MARGIN_COUNT),
};
#undef OF

#define OF adl_record
static const struct saved_field adl_fields[] = {
    S_INT64(1, update_us),
    S_SYMBOL(2, symbol),
    S_INT32(3, longs),
    S_INT32(4, shorts),
    S_INT32(5, both),
};
#undef OF

#define OF funding_info_record
static const struct saved_field funding_info_fields[] = {
    S_INT64(1, cap_e8),
    S_INT64(2, floor_e8),
    S_INT64(3, update_us),
    S_INT32(4, interval_h),
    S_SYMBOL(5, symbol),
};
#undef OF

#define OF listen_key_record
static const struct saved_field listen_key_fields[] = {
    S_TEXT(1, key),
    S_INT64(2, event_us),
};
#undef OF

#define OF trade_event
static const struct saved_field trade_event_fields[] = {
    S_INT64(1, event_us),
    S_PART(2, trade, &saved_record_trade),
};
#undef OF

#define OF agg_trade_event
static const struct saved_field agg_trade_event_fields[] = {
    S_INT64(1, event_us),
    S_PART(2, trade, &agg_trade),
};
#undef OF

static const struct saved_table kline = S_TABLE(kline_record, kline_fields);

#define OF kline_event
static const struct saved_field kline_event_fields[] = {
    S_INT64(1, event_us),
    S_INT64(2, first_id),
    S_INT64(3, last_id),
    S_PART(4, bar, &kline),
    S_ENUM(5, interval, INTERVAL_COUNT),
    S_BOOL(6, closed),
};
#undef OF

#define OF ticker_event
static const struct saved_field ticker_event_fields[] = {
    S_INT64(1, event_us),
    S_PART(2, ticker, &ticker),
};
#undef OF

#define OF mark_event
static const struct saved_field mark_event_fields[] = {
    S_INT64(1, event_us),
    S_PART(2, mark, &mark),
};
#undef OF

#define OF depth_event
static const struct saved_field depth_event_fields[] = {
    S_INT64(1, event_us),
    S_INT64(2, transaction_us),
    S_INT64(3, first_id),
    S_INT64(4, last_id),
    S_INT64(5, previous_id),
    S_LIST(6, bids, bid_count, &level),
    S_LIST(7, asks, ask_count, &level),
    S_SYMBOL(8, symbol),
};
#undef OF

// ---- the rules of a symbol ----

#define OF bracket
static const struct saved_field symbol_bracket_fields[] = {
    S_INT32(1, leverage_max),
    S_INT64(2, floor_e8),
    S_INT64(3, cap_e8),
    S_INT64(4, maint_ratio_e8),
    S_INT64(5, cum_e8),
};
static const struct saved_table symbol_bracket_table = S_TABLE(bracket, symbol_bracket_fields);
#undef OF

#define OF symbol
static const struct saved_field symbol_fields[] = {
    S_TEXT(1, name),
    S_TEXT(2, base_asset),
    S_TEXT(3, quote_asset),
    S_TEXT(4, margin_asset),
    S_WITHIN(5, SAVED_INT32, price_precision, 0, 8),
    S_WITHIN(6, SAVED_INT32, quantity_precision, 0, 8),
    S_INT64(7, tick_e8),
    S_INT64(8, price_min_e8),
    S_INT64(9, price_max_e8),
    S_INT64(10, step_e8),
    S_INT64(11, qty_min_e8),
    S_INT64(12, qty_max_e8),
    S_INT64(13, market_step_e8),
    S_INT64(14, market_qty_min_e8),
    S_INT64(15, market_qty_max_e8),
    S_INT64(16, notional_min_e8),
    S_INT64(17, percent_up_e8),
    S_INT64(18, percent_down_e8),
    S_INT32(19, orders_max),
    S_INT32(20, funding_interval_h),
    S_INT64(21, trigger_protect_e8),
    S_INT64(22, liquidation_fee_e8),
    S_INT64(23, market_take_bound_e8),
    S_ENUM(24, source, SYMBOL_FROM_DATA + 1),
    S_WITHIN(25, SAVED_INT32, bracket_count, 0, SYMBOL_BRACKETS_MAX),
    S_PARTS(26, brackets, &symbol_bracket_table),
    S_TEXT(27, status),
};
#undef OF

const struct saved_table saved_record_order = S_TABLE(order_record, order_fields);
const struct saved_table saved_record_algo = S_TABLE(algo_record, algo_fields);
const struct saved_table saved_record_trade = S_TABLE(trade_record, trade_fields);
const struct saved_table saved_record_income = S_TABLE(income_record, income_fields);
const struct saved_table saved_record_symbol = S_TABLE(symbol, symbol_fields);

static const struct saved_table account = S_TABLE_OF_LISTS(account_record, account_fields);
static const struct saved_table account_update = S_TABLE(account_update_record, account_update_fields);
static const struct saved_table adl = S_TABLE(adl_record, adl_fields);
static const struct saved_table agg_trade_event = S_TABLE(agg_trade_event, agg_trade_event_fields);
static const struct saved_table algo_cancel = S_TABLE(algo_cancel_record, algo_cancel_fields);
static const struct saved_table algo_update = S_TABLE(algo_update_record, algo_update_fields);
static const struct saved_table balance = S_TABLE(balance_record, balance_fields);
static const struct saved_table bracket_list = S_TABLE_OF_LISTS(bracket_list_record, bracket_list_fields);
static const struct saved_table commission = S_TABLE(commission_record, commission_fields);
static const struct saved_table config_update = S_TABLE(config_update_record, config_update_fields);
static const struct saved_table depth = S_TABLE_OF_LISTS(depth_record, depth_fields);
static const struct saved_table depth_event = S_TABLE_OF_LISTS(depth_event, depth_event_fields);
static const struct saved_table empty = { .name = "empty", .size = 1 };
static const struct saved_table funding = S_TABLE(funding_record, funding_fields);
static const struct saved_table funding_info = S_TABLE(funding_info_record, funding_info_fields);
static const struct saved_table kline_event = S_TABLE(kline_event, kline_event_fields);
static const struct saved_table leverage = S_TABLE(leverage_record, leverage_fields);
static const struct saved_table limit = S_TABLE(limit_record, limit_fields);
static const struct saved_table listen_key = S_TABLE(listen_key_record, listen_key_fields);
static const struct saved_table margin_call = S_TABLE(margin_call_record, margin_call_fields);
static const struct saved_table margin_change = S_TABLE(margin_change_record, margin_change_fields);
static const struct saved_table mark_event = S_TABLE(mark_event, mark_event_fields);
static const struct saved_table order_update = S_TABLE(order_update_record, order_update_fields);
static const struct saved_table status = S_TABLE(status_record, status_fields);
static const struct saved_table symbol_config = S_TABLE(symbol_config_record, symbol_config_fields);
static const struct saved_table ticker_event = S_TABLE(ticker_event, ticker_event_fields);
static const struct saved_table trade_event = S_TABLE(trade_event, trade_event_fields);
static const struct saved_table value = S_TABLE(value_record, value_fields);

static const struct saved_table *const tables[RECORD_COUNT] = {
    [RECORD_ORDER] = &saved_record_order,
    [RECORD_ORDER_AMENDED] = &saved_record_order,
    [RECORD_ORDER_QUERY] = &saved_record_order,
    [RECORD_ALGO] = &saved_record_algo,
    [RECORD_ALGO_QUERY] = &saved_record_algo,
    [RECORD_ALGO_CANCEL] = &algo_cancel,
    [RECORD_TRADE] = &saved_record_trade,
    [RECORD_KLINE] = &kline,
    [RECORD_BALANCE] = &balance,
    [RECORD_POSITION] = &position,
    [RECORD_ACCOUNT] = &account,
    [RECORD_INCOME] = &saved_record_income,
    [RECORD_TICKER_24H] = &ticker,
    [RECORD_TICKER_PRICE] = &ticker,
    [RECORD_BOOK_TICKER] = &ticker,
    [RECORD_MARK] = &mark,
    [RECORD_FUNDING] = &funding,
    [RECORD_AGG_TRADE] = &agg_trade,
    [RECORD_RECENT_TRADE] = &saved_record_trade,
    [RECORD_DEPTH] = &depth,
    [RECORD_LEVEL] = &level,
    [RECORD_LEVERAGE] = &leverage,
    [RECORD_COMMISSION] = &commission,
    [RECORD_SYMBOL_CONFIG] = &symbol_config,
    [RECORD_BRACKET_LIST] = &bracket_list,
    [RECORD_BRACKET] = &bracket_row,
    [RECORD_LIMIT] = &limit,
    [RECORD_STATUS] = &status,
    [RECORD_SERVER_TIME] = &value,
    [RECORD_POSITION_MODE] = &value,
    [RECORD_COUNTDOWN] = &value,
    [RECORD_MARGIN_CHANGE] = &margin_change,
    [RECORD_ACCOUNT_CONFIG] = &value,
    [RECORD_ORDER_UPDATE] = &order_update,
    [RECORD_ALGO_UPDATE] = &algo_update,
    [RECORD_ACCOUNT_UPDATE] = &account_update,
    [RECORD_CONFIG_UPDATE] = &config_update,
    [RECORD_ASSETS_UPDATE] = &config_update,
    [RECORD_MARGIN_CALL] = &margin_call,
    [RECORD_EMPTY] = &empty,
    [RECORD_ERROR] = &status,
    [RECORD_ACCOUNT_ASSET] = &account,
    [RECORD_ACCOUNT_POSITION] = &position,
    [RECORD_ORDER_UPDATE_BODY] = &order_update,
    [RECORD_ALGO_UPDATE_BODY] = &algo_update,
    [RECORD_ACCOUNT_UPDATE_BODY] = &account_update,
    [RECORD_ACCOUNT_UPDATE_BALANCE] = &account_update,
    [RECORD_ACCOUNT_UPDATE_POSITION] = &account_update,
    [RECORD_CONFIG_UPDATE_BODY] = &config_update,
    [RECORD_ASSETS_UPDATE_BODY] = &config_update,
    [RECORD_MARGIN_CALL_POSITION] = &margin_call,
    [RECORD_ACCOUNT_V2] = &account,
    [RECORD_ACCOUNT_V2_ASSET] = &account,
    [RECORD_ACCOUNT_V2_POSITION] = &position,
    [RECORD_POSITION_V2] = &position,
    [RECORD_PRICE_KLINE] = &kline,
    [RECORD_ADL_RISK] = &adl,
    [RECORD_FUNDING_INFO] = &funding_info,
    [RECORD_OPEN_INTEREST] = &value,
    [RECORD_MULTI_ASSETS] = &value,
    [RECORD_ADL] = &adl,
    [RECORD_ADL_BODY] = &adl,
    [RECORD_LISTEN_KEY] = &listen_key,
    [RECORD_TRADE_EVENT] = &trade_event,
    [RECORD_AGG_TRADE_EVENT] = &agg_trade_event,
    [RECORD_KLINE_EVENT] = &kline_event,
    [RECORD_KLINE_EVENT_BODY] = &kline_event,
    [RECORD_CONTINUOUS_KLINE_EVENT] = &kline_event,
    [RECORD_CONTINUOUS_KLINE_EVENT_BODY] = &kline_event,
    [RECORD_MARK_EVENT] = &mark_event,
    [RECORD_MINI_TICKER_EVENT] = &ticker_event,
    [RECORD_TICKER_EVENT] = &ticker_event,
    [RECORD_BOOK_TICKER_EVENT] = &ticker_event,
    [RECORD_DEPTH_EVENT] = &depth_event,
    [RECORD_FORCE_ORDER_EVENT] = &order_update,
    [RECORD_FORCE_ORDER_EVENT_BODY] = &order_update,
    [RECORD_TRADE_LITE] = &order_update,
    [RECORD_LISTEN_KEY_EXPIRED] = &listen_key,
};
// clang-format on

const struct saved_table *saved_record_table(int32_t kind) {
    ASSERT(kind >= 0 && kind < RECORD_COUNT);
    return tables[kind];
}

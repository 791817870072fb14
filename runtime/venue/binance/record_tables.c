// record_tables.c: one field table a kind of record, in the order in which the exchange writes the fields.
//
// Source   the wire contract: replies O1 O2 U P3 BAL ACC3 A to J G1 G2, stream messages of section 8.
#include "venue/binance/table_macros.h"

#include "base/assert.h"
#include "venue/binance/field.h"

// `er`: a digit as text.
static const char *const expiry_names[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };

#define OF order_record
#define PLACED                                                                                               \
    ID("orderId", order_id), SYMBOL("symbol", symbol), NAME("status", status, order_status_names),           \
        TEXT("clientOrderId", client_id), PRICE("price", price_e8), DEC_MIN("avgPrice", avg_price_e8, 2),    \
        QTY("origQty", orig_qty_e8), QTY("executedQty", executed_qty_e8), QTY("cumQty", executed_qty_e8),    \
        DEC_MIN("cumQuote", cum_quote_e8, 5), NAME("timeInForce", time_in_force, tif_names),                 \
        NAME("type", type, order_type_names), FLAG("reduceOnly", reduce_only),                               \
        FLAG("closePosition", close_position), NAME("side", side, side_names),                               \
        NAME("positionSide", position_side, position_side_names), PRICE("stopPrice", stop_price_e8),         \
        NAME("workingType", working_type, working_type_names), FLAG("priceProtect", price_protect),          \
        NAME("origType", orig_type, order_type_names), NAME("priceMatch", price_match, price_match_names),   \
        NAME("selfTradePreventionMode", stp_mode, stp_mode_names), MS("goodTillDate", good_till_us),         \
        MS("updateTime", update_us)
static const struct field order_fields[] = { PLACED };
static const struct field order_amended_fields[] = {
    PLACED,
    SYMBOL("pair", symbol),
    ZERO(ZERO_ABSENT, FIELD_INT64, "modifyId", modify_id),
};
#undef PLACED
static const struct field order_query_fields[] = {
    ID("orderId", order_id),
    SYMBOL("symbol", symbol),
    NAME("status", status, order_status_names),
    TEXT("clientOrderId", client_id),
    PRICE("price", price_e8),
    DEC_MIN("avgPrice", avg_price_e8, 5),
    QTY("origQty", orig_qty_e8),
    QTY("executedQty", executed_qty_e8),
    DEC_MIN("cumQuote", cum_quote_e8, 5),
    NAME("timeInForce", time_in_force, tif_names),
    NAME("type", type, order_type_names),
    FLAG("reduceOnly", reduce_only),
    FLAG("closePosition", close_position),
    NAME("side", side, side_names),
    NAME("positionSide", position_side, position_side_names),
    DEC("stopPrice", stop_price_e8),
    NAME("workingType", working_type, working_type_names),
    FLAG("priceProtect", price_protect),
    NAME("origType", orig_type, order_type_names),
    NAME("priceMatch", price_match, price_match_names),
    NAME("selfTradePreventionMode", stp_mode, stp_mode_names),
    MS("goodTillDate", good_till_us),
    ZERO(ZERO_ABSENT, FIELD_DEC, "activatePrice", activate_price_e8),
    ZERO(ZERO_ABSENT, FIELD_DEC, "priceRate", callback_rate_e8),
    MS("time", time_us),
    MS("updateTime", update_us),
};
#undef OF

#define OF algo_record
#define ALGO_HEAD                                                                                            \
    ID("algoId", algo_id), TEXT("clientAlgoId", client_id), TEXT_OF(FIELD_CONST, "algoType", "CONDITIONAL"), \
        NAME("orderType", type, order_type_names), SYMBOL("symbol", symbol), NAME("side", side, side_names), \
        NAME("positionSide", position_side, position_side_names),                                            \
        NAME("timeInForce", time_in_force, tif_names), QTY("quantity", quantity_e8),                         \
        NAME("algoStatus", algo_status, algo_status_names)
#define ALGO_TERMS                                                                                           \
    PRICE("triggerPrice", trigger_price_e8), PRICE("price", price_e8),                                       \
        TEXT_OF(FIELD_CONST_INT, "icebergQuantity", "null"),                                                 \
        NAME("selfTradePreventionMode", stp_mode, stp_mode_names),                                           \
        NAME("workingType", working_type, working_type_names),                                               \
        NAME("priceMatch", price_match, price_match_names), FLAG("closePosition", close_position),           \
        FLAG("priceProtect", price_protect), FLAG("reduceOnly", reduce_only)
#define ALGO_TIMES                                                                                           \
    MS("createTime", create_us), MS("updateTime", update_us), MS("triggerTime", trigger_us),                 \
        MS("goodTillDate", good_till_us)
static const struct field algo_fields[] = {
    ALGO_HEAD,
    ALGO_TERMS,
    ZERO(ZERO_EMPTY, FIELD_DEC, "activatePrice", activate_price_e8),
    ZERO(ZERO_EMPTY, FIELD_DEC, "callbackRate", callback_rate_e8),
    ALGO_TIMES,
};
static const struct field algo_query_fields[] = {
    ALGO_HEAD,
    ID_TEXT("actualOrderId", actual_order_id),
    DEC_MIN("actualPrice", actual_price_e8, 5),
    ALGO_TERMS,
    ZERO(ZERO_ABSENT, FIELD_DEC, "activatePrice", activate_price_e8),
    ZERO(ZERO_ABSENT, FIELD_DEC, "callbackRate", callback_rate_e8),
    ALGO_TIMES,
    TEXT_OF(FIELD_CONST, "tpTriggerPrice", "0.000"),
    TEXT_OF(FIELD_CONST, "tpPrice", "0.000"),
    TEXT_OF(FIELD_CONST, "slTriggerPrice", "0.000"),
    TEXT_OF(FIELD_CONST, "slPrice", "0.000"),
    TEXT_OF(FIELD_CONST, "tpOrderType", ""),
};
#undef ALGO_HEAD
#undef ALGO_TERMS
#undef ALGO_TIMES
#undef OF

#define OF algo_cancel_record
static const struct field algo_cancel_fields[] = {
    ID("algoId", algo_id),
    TEXT("clientAlgoId", client_id),
    TEXT_OF(FIELD_CONST, "code", "200"),
    TEXT_OF(FIELD_CONST, "msg", "success"),
};
#undef OF

#define OF trade_record
static const struct field trade_fields[] = {
    SYMBOL("symbol", symbol),
    ID("id", id),
    ID("orderId", order_id),
    NAME("side", side, side_names),
    PRICE("price", price_e8),
    QTY("qty", qty_e8),
    DEC8("realizedPnl", realized_pnl_e8),
    COIN("marginAsset"),
    DEC8("quoteQty", quote_qty_e8),
    DEC8("commission", commission_e8),
    COIN_TEXT("commissionAsset", commission_asset),
    MS("time", time_us),
    NAME("positionSide", position_side, position_side_names),
    FLAG("buyer", buyer),
    FLAG("maker", maker),
};
#undef OF

#define OF trade_record
static const struct field recent_trade_fields[] = {
    ID("id", id),
    PRICE("price", price_e8),
    QTY("qty", qty_e8),
    DEC("quoteQty", quote_qty_e8),
    MS("time", time_us),
    FLAG("isBuyerMaker", maker),
    TEXT_OF(FIELD_CONST_BOOL, "isRPITrade", "false"),
};
#undef OF

#define OF kline_record
static const struct field kline_fields[] = {
    MS("open_time", open_us),
    PRICE("open", open_e8),
    PRICE("high", high_e8),
    PRICE("low", low_e8),
    PRICE("close", close_e8),
    WIDE_QTY("volume", volume_e8, volume_high),
    MS("close_time", close_us),
    WIDE_DEC("quote_volume", quote_volume_e8, quote_volume_high, 0),
    INT64("trades", trades),
    WIDE_QTY("taker_buy_volume", taker_volume_e8, taker_volume_high),
    WIDE_DEC("taker_buy_quote_volume", taker_quote_volume_e8, taker_quote_volume_high, 0),
    TEXT_OF(FIELD_CONST, "ignore", "0"),
};
#undef OF

#define OF balance_record
static const struct field balance_fields[] = {
    TEXT_OF(FIELD_CONST, "accountAlias", "moontide"),
    COIN_TEXT("asset", asset),
    DEC8("balance", wallet_e8),
    DEC8("crossWalletBalance", cross_wallet_e8),
    DEC8("crossUnPnl", cross_unrealized_e8),
    DEC8("availableBalance", available_e8),
    DEC8("maxWithdrawAmount", max_withdraw_e8),
    TEXT_OF(FIELD_CONST_BOOL, "marginAvailable", "true"),
    MS("updateTime", update_us),
};
#undef OF

#define OF position_record
static const struct field position_fields[] = {
    SYMBOL("symbol", symbol),
    NAME("positionSide", position_side, position_side_names),
    QTY("positionAmt", amount_e8),
    DEC_MIN("entryPrice", entry_price_e8, 1),
    DEC_MIN("breakEvenPrice", break_even_e8, 1),
    DEC8("markPrice", mark_price_e8),
    DEC8("unRealizedProfit", unrealized_e8),
    DEC("liquidationPrice", liquidation_price_e8),
    ZERO(ZERO_SHORT, FIELD_DEC8, "isolatedMargin", isolated_margin_e8),
    DEC8("notional", notional_e8),
    COIN("marginAsset"),
    ZERO(ZERO_SHORT, FIELD_DEC8, "isolatedWallet", isolated_wallet_e8),
    DEC8("initialMargin", initial_margin_e8),
    DEC8("maintMargin", maint_margin_e8),
    DEC8("positionInitialMargin", position_margin_e8),
    ZERO(ZERO_SHORT, FIELD_DEC8, "openOrderInitialMargin", order_margin_e8),
    INT32("adl", adl),
    DEC("bidNotional", bid_notional_e8),
    DEC("askNotional", ask_notional_e8),
    MS("updateTime", update_us),
};
#undef OF

#define OF account_record
static const struct field account_fields[] = {
    DEC8("totalInitialMargin", initial_margin_e8),
    DEC8("totalMaintMargin", maint_margin_e8),
    DEC8("totalWalletBalance", wallet_e8),
    DEC8("totalUnrealizedProfit", unrealized_e8),
    DEC8("totalMarginBalance", margin_balance_e8),
    DEC8("totalPositionInitialMargin", position_margin_e8),
    DEC8("totalOpenOrderInitialMargin", order_margin_e8),
    DEC8("totalCrossWalletBalance", cross_wallet_e8),
    DEC8("totalCrossUnPnl", cross_unrealized_e8),
    DEC8("availableBalance", available_e8),
    DEC8("maxWithdrawAmount", max_withdraw_e8),
    PART(FIELD_ONE, "assets", RECORD_ACCOUNT_ASSET),
    LIST("positions", RECORD_ACCOUNT_POSITION, positions, position_count),
};
#undef OF

#define OF account_record
static const struct field account_asset_fields[] = {
    COIN("asset"),
    WRITTEN(FIELD_DEC8, "initialMargin", initial_margin_e8),
    WRITTEN(FIELD_DEC8, "maintMargin", maint_margin_e8),
    DEC8("walletBalance", coin_wallet_e8),
    WRITTEN(FIELD_DEC8, "unrealizedProfit", unrealized_e8),
    WRITTEN(FIELD_DEC8, "marginBalance", margin_balance_e8),
    WRITTEN(FIELD_DEC8, "positionInitialMargin", position_margin_e8),
    WRITTEN(FIELD_DEC8, "openOrderInitialMargin", order_margin_e8),
    WRITTEN(FIELD_DEC8, "crossWalletBalance", cross_wallet_e8),
    WRITTEN(FIELD_DEC8, "crossUnPnl", cross_unrealized_e8),
    WRITTEN(FIELD_DEC8, "availableBalance", available_e8),
    WRITTEN(FIELD_DEC8, "maxWithdrawAmount", max_withdraw_e8),
    MS("updateTime", update_us),
};
#undef OF

#define OF position_record
static const struct field account_position_fields[] = {
    SYMBOL("symbol", symbol),
    NAME("positionSide", position_side, position_side_names),
    QTY("positionAmt", amount_e8),
    DEC8("unrealizedProfit", unrealized_e8),
    DEC8("isolatedMargin", isolated_margin_e8),
    DEC8("notional", notional_e8),
    DEC8("isolatedWallet", isolated_wallet_e8),
    DEC8("initialMargin", initial_margin_e8),
    DEC8("maintMargin", maint_margin_e8),
    MS("updateTime", update_us),
};
#undef OF

#define OF income_record
static const struct field income_fields[] = {
    ZERO(ZERO_EMPTY, FIELD_SYMBOL, "symbol", symbol),
    NAME("incomeType", type, income_type_names),
    DEC8("income", income_e8),
    COIN_TEXT("asset", asset),
    NAME("info", type, income_type_names),
    MS("time", time_us),
    ID("tranId", id),
    ID_TEXT("tradeId", trade_id),
};
#undef OF

#define OF ticker_record
static const struct field ticker_24h_fields[] = {
    ANY_SYMBOL("symbol", symbol, other),
    PRICE("priceChange", change_e8),
    DEC_MIN("priceChangePercent", change_percent_e8, 3),
    PRICE("weightedAvgPrice", weighted_avg_e8),
    PRICE("lastPrice", last_e8),
    QTY("lastQty", last_qty_e8),
    PRICE("openPrice", open_e8),
    PRICE("highPrice", high_e8),
    PRICE("lowPrice", low_e8),
    WIDE_QTY("volume", volume_e8, volume_high),
    WIDE_DEC("quoteVolume", quote_volume_e8, quote_volume_high, 2),
    MS("openTime", open_us),
    MS("closeTime", close_us),
    ID("firstId", first_id),
    ID("lastId", last_id),
    INT64("count", count),
};
#undef OF

#define OF ticker_record
static const struct field ticker_price_fields[] = {
    ANY_SYMBOL("symbol", symbol, other),
    PRICE("price", last_e8),
    MS("time", time_us),
};
#undef OF

#define OF ticker_record
static const struct field book_ticker_fields[] = {
    ANY_SYMBOL("symbol", symbol, other), PRICE("bidPrice", bid_e8), QTY("bidQty", bid_qty_e8),
    PRICE("askPrice", ask_e8),           QTY("askQty", ask_qty_e8), MS("time", time_us),
    ID("lastUpdateId", update_id),
};
#undef OF

#define OF mark_record
static const struct field mark_fields[] = {
    ANY_SYMBOL("symbol", symbol, other),
    DEC8("markPrice", mark_e8),
    DEC8("indexPrice", index_e8),
    DEC8("estimatedSettlePrice", settle_e8),
    DEC8("lastFundingRate", funding_rate_e8),
    DEC8("interestRate", interest_rate_e8),
    MS("nextFundingTime", next_funding_us),
    MS("time", time_us),
};
#undef OF

#define OF funding_record
static const struct field funding_fields[] = {
    ANY_SYMBOL("symbol", symbol, other),
    MS("fundingTime", time_us),
    DEC8("fundingRate", rate_e8),
    DEC8("markPrice", mark_e8),
    TEXT_OF(FIELD_CONST, "rateType", "Regular"),
};
#undef OF

#define OF agg_trade_record
static const struct field agg_trade_fields[] = {
    ID("a", id),       PRICE("p", price_e8), QTY("q", qty_e8), WRITTEN(FIELD_QTY, "nq", qty_e8),
    ID("f", first_id), ID("l", last_id),     MS("T", time_us), FLAG("m", buyer_maker),
};
#undef OF

#define OF depth_record
static const struct field depth_fields[] = {
    ID("lastUpdateId", last_update_id),
    MS("E", event_us),
    MS("T", transaction_us),
    LIST("bids", RECORD_LEVEL, bids, bid_count),
    LIST("asks", RECORD_LEVEL, asks, ask_count),
};
#undef OF

#define OF level_record
static const struct field level_fields[] = {
    PRICE("price", price_e8),
    QTY("qty", qty_e8),
};
#undef OF

#define OF leverage_record
static const struct field leverage_fields[] = {
    INT32("leverage", leverage),
    DEC("maxNotionalValue", notional_max_e8),
    SYMBOL("symbol", symbol),
};
#undef OF

#define OF commission_record
static const struct field commission_fields[] = {
    SYMBOL("symbol", symbol),
    DEC("makerCommissionRate", maker_e8),
    DEC("takerCommissionRate", taker_e8),
    TEXT_OF(FIELD_CONST, "rpiCommissionRate", "0"),
};
#undef OF

#define OF symbol_config_record
static const struct field symbol_config_fields[] = {
    SYMBOL("symbol", symbol),
    NAME("marginType", margin_type, margin_type_names),
    TEXT_OF(FIELD_CONST_BOOL, "isAutoAddMargin", "false"),
    INT32("leverage", leverage),
    DEC("maxNotionalValue", notional_max_e8),
};
#undef OF

#define OF bracket_list_record
static const struct field bracket_list_fields[] = {
    SYMBOL("symbol", symbol),
    TEXT_OF(FIELD_CONST_INT, "notionalCoef", "1"),
    LIST("brackets", RECORD_BRACKET, brackets, bracket_count),
};
#undef OF

#define OF bracket_record
static const struct field bracket_fields[] = {
    INT32("bracket", bracket),         INT32("initialLeverage", leverage),   NUMBER("notionalCap", cap_e8),
    NUMBER("notionalFloor", floor_e8), NUMBER("maintMarginRatio", ratio_e8), NUMBER("cum", cum_e8),
};
#undef OF

#define OF limit_record
static const struct field limit_fields[] = {
    NAME("rateLimitType", kind, rate_kind_names),
    NAME("interval", interval, rate_interval_names),
    INT32("intervalNum", interval_num),
    INT32("limit", limit),
};
#undef OF

#define OF status_record
static const struct field status_fields[] = {
    INT64("code", code),
    TEXT("msg", msg),
};
#undef OF

#define OF status_record
static const struct field error_fields[] = {
    INT64("code", code),
    TEXT("msg", msg),
};
#undef OF

#define OF value_record
static const struct field server_time_fields[] = {
    MS("serverTime", time_us),
};
#undef OF

#define OF value_record
static const struct field position_mode_fields[] = {
    FLAG("dualSidePosition", flag),
};
#undef OF

#define OF value_record
static const struct field countdown_fields[] = {
    SYMBOL("symbol", symbol),
    INT_TEXT("countdownTime", number),
};
#undef OF

#define OF margin_change_record
static const struct field margin_change_fields[] = {
    NUMBER("amount", amount_e8),
    TEXT_OF(FIELD_CONST_INT, "code", "200"),
    TEXT_OF(FIELD_CONST, "msg", "Successfully modify position margin."),
    INT32("type", type),
};
#undef OF

#define OF value_record
static const struct field account_config_fields[] = {
    TEXT_OF(FIELD_CONST_INT, "feeTier", "0"),
    TEXT_OF(FIELD_CONST_BOOL, "canTrade", "true"),
    TEXT_OF(FIELD_CONST_BOOL, "canDeposit", "true"),
    TEXT_OF(FIELD_CONST_BOOL, "canWithdraw", "true"),
    FLAG("dualSidePosition", flag),
    TEXT_OF(FIELD_CONST_INT, "updateTime", "0"),
    FLAG("multiAssetsMargin", multi_assets),
    TEXT_OF(FIELD_CONST_INT, "tradeGroupId", "-1"),
};
#undef OF

#define OF order_update_record
static const struct field order_update_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "ORDER_TRADE_UPDATE"),
    MS("T", transaction_us),
    MS("E", event_us),
    PART(FIELD_OBJECT, "o", RECORD_ORDER_UPDATE_BODY),
};
#undef OF

#define OF order_update_record
static const struct field order_update_body_fields[] = {
    SYMBOL("s", order.symbol),
    TEXT("c", order.client_id),
    NAME("S", order.side, side_names),
    NAME("o", order.type, order_type_names),
    NAME("f", order.time_in_force, tif_names),
    DEC("q", order.orig_qty_e8),
    DEC("p", order.price_e8),
    DEC("ap", order.avg_price_e8),
    DEC("sp", order.stop_price_e8),
    NAME("x", execution, execution_names),
    NAME("X", order.status, order_status_names),
    ID("i", order.order_id),
    DEC("l", last_qty_e8),
    DEC("z", order.executed_qty_e8),
    DEC("L", last_price_e8),
    DEC("n", commission_e8),
    COIN_TEXT("N", commission_asset),
    MS("T", transaction_us),
    ID("t", trade_id),
    DEC("b", bid_notional_e8),
    DEC("a", ask_notional_e8),
    FLAG("m", maker),
    FLAG("R", order.reduce_only),
    NAME("wt", order.working_type, working_type_names),
    NAME("ot", order.orig_type, order_type_names),
    NAME("ps", order.position_side, position_side_names),
    FLAG("cp", order.close_position),
    DEC("rp", realized_pnl_e8),
    FLAG("pP", order.price_protect),
    TEXT_OF(FIELD_CONST_INT, "si", "0"),
    TEXT_OF(FIELD_CONST_INT, "ss", "0"),
    NAME("V", order.stp_mode, stp_mode_names),
    NAME("pm", order.price_match, price_match_names),
    MS("gtd", order.good_till_us),
    NAME("er", expiry_reason, expiry_names),
    ZERO(ZERO_ABSENT, FIELD_INT64, "M", order.modify_id),
};
#undef OF

#define OF algo_update_record
static const struct field algo_update_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "ALGO_UPDATE"),
    MS("T", transaction_us),
    MS("E", event_us),
    PART(FIELD_OBJECT, "o", RECORD_ALGO_UPDATE_BODY),
};
#undef OF

// `act`: the type of the order made by the trigger.
static const char *const actual_type_names[] = { "0", "LIMIT", "MARKET" };

#define OF algo_update_record
static const struct field algo_update_body_fields[] = {
    TEXT("caid", order.client_id),
    ID("aid", order.algo_id),
    TEXT_OF(FIELD_CONST, "at", "CONDITIONAL"),
    NAME("o", order.type, order_type_names),
    SYMBOL("s", order.symbol),
    NAME("S", order.side, side_names),
    NAME("ps", order.position_side, position_side_names),
    NAME("f", order.time_in_force, tif_names),
    DEC("q", order.quantity_e8),
    NAME("X", order.algo_status, algo_status_names),
    ID_TEXT("ai", order.actual_order_id),
    DEC("ap", order.actual_price_e8),
    DEC("aq", actual_qty_e8),
    { .name = "act",
      .type = FIELD_ENUM,
      .offset = offsetof(struct OF, actual_type),
      .names = actual_type_names,
      .name_count = sizeof actual_type_names / sizeof *actual_type_names,
      .written_only = true },
    DEC("tp", order.trigger_price_e8),
    DEC("p", order.price_e8),
    NAME("V", order.stp_mode, stp_mode_names),
    NAME("wt", order.working_type, working_type_names),
    NAME("pm", order.price_match, price_match_names),
    FLAG("cp", order.close_position),
    FLAG("pP", order.price_protect),
    FLAG("R", order.reduce_only),
    MS("tt", order.trigger_us),
    MS("gtd", order.good_till_us),
    TEXT_OF(FIELD_CONST, "rm", ""),
};
#undef OF

#define OF account_update_record
static const struct field account_update_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "ACCOUNT_UPDATE"),
    MS("E", event_us),
    MS("T", transaction_us),
    PART(FIELD_OBJECT, "a", RECORD_ACCOUNT_UPDATE_BODY),
};
#undef OF

#define OF account_update_record
static const struct field account_update_body_fields[] = {
    PART(FIELD_ONE, "B", RECORD_ACCOUNT_UPDATE_BALANCE),
    PART_IF("P", RECORD_ACCOUNT_UPDATE_POSITION, symbol),
    NAME("m", reason, account_reason_names),
    ZERO(ZERO_ABSENT, FIELD_SYMBOL, "S", funded),
};
#undef OF

#define OF account_update_record
static const struct field account_update_balance_fields[] = {
    COIN("a"),
    DEC("wb", wallet_e8),
    DEC("cw", cross_wallet_e8),
    DEC("bc", balance_change_e8),
};
#undef OF

#define OF account_update_record
static const struct field account_update_position_fields[] = {
    SYMBOL("s", symbol),
    DEC("pa", amount_e8),
    DEC("ep", entry_price_e8),
    DEC("bep", break_even_e8),
    DEC("cr", realized_e8),
    DEC("up", unrealized_e8),
    NAME("mt", margin_type, margin_type_short_names),
    DEC("iw", isolated_wallet_e8),
    NAME("ps", position_side, position_side_names),
    COIN("ma"),
};
#undef OF

#define OF config_update_record
static const struct field config_update_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "ACCOUNT_CONFIG_UPDATE"),
    MS("E", event_us),
    MS("T", transaction_us),
    PART(FIELD_OBJECT, "ac", RECORD_CONFIG_UPDATE_BODY),
};
#undef OF

#define OF config_update_record
static const struct field config_update_body_fields[] = {
    SYMBOL("s", symbol),
    INT32("l", leverage),
};
#undef OF

#define OF config_update_record
static const struct field assets_update_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "ACCOUNT_CONFIG_UPDATE"),
    MS("E", event_us),
    MS("T", transaction_us),
    PART(FIELD_OBJECT, "ai", RECORD_ASSETS_UPDATE_BODY),
};
static const struct field assets_update_body_fields[] = { FLAG("j", multi_assets) };
#undef OF

#define OF margin_call_record
static const struct field margin_call_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "MARGIN_CALL"),
    MS("E", event_us),
    DEC("cw", cross_wallet_e8),
    PART(FIELD_ONE, "p", RECORD_MARGIN_CALL_POSITION),
};
#undef OF

#define OF margin_call_record
static const struct field margin_call_position_fields[] = {
    SYMBOL("s", symbol),           NAME("ps", position_side, position_side_names),
    DEC("pa", amount_e8),          NAME("mt", margin_type, margin_type_names),
    DEC("iw", isolated_wallet_e8), DEC("mp", mark_price_e8),
    DEC("up", unrealized_e8),      DEC("mm", maint_margin_e8),
};
#undef OF

static const struct record_table tables[RECORD_ACCOUNT_V2] = {
    [RECORD_ORDER] = TABLE(order, order_record, 0, SYMBOL_AT(order_record, symbol)),
    [RECORD_ORDER_AMENDED] = TABLE(order_amended, order_record, 0, SYMBOL_AT(order_record, symbol)),
    [RECORD_ORDER_QUERY] = TABLE(order_query, order_record, 0, SYMBOL_AT(order_record, symbol)),
    [RECORD_ALGO] = TABLE(algo, algo_record, 0, SYMBOL_AT(algo_record, symbol)),
    [RECORD_ALGO_QUERY] = TABLE(algo_query, algo_record, 0, SYMBOL_AT(algo_record, symbol)),
    [RECORD_ALGO_CANCEL] = TABLE(algo_cancel, algo_cancel_record, 0, RECORD_NO_SYMBOL),
    [RECORD_TRADE] = TABLE(trade, trade_record, 0, SYMBOL_AT(trade_record, symbol)),
    [RECORD_RECENT_TRADE] = TABLE(recent_trade, trade_record, 0, SYMBOL_AT(trade_record, symbol)),
    [RECORD_KLINE] = TABLE(kline, kline_record, 1, SYMBOL_AT(kline_record, symbol)),
    [RECORD_BALANCE] = TABLE(balance, balance_record, 0, RECORD_NO_SYMBOL),
    [RECORD_POSITION] = TABLE(position, position_record, 0, SYMBOL_AT(position_record, symbol)),
    [RECORD_ACCOUNT] = TABLE(account, account_record, 0, RECORD_NO_SYMBOL),
    [RECORD_ACCOUNT_ASSET] = TABLE(account_asset, account_record, 0, RECORD_NO_SYMBOL),
    [RECORD_ACCOUNT_POSITION] =
        TABLE(account_position, position_record, 0, SYMBOL_AT(position_record, symbol)),
    [RECORD_INCOME] = TABLE(income, income_record, 0, SYMBOL_AT(income_record, symbol)),
    [RECORD_TICKER_24H] = TABLE(ticker_24h, ticker_record, 0, SYMBOL_AT(ticker_record, symbol)),
    [RECORD_TICKER_PRICE] = TABLE(ticker_price, ticker_record, 0, SYMBOL_AT(ticker_record, symbol)),
    [RECORD_BOOK_TICKER] = TABLE(book_ticker, ticker_record, 0, SYMBOL_AT(ticker_record, symbol)),
    [RECORD_MARK] = TABLE(mark, mark_record, 0, SYMBOL_AT(mark_record, symbol)),
    [RECORD_FUNDING] = TABLE(funding, funding_record, 0, SYMBOL_AT(funding_record, symbol)),
    [RECORD_AGG_TRADE] = TABLE(agg_trade, agg_trade_record, 0, SYMBOL_AT(agg_trade_record, symbol)),
    [RECORD_DEPTH] = TABLE(depth, depth_record, 0, SYMBOL_AT(depth_record, symbol)),
    [RECORD_LEVEL] = TABLE(level, level_record, 1, RECORD_NO_SYMBOL),
    [RECORD_LEVERAGE] = TABLE(leverage, leverage_record, 0, SYMBOL_AT(leverage_record, symbol)),
    [RECORD_COMMISSION] = TABLE(commission, commission_record, 0, SYMBOL_AT(commission_record, symbol)),
    [RECORD_SYMBOL_CONFIG] =
        TABLE(symbol_config, symbol_config_record, 0, SYMBOL_AT(symbol_config_record, symbol)),
    [RECORD_BRACKET_LIST] =
        TABLE(bracket_list, bracket_list_record, 0, SYMBOL_AT(bracket_list_record, symbol)),
    [RECORD_BRACKET] = TABLE(bracket, bracket_record, 0, RECORD_NO_SYMBOL),
    [RECORD_LIMIT] = TABLE(limit, limit_record, 0, RECORD_NO_SYMBOL),
    [RECORD_STATUS] = TABLE(status, status_record, 0, RECORD_NO_SYMBOL),
    [RECORD_ERROR] = TABLE(error, status_record, 0, RECORD_NO_SYMBOL),
    [RECORD_SERVER_TIME] = TABLE(server_time, value_record, 0, SYMBOL_AT(value_record, symbol)),
    [RECORD_POSITION_MODE] = TABLE(position_mode, value_record, 0, SYMBOL_AT(value_record, symbol)),
    [RECORD_COUNTDOWN] = TABLE(countdown, value_record, 0, SYMBOL_AT(value_record, symbol)),
    [RECORD_MARGIN_CHANGE] = TABLE(margin_change, margin_change_record, 0, RECORD_NO_SYMBOL),
    [RECORD_ACCOUNT_CONFIG] = TABLE(account_config, value_record, 0, SYMBOL_AT(value_record, symbol)),
    [RECORD_ORDER_UPDATE] =
        TABLE(order_update, order_update_record, 0, SYMBOL_AT(order_update_record, order.symbol)),
    [RECORD_ORDER_UPDATE_BODY] =
        TABLE(order_update_body, order_update_record, 0, SYMBOL_AT(order_update_record, order.symbol)),
    [RECORD_ALGO_UPDATE] =
        TABLE(algo_update, algo_update_record, 0, SYMBOL_AT(algo_update_record, order.symbol)),
    [RECORD_ALGO_UPDATE_BODY] =
        TABLE(algo_update_body, algo_update_record, 0, SYMBOL_AT(algo_update_record, order.symbol)),
    [RECORD_ACCOUNT_UPDATE] =
        TABLE(account_update, account_update_record, 0, SYMBOL_AT(account_update_record, symbol)),
    [RECORD_ACCOUNT_UPDATE_BODY] =
        TABLE(account_update_body, account_update_record, 0, SYMBOL_AT(account_update_record, symbol)),
    [RECORD_ACCOUNT_UPDATE_BALANCE] =
        TABLE(account_update_balance, account_update_record, 0, SYMBOL_AT(account_update_record, symbol)),
    [RECORD_ACCOUNT_UPDATE_POSITION] =
        TABLE(account_update_position, account_update_record, 0, SYMBOL_AT(account_update_record, symbol)),
    [RECORD_CONFIG_UPDATE] =
        TABLE(config_update, config_update_record, 0, SYMBOL_AT(config_update_record, symbol)),
    [RECORD_CONFIG_UPDATE_BODY] =
        TABLE(config_update_body, config_update_record, 0, SYMBOL_AT(config_update_record, symbol)),
    [RECORD_ASSETS_UPDATE] = TABLE(assets_update, config_update_record, 0, RECORD_NO_SYMBOL),
    [RECORD_ASSETS_UPDATE_BODY] = TABLE(assets_update_body, config_update_record, 0, RECORD_NO_SYMBOL),
    [RECORD_MARGIN_CALL] = TABLE(margin_call, margin_call_record, 0, SYMBOL_AT(margin_call_record, symbol)),
    [RECORD_MARGIN_CALL_POSITION] =
        TABLE(margin_call_position, margin_call_record, 0, SYMBOL_AT(margin_call_record, symbol)),
    [RECORD_EMPTY] = { .name = "empty", .size = 1, .symbol_offset = RECORD_NO_SYMBOL },
};

const struct record_table *record_table(int32_t kind) {
    ASSERT(kind >= 0);
    ASSERT(kind < RECORD_COUNT);
    const struct record_table *table =
        kind < RECORD_ACCOUNT_V2 ? &tables[kind] : &stream_tables[kind - RECORD_ACCOUNT_V2];
    return table->name != NULL ? table : NULL;
}

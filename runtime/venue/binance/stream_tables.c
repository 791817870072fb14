// stream_tables.c: the field tables of market data streams, and of replies that only the local exchange
// gives.
//
// Source   the wire contract, sections 4 (ACC2, fundingInfo, openInterest, adlQuantile), 7.3 and 8.4.
#include "venue/binance/table_macros.h"
#include "venue/binance/field.h"

#define OF account_record
static const struct field account_v2_fields[] = {
    TEXT_OF(FIELD_CONST_INT, "feeTier", "0"),
    TEXT_OF(FIELD_CONST_BOOL, "feeBurn", "false"),
    TEXT_OF(FIELD_CONST_BOOL, "canTrade", "true"),
    TEXT_OF(FIELD_CONST_BOOL, "canDeposit", "true"),
    TEXT_OF(FIELD_CONST_BOOL, "canWithdraw", "true"),
    TEXT_OF(FIELD_CONST_INT, "updateTime", "0"),
    FLAG("multiAssetsMargin", multi_assets),
    TEXT_OF(FIELD_CONST_INT, "tradeGroupId", "-1"),
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
    PART(FIELD_ONE, "assets", RECORD_ACCOUNT_V2_ASSET),
    LIST("positions", RECORD_ACCOUNT_V2_POSITION, positions, position_count),
};
#undef OF

#define OF account_record
static const struct field account_v2_asset_fields[] = {
    COIN("asset"),
    DEC8("walletBalance", wallet_e8),
    DEC8("unrealizedProfit", unrealized_e8),
    DEC8("marginBalance", margin_balance_e8),
    DEC8("maintMargin", maint_margin_e8),
    DEC8("initialMargin", initial_margin_e8),
    DEC8("positionInitialMargin", position_margin_e8),
    DEC8("openOrderInitialMargin", order_margin_e8),
    DEC8("crossWalletBalance", cross_wallet_e8),
    DEC8("crossUnPnl", cross_unrealized_e8),
    DEC8("availableBalance", available_e8),
    DEC8("maxWithdrawAmount", max_withdraw_e8),
    TEXT_OF(FIELD_CONST_BOOL, "marginAvailable", "true"),
    MS("updateTime", update_us),
};
#undef OF

#define OF position_record
static const struct field account_v2_position_fields[] = {
    SYMBOL("symbol", symbol),
    DEC8("initialMargin", initial_margin_e8),
    DEC8("maintMargin", maint_margin_e8),
    DEC8("unrealizedProfit", unrealized_e8),
    DEC8("positionInitialMargin", position_margin_e8),
    DEC8("openOrderInitialMargin", order_margin_e8),
    AT(FIELD_INT32_TEXT, "leverage", leverage),
    AT(FIELD_BOOL, "isolated", margin_type),   // MARGIN_ISOLATED is 1
    DEC("entryPrice", entry_price_e8),
    DEC("breakEvenPrice", break_even_e8),
    DEC("maxNotional", notional_max_e8),
    DEC("bidNotional", bid_notional_e8),
    DEC("askNotional", ask_notional_e8),
    NAME("positionSide", position_side, position_side_names),
    QTY("positionAmt", amount_e8),
    DEC8("notional", notional_e8),
    DEC8("isolatedWallet", isolated_wallet_e8),
    MS("updateTime", update_us),
};
#undef OF

#define OF funding_info_record
static const struct field funding_info_fields[] = {
    SYMBOL("symbol", symbol),
    DEC8("adjustedFundingRateCap", cap_e8),
    DEC8("adjustedFundingRateFloor", floor_e8),
    INT32("fundingIntervalHours", interval_h),
    TEXT_OF(FIELD_CONST_BOOL, "disclaimer", "false"),
    MS("updateTime", update_us),
};
#undef OF

#define OF value_record
static const struct field open_interest_fields[] = {
    AT(FIELD_QTY, "openInterest", number),
    SYMBOL("symbol", symbol),
    MS("time", time_us),
};
static const struct field multi_assets_fields[] = { FLAG("multiAssetsMargin", flag) };
#undef OF

#define OF adl_record
static const struct field adl_fields[] = { SYMBOL("symbol", symbol),
                                           PART(FIELD_OBJECT, "adlQuantile", RECORD_ADL_BODY) };
static const struct field adl_body_fields[] = { INT32("LONG", longs), INT32("SHORT", shorts),
                                                INT32("BOTH", both) };
#undef OF

#define OF listen_key_record
static const struct field listen_key_fields[] = { TEXT("listenKey", key) };
static const struct field listen_key_expired_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "listenKeyExpired"),
    MS("E", event_us),
    TEXT("listenKey", key),
};
#undef OF

// ---- market streams ----

#define OF trade_event
static const struct field trade_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "trade"),
    MS("E", event_us),
    MS("T", trade.time_us),
    SYMBOL("s", trade.symbol),
    ID("t", trade.id),
    PRICE("p", trade.price_e8),
    QTY("q", trade.qty_e8),
    TEXT_OF(FIELD_CONST, "X", "MARKET"),
    FLAG("m", trade.maker),
};
#undef OF

#define OF agg_trade_event
static const struct field agg_trade_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "aggTrade"),
    MS("E", event_us),
    SYMBOL("s", trade.symbol),
    ID("a", trade.id),
    PRICE("p", trade.price_e8),
    QTY("q", trade.qty_e8),
    WRITTEN(FIELD_QTY, "nq", trade.qty_e8),
    ID("f", trade.first_id),
    ID("l", trade.last_id),
    MS("T", trade.time_us),
    FLAG("m", trade.buyer_maker),
};
#undef OF

#define KLINE_BODY                                                                                           \
    ID("f", first_id), ID("L", last_id), PRICE("o", bar.open_e8), PRICE("c", bar.close_e8),                  \
        PRICE("h", bar.high_e8), PRICE("l", bar.low_e8), WIDE_QTY("v", bar.volume_e8, bar.volume_high),      \
        INT64("n", bar.trades), FLAG("x", closed),                                                           \
        WIDE_DEC("q", bar.quote_volume_e8, bar.quote_volume_high, 0),                                        \
        WIDE_QTY("V", bar.taker_volume_e8, bar.taker_volume_high),                                           \
        WIDE_DEC("Q", bar.taker_quote_volume_e8, bar.taker_quote_volume_high, 0),                            \
        TEXT_OF(FIELD_CONST, "B", "0")

#define OF kline_event
static const struct field kline_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "kline"),
    MS("E", event_us),
    SYMBOL("s", bar.symbol),
    PART(FIELD_OBJECT, "k", RECORD_KLINE_EVENT_BODY),
};
static const struct field kline_event_body_fields[] = {
    MS("t", bar.open_us), MS("T", bar.close_us), SYMBOL("s", bar.symbol), NAME("i", interval, interval_names),
    KLINE_BODY,
};
static const struct field continuous_kline_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "continuous_kline"),
    MS("E", event_us),
    SYMBOL("ps", bar.symbol),
    TEXT_OF(FIELD_CONST, "ct", "PERPETUAL"),
    PART(FIELD_OBJECT, "k", RECORD_CONTINUOUS_KLINE_EVENT_BODY),
};
static const struct field continuous_kline_event_body_fields[] = {
    MS("t", bar.open_us),
    MS("T", bar.close_us),
    NAME("i", interval, interval_names),
    KLINE_BODY,
};
#undef OF

#define OF mark_event
static const struct field mark_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "markPriceUpdate"),
    MS("E", event_us),
    SYMBOL("s", mark.symbol),
    DEC8("p", mark.mark_e8),
    WRITTEN(FIELD_DEC8, "ap", mark.mark_e8),
    DEC8("i", mark.index_e8),
    DEC8("P", mark.settle_e8),
    DEC8("r", mark.funding_rate_e8),
    MS("T", mark.next_funding_us),
};
#undef OF

#define OF ticker_event
static const struct field mini_ticker_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "24hrMiniTicker"),
    MS("E", event_us),
    SYMBOL("s", ticker.symbol),
    PRICE("c", ticker.last_e8),
    PRICE("o", ticker.open_e8),
    PRICE("h", ticker.high_e8),
    PRICE("l", ticker.low_e8),
    WIDE_QTY("v", ticker.volume_e8, ticker.volume_high),
    WIDE_DEC("q", ticker.quote_volume_e8, ticker.quote_volume_high, 0),
};
static const struct field ticker_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "24hrTicker"),
    MS("E", event_us),
    SYMBOL("s", ticker.symbol),
    PRICE("p", ticker.change_e8),
    DEC_MIN("P", ticker.change_percent_e8, 3),
    PRICE("w", ticker.weighted_avg_e8),
    PRICE("c", ticker.last_e8),
    QTY("Q", ticker.last_qty_e8),
    PRICE("o", ticker.open_e8),
    PRICE("h", ticker.high_e8),
    PRICE("l", ticker.low_e8),
    WIDE_QTY("v", ticker.volume_e8, ticker.volume_high),
    WIDE_DEC("q", ticker.quote_volume_e8, ticker.quote_volume_high, 0),
    MS("O", ticker.open_us),
    MS("C", ticker.close_us),
    ID("F", ticker.first_id),
    ID("L", ticker.last_id),
    INT64("n", ticker.count),
};
static const struct field book_ticker_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "bookTicker"),
    ID("u", ticker.update_id),
    MS("E", event_us),
    MS("T", ticker.time_us),
    SYMBOL("s", ticker.symbol),
    PRICE("b", ticker.bid_e8),
    QTY("B", ticker.bid_qty_e8),
    PRICE("a", ticker.ask_e8),
    QTY("A", ticker.ask_qty_e8),
};
#undef OF

#define OF depth_event
static const struct field depth_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "depthUpdate"),
    MS("E", event_us),
    MS("T", transaction_us),
    SYMBOL("s", symbol),
    ID("U", first_id),
    ID("u", last_id),
    ID("pu", previous_id),
    LIST("b", RECORD_LEVEL, bids, bid_count),
    LIST("a", RECORD_LEVEL, asks, ask_count),
};
#undef OF

// ---- of the account's orders ----

#define OF order_update_record
static const struct field force_order_event_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "forceOrder"),
    MS("E", event_us),
    PART(FIELD_OBJECT, "o", RECORD_FORCE_ORDER_EVENT_BODY),
};
static const struct field force_order_event_body_fields[] = {
    SYMBOL("s", order.symbol),
    NAME("S", order.side, side_names),
    TEXT_OF(FIELD_CONST, "o", "LIMIT"),
    TEXT_OF(FIELD_CONST, "f", "IOC"),
    QTY("q", order.orig_qty_e8),
    PRICE("p", last_price_e8),
    PRICE("ap", order.avg_price_e8),
    NAME("X", order.status, order_status_names),
    QTY("l", last_qty_e8),
    QTY("z", order.executed_qty_e8),
    MS("T", transaction_us),
};
static const struct field trade_lite_fields[] = {
    TEXT_OF(FIELD_CONST, "e", "TRADE_LITE"),
    MS("E", event_us),
    MS("T", transaction_us),
    SYMBOL("s", order.symbol),
    QTY("q", order.orig_qty_e8),
    DEC("p", order.price_e8),
    FLAG("m", maker),
    TEXT("c", order.client_id),
    NAME("S", order.side, side_names),
    PRICE("L", last_price_e8),
    QTY("l", last_qty_e8),
    ID("t", trade_id),
    ID("i", order.order_id),
};
#undef OF

#define OF position_record
static const struct field position_v2_fields[] = {
    SYMBOL("symbol", symbol),
    QTY("positionAmt", amount_e8),
    DEC_MIN("entryPrice", entry_price_e8, 1),
    DEC_MIN("breakEvenPrice", break_even_e8, 1),
    DEC8("markPrice", mark_price_e8),
    DEC8("unRealizedProfit", unrealized_e8),
    DEC("liquidationPrice", liquidation_price_e8),
    AT(FIELD_INT32_TEXT, "leverage", leverage),
    DEC("maxNotionalValue", notional_max_e8),
    NAME("marginType", margin_type, margin_type_short_names),
    DEC8("isolatedMargin", isolated_margin_e8),
    TEXT_OF(FIELD_CONST, "isAutoAddMargin", "false"),
    NAME("positionSide", position_side, position_side_names),
    DEC8("notional", notional_e8),
    ZERO(ZERO_SHORT, FIELD_DEC8, "isolatedWallet", isolated_wallet_e8),
    MS("updateTime", update_us),
};
#undef OF

// Bars of the index, the mark price and the premium: eight decimals, no volumes; `trades` counts what they
// are made of.
#define OF kline_record
#define NO_VOLUME(field) TEXT_OF(FIELD_CONST, field, "0")
static const struct field price_kline_fields[] = {
    MS("open_time", open_us),
    DEC8("open", open_e8),
    DEC8("high", high_e8),
    DEC8("low", low_e8),
    DEC8("close", close_e8),
    NO_VOLUME("volume"),
    MS("close_time", close_us),
    NO_VOLUME("quote_volume"),
    INT64("trades", trades),
    NO_VOLUME("taker_buy_volume"),
    NO_VOLUME("taker_buy_quote_volume"),
    NO_VOLUME("ignore"),
};
#undef NO_VOLUME
#undef OF

#define OF adl_record
static const struct field adl_risk_fields[] = {
    SYMBOL("symbol", symbol),
    TEXT_OF(FIELD_CONST, "adlRisk", "low"),
    MS("updateTime", update_us),
};
#undef OF

#define ROW(kind) [kind - RECORD_ACCOUNT_V2]

const struct record_table stream_tables[RECORD_COUNT - RECORD_ACCOUNT_V2] = {
    ROW(RECORD_ACCOUNT_V2) = TABLE(account_v2, account_record, 0, RECORD_NO_SYMBOL),
    ROW(RECORD_ACCOUNT_V2_ASSET) = TABLE(account_v2_asset, account_record, 0, RECORD_NO_SYMBOL),
    ROW(RECORD_ACCOUNT_V2_POSITION) =
        TABLE(account_v2_position, position_record, 0, SYMBOL_AT(position_record, symbol)),
    ROW(RECORD_POSITION_V2) = TABLE(position_v2, position_record, 0, SYMBOL_AT(position_record, symbol)),
    ROW(RECORD_PRICE_KLINE) = TABLE(price_kline, kline_record, 1, RECORD_NO_SYMBOL),
    ROW(RECORD_ADL_RISK) = TABLE(adl_risk, adl_record, 0, SYMBOL_AT(adl_record, symbol)),
    ROW(RECORD_FUNDING_INFO) =
        TABLE(funding_info, funding_info_record, 0, SYMBOL_AT(funding_info_record, symbol)),
    ROW(RECORD_OPEN_INTEREST) = TABLE(open_interest, value_record, 0, SYMBOL_AT(value_record, symbol)),
    ROW(RECORD_MULTI_ASSETS) = TABLE(multi_assets, value_record, 0, RECORD_NO_SYMBOL),
    ROW(RECORD_ADL) = TABLE(adl, adl_record, 0, SYMBOL_AT(adl_record, symbol)),
    ROW(RECORD_ADL_BODY) = TABLE(adl_body, adl_record, 0, RECORD_NO_SYMBOL),
    ROW(RECORD_LISTEN_KEY) = TABLE(listen_key, listen_key_record, 0, RECORD_NO_SYMBOL),
    ROW(RECORD_TRADE_EVENT) = TABLE(trade_event, trade_event, 0, SYMBOL_AT(trade_event, trade.symbol)),
    ROW(RECORD_AGG_TRADE_EVENT) =
        TABLE(agg_trade_event, agg_trade_event, 0, SYMBOL_AT(agg_trade_event, trade.symbol)),
    ROW(RECORD_KLINE_EVENT) = TABLE(kline_event, kline_event, 0, SYMBOL_AT(kline_event, bar.symbol)),
    ROW(RECORD_KLINE_EVENT_BODY) =
        TABLE(kline_event_body, kline_event, 0, SYMBOL_AT(kline_event, bar.symbol)),
    ROW(RECORD_CONTINUOUS_KLINE_EVENT) =
        TABLE(continuous_kline_event, kline_event, 0, SYMBOL_AT(kline_event, bar.symbol)),
    ROW(RECORD_CONTINUOUS_KLINE_EVENT_BODY) =
        TABLE(continuous_kline_event_body, kline_event, 0, SYMBOL_AT(kline_event, bar.symbol)),
    ROW(RECORD_MARK_EVENT) = TABLE(mark_event, mark_event, 0, SYMBOL_AT(mark_event, mark.symbol)),
    ROW(RECORD_MINI_TICKER_EVENT) =
        TABLE(mini_ticker_event, ticker_event, 0, SYMBOL_AT(ticker_event, ticker.symbol)),
    ROW(RECORD_TICKER_EVENT) = TABLE(ticker_event, ticker_event, 0, SYMBOL_AT(ticker_event, ticker.symbol)),
    ROW(RECORD_BOOK_TICKER_EVENT) =
        TABLE(book_ticker_event, ticker_event, 0, SYMBOL_AT(ticker_event, ticker.symbol)),
    ROW(RECORD_DEPTH_EVENT) = TABLE(depth_event, depth_event, 0, SYMBOL_AT(depth_event, symbol)),
    ROW(RECORD_FORCE_ORDER_EVENT) =
        TABLE(force_order_event, order_update_record, 0, SYMBOL_AT(order_update_record, order.symbol)),
    ROW(RECORD_FORCE_ORDER_EVENT_BODY) =
        TABLE(force_order_event_body, order_update_record, 0, SYMBOL_AT(order_update_record, order.symbol)),
    ROW(RECORD_TRADE_LITE) =
        TABLE(trade_lite, order_update_record, 0, SYMBOL_AT(order_update_record, order.symbol)),
    ROW(RECORD_LISTEN_KEY_EXPIRED) = TABLE(listen_key_expired, listen_key_record, 0, RECORD_NO_SYMBOL),
};

// exchange_info.c: the reply of exchangeInfo.
#include "venue/binance/exchange_info.h"

#include "base/dec.h"
#include "base/text.h"
#include "trade/names.h"

#include <stdio.h>
#include <string.h>

#define PERPETUAL_DELIVERY_MS INT64_C(4133404800000)
#define ONBOARD_MS INT64_C(1567965300000)

static const char *dec(char text[DEC_TEXT_MAX], int64_t e8, int decimals) {
    if (decimals < 0)
        dec_print_short(text, e8);
    else
        dec_print(text, e8, decimals);
    return text;
}

static void put_filters(struct text_out *o, const struct symbol *s) {
    char a[DEC_TEXT_MAX], b[DEC_TEXT_MAX], c[DEC_TEXT_MAX];
    int p = s->price_precision;
    text_put(o,
             "\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"%s\",\"maxPrice\":\"%s\","
             "\"tickSize\":\"%s\"},",
             dec(a, s->price_min_e8, p), dec(b, s->price_max_e8, -1), dec(c, s->tick_e8, p));
    text_put(o, "{\"filterType\":\"LOT_SIZE\",\"minQty\":\"%s\",\"maxQty\":\"%s\",\"stepSize\":\"%s\"},",
             dec(a, s->qty_min_e8, -1), dec(b, s->qty_max_e8, -1), dec(c, s->step_e8, -1));
    text_put(
        o, "{\"filterType\":\"MARKET_LOT_SIZE\",\"minQty\":\"%s\",\"maxQty\":\"%s\",\"stepSize\":\"%s\"},",
        dec(a, s->market_qty_min_e8, -1), dec(b, s->market_qty_max_e8, -1), dec(c, s->market_step_e8, -1));
    text_put(o,
             "{\"filterType\":\"MAX_NUM_ORDERS\",\"limit\":%d},{\"filterType\":\"MIN_NOTIONAL\",\"notional\":"
             "\"%s\"},",
             s->orders_max, dec(a, s->notional_min_e8, -1));
    text_put(o,
             "{\"filterType\":\"PERCENT_PRICE\",\"multiplierUp\":\"%s\",\"multiplierDown\":\"%s\","
             "\"multiplierDecimal\":\"4\"},"
             "{\"filterType\":\"POSITION_RISK_CONTROL\",\"positionControlSide\":\"NONE\"}],",
             dec(a, s->percent_up_e8, 4), dec(b, s->percent_down_e8, 4));
}

static void put_symbol(struct text_out *o, const struct symbol *s) {
    char a[DEC_TEXT_MAX], b[DEC_TEXT_MAX], c[DEC_TEXT_MAX];
    text_put(o,
             "{\"symbol\":\"%s\",\"pair\":\"%s\",\"contractType\":\"PERPETUAL\",\"deliveryDate\":%lld,"
             "\"onboardDate\":%lld,"
             "\"status\":\"%s\",\"maintMarginPercent\":\"2.5000\",\"requiredMarginPercent\":\"5.0000\",",
             s->name, s->name, (long long)PERPETUAL_DELIVERY_MS, (long long)ONBOARD_MS,
             s->status[0] ? s->status : "TRADING");
    text_put(
        o,
        "\"baseAsset\":\"%s\",\"quoteAsset\":\"%s\",\"marginAsset\":\"%s\",\"pricePrecision\":%d,"
        "\"quantityPrecision\":%d,"
        "\"baseAssetPrecision\":8,\"quotePrecision\":8,\"underlyingType\":\"COIN\",\"underlyingSubType\":[],",
        s->base_asset, s->quote_asset, s->margin_asset, s->price_precision, s->quantity_precision);
    text_put(o,
             "\"triggerProtect\":\"%s\",\"liquidationFee\":\"%s\",\"marketTakeBound\":\"%s\","
             "\"maxMoveOrderLimit\":10000,",
             dec(a, s->trigger_protect_e8, 4), dec(b, s->liquidation_fee_e8, 6),
             dec(c, s->market_take_bound_e8, 2));
    put_filters(o, s);
    text_put(o, "\"orderTypes\":[\"LIMIT\",\"MARKET\",\"STOP\",\"STOP_MARKET\",\"TAKE_PROFIT\",\"TAKE_PROFIT_"
                "MARKET\","
                "\"TRAILING_STOP_MARKET\"],\"timeInForce\":[\"GTC\",\"IOC\",\"FOK\",\"GTX\",\"GTD\"],"
                "\"permissionSets\":[]}");
}

// The coins that the contracts are settled in, each once.
static void put_coins(struct text_out *o, const struct symbol *symbols, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int32_t first = 0;
        while (strcmp(symbol_coin(&symbols[first]), symbol_coin(&symbols[i])) != 0) first++;
        if (first < i) continue;
        text_put(o, "%s{\"asset\":\"%s\",\"marginAvailable\":true,\"autoAssetExchange\":\"-10000\"}",
                 i ? "," : "", symbol_coin(&symbols[i]));
    }
}

size_t exchange_info_json(char *out, size_t size, const struct symbol *symbols, int32_t count,
                          const struct limit_record *limits, int32_t limit_count, int64_t server_us) {
    struct text_out o = { out, size, 0 };
    text_put(&o, "{\"timezone\":\"UTC\",\"serverTime\":%lld,\"futuresType\":\"U_MARGINED\",\"rateLimits\":[",
             (long long)(server_us / 1000));
    for (int32_t i = 0; i < limit_count; i++) {
        text_put(&o, "%s{\"rateLimitType\":\"%s\",\"interval\":\"%s\",\"intervalNum\":%d,\"limit\":%d}",
                 i ? "," : "", rate_kind_names[limits[i].kind], rate_interval_names[limits[i].interval],
                 limits[i].interval_num, limits[i].limit);
    }
    text_put(&o, "],\"exchangeFilters\":[],\"assets\":[");
    put_coins(&o, symbols, count);
    text_put(&o, "],\"symbols\":[");
    for (int32_t i = 0; i < count; i++) {
        if (i) text_put(&o, ",");
        put_symbol(&o, &symbols[i]);
    }
    text_put(&o, "]}");
    return o.length;
}

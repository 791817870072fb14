// params.c: the table of parameters, read and checked by name.
#include "venue/binance/params.h"

#include "base/assert.h"
#include "base/dec.h"
#include "trade/record.h"
#include "trade/names.h"
#include "trade/interval.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const contract_type_names[CONTRACT_COUNT] = { "PERPETUAL", "CURRENT_QUARTER",
                                                                 "NEXT_QUARTER", "TRADIFI_PERPETUAL" };
static const char *const auto_close_names[AUTO_CLOSE_COUNT] = { "LIQUIDATION", "ADL" };
static const char *const algo_type_names[] = { "CONDITIONAL" };

#define AT(member) .offset = offsetof(struct call, member)
#define NAMED(list, count) .names = list, .name_count = count

// An order of type LIQUIDATION is the exchange's own: it stands after the names that a request may use.
static const struct param_info params[PARAM_COUNT] = {
    [P_SYMBOL] = { "symbol", { "pair" }, PARAM_SYMBOL, AT(symbol) },
    [P_SIDE] = { "side", { NULL }, PARAM_ENUM, AT(side), NAMED(side_names, SIDE_COUNT) },
    [P_TYPE] = { "type", { "orderType" }, PARAM_ENUM, AT(type), NAMED(order_type_names, ORDER_LIQUIDATION) },
    [P_POSITION_SIDE] = { "positionSide",
                          { NULL },
                          PARAM_ENUM,
                          AT(position_side),
                          NAMED(position_side_names, POSITION_SIDE_COUNT) },
    [P_TIME_IN_FORCE] = { "timeInForce",
                          { "tif" },
                          PARAM_ENUM,
                          AT(time_in_force),
                          NAMED(tif_names, TIF_COUNT) },
    [P_QUANTITY] = { "quantity", { "qty" }, PARAM_DEC, AT(quantity_e8) },
    [P_PRICE] = { "price", { NULL }, PARAM_DEC, AT(price_e8) },
    [P_STOP_PRICE] = { "stopPrice", { "triggerPrice" }, PARAM_DEC, AT(stop_price_e8) },
    [P_REDUCE_ONLY] = { "reduceOnly", { NULL }, PARAM_BOOL, AT(reduce_only) },
    [P_CLOSE_POSITION] = { "closePosition", { NULL }, PARAM_BOOL, AT(close_position) },
    [P_ACTIVATE_PRICE] = { "activatePrice", { "activationPrice" }, PARAM_DEC, AT(activate_price_e8) },
    [P_CALLBACK_RATE] = { "callbackRate", { "priceRate" }, PARAM_DEC, AT(callback_rate_e8) },
    [P_WORKING_TYPE] = { "workingType",
                         { NULL },
                         PARAM_ENUM,
                         AT(working_type),
                         NAMED(working_type_names, WORKING_COUNT) },
    [P_PRICE_PROTECT] = { "priceProtect", { NULL }, PARAM_BOOL, AT(price_protect) },
    [P_PRICE_MATCH] = { "priceMatch",
                        { NULL },
                        PARAM_ENUM,
                        AT(price_match),
                        NAMED(price_match_names, MATCH_COUNT) },
    [P_CONTRACT_TYPE] = { "contractType",
                          { NULL },
                          PARAM_ENUM,
                          AT(contract_type),
                          NAMED(contract_type_names, CONTRACT_COUNT) },
    [P_PAGE] = { "page", { NULL }, PARAM_INT32, AT(page) },
    [P_AUTO_CLOSE] = { "autoCloseType",
                       { NULL },
                       PARAM_ENUM,
                       AT(auto_close),
                       NAMED(auto_close_names, AUTO_CLOSE_COUNT) },
    [P_MODIFY_ID] = { "modifyId", { NULL }, PARAM_ID, AT(modify_id) },
    [P_MULTI_ASSETS] = { "multiAssetsMargin", { NULL }, PARAM_BOOL, AT(multi_assets) },
    [P_CLIENT_ID] = { "newClientOrderId", { "clientOrderId", "clientId" }, PARAM_TEXT, AT(client_id) },
    [P_RESP_TYPE] = { "newOrderRespType",
                      { "respType" },
                      PARAM_ENUM,
                      AT(resp_type),
                      NAMED(resp_type_names, RESP_COUNT) },
    [P_STP_MODE] = { "selfTradePreventionMode",
                     { "stpMode" },
                     PARAM_ENUM,
                     AT(stp_mode),
                     NAMED(stp_mode_names, STP_COUNT) },
    [P_GOOD_TILL_DATE] = { "goodTillDate", { NULL }, PARAM_MS, AT(good_till_us) },
    [P_ORDER_ID] = { "orderId", { NULL }, PARAM_ID, AT(order_id) },
    [P_ORIG_CLIENT_ID] = { "origClientOrderId", { "origClientId" }, PARAM_TEXT, AT(orig_client_id) },
    [P_ALGO_ID] = { "algoId", { NULL }, PARAM_ID, AT(algo_id) },
    [P_CLIENT_ALGO_ID] = { "clientAlgoId", { NULL }, PARAM_TEXT, AT(orig_client_id) },
    [P_ALGO_TYPE] = { "algoType", { NULL }, PARAM_CONST, NAMED(algo_type_names, 1) },
    [P_INTERVAL] = { "interval", { NULL }, PARAM_ENUM, AT(interval), NAMED(interval_names, INTERVAL_COUNT) },
    [P_LIMIT] = { "limit", { NULL }, PARAM_INT32, AT(limit) },
    [P_START_TIME] = { "startTime", { NULL }, PARAM_MS, AT(start_us) },
    [P_END_TIME] = { "endTime", { NULL }, PARAM_MS, AT(end_us) },
    [P_FROM_ID] = { "fromId", { NULL }, PARAM_ID, AT(from_id) },
    [P_LEVERAGE] = { "leverage", { NULL }, PARAM_INT32, AT(leverage) },
    [P_MARGIN_TYPE] = { "marginType",
                        { NULL },
                        PARAM_ENUM,
                        AT(margin_type),
                        NAMED(margin_type_names, MARGIN_COUNT) },
    [P_AMOUNT] = { "amount", { NULL }, PARAM_DEC, AT(amount_e8) },
    [P_MARGIN_CHANGE] = { "type", { "changeType" }, PARAM_INT8, AT(margin_change) },
    [P_DUAL_SIDE] = { "dualSidePosition", { "dualSide" }, PARAM_BOOL, AT(dual_side) },
    [P_INCOME_TYPE] = { "incomeType",
                        { NULL },
                        PARAM_ENUM,
                        AT(income_type),
                        NAMED(income_type_names, INCOME_TYPE_COUNT) },
    [P_COUNTDOWN_TIME] = { "countdownTime", { NULL }, PARAM_MS, AT(countdown_us) },
    [P_BATCH] = { "batchOrders", { "orders" }, PARAM_LIST, AT(batch) },
    [P_ID_LIST] = { "orderIdList", { "orderIds" }, PARAM_LIST, AT(ids) },
    [P_CLIENT_ID_LIST] = { "origClientOrderIdList", { "origClientOrderIds" }, PARAM_LIST, AT(client_ids) },
    [P_RECV_WINDOW] = { "recvWindow", { NULL }, PARAM_MS, AT(recv_window_us) },
    [P_TIMESTAMP] = { "timestamp", { NULL }, PARAM_MS, AT(timestamp_us) },
};

const struct param_info *param_info(int32_t param) {
    ASSERT(param >= 0);
    ASSERT(param < PARAM_COUNT);
    return &params[param];
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool name_same(const char *a, const char *b) {
    for (;;) {
        while (*a == '_') a++;
        while (*b == '_') b++;
        if (lower(*a) != lower(*b)) return false;
        if (*a == '\0') return true;
        a++;
        b++;
    }
}

int32_t param_find(const char *name) {
    if (name == NULL) return -1;
    for (int32_t i = 0; i < PARAM_COUNT; i++) {
        if (name_same(params[i].name, name)) return i;
        for (int j = 0; j < 3 && params[i].aliases[j] != NULL; j++) {
            if (name_same(params[i].aliases[j], name)) return i;
        }
    }
    return -1;
}

// Unaligned and type-blind stores: the offset and the type of the table say what is there.
static void store(struct call *c, int32_t param, const void *value, size_t size) {
    memcpy((char *)c + params[param].offset, value, size);
    c->given |= (uint64_t)1 << param;
}

static int not_so(int32_t param, const char *how, struct errmsg *e) {
    return errmsg_set(e, ERR_INVALID, "%s cannot be given as %s", params[param].name, how);
}

// "BUY, SELL"
static void list_names(const struct param_info *p, char *out, size_t size) {
    size_t length = 0;
    for (uint8_t i = 0; i < p->name_count; i++) {
        int written = snprintf(out + length, size - length, "%s%s", i > 0 ? ", " : "", p->names[i]);
        ASSERT(written > 0);
        ASSERT((size_t)written < size - length);
        length += (size_t)written;
    }
}

static int set_name(struct call *c, int32_t param, const char *text, struct errmsg *e) {
    const struct param_info *p = &params[param];
    if (param == P_INTERVAL && interval_find(text) >= 0) {
        uint8_t interval = (uint8_t)interval_find(text);
        store(c, param, &interval, sizeof interval);
        return 0;
    }
    for (uint8_t i = 0; i < p->name_count; i++) {
        if (strcmp(p->names[i], text) != 0) continue;
        if (p->type == PARAM_ENUM) store(c, param, &i, sizeof i);
        c->given |= (uint64_t)1 << param;
        return 0;
    }
    char allowed[256] = "";
    list_names(p, allowed, sizeof allowed);
    return errmsg_set(e, ERR_INVALID, "%s '%.40s' is not one of %s", p->name, text, allowed);
}

static bool client_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(".:/_-", c) != NULL);
}

static int set_client_id(struct call *c, int32_t param, const char *text, struct errmsg *e) {
    const char *name = params[param].name;
    size_t length = strlen(text);
    if (length == 0)
        return errmsg_set(e, ERR_INVALID, "%s is empty; 1 to %d characters are allowed", name,
                          CLIENT_ID_MAX - 1);
    if (length >= CLIENT_ID_MAX)
        return errmsg_set(e, ERR_OVERFLOW, "%s has %zu characters; at most %d are allowed", name, length,
                          CLIENT_ID_MAX - 1);
    for (size_t i = 0; i < length; i++) {
        if (!client_char(text[i]))
            return errmsg_set(e, ERR_SYNTAX,
                              "%s '%s' holds a character other than letters, digits and . : / _ -", name,
                              text);
    }
    char id[CLIENT_ID_MAX] = "";
    memcpy(id, text, length);
    store(c, param, id, sizeof id);
    return 0;
}

// Range checks and storage of the whole-number types.
static int set_integer(struct call *c, int32_t param, int64_t value, struct errmsg *e) {
    const char *name = params[param].name;
    switch (params[param].type) {
    case PARAM_INT8: {
        if (value < 1 || value > 2)
            return errmsg_set(e, ERR_INVALID, "%s must be 1 (add) or 2 (reduce)", name);
        uint8_t small = (uint8_t)value;
        store(c, param, &small, sizeof small);
        return 0;
    }
    case PARAM_INT32: {
        if (value < INT32_MIN || value > INT32_MAX)
            return errmsg_set(e, ERR_OVERFLOW, "%s is out of range", name);
        int32_t number = (int32_t)value;
        store(c, param, &number, sizeof number);
        return 0;
    }
    case PARAM_MS: {
        if (value < 0 || value > INT64_MAX / 1000)
            return errmsg_set(e, ERR_OVERFLOW, "%s must be milliseconds, not negative", name);
        int64_t time_us = value * 1000;
        store(c, param, &time_us, sizeof time_us);
        return 0;
    }
    default:
        ASSERT(params[param].type == PARAM_ID);
        store(c, param, &value, sizeof value);
        return 0;
    }
}

static int set_integer_text(struct call *c, int32_t param, const char *text, struct errmsg *e) {
    const char *digit = text;
    bool negative = *digit == '-';
    if (negative) digit++;
    if (*digit == '\0') return errmsg_set(e, ERR_SYNTAX, "%s must be a whole number", params[param].name);
    int64_t value = 0;
    for (; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9')
            return errmsg_set(e, ERR_SYNTAX, "%s '%.40s' is not a whole number", params[param].name, text);
        if (value > (INT64_MAX - 9) / 10)
            return errmsg_set(e, ERR_OVERFLOW, "%s '%.40s' is out of range", params[param].name, text);
        value = value * 10 + (*digit - '0');
    }
    return set_integer(c, param, negative ? -value : value, e);
}

int call_set_text(struct call *c, int32_t param, const char *text, struct errmsg *e) {
    ASSERT(c != NULL);
    ASSERT(text != NULL);
    const struct param_info *p = param_info(param);
    switch (p->type) {
    case PARAM_ENUM:
    case PARAM_CONST: return set_name(c, param, text, e);
    case PARAM_TEXT: return set_client_id(c, param, text, e);
    case PARAM_BOOL:
        // In any case of letters: clients send true, TRUE and Python's True.
        if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
            return errmsg_set(e, ERR_INVALID, "%s '%.40s' is not one of true, false", p->name, text);
        return call_set_bool(c, param, lower(text[0]) == 't', e);
    case PARAM_DEC: {
        int64_t value_e8;
        int err = dec_parse(text, strlen(text), &value_e8);
        if (err != 0)
            return errmsg_set(e, err, "%s '%.40s' is not a decimal of at most eight decimals", p->name, text);
        store(c, param, &value_e8, sizeof value_e8);
        return 0;
    }
    case PARAM_INT8:
    case PARAM_INT32:
    case PARAM_ID:
    case PARAM_MS: return set_integer_text(c, param, text, e);
    default: return not_so(param, "text", e);
    }
}

int call_set_number(struct call *c, int32_t param, double value, struct errmsg *e) {
    ASSERT(c != NULL);
    const struct param_info *p = param_info(param);
    if (!isfinite(value)) return errmsg_set(e, ERR_INVALID, "%s must be a finite number", p->name);
    switch (p->type) {
    case PARAM_DEC: {
        if (fabs(value) >= 9e10) return errmsg_set(e, ERR_OVERFLOW, "%s %g is out of range", p->name, value);
        int64_t value_e8 = dec_from_double(value);
        store(c, param, &value_e8, sizeof value_e8);
        return 0;
    }
    case PARAM_MS:
        // Scripts compute times: a fraction of a millisecond is dropped rather than refused.
        value = floor(value);
        break;
    case PARAM_INT8:
    case PARAM_INT32:
    case PARAM_ID:
        if (value != floor(value))
            return errmsg_set(e, ERR_INVALID, "%s %g is not a whole number", p->name, value);
        break;
    default: return not_so(param, "a number", e);
    }
    if (fabs(value) > 9007199254740992.0)
        return errmsg_set(e, ERR_OVERFLOW, "%s %g is too large for an exact number; give it as text", p->name,
                          value);
    return set_integer(c, param, (int64_t)value, e);
}

int call_set_bool(struct call *c, int32_t param, bool value, struct errmsg *e) {
    ASSERT(c != NULL);
    if (param_info(param)->type != PARAM_BOOL) return not_so(param, "a boolean", e);
    store(c, param, &value, sizeof value);
    return 0;
}

// error_code.c: the exchange's error codes, their texts and what a client makes of them.
#include "venue/binance/error_code.h"

#include "base/assert.h"
#include "base/text.h"

#include <string.h>

struct code_row {
    int32_t code;
    const char *text;
};

// By falling code, for the search.
static const struct code_row codes[] = {
    { -1000, "An unknown error occured while processing the request." },
    { -1001, "Internal error; unable to process your request. Please try again." },
    { -1002, "You are not authorized to execute this request." },
    { -1003, "Too many requests; current limit is %s requests per minute. Please use the websocket for "
             "live updates to avoid polling the API." },
    { -1004, "This IP is already on the white list" },
    { -1005, "No such IP has been white listed" },
    { -1006, "An unexpected response was received from the message bus. Execution status unknown." },
    { -1007, "Timeout waiting for response from backend server. Send status unknown; execution status "
             "unknown." },
    { -1008, "Request throttled by system-level protection. Reduce-only/close-position orders are "
             "exempt. Please try again." },
    { -1010, "ERROR_MSG_RECEIVED." },
    { -1011, "This IP cannot access this route." },
    { -1013, "INVALID_MESSAGE." },
    { -1014, "Unsupported order combination." },
    { -1015, "Too many new orders; current limit is %s orders per %s." },
    { -1016, "This service is no longer available." },
    { -1020, "This operation is not supported." },
    { -1021, "Timestamp for this request is outside of the recvWindow." },
    { -1022, "Signature for this request is not valid." },
    { -1023, "Start time is greater than end time." },
    { -1099, "Not found, unauthenticated, or unauthorized." },
    { -1100, "Illegal characters found in parameter '%s'; legal range is '%s'." },
    { -1101, "Too many parameters; expected '%s' and received '%s'." },
    { -1102, "Mandatory parameter '%s' was not sent, was empty/null, or malformed." },
    { -1103, "An unknown parameter was sent." },
    { -1104, "Not all sent parameters were read; read '%s' parameter(s) but was sent '%s'." },
    { -1105, "Parameter '%s' was empty." },
    { -1106, "Parameter '%s' sent when not required." },
    { -1108, "Invalid asset." },
    { -1109, "Invalid account." },
    { -1110, "Invalid symbolType." },
    { -1111, "Precision is over the maximum defined for this asset." },
    { -1112, "No orders on book for symbol." },
    { -1113, "Withdrawal amount must be negative." },
    { -1114, "TimeInForce parameter sent when not required." },
    { -1115, "Invalid timeInForce." },
    { -1116, "Invalid orderType." },
    { -1117, "Invalid side." },
    { -1118, "New client order ID was empty." },
    { -1119, "Original client order ID was empty." },
    { -1120, "Invalid interval." },
    { -1121, "Invalid symbol." },
    { -1122, "Invalid symbol status." },
    { -1125, "This listenKey does not exist." },
    { -1126, "This asset is not supported." },
    { -1127, "More than %s hours between startTime and endTime." },
    { -1128, "Combination of optional parameters invalid." },
    { -1130, "Data sent for parameter '%s' is not valid." },
    { -1136, "Invalid newOrderRespType." },
    { -2010, "NEW_ORDER_REJECTED" },
    { -2011, "Unknown order sent." },
    { -2012, "Batch cancel failure." },
    { -2013, "Order does not exist." },
    { -2014, "API-key format invalid." },
    { -2015, "Invalid API-key, IP, or permissions for action." },
    { -2016, "No trading window could be found for the symbol. Try ticker/24hrs instead." },
    { -2017, "API Keys are locked on this account." },
    { -2018, "Balance is insufficient." },
    { -2019, "Margin is insufficient." },
    { -2020, "Unable to fill." },
    { -2021, "Order would immediately trigger." },
    { -2022, "ReduceOnly Order is rejected." },
    { -2023, "User in liquidation mode now." },
    { -2024, "Position is not sufficient." },
    { -2025, "Reach max open order limit." },
    { -2026, "This OrderType is not supported when reduceOnly." },
    { -2027, "Exceeded the maximum allowable position at current leverage." },
    { -2028, "Leverage is smaller than permitted: insufficient margin balance." },
    { -4000, "Invalid order status." },
    { -4001, "Price less than 0." },
    { -4002, "Price greater than max price." },
    { -4003, "Quantity less than zero." },
    { -4004, "Quantity less than min quantity." },
    { -4005, "Quantity greater than max quantity." },
    { -4006, "Stop price less than zero." },
    { -4007, "Stop price greater than max price." },
    { -4013, "Price less than min price." },
    { -4014, "Price not increased by tick size." },
    { -4015, "Client order id length should not be more than 36 chars" },
    { -4016, "Price is higher than mark price multiplier cap." },
    { -4020, "Target strategy invalid for orderType '%s',reduceOnly '%s'." },
    { -4021, "'%s' is not valid depth limit." },
    { -4022, "market status sent is not valid." },
    { -4023, "Qty not increased by step size." },
    { -4024, "Price is lower than mark price multiplier floor." },
    { -4028, "Leverage %s is not valid" },
    { -4031, "Invalid parameter working type" },
    { -4032, "Exceed maximum cancel order size." },
    { -4044, "Balance Type is invalid." },
    { -4045, "Reach max stop order limit." },
    { -4046, "No need to change margin type." },
    { -4047, "Margin type cannot be changed if there exists open orders." },
    { -4048, "Margin type cannot be changed if there exists position." },
    { -4049, "Add margin only support for isolated position." },
    { -4050, "Cross balance insufficient." },
    { -4051, "Isolated balance insufficient." },
    { -4052, "No need to change auto add margin." },
    { -4053, "Auto add margin only support for isolated position." },
    { -4054, "Cannot add position margin: position is 0." },
    { -4055, "Amount must be positive." },
    { -4056, "Invalid api key type." },
    { -4057, "Invalid api public key" },
    { -4058, "maxPrice and priceDecimal too large,please check." },
    { -4059, "No need to change position side." },
    { -4060, "Invalid position side." },
    { -4061, "Order's position side does not match user's setting." },
    { -4062, "Invalid or improper reduceOnly value." },
    { -4067, "Position side cannot be changed if there exists open orders." },
    { -4068, "Position side cannot be changed if there exists position." },
    { -4082, "Invalid number of batch place orders." },
    { -4083, "Fail to place batch orders." },
    { -4084, "Method is not allowed currently. Upcoming soon." },
    { -4085, "Invalid notional limit coefficient" },
    { -4086, "Invalid price spread threshold" },
    { -4087, "User can only place reduce only order" },
    { -4088, "User can not place order currently" },
    { -4104, "Invalid contract type" },
    { -4105, "Symbol is under position risk control, only reduce-only order is allowed." },
    { -4106, "Symbol is under position risk control, only reduce-only order is allowed for buy orders." },
    { -4107, "Symbol is under position risk control, only reduce-only order is allowed for sell orders." },
    { -4108, "Symbol is not trading or has been delisted." },
    { -4109, "Inactive account" },
    { -4116, "ClientOrderId is duplicated." },
    { -4117, "stop order is triggering" },
    { -4118, "ReduceOnly Order Failed. Please check your existing position and open orders" },
    { -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead." },
    { -4130, "An open stop or take profit order with GTE and closePosition in the direction is existing." },
    { -4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit." },
    { -4135, "Invalid activation price" },
    { -4136, "Target strategy invalid for orderType %s,closePosition %s" },
    { -4137, "Quantity must be zero with closePosition equals true" },
    { -4138, "Reduce only must be true with closePosition equals true" },
    { -4139, "Order type can not be market if it's unable to cancel" },
    { -4140, "Invalid symbol status for opening position." },
    { -4141, "Symbol is closed." },
    { -4142, "REJECT: take profit or stop order will be triggered immediately" },
    { -4144, "Invalid pair" },
    { -4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions" },
    { -4164, "Order's notional must be no smaller than %s (unless you choose reduce only)" },
    { -4165, "Maximum time interval is %s days" },
    { -4167,
      "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode." },
    { -4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode." },
    { -4169, "Unable to adjust Multi-Assets Mode with insufficient margin balance in USDⓈ-M Futures" },
    { -4170, "Unable to adjust Multi-Assets Mode with open orders in USDⓈ-M Futures" },
    { -4171, "Adjusted asset mode is currently set and does not need to be adjusted repeatedly." },
    { -4183, "Limit price can't be higher than %s." },
    { -4184, "Limit price can't be lower than %s." },
    { -4189, "Restricted account permission: can only place reduceOnly order on the symbol." },
    { -4192, "Trade forbidden due to Cooling-off Period." },
    { -4210, "Stop price can't be higher than %s" },
    { -4211, "Stop price can't be lower than %s" },
    { -4400, "Futures Trading Quantitative Rules violated, only reduceOnly order is allowed, please try "
             "again later." },
    { -4509, "Time in Force (TIF) GTE can only be used with open positions. Please ensure that "
             "positions are available." },
    { -5021, "Due to the order could not be filled immediately, the FOK order has been rejected. The "
             "order will not be recorded in the order history" },
    { -5022, "Due to the order could not be executed as maker, the Post Only order will be rejected. "
             "The order will not be recorded in the order history" },
    { -5024, "Symbol is not in trading status. Order amendment is not permitted." },
    { -5025, "Only limit order is supported." },
    { -5026, "Exceed maximum modify order limit." },
    { -5027, "No need to modify the order." },
    { -5028, "Timestamp for this request is outside of the ME recvWindow." },
    { -5029, "Order's notional must be no smaller than %s" },
    { -5037, "Invalid price match" },
    { -5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT" },
    { -5039, "Invalid self trade prevention mode" },
    { -5040,
      "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than "
      "253402300799000." },
    { -5041, "No depth matches this BBO order" },
    { -5043, "A pending modification already exists for this order." },
    { -5047, "The original order is not a reduce-only order." },
};

const char *error_code_text(int32_t code) {
    size_t low = 0, high = sizeof codes / sizeof codes[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (codes[middle].code == code) return codes[middle].text;
        if (codes[middle].code > code)
            low = middle + 1;
        else
            high = middle;
    }
    return "";
}

void error_code_message(int32_t code, const char *first, const char *second, char *out, size_t size) {
    struct text_out o = { out, size, 0 };
    const char *text = error_code_text(code), *value = first ? first : "";
    for (const char *hole; value && (hole = strstr(text, "%s")) != NULL; value = second, text = hole + 2) {
        text_add(&o, text, (size_t)(hole - text));
        text_add(&o, value, strlen(value));
    }
    text_add(&o, text, strlen(text));
}

int64_t error_code_ban_end_ms(const char *text) {
    static const char before[] = "until ";
    enum { DIGITS_MIN = 13, DIGITS_MAX = 15 };
    ASSERT(text != NULL);
    const char *at = strstr(text, before);
    if (!at) return 0;
    at += sizeof before - 1;
    size_t digits = strspn(at, "0123456789");
    if (digits < DIGITS_MIN || digits > DIGITS_MAX) return 0;
    int64_t ms = 0;
    for (size_t i = 0; i < digits; i++) ms = ms * 10 + (at[i] - '0');
    return ms;
}

// A request that changes nothing may be repeated whatever became of it.
static enum outcome lost(bool mutating) { return mutating ? OUTCOME_UNKNOWN : OUTCOME_TIMEOUT; }

// The three meanings of a 503 differ by text alone. Whatever names no definite refusal counts as unknown.
static enum outcome unavailable(int32_t code, const char *text, bool mutating) {
    if (code == -1008 || strncmp(text, "Service Unavailable", 19) == 0) return OUTCOME_NOT_EXECUTED;
    if (strncmp(text, "Internal error; unable to process your request", 46) == 0) return OUTCOME_NOT_EXECUTED;
    return lost(mutating);
}

enum outcome error_code_outcome(int32_t status, int32_t code, const char *text, bool sent, bool mutating) {
    ASSERT(text != NULL);
    ASSERT(status >= 0);
    if (status == 0) return sent ? lost(mutating) : OUTCOME_NOT_EXECUTED;
    // Codes that mean one thing under every status.
    if (code == -1006 || code == -1007) return lost(mutating);
    if (code == -1008) return OUTCOME_NOT_EXECUTED;
    if (code == -1021 || code == -5028) return OUTCOME_CLOCK_SKEW;
    if (status == 418 || status == 429 || code == -1003 || code == -1015) return OUTCOME_SLOW_DOWN;

    if (status >= 200 && status < 300) return code < 0 ? OUTCOME_REFUSED : OUTCOME_DONE;
    if (status == 403)
        return OUTCOME_SLOW_DOWN;   // the firewall's page: too fast or oddly shaped, and never executed
    if (status == 408) return lost(mutating);
    if (status == 503) return unavailable(code, text, mutating);
    if (status >= 500) return lost(mutating);
    if (status >= 300 && code == 0) {
        if (status == 451) return OUTCOME_REFUSED;   // not from this country: for good
        return status < 400 || status == 407 ? OUTCOME_NOT_EXECUTED : lost(mutating);
    }
    // -1000 and -1001 are failures inside the exchange even when they come with a 4xx.
    if (code == -1000 || code == -1001) return lost(mutating);
    return OUTCOME_REFUSED;
}

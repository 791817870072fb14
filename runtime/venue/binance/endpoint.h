// endpoint.h: the table of the exchange's calls: address, weight, order count, kind, what it does to state.
//
// Source   the exchange's published endpoint pages; weights depend on parameters as stated there.
#ifndef MT_VENUE_BINANCE_ENDPOINT_H
#define MT_VENUE_BINANCE_ENDPOINT_H

#include "trade/call.h"
#include "trade/request_kind.h"

#include <stdbool.h>
#include <stdint.h>

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE };

const char *http_method_name(int32_t method);   // "GET"...; method is an enum http_method

enum security { SEC_NONE, SEC_KEY, SEC_SIGNED };

struct endpoint_info {
    const char *path;        // "/fapi/v1/order"
    uint8_t method;          // enum http_method
    uint8_t security;        // enum security
    uint8_t request_class;   // enum request_class
    uint8_t priority;        // default, enum priority
    bool mutating;           // changes state: never repeated blindly
    uint64_t params;         // bits of the parameters it takes
    uint64_t required;       // bits it cannot do without
    uint8_t record;          // enum record_kind of its reply
    bool list;               // the reply is a list of records
};

const struct endpoint_info *endpoint_info(int32_t endpoint);

// Whether its symbol is called `pair` on the wire.
bool endpoint_takes_pair(int32_t endpoint);

// The endpoint of a method and path, or -1.
int32_t endpoint_find(const char *method, const char *path);

// What a call costs: request weight of the address, and orders of the account by window.
struct call_cost {
    int32_t weight, orders_10s, orders_1m;
};
struct call_cost endpoint_cost(const struct call *call);

#endif

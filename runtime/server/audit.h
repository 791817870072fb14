// audit.h: what truly happened at the local exchange: every call that concerns an order, and the use of every
// limit window. Tests compare it with what a client believes.
//
// Owner    audit_free. Entries are kept for ever; 136 bytes each.
#ifndef MT_SERVER_AUDIT_H
#define MT_SERVER_AUDIT_H

#include "sim/exchange.h"
#include "sim/faults.h"

#include <stdint.h>

struct audit_entry {
    int64_t time_us;
    int64_t order_id;   // of the order made or meant; 0: none
    int64_t quantity_e8, price_e8;
    int32_t code;   // 0: executed; else the refusal's
    uint16_t endpoint;
    int16_t symbol;
    uint8_t side, type;
    uint8_t fault;      // enum fault_kind that struck the request
    uint8_t executed;   // the exchange carried it out
    uint8_t answered;   // the client got the true answer
    uint8_t channel;    // 0 REST, 1 WebSocket API
    char client_id[CLIENT_ID_MAX];
};

struct audit_minute {
    int64_t start_us;
    int32_t weight, orders, orders_10s_most, refused;
};

struct audit;

struct audit *audit_new(void);
void audit_free(struct audit *a);
void audit_add(struct audit *a, const struct audit_entry *e);

// The windows as they stand after a call, which was refused for them or not.
void audit_windows(struct audit *a, const struct exchange_windows *w, bool refused, int64_t now_us);

int64_t audit_count(const struct audit *a);

// {"total":N,"from":F,"entries":[...],"windows":[...],"totals":{...}}: entries from..from+limit-1, and those
// of a client id alone when client_id is not "". As record_json. The state of each order is the exchange's at
// this moment.
size_t audit_print(const struct audit *a, const struct exchange *x, int64_t from, int64_t limit,
                   const char *client_id, char *out, size_t size);

#endif

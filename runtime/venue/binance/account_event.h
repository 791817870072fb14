// account_event.h: an ACCOUNT_UPDATE as the exchange may send it: several assets, several positions (both
// sides of a hedging account; other symbols), split into one record a position.
#ifndef MT_VENUE_BINANCE_ACCOUNT_EVENT_H
#define MT_VENUE_BINANCE_ACCOUNT_EVENT_H

#include "venue/binance/record_read.h"

enum { ACCOUNT_EVENT_MAX = 16 };

struct live_account_event {
    int32_t count;       // at least 1: of an event without a position of ours, one record with SYMBOL_NONE
    bool wallet_known;   // USDT is among its assets; else the records' wallet and change are 0
    struct account_update_record rows[ACCOUNT_EVENT_MAX];
};

// Whether the message says that the stream's key is good no more: the stream must be opened anew.
bool account_event_key_expired(const struct json *j);

// From the parsed message; positions of symbols that are not in the list are left out.
void account_event_read(const struct json *j, const struct symbol_list *symbols, struct arena *arena,
                        struct live_account_event *out);

#endif

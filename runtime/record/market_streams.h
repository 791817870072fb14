// market_streams.h: a market's streams as they come, for `moontide record`: connections, and requests beside
// them, whose texts are handed out one by one with the time of their arrival.
//
// Segment  items of these kinds (record/record_file.h), each the time of arrival (microseconds since the
//          epoch, 64-bit little-endian) and a JSON text: for a message the one that came, byte for byte.
// Owner    market_streams_free closes all. A loop of its own; one thread.
// Errors   a connection that ended, and a request without an answer, are inputs.
// Signals  SIGINT and SIGTERM come as an input from market_streams_new to market_streams_free.
#ifndef MT_RECORD_MARKET_STREAMS_H
#define MT_RECORD_MARKET_STREAMS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum market_item {
    MARKET_ABOUT = 1,   // the first of a segment: what is recorded, and from where
    MARKET_MESSAGE,     // {"stream":...,"data":...}
    MARKET_SNAPSHOT,    // {"symbol":...,"depth":...}
    MARKET_GAP,         // {"gap":...}: something did not come
    MARKET_KNOWN,       // {"known":...}: from here on what did not come is known again
    MARKET_ITEM_COUNT
};

enum { MARKET_CONNECTIONS_MAX = 4 };

struct market_streams;

struct market_streams_options {
    const char *proxy, *ca_file;   // NULL: the environment's, the system's
    int64_t silence_ms;
};

enum market_input_kind {
    MARKET_INPUT_OPENED,
    MARKET_INPUT_TEXT,
    MARKET_INPUT_CLOSED,   // text: why
    MARKET_INPUT_ANSWER,   // number, status; text: the body, or why there is none (status 0)
    MARKET_INPUT_SIGNAL    // number
};

struct market_input {
    int64_t time_us;   // of arrival, since the epoch
    int64_t number;    // the connection's; of an answer that of the request
    int32_t status, retry_after_s;
    uint8_t kind;   // enum market_input_kind
    const char *text;
    size_t size;   // borrowed until the next call
};

int market_streams_new(const struct market_streams_options *o, struct market_streams **out, struct errmsg *e);
void market_streams_free(struct market_streams *m);

// Connects, again after it was closed. ERR_INVALID: the address is none.
int market_streams_connect(struct market_streams *m, int32_t number, const char *url, struct errmsg *e);

// Asks by GET; its answer is an input. ERR_NO_MEMORY.
int market_streams_ask(struct market_streams *m, int64_t number, const char *url, struct errmsg *e);

// Waits for the next input: true, or false after timeout_us.
bool market_streams_next(struct market_streams *m, int64_t timeout_us, struct market_input *out);

#endif

// stream_names.h: what the name of a stream stands for, and which addresses carry it (wire contract, section
// 7.1). Pure.
#ifndef MT_SERVER_STREAM_NAMES_H
#define MT_SERVER_STREAM_NAMES_H

#include "trade/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_NAME_MAX = 96 };

enum stream_family {
    STREAM_TRADE,
    STREAM_AGG_TRADE,
    STREAM_KLINE,
    STREAM_CONTINUOUS_KLINE,
    STREAM_MARK,
    STREAM_MINI_TICKER,
    STREAM_TICKER,
    STREAM_BOOK_TICKER,
    STREAM_DEPTH,
    STREAM_PARTIAL_DEPTH,
    STREAM_FORCE_ORDER,
    STREAM_USER,
    STREAM_SILENT /* never pushes */
};

struct stream_name {
    enum stream_family family;
    int16_t symbol;   // SYMBOL_NONE: all of them
    uint8_t interval;
    int32_t levels;
    int64_t every_us;   // 0: at once
};

void stream_name_read(const char *name, const struct symbol *symbols, int32_t count, struct stream_name *out);

enum stream_route { ROUTE_PUBLIC, ROUTE_MARKET, ROUTE_PRIVATE, ROUTE_LEGACY };

// The route of an address and what follows it: "/ws...", "/stream...".
const char *stream_route_strip(const char *path, enum stream_route *route);
bool stream_carried(enum stream_route route, enum stream_family family, bool legacy_all);

// Names in an address may be percent-encoded: %40 is @. In place.
void stream_unescape(char *text);

#endif

// stream_names.c: what the name of a stream stands for.
#include "server/stream_names.h"
#include "base/units.h"
#include "trade/names.h"
#include "trade/interval.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int16_t symbol_named(const struct symbol *symbols, int32_t count, const char *name, size_t size) {
    char upper[SYMBOL_NAME_MAX];
    if (size == 0 || size >= sizeof upper) return SYMBOL_NONE;
    for (size_t i = 0; i < size; i++) {
        if (isupper((unsigned char)name[i]))
            return SYMBOL_NONE;   // symbols are lower case in stream names, others never push
        upper[i] = (char)toupper((unsigned char)name[i]);
    }
    upper[size] = 0;
    return (int16_t)symbol_find(symbols, count, upper);
}

static bool speed_of(const char *text, int64_t *every_us) {
    if (*text == 0)
        *every_us = 250000;
    else if (strcmp(text, "@100ms") == 0)
        *every_us = 100000;
    else if (strcmp(text, "@500ms") == 0)
        *every_us = 500000;
    else if (strcmp(text, "@250ms") == 0)
        *every_us = 250000;
    else
        return false;
    return true;
}

static bool mark_speed(const char *text, int64_t *every_us) {
    if (*text != 0 && strcmp(text, "@1s") != 0) return false;
    *every_us = *text ? SECOND_US : 3 * SECOND_US;
    return true;
}

static void read_all_market(const char *name, struct stream_name *t) {
    if (strcmp(name, "!bookTicker") == 0)
        t->family = STREAM_BOOK_TICKER, t->every_us = 5 * SECOND_US;
    else if (strcmp(name, "!miniTicker@arr") == 0)
        t->family = STREAM_MINI_TICKER, t->every_us = SECOND_US;
    else if (strcmp(name, "!ticker@arr") == 0)
        t->family = STREAM_TICKER, t->every_us = SECOND_US;
    else if (strcmp(name, "!forceOrder@arr") == 0)
        t->family = STREAM_FORCE_ORDER;
    else if (strncmp(name, "!markPrice@arr", 14) == 0 && mark_speed(name + 14, &t->every_us))
        t->family = STREAM_MARK;
}

static void read_depth(const char *rest, struct stream_name *t) {
    char *end;
    long levels = strtol(rest, &end, 10);
    if (!speed_of(end, &t->every_us)) return;
    if (end == rest)
        t->family = STREAM_DEPTH;
    else if (levels == 5 || levels == 10 || levels == 20)
        t->family = STREAM_PARTIAL_DEPTH, t->levels = (int32_t)levels;
}

static bool read_kline(const char *interval, enum stream_family family, struct stream_name *t) {
    int32_t found = interval_find(interval);
    if (found < 0 || strcmp(interval, interval_names[found]) != 0) return false;
    t->family = family;
    t->interval = (uint8_t)found;
    t->every_us = 250000;
    return true;
}

void stream_name_read(const char *name, const struct symbol *symbols, int32_t count, struct stream_name *t) {
    *t = (struct stream_name){ .family = STREAM_SILENT, .symbol = SYMBOL_NONE };
    if (name[0] == '!') {
        read_all_market(name, t);
        return;
    }
    const char *at = strchr(name, '@');
    if (!at) return;
    const char *what = at + 1;
    size_t size = (size_t)(at - name);
    const char *contract = memchr(name, '_', size);
    if (strncmp(what, "continuousKline_", 16) == 0) {
        if (contract && size - (size_t)(contract - name) == 10 && strncmp(contract, "_perpetual", 10) == 0) {
            t->symbol = symbol_named(symbols, count, name, (size_t)(contract - name));
            if (t->symbol >= 0) read_kline(what + 16, STREAM_CONTINUOUS_KLINE, t);
        }
        return;
    }
    t->symbol = symbol_named(symbols, count, name, size);
    if (t->symbol < 0) return;
    if (strcmp(what, "trade") == 0)
        t->family = STREAM_TRADE;
    else if (strcmp(what, "aggTrade") == 0)
        t->family = STREAM_AGG_TRADE, t->every_us = 100000;
    else if (strncmp(what, "kline_", 6) == 0)
        read_kline(what + 6, STREAM_KLINE, t);
    else if (strncmp(what, "markPrice", 9) == 0 && mark_speed(what + 9, &t->every_us))
        t->family = STREAM_MARK;
    else if (strcmp(what, "miniTicker") == 0)
        t->family = STREAM_MINI_TICKER, t->every_us = 2 * SECOND_US;
    else if (strcmp(what, "ticker") == 0)
        t->family = STREAM_TICKER, t->every_us = 2 * SECOND_US;
    else if (strcmp(what, "bookTicker") == 0)
        t->family = STREAM_BOOK_TICKER;
    else if (strncmp(what, "depth", 5) == 0)
        read_depth(what + 5, t);
    else if (strcmp(what, "forceOrder") == 0)
        t->family = STREAM_FORCE_ORDER;
}

bool stream_carried(enum stream_route route, enum stream_family family, bool legacy_all) {
    bool is_public = family == STREAM_BOOK_TICKER || family == STREAM_DEPTH ||
                     family == STREAM_PARTIAL_DEPTH || family == STREAM_TRADE;
    switch (route) {
    case ROUTE_PUBLIC: return is_public;
    case ROUTE_MARKET: return !is_public && family != STREAM_USER;
    case ROUTE_PRIVATE: return family == STREAM_USER;
    default: return is_public || legacy_all;
    }
}

// ---- addresses ----

const char *stream_route_strip(const char *path, enum stream_route *route) {
    static const struct {
        const char *prefix;
        enum stream_route route;
    } routes[] = {
        { "/public/", ROUTE_PUBLIC },
        { "/market/", ROUTE_MARKET },
        { "/private/", ROUTE_PRIVATE },
    };
    *route = ROUTE_LEGACY;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t size = strlen(routes[i].prefix);
        if (strncmp(path, routes[i].prefix, size) != 0) continue;
        *route = routes[i].route;
        return path + size - 1;
    }
    return path;
}

void stream_unescape(char *text) {
    char *out = text;
    for (; *text; text++) {
        unsigned code;
        if (text[0] == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]) &&
            sscanf(text + 1, "%2x", &code) == 1 && code != 0) {
            *out++ = (char)code;
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = 0;
}

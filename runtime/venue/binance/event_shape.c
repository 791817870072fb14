// event_shape.c: whether an event holds what its handling relies on.
#include "venue/binance/event_shape.h"

#include <stddef.h>

enum { NEEDS_MAX = 8 };

struct shape {
    const char *name, *part;   // part: the object that holds the fields, NULL: the event itself
    const char *needs[NEEDS_MAX];
};

static const struct shape shapes[] = {
    { "kline", "k", { "s", "t", "i", "o", "h", "l", "c", "x" } },
    { "aggTrade", NULL, { "s", "a", "p", "q", "T" } },
    { "markPriceUpdate", NULL, { "s", "p", "r", "T" } },
    { "bookTicker", NULL, { "s", "u", "b", "B", "a", "A" } },
    { "depthUpdate", NULL, { "s", "U", "u", "pu", "b", "a" } },
    { "ORDER_TRADE_UPDATE", "o", { "s", "c", "S", "q", "x", "X", "i", "z" } },
    { "ALGO_UPDATE", "o", { "s", "caid", "aid", "X" } },
    { "ACCOUNT_UPDATE", "a", { "m" } },
};
static const char *const position_needs[NEEDS_MAX] = { "s", "pa", "ep", "ps" };

static bool filled(const struct json *j, int32_t value) {
    enum json_kind kind = json_kind(j, value);
    if (kind == JSON_MISSING || kind == JSON_NULL) return false;
    char first[2] = "";
    if (kind == JSON_STRING) json_copy(j, value, first, sizeof first);
    return kind != JSON_STRING || first[0] != 0;
}

static bool has(const struct json *j, int32_t object, const char *const needs[NEEDS_MAX]) {
    if (json_kind(j, object) != JSON_OBJECT) return false;
    int32_t hint = 0;   // needs are in the order of the wire: one walk for all
    for (int i = 0; i < NEEDS_MAX && needs[i]; i++) {
        if (!filled(j, json_get(j, object, needs[i], &hint))) return false;
    }
    int32_t symbol = json_get(j, object, "s", NULL);
    return symbol == JSON_NONE || json_kind(j, symbol) == JSON_STRING;
}

bool event_whole(const struct json *j, int32_t event) {
    int32_t name = json_get(j, event, "e", NULL);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (!json_is(j, name, shapes[i].name)) continue;
        return has(j, shapes[i].part ? json_get(j, event, shapes[i].part, NULL) : event, shapes[i].needs);
    }
    return true;
}

bool position_whole(const struct json *j, int32_t position) { return has(j, position, position_needs); }

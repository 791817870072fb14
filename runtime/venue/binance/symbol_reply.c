// symbol_reply.c: reads an entry of exchangeInfo by two small tables.
#include "venue/binance/symbol_reply.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/err.h"

#include <stddef.h>
#include <string.h>

struct reply_place {
    const char *filter, *name;   // filter NULL: of the entry itself
    size_t offset;
};

static const struct reply_place places[] = {
    { "PRICE_FILTER", "tickSize", offsetof(struct symbol, tick_e8) },
    { "PRICE_FILTER", "minPrice", offsetof(struct symbol, price_min_e8) },
    { "PRICE_FILTER", "maxPrice", offsetof(struct symbol, price_max_e8) },
    { "LOT_SIZE", "stepSize", offsetof(struct symbol, step_e8) },
    { "LOT_SIZE", "minQty", offsetof(struct symbol, qty_min_e8) },
    { "LOT_SIZE", "maxQty", offsetof(struct symbol, qty_max_e8) },
    { "MARKET_LOT_SIZE", "stepSize", offsetof(struct symbol, market_step_e8) },
    { "MARKET_LOT_SIZE", "minQty", offsetof(struct symbol, market_qty_min_e8) },
    { "MARKET_LOT_SIZE", "maxQty", offsetof(struct symbol, market_qty_max_e8) },
    { "MIN_NOTIONAL", "notional", offsetof(struct symbol, notional_min_e8) },
    { "PERCENT_PRICE", "multiplierUp", offsetof(struct symbol, percent_up_e8) },
    { "PERCENT_PRICE", "multiplierDown", offsetof(struct symbol, percent_down_e8) },
};
enum { PLACES = sizeof places / sizeof *places };

static int64_t *field_of(struct symbol *s, const struct reply_place *p) {
    return (int64_t *)((char *)s + p->offset);
}

static int read_decimal(const struct json *j, int32_t node, int64_t *out) {
    char text[48];
    json_copy(j, node, text, sizeof text);
    return dec_parse_round(text, strlen(text), out) == 0 && *out >= 0 ? ERR_OK : ERR_FORMAT;
}

static int read_filter(const struct json *j, int32_t filter, struct symbol *out) {
    int32_t type = json_get(j, filter, "filterType", NULL);
    int err = ERR_OK;
    for (int i = 0; i < PLACES && !err; i++) {
        if (!json_is(j, type, places[i].filter)) continue;
        int32_t value = json_get(j, filter, places[i].name, NULL);
        if (value != JSON_NONE) err = read_decimal(j, value, field_of(out, &places[i]));
    }
    return err;
}

int symbol_reply_read(const struct json *j, int32_t entry, struct symbol *out) {
    ASSERT(out != NULL);
    memset(out, 0, sizeof *out);
    json_copy(j, json_get(j, entry, "symbol", NULL), out->name, sizeof out->name);
    json_copy(j, json_get(j, entry, "status", NULL), out->status, sizeof out->status);
    int32_t filters = json_get(j, entry, "filters", NULL);
    int err = json_kind(j, filters) == JSON_LIST ? ERR_OK : ERR_FORMAT;
    if (err) return err;
    for (int32_t f = json_first(j, filters); f != JSON_NONE && !err; f = json_next(j, filters, f))
        err = read_filter(j, f, out);
    if (!err && (out->tick_e8 <= 0 || out->step_e8 <= 0)) err = ERR_FORMAT;
    ASSERT(err || out->tick_e8 > 0);
    return err;
}

void symbol_reply_merge(struct symbol *known, const struct symbol *told) {
    ASSERT(strcmp(known->name, told->name) == 0);
    memcpy(known->status, told->status, sizeof known->status);
    for (int i = 0; i < PLACES; i++) {
        int64_t value;
        memcpy(&value, (const char *)told + places[i].offset, sizeof value);
        if (value != 0) *field_of(known, &places[i]) = value;
    }
    ASSERT(known->tick_e8 > 0);
}

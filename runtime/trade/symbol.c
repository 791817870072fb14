// symbol.c: the symbols of a run, found by name.
#include "trade/symbol.h"

#include "base/assert.h"

#include <string.h>

const struct bracket *symbol_bracket(const struct symbol *s, int64_t notional_e8) {
    ASSERT(s->bracket_count > 0);
    ASSERT(notional_e8 >= 0);
    int32_t last = s->bracket_count - 1;
    for (int32_t i = 0; i < last; i++) {
        if (notional_e8 <= s->brackets[i].cap_e8) return &s->brackets[i];
    }
    return &s->brackets[last];
}

int64_t symbol_notional_max(const struct symbol *s, int32_t leverage) {
    ASSERT(s->bracket_count > 0);
    int64_t notional_max_e8 = 0;
    for (int32_t i = 0; i < s->bracket_count; i++) {
        if (s->brackets[i].leverage_max >= leverage && s->brackets[i].cap_e8 > notional_max_e8)
            notional_max_e8 = s->brackets[i].cap_e8;
    }
    return notional_max_e8;
}

int32_t symbol_find(const struct symbol *symbols, int32_t count, const char *name) {
    ASSERT(count >= 0);
    ASSERT(name != NULL);
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(symbols[i].name, name) == 0) return i;
    }
    return SYMBOL_NONE;
}

const char *symbol_coin(const struct symbol *first) {
    return first && first->margin_asset[0] ? first->margin_asset : "USDT";
}

bool symbol_trades(const struct symbol *s) {
    ASSERT(s != NULL);
    return s->status[0] == 0 || strcmp(s->status, "TRADING") == 0;
}

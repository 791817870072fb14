// forced_close.c: the beginnings of the exchange's own client ids.
#include "venue/binance/forced_close.h"

#include "base/assert.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *prefix, *kind;
} forced[] = {
    { "autoclose-", "liquidation" },
    { "adl_autoclose", "adl" },
    { "settlement_autoclose-", "settlement" },
    { "delivery_autoclose-", "delivery" },
};

const char *forced_close_kind(const char *client_id) {
    ASSERT(client_id != NULL);
    for (size_t i = 0; i < sizeof forced / sizeof *forced; i++) {
        if (strncmp(client_id, forced[i].prefix, strlen(forced[i].prefix)) == 0) return forced[i].kind;
    }
    return "";
}

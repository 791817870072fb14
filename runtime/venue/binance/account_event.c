// account_event.c: an ACCOUNT_UPDATE with several assets and positions.
#include "venue/binance/account_event.h"

#include "venue/binance/event_shape.h"
#include "trade/names.h"

#include <string.h>

static uint8_t reason_of(const struct json *j, int32_t node) {
    for (uint8_t i = 0; i < ACCOUNT_REASON_COUNT; i++) {
        if (json_is(j, node, account_reason_names[i])) return i;
    }
    return ACCOUNT_ORDER;   // deposits, fees in other coins...: a change like any other
}

// Milliseconds as microseconds; 0 for what is no time.
static int64_t moment(const struct json *j, int32_t node) {
    int64_t ms = json_integer(j, node, 0);
    return ms > 0 && ms < INT64_MAX / 1000 ? ms * 1000 : 0;
}

static void put_position(struct account_update_record *u, const struct account_update_record *p) {
    u->symbol = p->symbol;
    u->position_side = p->position_side;
    u->margin_type = p->margin_type;
    u->amount_e8 = p->amount_e8;
    u->entry_price_e8 = p->entry_price_e8;
    u->break_even_e8 = p->break_even_e8;
    u->realized_e8 = p->realized_e8;
    u->unrealized_e8 = p->unrealized_e8;
    u->isolated_wallet_e8 = p->isolated_wallet_e8;
}

bool account_event_key_expired(const struct json *j) {
    return json_is(j, json_get(j, 0, "e", NULL), "listenKeyExpired");
}

void account_event_read(const struct json *j, const struct symbol_list *symbols, struct arena *arena,
                        struct live_account_event *out) {
    struct account_update_record base, part;
    struct errmsg e;
    int32_t body = json_get(j, 0, "a", NULL), balances = json_get(j, body, "B", NULL),
            positions = json_get(j, body, "P", NULL);
    out->count = 0;
    out->wallet_known = false;
    // The whole first, for what stands in neither list; it fails when its first position is of a symbol
    // unknown here.
    if (record_from(RECORD_ACCOUNT_UPDATE, j, 0, symbols, arena, &base, &e) != ERR_OK) {
        memset(&base, 0, sizeof base);
        base.event_us = moment(j, json_get(j, 0, "E", NULL));
        base.transaction_us = moment(j, json_get(j, 0, "T", NULL));
    }
    base.reason = reason_of(j, json_get(j, body, "m", NULL));
    base.wallet_e8 = base.cross_wallet_e8 = base.balance_change_e8 = 0;
    for (int32_t row = json_first(j, balances); row != JSON_NONE; row = json_next(j, balances, row)) {
        if (!json_is(j, json_get(j, row, "a", NULL), symbol_list_coin(symbols))) continue;
        if (record_from(RECORD_ACCOUNT_UPDATE_BALANCE, j, row, symbols, arena, &part, &e) != ERR_OK) continue;
        out->wallet_known = true;
        base.wallet_e8 = part.wallet_e8;
        base.cross_wallet_e8 = part.cross_wallet_e8;
        base.balance_change_e8 = part.balance_change_e8;
    }
    for (int32_t row = json_first(j, positions); row != JSON_NONE && out->count < ACCOUNT_EVENT_MAX;
         row = json_next(j, positions, row)) {
        if (!position_whole(j, row)) continue;
        if (record_from(RECORD_ACCOUNT_UPDATE_POSITION, j, row, symbols, arena, &part, &e) != ERR_OK)
            continue;
        out->rows[out->count] = base;
        put_position(&out->rows[out->count++], &part);
    }
    if (out->count > 0) return;
    memset(&part, 0, sizeof part);
    part.symbol = SYMBOL_NONE;
    out->rows[0] = base;
    put_position(&out->rows[0], &part);
    out->count = 1;
}

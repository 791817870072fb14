// coins.c: the worth of fees in other coins.
#include "world/live/coins.h"

#include "base/alloc.h"
#include "base/dec.h"
#include "base/units.h"
#include "world/live/ledger.h"
#include "world/live/log_lines.h"
#include "world/live/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COINS_MAX = 8 };
#define FRESH_US (5 * MINUTE_US)   // so long a price counts
#define AGAIN_US (10 * SECOND_US)

struct coin {
    char name[ASSET_NAME_MAX];
    int64_t price_e8, priced_us;
    int64_t waiting_e8;   // fees whose worth is not known yet
    int64_t ask_us;       // not before
    bool asking, told;
};

struct live_coins {
    struct coin list[COINS_MAX];
    int32_t count;
    struct json json;
};

static struct coin *coin_of(struct live_coins *c, const char *asset) {
    for (int32_t i = 0; i < c->count; i++) {
        if (strcmp(c->list[i].name, asset) == 0) return &c->list[i];
    }
    if (c->count == COINS_MAX) return NULL;
    struct coin *n = &c->list[c->count++];
    snprintf(n->name, sizeof n->name, "%s", asset);
    return n;
}

// The run may trade the coin itself.
static int64_t own_price_e8(const struct live *l, const char *asset) {
    char name[2 * ASSET_NAME_MAX];
    snprintf(name, sizeof name, "%s%s", asset, symbol_coin(l->symbols));
    int32_t k = symbol_find(l->symbols, l->list.count, name);
    return k < 0 ? 0 : l->pump.view.last_e8[k];
}

static int64_t price_e8(struct live *l, const struct coin *n) {
    int64_t own = own_price_e8(l, n->name);
    if (own != 0) return own;
    return n->price_e8 != 0 && live_now(l) < n->priced_us + FRESH_US ? n->price_e8 : 0;
}

static void settle(struct live *l, struct coin *n) {
    int64_t price = price_e8(l, n);
    if (price == 0 || n->waiting_e8 == 0) return;
    live_ledger_coin_fee(l, dec_mul_round(n->waiting_e8, price));
    n->waiting_e8 = 0;
}

void live_coins_fee(struct live *l, const char *asset, int64_t amount_e8) {
    struct coin *n = coin_of(l->coins, asset);
    if (!n) return;
    n->waiting_e8 += amount_e8;
    settle(l, n);
}

void live_coins_pump(struct live *l, int64_t now_us) {
    if (!l->started || l->simulation) return;
    for (int32_t i = 0; i < l->coins->count; i++) {
        struct coin *n = &l->coins->list[i];
        settle(l, n);
        if (n->waiting_e8 == 0 || n->asking || now_us < n->ask_us ||
            dispatcher_gate_us(l->pump.dispatcher) > now_us)
            continue;
        char path[96];
        snprintf(path, sizeof path, "%s?symbol=%s%s", endpoint_info(EP_TICKER_PRICE)->path, n->name,
                 symbol_coin(l->symbols));
        n->asking = live_wire_ask(l, path, n);
        n->ask_us = now_us + AGAIN_US;
    }
}

int64_t live_coins_next_us(const struct live *l) {
    int64_t due = INT64_MAX;
    for (int32_t i = 0; i < l->coins->count; i++) {
        const struct coin *n = &l->coins->list[i];
        if (n->waiting_e8 != 0 && !n->asking && n->ask_us < due) due = n->ask_us;
    }
    return due;
}

bool live_coins_answered(struct live *l, const void *user, const struct http_answer *a) {
    struct live_coins *c = l->coins;
    struct coin *n = NULL;
    for (int32_t i = 0; i < c->count; i++) {
        if (user == &c->list[i]) n = &c->list[i];
    }
    if (!n) return false;
    n->asking = false;
    char text[48] = "";
    int64_t price = 0;
    bool good =
        a->fate == HTTP_ANSWERED && a->status == 200 && json_parse(&c->json, a->body, a->size) == ERR_OK;
    if (good) json_copy(&c->json, json_get(&c->json, 0, "price", NULL), text, sizeof text);
    if (text[0] && dec_parse_round(text, strlen(text), &price) == 0 && price > 0) {
        n->price_e8 = price;
        n->priced_us = live_now(l);
        settle(l, n);
    } else if (a->fate == HTTP_ANSWERED && a->status >= 400 && !n->told) {
        n->told = true;
        live_log_warn(l, "fees are paid in %s, whose worth is not known here: results count without them",
                      n->name);
    }
    if (price == 0) n->ask_us = live_now(l) + (n->told ? HOUR_US : AGAIN_US);
    return true;
}

bool live_coins_unpriced(const struct live *l, int32_t number, char asset[ASSET_NAME_MAX],
                         int64_t *amount_e8) {
    for (int32_t i = 0; i < l->coins->count; i++) {
        const struct coin *n = &l->coins->list[i];
        if (n->waiting_e8 == 0 || number-- > 0) continue;
        snprintf(asset, ASSET_NAME_MAX, "%s", n->name);
        *amount_e8 = n->waiting_e8;
        return true;
    }
    return false;
}

int live_coins_open(struct live *l, struct errmsg *e) {
    (void)e;
    l->coins = alloc_zeroed(1, sizeof *l->coins);
    return ERR_OK;
}

void live_coins_close(struct live *l) {
    if (!l->coins) return;
    json_free(&l->coins->json);
    free(l->coins);
}

// calls_settings.c: leverage, margin type, isolated margin, position mode, countdown; and the configuration
// as it
// is.
#include "base/assert.h"
#include "base/units.h"
#include "sim/calls_market.h"

#include "sim/account.h"
#include "sim/match.h"
#include "sim/order_store.h"

#include <stdio.h>

#define LISTEN_KEY_US HOUR_US

static bool has_orders(const struct market *m) {
    ASSERT(m->resting.count >= 0);
    ASSERT(m->waiting.count >= 0);
    ASSERT(m->algos.count >= 0);
    return m->resting.count + m->waiting.count + m->algos.count > 0;
}

static int64_t largest_notional_e8(const struct market *m) {
    int64_t largest = 0;
    for (int k = 0; k < POSITION_SIDE_COUNT; k++) {
        int64_t n = dec_mul_round(m->positions[k].amount_e8, market_mark_e8(m));
        if (n < 0) n = -n;
        if (n > largest) largest = n;
    }
    return largest;
}

// The leverage is tried on, and taken back when the account could not carry it.
static bool leverage_fits(struct exchange *x, struct market *m, int32_t leverage, struct reply *r) {
    ASSERT(leverage >= 1 && leverage <= LEVERAGE_MAX);
    ASSERT(r->code == 0);
    int32_t before = m->leverage;
    if (leverage >= before) {
        bool fits = largest_notional_e8(m) <= symbol_notional_max(m->s, leverage);
        return fits ? true : reply_fail(r, -2027, NULL);
    }
    if (m->margin_type == MARGIN_ISOLATED && !market_flat(m)) return reply_fail(r, -4161, NULL);
    m->leverage = leverage;
    bool fits = market_flat(m) && !has_orders(m) ? true : account_available_e8(x) > 0;
    m->leverage = before;
    return fits ? true : reply_fail(r, -2028, NULL);
}

static void leverage(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct market *m = market_of(x, c, r);
    if (!m) return;
    if (!call_given(c, P_LEVERAGE)) {
        reply_fail(r, -1102, "leverage");
        return;
    }
    if (c->leverage < 1 || c->leverage > LEVERAGE_MAX || symbol_notional_max(m->s, c->leverage) == 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", c->leverage);
        reply_fail(r, -4028, text);
        return;
    }
    if (!leverage_fits(x, m, c->leverage, r)) return;
    bool changed = m->leverage != c->leverage;
    m->leverage = c->leverage;
    m->notional_max_e8 = symbol_notional_max(m->s, c->leverage);
    ASSERT(m->notional_max_e8 > 0);
    ASSERT(largest_notional_e8(m) <= m->notional_max_e8 || m->leverage < LEVERAGE_MAX);
    m->dirty = x->any_dirty = true;
    if (changed && event_wanted(x, RECORD_CONFIG_UPDATE)) {
        struct config_update_record e = { x->now_us, x->now_us, m->leverage, m->index, false };
        x->hooks.event(x->hooks.ctx, RECORD_CONFIG_UPDATE, &e, x->now_us);
    }
    struct leverage_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct leverage_record){ m->notional_max_e8, m->leverage, m->index };
    reply_rows(r, RECORD_LEVERAGE, false, 1, row);
}

static void margin_type(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct market *m = market_of(x, c, r);
    if (!m) return;
    if (!call_given(c, P_MARGIN_TYPE))
        reply_fail(r, -1102, "marginType");
    else if (m->margin_type == c->margin_type)
        reply_fail(r, -4046, NULL);
    else if (x->multi_assets && c->margin_type == MARGIN_ISOLATED)
        reply_fail(r, -4168, NULL);
    else if (has_orders(m))
        reply_fail(r, -4047, NULL);
    else if (!market_flat(m))
        reply_fail(r, -4048, NULL);
    else {
        m->margin_type = c->margin_type;
        ASSERT(market_flat(m));
        reply_status(x, r, "success");
    }
}

// What may be taken off an isolated position: not below its initial margin, counting its losses.
static int64_t removable_e8(const struct market *m, const struct position *p) {
    ASSERT(p->isolated_e8 >= 0);
    int64_t unrealized = position_unrealized_e8(p, market_mark_e8(m));
    int64_t left =
        p->isolated_e8 + (unrealized < 0 ? unrealized : 0) - position_margin_e8(m, p, market_mark_e8(m));
    return left > 0 ? left : 0;
}

static void position_margin(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct market *m = market_of(x, c, r);
    if (!m) return;
    uint8_t side = x->dual_side ? c->position_side : POSITION_BOTH;
    struct position *p = &m->positions[side];
    bool adds = c->margin_change == 1;
    if (x->dual_side && side == POSITION_BOTH) {
        reply_fail(r, -4061, NULL);
        return;
    }
    if (c->amount_e8 <= 0) {
        reply_fail(r, -4055, NULL);
        return;
    }
    if (m->margin_type != MARGIN_ISOLATED) {
        reply_fail(r, -4049, NULL);
        return;
    }
    if (p->amount_e8 == 0) {
        reply_fail(r, -4054, NULL);
        return;
    }
    if (adds && account_available_e8(x) < c->amount_e8) {
        reply_fail(r, -4050, NULL);
        return;
    }
    if (!adds && removable_e8(m, p) < c->amount_e8) {
        reply_fail(r, -4051, NULL);
        return;
    }
    int64_t change = adds ? c->amount_e8 : -c->amount_e8;
    p->isolated_e8 += change;
    x->isolated_e8 += change;
    ASSERT(p->isolated_e8 >= 0);
    ASSERT(x->isolated_e8 >= 0);
    m->dirty = x->any_dirty = true;
    emit_account(x, m, side, ACCOUNT_MARGIN_TRANSFER, 0);
    struct margin_change_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct margin_change_record){ c->amount_e8, adds ? 1 : 2 };
    reply_rows(r, RECORD_MARGIN_CHANGE, false, 1, row);
}

static void position_mode(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (!call_given(c, P_DUAL_SIDE)) {
        reply_fail(r, -1102, "dualSidePosition");
        return;
    }
    if (c->dual_side == x->dual_side) {
        reply_fail(r, -4059, NULL);
        return;
    }
    for (int32_t i = 0; i < x->symbol_count; i++) {
        if (has_orders(&x->markets[i])) {
            reply_fail(r, -4067, NULL);
            return;
        }
        if (!market_flat(&x->markets[i])) {
            reply_fail(r, -4068, NULL);
            return;
        }
    }
    x->dual_side = c->dual_side;
    reply_status(x, r, "success");
}

static void countdown(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct market *m = market_of(x, c, r);
    if (!m) return;
    if (!call_given(c, P_COUNTDOWN_TIME) || c->countdown_us < 0) {
        reply_fail(r, -1102, "countdownTime");
        return;
    }
    m->countdown_us = c->countdown_us == 0 ? INT64_MAX : x->now_us + c->countdown_us;
    ASSERT(m->countdown_us > x->now_us);
    m->dirty = x->any_dirty = true;
    struct value_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct value_record){ .time_us = c->countdown_us,
                                  .number = c->countdown_us / 1000,
                                  .symbol = m->index };
    reply_rows(r, RECORD_COUNTDOWN, false, 1, row);
}

static void mode_row(struct exchange *x, struct reply *r, int32_t kind) {
    ASSERT(r->code == 0);
    ASSERT(kind < RECORD_COUNT);
    struct value_record *row = scratch_rows(x, 1, sizeof *row);
    *row =
        (struct value_record){ .symbol = SYMBOL_NONE, .flag = x->dual_side, .multi_assets = x->multi_assets };
    reply_rows(r, kind, false, 1, row);
}

static void commission(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!market_of(x, c, r)) return;
    struct commission_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct commission_record){ x->config.maker_e8, x->config.taker_e8, c->symbol };
    reply_rows(r, RECORD_COMMISSION, false, 1, row);
}

static void brackets(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    int32_t first = call_given(c, P_SYMBOL) ? c->symbol : 0,
            count = call_given(c, P_SYMBOL) ? 1 : x->symbol_count;
    struct {
        struct bracket_list_record list;
        struct bracket_record rows[SYMBOL_BRACKETS_MAX];
    } * all;
    size_t lists = (size_t)count * sizeof(struct bracket_list_record);
    char *memory = scratch_rows(x, count, sizeof *all);
    struct bracket_list_record *list = (void *)memory;
    struct bracket_record *row = (void *)(memory + lists);
    for (int32_t i = 0; i < count; i++) {
        const struct symbol *s = &x->symbols[first + i];
        list[i] = (struct bracket_list_record){ row, s->bracket_count, (int16_t)(first + i) };
        for (int32_t k = 0; k < s->bracket_count; k++) {
            const struct bracket *b = &s->brackets[k];
            *row++ = (struct bracket_record){ b->cap_e8, b->floor_e8, b->maint_ratio_e8,
                                              b->cum_e8, k + 1,       b->leverage_max };
        }
    }
    reply_rows(r, RECORD_BRACKET_LIST, true, count, list);
}

static void symbol_config(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    int32_t first = call_given(c, P_SYMBOL) ? c->symbol : 0,
            count = call_given(c, P_SYMBOL) ? 1 : x->symbol_count;
    struct symbol_config_record *rows = scratch_rows(x, count, sizeof *rows);
    for (int32_t i = 0; i < count; i++) {
        const struct market *m = &x->markets[first + i];
        rows[i] = (struct symbol_config_record){ m->notional_max_e8, m->leverage, m->index, m->margin_type };
    }
    reply_rows(r, RECORD_SYMBOL_CONFIG, true, count, rows);
}

static void multi_assets_set(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!call_given(c, P_MULTI_ASSETS)) {
        reply_fail(r, -1102, "multiAssetsMargin");
        return;
    }
    if (c->multi_assets == x->multi_assets) {
        reply_fail(r, -4171, NULL);
        return;
    }
    for (int32_t i = 0; i < x->symbol_count; i++) {
        if (has_orders(&x->markets[i])) {
            reply_fail(r, -4170, NULL);
            return;
        }
        if (c->multi_assets && x->markets[i].margin_type == MARGIN_ISOLATED) {
            reply_fail(r, -4167, NULL);
            return;
        }
    }
    x->multi_assets = c->multi_assets;
    if (event_wanted(x, RECORD_ASSETS_UPDATE)) {
        struct config_update_record e = { x->now_us, x->now_us, 0, SYMBOL_NONE, x->multi_assets };
        x->hooks.event(x->hooks.ctx, RECORD_ASSETS_UPDATE, &e, x->now_us);
    }
    reply_status(x, r, "success");
}

static void multi_assets_get(struct exchange *x, struct reply *r) {
    ASSERT(r->code == 0);
    struct value_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct value_record){ .symbol = SYMBOL_NONE, .flag = x->multi_assets };
    reply_rows(r, RECORD_MULTI_ASSETS, false, 1, row);
}

// ---- listen keys (section 8.1): one an account, an hour from the last call on ----

static bool listen_key_alive(const struct exchange *x) {
    return x->listen_key[0] && x->now_us < x->listen_until_us;
}

static void listen_key(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    bool alive = listen_key_alive(x);
    if (c->endpoint != EP_LISTEN_KEY_NEW && !alive) {
        reply_fail(r, -1125, NULL);
        return;
    }
    if (c->endpoint == EP_LISTEN_KEY_CLOSE) {
        x->listen_until_us = 0;
        reply_rows(r, RECORD_EMPTY, false, 0, NULL);
        return;
    }
    if (!alive) {
        uint64_t number = (uint64_t)x->now_us + ++x->listen_keys;
        char part[CLIENT_ID_MAX];
        for (uint64_t i = 0; i < 3; i++) {
            client_id_make(part, number * 3 + i);
            memcpy(x->listen_key + i * 22, part, 22);
        }
        x->listen_key[64] = 0;
        ASSERT(strlen(x->listen_key) == 64);
    }
    x->listen_until_us = x->now_us + LISTEN_KEY_US;
    struct listen_key_record *row = scratch_rows(x, 1, sizeof *row);
    memset(row, 0, sizeof *row);
    memcpy(row->key, x->listen_key, sizeof x->listen_key);
    reply_rows(r, RECORD_LISTEN_KEY, false, 1, row);
}

bool exchange_listen_key(const struct exchange *x, const char *key) {
    return listen_key_alive(x) && strcmp(x->listen_key, key) == 0;
}

void exchange_drop_listen_key(struct exchange *x) { x->listen_until_us = 0; }

bool calls_settings(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(c->endpoint < EP_COUNT);
    switch (c->endpoint) {
    case EP_LEVERAGE: leverage(x, c, r); return true;
    case EP_MARGIN_TYPE: margin_type(x, c, r); return true;
    case EP_POSITION_MARGIN: position_margin(x, c, r); return true;
    case EP_MULTI_ASSETS_SET: multi_assets_set(x, c, r); return true;
    case EP_MULTI_ASSETS_GET: multi_assets_get(x, r); return true;
    case EP_LISTEN_KEY_NEW:
    case EP_LISTEN_KEY_KEEP:
    case EP_LISTEN_KEY_CLOSE: listen_key(x, c, r); return true;
    case EP_POSITION_MODE_SET: position_mode(x, c, r); return true;
    case EP_POSITION_MODE_GET: mode_row(x, r, RECORD_POSITION_MODE); return true;
    case EP_COUNTDOWN_CANCEL: countdown(x, c, r); return true;
    case EP_COMMISSION_RATE: commission(x, c, r); return true;
    case EP_LEVERAGE_BRACKET: brackets(x, c, r); return true;
    case EP_ACCOUNT_CONFIG: mode_row(x, r, RECORD_ACCOUNT_CONFIG); return true;
    case EP_SYMBOL_CONFIG: symbol_config(x, c, r); return true;
    default: return false;
    }
}

// exchange.c: the exchange's outside: construction, time, the limits of an address and an account, and which
// file answers which call.
#include "sim/exchange.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/num.h"
#include "base/units.h"
#include "sim/account.h"
#include "sim/algo.h"
#include "sim/book_match.h"
#include "sim/funding.h"
#include "sim/engine.h"
#include "sim/mark_bar.h"
#include "sim/match.h"
#include "sim/order_store.h"
#include "sim/price_path.h"
#include "sim/query_range.h"
#include "sim/calls_market.h"
#include "venue/binance/error_code.h"

#include <stdio.h>
#include <stdlib.h>

void *scratch_rows(struct exchange *x, int64_t count, size_t item) {
    ASSERT(item > 0);
    ASSERT(count <= INT32_MAX);
    size_t wanted = (size_t)(count > 0 ? count : 1) * item;
    if (wanted > x->scratch_size) {
        free(x->scratch);
        x->scratch = alloc_bytes(wanted * 2);
        x->scratch_size = wanted * 2;
    }
    return x->scratch;
}

bool event_wanted(const struct exchange *x, int32_t kind) {
    ASSERT(kind >= 0 && kind < 64);
    return (x->config.event_mask >> kind & 1) != 0 && x->hooks.event != NULL;
}

void exchange_want_events(struct exchange *x, uint64_t mask) { x->config.event_mask |= mask; }

// ---- answers ----

bool reply_fail_text(struct reply *r, int32_t code, const char *text) {
    ASSERT(code < 0);
    r->status = 400;
    r->code = code;
    r->kind = RECORD_ERROR;
    r->list = false;
    r->count = 0;
    r->rows = NULL;
    if (text) snprintf(r->message, sizeof r->message, "%s", text);
    return false;
}

bool reply_fail(struct reply *r, int32_t code, const char *argument) {
    error_code_message(code, argument, NULL, r->message, sizeof r->message);
    return reply_fail_text(r, code, NULL);
}

void reply_rows(struct reply *r, int32_t kind, bool list, int32_t count, const void *rows) {
    ASSERT(count >= 0);
    ASSERT(rows != NULL || count == 0);
    r->status = 200;
    r->code = 0;
    r->kind = (uint8_t)kind;
    r->list = list;
    r->count = count;
    r->rows = rows;
}

void reply_status(struct exchange *x, struct reply *r, const char *text) {
    struct status_record *row = scratch_rows(x, 1, sizeof *row);
    memset(row, 0, sizeof *row);
    row->code = 200;
    snprintf(row->msg, sizeof row->msg, "%s", text);
    reply_rows(r, RECORD_STATUS, false, 1, row);
}

void count_reject(struct exchange *x, int32_t code) {
    ASSERT(code < 0);
    ASSERT(x->reject_kinds <= REJECT_KINDS_MAX);
    x->totals.rejected++;
    for (int32_t i = 0; i < x->reject_kinds; i++) {
        if (x->reject_codes[i] == code) {
            x->reject_counts[i]++;
            return;
        }
    }
    if (x->reject_kinds == REJECT_KINDS_MAX) return;
    x->reject_codes[x->reject_kinds] = code;
    x->reject_counts[x->reject_kinds++] = 1;
}

void reply_send(struct exchange *x, struct reply *r, uint64_t token, bool order_call) {
    ASSERT(r->code <= 0);
    ASSERT((r->code == 0) == (r->status == 200));
    r->used_weight_1m = x->weight_1m.used;
    r->order_count_10s = order_call ? x->orders_10s.used : -1;
    r->order_count_1m = order_call ? x->orders_1m.used : -1;
    if (r->code != 0) {
        r->kind = RECORD_ERROR;
        count_reject(x, r->code);
    }
    if (x->hooks.reply) x->hooks.reply(x->hooks.ctx, token, r, x->now_us);
}

// ---- calls ----

struct market *market_of(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (c->symbol >= 0 && c->symbol < x->symbol_count) return &x->markets[c->symbol];
    bool pair = endpoint_takes_pair(c->endpoint);
    if (call_given(c, P_SYMBOL))
        reply_fail(r, pair ? -4144 : -1121, NULL);
    else
        reply_fail(r, -1102, pair ? "pair" : "symbol");
    return NULL;
}

bool market_trades(const struct market *m, struct reply *r) {
    ASSERT(r->code == 0);
    if (m->listing == LISTED_LATER) return reply_fail(r, -1121, NULL);
    if (m->listing == LISTED_NO_MORE || !symbol_trades(m->s)) return reply_fail(r, -4108, NULL);
    return true;
}

static bool batch_entry(struct exchange *x, const struct call *e, int32_t endpoint, struct reply *r,
                        struct order_record *out) {
    ASSERT(r->code == 0);
    if (e->refused_code)
        reply_fail_text(r, e->refused_code, e->refused_text);
    else if (endpoint == EP_BATCH_NEW)
        order_place(x, e, 0, false, r, out);
    else if (endpoint == EP_BATCH_MODIFY)
        order_modify(x, e, r, out);
    else
        order_cancel(x, e, r, out);
    return r->code == 0;
}

static void batch_run(struct exchange *x, int32_t endpoint, const struct call *calls, int32_t count,
                      struct reply *r) {
    ASSERT(count > 0 && count <= CALL_CANCEL_BATCH_MAX);
    ASSERT(r->code == 0);
    struct order_record rows[CALL_CANCEL_BATCH_MAX] = { 0 };
    for (int32_t i = 0; i < count; i++) {
        struct reply one = { .status = 200 };
        if (batch_entry(x, &calls[i], endpoint, &one, &rows[i])) continue;
        r->batch_code[i] = one.code;
        memcpy(x->batch_text[i], one.message, MESSAGE_MAX);
        r->batch_message[i] = x->batch_text[i];
        count_reject(x, one.code);
    }
    struct order_record *kept = scratch_rows(x, count, sizeof *kept);
    memcpy(kept, rows, (size_t)count * sizeof *kept);
    reply_rows(r, endpoint == EP_BATCH_MODIFY ? RECORD_ORDER_AMENDED : RECORD_ORDER, true, count, kept);
}

static void batch_orders(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!c->batch || c->batch_count == 0)
        reply_fail(r, -1102, "batchOrders");
    else if (c->batch_count > CALL_BATCH_MAX)
        reply_fail(r, -4082, NULL);
    else
        batch_run(x, c->endpoint, c->batch, c->batch_count, r);
}

static void batch_cancel(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!market_of(x, c, r)) return;
    if ((!c->ids && !c->client_ids) || c->batch_count == 0) {
        reply_fail_text(r, -1102,
                        "Param 'origClientOrderIdList' or 'orderIdList' must be sent, but both were "
                        "empty/null!");
        return;
    }
    if (c->batch_count > CALL_CANCEL_BATCH_MAX) {
        reply_fail(r, -4032, NULL);
        return;
    }
    struct call one[CALL_CANCEL_BATCH_MAX];
    for (int32_t i = 0; i < c->batch_count; i++) {
        one[i] = *c;
        if (c->ids) {
            one[i].given |= UINT64_C(1) << P_ORDER_ID;
            one[i].order_id = c->ids[i];
        } else {
            one[i].given |= UINT64_C(1) << P_ORIG_CLIENT_ID;
            memcpy(one[i].orig_client_id, c->client_ids[i], CLIENT_ID_MAX);
        }
    }
    batch_run(x, EP_BATCH_CANCEL, one, c->batch_count, r);
}

static void cancel_all(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    struct market *m = market_of(x, c, r);
    if (!m) return;
    if (c->endpoint == EP_CANCEL_ALL)
        orders_cancel_all(x, m);
    else
        algos_cancel_all(x, m);
    reply_status(x, r, "The operation of cancel all open order is done.");
}

static void test_order(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    if (!order_check(x, c, r)) return;
    struct order_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct order_record){ .symbol = c->symbol,
                                  .side = c->side,
                                  .type = c->type,
                                  .orig_type = c->type,
                                  .time_in_force = c->time_in_force,
                                  .orig_qty_e8 = c->quantity_e8,
                                  .price_e8 = c->price_e8,
                                  .update_us = x->now_us };
    memcpy(row->client_id, c->client_id, CLIENT_ID_MAX);
    reply_rows(r, RECORD_ORDER, false, 1, row);
}

// The row of a new conditional order lives in the scratch rows.
static void new_algo(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    struct algo_record row = { 0 };
    if (!algo_place(x, c, r, &row)) return;
    struct algo_record *kept = scratch_rows(x, 1, sizeof *kept);
    *kept = row;
    reply_rows(r, RECORD_ALGO, false, 1, kept);
}

static void cancel_algo(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    struct algo_cancel_record row = { 0 };
    if (!algo_cancel(x, c, r, &row)) return;
    struct algo_cancel_record *kept = scratch_rows(x, 1, sizeof *kept);
    *kept = row;
    reply_rows(r, RECORD_ALGO_CANCEL, false, 1, kept);
}

// False: the answer comes later.
static bool dispatch(struct exchange *x, const struct call *c, uint64_t token, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    switch (c->endpoint) {
    case EP_ORDER_NEW: return order_place(x, c, token, true, r, &x->ack);
    case EP_ORDER_TEST: test_order(x, c, r); return true;
    case EP_ORDER_MODIFY: order_modify(x, c, r, &x->ack); return true;
    case EP_ORDER_CANCEL: order_cancel(x, c, r, &x->ack); return true;
    case EP_BATCH_NEW:
    case EP_BATCH_MODIFY: batch_orders(x, c, r); return true;
    case EP_BATCH_CANCEL: batch_cancel(x, c, r); return true;
    case EP_CANCEL_ALL:
    case EP_ALGO_CANCEL_ALL: cancel_all(x, c, r); return true;
    case EP_ALGO_NEW: new_algo(x, c, r); return true;
    case EP_ALGO_CANCEL: cancel_algo(x, c, r); return true;
    default: break;
    }
    if (!query_range_holds(c, r)) return true;
    if (!calls_market(x, c, r) && !calls_account(x, c, r) && !calls_settings(x, c, r)) {
        reply_fail(r, -1020, NULL);
    }
    return true;
}

static bool counts_orders(int32_t endpoint) {
    return endpoint == EP_ORDER_NEW || endpoint == EP_ORDER_MODIFY || endpoint == EP_BATCH_NEW ||
           endpoint == EP_BATCH_MODIFY || endpoint == EP_ALGO_NEW;
}

static void prices_now(struct exchange *x) {
    ASSERT(x->open_count >= 0 && x->open_count <= x->symbol_count);
    for (int32_t i = 0; i < x->open_count; i++) price_path_now(x, &x->markets[x->open_list[i]]);
}

void exchange_call(struct exchange *x, const struct call *c, uint64_t token, int64_t now_us) {
    ASSERT(c->endpoint < EP_COUNT);
    ASSERT(!c->batch || c->batch_count > 0);
    exchange_advance(x, now_us);
    prices_now(x);
    struct reply r = { .status = 200 };
    bool done = !windows_take(x, c, &r) || dispatch(x, c, token, &r);
    if (done) reply_send(x, &r, token, counts_orders(c->endpoint));
    for (int32_t i = 0; x->any_dirty && i < x->open_count; i++) algos_trail(x, &x->markets[x->open_list[i]]);
    book_settle(x);
}

// ---- time ----

static void timers_run(struct exchange *x) {
    prices_now(x);
    for (int32_t i = 0; i < x->symbol_count; i++) {
        struct market *m = &x->markets[i];
        funding_run(x, m);
        if (m->good_till_us <= x->now_us) orders_expire_due(x, m);
        if (m->countdown_us <= x->now_us) {
            m->countdown_us = INT64_MAX;
            orders_cancel_all(x, m);
        }
        m->dirty = true;
    }
    x->any_dirty = true;
    if (x->any_moved)
        book_settle(x);
    else
        levels_refresh(x);
}

// The next thing on the paths of the open bars.
static struct path_event path_next(const struct exchange *x) {
    ASSERT(x->open_count <= x->symbol_count);
    struct path_event first = { .when_us = INT64_MAX };
    for (int32_t i = 0; i < x->open_count; i++) {
        struct path_event e = price_path_next(x, &x->markets[x->open_list[i]]);
        if (!first.market || e.when_us < first.when_us) first = e;
    }
    return first;
}

void exchange_rules(struct exchange *x, int16_t symbol, const struct symbol *rules) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    ASSERT(strcmp(x->symbols[symbol].name, rules->name) == 0);
    x->symbols[symbol] = *rules;
}

void exchange_fee_coin(struct exchange *x, int16_t symbol) {
    ASSERT(symbol >= SYMBOL_NONE && symbol < x->symbol_count);
    x->fee_symbol = symbol + 1;
}

bool exchange_transfer(struct exchange *x, int64_t amount_e8, int64_t now_us) {
    exchange_advance(x, now_us);
    x->now_us = now_us;
    if (!account_transfer(x, amount_e8)) return false;
    emit_account(x, NULL, -1, amount_e8 > 0 ? ACCOUNT_DEPOSIT : ACCOUNT_WITHDRAW, amount_e8);
    x->any_dirty = true;
    return true;
}

void exchange_advance(struct exchange *x, int64_t now_us) {
    ASSERT(now_us >= x->now_us);
    levels_refresh(x);
    while (x->open_count > 0 || x->timer_us <= now_us) {
        struct path_event e = path_next(x);
        if (x->timer_us <= e.when_us && x->timer_us <= now_us) {
            if (x->timer_us > x->now_us) x->now_us = x->timer_us;
            timers_run(x);
            continue;
        }
        if (!e.market || e.when_us > now_us) break;
        if (e.when_us > x->now_us) x->now_us = e.when_us;
        price_path_play(x, &e);
        levels_refresh(x);
    }
    x->now_us = now_us;
}

int64_t exchange_next_us(struct exchange *x) {
    levels_refresh(x);
    int64_t next = x->timer_us;
    for (int32_t i = 0; i < x->open_count; i++)
        next = num_min(next, price_path_wake_us(x, &x->markets[x->open_list[i]]));
    return num_max(next, x->now_us);
}

void exchange_listing(struct exchange *x, int16_t symbol, enum listing listing, int64_t now_us) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    struct market *m = &x->markets[symbol];
    exchange_advance(x, now_us);
    ASSERT(!m->open && m->book == NULL);
    m->listing = (uint8_t)listing;
    if (listing != LISTED_NO_MORE) return;
    orders_expire(x, m, REASON_NONE);
    m->dirty = x->any_dirty = true;
    levels_refresh(x);
}

void exchange_bar(struct exchange *x, int16_t symbol, const struct exchange_bar *bar, int64_t now_us) {
    ASSERT(bar->close_us > bar->open_us);
    ASSERT(x->open_count < x->symbol_count);
    ASSERT(x->markets[symbol].book == NULL);
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    ASSERT(now_us == bar->open_us);
    exchange_advance(x, now_us);
    prices_now(x);
    struct market *m = &x->markets[symbol];
    ASSERT(!m->open);
    m->bar = *bar;
    m->last_e8 = bar->open_e8;
    m->last_us = now_us;
    m->open = true;
    m->listing = LISTED;
    x->open_list[x->open_count++] = symbol;
    price_path_begin(x, m);
    bool other = mark_bar_begin(m);
    if (other || !market_flat(m) || m->waiting.count > 0) m->dirty = x->any_dirty = true;
    match_waiting(x, m);
    match_triggered(x, m);
    algos_trail(x, m);
    liquidate_if_exhausted(x);
    mark_bar_opened(x, m);
    price_path_lay(x, m);
    levels_refresh(x);
}

bool exchange_forming(const struct exchange *x, int16_t symbol, int64_t now_us, struct exchange_bar *out) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    const struct market *m = &x->markets[symbol];
    if (!m->open || now_us < m->bar.open_us) return false;
    *out = m->bar;
    out->close_e8 = price_path_price_e8(x, m, now_us);
    price_path_extremes(x, m, now_us, &out->low_e8, &out->high_e8);
    int64_t length = m->bar.close_us - m->bar.open_us;
    int64_t gone = now_us < m->bar.close_us ? now_us - m->bar.open_us : length;
    out->volume_e8 = dec_mul_div_round(m->bar.volume_e8, gone, length);
    return true;
}

// ---- construction and looking on ----

static void market_init(const struct exchange *x, struct market *m, const struct symbol *s, int32_t index) {
    ASSERT(index >= 0 && index < x->symbol_count);
    ASSERT(s->tick_e8 > 0);
    m->s = s;
    m->index = (int16_t)index;
    m->margin_type = x->config.margin_type;
    m->leverage = x->config.leverage > 0 ? x->config.leverage : 1;
    if (m->leverage > s->brackets[0].leverage_max) m->leverage = s->brackets[0].leverage_max;
    m->notional_max_e8 = symbol_notional_max(s, m->leverage);
    m->trigger_low_e8 = m->mark_low_e8 = LEVEL_NONE_LOW;
    m->trigger_high_e8 = m->mark_high_e8 = LEVEL_NONE_HIGH;
    mark_bar_reach(m);
    m->good_till_us = m->countdown_us = INT64_MAX;
}

struct exchange *exchange_new(const struct exchange_config *config, const struct symbol *symbols,
                              int32_t symbol_count, const struct exchange_hooks *hooks, int64_t now_us) {
    ASSERT(config->wallet_e8 >= 0);
    ASSERT(symbols != NULL);
    ASSERT(symbol_count > 0 && symbol_count <= SYMBOLS_MAX);
    struct exchange *x = alloc_zeroed(1, sizeof *x);
    x->symbols = alloc_bytes((size_t)symbol_count * sizeof *symbols);
    x->markets = alloc_zeroed((size_t)symbol_count, sizeof *x->markets);
    memcpy(x->symbols, symbols, (size_t)symbol_count * sizeof *symbols);
    x->config = *config;
    if (x->config.order_id_first == 0) x->config.order_id_first = ORDER_ID_SMALL;
    if (hooks) x->hooks = *hooks;
    x->symbol_count = symbol_count;
    x->now_us = x->start_us = now_us;
    x->wallet_e8 = config->wallet_e8;
    x->dual_side = config->dual_side;
    x->timer_us = INT64_MAX;
    x->weight_1m =
        (struct window){ .length_us = MINUTE_US, .start_us = INT64_MIN / 2, .limit = config->weight_1m };
    x->orders_10s =
        (struct window){ .length_us = 10000000, .start_us = INT64_MIN / 2, .limit = config->orders_10s };
    x->orders_1m =
        (struct window){ .length_us = MINUTE_US, .start_us = INT64_MIN / 2, .limit = config->orders_1m };
    for (int32_t i = 0; i < symbol_count; i++) market_init(x, &x->markets[i], &x->symbols[i], i);
    return x;
}

void exchange_free(struct exchange *x) {
    if (!x) return;
    order_store_free(x);
    for (int32_t i = 0; i < x->symbol_count; i++) {
        struct market *m = &x->markets[i];
        free(m->funding);
        price_path_free(m);
        if (m->book) book_free(m->book);
        if (m->tape) tape_free(m->tape);
        if (m->visible) book_free(m->visible);
        if (m->mark) mark_free(m->mark);
        free(m->book);
        free(m->visible);
        free(m->tape);
        free(m->mark);
    }
    free(x->fills);
    free(x->incomes);
    free(x->scratch);
    free(x->markets);
    free(x->symbols);
    free(x);
}

int64_t exchange_equity_e8(const struct exchange *x) { return x->wallet_e8 + account_unrealized_e8(x); }
int64_t exchange_wallet_e8(const struct exchange *x) { return x->wallet_e8; }

int64_t exchange_unrealized_e8(const struct exchange *x, int16_t symbol, int32_t side) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    ASSERT(side >= 0 && side < POSITION_SIDE_COUNT);
    const struct market *m = &x->markets[symbol];
    return position_unrealized_e8(&m->positions[side], market_mark_e8(m));
}

int64_t exchange_position_e8(const struct exchange *x, int16_t symbol, int32_t side) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    return x->markets[symbol].positions[side].amount_e8;
}

int64_t exchange_entry_e8(const struct exchange *x, int16_t symbol, int32_t side) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    return position_entry_e8(&x->markets[symbol].positions[side]);
}

int64_t exchange_last_e8(const struct exchange *x, int16_t symbol) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    const struct market *m = &x->markets[symbol];
    return m->open ? price_path_price_e8(x, m, x->now_us) : m->last_e8;
}

const struct exchange_totals *exchange_totals(const struct exchange *x) { return &x->totals; }
int32_t exchange_reject_count(const struct exchange *x) {
    ASSERT(x->reject_kinds >= 0);
    return x->reject_kinds;
}

void exchange_reject(const struct exchange *x, int32_t index, int32_t *code, int64_t *count) {
    ASSERT(index >= 0 && index < x->reject_kinds);
    *code = x->reject_codes[index];
    *count = x->reject_counts[index];
}

int64_t exchange_fill_count(const struct exchange *x) {
    ASSERT(x->fill_count >= 0);
    ASSERT(x->fill_count == x->totals.fills || x->totals.fills == 0);
    return x->fill_count;
}

const struct trade_record *exchange_fill(const struct exchange *x, int64_t index) {
    ASSERT(index >= 0 && index < x->fill_count);
    return &x->fills[index];
}

int64_t exchange_income_count(const struct exchange *x) {
    ASSERT(x->income_count >= 0);
    return x->income_count;
}

struct income_record exchange_income(const struct exchange *x, int64_t index) {
    ASSERT(index >= 0 && index < x->income_count);
    const struct income_row *row = &x->incomes[index];
    return (struct income_record){ .income_e8 = row->income_e8,
                                   .time_us = row->time_us,
                                   .id = x->config.order_id_first + index + 1,
                                   .trade_id = row->trade_id,
                                   .symbol = row->symbol,
                                   .type = row->type };
}

void exchange_liquidity(struct exchange *x, int16_t symbol, int64_t volume_e8, int64_t volatility_e8) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    ASSERT(volume_e8 >= 0 && volatility_e8 >= 0);
    x->markets[symbol].volume_e8 = volume_e8;
    x->markets[symbol].volatility_e8 = volatility_e8;
}

const struct symbol *exchange_symbol(const struct exchange *x, int16_t symbol) {
    ASSERT(symbol >= 0 && symbol < x->symbol_count);
    return &x->symbols[symbol];
}

const struct order_record *exchange_order(const struct exchange *x, int64_t order_id) {
    int64_t index = order_id - x->config.order_id_first;
    if (index < 0 || index >= x->order_count) return NULL;
    const struct order *o = order_at(x, index);
    return o->hidden ? NULL : &o->r;
}

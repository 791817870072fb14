// calls_account.c: what an account can ask about itself: orders, trades, income, balance, positions.
#include "base/assert.h"
#include "base/num.h"
#include "sim/calls_market.h"

#include "sim/account.h"
#include "sim/order_store.h"
#include "sim/query_range.h"

enum { ROWS_DEFAULT = 500, INCOME_DEFAULT = 100, FORCE_DEFAULT = 50 };

static bool in_time(const struct call *c, int64_t time_us) {
    if (call_given(c, P_START_TIME) && time_us < c->start_us) return false;
    return time_us <= query_range_end_us(c);
}

// Rows are looked at from the newest back unless a start is given; `limit` kept ones are then answered oldest
// first.
static bool forwards(const struct call *c) {
    return call_given(c, P_START_TIME) || call_given(c, P_FROM_ID) || call_given(c, P_ORDER_ID) ||
           call_given(c, P_ALGO_ID);
}

static void turn_round(char *rows, int32_t count, size_t size) {
    ASSERT(count >= 0);
    ASSERT(size > 0);
    char row[sizeof(struct order_record) + sizeof(struct algo_record)];
    ASSERT(size <= sizeof row);
    for (int32_t i = 0, k = count - 1; i < k; i++, k--) {
        memcpy(row, rows + (size_t)i * size, size);
        memcpy(rows + (size_t)i * size, rows + (size_t)k * size, size);
        memcpy(rows + (size_t)k * size, row, size);
    }
}

// REST tells of a liquidation's order by the type it was made with; only the user data stream says
// LIQUIDATION.
static struct order_record as_asked(const struct order *o) {
    ASSERT(o->r.executed_qty_e8 <= o->r.orig_qty_e8);
    struct order_record row = o->r;
    if (row.type == ORDER_LIQUIDATION) row.type = row.orig_type;
    return row;
}

static void one_order(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (!market_of(x, c, r)) return;
    if (!call_given(c, P_ORDER_ID) && !call_given(c, P_ORIG_CLIENT_ID)) {
        reply_fail_text(r, -1102,
                        "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!");
        return;
    }
    const struct order *o = order_find(x, c->symbol, c->order_id, c->orig_client_id);
    if (!o || (c->endpoint == EP_OPEN_ORDER && o->place == PLACE_NONE)) {
        reply_fail(r, -2013, NULL);
        return;
    }
    struct order_record *row = scratch_rows(x, 1, sizeof *row);
    *row = as_asked(o);
    reply_rows(r, RECORD_ORDER_QUERY, false, 1, row);
}

static void open_orders(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    int32_t total = 0, count = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        total += x->markets[i].resting.count + x->markets[i].waiting.count;
    }
    struct order_record *rows = scratch_rows(x, total, sizeof *rows);
    for (int32_t i = 0; i < x->symbol_count; i++) {
        if (call_given(c, P_SYMBOL) && i != c->symbol) continue;
        for (const struct order *o = x->markets[i].resting.first; o; o = o->next) rows[count++] = o->r;
        for (const struct order *o = x->markets[i].waiting.first; o; o = o->next) rows[count++] = o->r;
    }
    ASSERT(count <= total);
    reply_rows(r, RECORD_ORDER_QUERY, true, count, rows);
}

static void all_orders(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    int32_t limit = query_range_limit(c, ROWS_DEFAULT), count = 0;
    struct order_record *rows = scratch_rows(x, limit, sizeof *rows);
    bool onward = forwards(c);
    for (int64_t i = 0; i < x->order_count && count < limit; i++) {
        const struct order *o = order_at(x, onward ? i : x->order_count - 1 - i);
        if (o->hidden || !in_time(c, o->r.time_us)) continue;
        if (call_given(c, P_SYMBOL) && o->r.symbol != c->symbol) continue;
        if (call_given(c, P_ORDER_ID) && o->r.order_id < c->order_id) continue;
        rows[count++] = as_asked(o);
    }
    if (!onward) turn_round((char *)rows, count, sizeof *rows);
    reply_rows(r, RECORD_ORDER_QUERY, true, count, rows);
}

static void user_trades(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (!market_of(x, c, r)) return;
    int32_t limit = query_range_limit(c, ROWS_DEFAULT), count = 0;
    struct trade_record *rows = scratch_rows(x, limit, sizeof *rows);
    bool onward = call_given(c, P_START_TIME) || call_given(c, P_FROM_ID);
    for (int64_t i = 0; i < x->fill_count && count < limit; i++) {
        const struct trade_record *t = &x->fills[onward ? i : x->fill_count - 1 - i];
        if (t->symbol != c->symbol || !in_time(c, t->time_us)) continue;
        if (call_given(c, P_ORDER_ID) && t->order_id != c->order_id) continue;
        if (call_given(c, P_FROM_ID) && t->id < c->from_id) continue;
        rows[count++] = *t;
    }
    if (!onward) turn_round((char *)rows, count, sizeof *rows);
    reply_rows(r, RECORD_TRADE, true, count, rows);
}

static void income(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    if (call_given(c, P_PAGE) && c->page < 1) {
        reply_fail(r, -1130, "page");
        return;
    }
    int32_t limit = query_range_limit(c, INCOME_DEFAULT), count = 0;
    int64_t before = call_given(c, P_PAGE) ? (int64_t)(c->page - 1) * limit : 0;   // rows of earlier pages
    struct income_record *rows = scratch_rows(x, limit, sizeof *rows);
    bool onward = call_given(c, P_START_TIME);
    for (int64_t i = 0; i < x->income_count && count < limit; i++) {
        int64_t index = onward ? i : x->income_count - 1 - i;
        const struct income_row *n = &x->incomes[index];
        if (!in_time(c, n->time_us) || (call_given(c, P_SYMBOL) && n->symbol != c->symbol)) continue;
        if (call_given(c, P_INCOME_TYPE) && n->type != c->income_type) continue;
        if (before-- > 0) continue;
        rows[count++] = exchange_income(x, index);
    }
    if (!onward) turn_round((char *)rows, count, sizeof *rows);
    reply_rows(r, RECORD_INCOME, true, count, rows);
}

static void one_algo(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (!call_given(c, P_ALGO_ID) && !call_given(c, P_CLIENT_ALGO_ID)) {
        reply_fail(r, -1102, "algoId");
        return;
    }
    const char *id = c->orig_client_id[0] ? c->orig_client_id : c->client_id;
    const struct algo *a = algo_find(x, call_given(c, P_ALGO_ID) ? c->algo_id : 0, id);
    if (!a)
        reply_fail(r, -2013, NULL);
    else
        reply_rows(r, RECORD_ALGO_QUERY, false, 1, &a->r);
}

static void algos(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    bool open = c->endpoint == EP_ALGO_OPEN;
    if ((!open || call_given(c, P_SYMBOL)) && !market_of(x, c, r)) return;
    int32_t limit = open ? x->algo_open : query_range_limit(c, ROWS_DEFAULT), count = 0;
    struct algo_record *rows = scratch_rows(x, limit, sizeof *rows);
    bool onward = forwards(c);
    for (int64_t i = 0; i < x->algo_count && count < limit; i++) {
        const struct algo *a = algo_at(x, onward ? i : x->algo_count - 1 - i);
        if ((open && !a->open) || (call_given(c, P_SYMBOL) && a->r.symbol != c->symbol)) continue;
        if (!in_time(c, a->r.create_us)) continue;
        if (call_given(c, P_ALGO_ID) && (open ? a->r.algo_id != c->algo_id : a->r.algo_id < c->algo_id))
            continue;
        rows[count++] = a->r;
    }
    if (!onward) turn_round((char *)rows, count, sizeof *rows);
    reply_rows(r, RECORD_ALGO_QUERY, true, count, rows);
}

static void position_fill(const struct exchange *x, const struct market *m, int32_t side,
                          struct position_record *out) {
    ASSERT(side >= 0 && side < POSITION_SIDE_COUNT);
    const struct position *p = &m->positions[side];
    bool falling, whole;
    bool isolated = m->margin_type == MARGIN_ISOLATED;
    int64_t mark = market_mark_e8(m);
    int64_t unrealized = position_unrealized_e8(p, mark);
    int64_t margin = position_margin_e8(m, p, mark);
    int64_t waiting = order_margin_e8(m, m->open_notional_e8, x->dual_side);
    *out = (struct position_record){
        .amount_e8 = p->amount_e8,
        .entry_price_e8 = position_entry_e8(p),
        .break_even_e8 = position_break_even_e8(p),
        .mark_price_e8 = mark,
        .unrealized_e8 = unrealized,
        .liquidation_price_e8 = p->amount_e8 != 0 ? liquidation_price_e8(x, m, side, &falling, &whole) : 0,
        .isolated_margin_e8 = isolated && p->amount_e8 != 0 ? p->isolated_e8 + unrealized : 0,
        .isolated_wallet_e8 = p->isolated_e8,
        .notional_e8 = dec_mul_round(p->amount_e8, mark),
        .initial_margin_e8 = margin + waiting,
        .maint_margin_e8 = position_maintenance_e8(m, p, mark),
        .position_margin_e8 = margin,
        .order_margin_e8 = waiting,
        .bid_notional_e8 = m->open_notional_e8[SIDE_BUY],
        .ask_notional_e8 = m->open_notional_e8[SIDE_SELL],
        .notional_max_e8 = m->notional_max_e8,
        .update_us = p->update_us,
        .leverage = m->leverage,
        .adl = p->amount_e8 != 0 ? 1 : 0,
        .symbol = m->index,
        .position_side = (uint8_t)side,
        .margin_type = m->margin_type
    };
}

// Rows with a position or open orders; of a symbol asked for, or when `all`, flat ones too.
static int32_t positions_fill(const struct exchange *x, int32_t symbol, bool all,
                              struct position_record *rows) {
    ASSERT(symbol < x->symbol_count);
    int32_t count = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct market *m = &x->markets[i];
        if (symbol >= 0 && i != symbol) continue;
        bool orders = m->resting.count + m->waiting.count > 0;
        int first = x->dual_side ? POSITION_LONG : POSITION_BOTH,
            last = x->dual_side ? POSITION_SHORT : POSITION_BOTH;
        for (int k = first; k <= last; k++) {
            if (symbol < 0 && !all && !orders && m->positions[k].amount_e8 == 0) continue;
            position_fill(x, m, k, &rows[count++]);
        }
    }
    return count;
}

static void position_risk(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    struct position_record *rows = scratch_rows(x, x->symbol_count * 2, sizeof *rows);
    bool all = c->endpoint == EP_POSITION_RISK_V2;
    reply_rows(r, all ? RECORD_POSITION_V2 : RECORD_POSITION, true,
               positions_fill(x, call_given(c, P_SYMBOL) ? c->symbol : -1, all, rows), rows);
}

static int64_t withdrawable_e8(const struct exchange *x) {
    ASSERT(x->isolated_e8 >= 0);
    int64_t available = account_available_e8(x), wallet = account_cross_wallet_e8(x);
    return num_min(available, wallet);
}

static void balance(struct exchange *x, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct balance_record *row = scratch_rows(x, 1, sizeof *row);
    *row = (struct balance_record){ .wallet_e8 = x->wallet_e8,
                                    .cross_wallet_e8 = account_cross_wallet_e8(x),
                                    .cross_unrealized_e8 = account_cross_unrealized_e8(x),
                                    .update_us = x->now_us,
                                    .available_e8 = account_available_e8(x),
                                    .max_withdraw_e8 = withdrawable_e8(x) };
    reply_rows(r, RECORD_BALANCE, true, 1, row);
}

static void account(struct exchange *x, bool v2, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct {
        struct account_record a;
        struct position_record p[SYMBOLS_MAX * 2];
    } * all;
    all = scratch_rows(x, 1, sizeof *all);
    int64_t positions = account_position_margin_e8(x), orders = account_order_margin_e8(x);
    int64_t unrealized = account_unrealized_e8(x);
    all->a = (struct account_record){ .initial_margin_e8 = positions + orders,
                                      .maint_margin_e8 = account_maintenance_e8(x, false),
                                      .wallet_e8 = x->wallet_e8,
                                      .coin_wallet_e8 = x->wallet_e8,
                                      .unrealized_e8 = unrealized,
                                      .margin_balance_e8 = x->wallet_e8 + unrealized,
                                      .position_margin_e8 = positions,
                                      .order_margin_e8 = orders,
                                      .cross_wallet_e8 = account_cross_wallet_e8(x),
                                      .cross_unrealized_e8 = account_cross_unrealized_e8(x),
                                      .available_e8 = account_available_e8(x),
                                      .max_withdraw_e8 = withdrawable_e8(x),
                                      .update_us = x->now_us,
                                      .dual_side = x->dual_side,
                                      .multi_assets = x->multi_assets,
                                      .position_count = positions_fill(x, -1, v2, all->p),
                                      .positions = all->p };
    reply_rows(r, v2 ? RECORD_ACCOUNT_V2 : RECORD_ACCOUNT, false, 1, &all->a);
}

static void adl(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    struct adl_record *rows = scratch_rows(x, x->symbol_count, sizeof *rows);
    int32_t count = 0;
    for (int32_t i = 0; i < x->symbol_count; i++) {
        const struct position *p = x->markets[i].positions;
        if ((call_given(c, P_SYMBOL) && i != c->symbol) ||
            (!call_given(c, P_SYMBOL) && market_flat(&x->markets[i])))
            continue;
        rows[count++] =
            (struct adl_record){ x->now_us, (int16_t)i, p[POSITION_LONG].amount_e8 != 0,
                                 p[POSITION_SHORT].amount_e8 != 0, p[POSITION_BOTH].amount_e8 != 0 };
    }
    reply_rows(r, RECORD_ADL, true, count, rows);
}

// The account's liquidations, the newest first.
static void force_orders(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    if (call_given(c, P_SYMBOL) && !market_of(x, c, r)) return;
    int32_t limit = query_range_limit(c, FORCE_DEFAULT), count = 0;
    struct order_record *rows = scratch_rows(x, limit, sizeof *rows);
    bool none =
        call_given(c, P_AUTO_CLOSE) && c->auto_close == AUTO_CLOSE_ADL;   // nobody is deleveraged here
    for (int64_t i = x->order_count - 1; i >= 0 && count < limit && !none; i--) {
        const struct order *o = order_at(x, i);
        if (o->r.type != ORDER_LIQUIDATION || !in_time(c, o->r.time_us)) continue;
        if (!call_given(c, P_SYMBOL) || o->r.symbol == c->symbol) rows[count++] = as_asked(o);
    }
    reply_rows(r, RECORD_ORDER_QUERY, true, count, rows);
}

static void order_limits(struct exchange *x, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(r->rows == NULL);
    struct limit_record *rows = scratch_rows(x, 2, sizeof *rows);
    rows[0] = (struct limit_record){ LIMIT_ORDERS, RATE_SECOND, 10, x->orders_10s.limit };
    rows[1] = (struct limit_record){ LIMIT_ORDERS, RATE_MINUTE, 1, x->orders_1m.limit };
    reply_rows(r, RECORD_LIMIT, true, 2, rows);
}

bool calls_account(struct exchange *x, const struct call *c, struct reply *r) {
    ASSERT(r->code == 0);
    ASSERT(c->endpoint < EP_COUNT);
    switch (c->endpoint) {
    case EP_ORDER_GET:
    case EP_OPEN_ORDER: one_order(x, c, r); return true;
    case EP_OPEN_ORDERS: open_orders(x, c, r); return true;
    case EP_ALL_ORDERS: all_orders(x, c, r); return true;
    case EP_USER_TRADES: user_trades(x, c, r); return true;
    case EP_INCOME: income(x, c, r); return true;
    case EP_ALGO_GET: one_algo(x, c, r); return true;
    case EP_ALGO_OPEN:
    case EP_ALGO_ALL: algos(x, c, r); return true;
    case EP_POSITION_RISK_V2:
    case EP_POSITION_RISK: position_risk(x, c, r); return true;
    case EP_BALANCE_V2:
    case EP_BALANCE: balance(x, r); return true;
    case EP_ACCOUNT_V2: account(x, true, r); return true;
    case EP_ACCOUNT: account(x, false, r); return true;
    case EP_ADL_QUANTILE: adl(x, c, r); return true;
    case EP_FORCE_ORDERS: force_orders(x, c, r); return true;
    case EP_RATE_LIMIT_ORDER: order_limits(x, r); return true;
    default: return false;
    }
}

const struct order_record *exchange_order_at(const struct exchange *x, int64_t n, bool *hidden) {
    ASSERT(n >= 0);
    *hidden = false;
    if (n < 0 || n >= x->order_count) return NULL;
    const struct order *o = order_at(x, n);
    *hidden = o->hidden;
    return &o->r;
}

const struct algo_record *exchange_algo_at(const struct exchange *x, int64_t n) {
    ASSERT(n >= 0);
    return n < 0 || n >= x->algo_count ? NULL : &algo_at(x, n)->r;
}

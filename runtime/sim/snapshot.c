// snapshot.c: an exchange's account written as tagged fields, read back and taken up again. What is read is
// checked in snapshot_check.c.
#include "sim/snapshot.h"

#include "base/array.h"
#include "base/assert.h"
#include "base/saved_macros.h"
#include "sim/account.h"
#include "sim/book_match.h"
#include "sim/match.h"
#include "sim/order_store.h"
#include "sim/snapshot_check.h"
#include "trade/saved_record.h"

#include <stdlib.h>

enum { VERSION_OLDEST = 3, VERSION = 3 };
static const char magic[] = "moontide account";

// clang-format off
#define OF exchange_totals
static const struct saved_field totals_fields[] = {
    S_INT64(1, orders),
    S_INT64(2, fills),
    S_INT64(3, liquidations),
    S_INT64(4, rejected),
    S_INT64(5, canceled),
    S_INT64(6, expired),
    S_INT64(7, fees_e8),
    S_INT64(8, maker_fees_e8),
    S_INT64(9, taker_fees_e8),
    S_INT64(10, funding_e8),
    S_INT64(11, realized_e8),
    S_INT64(12, insurance_e8),
    S_INT64(13, notional_e8),
    S_INT64(14, rate_limited),
    S_INT64(15, maker_fills),
    S_INT64(16, inside_fills),
    S_INT64(17, inside_realized_e8),
};
static const struct saved_table totals_table = S_TABLE(exchange_totals, totals_fields);
#undef OF

#define OF position
static const struct saved_field position_fields[] = {
    S_INT64(1, amount_e8),
    S_WIDE(2, cost_e16),
    S_INT64(3, isolated_e8),
    S_INT64(4, realized_e8),
    S_INT64(5, costs_e8),
    S_INT64(6, update_us),
};
static const struct saved_table position_table = S_TABLE(position, position_fields);
#undef OF

#define OF snapshot_account
static const struct saved_field account_fields[] = {
    S_INT64(1, wallet_e8),
    S_INT64(2, isolated_e8),
    S_INT64(3, order_id_first),
    S_BOOL(4, dual_side),
    S_BOOL(5, multi_assets),
    S_PART(6, totals, &totals_table),
};
static const struct saved_table account_table = S_TABLE(snapshot_account, account_fields);
#undef OF

#define OF snapshot_market
static const struct saved_field market_fields[] = {
    S_TEXT(1, name),
    S_INT64(2, last_e8),
    S_INT64(3, trade_id),
    S_INT64(4, notional_max_e8),
    S_WITHIN(5, SAVED_INT32, leverage, 1, LEVERAGE_MAX),
    S_ENUM(6, margin_type, MARGIN_COUNT),
    S_PARTS(7, positions, &position_table),
};
static const struct saved_table market_table = S_TABLE(snapshot_market, market_fields);
#undef OF

#define OF snapshot_order
static const struct saved_field order_fields[] = {
    S_PART(1, r, &saved_record_order),
    S_PRESET(2, SAVED_INT32, algo, -1, INT32_MAX, -1),
    S_ENUM(3, place, PLACE_RESTING + 1),
    S_BOOL(4, announced),
    S_BOOL(5, hidden),
    S_BOOL(6, generated),
};
static const struct saved_table order_table = S_TABLE(snapshot_order, order_fields);
#undef OF

#define OF snapshot_algo
static const struct saved_field algo_fields[] = {
    S_PART(1, r, &saved_record_algo),
    S_INT64(2, extreme_e8),
    S_BOOL(3, open),
};
static const struct saved_table algo_table = S_TABLE(snapshot_algo, algo_fields);
#undef OF
// clang-format on

// The parts of a snapshot, by their tags.
enum { TAG_ACCOUNT = 1, TAG_MARKET, TAG_ORDER, TAG_ALGO, TAG_FILL, TAG_INCOME };

// ---- writing ----

static int32_t algo_index(const struct order *o) {
    return o->algo ? (int32_t)(o->algo->r.algo_id - ALGO_ID_FIRST) : -1;
}

static void put_market(struct saved_out *out, const struct market *m) {
    struct snapshot_market s = { .last_e8 = m->last_e8,
                                 .trade_id = m->trade_id,
                                 .notional_max_e8 = m->notional_max_e8,
                                 .leverage = m->leverage,
                                 .margin_type = m->margin_type };
    memcpy(s.name, m->s->name, sizeof s.name);
    memcpy(s.positions, m->positions, sizeof s.positions);
    saved_put_field(out, TAG_MARKET, &market_table, &s);
}

static void put_order(struct saved_out *out, const struct order *o) {
    struct snapshot_order s = { .r = o->r,
                                .algo = algo_index(o),
                                .place = o->place,
                                .announced = o->announced,
                                .hidden = o->hidden,
                                .generated = o->generated };
    saved_put_field(out, TAG_ORDER, &order_table, &s);
}

void snapshot_put(struct saved_out *out, const struct exchange *x) {
    struct snapshot_account account = { .wallet_e8 = x->wallet_e8,
                                        .isolated_e8 = x->isolated_e8,
                                        .order_id_first = x->config.order_id_first,
                                        .dual_side = x->dual_side,
                                        .multi_assets = x->multi_assets,
                                        .totals = x->totals };
    saved_put_field(out, TAG_ACCOUNT, &account_table, &account);
    for (int32_t i = 0; i < x->symbol_count; i++) put_market(out, &x->markets[i]);
    for (int64_t i = 0; i < x->order_count; i++) put_order(out, order_at(x, i));
    for (int64_t i = 0; i < x->algo_count; i++) {
        const struct algo *a = algo_at(x, i);
        struct snapshot_algo s = { .r = a->r, .extreme_e8 = a->extreme_e8, .open = a->open };
        saved_put_field(out, TAG_ALGO, &algo_table, &s);
    }
    for (int64_t i = 0; i < x->fill_count; i++)
        saved_put_field(out, TAG_FILL, &saved_record_trade, &x->fills[i]);
    for (int64_t i = 0; i < x->income_count; i++) {
        struct income_record n = exchange_income(x, i);
        saved_put_field(out, TAG_INCOME, &saved_record_income, &n);
    }
}

void *snapshot_save(const struct exchange *x, size_t *size) {
    static const uint8_t head[SAVED_HEAD_SIZE];
    struct saved_out out = { 0 };
    saved_put_bytes(&out, head, sizeof head);
    snapshot_put(&out, x);
    saved_head_put(out.at, magic, VERSION, out.size);
    *size = out.size;
    return out.at;
}

// ---- reading ----

void snapshot_free(struct snapshot *s) {
    if (!s) return;
    free(s->orders);
    free(s->algos);
    free(s->fills);
    free(s->incomes);
    free(s);
}

// One more row read at the end of an array.
#define READ_ROW(in, table, s, rows, count)                                                                  \
    do {                                                                                                     \
        ARRAY_ROOM((s)->rows, (s)->rows##_size, (s)->count + 1);                                             \
        saved_get((in), (table), &(s)->rows[(s)->count++]);                                                  \
    } while (0)

static void get_part(struct saved_in *in, uint16_t tag, struct snapshot *s) {
    switch (tag) {
    case TAG_ACCOUNT: saved_get(in, &account_table, &s->account); break;
    case TAG_MARKET:
        if (s->market_count == SYMBOLS_MAX)
            in->bad = true;
        else
            saved_get(in, &market_table, &s->markets[s->market_count++]);
        break;
    case TAG_ORDER: READ_ROW(in, &order_table, s, orders, order_count); break;
    case TAG_ALGO: READ_ROW(in, &algo_table, s, algos, algo_count); break;
    case TAG_FILL: READ_ROW(in, &saved_record_trade, s, fills, fill_count); break;
    case TAG_INCOME: READ_ROW(in, &saved_record_income, s, incomes, income_count); break;
    default: break;   // of a later version
    }
}

int snapshot_get(struct saved_in *in, const struct symbol *symbols, int32_t symbol_count,
                 struct snapshot **out, struct errmsg *e) {
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s) return errmsg_set(e, ERR_NO_MEMORY, "no memory for an account");
    struct saved_in part = { 0 };
    uint16_t tag;
    while (!part.bad && saved_next(in, &tag, &part)) get_part(&part, tag, s);
    int err;
    if (part.bad && part.field)
        err = errmsg_set(e, ERR_FORMAT, "damaged: %s of a %s makes no sense", part.field, part.table);
    else if (part.bad || in->bad)
        err = errmsg_set(e, ERR_FORMAT, "damaged: its fields do not end where they should");
    else
        err = snapshot_check(s, symbols, symbol_count, e);
    if (err)
        snapshot_free(s);
    else
        *out = s;
    return err;
}

int snapshot_read(const void *bytes, size_t size, const struct symbol *symbols, int32_t symbol_count,
                  struct snapshot **out, struct errmsg *e) {
    int err = saved_head_check(bytes, size, magic, VERSION_OLDEST, VERSION, "the state of an exchange", e);
    if (err) return err;
    struct saved_in in = saved_in((const char *)bytes + SAVED_HEAD_SIZE, size - SAVED_HEAD_SIZE);
    return snapshot_get(&in, symbols, symbol_count, out, e);
}

int64_t snapshot_price(const struct snapshot *s, int16_t symbol) {
    for (int32_t i = 0; i < s->market_count; i++) {
        if (s->index[i] == symbol) return s->markets[i].last_e8;
    }
    return 0;
}

// ---- taking up ----

static void restore_market(struct exchange *x, const struct snapshot_market *s, int16_t index) {
    struct market *m = &x->markets[index];
    m->leverage = s->leverage;
    m->margin_type = s->margin_type;
    m->notional_max_e8 = s->notional_max_e8;
    if (s->trade_id > m->trade_id) m->trade_id = s->trade_id;
    memcpy(m->positions, s->positions, sizeof m->positions);
    m->dirty = m->moved = true;
}

static void restore_orders(struct exchange *x, const struct snapshot *s) {
    for (int64_t i = 0; i < s->order_count; i++) {
        const struct snapshot_order *from = &s->orders[i];
        struct order *o = order_new(x);
        ASSERT(o->r.order_id == from->r.order_id);
        o->r = from->r;
        o->r.symbol = s->index[from->r.symbol];
        o->announced = from->announced;
        o->hidden = from->hidden;
        o->generated = from->generated;
    }
    for (int64_t i = 0; i < s->algo_count; i++) {
        const struct snapshot_algo *from = &s->algos[i];
        struct algo *a = algo_new(x);
        ASSERT(a->r.algo_id == from->r.algo_id);
        a->r = from->r;
        a->r.symbol = s->index[from->r.symbol];
        a->extreme_e8 = from->extreme_e8;
        if (from->open) algo_link(x, a);
    }
}

static void restore_bookings(struct exchange *x, const struct snapshot *s) {
    for (int64_t i = 0; i < s->fill_count; i++) {
        ARRAY_ROOM(x->fills, x->fill_size, x->fill_count + 1);
        x->fills[x->fill_count] = s->fills[i];
        x->fills[x->fill_count++].symbol = s->index[s->fills[i].symbol];
    }
    for (int64_t i = 0; i < s->income_count; i++) {
        ARRAY_ROOM(x->incomes, x->income_size, x->income_count + 1);
        const struct income_record *n = &s->incomes[i];
        int16_t symbol = n->symbol >= 0 ? s->index[n->symbol] : n->symbol;
        x->incomes[x->income_count++] =
            (struct income_row){ n->income_e8, n->time_us, n->trade_id, symbol, n->type };
    }
}

// Orders stood in a mirrored market all the time: what one would have met, it meets now, at its own price.
// Those of a made market are sent anew.
static void enter_orders(struct exchange *x, const struct snapshot *s) {
    for (int64_t i = 0; i < s->order_count; i++) {
        struct order *o = order_at(x, i);
        if (s->orders[i].algo >= 0) o->algo = algo_at(x, s->orders[i].algo);
        if (s->orders[i].place == PLACE_NONE) continue;
        struct market *m = &x->markets[o->r.symbol];
        if (!m->visible) {
            book_enter(x, m, o);
            continue;
        }
        int64_t left = o->r.orig_qty_e8 - o->r.executed_qty_e8;
        o->open_notional_e8 = order_closes(o) ? 0 : dec_mul_round(left, o->r.price_e8);
        order_link(x, o, PLACE_RESTING);
    }
}

void snapshot_restore(struct exchange *x, const struct snapshot *s) {
    const struct snapshot_account *a = &s->account;
    ASSERT(x->order_count == 0 && x->fill_count == 0);
    x->wallet_e8 = a->wallet_e8;
    x->isolated_e8 = a->isolated_e8;
    x->config.order_id_first = a->order_id_first;
    x->dual_side = a->dual_side;
    x->multi_assets = a->multi_assets;
    x->totals = a->totals;
    // What it all began with, so that wallet and sums go on agreeing.
    x->config.wallet_e8 = a->wallet_e8 - a->totals.realized_e8 + a->totals.fees_e8 - a->totals.funding_e8 -
                          a->totals.insurance_e8;
    x->any_dirty = x->any_moved = true;
    for (int32_t i = 0; i < s->market_count; i++) restore_market(x, &s->markets[i], s->index[i]);
    restore_orders(x, s);
    restore_bookings(x, s);
    enter_orders(x, s);
    book_settle(x);
}

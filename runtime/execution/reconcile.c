// reconcile.c: what a script has not been told of its account yet, found by comparing.
#include "execution/reconcile.h"

#include "base/assert.h"
#include "base/dec.h"
#include "base/err.h"
#include "trade/stream_event.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { RECENT_MAX = 1024, FUNDINGS_MAX = 256 };
#define SAME_FUNDING_US INT64_C(60000000)   // the stream's time and the income's differ a little

struct key {
    int64_t id, order;
    int64_t symbol;
};   // no padding: hashed as bytes

struct known {
    struct key key;
    struct order_record r;
    bool open;
    bool seeded;       // of a run before: nothing else is known of it until the first round is over
    bool left;         // of such an order
    int64_t told_e8;   // the executed quantity that was told
    UT_hash_handle hh;
};
struct known_algo {
    int64_t id;
    struct algo_record r;
    UT_hash_handle hh;
};
struct told_trade {
    struct key key;
    int64_t time_us;
    UT_hash_handle hh;
};
struct listed {
    struct key key;
    struct order_record r;
    bool gone;
    UT_hash_handle hh;
};
struct listed_algo {
    int64_t id;
    struct algo_record r;
    bool gone;
    UT_hash_handle hh;
};

struct place {
    int64_t update_us, amount_e8, entry_e8;
    bool listed;
};

struct reconciliation {
    struct known *orders;
    struct known_algo *algos;
    struct told_trade *trades;
    uint64_t recent[RECENT_MAX];   // what changes of the account said
    int32_t recent_at;
    int64_t stale_us[SYMBOLS_MAX][POSITION_SIDE_COUNT];   // when a position last changed, as it was asked for
    struct {
        int64_t time_us, amount_e8;
    } fundings[FUNDINGS_MAX];
    int32_t funding_at;

    int64_t from_us;
    struct listed *listed;
    struct listed_algo *listed_algos;
    struct trade_record *found;
    int32_t found_count, found_size;
    struct income_record *incomes;
    int32_t income_count, income_size;
    struct place places[SYMBOLS_MAX][POSITION_SIDE_COUNT];
    bool positions_known, wallet_known;
    int64_t wallet_e8;

    struct stream_event *events;
    int32_t event_count, event_size;
};

static void *must(void *p) {
    ASSERT(p != NULL);
    return p;
}

static void *room_for(void *list, int32_t count, int32_t *size, size_t item) {
    ASSERT(count >= 0 && count <= *size);
    if (count < *size) return list;
    *size = *size ? *size * 2 : 64;
    return must(realloc(list, item * (size_t)*size));
}

static struct key order_key(int16_t symbol, int64_t id) {
    ASSERT(symbol >= SYMBOL_NONE && symbol < SYMBOLS_MAX);
    return (struct key){ .id = id, .symbol = symbol };
}

static struct known *known_order(const struct reconciliation *r, int16_t symbol, int64_t id) {
    struct key key = order_key(symbol, id);
    struct known *k;
    HASH_FIND(hh, r->orders, &key, sizeof key, k);
    ASSERT(!k || (k->r.order_id == id && k->r.symbol == symbol));
    return k;
}

static bool is_open(const struct order_record *o) {
    ASSERT(o->status < STATUS_COUNT);
    return o->status == STATUS_NEW || o->status == STATUS_PARTIALLY_FILLED;
}

static void know_order(struct reconciliation *r, const struct order_record *o) {
    struct known *k = known_order(r, o->symbol, o->order_id);
    if (!k) {
        k = must(calloc(1, sizeof *k));
        k->key = order_key(o->symbol, o->order_id);
        HASH_ADD(hh, r->orders, key, sizeof k->key, k);
    }
    k->r = *o;
    k->open = is_open(o);
    ASSERT(known_order(r, o->symbol, o->order_id) == k);
}

// What is over may not be told again as if it went on.
static int rank_of(uint8_t status) {
    ASSERT(status < ALGO_STATUS_COUNT);
    switch (status) {
    case ALGO_NEW: return 0;
    case ALGO_TRIGGERING: return 1;
    case ALGO_TRIGGERED: return 2;
    default: return 3;
    }
}

static struct known_algo *known_algo(const struct reconciliation *r, int64_t id) {
    struct known_algo *k;
    HASH_FIND(hh, r->algos, &id, sizeof id, k);
    ASSERT(!k || k->id == id);
    return k;
}

static void know_algo(struct reconciliation *r, const struct algo_record *a, int64_t at_us) {
    struct known_algo *k = known_algo(r, a->algo_id);
    if (!k) {
        k = must(calloc(1, sizeof *k));
        k->id = a->algo_id;
        HASH_ADD(hh, r->algos, id, sizeof k->id, k);
    }
    k->r = *a;
    k->r.update_us = at_us;
    ASSERT(known_algo(r, a->algo_id) == k);
}

static struct told_trade *told_trade(const struct reconciliation *r, int16_t symbol, int64_t id,
                                     int64_t order) {
    struct key key = { id, order, symbol };
    struct told_trade *t;
    HASH_FIND(hh, r->trades, &key, sizeof key, t);
    ASSERT(!t || (t->key.id == id && t->key.order == order));
    return t;
}

static void tell_trade(struct reconciliation *r, int16_t symbol, int64_t id, int64_t order, int64_t time_us) {
    struct told_trade *t = must(calloc(1, sizeof *t));
    t->key = (struct key){ id, order, symbol };
    t->time_us = time_us;
    HASH_ADD(hh, r->trades, key, sizeof t->key, t);
}

struct reconciliation *reconcile_new(void) {
    return calloc(1, sizeof(struct reconciliation));
}

#define FREE_ALL(type, table)                                                                                \
    do {                                                                                                     \
        struct type *item, *next;                                                                            \
        HASH_ITER (hh, table, item, next) {                                                                  \
            HASH_DEL(table, item);                                                                           \
            free(item);                                                                                      \
        }                                                                                                    \
    } while (0)

static void drop_listed(struct reconciliation *r) {
    FREE_ALL(listed, r->listed);
    FREE_ALL(listed_algo, r->listed_algos);
    r->found_count = r->income_count = r->event_count = 0;
    ASSERT(r->listed == NULL && r->listed_algos == NULL);
    memset(r->places, 0, sizeof r->places);
    r->positions_known = r->wallet_known = false;
}

void reconcile_free(struct reconciliation *r) {
    if (!r) return;
    drop_listed(r);
    FREE_ALL(known, r->orders);
    FREE_ALL(known_algo, r->algos);
    FREE_ALL(told_trade, r->trades);
    ASSERT(r->orders == NULL && r->algos == NULL && r->trades == NULL);
    free(r->found);
    free(r->incomes);
    free(r->events);
    free(r);
}

// ---- the stream ----

static bool is_fill(const struct order_update_record *u) {
    return u->trade_id != 0 && (u->execution == EXEC_TRADE || u->execution == EXEC_CALCULATED);
}

static bool take_order(struct reconciliation *r, const struct order_update_record *u) {
    const struct order_record *o = &u->order;
    struct known *k = known_order(r, o->symbol, o->order_id);
    if (k && !k->open && k->r.client_id[0] &&
        strcmp(k->r.client_id, o->client_id) != 0) {   // an exchange begun anew counts from the start again
        HASH_DEL(r->orders, k);
        free(k);
        k = NULL;
    }
    if (is_fill(u)) {
        if (told_trade(r, o->symbol, u->trade_id, o->order_id)) return false;
        tell_trade(r, o->symbol, u->trade_id, o->order_id, u->transaction_us);
        if (k && !k->open) return true;   // out of turn: what is over stays so
    } else if (k && (u->execution == EXEC_NEW || !k->open)) {
        return false;
    } else if (k && u->execution == EXEC_AMENDMENT) {
        bool same = k->r.price_e8 == o->price_e8 && k->r.orig_qty_e8 == o->orig_qty_e8;
        if (u->transaction_us < k->r.update_us || (u->transaction_us == k->r.update_us && same)) return false;
    }
    ASSERT(!k || k->open);   // what is over stays so
    struct order_record now = *o;
    now.update_us = u->transaction_us;
    know_order(r, &now);
    return true;
}

static bool take_algo(struct reconciliation *r, const struct algo_update_record *u) {
    const struct known_algo *k = known_algo(r, u->order.algo_id);
    if (k) {
        int rank = rank_of(u->order.algo_status), known = rank_of(k->r.algo_status);
        if (rank < known || (rank == known && u->transaction_us <= k->r.update_us) || known == 3)
            return false;
    }
    know_algo(r, &u->order, u->transaction_us);
    return true;
}

static uint64_t mix(uint64_t hash, int64_t value) {
    hash ^= (uint64_t)value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    hash *= 0xbf58476d1ce4e5b9u;
    return hash ^ (hash >> 31);
}

static void remember(struct reconciliation *r, uint64_t hash) {
    ASSERT(r->recent_at >= 0 && r->recent_at < RECENT_MAX);
    r->recent[r->recent_at] = hash;
    r->recent_at = (r->recent_at + 1) % RECENT_MAX;
}

static void fund(struct reconciliation *r, int64_t time_us, int64_t amount_e8) {
    ASSERT(r->funding_at >= 0 && r->funding_at < FUNDINGS_MAX);
    r->fundings[r->funding_at].time_us = time_us;
    r->fundings[r->funding_at].amount_e8 = amount_e8;
    r->funding_at = (r->funding_at + 1) % FUNDINGS_MAX;
}

static bool funded(const struct reconciliation *r, int64_t time_us, int64_t amount_e8) {
    for (int32_t i = 0; i < FUNDINGS_MAX; i++) {
        int64_t apart = r->fundings[i].time_us - time_us;
        if (r->fundings[i].time_us != 0 && r->fundings[i].amount_e8 == amount_e8 &&
            llabs(apart) < SAME_FUNDING_US)
            return true;
    }
    return false;
}

static bool take_account(struct reconciliation *r, const struct account_update_record *u) {
    ASSERT(u->symbol < SYMBOLS_MAX && u->position_side < POSITION_SIDE_COUNT);
    int64_t parts[] = { u->transaction_us, u->reason,         u->symbol,    u->position_side,
                        u->amount_e8,      u->entry_price_e8, u->wallet_e8, u->balance_change_e8 };
    uint64_t hash = 1;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) hash = mix(hash, parts[i]);
    for (int32_t i = 0; i < RECENT_MAX; i++) {
        if (r->recent[i] == hash) return false;
    }
    bool funding = u->reason == ACCOUNT_FUNDING_FEE;
    if (funding && funded(r, u->transaction_us, u->balance_change_e8)) return false;
    // What the account was asked for holds all of that time too: of several fills of one millisecond a message shows a part.
    if (!funding && u->symbol >= 0 && u->transaction_us <= r->stale_us[u->symbol][u->position_side])
        return false;
    remember(r, hash);
    if (funding) fund(r, u->transaction_us, u->balance_change_e8);
    return true;
}

bool reconcile_take(struct reconciliation *r, const struct stream_event *e) {
    ASSERT(r != NULL && e != NULL);
    switch (e->kind) {
    case RECORD_ORDER_UPDATE: return take_order(r, &e->u.order);
    case RECORD_ALGO_UPDATE: return take_algo(r, &e->u.algo);
    case RECORD_ACCOUNT_UPDATE: return take_account(r, &e->u.account);
    default: return true;
    }
}

bool reconcile_follows(const struct reconciliation *r, const struct stream_event *e) {
    if (e->kind != RECORD_ORDER_UPDATE) return true;
    const struct order_update_record *u = &e->u.order;
    ASSERT(u->execution < EXEC_COUNT);
    const struct known *k = known_order(r, u->order.symbol, u->order.order_id);
    if (u->execution == EXEC_NEW || (k && !k->open)) return true;
    if (is_fill(u) && told_trade(r, u->order.symbol, u->trade_id, u->order.order_id)) return true;
    if (!k) return false;
    return u->order.executed_qty_e8 <= k->r.executed_qty_e8 + (is_fill(u) ? u->last_qty_e8 : 0);
}

bool reconcile_delivered(const struct reconciliation *r, int16_t symbol, int64_t order_id,
                         int64_t executed_e8, bool over) {
    const struct known *k = known_order(r, symbol, order_id);
    ASSERT(!k || k->open == is_open(&k->r));
    return k && k->r.executed_qty_e8 >= executed_e8 && (!over || !k->open);
}

bool reconcile_delivered_algo(const struct reconciliation *r, int64_t algo_id, bool over) {
    const struct known_algo *k = known_algo(r, algo_id);
    return k && (!over || rank_of(k->r.algo_status) == 3);
}

bool reconcile_any_open(const struct reconciliation *r) {
    for (const struct known *k = r->orders; k; k = k->hh.next) {
        ASSERT(k->open == is_open(&k->r));
        if (k->open) return true;
    }
    for (const struct known_algo *k = r->algos; k; k = k->hh.next) {
        if (rank_of(k->r.algo_status) < 3) return true;
    }
    return false;
}

// ---- what the exchange lists ----

void reconcile_begin(struct reconciliation *r, int64_t from_us) {
    drop_listed(r);
    ASSERT(r->found_count == 0 && r->income_count == 0 && r->event_count == 0);
    r->from_us = from_us;
}

static struct listed *listed_order(const struct reconciliation *r, int16_t symbol, int64_t id) {
    struct key key = order_key(symbol, id);
    struct listed *n;
    HASH_FIND(hh, r->listed, &key, sizeof key, n);
    ASSERT(!n || (n->r.order_id == id && n->r.symbol == symbol));
    return n;
}

// Of two states of an order the one that is further on.
static bool further(const struct order_record *a, const struct order_record *b) {
    ASSERT(a->order_id == b->order_id && a->symbol == b->symbol);
    if (a->executed_qty_e8 != b->executed_qty_e8) return a->executed_qty_e8 > b->executed_qty_e8;
    if (is_open(a) != is_open(b)) return is_open(b);
    return a->update_us > b->update_us;
}

static struct listed *list_order(struct reconciliation *r, const struct order_record *o) {
    struct listed *n = listed_order(r, o->symbol, o->order_id);
    if (n && !further(o, &n->r)) return n;
    if (!n) {
        n = must(calloc(1, sizeof *n));
        n->key = order_key(o->symbol, o->order_id);
        HASH_ADD(hh, r->listed, key, sizeof n->key, n);
    }
    ASSERT(n->key.id == o->order_id);
    n->r = *o;
    ASSERT(listed_order(r, o->symbol, o->order_id) == n);
    return n;
}

void reconcile_order(struct reconciliation *r, const struct order_record *o) { list_order(r, o); }

static struct listed_algo *list_algo(struct reconciliation *r, const struct algo_record *a) {
    struct listed_algo *n;
    HASH_FIND(hh, r->listed_algos, &a->algo_id, sizeof a->algo_id, n);
    if (n && rank_of(n->r.algo_status) >= rank_of(a->algo_status)) return n;
    if (!n) {
        n = must(calloc(1, sizeof *n));
        n->id = a->algo_id;
        HASH_ADD(hh, r->listed_algos, id, sizeof n->id, n);
    }
    ASSERT(n->id == a->algo_id);
    n->r = *a;
    return n;
}

void reconcile_algo(struct reconciliation *r, const struct algo_record *a) { list_algo(r, a); }

void reconcile_trade(struct reconciliation *r, const struct trade_record *t) {
    if (told_trade(r, t->symbol, t->id, t->order_id)) return;
    for (int32_t i = r->found_count - 1; i >= 0; i--) {   // pages may overlap
        if (r->found[i].id == t->id && r->found[i].symbol == t->symbol && r->found[i].order_id == t->order_id)
            return;
        if (r->found[i].symbol == t->symbol && r->found[i].id < t->id) break;
    }
    r->found = room_for(r->found, r->found_count, &r->found_size, sizeof *r->found);
    ASSERT(r->found_count < r->found_size);
    r->found[r->found_count++] = *t;
}

void reconcile_income(struct reconciliation *r, const struct income_record *n) {
    if (n->type != INCOME_FUNDING_FEE || n->time_us < r->from_us || funded(r, n->time_us, n->income_e8))
        return;
    r->incomes = room_for(r->incomes, r->income_count, &r->income_size, sizeof *r->incomes);
    ASSERT(r->income_count < r->income_size);
    r->incomes[r->income_count++] = *n;
}

void reconcile_position(struct reconciliation *r, const struct position_record *p) {
    ASSERT(!p || (p->symbol < SYMBOLS_MAX && p->position_side < POSITION_SIDE_COUNT));
    r->positions_known = true;
    if (p && p->symbol >= 0)
        r->places[p->symbol][p->position_side] =
            (struct place){ p->update_us, p->amount_e8, p->entry_price_e8, true };
}

void reconcile_wallet(struct reconciliation *r, int64_t wallet_e8) {
    ASSERT(r != NULL);
    r->wallet_e8 = wallet_e8;
    r->wallet_known = true;
}

static int32_t add_missing(struct reconcile_missing *out, int32_t count, const struct reconcile_missing *m) {
    for (int32_t i = 0; i < count; i++) {
        if (out[i].id == m->id && out[i].symbol == m->symbol && out[i].algo == m->algo) return count;
    }
    ASSERT(count >= 0);
    out[count] = *m;
    return count + 1;
}

int32_t reconcile_missing(const struct reconciliation *r, struct reconcile_missing *out, int32_t max) {
    ASSERT(max >= 0);
    int32_t count = 0;
    for (const struct known *k = r->orders; k && count < max; k = k->hh.next) {
        struct reconcile_missing m = { k->r.order_id, k->r.symbol, false };
        if (k->open && !listed_order(r, m.symbol, m.id)) count = add_missing(out, count, &m);
    }
    for (int32_t i = 0; i < r->found_count && count < max; i++) {
        struct reconcile_missing m = { r->found[i].order_id, r->found[i].symbol, false };
        if (!listed_order(r, m.symbol, m.id)) count = add_missing(out, count, &m);
    }
    for (const struct known_algo *k = r->algos; k && count < max; k = k->hh.next) {
        struct listed_algo *n;
        HASH_FIND(hh, r->listed_algos, &k->id, sizeof k->id, n);
        struct reconcile_missing m = { k->id, k->r.symbol, true };
        if (!n && rank_of(k->r.algo_status) < 3) count = add_missing(out, count, &m);
    }
    ASSERT(count <= max);
    return count;
}

// An order that the exchange has forgotten is over: it ended unfilled, else it would be remembered.
void reconcile_gone(struct reconciliation *r, const struct reconcile_missing *m) {
    ASSERT(m->symbol < SYMBOLS_MAX);
    if (m->algo) {
        ASSERT(known_algo(r, m->id) != NULL);   // only what is known can be missing
        struct algo_record a = known_algo(r, m->id)->r;
        a.algo_status = ALGO_CANCELED;
        list_algo(r, &a)->gone = true;
        return;
    }
    const struct known *k = known_order(r, m->symbol, m->id);
    struct order_record o = { .order_id = m->id, .symbol = m->symbol, .status = STATUS_CANCELED };
    if (k) {
        o = k->r;
        o.status = STATUS_CANCELED;
    }
    list_order(r, &o)->gone = true;
}

// ---- what was missed ----

static struct stream_event *emit(struct reconciliation *r, uint8_t kind, int64_t time_us) {
    r->events = room_for(r->events, r->event_count, &r->event_size, sizeof *r->events);
    ASSERT(r->event_count < r->event_size);
    struct stream_event *e = &r->events[r->event_count++];
    memset(e, 0, sizeof *e);
    e->kind = kind;
    e->time_us = time_us;
    e->recovered = true;
    return e;
}

static struct order_update_record *emit_order(struct reconciliation *r, const struct order_record *o,
                                              uint8_t execution, int64_t time_us) {
    ASSERT(execution < EXEC_COUNT);
    ASSERT(o->status < STATUS_COUNT);
    struct order_update_record *u = &emit(r, RECORD_ORDER_UPDATE, time_us)->u.order;
    u->event_us = u->transaction_us = time_us;
    u->order = *o;
    u->order.update_us = time_us;
    u->execution = execution;
    return u;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

static int by_order_and_id(const void *a, const void *b) {
    const struct trade_record *x = a, *y = b;
    if (x->symbol != y->symbol) return x->symbol < y->symbol ? -1 : 1;
    if (x->order_id != y->order_id) return x->order_id < y->order_id ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int32_t first_fill(const struct reconciliation *r, const struct order_record *o) {
    int32_t low = 0, high = r->found_count;
    struct trade_record wanted = { .id = 0, .order_id = o->order_id, .symbol = o->symbol };
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (by_order_and_id(&r->found[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    ASSERT(low >= 0 && low <= r->found_count);
    ASSERT(low == 0 || by_order_and_id(&r->found[low - 1], &wanted) < 0);
    return low;
}

static bool fill_of(const struct reconciliation *r, int32_t i, const struct order_record *o) {
    ASSERT(i >= 0);
    return i < r->found_count && r->found[i].symbol == o->symbol && r->found[i].order_id == o->order_id;
}

static void emit_fill(struct reconciliation *r, struct order_record *now, const struct trade_record *t,
                      int64_t time_us) {
    ASSERT(t->order_id == now->order_id && t->symbol == now->symbol);
    now->executed_qty_e8 += t->qty_e8;
    now->cum_quote_e8 += t->quote_qty_e8 ? t->quote_qty_e8 : dec_mul_round(t->price_e8, t->qty_e8);
    now->avg_price_e8 = dec_div_round(now->cum_quote_e8, now->executed_qty_e8);
    now->status = now->executed_qty_e8 >= now->orig_qty_e8 ? STATUS_FILLED : STATUS_PARTIALLY_FILLED;
    struct order_update_record *u =
        emit_order(r, now, now->type == ORDER_LIQUIDATION ? EXEC_CALCULATED : EXEC_TRADE, time_us);
    ASSERT(u->order.executed_qty_e8 == now->executed_qty_e8);
    u->last_qty_e8 = t->qty_e8;
    u->last_price_e8 = t->price_e8;
    memcpy(u->commission_asset, t->commission_asset, sizeof u->commission_asset);
    bool coin = t->commission_asset[0] != 0;
    u->coin_commission_e8 = coin ? t->commission_e8 : 0;
    u->commission_e8 = coin ? 0 : t->commission_e8;
    u->realized_pnl_e8 = t->realized_pnl_e8;
    u->trade_id = t->id;
    u->maker = t->maker;
}

// What was told after a fill that nobody told counts it already: the sums that events carry are of all fills
// before.
static void before_missed(const struct reconciliation *r, int32_t first, const struct order_record *o,
                          int64_t found_e8, struct order_record *now) {
    ASSERT(first >= 0 && first <= r->found_count);
    if (found_e8 == 0 || now->executed_qty_e8 + found_e8 <= o->executed_qty_e8 ||
        found_e8 > o->executed_qty_e8)
        return;
    int64_t quote_e8 = o->cum_quote_e8 ? o->cum_quote_e8 : dec_mul_round(o->avg_price_e8, o->executed_qty_e8);
    for (int32_t i = first; fill_of(r, i, o); i++) {
        quote_e8 -= r->found[i].quote_qty_e8 ? r->found[i].quote_qty_e8
                                             : dec_mul_round(r->found[i].price_e8, r->found[i].qty_e8);
    }
    now->executed_qty_e8 = o->executed_qty_e8 - found_e8;
    now->cum_quote_e8 = quote_e8 > 0 ? quote_e8 : 0;
    ASSERT(now->cum_quote_e8 >= 0);
}

void reconcile_seed(struct reconciliation *r, int16_t symbol, int64_t order_id, int64_t told_e8) {
    ASSERT(order_id > 0 && told_e8 >= 0);
    struct order_record o = { .order_id = order_id, .symbol = symbol, .status = STATUS_NEW };
    know_order(r, &o);
    struct known *k = known_order(r, symbol, order_id);
    k->seeded = k->left = true;
    k->told_e8 = told_e8;
}

bool reconcile_left(const struct reconciliation *r, const struct stream_event *e) {
    ASSERT(e->kind < RECORD_COUNT);
    if (e->kind != RECORD_ORDER_UPDATE) return false;
    const struct order_record *o = &e->u.order.order;
    const struct known *k = known_order(r, o->symbol, o->order_id);
    return k && k->left && (o->executed_qty_e8 > k->told_e8 || e->u.order.execution != EXEC_TRADE);
}

// An order of a run before: what that run has told, and what it has not. All its fills count for what the journal
// learns; those that were told are told apart by reconcile_left.
static void start_seeded(const struct reconciliation *r, const struct listed *n, struct order_record *now,
                         int64_t *at_us) {
    const struct order_record *o = &n->r;
    int32_t first = first_fill(r, o);
    int64_t found_e8 = 0;
    ASSERT(first >= 0);
    for (int32_t i = first; fill_of(r, i, o); i++) found_e8 += r->found[i].qty_e8;
    *now = *o;
    now->executed_qty_e8 = o->executed_qty_e8 > found_e8 ? o->executed_qty_e8 - found_e8 : 0;
    now->cum_quote_e8 = dec_mul_round(o->avg_price_e8, now->executed_qty_e8);
    now->avg_price_e8 = now->executed_qty_e8 ? o->avg_price_e8 : 0;
    now->status = now->executed_qty_e8 ? STATUS_PARTIALLY_FILLED : STATUS_NEW;
    *at_us = o->time_us;
}

// What became of one listed order since it was last told of. False: the exchange lists less fills than it
// says there were.
static bool walk_order(struct reconciliation *r, const struct listed *n) {
    const struct order_record *o = &n->r;
    const struct known *k = known_order(r, o->symbol, o->order_id);
    int32_t first = first_fill(r, o);
    ASSERT(first >= 0 && first <= r->found_count);
    int64_t found_e8 = 0, at_us;
    for (int32_t i = first; fill_of(r, i, o); i++) found_e8 += r->found[i].qty_e8;
    struct order_record now = k ? k->r : *o;
    bool was_open = !k || k->open;
    if (k && k->seeded) {
        start_seeded(r, n, &now, &at_us);
    } else if (k) {
        at_us = k->r.update_us;
        before_missed(r, first, o, found_e8, &now);
    } else {
        // An order of before the time in question was told of by nobody; what it had filled then is not news
        // either.
        bool young = o->time_us >= r->from_us;
        int64_t before_e8 = young || o->executed_qty_e8 < found_e8 ? 0 : o->executed_qty_e8 - found_e8;
        int64_t quote_e8 = before_e8 ? dec_mul_round(o->avg_price_e8, before_e8) : 0;
        now.executed_qty_e8 = before_e8;
        now.cum_quote_e8 = quote_e8;
        now.avg_price_e8 = before_e8 ? o->avg_price_e8 : 0;
        now.status = before_e8 ? STATUS_PARTIALLY_FILLED : STATUS_NEW;
        at_us = o->time_us;
        if (!young && found_e8 == 0 && !is_open(o)) return true;
        if (young && !n->gone) emit_order(r, &now, EXEC_NEW, at_us);
    }
    bool amended = k && !k->seeded && was_open && !n->gone && o->type == ORDER_LIMIT &&
                   o->update_us >= k->r.update_us &&
                   (k->r.price_e8 != o->price_e8 || k->r.orig_qty_e8 != o->orig_qty_e8);
    if (amended) {
        now.price_e8 = o->price_e8;
        now.orig_qty_e8 = o->orig_qty_e8;
        at_us = later(at_us, fill_of(r, first, o) ? r->found[first].time_us : o->update_us);
        emit_order(r, &now, EXEC_AMENDMENT, at_us);
    }
    for (int32_t i = first; fill_of(r, i, o); i++) {
        at_us = later(at_us, r->found[i].time_us);
        emit_fill(r, &now, &r->found[i], at_us);
    }
    bool whole = n->gone || now.executed_qty_e8 >= o->executed_qty_e8;
    ASSERT(!amended || now.orig_qty_e8 == o->orig_qty_e8);
    if (was_open && !is_open(o) && o->status != STATUS_FILLED && is_open(&now)) {
        now.status = o->status;
        emit_order(r, &now, o->status == STATUS_CANCELED ? EXEC_CANCELED : EXEC_EXPIRED,
                   later(at_us, o->update_us));
    }
    return whole;
}

static void walk_algo(struct reconciliation *r, const struct listed_algo *n) {
    const struct algo_record *a = &n->r;
    const struct known_algo *k = known_algo(r, a->algo_id);
    bool young = a->create_us >= r->from_us;
    if (!k && young) {
        struct algo_update_record *u = &emit(r, RECORD_ALGO_UPDATE, a->create_us)->u.algo;
        *u = (struct algo_update_record){ .event_us = a->create_us,
                                          .transaction_us = a->create_us,
                                          .order = *a };
        u->order.algo_status = ALGO_NEW;
        u->order.actual_order_id = 0;
    }
    int known = k ? rank_of(k->r.algo_status) : 0;
    if (rank_of(a->algo_status) <= known || (!k && !young)) return;
    ASSERT(rank_of(a->algo_status) > 0);
    int64_t at_us = later(later(a->update_us, a->trigger_us), k ? k->r.update_us : a->create_us);
    emit(r, RECORD_ALGO_UPDATE, at_us)->u.algo =
        (struct algo_update_record){ .event_us = at_us, .transaction_us = at_us, .order = *a };
}

static struct account_update_record *emit_account(struct reconciliation *r, int16_t symbol, uint8_t reason,
                                                  int64_t time_us) {
    ASSERT(symbol >= SYMBOL_NONE && symbol < SYMBOLS_MAX);
    struct account_update_record *u = &emit(r, RECORD_ACCOUNT_UPDATE, time_us)->u.account;
    u->event_us = u->transaction_us = time_us;
    u->wallet_e8 = u->cross_wallet_e8 = r->wallet_e8;
    u->symbol = symbol;
    u->reason = reason;
    return u;
}

// The last fill found of a symbol: its position is not older.
static int64_t last_fill_us(const struct reconciliation *r, int16_t symbol) {
    ASSERT(symbol >= 0 && symbol < SYMBOLS_MAX);
    int64_t at_us = 0;
    for (int32_t i = 0; i < r->found_count; i++) {
        if (r->found[i].symbol == symbol) at_us = later(at_us, r->found[i].time_us);
    }
    return at_us;
}

static void walk_positions(struct reconciliation *r, const struct position_view *positions, int64_t wallet_e8,
                           int64_t now_us) {
    ASSERT(r->positions_known);
    int32_t before = r->event_count;
    for (int16_t s = 0; s < SYMBOLS_MAX; s++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            const struct place *p = &r->places[s][side];
            const struct position_view *b = &positions[s * POSITION_SIDE_COUNT + side];
            if (p->amount_e8 == b->amount_e8 && (p->amount_e8 == 0 || p->entry_e8 == b->entry_e8)) continue;
            int64_t at_us = later(p->update_us, last_fill_us(r, s));
            struct account_update_record *u = emit_account(r, s, ACCOUNT_ORDER, at_us ? at_us : now_us);
            u->amount_e8 = p->amount_e8;
            u->entry_price_e8 = p->entry_e8;
            u->position_side = (uint8_t)side;
        }
    }
    bool told = r->event_count > before || r->income_count > 0;
    if (!told && r->wallet_known && r->wallet_e8 != wallet_e8)
        emit_account(r, SYMBOL_NONE, ACCOUNT_ORDER, now_us);
}

static int by_time(const void *a, const void *b) {
    const struct stream_event *x = a, *y = b;
    if (x->time_us != y->time_us) return x->time_us < y->time_us ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void commit(struct reconciliation *r) {
    ASSERT(r->event_count >= 0 && r->event_count <= r->event_size);
    for (int32_t i = 0; i < r->event_count; i++) {
        const struct stream_event *e = &r->events[i];
        const struct order_update_record *u = &e->u.order;
        if (e->kind == RECORD_ORDER_UPDATE) {
            if (is_fill(u)) tell_trade(r, u->order.symbol, u->trade_id, u->order.order_id, u->transaction_us);
            know_order(r, &u->order);
        } else if (e->kind == RECORD_ALGO_UPDATE) {
            know_algo(r, &e->u.algo.order, e->time_us);
        } else if (e->u.account.reason == ACCOUNT_FUNDING_FEE) {
            fund(r, e->time_us, e->u.account.balance_change_e8);
        }
    }
    for (struct known *k = r->orders; k; k = k->hh.next) k->seeded = false;
    // Orders of before the time in question that are open still: known from now on.
    for (const struct listed *n = r->listed; n; n = n->hh.next) {
        if (is_open(&n->r) && !known_order(r, n->r.symbol, n->r.order_id)) know_order(r, &n->r);
    }
    for (const struct listed_algo *n = r->listed_algos; n; n = n->hh.next) {
        if (rank_of(n->r.algo_status) < 3 && !known_algo(r, n->id)) know_algo(r, &n->r, n->r.update_us);
    }
    for (int32_t s = 0; s < SYMBOLS_MAX; s++) {
        for (int side = 0; side < POSITION_SIDE_COUNT; side++) {
            if (!r->places[s][side].listed) continue;
            r->stale_us[s][side] = r->places[s][side].update_us;
        }
    }
}

// The stream may have told some while they were being asked for.
static void drop_told(struct reconciliation *r) {
    ASSERT(r->found_count <= r->found_size && r->income_count <= r->income_size);
    int32_t kept = 0;
    for (int32_t i = 0; i < r->found_count; i++) {
        const struct trade_record *t = &r->found[i];
        if (!told_trade(r, t->symbol, t->id, t->order_id)) r->found[kept++] = *t;
    }
    r->found_count = kept;
    ASSERT(r->found_count >= 0);
    kept = 0;
    for (int32_t i = 0; i < r->income_count; i++) {
        if (!funded(r, r->incomes[i].time_us, r->incomes[i].income_e8)) r->incomes[kept++] = r->incomes[i];
    }
    r->income_count = kept;
}

// Of one millisecond what concerns the older order comes first.
static int by_id(const struct listed *a, const struct listed *b) {
    return a->key.id < b->key.id ? -1 : a->key.id > b->key.id;
}

int reconcile_finish(struct reconciliation *r, enum reconcile_mode mode,
                     const struct position_view *positions, int64_t wallet_e8, int64_t now_us, bool hasty,
                     const struct stream_event **events, int32_t *count) {
    ASSERT(positions != NULL || !r->positions_known || mode == RECONCILE_LOOK);
    r->event_count = 0;
    bool whole = true;
    drop_told(r);
    if (r->found_count > 0) qsort(r->found, (size_t)r->found_count, sizeof *r->found, by_order_and_id);
    HASH_SORT(r->listed, by_id);
    for (const struct listed *n = r->listed; n; n = n->hh.next) whole = walk_order(r, n) && whole;
    for (const struct listed_algo *n = r->listed_algos; n; n = n->hh.next) walk_algo(r, n);
    if (mode != RECONCILE_LOOK && r->positions_known) walk_positions(r, positions, wallet_e8, now_us);
    for (int32_t i = 0; i < r->income_count; i++) {
        const struct income_record *n = &r->incomes[i];
        emit_account(r, n->symbol, ACCOUNT_FUNDING_FEE, n->time_us)->balance_change_e8 = n->income_e8;
    }
    if (!whole && !hasty && mode != RECONCILE_LOOK) return ERR_TIMEOUT;
    if (mode != RECONCILE_LOOK) commit(r);
    for (int32_t i = 0; i < r->event_count; i++) r->events[i].order = i;
    if (r->event_count > 0) qsort(r->events, (size_t)r->event_count, sizeof *r->events, by_time);
    *events = r->events;
    *count = r->event_count;
    ASSERT(*count >= 0 && *count <= r->event_size);
    return ERR_OK;
}

void reconcile_forget(struct reconciliation *r, int64_t before_us) {
    struct known *k, *next;
    HASH_ITER (hh, r->orders, k, next) {
        if (k->open || k->r.update_us >= before_us) continue;
        ASSERT(!is_open(&k->r));
        HASH_DEL(r->orders, k);
        free(k);
    }
    struct known_algo *a, *next_algo;
    HASH_ITER (hh, r->algos, a, next_algo) {
        if (rank_of(a->r.algo_status) < 3 || a->r.update_us >= before_us) continue;
        HASH_DEL(r->algos, a);
        free(a);
    }
    struct told_trade *t, *next_trade;
    HASH_ITER (hh, r->trades, t, next_trade) {
        if (t->time_us >= before_us) continue;
        HASH_DEL(r->trades, t);
        free(t);
    }
}
